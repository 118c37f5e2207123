/*
 * Decimal numbers of at least 0 with up to 38 digits, exactly: unit prices and what they are
 * multiplied with. Sums of money: money.h.
 */
#ifndef PROVISO_PROVIDERS_DECIMAL_H
#define PROVISO_PROVIDERS_DECIMAL_H

#include "harness/base/text.h"

__extension__ typedef unsigned __int128 decimal_digits;

/* digits * 10^-places; no zeros at the end of the places. */
struct decimal {
	decimal_digits digits;
	int places; /* at least 0 */
};

MUST_CHECK struct decimal decimal_of(uint64_t digits, int places);
/* "0.25": digits and a point within them. False: it is none, or does not fit. */
MUST_CHECK bool decimal_read(struct text text, struct decimal *out);
/* Times by * 10^-places. False: more digits than fit; nothing has changed. */
MUST_CHECK bool decimal_multiply(struct decimal *number, uint64_t by, int places);
/* At most so many places, half up. */
void decimal_round(struct decimal *number, int places);
/* Appends "0.25", without zeros at the end. */
void decimal_write(struct decimal number, struct text_buf *out);

#endif
