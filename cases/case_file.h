/*
 * Reading case files: YAML into cases, strictly, every mistake with its place.
 *
 *   capability: tools
 *   kind: review            of tasks of the suite quality; a case may say its own
 *   cases:
 *     - id, title, class, severity, vouches, variants, source      what it is
 *       endpoint, method, auth, stream, usage_asked                how it is asked
 *       request: {...} | raw: "..."                                what is asked
 *       expect: {...}, variant_expect: {stream: {...}}             what must hold; expect.h
 *       reference: {...} | none                                    a good answer; reference.h
 *     - ..., steps: [{request, expect, reference, ...}, ...]       several requests
 *     - ..., like: ID, expect: {...}                               asks what that case asks
 *     - ..., rows: file.csv                                        one case per row; case_table.h
 *
 * What needs other files (`like`, ids twice) is the suite's business.
 */
#ifndef PROVISO_CASES_CASE_FILE_H
#define PROVISO_CASES_CASE_FILE_H

#include "cases/eval_case.h"

struct suite_resources;

enum { CASE_FILE_MAX_BYTES = 8 << 20 };

/* Reads files one after the other into one array of cases. */
struct case_reader {
	struct arena *arena;               /* of all that is made; the sources must live as long */
	struct suite_resources *resources; /* keeps patterns and schemas */
	struct fault_list *faults;
	bool core; /* ids as in the catalogue (TC-10, TC-10.name), not just any */
	size_t max_cases;
	/* Gives the file that `rows:` names, a plain file name, beside the one being read. */
	bool (*open_rows)(void *context, struct text name, struct source **out,
	                  struct fault *fault);
	void *context;
	struct eval_case *cases; /* arena; moves while it grows */
	size_t count;
	size_t room;
};

/* True when no mistake was added. Cases with `like` have no requests yet: suite.c fills them. */
MUST_CHECK bool case_file_read(struct case_reader *reader, const struct source *source);

/*
 * What can be judged only beside the request, once `like` is resolved: `schema: tool`
 * without tools, json pointers on a stream, a step compared with itself.
 */
MUST_CHECK bool case_check(const struct eval_case *eval_case, struct arena *arena,
                           struct fault_list *faults);

#endif
