/*
 * Sums of money: 10^-12 USD in 128 bits, for 64 end at 9 million USD. Exact; may be below 0 (a
 * difference). One request's cost stays an int64_t (price.h).
 */
#ifndef PROVISO_PROVIDERS_MONEY_H
#define PROVISO_PROVIDERS_MONEY_H

#include "harness/base/text.h"

__extension__ typedef __int128 money;

enum { MONEY_DECIMALS = 12 };

/* "-12.000000000001": exactly, without trailing zeros; arena. */
MUST_CHECK struct text money_text(money amount, struct arena *arena);
/* The same rounded, half away from zero, to so many decimals, all of them shown. */
MUST_CHECK struct text money_text_rounded(money amount, int decimals, struct arena *arena);
/*
 * amount * by / over, rounded half away from zero to 10^-12 USD. by at least 0, over above 0;
 * amount * by must fit, which it does up to 10^18 USD times 10^7.
 */
MUST_CHECK money money_scale(money amount, int64_t by, int64_t over);
/* For charts and shares only. */
MUST_CHECK double money_usd(money amount);

#endif
