/*
 * The data files that travel inside the program: the core suite and the
 * provider catalogue. The table is made by the build (embed.sh); its names are the paths in
 * the repository. Programs that need no data (unit tests of the base) do not link it.
 */
#ifndef PROVISO_BASE_EMBEDDED_H
#define PROVISO_BASE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
	const char *name; /* "cases/core/tools.yaml"; NULL ends the table */
	const char *begin;
	const char *end;
};

extern const struct embedded_file embedded_files[];

#endif
