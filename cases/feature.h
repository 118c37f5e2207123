/*
 * Features: what a request uses, by name. The one vocabulary of `vouches` in the
 * case files and of shapes in the proxy; a misspelt one is found when the suite is loaded.
 */
#ifndef PROVISO_CASES_FEATURE_H
#define PROVISO_CASES_FEATURE_H

#include "harness/base/text.h"

/* NULL-terminated, with what makes a request have it. */
struct feature_info {
	const char *name;
	const char *means;
};
extern const struct feature_info feature_infos[];
/* The names alone, NULL-terminated, for nearest-name messages. */
extern const char *const feature_names[];

/* True also for "field.NAME": a top-level field that no case knows. */
MUST_CHECK bool feature_is_known(struct text name);

#endif
