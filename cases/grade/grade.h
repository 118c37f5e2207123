/*
 * Graders: how good an answer is, as a score from 0 to 1. One file per family; expect_grade.c reads
 * them from `expect: {grade: ...}` and adds up. Private to the expectations.
 */
#ifndef PROVISO_CASES_GRADE_H
#define PROVISO_CASES_GRADE_H

#include "cases/expect/expect_private.h"
#include "cases/grading.h"

/* What a grader says of one answer. */
struct grade {
	double score;     /* 0 to 1 */
	bool refused;     /* not passed, whatever the score: an external grader said so */
	struct text lack; /* what a full score lacks, as "it lacks ..."; data NULL: nothing */
};

/* --- grade_text.c --- */

/* What stands in the last block of the text that is fenced by ```; all of it where none is. */
MUST_CHECK struct text grade_code(struct text answer);
/* The last line that is not blank, without blanks around it. */
MUST_CHECK struct text grade_last_line(struct text answer);
/* The whole text as JSON, else its last fenced block; NULL where neither is. */
MUST_CHECK const struct json *grade_json(struct text answer, struct arena *arena);
/*
 * The answer among the numbers of a text: the first one behind the last word "answer", and where
 * none is, the last of all. Thousands may be parted by commas; a number is not part of a word.
 */
MUST_CHECK bool grade_number(struct text answer, double *out);

/* --- grade_calls.c: possible answers, as the Berkeley leaderboard writes them --- */

struct grade_calls;
MUST_CHECK bool grade_read_calls(struct expect_reader *reader, const struct json *node,
                                 const struct grade_calls **out);
/* The share of calls that are right: of those wanted, or of those made where these are more. */
MUST_CHECK struct grade grade_check_calls(const struct grade_calls *calls,
                                          const struct judgement *judgement);

/* --- grade_command.c: an external program --- */

struct grade_command {
	struct text_list words; /* the program and its arguments */
	const char *folder;     /* where it runs: that of the case file */
	int64_t timeout_ms, memory_bytes, output_bytes;
};

MUST_CHECK bool grade_read_command(struct expect_reader *reader, const struct json *node,
                                   const struct grade_command **out);
/*
 * False, with a harness finding, where it gave no verdict. Where the observation has a list of
 * gradings it is looked up there, and noted to be run where it has not been.
 */
MUST_CHECK bool grade_run_command(const struct grade_command *command,
                                  const struct judgement *judgement, struct grade *out);

/* --- grade_process.c: running it --- */

enum grade_end {
	GRADE_EXITED,    /* code: its exit status */
	GRADE_SIGNALLED, /* code: the signal */
	GRADE_LATE,
	GRADE_FLOODED,
	GRADE_STOPPED,   /* by us */
	GRADE_UNSTARTED, /* code: errno */
};

struct grade_result {
	enum grade_end end;
	int code;
	struct text_buf said, complaint; /* standard output and the beginning of standard error */
};

/* Waits for its end, at most its timeout; any thread. *stop set to true ends it soon. */
void grade_process(const struct grade_command *command, struct text input, const atomic_bool *stop,
                   struct grade_result *out);
void grade_result_done(struct grade_result *result);

/* --- grading.c --- */

/* What came of it; false, and noted, where it has not been run on this input. */
MUST_CHECK bool grading_find(struct grading *grading, const struct grade_command *command,
                             struct text input, const struct grade_result **out);

#endif
