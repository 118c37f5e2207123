/*
 * What a shell offers after TAB, written out of the option tables themselves: a command, an option
 * or a choice that exists is offered, and nothing else is.
 */
#ifndef PROVISO_CLI_COMPLETION_H
#define PROVISO_CLI_COMPLETION_H

#include "harness/cli/command.h"

enum completion_shell { COMPLETION_BASH, COMPLETION_ZSH, COMPLETION_FISH };

enum { COMPLETION_MAX_BYTES = 1 << 20 };

/* Appends the script that teaches this shell the commands of command_table. */
void completion_write(enum completion_shell shell, struct text_buf *out);

#endif
