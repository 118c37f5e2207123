/* Loads what a routing decision rests on; see routing_setup.h. */
#include "harness/cli/routing_setup.h"

#include "harness/base/file.h"
#include "harness/cli/command.h"

/* With what was seen since: a decision here is the one that the proxy would make. */
static bool read_matrix(struct routing_setup *setup, struct text path, struct arena *arena,
                        struct fault *fault)
{
	const char *name = path.data == NULL ? "proviso-matrix.json" : text_c(arena, path);

	if (setup->matrix_optional && path.data == NULL && !file_exists(name)) {
		setup->matrix_missing = true;
		return true;
	}
	if (file_is_directory(name))
		name = file_join(arena, name, "matrix.json");
	if (!matrix_read(name, arena, &setup->matrix, fault) ||
	    !live_read(live_path(setup->config.proxy.live.path, name, arena), arena, &setup->live,
	               fault))
		return false;
	live_apply(&setup->live, &setup->matrix, arena);
	return true;
}

int routing_setup_load(struct routing_setup *setup, struct text config_path,
                       struct text matrix_path, struct arena *arena)
{
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);
	struct fault fault;

	setup->config_loaded = true;
	if (!config_load(config_path.data == NULL ? NULL : text_c(arena, config_path),
	                 &setup->config, faults))
		return command_fail_list(faults);
	setup->suite_loaded = true;
	if (!suite_load(&setup->suite, setup->config.check.core, &setup->config.check.cases,
	                faults))
		return command_fail_list(faults);
	int code = command_fail_list(faults); /* warnings at most */
	REQUIRE(code == EXIT_HOLDS);
	if (!read_matrix(setup, matrix_path, arena, &fault) ||
	    !router_build(&setup->config, &setup->suite, &setup->matrix, arena, &setup->router,
	                  &fault))
		return command_fail(&fault);
	router_assume_keys(setup->router);
	return EXIT_HOLDS;
}

void routing_setup_done(struct routing_setup *setup)
{
	router_done(setup->router);
	if (setup->suite_loaded)
		suite_done(&setup->suite);
	if (setup->config_loaded)
		config_done(&setup->config);
}
