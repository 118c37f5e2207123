/* Waking a loop from another thread; see loop.h. */
#include "harness/base/loop.h"

#include <uv.h>

struct loop_wake {
	uv_async_t async;
	void (*fn)(void *context);
	void *context;
};

static void woken(uv_async_t *async)
{
	struct loop_wake *wake = CONTAINER_OF(async, struct loop_wake, async);

	wake->fn(wake->context);
}

struct loop_wake *loop_wake_new(struct loop *loop, void (*fn)(void *context), void *context)
{
	struct loop_wake *wake = memory_new(sizeof(*wake));

	wake->fn = fn;
	wake->context = context;
	/* Fails only where the process has no descriptor left before it began. */
	int failed = uv_async_init(loop_uv(loop), &wake->async, woken);
	REQUIRE(failed == 0);
	return wake;
}

void loop_wake_send(struct loop_wake *wake)
{
	(void)uv_async_send(&wake->async);
}

static void wake_closed(uv_handle_t *handle)
{
	memory_free(CONTAINER_OF((uv_async_t *)handle, struct loop_wake, async));
}

void loop_wake_free(struct loop_wake *wake)
{
	if (wake != NULL)
		uv_close((uv_handle_t *)&wake->async, wake_closed);
}
