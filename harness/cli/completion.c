/*
 * Completions for bash, zsh and fish. Each takes what the option tables know: an option's
 * names, whether it has a value, and whether that is a choice, a file or a folder. The scripts need
 * nothing but the shell, and never start the program.
 */
#include "harness/cli/completion.h"

enum fill { FILL_NOTHING, FILL_FILE, FILL_FOLDER, FILL_CHOICE };

static bool speaks_of(const char *words, const char *part)
{
	REQUIRE(words != NULL);
	return strstr(words, part) != NULL;
}

static bool names_a_file(const char *words)
{
	return speaks_of(words, "FILE") || speaks_of(words, "MATRIX") || speaks_of(words, ".csv") ||
	       speaks_of(words, ".json") || speaks_of(words, "BASE");
}

static enum fill fill_of(const struct option *option)
{
	if (option->kind == OPTION_CHOICE)
		return FILL_CHOICE;
	if (option->value == NULL || option->kind == OPTION_FLAG)
		return FILL_NOTHING;
	if (speaks_of(option->value, "DIR"))
		return FILL_FOLDER;
	return names_a_file(option->value) ? FILL_FILE : FILL_NOTHING;
}

/* "create|list|rotate ID": the words that the first operand may be, with blanks between them. */
static void add_verbs(struct text_buf *out, const struct command *command)
{
	struct text rest = text_of(command->operands);
	struct text part;
	const char *gap = "";

	if (text_find_byte(rest, '|', 0) == TEXT_NOT_FOUND)
		return;
	while (text_next_field(&rest, '|', &part)) {
		size_t end = text_find_byte(part, ' ', 0);
		if (end != TEXT_NOT_FOUND)
			part = text_slice(part, 0, end);
		(void)text_buf_format(out, "%s%.*s", gap, TEXT_ARG(part));
		gap = " ";
	}
}

static bool has_verbs(const struct command *command)
{
	return speaks_of(command->operands, "|");
}

static void add_choices(struct text_buf *out, const struct option *option)
{
	for (int i = 0; option->names[i] != NULL; i++)
		(void)text_buf_format(out, "%s%s", i == 0 ? "" : " ", option->names[i]);
}

/* Within '...': what would end the quotes or, before a byte of `special`, mean something. */
static void add_quoted(struct text_buf *out, const char *words, const char *special,
                       const char *quote)
{
	for (const char *c = words; *c != '\0'; c++) {
		if (*c == '\'')
			(void)text_buf_add_c(out, quote);
		else if (strchr(special, *c) != NULL)
			(void)text_buf_format(out, "\\%c", *c);
		else
			(void)text_buf_byte(out, *c);
	}
}

/* --- bash ------------------------------------------------------------------------------------ */

static const char bash_head[] =
    "# bash completion of proviso, made by `proviso completion bash`.\n"
    "_proviso()\n"
    "{\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} options= verbs= files= "
    "word\n"
    "\tCOMPREPLY=()\n"
    "\t# --name=value is three words here\n"
    "\tif [[ $cur == = ]]; then cur=\n"
    "\telif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n";

static const char bash_tail[] =
    "\tesac\n"
    "\tfor word in \"${COMP_WORDS[@]:2:COMP_CWORD-2}\"; do\n"
    "\t\tif [[ \" $verbs \" == *\" $word \"* ]]; then verbs=; fi\n"
    "\tdone\n"
    "\tif [[ $cur == -* ]]; then COMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
    "\telif [[ -n $verbs ]]; then COMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
    "\telif [[ -n $files ]]; then compopt -o default; fi\n"
    "}\n"
    "complete -F _proviso proviso\n";

static void bash_value(struct text_buf *out, const struct option *option)
{
	if (option->kind == OPTION_FLAG)
		return;
	(void)text_buf_format(out, "\t\t--%s", option->name);
	if (option->letter != 0)
		(void)text_buf_format(out, "|-%c", option->letter);
	(void)text_buf_add_c(out, ") ");
	switch (fill_of(option)) {
	case FILL_NOTHING:
		break;
	case FILL_FILE:
		(void)text_buf_add_c(out, "compopt -o default; ");
		break;
	case FILL_FOLDER:
		(void)text_buf_add_c(out, "compopt -o dirnames; ");
		break;
	case FILL_CHOICE:
		(void)text_buf_add_c(out, "COMPREPLY=($(compgen -W \"");
		add_choices(out, option);
		(void)text_buf_add_c(out, "\" -- \"$cur\")); ");
		break;
	}
	(void)text_buf_add_c(out, "return ;;\n");
}

static void bash_command(struct text_buf *out, const struct command *command)
{
	const struct option_table *table = command->options;

	(void)text_buf_format(out, "\t%s)\n\t\toptions=\"", command->name);
	for (size_t i = 0; i < table->count; i++)
		(void)text_buf_format(out, "--%s ", table->rows[i].name);
	(void)text_buf_add_c(out, "--help\"\n");
	if (has_verbs(command)) {
		(void)text_buf_add_c(out, "\t\tverbs=\"");
		add_verbs(out, command);
		(void)text_buf_add_c(out, "\"\n");
	}
	if (names_a_file(command->operands))
		(void)text_buf_add_c(out, "\t\tfiles=yes\n");
	(void)text_buf_add_c(out, "\t\tcase $prev in\n");
	for (size_t i = 0; i < table->count; i++)
		bash_value(out, &table->rows[i]);
	(void)text_buf_add_c(out, "\t\tesac ;;\n");
}

static void write_bash(struct text_buf *out)
{
	(void)text_buf_add_c(out, bash_head);
	(void)text_buf_add_c(out, "\tif ((COMP_CWORD == 1)); then\n\t\tCOMPREPLY=($(compgen -W \"");
	for (const struct command *const *command = command_table; *command != NULL; command++)
		(void)text_buf_format(out, "%s ", (*command)->name);
	(void)text_buf_add_c(out, "--help --version\" -- \"$cur\"))\n\t\treturn\n\tfi\n"
	                          "\tcase ${COMP_WORDS[1]} in\n");
	for (const struct command *const *command = command_table; *command != NULL; command++)
		bash_command(out, *command);
	(void)text_buf_add_c(out, bash_tail);
}

/* --- zsh ------------------------------------------------------------------------------------- */

static void zsh_words(struct text_buf *out, const char *words)
{
	add_quoted(out, words, "[]:\\", "'\\''");
}

static void zsh_fill(struct text_buf *out, const struct option *option)
{
	(void)text_buf_byte(out, ':');
	zsh_words(out, option->value);
	(void)text_buf_byte(out, ':');
	switch (fill_of(option)) {
	case FILL_NOTHING:
		(void)text_buf_byte(out, ' ');
		break;
	case FILL_FILE:
		(void)text_buf_add_c(out, "_files");
		break;
	case FILL_FOLDER:
		(void)text_buf_add_c(out, "_files -/");
		break;
	case FILL_CHOICE:
		(void)text_buf_byte(out, '(');
		add_choices(out, option);
		(void)text_buf_byte(out, ')');
		break;
	}
}

static void zsh_option(struct text_buf *out, const struct option *option)
{
	const char *equals = option->kind == OPTION_FLAG ? "" : "=";
	const char *again = option->kind == OPTION_TEXTS ? "*" : "";

	if (option->letter != 0)
		(void)text_buf_format(out, " \\\n\t\t\t'(-%c --%s)'{-%c%s,--%s%s}'[",
		                      option->letter, option->name, option->letter,
		                      *equals == '\0' ? "" : "+", option->name, equals);
	else
		(void)text_buf_format(out, " \\\n\t\t\t'%s--%s%s[", again, option->name, equals);
	zsh_words(out, option->help);
	(void)text_buf_byte(out, ']');
	if (option->kind != OPTION_FLAG)
		zsh_fill(out, option);
	(void)text_buf_byte(out, '\'');
}

static void zsh_command(struct text_buf *out, const struct command *command)
{
	(void)text_buf_format(out, "\t\t%s) _arguments -S", command->name);
	for (size_t i = 0; i < command->options->count; i++)
		zsh_option(out, &command->options->rows[i]);
	(void)text_buf_add_c(out, " \\\n\t\t\t'(- *)'{-h,--help}'[this text]'");
	if (has_verbs(command)) {
		(void)text_buf_add_c(out, " \\\n\t\t\t'1:what:(");
		add_verbs(out, command);
		(void)text_buf_add_c(out, ")'");
	}
	if (command->options->operands_max > (has_verbs(command) ? 1u : 0u))
		(void)text_buf_format(out, " \\\n\t\t\t'*:%s:%s'",
		                      names_a_file(command->operands) ? "file" : "operand",
		                      names_a_file(command->operands) ? "_files" : " ");
	(void)text_buf_add_c(out, " ;;\n");
}

static void write_zsh(struct text_buf *out)
{
	(void)text_buf_add_c(
	    out,
	    "#compdef proviso\n# zsh completion of proviso, made by `proviso completion zsh`.\n"
	    "_proviso()\n{\n\tlocal curcontext=$curcontext state line\n"
	    "\tlocal -a commands\n\ttypeset -A opt_args\n\tcommands=(");
	for (const struct command *const *command = command_table; *command != NULL; command++) {
		(void)text_buf_format(out, "\n\t\t'%s:", (*command)->name);
		zsh_words(out, (*command)->summary);
		(void)text_buf_byte(out, '\'');
	}
	(void)text_buf_add_c(out, ")\n\t_arguments -C '(- *)'{-h,--help}'[list the commands]' \\\n"
	                          "\t\t'(- *)'{-V,--version}'[print the version]' \\\n"
	                          "\t\t'1: :->command' '*:: :->arguments'\n"
	                          "\tcase $state in\n\tcommand) _describe command commands ;;\n"
	                          "\targuments)\n\t\tcase $words[1] in\n");
	for (const struct command *const *command = command_table; *command != NULL; command++)
		zsh_command(out, *command);
	(void)text_buf_add_c(out, "\t\tesac ;;\n\tesac\n}\n"
	                          "# Found by autoload it runs; sourced it is made known.\n"
	                          "if [[ $funcstack[1] == _proviso ]]; then _proviso \"$@\"\n"
	                          "else compdef _proviso proviso; fi\n");
}

/* --- fish ------------------------------------------------------------------------------------ */

static void fish_words(struct text_buf *out, const char *words)
{
	(void)text_buf_add_c(out, " -d '");
	add_quoted(out, words, "\\", "\\'");
	(void)text_buf_add_c(out, "'\n");
}

static void fish_option(struct text_buf *out, const struct command *command,
                        const struct option *option)
{
	(void)text_buf_format(out, "complete -c proviso -n '__proviso_is %s' -l %s", command->name,
	                      option->name);
	if (option->letter != 0)
		(void)text_buf_format(out, " -s %c", option->letter);
	switch (fill_of(option)) {
	case FILL_NOTHING:
		(void)text_buf_add_c(out, option->kind == OPTION_FLAG ? "" : " -x");
		break;
	case FILL_FILE:
		(void)text_buf_add_c(out, " -r -F");
		break;
	case FILL_FOLDER:
		(void)text_buf_add_c(out, " -x -a '(__fish_complete_directories)'");
		break;
	case FILL_CHOICE:
		(void)text_buf_add_c(out, " -x -a '");
		add_choices(out, option);
		(void)text_buf_byte(out, '\'');
		break;
	}
	fish_words(out, option->help);
}

static void fish_command(struct text_buf *out, const struct command *command)
{
	(void)text_buf_format(out, "complete -c proviso -n __proviso_first -a %s", command->name);
	fish_words(out, command->summary);
	for (size_t i = 0; i < command->options->count; i++)
		fish_option(out, command, &command->options->rows[i]);
	(void)text_buf_format(out, "complete -c proviso -n '__proviso_is %s' -s h -l help",
	                      command->name);
	fish_words(out, "this text");
	if (has_verbs(command)) {
		(void)text_buf_format(out, "complete -c proviso -n '__proviso_at %s 2' -a '",
		                      command->name);
		add_verbs(out, command);
		(void)text_buf_add_c(out, "'\n");
	}
	if (names_a_file(command->operands))
		(void)text_buf_format(out, "complete -c proviso -n '__proviso_%s %s%s' -F\n",
		                      has_verbs(command) ? "at" : "is", command->name,
		                      has_verbs(command) ? " 3" : "");
}

static void write_fish(struct text_buf *out)
{
	(void)text_buf_add_c(out,
	                     "# fish completion of proviso, made by `proviso completion fish`.\n"
	                     "function __proviso_first\n"
	                     "\ttest (count (commandline -opc)) -eq 1\nend\n"
	                     "function __proviso_is\n\tset -l words (commandline -opc)\n"
	                     "\ttest (count $words) -ge 2; and test $words[2] = $argv[1]\nend\n"
	                     "function __proviso_at\n\t__proviso_is $argv[1]; and test (count "
	                     "(commandline -opc)) -eq $argv[2]\nend\n"
	                     "complete -c proviso -f\n"
	                     "complete -c proviso -n __proviso_first -s h -l help"
	                     " -d 'list the commands'\n"
	                     "complete -c proviso -n __proviso_first -s V -l version"
	                     " -d 'print the version'\n");
	for (const struct command *const *command = command_table; *command != NULL; command++)
		fish_command(out, *command);
}

void completion_write(enum completion_shell shell, struct text_buf *out)
{
	switch (shell) {
	case COMPLETION_BASH:
		write_bash(out);
		return;
	case COMPLETION_ZSH:
		write_zsh(out);
		return;
	case COMPLETION_FISH:
		write_fish(out);
		return;
	}
}
