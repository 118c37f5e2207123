/*
 * What the families of expectations share: the parts of one block, what a family is
 * given to read itself from, and what it is given to judge. One file per family.
 */
#ifndef PROVISO_CASES_EXPECT_PRIVATE_H
#define PROVISO_CASES_EXPECT_PRIVATE_H

#include "cases/expect/expect.h"
#include "cases/resources.h"
#include "harness/base/settings.h"

enum {
	EXPECT_MAX_STATUSES = 8,
	EXPECT_MAX_CALLS = 16,
	EXPECT_SHOWN_COLUMNS = 60, /* of a value in a finding */
};

/* Reading a block. */
struct expect_reader {
	struct arena *arena;
	struct suite_resources *resources;
	struct fault_list *faults;
};

/* Judging a block. */
struct judgement {
	const struct observation *seen;
	int64_t choice_index;
	const struct chat_choice *choice; /* of that index; NULL: there is none */
	struct arena *arena;
	struct findings *findings;
};

struct status_range {
	int low, high;
};

/* Exact text or a pattern: what headers, error messages and pointers are held against. */
struct matcher {
	struct text equals; /* data NULL: not asked */
	const struct regex *regex;
	const struct json *node;
};

struct expect_text;
struct expect_calls;
struct expect_usage;
struct expect_error;
struct expect_headers;
struct expect_pointers;
struct expect_fate;
struct expect_same;
struct expect_embeddings;
struct expect_group;
struct expect_occasion;
struct expect_speed;
struct expect_grade;
struct expect_times;

/* identity: what prompts count and which fingerprint answers. */
enum expect_identity {
	IDENTITY_UNASKED,
	IDENTITY_RECORD,    /* told, for the runs to come */
	IDENTITY_UNCHANGED, /* as it was recorded */
};

struct expect_incremental {
	int64_t reads;     /* pieces that came at different moments */
	int64_t spread_ms; /* between the first and the last */
};

struct expectation {
	const struct json *node;
	struct status_range statuses[EXPECT_MAX_STATUSES];
	size_t status_count; /* 0: not said */
	int64_t choice;      /* whose content and calls are meant */
	int64_t choices;     /* -1: not asked */
	struct text_list finish_reasons;
	const struct expect_text *content, *reasoning, *refusal;
	const struct expect_calls *calls;
	const struct expect_usage *usage;
	const struct expect_error *error;
	const struct expect_headers *headers;
	const struct expect_pointers *pointers;
	const struct expect_fate *fates; /* a list */
	const struct expect_same *same;
	const struct expect_embeddings *embeddings;
	const struct expect_incremental *incremental;
	const struct expect_group *group;
	int64_t first_delta_ms, gap_ms;          /* at most; 0: not asked */
	const struct expect_occasion *occasions; /* a list; NULL: always judged */
	const struct expect_speed *speed;
	const struct expect_grade *grade;
	const struct expect_times *times;
	enum wire_rule *rules;
	size_t rule_count;
	bool distinct_ids;
	bool same_model;
	bool fresh_id;
	bool lists_model;
	int identity; /* enum expect_identity */
	bool steady_hours;
	struct expectation **any_of;
	size_t any_of_count;
	struct expectation *added[2]; /* variant_expect: not streamed, streamed */
};

/* --- expect.c --- */

/* A block inside another; want_status: it asks for status 200 unless it says otherwise. */
MUST_CHECK bool expect_read_block(struct expect_reader *reader, const struct json *node,
                                  struct expectation **out);
/* Everything but status and completeness, which were judged already. */
void expect_check_body(const struct expectation *expect, const struct judgement *judgement);
/* The node as a list: its items where it is an array, else itself alone. */
const struct json *expect_first(const struct json *node);
const struct json *expect_next(const struct json *node, const struct json *item);
bool expect_fault(struct expect_reader *reader, const struct json *node, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* A finding of the judgement; a view for it: the value made visible and cut. */
void judge(const struct judgement *judgement, enum finding_kind kind, const char *format, ...)
    PRINTF_LIKE(3, 4);
MUST_CHECK struct text shown(const struct judgement *judgement, struct text value);
/* Tells it with the verdict, behind what was told before. Arena. */
void expect_add_fate(const struct judgement *judgement, struct text said);
/* A template's text; a fault becomes a finding. */
MUST_CHECK bool expect_fill(const struct judgement *judgement, struct text template_text,
                            struct text *out);

/* --- expect_matcher.c --- */

/* A string: "/re/flags" is a pattern, anything else is meant as it stands. */
MUST_CHECK bool matcher_read(struct expect_reader *reader, const struct json *node,
                             struct matcher *out);
/* Adds a finding of that kind where `value` does not match; `what` names it. */
void matcher_check(const struct matcher *matcher, const struct judgement *judgement,
                   enum finding_kind kind, const char *what, struct text value);
/* The same without a finding, but for a pattern that hits its limit. */
MUST_CHECK bool matcher_matches(const struct matcher *matcher, const struct judgement *judgement,
                                struct text value);
/* Searches; a limit is a finding and no match. */
MUST_CHECK bool expect_search(const struct judgement *judgement, const struct regex *regex,
                              struct text value);

/* --- expect_status.c --- */

MUST_CHECK bool expect_read_status(struct expect_reader *reader, const struct json *node,
                                   struct expectation *out);
/* False where the rest need not be judged: the status is wrong, and that was said. */
MUST_CHECK bool expect_check_status(const struct expectation *expect,
                                    const struct judgement *judgement);
/* Which of the request's features a refusal names; data NULL: none, or it is no refusal. */
MUST_CHECK struct text expect_refused(const struct observation *seen, struct text parameter);
/* "invalid tool_choice ..." of the provider, for findings. */
MUST_CHECK struct text expect_error_text(const struct judgement *judgement);

/* --- expect_text.c --- */

MUST_CHECK bool expect_read_text(struct expect_reader *reader, const struct json *node,
                                 const struct expect_text **out);
void expect_check_text(const struct expect_text *expect, const struct judgement *judgement,
                       const char *what, struct text value);
/* `schema: response_format` needs one in the request. */
MUST_CHECK bool expect_text_fits(const struct expect_text *expect, const struct expect_step *step,
                                 struct fault_list *faults);

/* --- expect_schema.c: schemas that stand in the request --- */

/* The schema of response_format, or NULL. */
MUST_CHECK const struct json *request_schema(const struct json *request);
/* The tool of that name; *parameters: its schema, NULL where it takes anything. */
MUST_CHECK bool request_tool(const struct json *request, struct text name,
                             const struct json **parameters);
MUST_CHECK bool request_has_tools(const struct json *request);
/* Every tool's parameters and the response_format compile. */
MUST_CHECK bool request_schemas_check(const struct json *request, struct arena *arena,
                                      struct fault_list *faults);
/* Whether `value` holds; what is wrong as text (data NULL: nothing), HARNESS findings by itself. */
MUST_CHECK struct text schema_complaint(const struct judgement *judgement,
                                        const struct schema *compiled, const struct json *schema,
                                        const struct json *value);

/* --- the other families --- */

MUST_CHECK bool expect_read_calls(struct expect_reader *reader, const struct json *node,
                                  const struct expect_calls **out);
void expect_check_calls(const struct expect_calls *expect, const struct judgement *judgement);
MUST_CHECK bool expect_calls_fit(const struct expect_calls *expect, const struct expect_step *step,
                                 struct fault_list *faults);
void expect_check_distinct_ids(const struct judgement *judgement);

MUST_CHECK bool expect_read_usage(struct expect_reader *reader, const struct json *node,
                                  const struct expect_usage **out);
void expect_check_usage(const struct expect_usage *expect, const struct judgement *judgement);

MUST_CHECK bool expect_read_error(struct expect_reader *reader, const struct json *node,
                                  const struct expect_error **out);
void expect_check_error(const struct expect_error *expect, const struct judgement *judgement);
/* Whether a success shows that what was due an error was ignored; then that was said. */
MUST_CHECK bool expect_error_is_ignored(const struct expect_error *expect,
                                        const struct judgement *judgement);

MUST_CHECK bool expect_read_headers(struct expect_reader *reader, const struct json *node,
                                    const struct expect_headers **out);
void expect_check_headers(const struct expect_headers *expect, const struct judgement *judgement);

MUST_CHECK bool expect_read_pointers(struct expect_reader *reader, const struct json *node,
                                     const struct expect_pointers **out);
void expect_check_pointers(const struct expect_pointers *expect, const struct judgement *judgement);

MUST_CHECK bool expect_read_fates(struct expect_reader *reader, const struct json *node,
                                  const struct expect_fate **out);
void expect_check_fates(const struct expect_fate *expect, const struct judgement *judgement);
MUST_CHECK bool expect_fates_fit(const struct expect_fate *expect, const struct expect_step *step,
                                 struct fault_list *faults);
/* Whether this error refuses the parameter of a fate; then that was noted and found. */
MUST_CHECK bool expect_fates_refused(const struct expect_fate *expect,
                                     const struct judgement *judgement);

MUST_CHECK bool expect_read_rules(struct expect_reader *reader, const struct json *node,
                                  struct expectation *out);
void expect_check_rules(const struct expectation *expect, const struct judgement *judgement);

MUST_CHECK bool expect_read_same(struct expect_reader *reader, const struct json *node,
                                 const struct expect_same **out);
void expect_check_same(const struct expect_same *expect, const struct judgement *judgement);
MUST_CHECK bool expect_same_fits(const struct expect_same *expect, const struct expect_step *step,
                                 struct fault_list *faults);

MUST_CHECK bool expect_read_embeddings(struct expect_reader *reader, const struct json *node,
                                       const struct expect_embeddings **out);
void expect_check_embeddings(const struct expect_embeddings *expect,
                             const struct judgement *judgement);
MUST_CHECK bool expect_embeddings_fit(const struct expect_embeddings *expect,
                                      const struct expect_step *step, struct fault_list *faults);

/* Told in fates: what was recorded, and now. */
void expect_check_hours(const struct judgement *judgement);
void expect_check_identity(const struct expectation *expect, const struct judgement *judgement);

MUST_CHECK bool expect_read_incremental(struct expect_reader *reader, const struct json *node,
                                        const struct expect_incremental **out);
void expect_check_incremental(const struct expect_incremental *expect,
                              const struct judgement *judgement);
void expect_check_first_delta(int64_t within_ms, const struct judgement *judgement);
void expect_check_gap(int64_t most_ms, const struct judgement *judgement);

/* --- expect_travel.c: what the way that a request travelled asks of the answer --- */

MUST_CHECK bool expect_read_occasions(struct expect_reader *reader, const struct json *node,
                                      const struct expect_occasion **out);
/* False: no such answer came, which was said; there is nothing to judge. */
MUST_CHECK bool expect_check_occasions(const struct expect_occasion *occasions,
                                       const struct judgement *judgement);
/* Whether the request went the way that the step asks for. */
void expect_check_travel(const struct judgement *judgement);

MUST_CHECK bool expect_read_speed(struct expect_reader *reader, const struct json *node,
                                  const struct expect_speed **out);
void expect_check_speed(const struct expect_speed *expect, const struct judgement *judgement);

MUST_CHECK bool expect_read_times(struct expect_reader *reader, const struct json *node,
                                  const struct expect_times **out);
void expect_check_times(const struct expect_times *expect, const struct judgement *judgement);
MUST_CHECK bool expect_times_fits(const struct expect_times *expect, const struct expect_step *step,
                                  struct fault_list *faults);

MUST_CHECK bool expect_read_group(struct expect_reader *reader, const struct json *node,
                                  const struct expect_group **out);
MUST_CHECK bool expect_group_fits(const struct expect_group *expect, const struct expect_step *step,
                                  struct fault_list *faults);
/* Whether it counts errors or 429. */
MUST_CHECK bool expect_group_counts(const struct expect_group *expect);
void expect_check_group(const struct expect_group *expect, const struct judgement *judgement);

/* --- expect_grade.c --- */

/* `pass` (may be NULL): from which score on it passes; 1 where it is not said. */
MUST_CHECK bool expect_read_grade(struct expect_reader *reader, const struct json *node,
                                  const struct json *pass, const struct expect_grade **out);
MUST_CHECK bool expect_grade_fits(const struct expect_grade *expect, const struct expect_step *step,
                                  struct fault_list *faults);
/* After all else: sets the score of the findings, and finds a miss below what passes. */
void expect_check_grade(const struct expect_grade *expect, const struct judgement *judgement);

#endif
