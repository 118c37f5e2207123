/* Watching files through their folders (inotify by libuv); see watch.h. */
#include "proxy/watch.h"

#include "harness/base/log.h"

#include <sys/stat.h>
#include <uv.h>

enum {
	SETTLE_MS = 20,         /* an editor writes, renames and touches: one change */
	LISTEN_AGAIN_MS = 1000, /* to a folder that is away, or while the system has no room */
};

/* What tells two states of a file apart. */
struct stamp {
	int64_t seconds, nanoseconds, size;
	uint64_t inode;
};

struct watched {
	struct watch *watch;
	uv_fs_event_t event;
	bool active;
	bool deaf;           /* its folder can't be listened to, which was said */
	char *path, *folder; /* owned */
	struct stamp stamp;
};

struct watch {
	struct loop *loop;
	void (*changed)(void *context);
	void *context;
	struct watched files[WATCH_MAX_FILES];
	size_t count;
	size_t open; /* handles */
	bool freed;
	struct loop_timer timer;
};

static struct stamp stamp_of(const char *path)
{
	struct stat now;

	if (stat(path, &now) != 0)
		return (struct stamp){0};
	return (struct stamp){now.st_mtim.tv_sec, now.st_mtim.tv_nsec, now.st_size, now.st_ino};
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->seconds == b->seconds && a->nanoseconds == b->nanoseconds && a->size == b->size &&
	       a->inode == b->inode;
}

static void folder_changed(uv_fs_event_t *event, const char *name, int events, int status);

static bool listen_to(struct watched *file)
{
	if (!file->active || uv_is_active((uv_handle_t *)&file->event) != 0)
		return true;
	int failed = uv_fs_event_start(&file->event, folder_changed, file->folder, 0);
	if (failed != 0 && !file->deaf)
		log_warn("proxy.watch", "file=%s error=%s: it is looked at once a second",
		         file->path, uv_strerror(failed));
	file->deaf = failed != 0;
	return !file->deaf;
}

static void settled(void *context);

/* Whoever can't be heard is looked at again, and listened to as soon as that is possible. */
static void listen_again(struct watch *watch)
{
	loop_timer_start(watch->loop, &watch->timer, LISTEN_AGAIN_MS, settled, watch);
}

static void settled(void *context)
{
	struct watch *watch = context;
	bool changed = false;
	bool heard = true;

	/* First, so that what happens from here on is heard of. */
	for (size_t i = 0; i < watch->count; i++)
		heard = listen_to(&watch->files[i]) && heard;
	if (!heard)
		listen_again(watch);
	for (size_t i = 0; i < watch->count; i++) {
		struct stamp now = stamp_of(watch->files[i].path);
		/* One that is gone for a moment is being replaced. */
		if (same(&now, &watch->files[i].stamp) || now.inode == 0)
			continue;
		watch->files[i].stamp = now;
		changed = true;
	}
	if (changed)
		watch->changed(watch->context);
}

/*
 * The ledger may be in the same folder, and written thousands of times a second: until the files
 * were looked at nothing more is heard of.
 */
static void folder_changed(uv_fs_event_t *event, const char *name UNUSED, int events UNUSED,
                           int status UNUSED)
{
	struct watched *file = CONTAINER_OF(event, struct watched, event);
	struct watch *watch = file->watch;

	for (size_t i = 0; i < watch->count; i++)
		(void)uv_fs_event_stop(&watch->files[i].event);
	loop_timer_start(watch->loop, &watch->timer, SETTLE_MS, settled, watch);
}

struct watch *watch_new(struct loop *loop, void (*changed)(void *context), void *context)
{
	struct watch *watch = memory_new(sizeof(*watch));

	watch->loop = loop;
	watch->changed = changed;
	watch->context = context;
	return watch;
}

static char *copy(const char *bytes, size_t len)
{
	char *kept = memory_new(len + 1);

	memcpy(kept, bytes, len);
	return kept;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return copy(".", 1);
	return slash == path ? copy("/", 1) : copy(path, (size_t)(slash - path));
}

void watch_add(struct watch *watch, const char *path)
{
	struct watched *file = &watch->files[watch->count];

	REQUIRE(watch->count < WATCH_MAX_FILES);
	watch->count++;
	file->watch = watch;
	file->path = copy(path, strlen(path));
	file->folder = folder_of(path);
	file->stamp = stamp_of(path);
	file->active = uv_fs_event_init(loop_uv(watch->loop), &file->event) == 0;
	watch->open += file->active;
	if (!listen_to(file))
		listen_again(watch);
}

static void free_memory(void *context)
{
	struct watch *watch = context;

	for (size_t i = 0; i < watch->count; i++) {
		memory_free(watch->files[i].path);
		memory_free(watch->files[i].folder);
	}
	memory_free(watch);
}

static void closed(uv_handle_t *handle)
{
	struct watched *file = CONTAINER_OF((uv_fs_event_t *)handle, struct watched, event);

	if (--file->watch->open == 0)
		loop_defer(file->watch->loop, free_memory, file->watch);
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	loop_timer_stop(watch->loop, &watch->timer);
	if (watch->open == 0) {
		loop_defer(watch->loop, free_memory, watch);
		return;
	}
	for (size_t i = 0; i < watch->count; i++)
		if (watch->files[i].active)
			uv_close((uv_handle_t *)&watch->files[i].event, closed);
}
