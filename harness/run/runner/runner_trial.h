/* A trial while it runs: between runner_trial.c (its attempts) and runner_steps.c (its steps). */
#ifndef PROVISO_RUN_RUNNER_TRIAL_H
#define PROVISO_RUN_RUNNER_TRIAL_H

#include "cases/grading.h"
#include "harness/run/runner/runner_private.h"

struct runner_trial;

/* Where programs grade its answers. */
enum trial_grading { TRIAL_UNGRADED, TRIAL_TO_GRADE, TRIAL_GRADING };

/* One step while it is asked. */
struct trial_ask {
	struct runner_trial *trial;
	size_t step;
	int64_t attempts_before; /* by an earlier process */
	int64_t attempts;        /* told of this call */
	struct question question;
	struct call *call;    /* NULL: none in flight */
	struct text evidence; /* of the last attempt */
	bool asked, answered;
	bool released; /* nothing is reserved for it any more */
};

struct runner_trial {
	struct runner *runner;
	struct runner_provider *provider;
	struct runner_probe *probe;
	bool control;      /* a plain request in the place of the probe's question */
	repair_bits mends; /* the requests are asked in the way of these repairs */
	struct runner_trial *next, **link; /* of runner->trials */
	int64_t number;
	int64_t began_ms;
	struct runner_cell **wanting; /* arena: the cells that this trial is for */
	size_t wanting_count;

	struct trial_ask asks[CASE_MAX_STEPS];
	size_t first, end; /* the steps that are asked at the same time */
	int64_t width;     /* calls that may be in flight */
	int64_t calls;     /* that are */

	struct judged_step steps[CASE_MAX_STEPS];
	struct template_values values;
	struct grading gradings; /* what programs said of its answers */
	enum trial_grading grading;
	struct trial_ask *graded;   /* whose answer is being graded */
	struct call_attempt answer; /* it, kept */
	struct text stop_reason;
	enum outcome unasked; /* why a step has no answer, with `unasked_why` */
	struct text unasked_why;
	const struct trial_ask *unasked_ask; /* NULL: they have, or will */

	int64_t reserved; /* for what it may still ask; what was asked is with its lines */
	size_t uncounted; /* lines that are not on disk yet */
	bool written;     /* in this turn */
	bool over;        /* nothing further is asked */
	bool plain;       /* over, and nothing in it decides what is asked next */
	bool waiting;     /* for the disk alone: it has given its job back */
	bool cancelled;
	struct arena arena;
};

static inline const struct eval_case *trial_case(const struct runner_trial *trial)
{
	const struct plan_probe *planned = trial->probe->planned;

	return trial->control ? planned->control : planned->asks;
}

static inline enum case_variant trial_variant(const struct runner_trial *trial)
{
	return trial->control ? CASE_SYNC : trial->probe->planned->variant;
}

static inline const struct target *trial_target(const struct runner_trial *trial)
{
	return trial->probe->planned->target;
}

/* Every step that is asked at the same time has ended. */
MUST_CHECK bool trial_group_has_ended(const struct runner_trial *trial);
/* The step has no answer and gets none; the first reason stays, for trial_end_unasked. */
void trial_note_unasked(struct trial_ask *ask, enum outcome outcome, const char *why);
void trial_end_unasked(struct runner_trial *trial);
/* Gives back what was reserved for steps that have their answer, or for all where it is over. */
void trial_release_answered(struct runner_trial *trial);

/* Programs have graded its answer: it is judged again, and goes on. */
void trial_graded(struct runner_trial *trial);

/* What a call tells (call.h); the context is its trial_ask. */
void trial_attempt_came(void *context, const struct call_attempt *raw);
void trial_call_ended(void *context, const struct call_attempt *last, const struct fault *fault);

#endif
