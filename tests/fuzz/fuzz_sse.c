/*
 * The event stream splitter: however the bytes are cut, the same events. The first
 * byte says in how large pieces.
 */
#include "harness/base/json_write.h"
#include "providers/wire/sse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	FUZZ_EVENT_MAX_BYTES = 64, /* small: so that the cap is met */
	FUZZ_LOG_MAX_BYTES = 16 << 20,
};

static void note(void *context, const struct sse_event *event)
{
	struct text_buf *log = context;

	REQUIRE(event->data.len <= FUZZ_EVENT_MAX_BYTES);
	json_quote(log, event->name);
	json_quote(log, event->data);
	json_quote(log, event->id);
	text_buf_byte(log, event->closed ? '.' : '!');
}

static void note_comment(void *context, struct text comment)
{
	json_quote(context, comment);
	text_buf_byte(context, '#');
}

static struct sse_facts split(struct text bytes, size_t piece, struct text_buf *log)
{
	struct sse_splitter splitter;

	text_buf_init(log, FUZZ_LOG_MAX_BYTES);
	sse_splitter_init(&splitter, FUZZ_EVENT_MAX_BYTES);
	splitter.on_event = note;
	splitter.on_comment = note_comment;
	splitter.context = log;
	for (size_t at = 0; at < bytes.len; at += piece)
		sse_splitter_feed(&splitter, text_slice(bytes, at, at + piece));
	sse_splitter_end(&splitter);
	struct sse_facts facts = splitter.facts;
	sse_splitter_done(&splitter);
	return facts;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text_buf whole, pieces;

	if (size == 0)
		return 0;
	struct text bytes = {(const char *)data + 1, size - 1};
	struct sse_facts facts = split(bytes, bytes.len + 1, &whole);
	struct sse_facts again = split(bytes, (size_t)data[0] % 16 + 1, &pieces);
	REQUIRE(text_equal(text_buf_view(&whole), text_buf_view(&pieces)));
	REQUIRE(facts.events == again.events && facts.comments == again.comments);
	REQUIRE(facts.unknown_fields == again.unknown_fields && facts.dataless == again.dataless);
	REQUIRE(facts.retries == again.retries);
	REQUIRE(facts.crlf == again.crlf && facts.overflow == again.overflow);
	REQUIRE(facts.ends_without_blank_line == again.ends_without_blank_line);
	text_buf_done(&whole);
	text_buf_done(&pieces);
	return 0;
}
