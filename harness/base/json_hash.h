/*
 * Members of an object found by key in constant time, whoever chose the keys:
 * the hash is keyed with random bytes of the process, so nobody can prepare collisions.
 */
#ifndef PROVISO_BASE_JSON_HASH_H
#define PROVISO_BASE_JSON_HASH_H

#include "harness/base/json.h"

/* Up to this many members are simply compared one after another. */
enum { JSON_INDEX_MIN = 17 };

/* Heap memory where the object is large; the object must outlive it. */
struct json_index {
	const struct json *object;
	struct json **slots; /* owned; NULL where the object is small */
	size_t mask;
	uint64_t seed[2];
};

void json_index_init(struct json_index *index, const struct json *object);
void json_index_done(struct json_index *index);
/* The last member of that key, or NULL. */
MUST_CHECK struct json *json_index_find(const struct json_index *index, struct text key);

/* The hash itself (SipHash-1-3), for other tables; a seed for it that nobody knows. */
MUST_CHECK uint64_t json_hash_text(const uint64_t seed[2], struct text text);
void json_hash_seed(uint64_t seed[2]);

/* Sets `duplicate` and `has_duplicate` in an object just read. */
void json_mark_duplicates(struct json *object);

/* Equal values (json_equal) have equal hashes; not keyed, so count what you compare. */
MUST_CHECK uint64_t json_hash(const struct json *node);

#endif
