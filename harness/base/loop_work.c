/* Work on another thread, by libuv's pool; see loop.h. */
#include "harness/base/loop_private.h"

#include <uv.h>

struct loop_work {
	uv_work_t request;
	struct loop *loop;
	void (*work)(void *context);
	void (*done)(void *context);
	void *context;
};

static void on_its_thread(uv_work_t *request)
{
	struct loop_work *work = CONTAINER_OF(request, struct loop_work, request);

	work->work(work->context);
}

/* Nothing cancels work, so it has always been done. */
static void on_the_loop(uv_work_t *request, int status UNUSED)
{
	struct loop_work *work = CONTAINER_OF(request, struct loop_work, request);
	void (*done)(void *) = work->done;
	void *context = work->context;

	loop_work_ended(work->loop);
	memory_free(work);
	done(context);
}

void loop_work(struct loop *loop, void (*work)(void *context), void (*done)(void *context),
               void *context)
{
	struct loop_work *item = memory_new(sizeof(*item));

	item->loop = loop;
	item->work = work;
	item->done = done;
	item->context = context;
	/* Refused only where there is no work to do. */
	int failed = uv_queue_work(loop_uv(loop), &item->request, on_its_thread, on_the_loop);
	REQUIRE(failed == 0);
	loop_work_began(loop);
}
