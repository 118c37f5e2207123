/* What regex.c and regex_ecma.c share. */
#ifndef PROVISO_BASE_REGEX_PRIVATE_H
#define PROVISO_BASE_REGEX_PRIVATE_H

#include "harness/base/text.h"

/* Writes in PCRE2's words what the pattern means in ECMA-262. */
void regex_ecma_translate(struct text pattern, struct text_buf *out);

#endif
