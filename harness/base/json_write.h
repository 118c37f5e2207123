/*
 * Writing JSON: commas, quotes and escapes are put in, nothing else is decided.
 * Overflow of the buffer is sticky and read once at the end (text_buf.overflow).
 */
#ifndef PROVISO_BASE_JSON_WRITE_H
#define PROVISO_BASE_JSON_WRITE_H

#include "harness/base/json.h"

/* A node as deep as any, and some levels of our own around it. */
enum { JSON_WRITE_DEPTH = JSON_DEPTH_MAX + 64 };

struct json_writer {
	struct text_buf *out; /* borrowed */
	bool pretty;          /* two spaces a level, one member a line */
	unsigned depth;
	uint64_t filled[JSON_WRITE_DEPTH / 64]; /* bit per level: something stands there already */
	bool after_key;
};

void json_writer_init(struct json_writer *writer, struct text_buf *out, bool pretty);

void json_write_object(struct json_writer *writer);
void json_write_object_end(struct json_writer *writer);
void json_write_array(struct json_writer *writer);
void json_write_array_end(struct json_writer *writer);
void json_write_key(struct json_writer *writer, const char *name);
void json_write_key_text(struct json_writer *writer, struct text name);

/* Bad UTF-8 in a string becomes U+FFFD: what is written is always JSON. */
void json_write_string(struct json_writer *writer, struct text value);
void json_write_c(struct json_writer *writer, const char *value); /* NULL: null */
void json_write_int(struct json_writer *writer, int64_t value);
void json_write_bool(struct json_writer *writer, bool value);
void json_write_null(struct json_writer *writer);
/* `decimals` digits behind the point, trailing zeros cut; for statistics. */
void json_write_double(struct json_writer *writer, double value, int decimals);
/* A value that is JSON already. */
void json_write_raw(struct json_writer *writer, struct text value);
/* A whole node, numbers as they were written. */
void json_write_node(struct json_writer *writer, const struct json *node);

/* Key and value in one: the usual case. */
void json_write_member(struct json_writer *writer, const char *name, struct text value);
void json_write_member_c(struct json_writer *writer, const char *name, const char *value);
void json_write_member_int(struct json_writer *writer, const char *name, int64_t value);
void json_write_member_bool(struct json_writer *writer, const char *name, bool value);
/* null where value is below 0: "unknown is not zero". */
void json_write_member_count(struct json_writer *writer, const char *name, int64_t value);

/* The string literal alone, quotes included, appended to any buffer. */
void json_quote(struct text_buf *out, struct text value);
/* A node as compact JSON text in the arena; no text (data NULL) beyond 512 MiB. */
MUST_CHECK struct text json_to_text(struct arena *arena, const struct json *node);

#endif
