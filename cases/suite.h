/*
 * The suite: all cases, from the program's own data and from a user's folders,
 * with one hash over everything that decides a verdict.
 */
#ifndef PROVISO_CASES_SUITE_H
#define PROVISO_CASES_SUITE_H

#include "cases/eval_case.h"

enum { SUITE_MAX_CASES = 4096 };

struct suite_index;

struct suite {
	struct eval_case *cases; /* in order of files and within them */
	size_t count;
	char hash[13];
	struct arena arena;                /* owns everything */
	bool complete;                     /* loaded without a mistake: it may be asked */
	struct suite_resources *resources; /* compiled patterns and schemas */
	const struct suite_index *index;   /* for suite_find and suite_recognise */
};

/*
 * The embedded suites, core and quality, and every *.yaml in `folders` (may be none; a file may be
 * named too). core false: only the folders. All mistakes are collected in `faults`; true when there
 * is none. Checked: unknown keys, ids twice, `like` without such a case, vouches spelt like known
 * features, references present, patterns and schemas compile. suite_done is needed in either case.
 */
MUST_CHECK bool suite_load(struct suite *suite, bool core, const struct text_list *folders,
                           struct fault_list *faults);
void suite_done(struct suite *suite);

/* NULL where there is none. */
MUST_CHECK const struct eval_case *suite_find(const struct suite *suite, struct text id);

/*
 * Which case asks this request (the runner's additions `model`, `stream`,
 * `stream_options` aside), and what stands where its template has {{...}}.
 */
struct suite_match {
	const struct eval_case *eval_case;
	size_t step;
	struct template_values *values; /* nonce and the like, as captured; template.h */
};
MUST_CHECK bool suite_recognise(const struct suite *suite, enum endpoint endpoint,
                                const struct json *request, struct arena *arena,
                                struct suite_match *out);
/*
 * The same behind a translation to another dialect and back: of a chat request only the messages,
 * as far as they say something, and the members named in `carried` (NULL-terminated) count.
 */
MUST_CHECK bool suite_recognise_carried(const struct suite *suite, const struct json *request,
                                        const char *const *carried, struct arena *arena,
                                        struct suite_match *out);

#endif
