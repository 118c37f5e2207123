/* `gate`: may this config go live on this matrix? Offline; what it says is what `explain` says. */
#include "harness/cli/command.h"

#include "harness/base/file.h"
#include "harness/cli/ci_output.h"
#include "harness/cli/routing_setup.h"
#include "reports/report_gate.h"

#include <stdlib.h>

struct gate {
	struct text config, matrix, usage, base_config, base_matrix, out;
	int64_t min_targets;
	int format;
};

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_GITHUB };
static const char *const format_names[] = {"table", "json", "markdown", "github", NULL};

static const struct option gate_rows[] = {
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct gate, config),
     .value = "FILE",
     .help = "the config (default proviso.yaml)"},
    {.name = "matrix",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct gate, matrix),
     .value = "FILE",
     .help = "the matrix, or a run's folder (default proviso-matrix.json)"},
    {.name = "usage",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct gate, usage),
     .value = "FILE",
     .help = "the traffic to be backed, as `proviso usage --format csv` exports it"},
    {.name = "min-targets",
     .kind = OPTION_INT,
     .offset = offsetof(struct gate, min_targets),
     .value = "N",
     .help = "proven targets for each shape of a route that does not say (default 1)",
     .min = 1,
     .max = 1000},
    {.name = "base-config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct gate, base_config),
     .value = "FILE",
     .help = "compare with this config: what moves, what is lost, what it costs"},
    {.name = "base-matrix",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct gate, base_matrix),
     .value = "FILE",
     .help = "compare with this matrix"},
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct gate, format),
     .value = "FORMAT",
     .help = "table (default), json, markdown, github",
     .names = format_names},
    {.name = "out",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct gate, out),
     .value = "FILE",
     .help = "write there instead of stdout"},
};

static const struct option_table gate_options = {
    .rows = gate_rows,
    .count = ARRAY_LENGTH(gate_rows),
};

static void set_defaults(void *state)
{
	struct gate *gate = state;

	gate->min_targets = 1;
}

struct gating {
	const struct gate *gate;
	struct arena *arena;
	struct routing_setup head, base;
	struct gate_demands demands;
	struct gate_result result, base_result;
	struct gate_comparison comparison;
	struct gate_report report;
};

static bool read_demands(struct gating *g, struct fault *fault)
{
	const struct config *config = &g->head.config;
	struct fault_list *refusals = ARENA_NEW(g->arena, struct fault_list);

	if (g->gate->usage.data != NULL) {
		const char *path = text_c(g->arena, g->gate->usage);
		bool good = gate_demands_of_usage(path, g->arena, &g->demands, refusals, fault);
		bool whole = command_fail_list(refusals) == EXIT_HOLDS;
		return (good && whole) || fault_within(fault, "reading the usage %s", path);
	}
	gate_demands_of_config(config, &g->head.suite, g->arena, &g->demands);
	if (g->demands.count == 0)
		return fault_set(fault, FAULT_INPUT,
		                 "there is nothing to gate: the config has no routes; give "
		                 "--usage to gate targets that clients name");
	return true;
}

static int compare(struct gating *g, int64_t now_wall_ms)
{
	const struct gate *gate = g->gate;
	struct text config = gate->base_config.data != NULL ? gate->base_config : gate->config;
	struct text matrix = gate->base_matrix.data != NULL ? gate->base_matrix : gate->matrix;

	if (gate->base_config.data == NULL && gate->base_matrix.data == NULL)
		return EXIT_HOLDS;
	int code = routing_setup_load(&g->base, config, matrix, g->arena);
	if (code != EXIT_HOLDS)
		return code;
	/* With the head's matrix as of now; an older one as of when it was fresh. */
	int64_t base_now_wall_ms = gate->base_matrix.data == NULL
	                               ? now_wall_ms
	                               : gate_moment(&g->base.matrix, now_wall_ms);
	gate_judge(g->base.router, &g->demands, gate->min_targets, base_now_wall_ms, g->arena,
	           &g->base_result);
	gate_compare(g->base.router, &g->base_result, g->head.router, &g->result, base_now_wall_ms,
	             now_wall_ms, g->arena, &g->comparison);
	g->report.comparison = &g->comparison;
	g->report.base = &g->base_result;
	return EXIT_HOLDS;
}

static bool print_result(const struct gating *g, struct fault *fault)
{
	bool to_stdout = g->gate->out.data == NULL || text_is(g->gate->out, "-");
	struct report_terminal_options terminal = {
	    .colour = to_stdout && terminal_wants_colour(),
	    .width = terminal_width(),
	};
	struct text_buf out;

	text_buf_init(&out, REPORT_MAX_BYTES);
	switch ((enum format)g->gate->format) {
	case FORMAT_TABLE:
		report_gate_terminal(&g->report, &terminal, &out);
		break;
	case FORMAT_JSON:
		report_gate_json(&g->report, &out);
		break;
	case FORMAT_MARKDOWN:
		report_gate_markdown(&g->report, &out);
		break;
	case FORMAT_GITHUB:
		report_gate_github(&g->report, &out);
		break;
	}
	return command_write_report(g->gate->out, &out, fault);
}

/* In a job of GitHub Actions: annotations and the step summary, as `check` gives them. */
static bool tell_ci(const struct gating *g, struct fault *fault)
{
	struct text_buf annotations;
	struct text_buf summary;

	if (!ci_is_github())
		return true;
	text_buf_init(&annotations, REPORT_MAX_BYTES);
	text_buf_init(&summary, REPORT_SUMMARY_MAX_BYTES);
	report_gate_github(&g->report, &annotations);
	report_gate_markdown(&g->report, &summary);
	bool told = ci_tell(text_buf_view(&annotations), text_buf_view(&summary), fault);
	text_buf_done(&annotations);
	text_buf_done(&summary);
	return told;
}

static int exit_code_of(enum gate_state state)
{
	switch (state) {
	case GATE_HOLDS:
		return EXIT_HOLDS;
	case GATE_UNKNOWN:
		return EXIT_INCONCLUSIVE;
	case GATE_REFUSED:
		break;
	}
	return EXIT_DOES_NOT_HOLD;
}

static int gate(struct gating *g)
{
	int64_t now_wall_ms = command_now_wall_ms();
	struct fault fault;
	int code = routing_setup_load(&g->head, g->gate->config, g->gate->matrix, g->arena);

	if (code != EXIT_HOLDS)
		return code;
	if (!read_demands(g, &fault))
		return command_fail(&fault);
	gate_judge(g->head.router, &g->demands, g->gate->min_targets, now_wall_ms, g->arena,
	           &g->result);
	g->report = (struct gate_report){
	    .router = g->head.router,
	    .suite = &g->head.suite,
	    .matrix = &g->head.matrix,
	    .demands = &g->demands,
	    .result = &g->result,
	};
	code = compare(g, now_wall_ms);
	if (code != EXIT_HOLDS)
		return code;
	if (!print_result(g, &fault) || !tell_ci(g, &fault))
		return command_fail(&fault);
	return exit_code_of(g->result.state);
}

static int gate_run(void *state, struct arena *arena)
{
	struct gating *g = ARENA_NEW(arena, struct gating);

	g->gate = state;
	g->arena = arena;
	int code = gate(g);
	routing_setup_done(&g->base);
	routing_setup_done(&g->head);
	return code;
}

const struct command command_gate = {
    .name = "gate",
    .summary = "may this config go live on this matrix?",
    .operands = "",
    .about =
	"Asks of every route, for every shape of request that its traffic has, whether enough\n"
	"targets are proven; offline, from config and matrix. Exits 1 if it is refused, 3 if\n"
	"evidence is missing. With --base-config or --base-matrix also: which share of the\n"
	"traffic moves, what loses its last or second target, what it costs.",
    .options = &gate_options,
    .state_bytes = sizeof(struct gate),
    .defaults = set_defaults,
    .run = gate_run,
};
