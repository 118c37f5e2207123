/*
 * Tells when a file was replaced or written: by the folder it is in, because files are replaced by
 * renaming. Several changes at once are told once.
 */
#ifndef PROVISO_PROXY_WATCH_H
#define PROVISO_PROXY_WATCH_H

#include "harness/base/loop.h"

struct watch;

enum { WATCH_MAX_FILES = 8 };

/* `changed` comes from the loop. A folder that can't be watched is a warning in the log, and is
 * looked at once a second until it can. */
MUST_CHECK struct watch *watch_new(struct loop *loop, void (*changed)(void *context),
                                   void *context);
/* Up to WATCH_MAX_FILES; the path is copied. The file need not exist yet. */
void watch_add(struct watch *watch, const char *path);
/* Freed at the end of the turn; NULL is fine. */
void watch_free(struct watch *watch);

#endif
