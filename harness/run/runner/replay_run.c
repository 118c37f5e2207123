/*
 * Judging a recorded run again on all cores: lines are read in batches, each line is judged by
 * the worker that its question at its target belongs to, and told in the order of the journal.
 * Judging is pure and questions are independent, so how many workers there are changes nothing.
 */
#include "harness/run/runner/replay_private.h"

#include <pthread.h>
#include <unistd.h>

enum {
	BATCH_LINES = 2048,
	WORKERS_MAX = 16,
};

struct batch_line {
	struct journal_attempt attempt; /* as it was; then as it is judged, where `told` */
	size_t worker;
	bool told;
};

struct replay_run;

struct replay_worker {
	struct replay_run *run;
	struct replay judge;
	struct arena results; /* texts of this batch */
	pthread_t thread;
	bool started;
};

struct replay_run {
	const struct suite *suite;
	const struct journal_visitor *visitor;
	struct journal_head head;
	struct replay_worker workers[WORKERS_MAX];
	size_t worker_count;
	struct batch_line *lines; /* owned */
	size_t count;
	struct arena batch; /* texts of the lines as they were */
	struct arena arena; /* the head */
};

/* --- one batch --- */

static void keep(struct text *text, struct text before, struct arena *arena)
{
	if (text->data != NULL && text->data != before.data)
		*text = text_copy(arena, *text);
}

/* What is new of it must outlive the judging of the next line. */
static void keep_results(struct journal_attempt *again, const struct journal_attempt *before,
                         struct arena *arena)
{
	keep(&again->detail, before->detail, arena);
	keep(&again->fates, before->fates, arena);
	keep(&again->repairs, before->repairs, arena);
	keep(&again->mendable, before->mendable, arena);
}

static void *judge_share(void *context)
{
	struct replay_worker *worker = context;
	const struct replay_run *run = worker->run;
	size_t number = (size_t)(worker - run->workers);

	for (size_t i = 0; i < run->count; i++) {
		struct batch_line *line = &run->lines[i];
		struct journal_attempt again;
		if (line->worker != number)
			continue;
		line->told = replay_line(&worker->judge, &line->attempt, &again);
		if (!line->told)
			continue;
		keep_results(&again, &line->attempt, &worker->results);
		line->attempt = again;
	}
	return NULL;
}

/* A thread that can't be had is no reason to judge less. */
static void judge_batch(struct replay_run *run)
{
	for (size_t i = 1; i < run->worker_count; i++) {
		struct replay_worker *worker = &run->workers[i];
		worker->started = pthread_create(&worker->thread, NULL, judge_share, worker) == 0;
	}
	(void)judge_share(&run->workers[0]);
	for (size_t i = 1; i < run->worker_count; i++) {
		struct replay_worker *worker = &run->workers[i];
		if (!worker->started)
			(void)judge_share(worker);
		else
			(void)pthread_join(worker->thread, NULL);
	}
}

static bool end_batch(struct replay_run *run, struct fault *fault)
{
	bool good = true;

	judge_batch(run);
	for (size_t i = 0; good && i < run->count; i++)
		if (run->lines[i].told && run->visitor->attempt != NULL)
			good = run->visitor->attempt(run->visitor->context, &run->lines[i].attempt,
			                             fault);
	run->count = 0;
	arena_reset(&run->batch);
	for (size_t i = 0; i < run->worker_count; i++)
		arena_reset(&run->workers[i].results);
	return good;
}

/* --- reading --- */

/* Always the same one for a question at a target, in whatever way it is asked. */
static size_t worker_of(const struct replay_run *run, const struct journal_attempt *line)
{
	const struct eval_case *eval_case = suite_find(run->suite, line->case_id);
	size_t target = 0;

	while (target < run->head.target_count &&
	       !text_equal(run->head.targets[target].name, line->target))
		target++;
	return (target + (eval_case == NULL ? 0 : eval_case->probe)) % run->worker_count;
}

static bool visit_attempt(void *context, const struct journal_attempt *line, struct fault *fault)
{
	struct replay_run *run = context;
	struct batch_line *next = &run->lines[run->count++];

	next->worker = worker_of(run, line);
	journal_copy_attempt(line, &run->batch, &next->attempt);
	return run->count < BATCH_LINES || end_batch(run, fault);
}

static bool visit_head(void *context, const struct journal_head *head, struct fault *fault)
{
	struct replay_run *run = context;

	journal_copy_head(head, &run->arena, &run->head);
	return run->visitor->head == NULL ||
	       run->visitor->head(run->visitor->context, &run->head, fault);
}

static size_t count_workers(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return cores < 1 ? 1 : size_min((size_t)cores, WORKERS_MAX);
}

bool run_replay(const char *folder, const struct suite *suite,
                const struct journal_visitor *visitor, struct fault *fault)
{
	struct replay_run *run = memory_new(sizeof(*run));
	struct run_folder paths = run_folder_of(folder, &run->arena);
	const struct journal_visitor own = {visit_head, visit_attempt, run};

	run->suite = suite;
	run->visitor = visitor;
	run->worker_count = count_workers();
	run->lines = memory_new(BATCH_LINES * sizeof(*run->lines));
	for (size_t i = 0; i < run->worker_count; i++) {
		run->workers[i].run = run;
		run->workers[i].judge = (struct replay){
		    .suite = suite, .evidence_folder = paths.evidence, .head = &run->head};
	}
	bool good = journal_scan(paths.journal, &own, NULL, fault) && end_batch(run, fault);
	for (size_t i = 0; i < run->worker_count; i++) {
		replay_done(&run->workers[i].judge);
		arena_done(&run->workers[i].results);
	}
	memory_free(run->lines);
	arena_done(&run->batch);
	arena_done(&run->arena);
	memory_free(run);
	return good;
}
