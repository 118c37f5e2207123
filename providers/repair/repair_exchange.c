/* A recorded reply, repaired as it would have been on its way; see repair.h. */
#include "providers/repair/repair.h"

enum { REPAIRED_MAX_BYTES = 3 * REPAIR_BODY_MAX_BYTES }; /* every event grown by what is put in */

/* Each piece goes in as it came: what comes out by it has its time. */
static size_t feed_pieces(struct repairer *repairer, const struct exchange *exchange,
                          struct text_buf *out, struct exchange_chunk *chunks)
{
	size_t count = 0;
	size_t from = 0;
	int64_t last_us = int64_max(exchange->end_us, 0);

	for (size_t i = 0; i < exchange->chunk_count; i++) {
		size_t end = size_min(exchange->chunks[i].end, exchange->body.len);
		if (end <= from)
			continue;
		repairer_feed(repairer, text_slice(exchange->body, from, end), out);
		chunks[count++] = (struct exchange_chunk){exchange->chunks[i].at_us, out->len};
		last_us = exchange->chunks[i].at_us;
		from = end;
	}
	repairer_feed(repairer, text_slice(exchange->body, from, exchange->body.len), out);
	repairer_end(repairer, exchange->end != EXCHANGE_COMPLETE, out);
	chunks[count++] = (struct exchange_chunk){last_us, out->len};
	return count;
}

const struct exchange *repair_exchange(const struct exchange *exchange,
                                       const struct repairer_options *options, struct arena *arena,
                                       repair_bits *applied)
{
	struct repairer *repairer = repairer_new(options);
	struct exchange *repaired = ARENA_NEW(arena, struct exchange);
	struct text_buf out;

	text_buf_init(&out, REPAIRED_MAX_BYTES);
	*repaired = *exchange;
	repaired->chunks = ARENA_NEW_ARRAY(arena, struct exchange_chunk, exchange->chunk_count + 1);
	repaired->chunk_count = feed_pieces(repairer, exchange, &out, repaired->chunks);
	*applied = out.overflow ? 0 : repairer_applied(repairer);
	if (*applied != 0)
		repaired->body = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	repairer_free(repairer);
	return *applied == 0 ? exchange : repaired;
}
