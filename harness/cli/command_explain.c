/*
 * `explain`: who may serve a request, in which order, and why the others may not
 * (explain_request.c); or what stands behind one cell (explain_cell.c).
 */
#include "harness/cli/command.h"

#include "harness/cli/explain_cell.h"
#include "harness/cli/explain_request.h"
#include "proxy/keys/key.h"

struct explain {
	struct text config, matrix, key, target, case_id, run;
	int evidence; /* enum key_evidence */
	int64_t max_age_ms;
	int endpoint, format;
	struct text_list headers, operands;
};

enum { FORMAT_USUAL = -1, FORMAT_JSON, FORMAT_TABLE }; /* the usual one: of either half */
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
     .help = "a header of the request"},
    {.name = "key",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain, key),
     .value = "ID",
     .help = "the virtual key's id, for tasks that match it"},
    {.name = "evidence",
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct explain, evidence),
     .value = "WHAT",
     .help = "what that key demands: config (default), enforce, strict; see key create",
     .names = key_evidence_names},
    {.name = "max-age",
     .kind = OPTION_DURATION,
     .offset = offsetof(struct explain, max_age_ms),
     .value = "TIME",
     .help = "the same of how old verdicts may be"},
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct explain, format),
     .value = "FORMAT",
     .help = "json, table (default: json; table with --case)",
     .names = format_names},
    {.name = "target",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain, target),
     .value = "TARGET",
     .help = "with --case: show the evidence of this target's cell"},
    {.name = "case",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain, case_id),
     .value = "ID",
     .help = "with --target: the case, like TC-10 or TC-10~stream"},
    {.name = "run",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct explain, run),
     .value = "DIR",
     .help = "with --case: the run's folder (default: in proviso-runs)"},
};

static const struct option_table explain_options = {
    .rows = explain_rows,
    .count = ARRAY_LENGTH(explain_rows),
    .operands = offsetof(struct explain, operands),
    .operands_max = 1,
};

static void set_defaults(void *state)
{
	struct explain *explain = state;

	explain->format = FORMAT_USUAL;
}

/* Options of the one half have no meaning in the other. */
static int show_cell(const struct explain *explain, struct arena *arena)
{
	struct explain_cell asked = {
	    .target = explain->target,
	    .case_id = explain->case_id,
	    .matrix = explain->matrix,
	    .run = explain->run,
	    .json = explain->format == FORMAT_JSON,
	};
	struct fault fault;

	if (explain->target.data == NULL || explain->case_id.data == NULL) {
		(void)fault_set(&fault, FAULT_USAGE,
		                "the evidence of a cell is asked for by --target and --case");
		return command_fail(&fault);
	}
	if (explain->operands.count > 0 || explain->headers.count > 0 ||
	    explain->key.data != NULL || explain->evidence != 0 || explain->max_age_ms != 0 ||
	    explain->config.data != NULL || explain->endpoint != 0) {
		(void)fault_set(&fault, FAULT_USAGE,
		                "--target and --case ask for a cell: REQUEST.json, --config, "
		                "--endpoint, --header, --key, --evidence and --max-age are for a "
		                "request");
		return command_fail(&fault);
	}
	return explain_cell(&asked, arena);
}

static int explain_run(void *state, struct arena *arena)
{
	const struct explain *explain = state;
	struct explain_request asked = {
	    .config = explain->config,
	    .matrix = explain->matrix,
	    .endpoint = explain->endpoint,
	    .headers = explain->headers,
	    .key = explain->key,
	    .demand = key_demand(explain->evidence, explain->max_age_ms),
	    .table = explain->format == FORMAT_TABLE,
	};

	if (explain->target.data != NULL || explain->case_id.data != NULL ||
	    explain->run.data != NULL)
		return show_cell(explain, arena);
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
	"Exits 1 if nobody may serve it.\n"
	"With --target and --case: the evidence of that cell, and a curl command that asks again.",
    .options = &explain_options,
    .state_bytes = sizeof(struct explain),
    .defaults = set_defaults,
    .run = explain_run,
};
