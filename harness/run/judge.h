/*
 * (case, exchanges) -> outcome: pure. The same function judges live, at resume
 * and at replay, so that a recorded run can be judged again without network.
 */
#ifndef PROVISO_RUN_JUDGE_H
#define PROVISO_RUN_JUDGE_H

#include "cases/expect/expect.h"
#include "cases/suite.h"
#include "harness/run/verdict.h"
#include "providers/dialect/dialect.h"

/* One step of a trial as it was asked and answered. */
struct judged_step {
	const struct exchange *exchange;
	const struct chat_reply *reply;
	const struct json *request; /* the body as sent, NULL where it is no JSON */
	struct grading *grading;    /* what programs said of it; NULL: they are run at once */
};

struct judgement {
	enum outcome outcome;
	struct text detail; /* the gravest finding in one line, visible; data NULL for ok */
	struct text fates;  /* see struct findings */
	bool uncarried;     /* refused, and by nobody but us: the dialect has no place for it */
	bool graded;        /* the answer has a score */
	int64_t score_ppm;  /* of several graded steps the lowest; millionths, 0 to 1000000 */
};

/*
 * Judges the steps asked so far (`count` of them); `values` holds nonces and the replies.
 * A trial whose later steps could not be asked is judged by the last one that was.
 * Arena: for the detail.
 */
MUST_CHECK struct judgement judge_trial(const struct eval_case *eval_case,
                                        enum case_variant variant, const struct judged_step *steps,
                                        size_t count, const struct template_values *values,
                                        struct arena *arena);

/*
 * One answer of a group whose others have not all come: `values` holds the replies before the
 * group. Not the trial's outcome, which only the whole group tells.
 */
MUST_CHECK struct judgement judge_step_alone(const struct eval_case *eval_case,
                                             enum case_variant variant, size_t step,
                                             const struct judged_step *asked,
                                             const struct template_values *values,
                                             struct arena *arena);

/* Of a control, the same live and at replay: ok where the server answered it, whatever it said. */
MUST_CHECK struct judgement judge_control(const struct exchange *exchange,
                                          const struct chat_reply *reply, struct arena *arena);

/*
 * Whether an answer stops the whole provider: 401, 402, 403, or a spent quota, outside
 * a case that is about them. The reason in one clear line (arena), or data NULL.
 */
MUST_CHECK struct text judge_stops_provider(const struct case_step *step,
                                            const struct exchange *exchange,
                                            const struct chat_reply *reply, struct arena *arena);

/* The reply read again from recorded bytes, fed as they came. Arena memory. */
MUST_CHECK const struct chat_reply *judge_reread(const struct exchange *exchange,
                                                 const struct dialect *dialect,
                                                 const struct chat_request *request,
                                                 struct arena *arena);

/*
 * An answer as it is judged: put into OpenAI's format where the dialect has another (translate.h),
 * and read. *exchange becomes what was read. Arena memory.
 */
MUST_CHECK const struct chat_reply *judge_read(const struct exchange **exchange,
                                               const struct dialect *dialect,
                                               const struct chat_request *request,
                                               struct arena *arena);

#endif
