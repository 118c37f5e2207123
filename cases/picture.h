/*
 * Pictures of words: what a model that sees must read, made anew for each trial so that no
 * answer can be known beforehand. A PNG in grey, in letters of a small font, large.
 */
#ifndef PROVISO_CASES_PICTURE_H
#define PROVISO_CASES_PICTURE_H

#include "harness/base/arena.h"
#include "harness/base/text.h"

enum {
	PICTURE_MAX_LETTERS = 32,
	PICTURE_MAX_BYTES = 1 << 20, /* of a PNG that is read back */
};

/*
 * "data:image/png;base64,..." of that word, in the arena. It consists of the letters and digits
 * that nonces have (template.h); others are left blank. At most PICTURE_MAX_LETTERS are drawn.
 */
MUST_CHECK struct text picture_url(struct arena *arena, struct text word);
/*
 * The word in a picture that picture_url made, for the simulator's oracle: read from its
 * pixels, as a model would. False where it is none of ours. Arena.
 */
MUST_CHECK bool picture_read(struct text url, struct arena *arena, struct text *word);

#endif
