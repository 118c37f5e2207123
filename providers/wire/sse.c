/*
 * The event stream splitter; see sse.h for the promise.
 *
 * A line that lies whole within what was fed is looked at where it lies; only the
 * piece of a line that the next bytes must finish is kept. Each byte is searched
 * once for LF and once for CR, however the bytes are cut.
 */
#include "providers/wire/sse.h"

enum {
	STATE_BOM_0, /* nothing seen yet: a byte order mark may come */
	STATE_BOM_1, /* its first byte came */
	STATE_BOM_2, /* its second */
	STATE_LINE,
	STATE_AFTER_CR, /* a LF now belongs to the CR before it */
	STATE_STOPPED,  /* over the cap: nothing more is read */
};

static const char BOM[] = "\xef\xbb\xbf";

void sse_splitter_init(struct sse_splitter *splitter, size_t max_event_bytes)
{
	*splitter = (struct sse_splitter){.state = STATE_BOM_0};
	text_buf_init(&splitter->line, max_event_bytes);
	text_buf_init(&splitter->data, max_event_bytes);
	text_buf_init(&splitter->name, max_event_bytes);
	text_buf_init(&splitter->id, max_event_bytes);
}

void sse_splitter_done(struct sse_splitter *splitter)
{
	text_buf_done(&splitter->line);
	text_buf_done(&splitter->data);
	text_buf_done(&splitter->name);
	text_buf_done(&splitter->id);
}

static void deliver(struct sse_splitter *splitter, bool closed)
{
	struct sse_event event = {
	    .name = text_buf_view(&splitter->name),
	    .data = text_buf_view(&splitter->data),
	    .id = text_buf_view(&splitter->id),
	    .closed = closed,
	};

	if (closed)
		splitter->facts.events++;
	splitter->on_event(splitter->context, &event);
}

static void dispatch(struct sse_splitter *splitter)
{
	if (splitter->has_data)
		deliver(splitter, true);
	else if (splitter->has_fields)
		splitter->facts.dataless++;
	else if (splitter->has_retry)
		splitter->facts.retries++;
	text_buf_reset(&splitter->data);
	text_buf_reset(&splitter->name);
	splitter->has_data = false;
	splitter->has_fields = false;
	splitter->has_retry = false;
}

static void read_field(struct sse_splitter *splitter, struct text name, struct text value)
{
	if (text_is(name, "data")) {
		if (splitter->has_data)
			text_buf_byte(&splitter->data, '\n');
		text_buf_add(&splitter->data, value);
		splitter->has_data = true;
	} else if (text_is(name, "event")) {
		text_buf_reset(&splitter->name);
		text_buf_add(&splitter->name, value);
	} else if (text_is(name, "id")) {
		if (text_find_byte(value, '\0', 0) != TEXT_NOT_FOUND)
			return; /* the standard ignores such an id */
		text_buf_reset(&splitter->id);
		text_buf_add(&splitter->id, value);
	} else if (text_is(name, "retry")) {
		splitter->has_retry = true;
		return;
	} else {
		splitter->facts.unknown_fields++;
		return;
	}
	splitter->has_fields = true;
	if (splitter->data.overflow || splitter->name.overflow || splitter->id.overflow) {
		splitter->facts.overflow = true;
		splitter->state = STATE_STOPPED;
	}
}

static void read_line(struct sse_splitter *splitter, struct text line)
{
	if (line.len == 0) {
		dispatch(splitter);
		return;
	}
	size_t colon = text_find_byte(line, ':', 0);
	if (colon == 0) {
		splitter->facts.comments++;
		if (splitter->on_comment != NULL)
			splitter->on_comment(splitter->context, text_slice(line, 1, line.len));
		return;
	}
	if (colon == TEXT_NOT_FOUND) {
		read_field(splitter, line, TEXT(""));
		return;
	}
	struct text value = text_slice(line, colon + 1, line.len);
	if (value.len > 0 && value.data[0] == ' ')
		value = text_slice(value, 1, value.len);
	else if (value.len > 0)
		splitter->facts.no_space_after_colon = true;
	read_field(splitter, text_slice(line, 0, colon), value);
}

/* `piece` ends a line: with what was kept of it before, it is read. */
static void finish_line(struct sse_splitter *splitter, struct text piece)
{
	/* The cap holds for a line that lies whole in what was fed as for one in pieces. */
	if (splitter->line.len == 0 && piece.len <= splitter->line.max) {
		read_line(splitter, piece);
		return;
	}
	if (text_buf_add(&splitter->line, piece)) {
		read_line(splitter, text_buf_view(&splitter->line));
		text_buf_reset(&splitter->line);
		return;
	}
	splitter->facts.overflow = true;
	splitter->state = STATE_STOPPED;
}

static void keep_piece(struct sse_splitter *splitter, struct text piece)
{
	if (text_buf_add(&splitter->line, piece))
		return;
	splitter->facts.overflow = true;
	splitter->state = STATE_STOPPED;
}

/* The bytes of a mark at the very start; returns how many of `bytes` it took. */
static size_t skip_bom(struct sse_splitter *splitter, struct text bytes)
{
	size_t taken = 0;

	while (splitter->state < STATE_LINE && taken < bytes.len) {
		size_t seen = (size_t)splitter->state;
		if (bytes.data[taken] != BOM[seen]) {
			splitter->state = STATE_LINE;
			keep_piece(splitter, (struct text){BOM, seen});
			return taken;
		}
		taken++;
		splitter->state++; /* STATE_BOM_2 is followed by STATE_LINE */
	}
	return taken;
}

void sse_splitter_feed(struct sse_splitter *splitter, struct text bytes)
{
	size_t at = skip_bom(splitter, bytes);
	size_t next_lf = 0; /* where the next LF stands; searched anew only once it is passed */
	bool lf_known = false;

	while (at < bytes.len && splitter->state != STATE_STOPPED) {
		if (splitter->state == STATE_AFTER_CR) {
			splitter->state = STATE_LINE;
			if (bytes.data[at] == '\n') {
				splitter->facts.crlf = true;
				at++;
				continue;
			}
		}
		if (!lf_known || next_lf < at) {
			next_lf = size_min(text_find_byte(bytes, '\n', at), bytes.len);
			lf_known = true;
		}
		struct text line = text_slice(bytes, at, next_lf);
		size_t cr = text_find_byte(line, '\r', 0);
		if (cr != TEXT_NOT_FOUND) {
			splitter->state = STATE_AFTER_CR;
			finish_line(splitter, text_slice(line, 0, cr));
			at += cr + 1;
		} else if (next_lf < bytes.len) {
			finish_line(splitter, line);
			at = next_lf + 1;
		} else {
			keep_piece(splitter, line);
			return;
		}
	}
}

void sse_splitter_end(struct sse_splitter *splitter)
{
	if (splitter->state == STATE_BOM_1 || splitter->state == STATE_BOM_2)
		keep_piece(splitter, (struct text){BOM, (size_t)splitter->state});
	if (splitter->state == STATE_STOPPED)
		return;

	struct text rest = text_buf_view(&splitter->line);
	splitter->state = STATE_STOPPED;
	if (rest.len > 0 && rest.data[0] != ':')
		read_line(splitter, rest);
	if (!splitter->has_data && !splitter->has_fields)
		return;
	splitter->facts.ends_without_blank_line = true;
	if (splitter->has_data && !splitter->facts.overflow)
		deliver(splitter, false);
	splitter->has_data = false;
	splitter->has_fields = false;
}
