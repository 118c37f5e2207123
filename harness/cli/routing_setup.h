/* Config, suite and matrix brought together as a router: for `explain`, `gate` and `forecast`. */
#ifndef PROVISO_CLI_ROUTING_SETUP_H
#define PROVISO_CLI_ROUTING_SETUP_H

#include "harness/run/route/live.h"
#include "harness/run/route/router.h"

/* Zeroed memory is an empty one; routing_setup_done is needed in any case. */
struct routing_setup {
	struct config config;
	struct suite suite;
	struct matrix matrix;
	struct live live;
	struct router *router; /* keys are assumed: nothing is sent */
	bool config_loaded, suite_loaded;
	/* Set before loading: proviso-matrix.json need not be there where no path is given. */
	bool matrix_optional;
	bool matrix_missing; /* and it is not: nothing is proven */
};

/*
 * path data NULL: the usual config; matrix_path data NULL: proviso-matrix.json; a run's folder
 * stands for the matrix in it. An exit code; what is wrong is said on stderr.
 */
MUST_CHECK int routing_setup_load(struct routing_setup *setup, struct text config_path,
                                  struct text matrix_path, struct arena *arena);
void routing_setup_done(struct routing_setup *setup);

#endif
