/* Between shape.c (the fields of a request) and shape_content.c (messages and tools). */
#ifndef PROVISO_CASES_SHAPE_PRIVATE_H
#define PROVISO_CASES_SHAPE_PRIVATE_H

#include "cases/shape.h"

static inline void shape_mark(struct shape *shape, enum feature feature)
{
	feature_add(&shape->features, feature);
}

/* A list of messages: chat's, Anthropic's, or the input of a response. */
void shape_messages(struct shape *shape, const struct json *list);
/* Text that stands outside a message: instructions, system, prompt, one or several of them. */
void shape_text(struct shape *shape, const struct json *value);
void shape_tools(struct shape *shape, const struct json *list);
/* response_format of chat, or text.format of a response. */
void shape_format(struct shape *shape, const struct json *format);

#endif
