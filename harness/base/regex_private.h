/* What the files of regex.h share. */
#ifndef PROVISO_BASE_REGEX_PRIVATE_H
#define PROVISO_BASE_REGEX_PRIVATE_H

#include "harness/base/text.h"

/* Writes in PCRE2's words what the pattern means in ECMA-262. */
void regex_ecma_translate(struct text pattern, struct text_buf *out);

enum {
	NEEDLE_MIN_BYTES = 2, /* one byte PCRE2 looks for by itself */
	NEEDLE_MAX_BYTES = 32,
	NEEDLES_MAX = 8,
};

struct needle {
	unsigned char bytes[NEEDLE_MAX_BYTES]; /* lower case where case is ignored */
	unsigned char len;
	unsigned char rare[2]; /* where its two least common bytes stand */
};

/* Whatever matches the pattern holds at least one of these; count 0: nothing is known. */
struct needle_set {
	struct needle items[NEEDLES_MAX];
	size_t count;
	bool caseless;
};

/*
 * Read off a pattern that PCRE2 has compiled, which ignores case where `caseless` or (?i) at its
 * start says so. Of syntax that this does not know (lookarounds, \K, recursion ...) nothing is
 * told.
 */
void needles_read(struct text pattern, bool caseless, struct needle_set *out);
/* True: none of them is there, and so no match. Takes time by the subject's length alone. */
MUST_CHECK bool needles_absent(const struct needle_set *set, struct text subject);

#endif
