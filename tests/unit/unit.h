/*
 * What every unit test program shares: a runner that prints TAP (by `check`,
 * under `prove`), and assertions on text and faults.
 */
#ifndef PROVISO_TESTS_UNIT_UNIT_H
#define PROVISO_TESTS_UNIT_UNIT_H

#include "harness/base/fault.h"

#include <check.h>
#include <stdlib.h>

#define assert_text(actual, expected)                                                              \
	do {                                                                                       \
		struct text actual_ = (actual);                                                    \
		struct text expected_ = text_of(expected);                                         \
		ck_assert_msg(text_equal(actual_, expected_), "got \"%.*s\", want \"%.*s\"",       \
		              TEXT_ARG(actual_), TEXT_ARG(expected_));                             \
	} while (0)

/* The fault's message holds `part`. */
#define assert_fault_says(fault, part)                                                             \
	ck_assert_msg(strstr((fault)->message, (part)) != NULL, "fault says \"%s\", want \"%s\"",  \
	              (fault)->message, (part))

static inline int unit_run(const char *name, void (*add)(TCase *cases), enum fork_status fork)
{
	Suite *suite = suite_create(name);
	TCase *cases = tcase_create(name);

	/* Ends what hangs; how long a test takes decides nothing, on however busy a machine. */
	tcase_set_timeout(cases, 600);
	add(cases);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_set_fork_status(runner, getenv("CK_FORK") == NULL ? fork : CK_FORK_GETENV);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * `add` puts the tests into the one case of the suite. They run in one process: a
 * sanitized one takes longer to fork and to be searched for leaks than most tests take to
 * run. CK_FORK=yes parts them, to see whether one leaves something to another.
 */
static inline int unit_main(const char *name, void (*add)(TCase *cases))
{
	return unit_run(name, add, CK_NOFORK);
}

/* For tests that change their process (folder, environment, limits): each in one of its own. */
static inline int unit_main_apart(const char *name, void (*add)(TCase *cases))
{
	return unit_run(name, add, CK_FORK);
}

#endif
