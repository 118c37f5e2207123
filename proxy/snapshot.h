/*
 * What the proxy decides by: config, suite, matrix and the router over them, loaded and
 * validated whole, const afterwards, shared by all workers. A reload makes a new one; requests
 * under way keep the one they began with.
 */
#ifndef PROVISO_PROXY_SNAPSHOT_H
#define PROVISO_PROXY_SNAPSHOT_H

#include "harness/run/router.h"
#include "proxy/health.h"
#include "proxy/rate.h"

#include <stdatomic.h>

/* Where it comes from; the same for every reload. */
struct snapshot_files {
	const char *config; /* NULL: found as `check` finds it */
	const char *matrix; /* absent: nothing is proven, which is a warning and no fault */
};

struct snapshot {
	atomic_size_t references;
	struct config config;
	struct suite suite;
	struct matrix matrix;
	struct router *router;
	struct health **healths;    /* by the target's number; borrowed */
	struct rate_limits *limits; /* the same, of its provider: those that the config gives */
	atomic_int_least64_t *hedges_saved; /* by route: millionths of a hedge that may be spent */
	int64_t loaded_wall_ms;
	bool matrix_absent;
	struct arena arena;
	bool suite_loaded;
};

/*
 * With one reference, the caller's. False with the mistakes in `faults`; warnings may stand there
 * all the same. The table must outlive it.
 */
MUST_CHECK bool snapshot_load(const struct snapshot_files *files, struct health_table *table,
                              int64_t now_wall_ms, struct snapshot **out,
                              struct fault_list *faults);
/* One more reference; any thread that holds one already. */
MUST_CHECK struct snapshot *snapshot_take(struct snapshot *snapshot);
/* The last one frees it; NULL is fine. */
void snapshot_drop(struct snapshot *snapshot);

#endif
