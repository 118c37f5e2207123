/*
 * The commands of the program: one file each, one row each in command_table.
 * Adding a command touches its file and that table.
 */
#ifndef PROVISO_CLI_COMMAND_H
#define PROVISO_CLI_COMMAND_H

#include "harness/cli/options.h"

/* The contract's exit codes. */
enum exit_code {
	EXIT_HOLDS = 0,
	EXIT_DOES_NOT_HOLD = 1,
	EXIT_WRONG_USAGE = 2, /* also: a file that can't be read as what it should be */
	EXIT_INCONCLUSIVE = 3,
	EXIT_INFRASTRUCTURE = 4,
	EXIT_SPENDING_CAP = 5,
	EXIT_OWN_FAULT = 70,
	EXIT_INTERRUPTED = 130,
};

struct command {
	const char *name;
	const char *summary;  /* one line for the list */
	const char *operands; /* "[TARGET...]" */
	const char *about;    /* a paragraph for --help */
	const struct option_table *options;
	size_t state_bytes;            /* of the struct that options are parsed into */
	void (*defaults)(void *state); /* may be NULL: all zero */
	int (*run)(void *state, struct arena *arena); /* an exit code */
};

extern const struct command command_bless, command_check, command_completion, command_demo,
    command_diff, command_explain, command_forecast, command_gate, command_import, command_inspect,
    command_key, command_matrix, command_proxy, command_report, command_sim, command_usage,
    command_validate;

/* NULL-terminated, in the order of the list. */
extern const struct command *const command_table[];

/* Prints the fault to stderr; the exit code that belongs to its kind. */
MUST_CHECK int command_fail(const struct fault *fault);
/* Prints a list to stderr, and those that it had no room for. */
void command_tell_list(const struct fault_list *faults, const struct fault *more,
                       size_t more_count);
/* The same for a list; warnings alone are EXIT_HOLDS. */
MUST_CHECK int command_fail_list(const struct fault_list *faults);
/* The exit code alone, of what is told in another way. */
MUST_CHECK int command_list_code(const struct fault_list *faults);

/* Says that the config, or the lack of one (path data NULL), names no `what`, and the line that
 * would; the exit code. */
MUST_CHECK int command_lacks(struct text config_path, const char *what, const char *line);
/* " (did you mean NAME?)" where one of the names (NULL-terminated) is near, else empty; arena. */
MUST_CHECK struct text command_suggestion(struct text given, const char *const *names,
                                          struct arena *arena);

/* The time of day, for commands without a loop. */
MUST_CHECK int64_t command_now_wall_ms(void);

/*
 * A day or a moment given to an option; where none is given *out stays. day_ms is added to a day
 * alone: 0 for its beginning, a day's length for the end of a period.
 */
MUST_CHECK bool command_read_moment(const char *option, struct text given, int64_t day_ms,
                                    int64_t *out, struct fault *fault);

/* Writes to the file, replaced whole, or to stdout for "-" or data NULL. That nobody reads stdout
 * any more is no fault. */
MUST_CHECK bool command_write(struct text path, struct text body, struct fault *fault);

/* The same for a report under construction, which it frees; one that passed its cap is a fault. */
MUST_CHECK bool command_write_report(struct text path, struct text_buf *report,
                                     struct fault *fault);

/* Whether colour (stdout) and progress (stderr) are wanted: a terminal, and NO_COLOR, CI, TERM
 * obeyed. */
MUST_CHECK bool terminal_wants_colour(void);
MUST_CHECK bool terminal_wants_progress(void);
/* Columns of the terminal on stdout; 100 where it is none. */
MUST_CHECK size_t terminal_width(void);

#endif
