/*
 * The log: one line an event on stderr, `level event key=value ...`, stable
 * event names first. Every byte passes redact.h and is made visible. Results never go here.
 */
#ifndef PROVISO_BASE_LOG_H
#define PROVISO_BASE_LOG_H

#include "harness/base/base.h"

enum log_level {
	LOG_DEBUG,
	LOG_INFO,
	LOG_WARN,
	LOG_ERROR,
	LOG_SILENT, /* as a threshold only */
};

/* Events below the threshold are dropped. Default LOG_WARN. */
void log_set_level(enum log_level level);
/* "debug", "info", "warn", "error", "silent"; false for anything else. */
MUST_CHECK bool log_level_from_name(const char *name, enum log_level *out);

/* event: a dotted literal ("call.retry"); format: "key=%s other=%d". */
void log_event(enum log_level level, const char *event, const char *format, ...) PRINTF_LIKE(3, 4);
#define log_debug(...) log_event(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_event(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_event(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_event(LOG_ERROR, __VA_ARGS__)

#endif
