/*
 * Base64 of RFC 4648, the standard alphabet: images in data URLs, vectors of floats.
 */
#ifndef PROVISO_BASE_BASE64_H
#define PROVISO_BASE_BASE64_H

#include "harness/base/arena.h"
#include "harness/base/text.h"

/* 0 to 63, or -1 where it is no digit of the alphabet ('=' is none). */
MUST_CHECK int base64_value(char digit);
/* With padding; arena. */
MUST_CHECK struct text base64_encode(struct arena *arena, struct text bytes);
/*
 * Arena. Padding may be missing; anything else that is no digit makes it false, and so do one
 * digit too many and padding in the middle. Never more than 3/4 of the input.
 */
MUST_CHECK bool base64_decode(struct text coded, struct arena *arena, struct text *out);

#endif
