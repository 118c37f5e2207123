/* The log: one event, one line, one write; see log.h. */
#include "harness/base/log.h"

#include "harness/base/redact.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

enum {
	LOG_RAW_MAX = 64 * 1024,  /* formatted and redacted */
	LOG_SHOWN_MAX = 8 * 1024, /* of that: a line longer than this is read by nobody */
};

static _Atomic int threshold = LOG_WARN; /* workers read it while a reload may set it */

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info",     [LOG_WARN] = "warn",
    [LOG_ERROR] = "error", [LOG_SILENT] = "silent",
};

void log_set_level(enum log_level level)
{
	threshold = (int)level;
}

bool log_level_from_name(const char *name, enum log_level *out)
{
	for (size_t i = 0; i < ARRAY_LENGTH(level_names); i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* The first LOG_SHOWN_MAX bytes, not cut within a code point. */
static struct text shown_part(struct text raw)
{
	size_t to = size_min(raw.len, LOG_SHOWN_MAX);

	while (to < raw.len && to > 0 && ((unsigned char)raw.data[to] & 0xc0) == 0x80)
		to--;
	return text_slice(raw, 0, to);
}

static void write_line(enum log_level level, const char *event, struct text raw)
{
	struct text_buf line;
	struct text shown = shown_part(raw);

	/* An escape takes at most four bytes for one. */
	text_buf_init(&line, 4 * LOG_SHOWN_MAX + 1024);
	(void)text_buf_format(&line, "%s %s", level_names[level], event);
	if (shown.len != 0)
		(void)text_buf_byte(&line, ' ');
	text_buf_add_visible(&line, shown);
	if (shown.len < raw.len)
		(void)text_buf_add_c(&line, " ...");
	(void)text_buf_byte(&line, '\n');
	/* In one call: lines of several threads never mix. */
	(void)fwrite(line.data, 1, line.len, stderr);
	text_buf_done(&line);
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	int error_number = errno;
	va_list arguments;
	va_list again;

	if ((int)level < threshold || level == LOG_SILENT)
		return;
	va_start(arguments, format);
	va_copy(again, arguments);
	int len = vsnprintf(NULL, 0, format, arguments);
	REQUIRE(len >= 0);
	size_t kept = size_min((size_t)len, LOG_RAW_MAX);
	char *raw = memory_new(kept + 1);
	(void)vsnprintf(raw, kept + 1, format, again);
	va_end(again);
	va_end(arguments);
	/* Redacted before it is cut: half a key would not be found any more. */
	(void)redact_bytes(raw, kept);
	write_line(level, event, (struct text){raw, kept});
	memory_free(raw);
	errno = error_number;
}
