/* What the arguments of one tool call must be; private to the expectations. */
#ifndef PROVISO_CASES_EXPECT_ARGUMENTS_H
#define PROVISO_CASES_EXPECT_ARGUMENTS_H

#include "cases/expect/expect_private.h"

struct expect_arguments;

/* {schema, equals, match, any_of_values, empty} */
MUST_CHECK bool expect_read_arguments(struct expect_reader *reader, const struct json *node,
                                      const struct expect_arguments **out);
/* Only `schema: tool`. */
MUST_CHECK bool expect_read_schema_of_tool(struct expect_reader *reader, const struct json *node,
                                           const struct expect_arguments **out);
/* Whether it needs the request's tools; expect may be NULL. */
MUST_CHECK bool expect_arguments_use_tool(const struct expect_arguments *expect);
/* What is wrong with them, by its name in the field; data NULL: nothing. */
MUST_CHECK struct text arguments_complaint(const struct expect_arguments *expect,
                                           const struct judgement *judgement,
                                           const struct chat_tool_call *call);

#endif
