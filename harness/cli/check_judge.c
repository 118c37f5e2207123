/* Asking the judge model after a run, and saying what came of it; see opinion.h. */
#include "harness/cli/check_ask.h"
#include "harness/run/opinion.h"

#include <inttypes.h>
#include <signal.h>

struct judging {
	struct check_loop *check;
	struct opinions *opinions;
	bool failed;
	struct fault fault;
};

static void on_end(void *context, const struct fault *fault)
{
	struct judging *judging = context;

	judging->failed = fault != NULL;
	if (fault != NULL)
		judging->fault = *fault;
	loop_stop(judging->check->loop);
}

static void on_signal(void *context, int signal_number)
{
	struct judging *judging = context;

	(void)signal_number;
	judging->check->stopping = true;
	opinions_stop(judging->opinions);
}

static void say_counts(const struct check_session *session, const struct opinion_counts *counts)
{
	if (counts->wanted > 0)
		(void)fprintf(stderr,
		              "proviso: %.*s has judged %" PRId64 " of %" PRId64
		              " answers by rubric%s, %s USD\n",
		              TEXT_ARG(session->judge.name), counts->given, counts->wanted,
		              counts->refused > 0 ? " (the others got no verdict)" : "",
		              check_usd(session->arena, counts->spent_pico_usd).data);
	if (counts->own > 0)
		(void)fprintf(stderr,
		              "proviso: %" PRId64 " answers of %.*s itself are not judged by it\n",
		              counts->own, TEXT_ARG(session->judge.name));
	if (counts->halted.data != NULL)
		(void)fprintf(
		    stderr, "proviso: the judge is not asked any further: %.*s\n",
		    TEXT_ARG(text_visible(session->arena, counts->halted, FAULT_MESSAGE_BYTES)));
	if (counts->capped)
		(void)fprintf(
		    stderr,
		    "proviso: the spending cap left no more for the judge; `proviso check "
		    "--resume %s --max-spend USD` goes on\n",
		    session->folder.path);
}

static bool ask(struct check_loop *check, int64_t cap_pico_usd, struct judging *judging,
                struct fault *fault)
{
	struct check_session *session = check->session;
	const struct opinion_options options = {
	    .suite = &session->suite,
	    .judge = &session->judge,
	    .folder = &session->folder,
	    .head = &session->head,
	    .recording = check->recording,
	    .jobs =
		int64_min(session->options->jobs > 0 ? session->options->jobs : CHECK_DEFAULT_JOBS,
	                  int64_max(session->judge.provider->limits.concurrency, 1)),
	    .max_spend_pico_usd = cap_pico_usd,
	    .max_attempts = CHECK_MAX_ATTEMPTS,
	    .deadline_ms = CHECK_DEADLINE_MS,
	};

	if (!opinions_start(check->loop, check->caller, &options, on_end, judging,
	                    &judging->opinions, fault))
		return false;
	loop_on_signal(check->loop, SIGINT, on_signal, judging);
	loop_on_signal(check->loop, SIGTERM, on_signal, judging);
	loop_run(check->loop);
	const struct opinion_counts counts = opinions_counts(judging->opinions);
	say_counts(session, &counts);
	if (judging->failed)
		*fault = judging->fault;
	return !judging->failed;
}

bool check_ask_judge(struct check_loop *check, struct fault *fault)
{
	struct check_session *session = check->session;
	struct judging judging = {.check = check};
	int64_t cap = session->options->max_spend_pico_usd;

	if (check->end != RUNNER_FINISHED || !opinions_wanted(&session->plan))
		return true;
	if (session->judge.provider == NULL) {
		(void)fprintf(stderr, "proviso: there are rubrics and no judge is named (check: "
		                      "{judge: TARGET}, or --judge)\n");
		return true;
	}
	bool good =
	    ask(check, cap < 0 ? -1 : int64_max(cap - check_spent(check), 0), &judging, fault);
	opinions_free(judging.opinions);
	return good;
}
