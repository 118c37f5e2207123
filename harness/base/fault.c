/* Faults: rendering a mistake and its place at once, so that nothing need outlive it. */
#include "harness/base/fault.h"

/* Said to an analyser for those who call them; here they are. */
#undef fault_set
#undef fault_at
#undef fault_system
#undef fault_within

static struct text source_line(struct place place, size_t *start)
{
	struct text body = place.source->body;
	size_t at = size_min(place.offset, body.len);
	size_t from = at;

	while (from > 0 && body.data[from - 1] != '\n')
		from--;
	size_t to = text_find_byte(body, '\n', at);
	if (to == TEXT_NOT_FOUND)
		to = body.len;
	if (to > from && body.data[to - 1] == '\r')
		to--;
	*start = from;
	return text_slice(body, from, to);
}

void place_line_column(struct place place, unsigned *line, unsigned *column)
{
	struct text body = place.source->body;
	size_t at = size_min(place.offset, body.len);
	size_t start = 0;

	/* A byte order mark stands before the first column. */
	if (text_starts(body, TEXT("\xef\xbb\xbf")) && at >= 3)
		start = 3;
	*line = 1;
	for (size_t newline = text_find_byte(body, '\n', 0); newline < at;
	     newline = text_find_byte(body, '\n', start)) {
		(*line)++;
		start = newline + 1;
	}
	*column = 1 + (unsigned)text_code_points(text_slice(body, start, at));
}

/* Copies `view` made visible into a fixed field, cut where it is full. */
static void copy_visible(char *field, size_t size, struct text view)
{
	struct text_buf buf;

	text_buf_init(&buf, size - 1);
	for (size_t at = 0; at < view.len && !buf.overflow;) {
		size_t step = text_utf8_sequence(text_slice(view, at, view.len), NULL);
		step = step == 0 ? 1 : step;
		text_buf_add_visible(&buf, text_slice(view, at, at + step));
		at += step;
	}
	memcpy(field, text_buf_view(&buf).data, buf.len);
	field[buf.len] = '\0';
	text_buf_done(&buf);
}

PRINTF_LIKE(3, 0)
static void set_message(struct fault *fault, enum fault_kind kind, const char *format,
                        va_list arguments)
{
	char raw[FAULT_MESSAGE_BYTES];

	int len = vsnprintf(raw, sizeof(raw), format, arguments);
	REQUIRE(len >= 0);
	*fault = (struct fault){.kind = kind};
	copy_visible(fault->message, sizeof(fault->message), text_of(raw));
}

static void set_place(struct fault *fault, struct place place)
{
	enum { BEFORE = 100 }; /* bytes of a long line kept before the mistake */
	size_t start;

	if (place.source == NULL)
		return;
	copy_visible(fault->name, sizeof(fault->name), place.source->name);
	place_line_column(place, &fault->line, &fault->column);
	struct text line = source_line(place, &start);
	size_t within = size_min(place.offset, place.source->body.len) - start;
	within = size_min(within, line.len);
	size_t from = within > BEFORE ? within - BEFORE : 0;
	while (from < within && ((unsigned char)line.data[from] & 0xc0) == 0x80)
		from++;
	struct text_buf before;
	text_buf_init(&before, FAULT_EXCERPT_BYTES * 2);
	text_buf_add_visible(&before, text_slice(line, from, within));
	fault->caret = (unsigned)text_columns(text_buf_view(&before));
	text_buf_done(&before);
	copy_visible(fault->excerpt, sizeof(fault->excerpt), text_slice(line, from, line.len));
}

bool fault_set(struct fault *fault, enum fault_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_message(fault, kind, format, arguments);
	va_end(arguments);
	return false;
}

bool fault_at(struct fault *fault, struct place place, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set_message(fault, FAULT_INPUT, format, arguments);
	va_end(arguments);
	set_place(fault, place);
	return false;
}

bool fault_system(struct fault *fault, int error_number, const char *format, ...)
{
	va_list arguments;
	char reason[128];

	va_start(arguments, format);
	set_message(fault, FAULT_SYSTEM, format, arguments);
	va_end(arguments);
	if (strerror_r(error_number, reason, sizeof(reason)) != 0)
		(void)snprintf(reason, sizeof(reason), "error %d", error_number);
	size_t used = strlen(fault->message);
	(void)snprintf(fault->message + used, sizeof(fault->message) - used, ": %s", reason);
	return false;
}

bool fault_within(struct fault *fault, const char *format, ...)
{
	va_list arguments;
	char raw[FAULT_WITHIN_BYTES];

	if (fault->within_count == FAULT_WITHIN_MAX)
		return false;
	va_start(arguments, format);
	int len = vsnprintf(raw, sizeof(raw), format, arguments);
	va_end(arguments);
	REQUIRE(len >= 0);
	copy_visible(fault->within[fault->within_count], FAULT_WITHIN_BYTES, text_of(raw));
	fault->within_count++;
	return false;
}

static const char *fault_word(const struct fault *fault)
{
	if (fault->kind == FAULT_WARNING)
		return "warning";
	return fault->kind == FAULT_INTERNAL ? "internal error" : "error";
}

void fault_describe(const struct fault *fault, struct text_buf *out)
{
	if (fault->line != 0)
		(void)text_buf_format(out, "%s:%u:%u: ", fault->name, fault->line, fault->column);
	(void)text_buf_format(out, "%s: %s", fault_word(fault), fault->message);
}

void fault_print(const struct fault *fault, FILE *stream)
{
	enum { DESCRIPTION_MAX = FAULT_NAME_BYTES + FAULT_MESSAGE_BYTES + 64 };
	struct text_buf line;

	text_buf_init(&line, DESCRIPTION_MAX);
	fault_describe(fault, &line);
	(void)fprintf(stream, "%s%s\n", fault->line == 0 ? "proviso: " : "",
	              text_buf_view(&line).data);
	text_buf_done(&line);
	if (fault->line != 0 && fault->excerpt[0] != '\0')
		(void)fprintf(stream, "   %s\n   %*s^\n", fault->excerpt, (int)fault->caret, "");
	for (unsigned i = 0; i < fault->within_count; i++)
		(void)fprintf(stream, "  while %s\n", fault->within[i]);
}

bool fault_list_add(struct fault_list *list, const struct fault *fault)
{
	if (fault->kind != FAULT_WARNING)
		list->errors++;
	if (list->count < FAULT_LIST_MAX) {
		list->items[list->count++] = *fault;
		return true;
	}
	if (list->overflow != NULL && list->overflow(list->overflow_context, fault))
		return true;
	list->dropped++;
	return false;
}

bool fault_list_is_full(const struct fault_list *list)
{
	return list->count == FAULT_LIST_MAX && (list->overflow == NULL || list->dropped > 0);
}

bool fault_list_at(struct fault_list *list, struct place place, const char *format, ...)
{
	struct fault fault;
	va_list arguments;

	va_start(arguments, format);
	set_message(&fault, FAULT_INPUT, format, arguments);
	va_end(arguments);
	set_place(&fault, place);
	return fault_list_add(list, &fault);
}

bool fault_list_warn(struct fault_list *list, struct place place, const char *format, ...)
{
	struct fault fault;
	va_list arguments;

	va_start(arguments, format);
	set_message(&fault, FAULT_WARNING, format, arguments);
	va_end(arguments);
	set_place(&fault, place);
	return fault_list_add(list, &fault);
}

void fault_list_print(const struct fault_list *list, FILE *stream)
{
	for (size_t i = 0; i < list->count; i++)
		fault_print(&list->items[i], stream);
	if (list->dropped != 0)
		(void)fprintf(stream, "proviso: and %zu more, not shown\n", list->dropped);
}
