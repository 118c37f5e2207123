/* What all commands share: how they fail, where they write, what the terminal wants. */
#include "harness/cli/command.h"

#include "harness/base/file.h"
#include "harness/base/loop.h"
#include "harness/base/redact.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int exit_code_of(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_NONE:
	case FAULT_WARNING:
		return EXIT_HOLDS;
	case FAULT_USAGE:
	case FAULT_INPUT:
	case FAULT_REFUSED:
		return EXIT_WRONG_USAGE;
	case FAULT_SYSTEM:
		return EXIT_INFRASTRUCTURE;
	case FAULT_SPEND:
		return EXIT_SPENDING_CAP;
	case FAULT_INTERNAL:
		return EXIT_OWN_FAULT;
	}
	return EXIT_OWN_FAULT;
}

/* A fault may quote a line of a file in which somebody wrote a key. */
static void print_redacted(const struct fault *fault)
{
	struct fault shown = *fault;

	(void)redact_bytes(shown.message, strlen(shown.message));
	(void)redact_bytes(shown.excerpt, strlen(shown.excerpt));
	fault_print(&shown, stderr);
}

int command_fail(const struct fault *fault)
{
	print_redacted(fault);
	return exit_code_of(fault->kind);
}

int command_list_code(const struct fault_list *faults)
{
	int code = EXIT_HOLDS;

	for (size_t i = 0; i < faults->count && code == EXIT_HOLDS; i++)
		code = exit_code_of(faults->items[i].kind);
	/* The list was full of warnings when the mistake came. */
	return code == EXIT_HOLDS && faults->errors > 0 ? EXIT_WRONG_USAGE : code;
}

void command_tell_list(const struct fault_list *faults, const struct fault *more, size_t more_count)
{
	for (size_t i = 0; i < faults->count; i++)
		print_redacted(&faults->items[i]);
	for (size_t i = 0; i < more_count; i++)
		print_redacted(&more[i]);
	/* Who reads stops where the list is full: nobody knows how many more there are. */
	if (faults->overflow == NULL && fault_list_is_full(faults))
		(void)fprintf(stderr, "proviso: there may be more: `proviso validate` shows all\n");
	else if (faults->dropped != 0)
		(void)fprintf(stderr, "proviso: there are more, not shown\n");
}

int command_fail_list(const struct fault_list *faults)
{
	command_tell_list(faults, NULL, 0);
	return command_list_code(faults);
}

int64_t command_now_wall_ms(void)
{
	struct loop *loop = loop_new();
	int64_t now = loop_wall_ms(loop);

	loop_free(loop);
	return now;
}

bool command_read_moment(const char *option, struct text given, int64_t day_ms, int64_t *out,
                         struct fault *fault)
{
	if (given.data == NULL)
		return true;
	if (!wall_parse(given, out))
		return fault_set(fault, FAULT_USAGE,
		                 "--%s is \"%.*s\"; want a day like 2026-11-30 or a moment like "
		                 "2026-11-30T12:00:00Z",
		                 option, TEXT_ARG(given));
	if (given.len == sizeof("2026-11-30") - 1)
		*out += day_ms;
	return true;
}

bool command_write(struct text path, struct text body, struct fault *fault)
{
	struct arena arena = {0};
	bool written;

	if (path.data == NULL || text_is(path, "-")) {
		written = fwrite(body.data, 1, body.len, stdout) == body.len && fflush(stdout) == 0;
		/* A reader that went away (`| head`) has all it wanted; the exit code stays the
		 * verdict's. */
		if (!written && errno != EPIPE)
			return fault_system(fault, errno, "writing to stdout");
		return true;
	}
	written = file_replace(text_c(&arena, path), body, 0644, fault);
	arena_done(&arena);
	return written;
}

int command_lacks(struct text config_path, const char *what, const char *line)
{
	struct fault fault;

	if (config_path.data == NULL)
		(void)fault_set(
		    &fault, FAULT_INPUT,
		    "there is no proviso.yaml here to name a %s (--config names another "
		    "config); it wants: %s",
		    what, line);
	else
		(void)fault_set(&fault, FAULT_INPUT, "the config names no %s; add: %s", what, line);
	return command_fail(&fault);
}

struct text command_suggestion(struct text given, const char *const *names, struct arena *arena)
{
	size_t count = 0;

	while (names[count] != NULL)
		count++;
	const char *nearest = text_nearest(given, names, count);
	return nearest == NULL ? TEXT("") : text_format(arena, " (did you mean %s?)", nearest);
}

bool command_write_report(struct text path, struct text_buf *report, struct fault *fault)
{
	bool written = report->overflow ? fault_set(fault, FAULT_INPUT,
	                                            "the report is over %zu MiB", report->max >> 20)
	                                : command_write(path, text_buf_view(report), fault);
	text_buf_done(report);
	return written;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && *value != '\0';
}

static bool is_dumb(void)
{
	const char *term = getenv("TERM");
	return term == NULL || strcmp(term, "dumb") == 0;
}

bool terminal_wants_colour(void)
{
	if (is_set("NO_COLOR") || is_dumb())
		return false;
	if (is_set("FORCE_COLOR") || is_set("CLICOLOR_FORCE"))
		return true;
	return !is_set("CI") && isatty(STDOUT_FILENO) == 1;
}

bool terminal_wants_progress(void)
{
	return !is_set("CI") && !is_dumb() && isatty(STDERR_FILENO) == 1;
}

size_t terminal_width(void)
{
	enum { WHERE_NONE = 100 };
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WHERE_NONE;
}
