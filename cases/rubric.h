/*
 * A judge model: the question by which it is asked how good an answer is, by a rubric, and what it
 * said. Such a say is an opinion: models like long answers and their own (Zheng et al., "Judging
 * LLM-as-a-Judge", 2023, arXiv:2306.05685). So it stands beside the grades and decides nothing.
 */
#ifndef PROVISO_CASES_RUBRIC_H
#define PROVISO_CASES_RUBRIC_H

#include "cases/eval_case.h"

enum {
	RUBRIC_MAX_BYTES = 8 << 10,
	RUBRIC_SHOWN_BYTES = 128 << 10, /* of the request and of the answer, each */
	RUBRIC_OUTPUT_TOKENS = 1024,    /* that the judge may use */
};

struct rubric_question {
	struct text rubric, model;   /* model: as the judge's provider calls it */
	struct text asked, answered; /* the request's body, and the text of the reply */
	bool completion_tokens;      /* its model wants max_completion_tokens */
};

/* The body of a chat request; arena. The answer can't end the part that it stands in. */
MUST_CHECK struct text rubric_body(const struct rubric_question *question, struct arena *arena);
/*
 * {"score": 0 to 1, "why": "..."}, as the whole of the text or in its last fenced block. False: it
 * is no verdict. *why: data NULL where none was given.
 */
MUST_CHECK bool rubric_verdict(struct text said, struct arena *arena, int64_t *score_ppm,
                               struct text *why);

#endif
