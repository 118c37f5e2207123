/* `check [TARGET...]`: the options, and the way from them to a verdict. */
#include "harness/cli/check.h"

#include "harness/cli/matrix_output.h"

#define CHECK_OPTION(option_name, option_kind, field)                                              \
	.name = (option_name), .kind = (option_kind),                                              \
	.offset = offsetof(struct check_options, field)

static const struct option check_rows[] = {
    {CHECK_OPTION("config", OPTION_TEXT, config), .value = "FILE",
     .help = "the config (default ./proviso.yaml, then the user's)"},
    {CHECK_OPTION("profile", OPTION_TEXT, profile), .value = "NAME",
     .help = "smoke, ci or onboard: which cases"},
    {CHECK_OPTION("suite", OPTION_TEXTS, suites), .value = "NAME",
     .help = "core (default) or quality, the tasks with known answers"},
    {CHECK_OPTION("case", OPTION_TEXTS, cases), .value = "GLOB",
     .help = "only cases whose id matches, e.g. 'TC-*'"},
    {CHECK_OPTION("capability", OPTION_TEXTS, capabilities), .value = "NAME",
     .help = "only cases of this capability"},
    {CHECK_OPTION("trials", OPTION_INT, trials), .value = "N",
     .help = "ask each case at least so often (default 1)", .min = 1, .max = 1000},
    {CHECK_OPTION("jobs", OPTION_INT, jobs), .value = "N",
     .help = "questions in flight at once (default 8)", .min = 1, .max = 1000},
    {CHECK_OPTION("max-spend", OPTION_USD, max_spend_pico_usd), .value = "USD",
     .help = "never spend more than this"},
    {CHECK_OPTION("judge", OPTION_TEXT, judge), .value = "TARGET",
     .help = "who judges answers by the rubrics of their tasks, beside the grades"},
    {CHECK_OPTION("dry-run", OPTION_FLAG, dry_run),
     .help = "print what would be asked and what it costs at most; send nothing"},
    {CHECK_OPTION("out", OPTION_TEXT, out), .value = "DIR",
     .help = "the run's folder (default proviso-runs/ID)"},
    {CHECK_OPTION("resume", OPTION_TEXT, resume), .value = "DIR",
     .help = "go on with this run; nothing on disk is asked again"},
    {CHECK_OPTION("replay", OPTION_TEXT, replay), .value = "DIR",
     .help = "judge this run again from its evidence; send nothing"},
    {CHECK_OPTION("matrix", OPTION_TEXT, matrix), .value = "FILE",
     .help = "the matrix to update (default proviso-matrix.json)"},
    {CHECK_OPTION("baseline", OPTION_TEXT, baseline), .value = "FILE",
     .help = "say what changed since this was blessed; exit 1 on a regression"},
    {CHECK_OPTION("calibrate", OPTION_FLAG, calibrate),
     .help = "ask everything twice and tell how many false alarms that raises"},
    {CHECK_OPTION("format", OPTION_CHOICE, format), .value = "FORMAT",
     .help = "what is printed: table (default), csv, json, markdown, html, junit, github, "
             "codequality, quality",
     .names = matrix_format_names},
    {CHECK_OPTION("csv", OPTION_TEXT, csv), .value = "FILE", .help = "write the cells as CSV"},
    {CHECK_OPTION("json", OPTION_TEXT, json), .value = "FILE", .help = "write the report as JSON"},
    {CHECK_OPTION("markdown", OPTION_TEXT, markdown), .value = "FILE",
     .help = "write the report as Markdown"},
    {CHECK_OPTION("html", OPTION_TEXT, html), .value = "FILE",
     .help = "write the report as one HTML page, with the evidence"},
    {CHECK_OPTION("junit", OPTION_TEXT, junit), .value = "FILE",
     .help = "write the cells as JUnit XML"},
    {CHECK_OPTION("codequality", OPTION_TEXT, codequality), .value = "FILE",
     .help = "write what does not pass as GitLab's code quality JSON"},
    {CHECK_OPTION("base-url", OPTION_TEXT, base_url), .value = "URL",
     .help = "ask a provider that is in no file"},
    {CHECK_OPTION("model", OPTION_TEXT, model), .value = "NAME",
     .help = "with --base-url: the model to ask"},
    {CHECK_OPTION("api-key-env", OPTION_TEXT, api_key_env), .value = "NAME",
     .help = "with --base-url: the variable that holds its key"},
    {CHECK_OPTION("exit-zero", OPTION_FLAG, exit_zero),
     .help = "exit 0 also where a cell does not hold"},
};

static const struct option_table check_option_table = {
    .rows = check_rows,
    .count = ARRAY_LENGTH(check_rows),
    .operands = offsetof(struct check_options, targets),
    .operands_max = 1000,
};

static void set_defaults(void *state)
{
	struct check_options *options = state;

	options->max_spend_pico_usd = -1;
	options->matrix = TEXT("proviso-matrix.json");
}

static bool is_given(struct text option)
{
	return option.data != NULL;
}

/* What can't be wanted together. */
static bool agree(const struct check_options *options, struct fault *fault)
{
	if (is_given(options->resume) && is_given(options->replay))
		return fault_set(fault, FAULT_USAGE, "give --resume or --replay, not both");
	if ((is_given(options->resume) || is_given(options->replay)) && is_given(options->out))
		return fault_set(fault, FAULT_USAGE,
		                 "--out names a new run; a recorded one stays where it is");
	if ((is_given(options->model) || is_given(options->api_key_env)) &&
	    !is_given(options->base_url))
		return fault_set(fault, FAULT_USAGE,
		                 "--model and --api-key-env go with --base-url");
	if (is_given(options->judge) && (is_given(options->replay) || options->calibrate))
		return fault_set(
		    fault, FAULT_USAGE,
		    "--judge asks, after a run: neither --replay nor --calibrate does");
	if (options->dry_run && (is_given(options->resume) || is_given(options->replay)))
		return fault_set(fault, FAULT_USAGE, "--dry-run goes with a new run only");
	return true;
}

/* Two runs and what lies between them: there is no one matrix to report on. */
static bool agree_to_calibrate(const struct check_options *options, struct fault *fault)
{
	if (!options->calibrate)
		return true;
	if (is_given(options->baseline))
		return fault_set(fault, FAULT_USAGE,
		                 "--calibrate compares with its own first asking; leave out "
		                 "--baseline");
	if (is_given(options->csv) || is_given(options->json) || is_given(options->markdown) ||
	    is_given(options->html) || is_given(options->junit) || is_given(options->codequality))
		return fault_set(fault, FAULT_USAGE,
		                 "--calibrate writes no report of a run; `proviso report FORMAT "
		                 "--run DIR/first` does");
	if (options->format != MATRIX_TABLE && options->format != MATRIX_JSON)
		return fault_set(fault, FAULT_USAGE, "--calibrate prints table or json");
	return true;
}

static int check(void *state, struct arena *arena)
{
	struct check_options *options = state;
	struct check_session session = {.options = options, .arena = arena};
	struct fault fault;

	if (!agree(options, &fault) || !agree_to_calibrate(options, &fault))
		return command_fail(&fault);
	int code = options->calibrate          ? check_calibrate(&session)
	           : is_given(options->replay) ? check_replay(&session)
	                                       : check_run(&session);
	check_session_done(&session);
	if (options->exit_zero && (code == EXIT_DOES_NOT_HOLD || code == EXIT_INCONCLUSIVE))
		return EXIT_HOLDS;
	return code;
}

const struct command command_check = {
    .name = "check",
    .summary = "ask targets the cases; write run, matrix, evidence and reports",
    .operands = "[TARGET...]",
    .about = "Asks each TARGET (provider/model; default: every model of the config) the canonical\n"
	     "cases, keeps every byte as evidence, updates the matrix and prints it.\n"
	     "  proviso check --base-url http://127.0.0.1:8000/v1 --model qwen3-32b\n"
	     "checks a provider that is in no file.",
    .options = &check_option_table,
    .state_bytes = sizeof(struct check_options),
    .defaults = set_defaults,
    .run = check,
};
