/* `usage`: what was spent, as the ledger has it. */
#include "harness/cli/command.h"

#include "harness/base/loop.h"
#include "harness/cli/focus_charges.h"
#include "harness/cli/usage_output.h"
#include "harness/run/config/config.h"

enum {
	FORMAT_TABLE,
	FORMAT_CSV,
	FORMAT_JSON,
	FORMAT_FOCUS,
	FORMAT_HTML,
	OUT_MAX_BYTES = 1 << 30,
	METADATA_MAX_BYTES = 64 << 10
};
static const char *const format_names[] = {"table", "csv", "json", "focus", "html", NULL};
static const int64_t DAY_MS = 86400000;

struct usage {
	struct text config, ledger, since, until, metadata;
	struct text_list by, operands;
	bool budgets;
	int format;
};

static const struct option usage_rows[] = {
    {.name = "since",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct usage, since),
     .value = "DATE",
     .help = "from this day or moment on (UTC)"},
    {.name = "until",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct usage, until),
     .value = "DATE",
     .help = "to the end of this day, or before this moment"},
    {.name = "by",
     .kind = OPTION_TEXTS,
     .offset = offsetof(struct usage, by),
     .value = "COLUMN",
     .help = "sum up by key, team, workflow, task, target, day ..."},
    {.name = "budgets",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct usage, budgets),
     .help = "how each budget of the config and of its keys stands"},
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct usage, format),
     .value = "FORMAT",
     .help = "table (default), csv, json, focus, html",
     .names = format_names},
    {.name = "metadata",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct usage, metadata),
     .value = "FILE",
     .help = "with focus: write the metadata of its columns there"},
    {.name = "ledger",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct usage, ledger),
     .value = "FILE",
     .help = "the database (default: ledger.path of the config)"},
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct usage, config),
     .value = "FILE",
     .help = "the config that names the ledger"},
};

static const struct option_table usage_options = {
    .rows = usage_rows,
    .count = ARRAY_LENGTH(usage_rows),
    .operands = offsetof(struct usage, operands),
    .operands_max = 0,
};

/* Budgets have their own periods and scopes. */
static bool check_budgets(const struct usage *usage, struct fault *fault)
{
	if (usage->since.data != NULL || usage->until.data != NULL || usage->by.count > 0 ||
	    usage->ledger.data != NULL)
		return fault_set(fault, FAULT_USAGE,
		                 "--budgets says how they stand now, by the config: --since, "
		                 "--until, --by and --ledger do not go with it");
	if (usage->format == FORMAT_FOCUS || usage->format == FORMAT_HTML)
		return fault_set(fault, FAULT_USAGE, "--budgets: want table, csv or json");
	return true;
}

static bool read_query(const struct usage *usage, struct usage_query *query, struct fault *fault)
{
	query->since_wall_ms = INT64_MIN;
	query->until_wall_ms = INT64_MAX;
	if (!command_read_moment("since", usage->since, 0, &query->since_wall_ms, fault) ||
	    !command_read_moment("until", usage->until, DAY_MS, &query->until_wall_ms, fault))
		return false;
	if (query->since_wall_ms >= query->until_wall_ms)
		return fault_set(fault, FAULT_USAGE, "--until ends before --since begins");
	if (usage->by.count > USAGE_BY_MAX)
		return fault_set(fault, FAULT_USAGE, "at most %d times --by", USAGE_BY_MAX);
	for (size_t i = 0; i < usage->by.count; i++) {
		const char *name = usage_by_name(usage->by.items[i]);
		if (name == NULL)
			return fault_set(fault, FAULT_USAGE,
			                 "--by is \"%.*s\"; want key, team, workflow, task, route, "
			                 "target, provider, model, day, month, hour or another "
			                 "column that is no sum",
			                 TEXT_ARG(usage->by.items[i]));
		for (size_t k = 0; k < query->by_count; k++)
			if (text_is(query->by[k], name))
				return fault_set(fault, FAULT_USAGE, "--by %s is given twice",
				                 name);
		query->by[query->by_count++] = text_of(name);
	}
	if ((usage->format == FORMAT_FOCUS || usage->format == FORMAT_HTML) && usage->by.count > 0)
		return fault_set(fault, FAULT_USAGE,
		                 "%s says itself what a row is: --by does not go with it",
		                 usage->format == FORMAT_FOCUS ? "FOCUS" : "the page");
	if (usage->metadata.data != NULL && usage->format != FORMAT_FOCUS)
		return fault_set(fault, FAULT_USAGE, "--metadata goes with --format focus only");
	return true;
}

static int show_focus(const struct usage *usage, const struct usage_query *query,
                      struct arena *arena)
{
	struct text_buf out, metadata;
	struct fault fault;
	const struct focus_source ledger = focus_of_ledger(query);
	int64_t unpriced;

	text_buf_init(&out, OUT_MAX_BYTES);
	if (!usage_focus(&ledger, arena, &unpriced, &out, &fault)) {
		text_buf_done(&out);
		return command_fail(&fault);
	}
	if (usage->metadata.data != NULL) {
		text_buf_init(&metadata, METADATA_MAX_BYTES);
		usage_focus_metadata(arena, &metadata);
		if (!command_write_report(usage->metadata, &metadata, &fault)) {
			text_buf_done(&out);
			return command_fail(&fault);
		}
	}
	if (unpriced > 0)
		(void)fprintf(
		    stderr,
		    "proviso: warning: %lld attempts used tokens at an unknown cost: they "
		    "are in no charge\n",
		    (long long)unpriced);
	return command_write_report((struct text){NULL, 0}, &out, &fault) ? EXIT_HOLDS
	                                                                  : command_fail(&fault);
}

static int show_html(const struct usage_query *query, struct arena *arena)
{
	struct text_buf out;
	struct fault fault;

	text_buf_init(&out, OUT_MAX_BYTES);
	if (usage_html(query, arena, &out, &fault))
		return command_write_report((struct text){NULL, 0}, &out, &fault)
		           ? EXIT_HOLDS
		           : command_fail(&fault);
	text_buf_done(&out);
	return command_fail(&fault);
}

static int show(const struct usage *usage, struct usage_query *query, struct arena *arena)
{
	struct usage_groups groups;
	struct text_buf out;
	struct fault fault;

	if (query->by_count == 0 && usage->format == FORMAT_CSV)
		return usage_rows_csv(query, stdout, &fault) ? EXIT_HOLDS : command_fail(&fault);
	if (query->by_count == 0 && usage->format == FORMAT_JSON)
		return usage_rows_json(query, stdout, &fault) ? EXIT_HOLDS : command_fail(&fault);
	if (usage->format == FORMAT_FOCUS)
		return show_focus(usage, query, arena);
	if (usage->format == FORMAT_HTML)
		return show_html(query, arena);
	if (query->by_count == 0)
		query->by[query->by_count++] = TEXT("target");
	if (!usage_group(query, arena, &groups, &fault))
		return command_fail(&fault);
	text_buf_init(&out, OUT_MAX_BYTES);
	if (usage->format == FORMAT_TABLE)
		usage_groups_table(query, &groups, &out);
	else if (usage->format == FORMAT_CSV)
		usage_groups_csv(query, &groups, &out);
	else
		usage_groups_json(query, &groups, &out);
	return command_write_report((struct text){NULL, 0}, &out, &fault) ? EXIT_HOLDS
	                                                                  : command_fail(&fault);
}

static int show_budgets(const struct usage *usage, const struct config *config, struct arena *arena)
{
	struct budget_state *states;
	struct text_buf out;
	struct fault fault;
	size_t count;

	if (!budget_states_read(config, command_now_wall_ms(), arena, &states, &count, &fault))
		return command_fail(&fault);
	if (count == 0)
		(void)fprintf(stderr, "proviso: no budget is in the config, and no key has one\n");
	text_buf_init(&out, OUT_MAX_BYTES);
	if (usage->format == FORMAT_TABLE)
		usage_budgets_table(states, count, &out);
	else if (usage->format == FORMAT_CSV)
		usage_budgets_csv(states, count, &out);
	else
		usage_budgets_json(states, count, &out);
	return command_write_report((struct text){NULL, 0}, &out, &fault) ? EXIT_HOLDS
	                                                                  : command_fail(&fault);
}

static int with_config(const struct usage *usage, struct usage_query *query, struct arena *arena)
{
	struct config *config = ARENA_NEW(arena, struct config);
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);

	*config = config_defaults;
	bool loaded = config_load(usage->config.data == NULL ? NULL : text_c(arena, usage->config),
	                          config, faults);
	int code = command_fail_list(faults);
	if (loaded && usage->budgets) {
		code = show_budgets(usage, config, arena);
	} else if (loaded && config->ledger.path.data == NULL) {
		code = command_lacks(config->path, "ledger", "ledger: {path: proviso.db}");
	} else if (loaded) {
		query->ledger = text_c(arena, config->ledger.path);
		code = show(usage, query, arena);
	}
	config_done(config);
	return code;
}

static int usage_run(void *state, struct arena *arena)
{
	const struct usage *usage = state;
	struct usage_query query = {.by_count = 0};
	struct fault fault;

	if (!read_query(usage, &query, &fault) || (usage->budgets && !check_budgets(usage, &fault)))
		return command_fail(&fault);
	if (usage->ledger.data == NULL)
		return with_config(usage, &query, arena);
	query.ledger = text_c(arena, usage->ledger);
	return show(usage, &query, arena);
}

const struct command command_usage = {
    .name = "usage",
    .summary = "what was spent, by key, team, workflow, task, target, day",
    .operands = "",
    .about =
	"Reads the proxy's ledger, which may be written meanwhile. Without --by, csv and json\n"
	"are the rows themselves, one an attempt; with it they are exact sums. focus: FOCUS 1.2.",
    .options = &usage_options,
    .state_bytes = sizeof(struct usage),
    .run = usage_run,
};
