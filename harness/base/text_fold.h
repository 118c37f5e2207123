/*
 * Texts as people compare them: without regard to case, spelling of characters, white space and,
 * where wanted, punctuation. By Unicode's NFKC and case folding (utf8proc).
 */
#ifndef PROVISO_BASE_TEXT_FOLD_H
#define PROVISO_BASE_TEXT_FOLD_H

#include "harness/base/text.h"

enum { TEXT_FOLD_MAX_BYTES = 1 << 20 };

/*
 * NFKC, case folded, without characters that nobody sees; runs of white space become one space,
 * none at the ends. Arena. False where it is no UTF-8 or longer than TEXT_FOLD_MAX_BYTES.
 */
MUST_CHECK bool text_fold(struct text view, struct arena *arena, struct text *out);
/*
 * The same, and punctuation counts as white space, but for what a number is written with: a point,
 * comma or colon between two digits, a minus before one at the start of a word.
 */
MUST_CHECK bool text_normalise(struct text view, struct arena *arena, struct text *out);

#endif
