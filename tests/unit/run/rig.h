/*
 * A whole run on one loop: the simulator, the suite, a folder for journal and evidence, and
 * what the runner tells.
 */
#ifndef PROVISO_TESTS_UNIT_RUN_RIG_H
#define PROVISO_TESTS_UNIT_RUN_RIG_H

#include "cases/reference.h"
#include "harness/run/runner/run_folder.h"
#include "harness/run/runner/runner.h"
#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <unistd.h>

enum { RIG_BREAKS_MAX = 8 };

static struct {
	struct arena arena;
	struct loop *loop;
	struct caller *caller;
	struct suite suite;
	struct sim *sim;
	struct provider providers[2];
	struct target targets[2];
	size_t target_count;
	struct plan plan;
	char folder[64];
	struct run_folder paths;
	struct journal journal;
	struct recording *recording;
	struct runner *runner;
	struct runner_options options;
	/* what was told */
	enum runner_end end;
	struct fault end_fault;
	unsigned ends, stops, cells_told;
	struct text stop_reason;
	int64_t attempts_told;
	int64_t stop_after; /* attempts; 0: never */
	int64_t drain_ms;
	unsigned suites; /* enum plan_suite */
	void (*watch)(void *context, const struct journal_attempt *attempt);
} rig UNUSED;

static inline void rig_make_provider(size_t at, const char *name, struct text base_url,
                                     struct text key)
{
	struct provider *provider = &rig.providers[at];
	struct fault fault;

	ck_assert_msg(provider_from_url(base_url, TEXT("sim-small"), (struct text){NULL, 0},
	                                &rig.arena, provider, &fault),
	              "%s", fault.message);
	provider->name = text_of(name);
	provider->key = secret_from_bytes(key);
	provider->models[0].context = 8192;
	rig.targets[at] = (struct target){provider, &provider->models[0],
	                                  text_format(&rig.arena, "%s/sim-small", name)};
	rig.target_count = at + 1;
}

/* "storm-500:3 TC-05" breaks the simulator in these ways; "" in none. */
static inline void rig_start_sim(const char *breaks)
{
	struct sim_options options = sim_defaults;
	struct text broken[RIG_BREAKS_MAX];
	struct text rest = text_of(breaks);
	struct text field;
	struct fault fault;

	options.breaks = broken;
	while (*breaks != '\0' && text_next_field(&rest, ' ', &field))
		broken[options.break_count++] = field;
	options.oracle = reference_oracle(&rig.suite);
	ck_assert_msg(sim_start(rig.loop, &options, &rig.sim, &fault), "%s", fault.message);
	rig_make_provider(0, "sim", text_of(sim_base_url(rig.sim)), TEXT("sim-key"));
}

static inline void rig_setup(void)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	const struct text_list none = {NULL, 0};
	struct fault fault;

	memset(&rig, 0, sizeof(rig));
	rig.loop = loop_new();
	ck_assert(caller_new(rig.loop, &rig.caller, &fault));
	bool good = suite_load(&rig.suite, true, &none, faults);
	fault_list_print(faults, stderr);
	ck_assert(good);
	memory_free(faults);
	(void)snprintf(rig.folder, sizeof(rig.folder), "/tmp/proviso-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig.folder));
	rig.paths = run_folder_of(rig.folder, &rig.arena);
	rig.options = (struct runner_options){.suite = &rig.suite,
	                                      .plan = &rig.plan,
	                                      .seed = TEXT("seed"),
	                                      .jobs = 4,
	                                      .max_spend_pico_usd = -1,
	                                      .max_attempts = 3,
	                                      .deadline_ms = 60000,
	                                      .journal = &rig.journal,
	                                      .evidence_folder = rig.paths.evidence};
}

static inline void rig_remove(const char *path)
{
	struct text *names;
	size_t count;
	struct fault fault;

	if (file_is_directory(path) && file_list(path, &rig.arena, &names, &count, &fault))
		for (size_t i = 0; i < count; i++)
			rig_remove(file_join(&rig.arena, path, text_c(&rig.arena, names[i])));
	(void)remove(path);
}

static inline void rig_teardown(void)
{
	if (rig.sim != NULL)
		sim_stop(rig.sim);
	caller_free(rig.caller);
	suite_done(&rig.suite);
	rig_remove(rig.folder);
	for (size_t i = 0; i < rig.target_count; i++)
		secret_free(rig.providers[i].key);
	loop_free(rig.loop);
	arena_done(&rig.arena);
}

/* Case globs, space between; "" for the whole of the profile onboard. */
static inline void rig_plan(const char *cases)
{
	struct plan_filter filter = {.profile = TEXT("onboard"),
	                             .suites = rig.suites,
	                             .cases = {ARENA_NEW_ARRAY(&rig.arena, struct text, 64), 0}};
	struct text rest = text_of(cases);
	struct text field;
	struct fault fault;

	while (*cases != '\0' && text_next_field(&rest, ' ', &field))
		filter.cases.items[filter.cases.count++] = field;
	ck_assert_msg(plan_make(&rig.suite, rig.targets, rig.target_count, &filter, &rig.arena,
	                        &rig.plan, &fault),
	              "%s", fault.message);
	/* Each question once, unless a test is about more: what is tested here is the asking. */
	rig.plan.rules = (struct verdict_rules){VERDICT_ONCE, 1};
}

static inline void rig_cell(void *context UNUSED, const struct plan_cell *cell UNUSED,
                            enum verdict verdict UNUSED, struct text detail UNUSED)
{
	rig.cells_told++;
}

static inline void rig_stopped(void *context UNUSED, const struct provider *provider UNUSED,
                               struct text reason)
{
	rig.stops++;
	rig.stop_reason = text_copy(&rig.arena, reason);
}

static inline void rig_attempt(void *context UNUSED, const struct journal_attempt *attempt)
{
	rig.attempts_told += attempt->owner;
	if (rig.watch != NULL)
		rig.watch(NULL, attempt);
	if (rig.stop_after > 0 && rig.attempts_told == rig.stop_after)
		runner_stop(rig.runner, rig.drain_ms);
}

static inline void rig_end(void *context UNUSED, enum runner_end end, const struct fault *fault)
{
	rig.end = end;
	rig.ends++;
	if (fault != NULL)
		rig.end_fault = *fault;
	loop_stop(rig.loop);
}

/* From an open journal to the end. */
static inline struct runner_progress rig_go(void)
{
	const struct runner_events events = {rig_cell, rig_stopped, rig_attempt, rig_end, NULL};
	struct fault fault;

	rig.ends = 0;
	rig.options.recording = rig.recording;
	ck_assert_msg(
	    runner_start(rig.loop, rig.caller, &rig.options, &events, &rig.runner, &fault), "%s",
	    fault.message);
	loop_run(rig.loop);
	ck_assert_uint_eq(rig.ends, 1);
	struct runner_progress progress = runner_progress(rig.runner);
	runner_free(rig.runner);
	rig.runner = NULL;
	journal_close(&rig.journal);
	recording_close(rig.recording);
	return progress;
}

/* How the run was asked for, as far as it decides how its trials are judged. */
static inline struct text rig_options(void)
{
	static const char *const profiles[] = {
	    [VERDICT_ONCE] = "smoke", [VERDICT_BRIEF] = "ci", [VERDICT_FULL] = "onboard"};

	return text_format(&rig.arena, "{\"profile\":\"%s\",\"trials\":%lld}",
	                   profiles[rig.plan.rules.test], (long long)rig.plan.rules.min_trials);
}

static inline struct runner_progress rig_run(void)
{
	struct journal_head head = {
	    .run_id = TEXT("run"), .suite_hash = text_of(rig.suite.hash), .seed = rig.options.seed};
	struct json *options;
	struct fault fault;

	ck_assert(json_read_text(rig_options(), "options", &rig.arena, &options, &fault));
	head.options = options;
	run_head_targets(&rig.plan, &rig.arena, &head);
	ck_assert_msg(journal_create(&rig.journal, rig.paths.journal, &head, &fault), "%s",
	              fault.message);
	ck_assert(recording_open(rig.paths.evidence, &rig.recording, &fault));
	return rig_go();
}

static inline struct runner_progress rig_resume(void)
{
	struct journal_head head;
	struct fault fault;

	ck_assert_msg(journal_resume(&rig.journal, rig.paths.journal, &rig.arena, &head, &fault),
	              "%s", fault.message);
	ck_assert(recording_open(rig.paths.evidence, &rig.recording, &fault));
	rig.options.done_path = rig.paths.journal;
	return rig_go();
}

static inline struct matrix rig_matrix(void)
{
	struct matrix matrix;
	struct fault fault;

	ck_assert_msg(
	    matrix_build(rig.paths.journal, &rig.suite, &rig.plan, &rig.arena, &matrix, &fault),
	    "%s", fault.message);
	return matrix;
}

static inline const struct matrix_cell *rig_cell_of(const struct matrix *matrix,
                                                    const char *case_id)
{
	const struct matrix_cell *cell =
	    matrix_find(matrix, rig.targets[0].name, text_of(case_id), CASE_SYNC);

	ck_assert_msg(cell != NULL, "%s", case_id);
	return cell;
}

#endif
