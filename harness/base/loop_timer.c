/*
 * The timer heap: thousands of timeouts that are restarted on every request and
 * hardly ever fire, so starting and stopping must be cheap and allocate nothing.
 */
#include "harness/base/loop_private.h"

enum { LOOP_HEAP_FIRST = 32 };

static bool timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void heap_place(struct loop_heap *heap, size_t at, struct loop_timer *timer)
{
	heap->items[at] = timer;
	timer->slot = at + 1;
}

/* Moves `timer` from the hole at `at` towards the root as far as it belongs. */
static void heap_rise(struct loop_heap *heap, size_t at, struct loop_timer *timer)
{
	while (at > 0) {
		size_t parent = (at - 1) / 2;

		if (!timer_before(timer, heap->items[parent]))
			break;
		heap_place(heap, at, heap->items[parent]);
		at = parent;
	}
	heap_place(heap, at, timer);
}

/* Moves the hole at `at` down to a leaf or to where `timer` belongs. */
static void heap_sink(struct loop_heap *heap, size_t at, struct loop_timer *timer)
{
	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    timer_before(heap->items[child + 1], heap->items[child]))
			child++;
		if (!timer_before(heap->items[child], timer))
			break;
		heap_place(heap, at, heap->items[child]);
		at = child;
	}
	heap_place(heap, at, timer);
}

void loop_heap_done(struct loop_heap *heap)
{
	memory_free(heap->items);
	*heap = (struct loop_heap){0};
}

void loop_heap_add(struct loop_heap *heap, struct loop_timer *timer)
{
	REQUIRE(timer->slot == 0);
	if (heap->count == heap->room) {
		heap->room = heap->room == 0 ? LOOP_HEAP_FIRST : size_mul(heap->room, 2);
		heap->items =
		    memory_resize(heap->items, size_mul(heap->room, sizeof(heap->items[0])));
	}
	timer->order = heap->next_order++;
	heap->count++;
	heap_rise(heap, heap->count - 1, timer);
}

void loop_heap_remove(struct loop_heap *heap, struct loop_timer *timer)
{
	REQUIRE(timer->slot > 0 && timer->slot <= heap->count);
	size_t at = timer->slot - 1;
	REQUIRE(heap->items[at] == timer);
	struct loop_timer *last = heap->items[heap->count - 1];

	heap->count--;
	timer->slot = 0;
	if (last == timer)
		return;
	if (at > 0 && timer_before(last, heap->items[(at - 1) / 2]))
		heap_rise(heap, at, last);
	else
		heap_sink(heap, at, last);
}

struct loop_timer *loop_heap_first(const struct loop_heap *heap)
{
	return heap->count == 0 ? NULL : heap->items[0];
}
