/*
 * One event of a stream as JSON: [DONE] counted, what is no text mended, what is
 * no JSON told. See reply_build.h.
 */
#include "providers/reply/reply_build.h"

const struct json_limits reply_build_limits = {
    .bytes = SSE_MAX_EVENT_BYTES,
    .depth = 128,
    .nodes = BUILD_EVENT_MAX_NODES,
};

/* Four hex digits at `at`, or -1. */
static int32_t hex_unit(struct text bytes, size_t at)
{
	int32_t unit = 0;

	for (size_t i = at; i < at + 4; i++) {
		char c = i < bytes.len ? bytes.data[i] : '\0';
		if (c >= '0' && c <= '9')
			unit = unit * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			unit = unit * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			unit = unit * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return unit;
}

static bool is_escaped_unit(struct text bytes, size_t at, int32_t low, int32_t high)
{
	if (at + 6 > bytes.len || bytes.data[at] != '\\' || bytes.data[at + 1] != 'u')
		return false;
	int32_t unit = hex_unit(bytes, at + 2);
	return unit >= low && unit <= high;
}

/* How many bytes of an escape at `at` pass as they are; 0: a lone surrogate. */
static size_t sound_escape(struct text bytes, size_t at)
{
	if (is_escaped_unit(bytes, at, 0xd800, 0xdbff))
		return is_escaped_unit(bytes, at + 6, 0xdc00, 0xdfff) ? 12 : 0;
	if (is_escaped_unit(bytes, at, 0xdc00, 0xdfff))
		return 0;
	return size_min(2, bytes.len - at);
}

bool reply_build_mend(struct text bytes, struct arena *arena, struct text *out)
{
	struct text_buf mended;
	bool changed = false;

	text_buf_init(&mended, size_mul(bytes.len, 3) + 1);
	for (size_t at = 0; at < bytes.len;) {
		struct text rest = text_slice(bytes, at, bytes.len);
		bool escape = rest.data[0] == '\\';
		size_t sound = escape ? sound_escape(bytes, at) : text_utf8_sequence(rest, NULL);
		if (sound > 0) {
			text_buf_add(&mended, text_slice(rest, 0, sound));
			at += sound;
			continue;
		}
		text_buf_add_c(&mended, "\xef\xbf\xbd");
		changed = true;
		at += escape ? 6 : 1;
	}
	if (changed)
		*out = text_copy(arena, text_buf_view(&mended));
	text_buf_done(&mended);
	return changed;
}

static bool read_value(struct text body, struct arena *arena, struct json **root, size_t *end)
{
	struct source *source = ARENA_NEW(arena, struct source);
	struct fault fault;

	*source = (struct source){.name = TEXT_INIT("event"), .body = body};
	return json_read_prefix(source, &reply_build_limits, arena, root, end, &fault);
}

static void tell_no_json(struct reply_build *build, struct text data)
{
	reply_violates(build, WIRE_ST_01, WIRE_BREAKS, "the data%s is no JSON: %.*s",
	               reply_build_where(build),
	               TEXT_ARG(text_visible(build->event_arena, text_slice(data, 0, 200), 80)));
}

const struct json *reply_build_event_json(struct reply_build *build, const struct sse_event *event)
{
	struct text data = text_trim(event->data);
	struct json *root;
	size_t end;

	if (text_is(data, "[DONE]")) {
		build->reply->done++;
		build->done_event = build->event;
		return NULL;
	}
	if (data.len == 0) {
		reply_violates(build, WIRE_ST_01, WIRE_BREAKS, "the data%s is empty",
		               reply_build_where(build));
		return NULL;
	}
	if (!read_value(data, build->event_arena, &root, &end)) {
		bool sound = text_is_utf8(data); /* what is wrong is an escape */
		if (!reply_build_mend(data, build->event_arena, &data) ||
		    !read_value(data, build->event_arena, &root, &end)) {
			build->reply->broken_json = build->reply->broken_json || event->closed;
			tell_no_json(build, data);
			return NULL;
		}
		build->torn = true;
		build->reply->bad_utf8 = build->reply->bad_utf8 || !sound;
		reply_violates(build, WIRE_ST_07, WIRE_BREAKS,
		               "the data%s holds bytes or escapes that are no text",
		               reply_build_where(build));
	}
	struct text behind = text_trim(text_slice(data, end, data.len));
	if (behind.len > 0)
		reply_violates(build, WIRE_ST_01, WIRE_BREAKS, "%zu bytes stand behind the JSON%s",
		               behind.len, reply_build_where(build));
	if (!json_is(root, JSON_OBJECT)) {
		build->reply->broken_json = true;
		reply_violates(build, WIRE_ST_01, WIRE_BREAKS, "the data%s is %s, no object",
		               reply_build_where(build), json_type_name(root));
		return json_is(root, JSON_ARRAY) ? root : NULL; /* an error may stand in it */
	}
	return root;
}
