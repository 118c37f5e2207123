/* What suite.c makes for looking cases up, and suite_recognise.c for recognising requests. */
#ifndef PROVISO_CASES_SUITE_PRIVATE_H
#define PROVISO_CASES_SUITE_PRIVATE_H

#include "cases/suite.h"

struct recogniser;

/* Const after suite_load; in the suite's arena. */
struct suite_index {
	const struct eval_case **by_id; /* sorted */
	const struct recogniser *recogniser;
};

MUST_CHECK const struct recogniser *recogniser_new(const struct suite *suite, struct arena *arena);

#endif
