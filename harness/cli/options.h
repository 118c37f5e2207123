/*
 * The command line: one table a command gives parsing, --help, completion and the
 * manual's option list, so that they agree.
 *
 * No abbreviations; --name=value and --name value; -x; `--` ends options; `-` is
 * an operand. An option not given is taken from PROVISO_<NAME> where that is set.
 */
#ifndef PROVISO_CLI_OPTIONS_H
#define PROVISO_CLI_OPTIONS_H

#include "harness/base/settings.h"

enum option_kind {
	OPTION_FLAG,     /* bool */
	OPTION_TEXT,     /* struct text; given twice: a mistake */
	OPTION_TEXTS,    /* struct text_list; repeatable, kept in order */
	OPTION_INT,      /* int64_t within min and max */
	OPTION_USD,      /* int64_t pico-USD */
	OPTION_DURATION, /* int64_t ms */
	OPTION_CHOICE,   /* int: index into `names` */
};

struct option {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	enum option_kind kind;
	size_t offset;     /* of the field in the command's struct */
	const char *value; /* "FILE", "USD" ...: shown in the help */
	const char *help;
	int64_t min, max;
	const char *const *names; /* OPTION_CHOICE, NULL-terminated */
	unsigned verbs;           /* bit per verb of the table that takes it; 0: all */
};

struct option_table {
	const struct option *rows;
	size_t count;
	size_t operands; /* offset of a struct text_list in the command's struct */
	size_t operands_max;
	/*
	 * NULL, or what the first operand must be, NULL-terminated: an option of another verb is
	 * wrong usage, and the environment gives only those of this one.
	 */
	const char *const *verbs;
};

/*
 * Parses `count` arguments behind the command's name into `out`, which holds the
 * defaults. Values are borrowed from the arguments or live in the arena. A mistake is FAULT_USAGE
 * and offers the nearest name. *help: --help was given (nothing else is checked then).
 */
MUST_CHECK bool options_parse(const struct option_table *table, char *const *arguments, int count,
                              struct arena *arena, void *out, bool *help, struct fault *fault);
/* The options as lines for --help. */
void options_print(const struct option_table *table, FILE *stream);

#endif
