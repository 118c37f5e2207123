/* `completion`: the script that teaches a shell this program's commands and options. */
#include "harness/cli/command.h"

#include "harness/cli/completion.h"

/* As enum completion_shell has them. */
static const char *const shell_names[] = {"bash", "zsh", "fish", NULL};

struct completion {
	struct text_list operands;
};

static const struct option_table completion_options = {
    .operands = offsetof(struct completion, operands),
    .operands_max = 1,
    .verbs = shell_names,
};

static int completion_run(void *state, struct arena *arena)
{
	const struct completion *given = state;
	struct text_buf out;
	struct fault fault;
	int shell = 0;

	(void)arena;
	/* options_parse has made sure that it is one. */
	while (!text_is(given->operands.items[0], shell_names[shell]))
		shell++;
	text_buf_init(&out, COMPLETION_MAX_BYTES);
	completion_write((enum completion_shell)shell, &out);
	return command_write_report((struct text){NULL, 0}, &out, &fault) ? EXIT_HOLDS
	                                                                  : command_fail(&fault);
}

const struct command command_completion = {
    .name = "completion",
    .summary = "print the completion script of a shell: bash, zsh or fish",
    .operands = "bash|zsh|fish",
    .about = "Prints what the shell needs to complete commands, options and their values. `make\n"
	     "install` and the package put it in place; else: source <(proviso completion bash)",
    .options = &completion_options,
    .state_bytes = sizeof(struct completion),
    .run = completion_run,
};
