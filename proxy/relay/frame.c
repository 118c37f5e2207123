/* Cutting a stream into frames; see frame.h. */
#include "proxy/relay/frame.h"

void frame_cutter_init(struct frame_cutter *cutter, void (*on_frame)(void *, struct text, bool),
                       void *context)
{
	*cutter = (struct frame_cutter){.on_frame = on_frame, .context = context};
	text_buf_init(&cutter->partial, 2 * FRAME_MAX_BYTES);
}

void frame_cutter_done(struct frame_cutter *cutter)
{
	text_buf_done(&cutter->partial);
}

struct text frame_rest(const struct frame_cutter *cutter)
{
	return text_buf_view(&cutter->partial);
}

static void hand_on(struct frame_cutter *cutter, struct text part, bool ends)
{
	bool whole = ends && !cutter->in_parts;

	cutter->in_parts = !ends;
	if (cutter->partial.len == 0) {
		cutter->on_frame(cutter->context, part, whole);
		return;
	}
	(void)text_buf_add(&cutter->partial, part); /* fits: see keep */
	cutter->on_frame(cutter->context, text_buf_view(&cutter->partial), whole);
	text_buf_reset(&cutter->partial);
}

/* The last part of what came is no whole frame yet. */
static void keep(struct frame_cutter *cutter, struct text part)
{
	if (part.len == 0)
		return;
	if (cutter->partial.len + part.len > FRAME_MAX_BYTES || cutter->in_parts)
		hand_on(cutter, part, false);
	else
		(void)text_buf_add(&cutter->partial, part);
}

void frame_feed(struct frame_cutter *cutter, struct text bytes)
{
	size_t begin = 0;
	size_t line = 0;

	for (;;) {
		size_t lf = text_find_byte(bytes, '\n', line);
		size_t to = size_min(lf, bytes.len);
		for (size_t i = line; i < to && !cutter->line_begun; i++)
			cutter->line_begun = bytes.data[i] != '\r';
		if (lf == TEXT_NOT_FOUND)
			break;
		line = lf + 1;
		if (cutter->line_begun) {
			cutter->line_begun = false;
			continue;
		}
		hand_on(cutter, text_slice(bytes, begin, line), true);
		begin = line;
	}
	keep(cutter, text_slice(bytes, begin, bytes.len));
}

/* --- what a frame is --- */

static bool next_line(struct text *rest, struct text *line)
{
	if (!text_next_field(rest, '\n', line))
		return false;
	if (line->len > 0 && line->data[line->len - 1] == '\r')
		line->len--;
	return true;
}

struct text frame_data(struct text frame)
{
	struct text data = {NULL, 0};
	struct text line;

	while (next_line(&frame, &line)) {
		if (!text_starts(line, TEXT("data:")))
			continue;
		if (data.data != NULL)
			return (struct text){NULL, 0};
		data = text_slice(line, 5, line.len);
		if (data.len > 0 && data.data[0] == ' ')
			data = text_slice(data, 1, data.len);
	}
	return data;
}

enum frame_kind frame_kind_of(struct text frame)
{
	const struct text done = TEXT("[DONE]");
	struct text rest = frame;
	struct text line;

	while (next_line(&rest, &line)) {
		if (line.len == 0 || line.data[0] == ':')
			continue;
		/* Of most events one search tells it. */
		if (text_find(frame, done, 0) == TEXT_NOT_FOUND)
			return FRAME_EVENT;
		return text_equal(text_trim(frame_data(frame)), done) ? FRAME_DONE : FRAME_EVENT;
	}
	return FRAME_COMMENT;
}
