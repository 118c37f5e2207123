/*
 * Finds where each row ends, in blocks, and gives it to csv_read.c. Most rows of a log hold no
 * quote and nothing but ASCII: those are cut at their commas here, by the same rules.
 */
#include "harness/base/csv_stream.h"

#include "harness/base/csv_private.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { STREAM_BLOCK_BYTES = 256 * 1024 };

/* Where a scan stands within a row. */
enum scan { SCAN_START, SCAN_PLAIN, SCAN_QUOTED, SCAN_CLOSED };

struct stream {
	const struct csv_stream_events *events;
	struct csv_reader *reader;
	struct text name;
	struct text_buf bytes; /* read, and not yet done with */
	size_t begin,
	    scanned; /* in `bytes`: where the row under way begins; what is looked at next */
	enum scan scan;
	bool simple;          /* the row so far: ASCII, no quote, no NUL */
	bool draining;        /* it is over a cap: read on to its end, and kept no more */
	size_t field_start;   /* in `bytes` */
	unsigned line, lines; /* where the row begins; line breaks within it */
	bool after_cr;
	size_t number;
	bool ended; /* `refused` said so */
	struct fault *fault;
	struct csv_field fields[CSV_MAX_COLUMNS];
};

/* --- one row ----------------------------------------------------------------------- */

static void refuse(struct stream *s, struct fault *fault)
{
	if (fault->line > 0)
		fault->line += s->line - 1;
	if (s->events->refused(s->events->context, fault))
		return;
	*s->fault = *fault;
	s->ended = true;
}

struct handing {
	struct stream *stream;
	const struct source *source;
};

static bool hand_over(void *context, const struct csv_row *row, struct fault *fault)
{
	struct handing *handing = context;
	struct stream *s = handing->stream;
	struct csv_stream_row given = {*row, handing->source, s->line};

	s->number = row->number;
	return s->events->row(s->events->context, &given, fault);
}

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

/* Commas alone; blanks around a field are taken off, and a row of blanks alone is none. */
static bool cut_simple(struct stream *s, const struct source *source, struct csv_row *row,
                       struct fault *fault)
{
	const char *data = source->body.data;
	size_t len = source->body.len;

	row->count = 0;
	for (size_t at = 0;; at++) {
		const char *comma = memchr(data + at, ',', len - at);
		size_t end = comma == NULL ? len : (size_t)(comma - data);
		size_t to = end;

		while (at < end && is_blank(data[at]))
			at++;
		while (to > at && is_blank(data[to - 1]))
			to--;
		if (row->count == CSV_MAX_COLUMNS)
			return fault_at(fault, (struct place){source, at},
			                "too many fields in this row; at most 256 are read");
		if (to - at > (size_t)CSV_MAX_FIELD_BYTES)
			return fault_at(fault, (struct place){source, at},
			                "this field is larger than 1 MiB");
		s->fields[row->count++] = (struct csv_field){{data + at, to - at}, at, false};
		if (comma == NULL)
			break;
		at = end;
	}
	if (row->count == 1 && row->fields[0].text.len == 0)
		row->count = 0;
	return true;
}

/* The row's bytes, without its line break. */
static void take_row(struct stream *s, struct text bytes)
{
	struct source source = {s->name, bytes};
	struct handing handing = {s, &source};
	struct csv_row row = {s->fields, 0, s->number + 1};
	size_t bom = s->line == 1 && text_starts(bytes, TEXT("\xef\xbb\xbf")) ? 3 : 0;
	struct fault fault;
	bool good;

	if (s->draining)
		return; /* told already */
	if (!s->simple)
		good = csv_reader_read(s->reader, &source, bom, s->number, hand_over, &handing,
		                       &fault);
	else
		good = cut_simple(s, &source, &row, &fault) &&
		       (row.count == 0 || hand_over(&handing, &row, &fault));
	if (!good)
		refuse(s, &fault);
}

/* --- where rows end ------------------------------------------------------------------ */

static void begin_row(struct stream *s, size_t at)
{
	s->scan = SCAN_START;
	s->simple = true;
	s->draining = false;
	s->begin = s->scanned = s->field_start = at;
}

static void end_row(struct stream *s, char byte)
{
	take_row(s, text_slice(text_buf_view(&s->bytes), s->begin, s->scanned));
	s->line += s->lines + 1;
	s->lines = 0;
	s->after_cr = byte == '\r';
	begin_row(s, s->scanned + 1);
}

/* A row over a cap is told at once, and read to its end. */
static void drain(struct stream *s, const char *message)
{
	struct text row = text_slice(text_buf_view(&s->bytes), s->begin, s->scanned);
	struct source source = {s->name, row};
	struct fault fault;

	(void)fault_at(&fault, (struct place){&source, s->field_start - s->begin}, "%s", message);
	s->draining = true;
	refuse(s, &fault);
}

/* What a byte means that is no line break. */
static void scan_byte(struct stream *s, char byte)
{
	if (byte == '"') {
		s->simple = false;
		if (s->scan == SCAN_START || s->scan == SCAN_CLOSED)
			s->scan = SCAN_QUOTED;
		else if (s->scan == SCAN_QUOTED)
			s->scan = SCAN_CLOSED;
	} else if (s->scan != SCAN_QUOTED && byte == ',') {
		s->scan = SCAN_START;
		s->field_start = s->scanned + 1;
	} else if (s->scan != SCAN_QUOTED && (s->scan != SCAN_START || !is_blank(byte))) {
		s->scan = SCAN_PLAIN;
	}
	if (byte == '\0' || (unsigned char)byte >= 0x80)
		s->simple = false;
}

/* Bytes that change nothing within a field: most. */
static size_t skip_ordinary(const struct stream *s, size_t at)
{
	while (at < s->bytes.len) {
		unsigned char byte = (unsigned char)s->bytes.data[at];
		if (byte < ' ' || byte >= 0x80 || byte == '"' || byte == ',')
			break;
		at++;
	}
	return at;
}

static void check_caps(struct stream *s)
{
	if (s->draining)
		return;
	if (s->scanned - s->field_start > (size_t)CSV_MAX_FIELD_BYTES)
		drain(s, "this field is larger than 1 MiB");
	else if (s->scanned - s->begin > (size_t)CSV_MAX_ROW_BYTES)
		drain(s, "this row is larger than 8 MiB");
}

static void step(struct stream *s)
{
	char byte = s->bytes.data[s->scanned];
	bool breaks = byte == '\n' || byte == '\r';

	if (s->after_cr && byte == '\n') {
		s->after_cr = false;
		begin_row(s, s->scanned + 1);
		return;
	}
	s->after_cr = false;
	if (breaks && s->scan != SCAN_QUOTED) {
		end_row(s, byte);
		return;
	}
	s->lines += byte == '\n';
	if (!breaks)
		scan_byte(s, byte);
	s->scanned++;
	if (s->scan == SCAN_PLAIN || s->scan == SCAN_QUOTED)
		s->scanned = skip_ordinary(s, s->scanned);
}

/* All of the rows that end in what was read; what is left begins the buffer. */
static void scan(struct stream *s)
{
	while (s->scanned < s->bytes.len && !s->ended)
		step(s);
	if (s->ended)
		return;
	check_caps(s);
	size_t done = s->draining ? s->scanned : s->begin;
	text_buf_consume(&s->bytes, done);
	s->scanned -= done;
	s->begin = 0;
	s->field_start = s->field_start > done ? s->field_start - done : 0;
}

static bool read_all(struct stream *s, int fd)
{
	for (;;) {
		char *room = text_buf_reserve(&s->bytes, STREAM_BLOCK_BYTES);
		REQUIRE(room != NULL); /* a row over its cap is drained before */
		ssize_t got = read(fd, room, STREAM_BLOCK_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EISDIR)
			return fault_set(s->fault, FAULT_INPUT, "%.*s is a directory",
			                 TEXT_ARG(s->name));
		if (got < 0)
			return fault_system(s->fault, errno, "reading %.*s", TEXT_ARG(s->name));
		if (got == 0)
			break;
		s->bytes.len += (size_t)got;
		scan(s);
		if (s->ended)
			return false;
	}
	if (s->scanned > s->begin || s->draining)
		end_row(s, '\0');
	return !s->ended;
}

bool csv_stream(const char *path, const struct csv_stream_events *events, struct fault *fault)
{
	bool from_stdin = strcmp(path, "-") == 0;
	int fd = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stream *s;

	if (fd < 0)
		return fault_set(fault, FAULT_INPUT, "can't open %s: %s", path, strerror(errno));
	s = memory_new(sizeof(*s));
	s->events = events;
	s->reader = csv_reader_new();
	s->name = text_of(from_stdin ? "stdin" : path);
	s->fault = fault;
	s->line = 1;
	text_buf_init(&s->bytes, CSV_MAX_ROW_BYTES + 2 * STREAM_BLOCK_BYTES);
	begin_row(s, 0);
	bool good = read_all(s, fd);
	csv_reader_free(s->reader);
	text_buf_done(&s->bytes);
	memory_free(s);
	if (!from_stdin)
		(void)close(fd);
	return good;
}
