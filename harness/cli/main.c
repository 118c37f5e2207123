/* The program: finds the command, reads its options, runs it. */
#include "harness/cli/command.h"

#include "harness/base/log.h"
#include "harness/base/redact.h"
#include "providers/secret/vault.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

const struct command *const command_table[] = {
    &command_check,    &command_matrix,     &command_diff,
    &command_bless,    &command_explain,    &command_gate,
    &command_forecast, &command_inspect,    &command_report,
    &command_proxy,    &command_usage,      &command_key,
    &command_sim,      &command_import,     &command_validate,
    &command_demo,     &command_completion, NULL,
};

static void print_usage(FILE *stream)
{
	(void)fprintf(stream, "usage: proviso COMMAND [OPTIONS]\n"
	                      "Prove a provider before you route to it.\n\ncommands:\n");
	for (const struct command *const *command = command_table; *command != NULL; command++)
		(void)fprintf(stream, "  %-10s %s\n", (*command)->name, (*command)->summary);
	(void)fprintf(stream,
	              "\n`proviso COMMAND --help` says more; `man proviso` says all.\n"
	              "exit codes: 0 it holds, 1 it does not, 2 wrong usage or unreadable file,\n"
	              "  3 inconclusive, 4 infrastructure, 5 spending cap, 70 our own fault,\n"
	              "  130 interrupted\n");
}

static void print_help(const struct command *command)
{
	(void)printf("usage: proviso %s [OPTIONS]%s%s\n%s\n\noptions:\n", command->name,
	             command->operands[0] == '\0' ? "" : " ", command->operands, command->about);
	options_print(command->options, stdout);
	(void)printf("  -h, --help                  this text\n");
}

static const struct command *find_command(struct text name)
{
	for (const struct command *const *command = command_table; *command != NULL; command++)
		if (text_is(name, (*command)->name))
			return *command;
	return NULL;
}

static int unknown_command(struct text name)
{
	const char *names[ARRAY_LENGTH(command_table)];
	size_t count = 0;
	struct fault fault;

	for (; command_table[count] != NULL; count++)
		names[count] = command_table[count]->name;
	const char *nearest = text_nearest(name, names, count);
	if (nearest != NULL)
		(void)fault_set(&fault, FAULT_USAGE, "unknown command \"%.*s\" (did you mean %s?)",
		                TEXT_ARG(name), nearest);
	else
		(void)fault_set(&fault, FAULT_USAGE,
		                "unknown command \"%.*s\"; `proviso --help` lists them",
		                TEXT_ARG(name));
	return command_fail(&fault);
}

static int run_command(const struct command *command, char **arguments, int count)
{
	struct arena arena = {0};
	struct fault fault;
	bool help;
	int code;

	void *state = arena_alloc(&arena, command->state_bytes);
	if (command->defaults != NULL)
		command->defaults(state);
	if (!options_parse(command->options, arguments, count, &arena, state, &help, &fault)) {
		code = command_fail(&fault);
		(void)fprintf(stderr, "`proviso %s --help` lists its options.\n", command->name);
	} else if (help) {
		print_help(command);
		code = EXIT_HOLDS;
	} else {
		code = command->run(state, &arena);
	}
	arena_done(&arena);
	return code;
}

static void read_log_level(void)
{
	const char *name = getenv("PROVISO_LOG_LEVEL");
	enum log_level level;

	if (name != NULL && log_level_from_name(name, &level))
		log_set_level(level);
}

int main(int argc, char **argv)
{
	int code;

	/* A reader that goes away is told by EPIPE; keys stay out of core dumps. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	read_log_level();
	struct text name = argc > 1 ? text_of(argv[1]) : (struct text){NULL, 0};
	if (argc < 2) {
		print_usage(stderr);
		code = EXIT_WRONG_USAGE;
	} else if (text_is(name, "--help") || text_is(name, "-h") || text_is(name, "help")) {
		print_usage(stdout);
		code = EXIT_HOLDS;
	} else if (text_is(name, "--version") || text_is(name, "-V")) {
		(void)printf("proviso %s\n", PROVISO_VERSION);
		code = EXIT_HOLDS;
	} else if (find_command(name) == NULL) {
		code = unknown_command(name);
	} else {
		code = run_command(find_command(name), argv + 2, argc - 2);
	}
	vault_forget_all();
	redact_forget_all();
	return code;
}
