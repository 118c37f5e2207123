/*
 * Bytes in, reply out: tells a stream from a body, hands events and bodies to the
 * dialect (or to recognition), judges what belongs to the framing. See reply_reader.h.
 *
 * Text is looked at before headers: a JSON error on a stream request, SSE where
 * none was asked and lines of JSON are each read as what they are.
 */
#include "providers/reply/reply_build.h"
#include "providers/wire/event_stream.h"

enum mode {
	MODE_START,  /* only blank bytes so far */
	MODE_SNIFF,  /* { or [ came: one JSON value or lines of them */
	MODE_BODY,   /* all of it is one body */
	MODE_LINES,  /* NDJSON */
	MODE_STREAM, /* SSE */
	MODE_FRAMES, /* AWS's binary event stream */
};

enum sniffed {
	SNIFFED_NOTHING, /* not to be told yet */
	SNIFFED_BODY,
	SNIFFED_LINES,
};

enum { SNIFF_MAX_BYTES = 1 << 20 }; /* a first line longer than this is a body's */

struct reply_reader {
	struct reply_build build;
	struct reply_build *published; /* &build: through it a const reader publishes what it has */
	struct sse_splitter splitter;
	struct event_stream frames;
	enum mode mode;
	struct text_buf
	    body;           /* body, or the line at hand; of a stream: until it proves to be one */
	size_t blank_bytes; /* before the first byte that says something */
	size_t fed_bytes;
	size_t sniff_at;  /* how far the kept bytes were looked through */
	size_t sniff_end; /* of the first line; 0: not found yet */
	bool ended;
	bool body_lost; /* a stream's first bytes are no longer kept */
};

static void on_event(void *context, const struct sse_event *event)
{
	struct reply_reader *reader = context;
	struct reply_build *build = &reader->build;

	build->event++;
	build->reply->streamed = true;
	build->reply->last_event_us = build->now_us;
	arena_reset(build->event_arena);
	reply_saw(build, WIRE_ST_01);
	if (!event->closed) {
		bool done = text_is(text_trim(event->data), "[DONE]");
		reply_violates(build, WIRE_ST_01, done ? WIRE_DEVIATES : WIRE_BREAKS,
		               "the stream ends within event %lld: no blank line closes it",
		               (long long)build->event);
		build->unclosed_json = !done;
	}
	reply_shape_event(build, event);
}

struct reply_reader *reply_reader_new(const struct reply_context *context, struct arena *arena)
{
	struct reply_reader *reader = ARENA_NEW(arena, struct reply_reader);

	reply_build_init(&reader->build, context, arena);
	reader->published = &reader->build;
	sse_splitter_init(&reader->splitter, SSE_MAX_EVENT_BYTES);
	reader->splitter.on_event = on_event;
	reader->splitter.context = reader;
	event_stream_init(&reader->frames);
	reader->frames.on_event = on_event;
	reader->frames.context = reader;
	text_buf_init(&reader->body, REPLY_MAX_BYTES);
	return reader;
}

void reply_reader_done(struct reply_reader *reader)
{
	sse_splitter_done(&reader->splitter);
	event_stream_done(&reader->frames);
	text_buf_done(&reader->body);
	reply_build_done(&reader->build);
}

const struct chat_reply *reply_reader_reply(const struct reply_reader *reader)
{
	if (!reader->ended)
		reply_build_publish(reader->published);
	return reader->build.reply;
}

/* --- feeding -------------------------------------------------------------- */

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static void keep(struct reply_reader *reader, struct text bytes)
{
	if (!text_buf_add(&reader->body, bytes))
		reader->build.overflow = true;
}

static void feed_stream(struct reply_reader *reader, struct text bytes)
{
	struct chat_reply *reply = reader->build.reply;

	if (!reader->body_lost)
		keep(reader, bytes);
	sse_splitter_feed(&reader->splitter, bytes);
	reply->events = reader->splitter.facts.events;
	reply->comments = reader->splitter.facts.comments;
	if (!reader->body_lost && (reply->events > 0 || reply->comments > 0)) {
		reader->body_lost = true; /* a stream it is */
		text_buf_done(&reader->body);
		text_buf_init(&reader->body, REPLY_MAX_BYTES);
	}
}

/* One line of NDJSON as an event of its own. */
static void finish_line(struct reply_reader *reader, bool closed)
{
	struct sse_event event = {
	    .name = TEXT_INIT(""),
	    .data = text_buf_view(&reader->body),
	    .id = TEXT_INIT(""),
	    .closed = closed,
	};

	if (text_trim(event.data).len > 0) {
		reader->build.reply->events++;
		on_event(reader, &event);
	}
	text_buf_reset(&reader->body);
}

static void feed_lines(struct reply_reader *reader, struct text bytes)
{
	for (size_t at = 0; at < bytes.len;) {
		size_t lf = text_find_byte(bytes, '\n', at);
		keep(reader, text_slice(bytes, at, lf));
		if (lf == TEXT_NOT_FOUND)
			return;
		finish_line(reader, true);
		at = lf + 1;
	}
}

static bool is_one_object(struct reply_reader *reader, struct text line)
{
	struct arena *arena = reader->build.event_arena;
	struct fault fault;
	struct json *root;

	arena_reset(arena);
	return json_read_text(line, "line", arena, &root, &fault) && json_is(root, JSON_OBJECT);
}

/*
 * Whether the kept bytes are lines of JSON: a whole object in the first line and
 * another one behind it. No byte is looked at twice, however often bytes come.
 */
static enum sniffed sniff(struct reply_reader *reader)
{
	struct text seen = text_buf_view(&reader->body);

	if (reader->sniff_end == 0) {
		size_t lf = text_find_byte(seen, '\n', reader->sniff_at);
		reader->sniff_at = size_min(lf, seen.len);
		if (lf == TEXT_NOT_FOUND)
			return seen.len > SNIFF_MAX_BYTES ? SNIFFED_BODY : SNIFFED_NOTHING;
		struct text line = text_trim(text_slice(seen, 0, lf));
		if (line.data[0] != '{' || line.data[line.len - 1] != '}')
			return SNIFFED_BODY;
		reader->sniff_end = lf;
	}
	while (reader->sniff_at < seen.len && is_blank(seen.data[reader->sniff_at]))
		reader->sniff_at++;
	if (reader->sniff_at == seen.len)
		return SNIFFED_NOTHING;
	if (seen.data[reader->sniff_at] != '{')
		return SNIFFED_BODY;
	return is_one_object(reader, text_slice(seen, 0, reader->sniff_end)) ? SNIFFED_LINES
	                                                                     : SNIFFED_BODY;
}

static void feed_sniff(struct reply_reader *reader, struct text bytes)
{
	keep(reader, bytes);
	enum sniffed sniffed = sniff(reader);
	if (sniffed == SNIFFED_BODY)
		reader->mode = MODE_BODY;
	if (sniffed != SNIFFED_LINES)
		return;
	struct text_buf kept = reader->body;
	text_buf_init(&reader->body, REPLY_MAX_BYTES);
	reader->mode = MODE_LINES;
	reader->build.reply->streamed = true;
	feed_lines(reader, text_buf_view(&kept));
	text_buf_done(&kept);
}

/* Where lines must come, the first one need not wait for the second to be known as one. */
static bool lines_are_asked(const struct reply_context *context)
{
	return context->dialect != NULL && context->dialect->lines && context->request != NULL &&
	       context->request->streamed && context->status < 300;
}

static void feed_frames(struct reply_reader *reader, struct text bytes)
{
	event_stream_feed(&reader->frames, bytes);
	reader->build.reply->events = reader->frames.frames;
}

/* The first byte of all, of a frame's length, is 0: no text begins so. */
static bool are_frames(const struct reply_reader *reader, struct text bytes)
{
	const struct dialect *dialect = reader->build.context.dialect;

	return reader->blank_bytes == 0 && bytes.len > 0 && bytes.data[0] == '\0' &&
	       (dialect == NULL || dialect->frames);
}

static void feed_start(struct reply_reader *reader, struct text bytes)
{
	size_t at = 0;

	if (are_frames(reader, bytes)) {
		reader->mode = MODE_FRAMES;
		reader->build.context.dialect = &dialect_bedrock; /* nobody else's are known */
		reader->build.reply->streamed = true;
		feed_frames(reader, bytes);
		return;
	}

	while (at < bytes.len && is_blank(bytes.data[at]))
		at++;
	char first = at < bytes.len ? bytes.data[at] : '\0';
	if (first == '{' && lines_are_asked(&reader->build.context)) {
		reader->mode = MODE_LINES;
		reader->build.reply->streamed = true;
		text_buf_reset(&reader->body);
		feed_lines(reader, text_slice(bytes, at, bytes.len));
		return;
	}
	if (first == '{' || first == '[') {
		reader->blank_bytes += at;
		reader->mode = MODE_SNIFF;
		text_buf_reset(&reader->body);
		feed_sniff(reader, text_slice(bytes, at, bytes.len));
		return;
	}
	/* Blank bytes may stand before JSON, yet in a stream they end lines. */
	feed_stream(reader, bytes);
	reader->blank_bytes += at;
	if (at < bytes.len)
		reader->mode = MODE_STREAM;
}

void reply_reader_feed(struct reply_reader *reader, struct text bytes, int64_t at_us)
{
	size_t room = REPLY_MAX_BYTES - reader->fed_bytes;

	reader->build.now_us = at_us;
	if (bytes.len > room) {
		reader->build.overflow = true;
		bytes = text_slice(bytes, 0, room);
	}
	reader->fed_bytes += bytes.len;
	if (bytes.len == 0 || reader->ended)
		return;
	switch (reader->mode) {
	case MODE_START:
		feed_start(reader, bytes);
		break;
	case MODE_SNIFF:
		feed_sniff(reader, bytes);
		break;
	case MODE_BODY:
		keep(reader, bytes);
		break;
	case MODE_LINES:
		feed_lines(reader, bytes);
		break;
	case MODE_STREAM:
		feed_stream(reader, bytes);
		break;
	case MODE_FRAMES:
		feed_frames(reader, bytes);
		break;
	}
}

/* --- the end -------------------------------------------------------------- */

static void judge_content_type(struct reply_build *build, enum wire_rule rule, const char *want)
{
	struct text type = build->context.content_type;

	if (type.data == NULL)
		return;
	size_t semicolon = size_min(text_find_byte(type, ';', 0), type.len);
	if (!text_equal_ignoring_case(text_trim(text_slice(type, 0, semicolon)), text_of(want)))
		reply_violates(build, rule, rule == WIRE_HT_01 ? WIRE_BREAKS : WIRE_DEVIATES,
		               "content-type is \"%.*s\", not %s",
		               TEXT_ARG(text_visible(build->arena, type, 80)), want);
}

static bool is_ok_status(const struct reply_build *build)
{
	return build->context.status < 300;
}

/* Frames that are cut or can't be right: what was lost is not known. */
static void judge_frames(struct reply_reader *reader)
{
	struct reply_build *build = &reader->build;
	const struct event_stream *frames = &reader->frames;

	judge_content_type(build, WIRE_HT_02, "application/vnd.amazon.eventstream");
	reply_saw(build, WIRE_ST_01);
	if (frames->broken != NULL)
		reply_violates(build, WIRE_ST_01, WIRE_BREAKS, "behind %lld whole frames: %s",
		               (long long)frames->frames, frames->broken);
	else if (event_stream_is_within(frames))
		reply_violates(build, WIRE_ST_01, WIRE_BREAKS,
		               "the stream ends within a frame, behind %lld whole ones",
		               (long long)frames->frames);
	else
		return;
	build->unclosed_json = true;
}

/* Not of lines: blank bytes before them may have been taken for a field's name. */
static void judge_events(struct reply_build *build, const struct sse_facts *facts)
{
	judge_content_type(build, WIRE_HT_02, "text/event-stream");
	if (facts->dataless > 0)
		reply_violates(build, WIRE_ST_01, WIRE_DEVIATES,
		               "%lld blocks of fields have no data", (long long)facts->dataless);
	if (facts->unknown_fields > 0)
		reply_violates(build, WIRE_ST_01, WIRE_HARMLESS,
		               "%lld fields have a name that no client knows",
		               (long long)facts->unknown_fields);
}

static void end_stream(struct reply_reader *reader)
{
	struct reply_build *build = &reader->build;
	struct sse_facts *facts = &reader->splitter.facts;
	const struct chat_request *request = build->context.request;

	build->reply->streamed = true;
	if (reader->mode == MODE_FRAMES) {
		judge_frames(reader);
	} else if (reader->mode == MODE_LINES) {
		if (reader->body.len > 0)
			finish_line(reader, true);
		if (build->shape == NULL || build->shape->openai)
			reply_violates(build, WIRE_ST_01, WIRE_BREAKS,
			               "lines of JSON instead of events");
	} else {
		judge_events(build, facts);
	}
	build->overflow |= facts->overflow;
	if (request != NULL)
		reply_saw(build, request->streamed ? WIRE_HT_02 : WIRE_HT_01);
	if (request != NULL && !request->streamed && is_ok_status(build))
		reply_violates(build, WIRE_HT_01, WIRE_BREAKS,
		               "events came where no stream was asked for");
}

static void judge_body_framing(struct reply_reader *reader, struct text behind)
{
	struct reply_build *build = &reader->build;

	reply_saw(build, WIRE_HT_01);
	if (is_ok_status(build))
		judge_content_type(build, WIRE_HT_01, "application/json");
	if (reader->blank_bytes > 0)
		reply_violates(build, WIRE_HT_01, WIRE_HARMLESS,
		               "%zu blank bytes stand before the JSON", reader->blank_bytes);
	if (behind.len > 0)
		reply_violates(
		    build, WIRE_HT_01, WIRE_BREAKS, "%zu bytes stand behind the JSON: %.*s",
		    behind.len,
		    TEXT_ARG(text_visible(build->arena, text_slice(behind, 0, 200), 60)));
}

/* A stream was asked for: an error may come as a body, and only with its own status. */
static void judge_missing_stream(struct reply_build *build)
{
	const struct chat_request *request = build->context.request;
	bool refused = build->reply->error_count > 0 && build->context.status == 0;

	if (request != NULL && request->streamed && is_ok_status(build) && !refused)
		reply_violates(build, WIRE_HT_02, WIRE_BREAKS,
		               "a stream was asked for, and one JSON value came");
}

/* No JSON and no event: HTML, nothing, or a body that was cut. */
static void end_unreadable(struct reply_reader *reader, struct text body, const char *why)
{
	struct reply_build *build = &reader->build;
	struct text trimmed = text_trim(body);

	reply_violates(build, WIRE_HT_01, WIRE_BREAKS, "%s: %.*s",
	               trimmed.len == 0 ? "the body is empty" : why,
	               TEXT_ARG(text_visible(build->arena, text_slice(trimmed, 0, 200), 60)));
	if (build->context.status >= 400 || text_starts(trimmed, TEXT("<")))
		error_shape_read_bytes(build, trimmed);
}

/* The body's JSON; what is no text in it is mended. */
static bool read_root(struct reply_build *build, struct source *source, struct json **root,
                      size_t *end, struct fault *fault)
{
	static const char BOM[] = "\xef\xbb\xbf";

	if (text_starts(source->body, TEXT("\xef\xbb\xbf"))) {
		reply_violates(build, WIRE_HT_01, WIRE_DEVIATES,
		               "a byte order mark stands before the JSON");
		source->body = text_slice(source->body, sizeof(BOM) - 1, source->body.len);
	}
	if (json_read_prefix(source, NULL, build->arena, root, end, fault))
		return true;
	struct fault again;
	struct text mended;
	bool sound = text_is_utf8(source->body); /* what is wrong is an escape */
	if (!reply_build_mend(source->body, build->arena, &mended))
		return false;
	source->body = mended;
	if (!json_read_prefix(source, NULL, build->arena, root, end, &again))
		return false;
	build->torn = true;
	build->reply->bad_utf8 = !sound;
	reply_violates(build, WIRE_ST_07, WIRE_BREAKS,
	               "the body holds bytes or escapes that are no text");
	return true;
}

static void end_body(struct reply_reader *reader)
{
	struct reply_build *build = &reader->build;
	struct source *source = ARENA_NEW(build->arena, struct source);
	struct fault fault;
	struct json *root;
	size_t end;

	*source =
	    (struct source){TEXT("body"), text_copy(build->arena, text_buf_view(&reader->body))};
	arena_reset(build->event_arena);
	if (!read_root(build, source, &root, &end, &fault)) {
		end_unreadable(reader, source->body, fault.message);
		return;
	}
	build->reply->is_json = true;
	build->reply->body = root;
	judge_body_framing(reader, text_trim(text_slice(source->body, end, source->body.len)));
	reply_shape_body(build, root);
	judge_missing_stream(build);
}

/* The body's own word counts more. */
static void take_head(struct reply_build *build)
{
	struct chat_reply *reply = build->reply;
	int64_t pico_usd;

	if (reply->served_by.data == NULL && build->context.served_by.len > 0)
		reply->served_by = reply_build_name(build, build->context.served_by);
	if (reply->usage.present && reply->usage.cost_pico_usd < 0 &&
	    usage_parse_usd(build->context.cost_usd, &pico_usd))
		reply->usage.cost_pico_usd = pico_usd;
}

const struct chat_reply *reply_reader_end(struct reply_reader *reader, bool cut)
{
	struct reply_build *build = &reader->build;

	if (reader->ended)
		return build->reply;
	if (reader->mode == MODE_STREAM || reader->mode == MODE_START) {
		sse_splitter_end(&reader->splitter);
		build->reply->events = reader->splitter.facts.events;
		build->reply->comments = reader->splitter.facts.comments;
	}
	if (build->event > 0 || build->reply->comments > 0 || reader->mode == MODE_LINES ||
	    reader->mode == MODE_FRAMES ||
	    reader->splitter.facts.dataless + reader->splitter.facts.retries > 0)
		end_stream(reader);
	else
		end_body(reader);
	build->event = 0;
	arena_reset(build->event_arena);
	reply_shape_end(build, cut);
	if (cut || build->overflow || build->unclosed_json || build->reply->broken_json ||
	    build->reply->error_count > 0)
		build->reply->complete = false;
	take_head(build);
	reply_build_finish(build);
	reader->ended = true;
	return build->reply;
}

bool reply_is_readable(const struct chat_reply *reply)
{
	return reply->is_json || reply->streamed;
}

const struct chat_reply *reply_read(const struct reply_context *context, struct text bytes,
                                    struct arena *arena)
{
	struct reply_reader *reader = reply_reader_new(context, arena);
	const struct chat_reply *reply;

	reply_reader_feed(reader, bytes, 0);
	reply = reply_reader_end(reader, context->cut);
	reply_reader_done(reader);
	return reply;
}
