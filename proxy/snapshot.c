/* Loading, counting and freeing snapshots; see snapshot.h. */
#include "proxy/snapshot.h"

#include "harness/base/file.h"

/* A provider whose key is not there is left out by the router, and said here. */
static void load_keys(struct config *config, struct fault_list *faults)
{
	for (size_t i = 0; i < config->providers.count; i++) {
		struct provider *provider = &config->providers.items[i];
		struct fault fault;
		if (provider_load_key(provider, &fault))
			continue;
		fault.kind = FAULT_WARNING;
		(void)fault_within(&fault, "loading keys: provider %.*s serves nothing",
		                   TEXT_ARG(provider->name));
		(void)fault_list_add(faults, &fault);
	}
}

static bool load_matrix(struct snapshot *snapshot, const char *path, struct fault_list *faults)
{
	struct fault fault;

	if (!file_exists(path)) {
		snapshot->matrix_absent = true;
		(void)fault_set(
		    &fault, FAULT_WARNING,
		    "there is no matrix %s: nothing is proven (`proviso check` makes it)", path);
		(void)fault_list_add(faults, &fault);
		return true;
	}
	if (matrix_read(path, &snapshot->arena, &snapshot->matrix, &fault))
		return true;
	(void)fault_list_add(faults, &fault);
	return false;
}

static bool load_all(struct snapshot *snapshot, const struct snapshot_files *files,
                     struct fault_list *faults)
{
	const struct config_check *check = &snapshot->config.check;
	struct fault fault;

	if (!config_load(files->config, &snapshot->config, faults))
		return false;
	load_keys(&snapshot->config, faults);
	snapshot->suite_loaded = true;
	if (!suite_load(&snapshot->suite, check->core, &check->cases, faults) ||
	    !load_matrix(snapshot, files->matrix, faults))
		return false;
	if (router_build(&snapshot->config, &snapshot->suite, &snapshot->matrix, &snapshot->arena,
	                 &snapshot->router, &fault))
		return true;
	(void)fault_list_add(faults, &fault);
	return false;
}

static int64_t given(const struct json *limits, const char *name, int64_t value)
{
	return json_member(limits, name) == NULL ? 0 : value;
}

/* The defaults and the catalogue's are the runner's manners; traffic obeys what the user says. */
static struct rate_limits limits_of(const struct provider *provider)
{
	const struct json *limits = json_member(provider->node, "limits");

	return (struct rate_limits){
	    given(limits, "requests_per_minute", provider->limits.requests_per_minute),
	    given(limits, "tokens_per_minute", provider->limits.tokens_per_minute),
	    given(limits, "concurrency", provider->limits.concurrency),
	};
}

static void snapshot_free(struct snapshot *snapshot)
{
	router_done(snapshot->router);
	if (snapshot->suite_loaded)
		suite_done(&snapshot->suite);
	config_done(&snapshot->config);
	arena_done(&snapshot->arena);
	memory_free(snapshot);
}

bool snapshot_load(const struct snapshot_files *files, struct health_table *table,
                   int64_t now_wall_ms, struct snapshot **out, struct fault_list *faults)
{
	struct snapshot *snapshot = memory_new(sizeof(*snapshot));

	atomic_init(&snapshot->references, 1);
	if (!load_all(snapshot, files, faults)) {
		snapshot_free(snapshot);
		return false;
	}
	size_t count = router_target_count(snapshot->router);
	snapshot->healths = ARENA_NEW_ARRAY(&snapshot->arena, struct health *, count + 1);
	snapshot->limits = ARENA_NEW_ARRAY(&snapshot->arena, struct rate_limits, count + 1);
	for (size_t i = 0; i < count; i++) {
		const struct target *target = router_target(snapshot->router, i);
		snapshot->healths[i] = health_of(table, target);
		snapshot->limits[i] = limits_of(target->provider);
	}
	snapshot->hedges_saved = ARENA_NEW_ARRAY(&snapshot->arena, atomic_int_least64_t,
	                                         snapshot->config.routes.count + 1);
	snapshot->loaded_wall_ms = now_wall_ms;
	*out = snapshot;
	return true;
}

struct snapshot *snapshot_take(struct snapshot *snapshot)
{
	size_t before = atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);

	REQUIRE(before > 0);
	return snapshot;
}

void snapshot_drop(struct snapshot *snapshot)
{
	if (snapshot != NULL &&
	    atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) == 1)
		snapshot_free(snapshot);
}
