/*
 * The one error type: what is wrong, where it stands, and what we were doing.
 *
 * A fault lives on its caller's stack and never allocates; the setters return
 * false so that a failing line reads `return fault_at(...)`. What the user sees:
 *
 *   cases/core/tools.yaml:14:3: error: timeout is "10x"; want a duration like 10s
 *      timeout: 10x
 *      ^
 *     while loading suite core
 */
#ifndef PROVISO_BASE_FAULT_H
#define PROVISO_BASE_FAULT_H

#include "harness/base/text.h"

#include <stdio.h>

/* A file (or any input with a name) whose bytes are kept while its places are used. */
struct source {
	struct text name;
	struct text body;
};

/* A byte in a source. A place without source is no place. */
struct place {
	const struct source *source;
	size_t offset;
};

/* Line and column from 1; a column counts code points, a tab counts one. */
void place_line_column(struct place place, unsigned *line, unsigned *column);

enum fault_kind {
	FAULT_NONE,
	FAULT_USAGE,    /* the command line is wrong */
	FAULT_INPUT,    /* a file can't be read as what it should be */
	FAULT_SYSTEM,   /* the operating system refused: disk, permissions, sockets */
	FAULT_SPEND,    /* the spending cap does not allow it */
	FAULT_REFUSED,  /* a request asks for what the provider's format can't carry */
	FAULT_INTERNAL, /* ours */
	FAULT_WARNING,  /* worth saying, and the input is still good */
};

enum {
	FAULT_NAME_BYTES = 256,
	FAULT_EXCERPT_BYTES = 256,
	FAULT_MESSAGE_BYTES = 512,
	FAULT_WITHIN_BYTES = 160,
	FAULT_WITHIN_MAX = 4,
	FAULT_LIST_MAX = 20, /* mistakes shown in one run; more would only be scrolled past */
};

struct fault {
	enum fault_kind kind;
	unsigned line, column; /* 0: no place */
	unsigned caret;        /* terminal column of the mistake within the excerpt, from 0 */
	unsigned within_count;
	char name[FAULT_NAME_BYTES];
	char excerpt[FAULT_EXCERPT_BYTES]; /* the source line, made visible, cut */
	char message[FAULT_MESSAGE_BYTES];
	char within[FAULT_WITHIN_MAX][FAULT_WITHIN_BYTES];
};

/* Setters overwrite what was there and return false. */
bool fault_set(struct fault *fault, enum fault_kind kind, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* FAULT_INPUT at a place; the source line is copied, so the source may go. */
bool fault_at(struct fault *fault, struct place place, const char *format, ...) PRINTF_LIKE(3, 4);
/* FAULT_SYSTEM with the text of `error_number` (errno) behind the message. */
bool fault_system(struct fault *fault, int error_number, const char *format, ...) PRINTF_LIKE(3, 4);
/* Adds "while ..." context; the outermost comes last. */
bool fault_within(struct fault *fault, const char *format, ...) PRINTF_LIKE(2, 3);

/* What they return stands in fault.c, which clang's analyser does not read for other files. */
#ifdef __clang_analyzer__
#define fault_set(...) (fault_set(__VA_ARGS__), false)
#define fault_at(...) (fault_at(__VA_ARGS__), false)
#define fault_system(...) (fault_system(__VA_ARGS__), false)
#define fault_within(...) (fault_within(__VA_ARGS__), false)
#endif

/* In compiler form, so that editors and CI find the place. */
void fault_print(const struct fault *fault, FILE *stream);
/* The message with its place on one line, into a buffer. */
void fault_describe(const struct fault *fault, struct text_buf *out);

/* Mistakes collected while a reader goes on; shown all at once. */
struct fault_list {
	struct fault items[FAULT_LIST_MAX];
	size_t count;
	size_t errors;  /* of all added, those that are no warnings */
	size_t dropped; /* beyond the limit */
	/* Is given what is beyond the limit; false: no room there either. NULL: it is dropped. */
	bool (*overflow)(void *context, const struct fault *fault);
	void *overflow_context;
};

/* Nothing more is kept: whoever reads on only spends time. */
MUST_CHECK bool fault_list_is_full(const struct fault_list *list);

/* Keeps a copy. False when the list was full (the caller may stop then). */
bool fault_list_add(struct fault_list *list, const struct fault *fault);
bool fault_list_at(struct fault_list *list, struct place place, const char *format, ...)
    PRINTF_LIKE(3, 4);
bool fault_list_warn(struct fault_list *list, struct place place, const char *format, ...)
    PRINTF_LIKE(3, 4);
void fault_list_print(const struct fault_list *list, FILE *stream);

#endif
