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
	if (matrix_read(path, &snapshot->arena, &snapshot->as_read, &fault))
		return true;
	(void)fault_list_add(faults, &fault);
	return false;
}

/* What was seen since is laid over a copy: the next snapshot may have seen something else. */
static bool lay_over(struct snapshot *snapshot, struct fault *fault)
{
	struct arena *arena = &snapshot->arena;
	struct matrix *matrix = &snapshot->matrix;

	*matrix = snapshot->as_read;
	matrix->cells = ARENA_NEW_ARRAY(arena, struct matrix_cell, matrix->count);
	if (matrix->count > 0)
		memcpy(matrix->cells, snapshot->as_read.cells,
		       matrix->count * sizeof(matrix->cells[0]));
	live_apply(&snapshot->live, matrix, arena);
	return router_build(&snapshot->config, &snapshot->suite, matrix, arena, &snapshot->router,
	                    fault);
}

/* The file and what is known beside it, which is more where it could not be written. */
static bool load_live(struct snapshot *snapshot, const struct snapshot_files *files,
                      const struct snapshot_shared *shared, struct fault *fault)
{
	snapshot->live_path =
	    live_path(snapshot->config.proxy.live.path, files->matrix, &snapshot->arena);
	if (!live_read(snapshot->live_path, &snapshot->arena, &snapshot->live, fault))
		return false;
	if (shared->live != NULL)
		live_merge(&snapshot->live, shared->live, &snapshot->arena);
	return true;
}

static bool load_all(struct snapshot *snapshot, const struct snapshot_files *files,
                     const struct snapshot_shared *shared, struct fault_list *faults)
{
	const struct config_check *check = &snapshot->config.check;
	struct fault fault;

	if (!config_load(files->config, &snapshot->config, faults))
		return false;
	if (snapshot->config.providers.count == 0) {
		(void)fault_set(&fault, FAULT_WARNING,
		                "there is no provider: no config is here (proviso.yaml) and no "
		                "provider's key variable is set");
		(void)fault_list_add(faults, &fault);
	}
	load_keys(&snapshot->config, faults);
	snapshot->suite_loaded = true;
	if (!suite_load(&snapshot->suite, check->core, &check->cases, faults) ||
	    !load_matrix(snapshot, files->matrix, faults))
		return false;
	if (load_live(snapshot, files, shared, &fault) && lay_over(snapshot, &fault))
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
	if (snapshot->base == NULL) {
		if (snapshot->suite_loaded)
			suite_done(&snapshot->suite);
		config_done(&snapshot->config);
	}
	snapshot_drop(snapshot->base);
	arena_done(&snapshot->arena);
	memory_free(snapshot);
}

static void number_targets(struct snapshot *snapshot, const struct snapshot_shared *shared)
{
	size_t count = router_target_count(snapshot->router);
	struct arena *arena = &snapshot->arena;

	snapshot->healths = ARENA_NEW_ARRAY(arena, struct health *, count + 1);
	snapshot->limits = ARENA_NEW_ARRAY(arena, struct rate_limits, count + 1);
	snapshot->lives = ARENA_NEW_ARRAY(arena, struct live_target *, count + 1);
	snapshot->posts = ARENA_NEW_ARRAY(arena, struct live_posts, count + 1);
	snapshot->hedges_saved =
	    ARENA_NEW_ARRAY(arena, atomic_int_least64_t, snapshot->config.routes.count + 1);
	for (size_t i = 0; i < count; i++) {
		const struct target *target = router_target(snapshot->router, i);
		snapshot->healths[i] = health_of(shared->healths, target);
		snapshot->limits[i] = limits_of(target->provider);
		snapshot->lives[i] = live_target_of(shared->lives, target->name);
		if (snapshot->config.proxy.live.quarantine)
			live_posts_build(router_evidence(snapshot->router), &snapshot->suite,
			                 &snapshot->matrix, target->name, arena,
			                 &snapshot->posts[i]);
	}
}

bool snapshot_load(const struct snapshot_files *files, const struct snapshot_shared *shared,
                   int64_t now_wall_ms, struct snapshot **out, struct fault_list *faults)
{
	struct snapshot *snapshot = memory_new(sizeof(*snapshot));

	atomic_init(&snapshot->references, 1);
	if (!load_all(snapshot, files, shared, faults)) {
		snapshot_free(snapshot);
		return false;
	}
	number_targets(snapshot, shared);
	snapshot->loaded_wall_ms = now_wall_ms;
	*out = snapshot;
	return true;
}

bool snapshot_renew(struct snapshot *old, const struct snapshot_shared *shared,
                    struct snapshot **out, struct fault *fault)
{
	struct snapshot *base = old->base != NULL ? old->base : old;
	struct snapshot *snapshot = memory_new(sizeof(*snapshot));

	atomic_init(&snapshot->references, 1);
	snapshot->base = snapshot_take(base);
	snapshot->config = base->config;
	snapshot->suite = base->suite;
	snapshot->as_read = base->as_read;
	snapshot->live_path = base->live_path;
	snapshot->loaded_wall_ms = base->loaded_wall_ms;
	snapshot->matrix_absent = base->matrix_absent;
	live_copy(shared->live, &snapshot->arena, &snapshot->live);
	if (!lay_over(snapshot, fault)) {
		snapshot_free(snapshot);
		return false;
	}
	number_targets(snapshot, shared);
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
