/*
 * Files: read whole and capped, replaced whole or not at all, appended durably.
 */
#ifndef PROVISO_BASE_FILE_H
#define PROVISO_BASE_FILE_H

#include "harness/base/fault.h"

enum {
	FILE_LIST_MAX = 1000000, /* names of one folder: 64 MB or so, more is no folder of ours */
	FILE_LOG_PATH_BYTES = 512,
};

/*
 * The whole file (or stdin, for "-") as a source in the arena. Larger than
 * `max_bytes`, absent or unreadable: FAULT_INPUT.
 */
MUST_CHECK bool file_read(const char *path, size_t max_bytes, struct arena *arena,
                          struct source **out, struct fault *fault);
MUST_CHECK bool file_exists(const char *path);
MUST_CHECK bool file_is_directory(const char *path);

/*
 * Replaces the file by these bytes: written beside it, fsynced, renamed, the
 * folder fsynced. A reader sees the old or the new bytes, a crash loses neither.
 * mode: for a new file, e.g. 0644, less umask; an old file's mode is kept. A symbolic
 * link is followed; a device or a pipe is written to, for it holds nothing to replace.
 */
MUST_CHECK bool file_replace(const char *path, struct text body, unsigned mode,
                             struct fault *fault);
/* Makes a new or renamed name in the folder of `path` survive a crash. */
MUST_CHECK bool file_sync_folder(const char *path, struct fault *fault);

/* The folder and those above it; existing ones are fine. Mode 0777 less umask. */
MUST_CHECK bool file_make_directories(const char *path, struct fault *fault);
/*
 * Names in a folder, sorted bytewise, without . and ..; arena memory. More than
 * FILE_LIST_MAX, absent or unreadable: FAULT_INPUT.
 */
MUST_CHECK bool file_list(const char *path, struct arena *arena, struct text **names, size_t *count,
                          struct fault *fault);
/* "a/b": one slash between. Arena. */
MUST_CHECK const char *file_join(struct arena *arena, const char *folder, const char *name);

/* An append-only file: the journal, evidence. */
struct file_log {
	int fd; /* -1: closed */
	int64_t size;
	char path[FILE_LOG_PATH_BYTES];
};

/* Opens or makes it; `size` is what is there. Takes an exclusive lock (flock): a second writer is
 * refused. */
MUST_CHECK bool file_log_open(struct file_log *log, const char *path, struct fault *fault);
/*
 * Writes all of it (EINTR and short writes handled). On a fault nothing of it counts: the file is
 * cut back, or closed where even that fails, so that nothing is written behind a torn record.
 */
MUST_CHECK bool file_log_append(struct file_log *log, struct text bytes, struct fault *fault);
/*
 * The same open file once more, to be synced and closed by another thread while this one is written
 * or closed. The lock is held until both are closed.
 */
MUST_CHECK bool file_log_share(const struct file_log *log, struct file_log *out,
                               struct fault *fault);
/* fdatasync. */
MUST_CHECK bool file_log_sync(struct file_log *log, struct fault *fault);
/* Cuts the file to `size` bytes: what a crash left half-written behind the last good record. */
MUST_CHECK bool file_log_truncate(struct file_log *log, int64_t size, struct fault *fault);
void file_log_close(struct file_log *log);

#endif
