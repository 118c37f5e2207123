/*
 * Repairs of replies: however the bytes are cut, the same comes out, and what was mended once has
 * nothing left to mend. The first byte says which repairs and in how large pieces, the second
 * whether it is a stream, and whether usage was asked for.
 */
#include "providers/repair/repair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_OUT_MAX_BYTES = 64 << 20 };

static repair_bits mend(const struct repairer_options *options, struct text bytes, size_t piece,
                        struct text_buf *out)
{
	struct repairer *repairer = repairer_new(options);

	text_buf_init(out, FUZZ_OUT_MAX_BYTES);
	for (size_t at = 0; at < bytes.len; at += piece)
		repairer_feed(repairer, text_slice(bytes, at, at + piece), out);
	repairer_end(repairer, false, out);
	repair_bits applied = repairer_applied(repairer);
	repairer_free(repairer);
	return applied;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text_buf whole, pieces, again;

	if (size < 2)
		return 0;
	struct repairer_options options = {
	    .repairs =
		(data[0] & 1) != 0 ? REPAIR_REPLIES : REPAIR_REPLIES & ~REPAIR_BIT(REPAIR_TS_01),
	    .streamed = (data[1] & 1) != 0,
	    .usage_asked = (data[1] & 2) != 0,
	};
	struct text bytes = {(const char *)data + 2, size - 2};
	repair_bits applied = mend(&options, bytes, bytes.len + 1, &whole);
	REQUIRE((applied & ~options.repairs) == 0);
	REQUIRE(applied != 0 || text_equal(text_buf_view(&whole), bytes));
	REQUIRE(mend(&options, bytes, data[0] / 16 + 1u, &pieces) == applied);
	REQUIRE(text_equal(text_buf_view(&whole), text_buf_view(&pieces)));
	(void)mend(&options, text_buf_view(&whole), whole.len + 1, &again);
	REQUIRE(text_equal(text_buf_view(&again), text_buf_view(&whole)));
	text_buf_done(&whole);
	text_buf_done(&pieces);
	text_buf_done(&again);
	return 0;
}
