/* What loop.c shares with loop_timer.c (the heap) and loop_work.c; nobody else includes this. */
#ifndef PROVISO_BASE_LOOP_PRIVATE_H
#define PROVISO_BASE_LOOP_PRIVATE_H

#include "harness/base/loop.h"

/* A binary heap of borrowed timers, earliest first; of equals the one started first. */
struct loop_heap {
	struct loop_timer **items;
	size_t count;
	size_t room;
	uint64_t next_order;
};

void loop_heap_done(struct loop_heap *heap);
/* `timer` is in no heap; at_us is set. */
void loop_heap_add(struct loop_heap *heap, struct loop_timer *timer);
/* `timer` is in this heap. */
void loop_heap_remove(struct loop_heap *heap, struct loop_timer *timer);
/* NULL when empty. */
MUST_CHECK struct loop_timer *loop_heap_first(const struct loop_heap *heap);

/* Work has been given to another thread, or is done: freeing the loop waits for it. */
void loop_work_began(struct loop *loop);
void loop_work_ended(struct loop *loop);

#endif
