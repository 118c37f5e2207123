/* `forecast`: what a log of requests costs under each policy, and how well it is served. */
#include "harness/cli/command.h"

#include "harness/base/loop.h"
#include "harness/cli/routing_setup.h"
#include "reports/report_forecast.h"

enum { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON, DAYS_MAX = 36500 };
static const char *const format_names[] = {"table", "csv", "json", NULL};
static const int64_t DAY_MS = 86400000;

struct forecast_options {
	struct text config, matrix, against, baseline, route, task, features, since, until, at;
	struct text out, html;
	struct text_list columns, operands;
	int64_t days;
	int format;
};

static const struct option forecast_rows[] = {
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, config),
     .value = "FILE",
     .help = "the config: its targets, routes and prices (default proviso.yaml)"},
    {.name = "matrix",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, matrix),
     .value = "FILE",
     .help = "the matrix, or a run's folder (default proviso-matrix.json, where there is one)"},
    {.name = "against",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, against),
     .value = "FILE",
     .help = "a second config, whose routes are one more policy"},
    {.name = "baseline",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, baseline),
     .value = "TARGET",
     .help = "what all of it goes to now: savings are told against that"},
    {.name = "column",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct forecast_options, columns),
     .value = "COLUMN=NAME",
     .help = "what a column is called in this log: input_tokens=PromptTokens"},
    {.name = "route",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, route),
     .value = "NAME",
     .help = "of requests that name neither route nor model"},
    {.name = "task",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, task),
     .value = "NAME",
     .help = "of requests that name none"},
    {.name = "features",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, features),
     .value = "LIST",
     .help = "of requests that name none, with blanks between (default chat)"},
    {.name = "since",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, since),
     .value = "DATE",
     .help = "requests from this day or moment on (UTC)"},
    {.name = "until",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, until),
     .value = "DATE",
     .help = "requests to the end of this day, or before this moment"},
    {.name = "days",
     .kind = OPTION_INT,
     .offset = offsetof(struct forecast_options, days),
     .value = "N",
     .help = "days that the log covers (default: from its first request to its last)",
     .min = 1,
     .max = DAYS_MAX},
    {.name = "at",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, at),
     .value = "DATE",
     .help = "prices as if the log began in the week from then on (default now); log: as of "
             "its own days"},
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct forecast_options, format),
     .value = "FORMAT",
     .help = "table (default), csv, json",
     .names = format_names},
    {.name = "out",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, out),
     .value = "FILE",
     .help = "write there instead of stdout"},
    {.name = "html",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct forecast_options, html),
     .value = "FILE",
     .help = "a page with cost against quality and spend over time, besides"},
};

static const struct option_table forecast_option_table = {
    .rows = forecast_rows,
    .count = ARRAY_LENGTH(forecast_rows),
    .operands = offsetof(struct forecast_options, operands),
    .operands_max = 1,
};

struct forecasting {
	const struct forecast_options *options;
	struct arena *arena;
	struct routing_setup own, other;
	struct forecast_setup setup;
	struct forecast *forecast;
	struct forecast_result result;
	struct traffic_counts counts;
	struct fault_list *refusals;
};

/* --- what it rests on ------------------------------------------------------------------ */

static bool read_times(struct forecasting *f, struct fault *fault)
{
	const struct forecast_options *options = f->options;
	struct forecast_setup *setup = &f->setup;

	setup->now_wall_ms = command_now_wall_ms();
	setup->since_wall_ms = INT64_MIN;
	setup->until_wall_ms = INT64_MAX;
	setup->days = options->days;
	setup->at_wall_ms = setup->now_wall_ms;
	if (text_is(options->at, "log"))
		setup->at_wall_ms = FORECAST_AS_LOGGED;
	else if (!command_read_moment("at", options->at, 0, &setup->at_wall_ms, fault))
		return false;
	return command_read_moment("since", options->since, 0, &setup->since_wall_ms, fault) &&
	       command_read_moment("until", options->until, DAY_MS, &setup->until_wall_ms, fault);
}

static bool find_baseline(struct forecasting *f, struct fault *fault)
{
	const struct router *router = f->own.router;
	struct text name = f->options->baseline;
	size_t count = router_target_count(router);
	const char **names = ARENA_NEW_ARRAY(f->arena, const char *, count);

	f->setup.baseline = SIZE_MAX;
	if (name.data == NULL)
		return true;
	for (size_t i = 0; i < count; i++) {
		names[i] = text_c(f->arena, router_target(router, i)->name);
		if (text_equal(router_target(router, i)->name, name))
			f->setup.baseline = i;
	}
	if (f->setup.baseline != SIZE_MAX)
		return true;
	const char *nearest = text_nearest(name, names, count);
	return fault_set(fault, FAULT_USAGE, "--baseline: the config has no target \"%.*s\"%s%s%s",
	                 TEXT_ARG(name), nearest == NULL ? "" : "; did you mean ",
	                 nearest == NULL ? "" : nearest, nearest == NULL ? "" : "?");
}

static int load(struct forecasting *f)
{
	const struct forecast_options *options = f->options;
	struct fault fault;

	if (options->operands.count == 0) {
		(void)fault_set(&fault, FAULT_USAGE,
		                "want a log of requests: forecast TRAFFIC.csv");
		return command_fail(&fault);
	}
	if (!read_times(f, &fault))
		return command_fail(&fault);
	f->own.matrix_optional = f->other.matrix_optional = true;
	int code = routing_setup_load(&f->own, options->config, options->matrix, f->arena);
	if (code == EXIT_HOLDS && options->against.data != NULL)
		code = routing_setup_load(&f->other, options->against, options->matrix, f->arena);
	if (code != EXIT_HOLDS)
		return code;
	f->setup.router = f->own.router;
	f->setup.against = f->other.router;
	if (!find_baseline(f, &fault) || !forecast_new(&f->setup, f->arena, &f->forecast, &fault))
		return command_fail(&fault);
	return EXIT_HOLDS;
}

/* --- the log ------------------------------------------------------------------------------ */

static bool take_row(void *context, const struct traffic_row *row, struct fault *fault)
{
	struct forecasting *f = context;

	return forecast_add(f->forecast, row, fault);
}

/* Some are shown with their places; all are counted. */
static bool take_refusal(void *context, const struct fault *fault)
{
	struct forecasting *f = context;

	(void)fault_list_add(f->refusals, fault);
	return true;
}

static int read_log(struct forecasting *f)
{
	const struct forecast_options *options = f->options;
	const char *path = text_c(f->arena, options->operands.items[0]);
	const struct traffic_events events = {take_row, take_refusal, f};
	const struct traffic_options traffic = {
	    .columns = options->columns,
	    .task = options->task,
	    .features = options->features,
	    .asked = options->route,
	};
	struct fault fault;

	if (!traffic_read(path, &traffic, &events, f->arena, &f->counts, &fault)) {
		(void)fault_within(&fault, "reading the traffic %s", path);
		return command_fail(&fault);
	}
	int code = command_fail_list(f->refusals);
	if (f->counts.refused > 0)
		(void)fprintf(stderr, "proviso: %lld of %lld rows refused\n",
		              (long long)f->counts.refused, (long long)f->counts.rows);
	if (f->counts.taken > 0)
		return EXIT_HOLDS;
	if (code == EXIT_HOLDS) {
		(void)fault_set(&fault, FAULT_INPUT, "%s holds no request", path);
		code = command_fail(&fault);
	}
	return code;
}

/* --- the answer ------------------------------------------------------------------------------ */

/* The routes are what would go live; without any, whatever is proven. */
static const struct forecast_policy *deciding_policy(const struct forecast_result *result)
{
	const struct forecast_policy *deciding = NULL;

	for (size_t i = 0; i < result->count; i++)
		if (result->policies[i].kind == FORECAST_ROUTES ||
		    (result->policies[i].kind == FORECAST_CHEAPEST && deciding == NULL))
			deciding = &result->policies[i];
	REQUIRE(deciding != NULL);
	return deciding;
}

static bool anything_priced(const struct forecast_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (report_forecast_priced(&result->policies[i]))
			return true;
	return false;
}

static int exit_code_of(const struct forecast_result *result)
{
	const struct forecast_policy *policy = deciding_policy(result);

	if (policy->unproven > policy->open)
		return EXIT_DOES_NOT_HOLD;
	return policy->unproven > 0 || !anything_priced(result) ? EXIT_INCONCLUSIVE : EXIT_HOLDS;
}

static bool print_result(const struct forecasting *f, const struct forecast_report *report,
                         struct fault *fault)
{
	bool to_stdout = f->options->out.data == NULL || text_is(f->options->out, "-");
	struct report_terminal_options terminal = {
	    .colour = to_stdout && terminal_wants_colour(),
	    .width = terminal_width(),
	};
	struct text_buf out;

	text_buf_init(&out, REPORT_MAX_BYTES);
	if (f->options->format == FORMAT_TABLE)
		report_forecast_terminal(report, &terminal, &out);
	else if (f->options->format == FORMAT_CSV)
		report_forecast_csv(report, &out);
	else
		report_forecast_json(report, &out);
	if (!command_write_report(f->options->out, &out, fault))
		return false;
	if (f->options->html.data == NULL)
		return true;
	text_buf_init(&out, REPORT_MAX_BYTES);
	report_forecast_html(report, &out);
	return command_write_report(f->options->html, &out, fault);
}

static int tell(struct forecasting *f)
{
	struct fault fault;

	forecast_finish(f->forecast, &f->result);
	if (f->result.requests == 0) {
		(void)fault_set(&fault, FAULT_INPUT,
		                "no request lies within --since and --until (%lld are outside)",
		                (long long)f->result.outside);
		return command_fail(&fault);
	}
	int code = exit_code_of(&f->result);
	struct forecast_report report = {
	    .result = &f->result,
	    .counts = &f->counts,
	    .traffic = f->options->operands.items[0],
	    .matrix_hash = f->own.matrix_missing ? "" : router_matrix_hash(f->own.router),
	    .at_wall_ms = f->setup.at_wall_ms,
	    .holds = code == EXIT_HOLDS,
	};
	return print_result(f, &report, &fault) ? code : command_fail(&fault);
}

static int forecast_run(void *state, struct arena *arena)
{
	struct forecasting f = {
	    .options = state,
	    .arena = arena,
	    .refusals = ARENA_NEW(arena, struct fault_list),
	};
	int code = load(&f);

	if (code == EXIT_HOLDS)
		code = read_log(&f);
	if (code == EXIT_HOLDS)
		code = tell(&f);
	forecast_done(f.forecast);
	routing_setup_done(&f.own);
	routing_setup_done(&f.other);
	return code;
}

const struct command command_forecast = {
    .name = "forecast",
    .summary = "what this traffic costs, and how well it is served, under each policy",
    .operands = "TRAFFIC.csv",
    .about = "Reads a log of requests (timestamp, input_tokens, output_tokens; a usage export; an\n"
	     "Azure LLM trace; - is stdin) and compares policies: each target alone, the config's\n"
	     "routes, the cheapest proven target. Offline: nothing is sent, no key is needed.",
    .options = &forecast_option_table,
    .state_bytes = sizeof(struct forecast_options),
    .run = forecast_run,
};
