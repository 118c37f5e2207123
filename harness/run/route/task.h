/*
 * Kinds of work: which configured task a request belongs to, by its headers, key,
 * workflow, tools, size and a PCRE2 pattern on its prompt. The first task that fits wins.
 *
 * A pattern that runs away is stopped by its limits; the request then has no such task, which is
 * counted, and nothing else happens.
 */
#ifndef PROVISO_RUN_TASK_H
#define PROVISO_RUN_TASK_H

#include "cases/eval_case.h"
#include "cases/shape.h"
#include "harness/base/http_parse.h"
#include "harness/run/config/config.h"

struct task_table;

enum {
	TASK_PROMPT_MAX_BYTES = 1 << 20, /* of a prompt that is searched: its beginning */
	TASK_SEARCH_STEPS = 20000000,    /* of all patterns together for one request */
};

/* Compiles the patterns; the config outlives it. NULL-safe task_table_free. */
MUST_CHECK bool task_table_new(const struct config *config, struct task_table **out,
                               struct fault *fault);
void task_table_free(struct task_table *table);

/* What a request says of itself. */
struct task_request {
	const struct shape *shape;
	const struct json *body; /* may be NULL: no prompt, no tools */
	const struct http_header *headers;
	size_t header_count;
	struct text key_id, workflow; /* data NULL: none */
};

/*
 * The task, or NULL. The header x-proviso-task names one outright. *limited (may be NULL) is set
 * where a pattern was stopped. `scratch` is for the prompt's text.
 */
MUST_CHECK const struct config_task *task_find(const struct task_table *table,
                                               const struct task_request *request,
                                               struct arena *scratch, bool *limited);
/* The kind of work that a task is: as the config says, else as it is named. `task` may be NULL. */
MUST_CHECK enum case_kind task_kind(const struct config_task *task);
/* "low", "medium", "high". */
const char *task_risk_name(int risk);

#endif
