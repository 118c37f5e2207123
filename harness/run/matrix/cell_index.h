/*
 * From (target, case, variant) to a number: how the lines of a journal find
 * their cell.
 */
#ifndef PROVISO_RUN_CELL_INDEX_H
#define PROVISO_RUN_CELL_INDEX_H

#include "harness/base/text.h"

struct cell_key {
	struct text target, case_id, variant;
};

struct cell_slot {
	struct cell_key key; /* borrowed */
	size_t number;       /* 1 + what was given; 0: free */
};

/* Zeroed memory is an empty index. */
struct cell_index {
	struct cell_slot *slots; /* owned; a power of two */
	size_t room, count;
};

/* The number of that cell, or SIZE_MAX. */
MUST_CHECK size_t cell_index_find(const struct cell_index *index, struct cell_key key);
/* A key that is there already keeps its old number. The key's texts must outlive the index. */
void cell_index_add(struct cell_index *index, struct cell_key key, size_t number);
void cell_index_done(struct cell_index *index);

#endif
