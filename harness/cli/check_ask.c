/* One asking of a plan; see check_ask.h. */
#include "harness/cli/check_ask.h"

#include "harness/base/csv.h"
#include "harness/base/digest.h"
#include "harness/base/file.h"
#include "harness/cli/progress.h"

#include <signal.h>

enum { DRAIN_MS = 5000 }; /* after Ctrl-C: what is in flight is paid for, so it may end */

struct text check_usd(struct arena *arena, int64_t pico_usd)
{
	struct text_buf buf;
	struct csv_writer writer;

	text_buf_init(&buf, 64);
	csv_writer_init(&writer, &buf, false);
	csv_write_usd(&writer, pico_usd);
	struct text copy = text_copy(arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return copy;
}

/* --- events of the runner --- */

static void on_cell(void *context, const struct plan_cell *cell, enum verdict verdict,
                    struct text detail)
{
	struct check_loop *check = context;

	(void)detail;
	progress_cell(check->progress, cell, verdict);
}

static void on_provider_stopped(void *context, const struct provider *provider, struct text reason)
{
	struct check_loop *check = context;

	check->provider_stopped = true;
	progress_say(check->progress,
	             text_format(check->session->arena, "%.*s is not asked any further: %.*s",
	                         TEXT_ARG(provider->name), TEXT_ARG(reason)));
}

static void on_run_end(void *context, enum runner_end end, const struct fault *fault)
{
	struct check_loop *check = context;

	check->end = end;
	if (fault != NULL)
		check->fault = *fault;
	loop_stop(check->loop);
}

static void on_signal(void *context, int signal_number)
{
	struct check_loop *check = context;

	(void)signal_number;
	if (check->stopping) {
		runner_stop(check->runner, 0);
		return;
	}
	check->stopping = true;
	progress_say(check->progress,
	             TEXT("stopping; what is in flight may still end (again: at once)"));
	runner_stop(check->runner, DRAIN_MS);
}

/* --- the run's folder --- */

bool check_open_new(struct check_loop *check, const char *path, struct fault *fault)
{
	struct check_session *session = check->session;
	unsigned char noise[16];

	random_bytes(noise, sizeof(noise));
	session->head = (struct journal_head){
	    .suite_hash = text_of(session->suite.hash),
	    .seed = digest_hex(session->arena, (struct text){(char *)noise, sizeof(noise)},
	                       DIGEST_SHORT),
	    .version = TEXT(PROVISO_VERSION),
	    .started_wall_ms = loop_wall_ms(check->loop),
	    .options = check_options_to_json(session),
	};
	session->head.run_id = run_id_make(session->head.started_wall_ms, session->arena);
	run_head_targets(&session->plan, session->arena, &session->head);
	if (path == NULL)
		path = file_join(session->arena, CHECK_RUNS_FOLDER,
		                 text_c(session->arena, session->head.run_id));
	session->folder = run_folder_of(path, session->arena);
	session->resuming = false;
	if (file_exists(session->folder.journal))
		return fault_set(fault, FAULT_USAGE,
		                 "%s holds a run already; --resume %s goes on with it", path, path);
	return file_make_directories(path, fault) &&
	       journal_create(&check->journal, session->folder.journal, &session->head, fault);
}

bool check_open_recorded(struct check_loop *check, const char *path, struct fault *fault)
{
	struct check_session *session = check->session;

	session->folder = run_folder_of(path, session->arena);
	session->resuming = true;
	return journal_resume(&check->journal, session->folder.journal, session->arena,
	                      &session->head, fault);
}

bool check_same_suite(const struct check_session *session, struct fault *fault)
{
	if (text_is(session->head.suite_hash, session->suite.hash))
		return true;
	return fault_set(fault, FAULT_INPUT,
	                 "%s was asked with suite %.*s, this is suite %s: the cases have changed; "
	                 "start a new run",
	                 session->folder.path, TEXT_ARG(session->head.suite_hash),
	                 session->suite.hash);
}

/* --- asking --- */

static bool start(struct check_loop *check, int64_t cap_pico_usd, struct fault *fault)
{
	struct check_session *session = check->session;
	struct runner_options options = {
	    .suite = &session->suite,
	    .plan = &session->plan,
	    .seed = session->head.seed,
	    .jobs = session->options->jobs > 0 ? session->options->jobs : CHECK_DEFAULT_JOBS,
	    .max_spend_pico_usd = cap_pico_usd,
	    .max_attempts = CHECK_MAX_ATTEMPTS,
	    .deadline_ms = CHECK_DEADLINE_MS,
	    .baseline = session->baseline,
	    .journal = &check->journal,
	    .evidence_folder = session->folder.evidence,
	    .done_path = session->resuming ? session->folder.journal : NULL,
	};
	struct runner_events events = {
	    .cell = on_cell,
	    .provider_stopped = on_provider_stopped,
	    .end = on_run_end,
	    .context = check,
	};

	if (!recording_open(session->folder.evidence, &check->recording, fault))
		return false;
	options.recording = check->recording;
	check->progress = progress_new(check->loop, &session->plan, terminal_wants_progress());
	if (!caller_new(check->loop, &check->caller, fault) ||
	    !runner_start(check->loop, check->caller, &options, &events, &check->runner, fault))
		return false;
	progress_watch(check->progress, check->runner);
	return true;
}

bool check_ask(struct check_loop *check, int64_t cap_pico_usd, struct fault *fault)
{
	if (!start(check, cap_pico_usd, fault))
		return false;
	loop_on_signal(check->loop, SIGINT, on_signal, check);
	loop_on_signal(check->loop, SIGTERM, on_signal, check);
	loop_run(check->loop);
	progress_free(check->progress);
	check->progress = NULL;
	return true;
}

int64_t check_spent(const struct check_loop *check)
{
	return check->runner == NULL ? 0 : runner_progress(check->runner).spent_pico_usd;
}

void check_loop_init(struct check_loop *check, struct check_session *session)
{
	*check = (struct check_loop){
	    .session = session, .loop = loop_new(), .journal = {.log = {.fd = -1}}};
}

void check_loop_done(struct check_loop *check)
{
	progress_free(check->progress);
	if (check->runner != NULL)
		runner_free(check->runner);
	if (check->caller != NULL)
		caller_free(check->caller);
	if (check->recording != NULL)
		recording_close(check->recording);
	journal_close(&check->journal);
	loop_on_signal(check->loop, SIGINT, NULL, NULL);
	loop_on_signal(check->loop, SIGTERM, NULL, NULL);
	loop_free(check->loop);
}
