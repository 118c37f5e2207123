/* `diff BASE HEAD`: what changed between two matrices, and whether any of it is a regression. */
#include "harness/cli/command.h"

#include "harness/cli/change_output.h"

struct diff {
	int format;
	struct text out, config;
	struct text_list operands;
};

static const struct option diff_rows[] = {
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct diff, format),
     .value = "FORMAT",
     .help = "table (default), csv, json, markdown",
     .names = change_format_names},
    {.name = "out",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct diff, out),
     .value = "FILE",
     .help = "write there instead of stdout"},
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct diff, config),
     .value = "FILE",
     .help = "honour the waivers of this config (default: none)"},
};

static const struct option_table diff_options = {
    .rows = diff_rows,
    .count = ARRAY_LENGTH(diff_rows),
    .operands = offsetof(struct diff, operands),
    .operands_max = 2,
};

static int compare(const struct diff *diff, const struct config *config, struct arena *arena)
{
	struct matrix base;
	struct matrix head;
	struct comparison comparison;
	struct fault fault;
	struct comparison_options options = {
	    .waivers = config->policy.waivers.items,
	    .waiver_count = config->policy.waivers.count,
	    .now_wall_ms = command_now_wall_ms(),
	};

	if (!baseline_read(text_c(arena, diff->operands.items[0]), arena, &base, &fault) ||
	    !baseline_read(text_c(arena, diff->operands.items[1]), arena, &head, &fault))
		return command_fail(&fault);
	baseline_compare(&base, &head, &options, arena, &comparison);
	if (!change_output(&comparison, (enum change_format)diff->format, diff->out, &fault))
		return command_fail(&fault);
	return comparison.gating > 0 ? EXIT_DOES_NOT_HOLD : EXIT_HOLDS;
}

static int diff_run(void *state, struct arena *arena)
{
	struct diff *diff = state;
	struct config config = config_defaults;
	struct fault fault;

	if (diff->operands.count != 2) {
		(void)fault_set(&fault, FAULT_USAGE, "diff wants two matrices: BASE and HEAD");
		return command_fail(&fault);
	}
	if (diff->config.data == NULL)
		return compare(diff, &config, arena);
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);
	bool loaded = config_load(text_c(arena, diff->config), &config, faults);
	int code = command_fail_list(faults);
	if (loaded)
		code = compare(diff, &config, arena);
	config_done(&config);
	return code;
}

const struct command command_diff = {
    .name = "diff",
    .summary = "compare two matrices: what regressed, what is fixed, what is noise",
    .operands = "BASE HEAD",
    .about =
	"Compares two matrices cell by cell; each is a matrix file, a baseline that\n"
	"`proviso bless` wrote, or a run's folder. Exits 1 if a gate or required cell regressed.",
    .options = &diff_options,
    .state_bytes = sizeof(struct diff),
    .run = diff_run,
};
