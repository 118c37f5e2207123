/*
 * The one node type for every document: JSON read strictly, YAML read into the
 * same nodes (yaml.h), each node with its place.
 *
 * Bytes are the truth: a number keeps its text, a string its decoded bytes and
 * its span in the source, a duplicate key is seen and marked. Forwarding a body
 * means its original bytes, or a splice of single spans, never parse and print.
 */
#ifndef PROVISO_BASE_JSON_H
#define PROVISO_BASE_JSON_H

#include "harness/base/fault.h"

enum json_type {
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* Const after reading. Arena memory; views point into the source where they can. */
struct json {
	struct text
	    text;        /* string: decoded; number, true, false, null: as written; else the span */
	struct text key; /* decoded member name, where the parent is an object */
	const struct source *source;
	struct json *first; /* children in order of appearance */
	struct json *last;
	struct json *next;
	uint32_t begin, end; /* bytes [begin, end) of the source; a string's with its quotes */
	uint32_t count;      /* children */
	uint8_t type;        /* enum json_type */
	bool truth;          /* of a JSON_BOOL */
	bool duplicate;      /* an earlier member of the parent has the same (decoded) key */
	bool has_duplicate;  /* some member of this object is a duplicate */
};

/* Whatever limits say: what walks over nodes may recurse that deep. */
enum { JSON_DEPTH_MAX = 1024 };

/* What reading may cost at most. Over a limit is a fault, like any bad input. */
struct json_limits {
	size_t bytes;
	unsigned depth;
	uint32_t nodes;
};

/* 64 MiB (a provider's largest body), 128 levels, 4 million values. */
extern const struct json_limits json_default_limits;

/*
 * Reads exactly one RFC 8259 text: no trailing bytes, no BOM, no NaN, strict
 * UTF-8, no lone surrogate escapes. Duplicate keys are accepted and marked.
 * `source` must outlive the nodes. limits NULL: json_default_limits.
 */
MUST_CHECK bool json_read(const struct source *source, const struct json_limits *limits,
                          struct arena *arena, struct json **root, struct fault *fault);
/* The same from loose bytes that outlive the nodes; faults name `name`. */
MUST_CHECK bool json_read_text(struct text body, const char *name, struct arena *arena,
                               struct json **root, struct fault *fault);
/*
 * Reads one value at the start of the body (after white space) and says where
 * it ends: for bodies that may carry something behind.
 */
MUST_CHECK bool json_read_prefix(const struct source *source, const struct json_limits *limits,
                                 struct arena *arena, struct json **root, size_t *end,
                                 struct fault *fault);

struct place json_place(const struct json *node);
/* "an object", "a string" ... for messages. NULL node: "nothing". */
const char *json_type_name(const struct json *node);

/* --- looking; all take a NULL or wrong node and then find nothing --- */

/* The last member of that name (what nearly every client does with duplicates), or NULL. */
MUST_CHECK struct json *json_member_text(const struct json *object, struct text name);
/* Here, so that the length of a literal name is known when it is compiled. */
MUST_CHECK static inline struct json *json_member(const struct json *object, const char *name)
{
	return json_member_text(object, text_of(name));
}
MUST_CHECK struct json *json_at(const struct json *array, size_t index);
/* RFC 6901 pointer: "" is the node itself, "/a/0/b~1c". NULL where nothing is there. */
MUST_CHECK struct json *json_pointer(const struct json *root, struct text pointer);

static inline bool json_is(const struct json *node, enum json_type type)
{
	return node != NULL && node->type == type;
}

/* The member's string; empty view (data NULL) where it is no string. */
MUST_CHECK static inline struct text json_string(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	return json_is(member, JSON_STRING) ? member->text : (struct text){NULL, 0};
}
/* The member as an integer in [min, max]; 1.0 and 1e2 count as integers. False otherwise. */
MUST_CHECK bool json_integer(const struct json *object, const char *name, int64_t min, int64_t max,
                             int64_t *out);
MUST_CHECK bool json_node_integer(const struct json *node, int64_t min, int64_t max, int64_t *out);
/* The member as a bool; `fallback` where it is none. */
MUST_CHECK bool json_truth(const struct json *object, const char *name, bool fallback);

/* The first member or item; NULL where there is none. */
static inline struct json *json_first(const struct json *parent)
{
	return parent == NULL ? NULL : parent->first;
}

#define JSON_EACH(child, parent)                                                                   \
	for (struct json *child = json_first(parent); (child) != NULL; (child) = (child)->next)

/* --- comparing, as JSON Schema does: 1.0 equals 1, member order does not count --- */

MUST_CHECK bool json_equal(const struct json *a, const struct json *b);
/* Two number texts by value, exactly, however long: <0, 0, >0. */
MUST_CHECK int json_number_compare(struct text a, struct text b);
MUST_CHECK bool json_number_is_integer(struct text number);
/* The same for every spelling of a value (1.0, 1, 10e-1), else most likely different. */
MUST_CHECK uint64_t json_number_hash(struct text number);
/* The number as an integer in [min, max]; 1.0 and 1e2 count as integers. False otherwise. */
MUST_CHECK bool json_number_to_int64(struct text number, int64_t min, int64_t max, int64_t *out);
/*
 * Whether a is a multiple of b (b > 0), exactly. Costs the product of both
 * lengths where b has more than 18 digits: cap the lengths of hostile numbers.
 */
MUST_CHECK bool json_number_is_multiple(struct text a, struct text b);

/* --- making nodes by hand (templates, tests); arena memory, no place --- */

MUST_CHECK struct json *json_new(struct arena *arena, enum json_type type);
MUST_CHECK struct json *json_new_string(struct arena *arena, struct text text);
MUST_CHECK struct json *json_new_number(struct arena *arena, struct text number);
MUST_CHECK struct json *json_new_bool(struct arena *arena, bool truth);
/* Appends; the key is kept as given (borrowed). A key given twice is not marked. */
void json_append(struct json *array, struct json *child);
void json_append_member(struct json *object, struct text key, struct json *child);
/* A deep copy of the nodes; views still point where the originals do. */
MUST_CHECK struct json *json_clone(struct arena *arena, const struct json *node);

#endif
