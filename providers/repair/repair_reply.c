/*
 * A reply on its way, event by event or as one body; see repair.h. An event that
 * needs no mending is passed on in the very bytes that came.
 */
#include "harness/base/json_write.h"
#include "providers/repair/repair_private.h"

enum { EVENT_MAX_NODES = 1 << 20, HEAD_MAX_BYTES = 64 << 10 };

static const struct json_limits event_limits = {
    .bytes = REPAIR_BODY_MAX_BYTES, .depth = 128, .nodes = EVENT_MAX_NODES};

/* --- chunks of our own ------------------------------------------------------------------ */

void repairer_write_chunk(struct repairer *repairer, struct text rest)
{
	text_buf_add_c(repairer->out, "data: {");
	text_buf_add(repairer->out, text_buf_view(&repairer->head));
	text_buf_add_c(repairer->out, "\"object\":\"chat.completion.chunk\",");
	text_buf_add(repairer->out, rest);
	text_buf_add_c(repairer->out, "}\n\n");
}

/* What all chunks of a stream share, as it was written. */
static void keep_head(struct repairer *repairer, const struct json *root)
{
	static const char *const members[] = {"id", "created", "model"};

	text_buf_reset(&repairer->head);
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		const struct json *member = json_member(root, members[i]);
		if (member == NULL)
			continue;
		text_buf_format(&repairer->head, "\"%s\":", members[i]);
		text_buf_add(&repairer->head,
		             text_slice(member->source->body, member->begin, member->end));
		text_buf_byte(&repairer->head, ',');
	}
	if (repairer->head.overflow)
		text_buf_reset(&repairer->head);
}

/* --- usage ------------------------------------------------------------------------------- */

static void keep_usage(struct repairer *repairer, const struct json *usage)
{
	text_buf_reset(&repairer->usage);
	text_buf_add(&repairer->usage, text_slice(usage->source->body, usage->begin, usage->end));
}

/* Where providers put it: on a chunk with choices, in x_groq, in the choice itself. */
static void mend_usage(struct repairer *repairer, const struct json *root, struct edits *edits)
{
	const struct json *usage = json_member(root, "usage");
	const struct json *choices = json_member(root, "choices");
	const struct json *elsewhere = json_member(json_member(root, "x_groq"), "usage");

	if (!repairer_wants(repairer, REPAIR_SU_01) || !repairer->options.usage_asked)
		return;
	if (elsewhere == NULL)
		elsewhere = json_member(json_at(choices, 0), "usage");
	if (json_is(usage, JSON_OBJECT) && choices == NULL) {
		repairer_note(repairer, REPAIR_SU_01);
		edits_insert_member(edits, root, TEXT("\"choices\":[]"));
		repairer->usage_told = true;
	} else if (json_is(usage, JSON_OBJECT) && choices->count == 0) {
		repairer->usage_told = true;
	} else if (json_is(usage, JSON_OBJECT)) {
		repairer_note(repairer, REPAIR_SU_01);
		keep_usage(repairer, usage);
		edits_replace(edits, usage, TEXT("null"));
	} else if (json_is(elsewhere, JSON_OBJECT)) {
		keep_usage(repairer, elsewhere);
	}
}

static void tell_usage(struct repairer *repairer)
{
	if (repairer->usage_told || repairer->usage.len == 0 || repairer->usage.overflow)
		return;
	repairer->usage_told = true;
	repairer_note(repairer, REPAIR_SU_01);
	repairer_write_chunk(repairer,
	                     text_format(&repairer->event_arena, "\"choices\":[],\"usage\":%.*s",
	                                 TEXT_ARG(text_buf_view(&repairer->usage))));
}

/* --- streams ------------------------------------------------------------------------------- */

static void mend_chunk(struct repairer *repairer, const struct json *root, struct edits *edits)
{
	repair_begin_event(repairer);
	JSON_EACH(choice, json_member(root, "choices"))
	{
		const struct json *finish = json_member(choice, "finish_reason");
		int64_t index;

		if (!json_integer(choice, "index", 0, CHAT_MAX_CHOICES, &index))
			index = 0;
		JSON_EACH(fragment, json_member(json_member(choice, "delta"), "tool_calls"))
		{
			repair_fragment(repairer, index, fragment, edits);
		}
		if (!json_is(finish, JSON_STRING))
			continue;
		repair_missing_arguments(repairer, index, edits);
		repair_finish(repairer, choice, repair_has_calls(repairer, index), edits);
	}
	mend_usage(repairer, root, edits);
}

/*
 * The event as it came, but for its data: other fields, comments and line ends stay. False where
 * the data does not stand in it as one line.
 */
static bool write_event(struct repairer *repairer, struct text data, struct text edited)
{
	struct text raw = text_buf_view(&repairer->raw);
	size_t at = text_find(raw, data, 0);

	for (; at != TEXT_NOT_FOUND; at = text_find(raw, data, at + 1)) {
		struct text before = text_slice(raw, 0, at);
		if (text_ends(before, TEXT("data:")) || text_ends(before, TEXT("data: ")))
			break;
	}
	if (at == TEXT_NOT_FOUND)
		return false;
	text_buf_add(repairer->out, text_slice(raw, 0, at));
	text_buf_add(repairer->out, edited);
	text_buf_add(repairer->out, text_slice(raw, at + data.len, raw.len));
	return true;
}

/* True where the event was written anew. */
static bool mend_event(struct repairer *repairer, const struct sse_event *event)
{
	struct source source = {TEXT_INIT("event"), event->data};
	struct text_buf edited;
	struct edits edits;
	struct json *root;
	struct fault fault;

	if (text_is(text_trim(event->data), "[DONE]")) {
		tell_usage(repairer);
		return false;
	}
	if (!json_read(&source, &event_limits, &repairer->event_arena, &root, &fault) ||
	    !json_is(root, JSON_OBJECT))
		return false;
	edits_init(&edits, &repairer->event_arena);
	keep_head(repairer, root);
	/* A call's missing arguments may be written in front of the event that ends it. */
	mend_chunk(repairer, root, &edits);
	if (edits.count == 0)
		return false;
	text_buf_init(&edited, REPAIR_EVENT_MAX_BYTES * 3);
	bool good = edits_apply(&edits, event->data, &edited) && !edited.overflow &&
	            write_event(repairer, event->data, text_buf_view(&edited));
	text_buf_done(&edited);
	return good;
}

/* `raw` holds this event and nothing behind it: lines are fed one by one. */
static void on_event(void *context, const struct sse_event *event)
{
	struct repairer *repairer = context;

	if (event->closed && mend_event(repairer, event))
		text_buf_reset(&repairer->raw);
	arena_reset(&repairer->event_arena);
}

static void flush_raw(struct repairer *repairer)
{
	text_buf_add(repairer->out, text_buf_view(&repairer->raw));
	text_buf_reset(&repairer->raw);
	repairer->line_at = 0;
}

/* From here on nothing is mended: `rest` and all that follows go through as they are. */
static void pass_on(struct repairer *repairer, struct text rest)
{
	flush_raw(repairer);
	text_buf_add(repairer->out, rest);
	repairer->passing = true;
}

/* A CR that ends a line by itself. One at the very end may yet be followed by its LF. */
static bool has_lone_cr(struct text line)
{
	size_t cr = text_find_byte(line, '\r', 0);

	return cr != TEXT_NOT_FOUND && cr + 1 < line.len && line.data[cr + 1] != '\n';
}

/* `piece` ends with an LF, or is what there is of a line. */
static void feed_piece(struct repairer *repairer, struct text piece)
{
	if (!text_buf_add(&repairer->raw, piece)) {
		pass_on(repairer, piece);
		return;
	}
	struct text raw = text_buf_view(&repairer->raw);
	struct text line = text_slice(raw, repairer->line_at, raw.len);
	/* Such lines would have to be told apart before their end is seen; hardly anyone sends
	 * them. */
	if (has_lone_cr(line)) {
		pass_on(repairer, TEXT(""));
		return;
	}
	if (!text_ends(line, TEXT("\n")))
		return;
	repairer->line_at = raw.len;
	sse_splitter_feed(&repairer->splitter, line);
	/* A blank line ends an event, and comments alone too, which keep connections alive. */
	if (text_is(line, "\n") || text_is(line, "\r\n"))
		flush_raw(repairer);
}

void repairer_feed(struct repairer *repairer, struct text bytes, struct text_buf *out)
{
	repairer->out = out;
	if (!repairer->passing && !repairer->options.streamed) {
		if (!text_buf_add(&repairer->raw, bytes))
			pass_on(repairer, bytes);
		return;
	}
	while (bytes.len > 0 && !repairer->passing) {
		size_t end = text_find_byte(bytes, '\n', 0);
		size_t taken = end == TEXT_NOT_FOUND ? bytes.len : end + 1;
		feed_piece(repairer, text_slice(bytes, 0, taken));
		bytes = text_slice(bytes, taken, bytes.len);
	}
	text_buf_add(out, bytes);
}

/* --- plain bodies ------------------------------------------------------------------------------
 */

static void mend_message(struct repairer *repairer, const struct json *choice, struct edits *edits)
{
	const struct json *calls = json_member(json_member(choice, "message"), "tool_calls");

	JSON_EACH(call, calls)
	{
		repair_whole_call(repairer, call, edits);
	}
	repair_finish(repairer, choice, json_is(calls, JSON_ARRAY) && calls->count > 0, edits);
}

static void end_body(struct repairer *repairer)
{
	struct source source = {TEXT_INIT("body"), text_buf_view(&repairer->raw)};
	struct edits edits;
	struct json *root;
	struct fault fault;

	edits_init(&edits, &repairer->event_arena);
	if (json_read(&source, &event_limits, &repairer->event_arena, &root, &fault))
		JSON_EACH(choice, json_member(root, "choices"))
		{
			mend_message(repairer, choice, &edits);
		}
	if (edits.count == 0 || !edits_apply(&edits, source.body, repairer->out))
		text_buf_add(repairer->out, source.body);
	text_buf_reset(&repairer->raw);
}

void repairer_end(struct repairer *repairer, bool cut, struct text_buf *out)
{
	repairer->out = out;
	if (repairer->passing)
		return;
	if (!repairer->options.streamed) {
		if (cut)
			flush_raw(repairer);
		else
			end_body(repairer);
		return;
	}
	/* A stream without [DONE] still has its usage at the end, before what is no whole event. */
	if (!cut)
		tell_usage(repairer);
	flush_raw(repairer);
}

/* --- life ------------------------------------------------------------------------------------- */

struct repairer *repairer_new(const struct repairer_options *options)
{
	struct repairer *repairer = memory_new(sizeof(*repairer));

	repairer->options = *options;
	sse_splitter_init(&repairer->splitter, REPAIR_EVENT_MAX_BYTES);
	repairer->splitter.on_event = on_event;
	repairer->splitter.context = repairer;
	text_buf_init(&repairer->raw,
	              options->streamed ? REPAIR_EVENT_MAX_BYTES : REPAIR_BODY_MAX_BYTES);
	text_buf_init(&repairer->usage, HEAD_MAX_BYTES);
	text_buf_init(&repairer->head, HEAD_MAX_BYTES);
	return repairer;
}

void repairer_free(struct repairer *repairer)
{
	if (repairer == NULL)
		return;
	sse_splitter_done(&repairer->splitter);
	text_buf_done(&repairer->raw);
	text_buf_done(&repairer->usage);
	text_buf_done(&repairer->head);
	arena_done(&repairer->arena);
	arena_done(&repairer->event_arena);
	memory_free(repairer);
}

repair_bits repairer_applied(const struct repairer *repairer)
{
	return repairer->applied;
}
