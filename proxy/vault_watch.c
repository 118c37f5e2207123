/* See vault_watch.h. */
#include "proxy/vault_watch.h"

#include "providers/secret/vault.h"

struct vault_watch {
	struct loop *loop;
	struct loop_timer timer;
	void (*changed)(void *context);
	void *context;
	bool working; /* on the other thread */
	bool all, again, told;
	bool found; /* the other thread's word */
	bool freed;
};

static void start(struct vault_watch *watch, bool all);

static void timer_fired(void *context)
{
	start(context, false);
}

static void work(void *context)
{
	struct vault_watch *watch = context;

	watch->found = vault_refresh(watch->all);
}

static void worked(void *context)
{
	struct vault_watch *watch = context;
	bool tell = watch->found || watch->told;

	watch->working = false;
	if (watch->freed) {
		memory_free(watch);
		return;
	}
	watch->told = false;
	loop_timer_start(watch->loop, &watch->timer, VAULT_RETRY_MS, timer_fired, watch);
	if (tell)
		watch->changed(watch->context);
	if (watch->again)
		vault_watch_all(watch);
}

static void start(struct vault_watch *watch, bool all)
{
	watch->all = all;
	watch->again = false;
	watch->working = true;
	loop_work(watch->loop, work, worked, watch);
}

struct vault_watch *vault_watch_new(struct loop *loop, void (*changed)(void *context),
                                    void *context)
{
	struct vault_watch *watch = memory_new(sizeof(*watch));

	*watch = (struct vault_watch){.loop = loop, .changed = changed, .context = context};
	loop_timer_start(loop, &watch->timer, VAULT_RETRY_MS, timer_fired, watch);
	return watch;
}

void vault_watch_all(struct vault_watch *watch)
{
	if (watch->working) {
		watch->again = true;
		return;
	}
	loop_timer_stop(watch->loop, &watch->timer);
	watch->told = true;
	start(watch, true);
}

void vault_watch_free(struct vault_watch *watch)
{
	if (watch == NULL)
		return;
	loop_timer_stop(watch->loop, &watch->timer);
	watch->freed = true;
	if (!watch->working)
		memory_free(watch);
}
