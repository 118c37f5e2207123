/*
 * Reading evidence back. Files may have been cut, edited or sent by somebody else:
 * every length is checked against the file before a byte is taken for granted.
 */
#include "providers/wire/recording_private.h"

#include "harness/base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WINDOW_BYTES = 256 << 10,
	LINE_BLOCK_BYTES = 16 << 10, /* most lines fit into the first block */
};

static const int64_t BODY_MAX_BYTES = RECORDING_RECORD_MAX_BYTES;

bool recording_pread(int fd, int64_t offset, char *bytes, size_t size, size_t *got,
                     struct fault *fault)
{
	*got = 0;
	while (*got < size) {
		ssize_t step =
		    pread(fd, bytes + *got, size - *got, (off_t)(offset + (int64_t)*got));

		if (step < 0 && errno == EINTR)
			continue;
		if (step < 0)
			return fault_system(fault, errno, "can't read evidence");
		if (step == 0)
			break;
		*got += (size_t)step;
	}
	return true;
}

/* Cuts `key` and the digits behind it off `line`. */
static bool take_length(struct text *line, const char *key, int64_t *out)
{
	size_t key_len = strlen(key), digits = 0;

	if (!text_starts(*line, text_of(key)))
		return false;
	struct text rest = text_slice(*line, key_len, line->len);
	while (digits < rest.len && rest.data[digits] >= '0' && rest.data[digits] <= '9')
		digits++;
	*line = text_slice(rest, digits, rest.len);
	return text_to_int64(text_slice(rest, 0, digits), 0, BODY_MAX_BYTES, out);
}

bool recording_line_lengths(struct text line, int64_t *request_bytes, int64_t *response_bytes)
{
	return take_length(&line, "{\"request_bytes\":", request_bytes) &&
	       take_length(&line, ",\"response_bytes\":", response_bytes) &&
	       text_starts(line, TEXT(","));
}

/* --- stepping over records --- */

struct window {
	int fd;
	int64_t size; /* of the file */
	int64_t from; /* of the file, where `bytes` begin */
	size_t len;
	char *bytes;
};

/* What the window holds from `offset` on; refilled where that is not in it. */
static bool window_at(struct window *window, int64_t offset, struct text *out, struct fault *fault)
{
	if (offset < window->from || offset >= window->from + (int64_t)window->len) {
		window->from = offset;
		if (!recording_pread(window->fd, offset, window->bytes, WINDOW_BYTES, &window->len,
		                     fault))
			return false;
	}
	size_t skip = (size_t)(offset - window->from);
	*out = (struct text){window->bytes + skip, window->len - skip};
	return true;
}

/* The offset behind the line that begins at `offset`; -1: no line feed up to the end or the cap. */
static bool line_end(struct window *window, int64_t offset, int64_t *out, struct fault *fault)
{
	struct text part;

	*out = -1;
	for (int64_t at = offset; at < window->size && at - offset <= RECORDING_LINE_MAX_BYTES;
	     at += (int64_t)part.len) {
		if (!window_at(window, at, &part, fault))
			return false;
		if (part.len == 0)
			return true; /* shorter than it was a moment ago */
		size_t found = text_find_byte(part, '\n', 0);
		if (found != TEXT_NOT_FOUND) {
			*out = at + (int64_t)found + 1;
			return true;
		}
	}
	return true;
}

/* One record from `offset`; *next is behind it, or -1 with *tail saying why. */
static bool step_over(struct window *window, int64_t offset, int64_t *next,
                      enum recording_tail *tail, struct fault *fault)
{
	enum { LENGTHS_MAX_BYTES = 80 };
	char start[LENGTHS_MAX_BYTES];
	int64_t behind_line, request_bytes, response_bytes;
	size_t got;

	*next = -1;
	*tail = RECORDING_TAIL_TORN;
	if (!line_end(window, offset, &behind_line, fault))
		return false;
	if (behind_line < 0) {
		if (window->size - offset > RECORDING_LINE_MAX_BYTES)
			*tail = RECORDING_TAIL_STRANGE;
		return true;
	}
	struct text line;
	if (!window_at(window, offset, &line, fault))
		return false;
	if (line.len < sizeof(start)) {
		/* The line lies across the window's end. */
		if (!recording_pread(window->fd, offset, start, sizeof(start), &got, fault))
			return false;
		line = (struct text){start, got};
	}
	if (!recording_line_lengths(line, &request_bytes, &response_bytes)) {
		*tail = RECORDING_TAIL_STRANGE;
		return true;
	}
	int64_t end = behind_line + request_bytes + 1 + response_bytes + 1;
	if (end <= window->size)
		*next = end;
	return true;
}

bool recording_check(int fd, int64_t size, enum recording_tail *tail, int64_t *good_end,
                     struct fault *fault)
{
	struct window window = {.fd = fd, .size = size, .bytes = memory_new(WINDOW_BYTES)};
	bool good = true;

	*good_end = 0;
	*tail = RECORDING_TAIL_WHOLE;
	while (*good_end < size) {
		int64_t next;

		good = step_over(&window, *good_end, &next, tail, fault);
		if (!good || next < 0)
			break;
		*good_end = next;
		*tail = RECORDING_TAIL_WHOLE;
	}
	memory_free(window.bytes);
	return good;
}

/* --- one record --- */

struct record {
	const char *path;
	struct text id;
	int fd;
	int64_t size;
	struct arena *arena;
	const struct json *line;
};

static bool broken(const struct record *record, struct fault *fault, const char *why)
{
	return fault_set(fault, FAULT_INPUT, "%s: no readable record at %.*s: %s", record->path,
	                 TEXT_ARG(record->id), why);
}

/* "000001:4711" */
static bool id_parse(struct text id, int64_t *segment, int64_t *offset)
{
	return id.len > 7 && id.data[6] == ':' &&
	       text_to_int64(text_slice(id, 0, 6), 1, RECORDING_SEGMENTS_MAX, segment) &&
	       text_to_int64(text_slice(id, 7, id.len), 0, INT64_MAX / 2, offset);
}

/* The line at `offset`, without its line feed, in the arena. */
static bool read_line(const struct record *record, int64_t offset, struct text *out,
                      struct fault *fault)
{
	struct text_buf buf;
	bool good = true;
	size_t found = TEXT_NOT_FOUND;

	text_buf_init(&buf, RECORDING_LINE_MAX_BYTES + LINE_BLOCK_BYTES);
	while (good && found == TEXT_NOT_FOUND) {
		char *room = text_buf_reserve(&buf, LINE_BLOCK_BYTES);
		size_t from = buf.len, got = 0;

		good = room != NULL || broken(record, fault, "its line does not end");
		if (good)
			good = recording_pread(record->fd, offset + (int64_t)from, room,
			                       LINE_BLOCK_BYTES, &got, fault);
		buf.len += got;
		if (good && got == 0)
			good = broken(record, fault, "the file ends before its line does");
		else if (good)
			found = text_find_byte(text_buf_view(&buf), '\n', from);
	}
	if (good)
		*out = text_copy(record->arena, text_slice(text_buf_view(&buf), 0, found));
	text_buf_done(&buf);
	return good;
}

/* `len` bytes and the line feed behind them; *offset moves on. */
static bool read_body(const struct record *record, int64_t *offset, int64_t len, struct text *out,
                      struct fault *fault)
{
	size_t got;

	if (len >= record->size - *offset)
		return broken(record, fault, "the file ends within it");
	char *bytes = arena_alloc_bytes(record->arena, (size_t)len + 1);
	if (!recording_pread(record->fd, *offset, bytes, (size_t)len + 1, &got, fault))
		return false;
	if (got != (size_t)len + 1 || bytes[len] != '\n')
		return broken(record, fault, "its lengths are not those of its bodies");
	*out = (struct text){bytes, (size_t)len};
	*offset += len + 1;
	return true;
}

static bool read_headers(const struct record *record, const char *name, struct http_header **out,
                         size_t *count, struct fault *fault)
{
	const struct json *list = json_member(record->line, name);
	size_t at = 0;

	if (!json_is(list, JSON_ARRAY))
		return broken(record, fault, "its headers are no list");
	*out = ARENA_NEW_ARRAY(record->arena, struct http_header, list->count);
	*count = list->count;
	JSON_EACH(pair, list)
	{
		const struct json *field = json_at(pair, 0), *value = json_at(pair, 1);

		if (!json_is(field, JSON_STRING) || !json_is(value, JSON_STRING))
			return broken(record, fault, "a header is no pair of strings");
		(*out)[at++] = (struct http_header){field->text, value->text};
	}
	return true;
}

static bool read_dropped(const struct record *record, struct exchange *out, struct fault *fault)
{
	const struct json *list = json_member(record->line, "dropped");
	struct text *names;
	size_t count = 0;

	if (list == NULL)
		return true;
	if (!json_is(list, JSON_ARRAY))
		return broken(record, fault, "what was left out is no list");
	names = ARENA_NEW_ARRAY(record->arena, struct text, list->count);
	JSON_EACH(name, list)
	{
		if (!json_is(name, JSON_STRING))
			return broken(record, fault, "what was left out is no list of names");
		names[count++] = name->text;
	}
	out->dropped = names;
	out->dropped_count = count;
	return true;
}

static bool read_chunks(const struct record *record, struct exchange *out, struct fault *fault)
{
	const struct json *list = json_member(record->line, "chunks");
	size_t count = 0;
	int64_t before = 0;

	if (!json_is(list, JSON_ARRAY) || list->count % 2 != 0)
		return broken(record, fault, "its chunks are no list of pairs");
	out->chunks = ARENA_NEW_ARRAY(record->arena, struct exchange_chunk, list->count / 2);
	for (const struct json *at = list->first; at != NULL; at = at->next->next) {
		int64_t at_us, end;

		if (!json_node_integer(at, 0, INT64_MAX, &at_us) ||
		    !json_node_integer(at->next, before, (int64_t)out->body.len, &end))
			return broken(record, fault, "a chunk does not lie within its body");
		out->chunks[count++] = (struct exchange_chunk){at_us, (size_t)end};
		before = end;
	}
	out->chunk_count = count;
	return true;
}

static bool read_facts(const struct record *record, struct recording_label *label,
                       struct exchange *out, struct fault *fault)
{
	const struct json *line = record->line;
	int64_t status, version;

	if (!json_integer(line, "status", 0, 999, &status) ||
	    !json_integer(line, "http_version", 0, 99, &version) ||
	    !json_integer(line, "started_wall_ms", INT64_MIN, INT64_MAX, &out->started_wall_ms) ||
	    !json_integer(line, "head_us", -1, INT64_MAX, &out->head_us) ||
	    !json_integer(line, "end_us", -1, INT64_MAX, &out->end_us) ||
	    !json_integer(line, "trial", INT64_MIN, INT64_MAX, &label->trial) ||
	    !json_integer(line, "step", INT64_MIN, INT64_MAX, &label->step) ||
	    !json_integer(line, "attempt", INT64_MIN, INT64_MAX, &label->attempt))
		return broken(record, fault, "a number is missing or absurd");
	if (!exchange_end_from_name(json_string(line, "end"), &out->end))
		return broken(record, fault, "it does not say how it ended");
	out->status = (int)status;
	out->http_version = (int)version;
	out->reused = json_truth(line, "reused", false);
	out->wrong_key = text_is(json_string(line, "key"), "wrong");
	out->no_key = text_is(json_string(line, "key"), "none");
	out->method = json_string(line, "method");
	out->url = json_string(line, "url");
	out->end_detail = json_string(line, "end_detail");
	label->target = json_string(line, "target");
	label->case_id = json_string(line, "case");
	label->variant = json_string(line, "variant");
	if (out->method.data == NULL || out->url.data == NULL || label->target.data == NULL)
		return broken(record, fault, "it does not say what was asked of whom");
	return true;
}

static bool read_record(struct record *record, int64_t offset, struct recording_label *label,
                        struct exchange *out, struct fault *fault)
{
	int64_t request_bytes, response_bytes;
	struct text text;
	struct json *line;

	if (offset >= record->size)
		return broken(record, fault, "the file ends before it");
	if (!read_line(record, offset, &text, fault))
		return false;
	int64_t at = offset + (int64_t)text.len + 1;
	if (!recording_line_lengths(text, &request_bytes, &response_bytes))
		return broken(record, fault, "no record begins there");
	if (!json_read_text(text, record->path, record->arena, &line, fault))
		return fault_within(fault, "reading evidence %.*s", TEXT_ARG(record->id));
	record->line = line;
	*label = (struct recording_label){0};
	*out = (struct exchange){0};
	return read_body(record, &at, request_bytes, &out->request_body, fault) &&
	       read_body(record, &at, response_bytes, &out->body, fault) &&
	       read_facts(record, label, out, fault) &&
	       read_headers(record, "request_headers", &out->request_headers,
	                    &out->request_header_count, fault) &&
	       read_headers(record, "headers", &out->headers, &out->header_count, fault) &&
	       read_dropped(record, out, fault) && read_chunks(record, out, fault);
}

bool recording_read(const char *folder, struct text id, struct arena *arena,
                    struct recording_label *label, struct exchange *out, struct fault *fault)
{
	int64_t segment, offset;
	struct stat facts;

	if (!id_parse(id, &segment, &offset))
		return fault_set(fault, FAULT_INPUT,
		                 "\"%.*s\" is no evidence id; want one like 000001:4711",
		                 TEXT_ARG(id));
	struct record record = {
	    .path = recording_segment_path(arena, folder, segment),
	    .id = id,
	    .arena = arena,
	};
	record.fd = open(record.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (record.fd < 0)
		return fault_set(fault, FAULT_INPUT, "evidence %.*s is not there: no file %s",
		                 TEXT_ARG(id), record.path);
	bool good = fstat(record.fd, &facts) == 0 && S_ISREG(facts.st_mode);
	if (good) {
		record.size = facts.st_size;
		good = read_record(&record, offset, label, out, fault);
	} else {
		good = broken(&record, fault, "it is no regular file");
	}
	(void)close(record.fd);
	return good;
}
