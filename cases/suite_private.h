/* What suite.c makes for looking cases up, and suite_recognise.c for recognising requests. */
#ifndef PROVISO_CASES_SUITE_PRIVATE_H
#define PROVISO_CASES_SUITE_PRIVATE_H

#include "cases/suite.h"

struct recogniser;
struct carried_index;

/* Const after suite_load; in the suite's arena. */
struct suite_index {
	const struct eval_case **by_id; /* sorted */
	const struct recogniser *recogniser;
	const struct carried_index *carried;
};

MUST_CHECK const struct recogniser *recogniser_new(const struct suite *suite, struct arena *arena);
MUST_CHECK const struct carried_index *carried_index_new(const struct suite *suite,
                                                         struct arena *arena);

#endif
