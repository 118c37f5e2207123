/* See translate.h. */
#include "providers/client/translate.h"

#include "providers/client/reply_writer.h"
#include "providers/reply/reply_reader.h"

#include <math.h>

enum { TRANSLATED_MAX_BYTES = 256 << 20 };

struct translating {
	const struct exchange *from;
	struct exchange *to;
	struct reply_reader *reader;
	struct reply_writer *writer;
	struct text_buf out;
	struct text retry_after; /* data NULL: not told, or told in a header already */
};

static void note_piece(struct translating *t, int64_t at_us)
{
	struct exchange *to = t->to;
	size_t before = to->chunk_count == 0 ? 0 : to->chunks[to->chunk_count - 1].end;

	if (t->out.len > before)
		to->chunks[to->chunk_count++] = (struct exchange_chunk){at_us, t->out.len};
}

/* Line by line: each event is one of the client's, however many of them came at once. */
static void feed(struct translating *t, struct text bytes, int64_t at_us)
{
	for (size_t at = 0, end; at < bytes.len; at = end) {
		end = size_min(text_find_byte(bytes, '\n', at), bytes.len - 1) + 1;
		reply_reader_feed(t->reader, text_slice(bytes, at, end), at_us);
		reply_writer_update(t->writer, reply_reader_reply(t->reader), &t->out);
	}
	note_piece(t, at_us);
}

/* Google tells in the body how long to wait, "34.4s": to a client it is told in whole seconds. */
static void say_wait(struct translating *t, const struct chat_reply *reply, struct arena *arena)
{
	struct text delay = reply->error_count > 0 ? reply->errors[0].retry_delay : TEXT("");
	double seconds;

	if (!text_ends(delay, TEXT("s")) ||
	    !text_to_double(text_slice(delay, 0, delay.len - 1), &seconds) || seconds < 0 ||
	    seconds > INT32_MAX || exchange_header(t->from, "retry-after").data != NULL)
		return;
	t->retry_after = text_format(arena, "%lld", (long long)ceil(seconds));
}

/* A refusal has one body, whatever was asked for. */
static void translate_refusal(struct translating *t, struct arena *arena)
{
	reply_reader_feed(t->reader, t->from->body, 0);
	const struct chat_reply *reply =
	    reply_reader_end(t->reader, t->from->end != EXCHANGE_COMPLETE);
	say_wait(t, reply, arena);
	t->to->status = reply_write_error(reply, t->from->status, CLIENT_CHAT, &t->out);
	note_piece(t, int64_max(t->from->end_us, 0));
}

static void translate_answer(struct translating *t)
{
	const struct exchange *from = t->from;
	bool cut = from->end != EXCHANGE_COMPLETE;
	int64_t last_us = int64_max(from->end_us, 0);
	size_t at = 0;

	for (size_t i = 0; i < from->chunk_count; i++) {
		size_t end = size_min(from->chunks[i].end, from->body.len);
		if (end <= at)
			continue;
		feed(t, text_slice(from->body, at, end), from->chunks[i].at_us);
		last_us = from->chunks[i].at_us;
		at = end;
	}
	if (at < from->body.len)
		feed(t, text_slice(from->body, at, from->body.len), last_us);
	reply_writer_end(t->writer, reply_reader_end(t->reader, cut), cut, &t->out);
	note_piece(t, last_us);
}

/* The model that a request asks for; "" where it can't be told. */
static struct text model_of(const struct chat_request *request, struct arena *arena)
{
	struct fault unread;
	struct json *root;

	if (!json_read_text(request->body, "request", arena, &root, &unread))
		return TEXT("");
	return json_string(root, "model");
}

static void say_type(struct translating *t, struct arena *arena)
{
	const struct exchange *from = t->from;
	struct exchange *to = t->to;
	const char *type =
	    to->status >= 400 ? "application/json" : reply_writer_content_type(t->writer);

	to->headers = ARENA_NEW_ARRAY(arena, struct http_header, from->header_count + 2);
	to->header_count = 0;
	for (size_t i = 0; i < from->header_count; i++)
		if (!text_equal_ignoring_case(from->headers[i].name, TEXT("content-type")))
			to->headers[to->header_count++] = from->headers[i];
	if (t->out.len > 0)
		to->headers[to->header_count++] =
		    (struct http_header){TEXT("content-type"), text_of(type)};
	if (t->retry_after.data != NULL)
		to->headers[to->header_count++] =
		    (struct http_header){TEXT("retry-after"), t->retry_after};
}

const struct exchange *translate_exchange(const struct exchange *exchange,
                                          const struct dialect *dialect,
                                          const struct chat_request *request, struct arena *arena)
{
	struct translating t = {.from = exchange, .to = ARENA_NEW(arena, struct exchange)};
	const struct reply_context context = {
	    .dialect = dialect,
	    .request = request,
	    .status = exchange->status,
	    .content_type = exchange_header(exchange, "content-type"),
	    .error_type = exchange_header(exchange, "x-amzn-errortype"),
	};
	const struct reply_writer_options options = {
	    .format = CLIENT_CHAT,
	    .streamed = request->streamed,
	    .usage_asked = request->usage_asked,
	    .created_s = exchange->started_wall_ms / 1000,
	    .model = model_of(request, arena),
	    .seed = exchange->request_body,
	};

	if (dialect->openai_replies || exchange->status == 0)
		return exchange;
	*t.to = *exchange;
	t.to->translated_from = dialect->name;
	t.to->calls_whole = dialect->calls_whole;
	t.to->no_cache_count = dialect->no_cache_count;
	t.to->no_retry_after = dialect->no_retry_after;
	t.to->chunk_count = 0;
	t.to->chunks = ARENA_NEW_ARRAY(arena, struct exchange_chunk, exchange->chunk_count + 2);
	t.reader = reply_reader_new(&context, arena);
	t.writer = reply_writer_new(&options);
	text_buf_init(&t.out, TRANSLATED_MAX_BYTES);
	if (exchange->status >= 400)
		translate_refusal(&t, arena);
	else
		translate_answer(&t);
	say_type(&t, arena);
	t.to->body = text_copy(arena, text_buf_view(&t.out));
	text_buf_done(&t.out);
	reply_writer_free(t.writer);
	reply_reader_done(t.reader);
	return t.to;
}
