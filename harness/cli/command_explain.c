/* `explain [REQUEST.json]`: who may serve a request, in which order, and why the others may not. */
#include "harness/cli/command.h"

#include "harness/cli/explain_request.h"

struct explain {
	struct text config, matrix, key;
	int endpoint, format;
	struct text_list headers, operands;
};

static const char *const format_names[] = {"json", "table", NULL};

static const struct option explain_rows[] = {
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain, config),
     .value = "FILE",
     .help = "the config (default proviso.yaml)"},
    {.name = "matrix",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain, matrix),
     .value = "FILE",
     .help = "the matrix, or a run's folder (default proviso-matrix.json)"},
    {.name = "endpoint",
     .letter = 'e',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct explain, endpoint),
     .value = "NAME",
     .help = "chat (default), completions, embeddings, responses, messages",
     .names = explain_endpoint_names},
    {.name = "header",
     .letter = 'H',
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct explain, headers),
     .value = "'NAME: VALUE'",
     .help = "a header of the request (repeatable)"},
    {.name = "key",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain, key),
     .value = "ID",
     .help = "the virtual key's id, for tasks that match it"},
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct explain, format),
     .value = "FORMAT",
     .help = "json (default), table",
     .names = format_names},
};

static const struct option_table explain_options = {
    .rows = explain_rows,
    .count = ARRAY_LENGTH(explain_rows),
    .operands = offsetof(struct explain, operands),
    .operands_max = 1,
};

static int explain_run(void *state, struct arena *arena)
{
	const struct explain *explain = state;
	struct explain_request asked = {
	    .config = explain->config,
	    .matrix = explain->matrix,
	    .endpoint = explain->endpoint,
	    .headers = explain->headers,
	    .key = explain->key,
	    .table = explain->format == 1,
	};

	if (explain->operands.count == 1)
		asked.file = explain->operands.items[0];
	return explain_request(&asked, arena);
}

const struct command command_explain = {
    .name = "explain",
    .summary = "who may serve a request, in which order, at what cost; why the others may not",
    .operands = "[REQUEST.json]",
    .about =
	"Reads the body of a request (- or nothing: stdin) and prints the decision that the\n"
	"proxy would make of it, offline, from config and matrix: the candidates in the order\n"
	"in which they would be tried, and for each other target the cell that excludes it.\n"
	"Exits 1 if nobody may serve it.",
    .options = &explain_options,
    .state_bytes = sizeof(struct explain),
    .run = explain_run,
};
