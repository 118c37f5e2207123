/*
 * What a loaded suite holds beside its arena: compiled patterns and schemas, which
 * their libraries keep on the heap. Freed together, with the suite.
 */
#ifndef PROVISO_CASES_RESOURCES_H
#define PROVISO_CASES_RESOURCES_H

#include "cases/schema/schema.h"
#include "harness/base/regex.h"

struct suite_resources;

MUST_CHECK struct suite_resources *resources_new(void);
/* Frees everything that was kept. */
void resources_free(struct suite_resources *resources);

/* Compiles "/pattern/flags" of a string node and keeps it; a mistake goes to `faults`. */
MUST_CHECK bool resources_regex(struct suite_resources *resources, const struct json *node,
                                const struct regex **out, struct fault_list *faults);
/* Compiles a schema and keeps it; mistakes and warnings go to `faults`. */
MUST_CHECK bool resources_schema(struct suite_resources *resources, const struct json *node,
                                 struct arena *arena, const struct schema **out,
                                 struct fault_list *faults);

#endif
