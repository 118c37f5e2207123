/*
 * PCRE2, always UTF, never without limits: a pattern that runs away is stopped
 * and said, it never takes the process's time. The only file that sees PCRE2.
 */
#ifndef PROVISO_BASE_REGEX_H
#define PROVISO_BASE_REGEX_H

#include "harness/base/fault.h"

struct regex;

enum regex_result {
	REGEX_MISS,
	REGEX_MATCH,
	/* Match limit (1e6 at one start), work limit (2e8 steps in all) or heap limit (64 MiB) hit:
	 * no answer. */
	REGEX_LIMIT,
};

enum {
	REGEX_CASELESS = 1,
	REGEX_MULTILINE = 2,
	REGEX_DOTALL = 4,
};

/* Compiled. Freed by regex_free; place: for the fault. */
MUST_CHECK bool regex_new(struct text pattern, unsigned flags, struct place place,
                          struct regex **out, struct fault *fault);
/* "/pattern/flags" with flags of i, m, s. */
MUST_CHECK bool regex_new_slashed(struct text slashed, struct place place, struct regex **out,
                                  struct fault *fault);
/* ECMA-262 patterns as JSON Schema means them: $ only at the very end, [^] any byte; best effort,
 * said in the manual. */
MUST_CHECK bool regex_new_ecma(struct text pattern, struct place place, struct regex **out,
                               struct fault *fault);
void regex_free(struct regex *regex);
/* Makes machine code (JIT) of it now, where it can; else the first search does, some 25 us longer.
 */
void regex_prepare(const struct regex *regex);

/* Anywhere in the subject. Subject bytes that are not UTF-8 never match. */
MUST_CHECK enum regex_result regex_search(const struct regex *regex, struct text subject);
/* The same, where many searches share one budget: steps taken are subtracted from it. */
MUST_CHECK enum regex_result regex_search_within(const struct regex *regex, struct text subject,
                                                 uint64_t *steps_left);
/* The same; start and end of group `group` (0: the whole match). */
MUST_CHECK enum regex_result regex_find(const struct regex *regex, struct text subject,
                                        unsigned group, size_t *start, size_t *end);

#endif
