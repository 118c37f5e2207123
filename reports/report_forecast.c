/* The forecast for people, and what all of its formats share. */
#include "reports/report_forecast.h"

#include "harness/base/loop.h"

#include <inttypes.h>
#include <math.h>

enum {
	NAME_WIDEST = 48,
	TABLE_TARGETS = 40, /* single targets listed, the cheapest of them; CSV and JSON have all */
	MONTH_DAYS = 30,
	NOTES = 16,
	MINUTE_MS = 60000,
	DAY_MS = 86400000,
};

/* --- shared ------------------------------------------------------------------------ */

bool report_forecast_priced(const struct forecast_policy *policy)
{
	return policy->served > policy->unpriced;
}

bool report_forecast_compared(const struct forecast_report *report,
                              const struct forecast_policy *policy)
{
	size_t baseline = report->result->baseline;

	return baseline != SIZE_MAX && policy != &report->result->policies[baseline] &&
	       policy->compared > 0;
}

static money least(money a, money b)
{
	return a < b ? a : b;
}

struct forecast_sum report_forecast_saving(const struct forecast_policy *policy)
{
	/* Few tokens are few for both, and many for both. */
	money low = policy->baseline_cost.low - policy->compared_cost.low;
	money high = policy->baseline_cost.high - policy->compared_cost.high;
	money expected = policy->baseline_cost.expected - policy->compared_cost.expected;

	return (struct forecast_sum){
	    .low = least(least(low, high), expected),
	    .expected = expected,
	    .high = -least(least(-low, -high), -expected),
	};
}

double report_forecast_saving_share(const struct forecast_policy *policy)
{
	double baseline = money_usd(policy->baseline_cost.expected);

	return baseline > 0 ? money_usd(report_forecast_saving(policy).expected) / baseline
	                    : (double)NAN;
}

double report_forecast_unproven(const struct forecast_policy *policy)
{
	return policy->requests == 0 ? (double)NAN
	                             : (double)policy->unproven / (double)policy->requests;
}

struct text report_forecast_name(const struct forecast_policy *policy, struct arena *arena)
{
	switch (policy->kind) {
	case FORECAST_TARGET:
		return text_format(arena, "all to %.*s", TEXT_ARG(policy->name));
	case FORECAST_ROUTES:
		return TEXT("the config's routes");
	case FORECAST_CHEAPEST:
		return TEXT("cheapest proven target");
	case FORECAST_AGAINST:
		return TEXT("the routes of --against");
	}
	return policy->name;
}

/* Cents of what is large, more of what is small. */
static struct text show_usd(money amount, struct arena *arena)
{
	double usd = fabs(money_usd(amount));

	return money_text_rounded(amount, usd >= 100 ? 2 : usd >= 1 ? 4 : 6, arena);
}

struct text report_forecast_days(const struct forecast_report *report,
                                 const struct forecast_policy *policy, int64_t days,
                                 struct arena *arena)
{
	int64_t span_ms = report->result->span_ms;

	if (!report_forecast_priced(policy) || span_ms <= 0)
		return TEXT("-");
	return show_usd(forecast_per_days(policy->cost.expected, days, span_ms), arena);
}

struct text report_forecast_interval(const struct forecast_report *report,
                                     const struct forecast_policy *policy, int64_t days,
                                     struct arena *arena)
{
	int64_t span_ms = report->result->span_ms;

	if (policy->estimated == 0 || !report_forecast_priced(policy) || span_ms <= 0)
		return (struct text){NULL, 0};
	struct text low = show_usd(forecast_per_days(policy->cost.low, days, span_ms), arena);
	struct text high = show_usd(forecast_per_days(policy->cost.high, days, span_ms), arena);
	return text_format(arena, "%.*s to %.*s", TEXT_ARG(low), TEXT_ARG(high));
}

static struct text show_span(int64_t span_ms, struct arena *arena)
{
	if (span_ms <= 0)
		return TEXT("no time at all");
	if (span_ms < 2 * (int64_t)DAY_MS)
		return text_format(arena, "%.1f hours", (double)span_ms / (60.0 * MINUTE_MS));
	return text_format(arena, "%.1f days", (double)span_ms / (double)DAY_MS);
}

struct text report_forecast_traffic(const struct forecast_report *report, struct arena *arena)
{
	const struct forecast_result *result = report->result;
	struct text first = wall_format(arena, result->first_wall_ms, false);
	struct text last = wall_format(arena, result->last_wall_ms, false);

	return text_format(
	    arena,
	    "%" PRId64 " requests of %zu kind%s, %.*s to %.*s, taken as %.*s; %" PRId64
	    " input tokens (%" PRId64 " of them cached), %" PRId64 " output tokens",
	    result->requests, result->groups, result->groups == 1 ? "" : "s", TEXT_ARG(first),
	    TEXT_ARG(last), TEXT_ARG(show_span(result->span_ms, arena)), result->input_tokens,
	    result->cached_tokens, result->output_tokens);
}

static void add_note(struct text_list *notes, struct text note)
{
	REQUIRE(notes->count < NOTES);
	notes->items[notes->count++] = note;
}

static struct text join(const struct text_list *list, struct arena *arena)
{
	struct text_buf out;

	text_buf_init(&out, 1 << 16);
	for (size_t i = 0; i < list->count; i++) {
		(void)text_buf_add_c(&out, i == 0 ? "" : ", ");
		(void)text_buf_add(&out, list->items[i]);
	}
	struct text joined = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return joined;
}

/* What of the log is not in the figures. */
static void note_rows(const struct forecast_report *report, struct text_list *notes,
                      struct arena *arena)
{
	const struct traffic_counts *counts = report->counts;
	const struct forecast_result *result = report->result;

	if (counts->refused > 0)
		add_note(notes, text_format(arena,
		                            "%" PRId64 " of %" PRId64
		                            " rows could not be read and are in no figure.",
		                            counts->refused, counts->rows));
	if (counts->unserved > 0)
		add_note(notes,
		         text_format(arena,
		                     "%" PRId64 " attempts that brought no answer are left out.",
		                     counts->unserved));
	if (result->outside > 0)
		add_note(notes,
		         text_format(arena, "%" PRId64 " requests are outside --since and --until.",
		                     result->outside));
	if (result->missing_input + result->missing_output > 0)
		add_note(notes,
		         text_format(arena,
		                     "Token counts are missing (input of %" PRId64
		                     " requests, output of %" PRId64
		                     "): the mean of their kind stands in, with an interval of 95 "
		                     "%%; they are not in the spend over time.",
		                     result->missing_input, result->missing_output));
	if (counts->unread.count > 0)
		add_note(notes, text_format(arena, "Columns that say nothing here: %.*s.",
		                            TEXT_ARG(join(&counts->unread, arena))));
}

static void note_prices(const struct forecast_report *report, struct text_list *notes,
                        struct arena *arena)
{
	const struct forecast_result *result = report->result;
	int64_t unpriced = 0;

	if (report->at_wall_ms == FORECAST_AS_LOGGED)
		add_note(notes, TEXT("Prices are those of the log's own moments."));
	else
		add_note(notes,
		         text_format(arena,
		                     "Prices are those of the log's days as if it began at %.*s "
		                     "(moved by whole weeks).",
		                     TEXT_ARG(wall_format(
					 arena, result->first_wall_ms + result->shift_ms, false))));
	for (size_t i = 0; i < result->count; i++)
		unpriced += result->policies[i].unpriced > 0;
	if (unpriced > 0)
		add_note(notes,
		         text_format(arena,
		                     "Under %" PRId64
		                     " of the policies requests have no known price: they are in "
		                     "no sum, and their count stands beside it.",
		                     unpriced));
	if (result->span_ms <= 0)
		add_note(notes,
		         TEXT("The log covers no time, so nothing is told by day: give --days."));
	else if (result->span_ms < DAY_MS)
		add_note(notes, TEXT("A day and a month are projected from less than a day: the "
		                     "hours that the log lacks may differ."));
}

struct text_list report_forecast_notes(const struct forecast_report *report, struct arena *arena)
{
	struct text_list notes = {ARENA_NEW_ARRAY(arena, struct text, NOTES), 0};

	note_rows(report, &notes, arena);
	note_prices(report, &notes, arena);
	if (report->matrix_hash[0] == '\0')
		add_note(&notes,
		         TEXT("There is no matrix, so no target is proven for anything and no "
		              "quality is known: proviso check makes one."));
	add_note(&notes, TEXT("Each target is taken to count tokens as the log has them, and to "
	                      "find in its cache what was found there."));
	return notes;
}

/* --- the table ----------------------------------------------------------------------- */

enum { DAY, MONTH, INTERVAL, SAVING, QUALITY, UNPROVEN, UNPRICED, COLUMNS };

static const char *const titles[COLUMNS] = {
    "USD/day", "USD/30 days", "30 days, low to high", "saving", "quality", "unproven", "unpriced"};

struct table_row {
	struct text name;
	struct text cells[COLUMNS];
	bool on_front;
};

static struct text show_share(double share, struct arena *arena)
{
	return isnan(share) ? TEXT("-") : text_format(arena, "%.1f %%", 100 * share);
}

static struct text show_quality(const struct forecast_policy *policy, struct arena *arena)
{
	if (policy->measured == 0)
		return TEXT("-");
	return text_format(arena, "%.3f%s", policy->quality,
	                   policy->measured < policy->served ? "?" : "");
}

static void fill_row(const struct forecast_report *report, const struct forecast_policy *policy,
                     struct arena *arena, struct table_row *row)
{
	row->name = text_visible(arena, report_forecast_name(policy, arena), NAME_WIDEST);
	row->on_front = policy->on_front;
	row->cells[DAY] = report_forecast_days(report, policy, 1, arena);
	row->cells[MONTH] = report_forecast_days(report, policy, MONTH_DAYS, arena);
	row->cells[INTERVAL] = report_forecast_interval(report, policy, MONTH_DAYS, arena);
	row->cells[SAVING] = report_forecast_compared(report, policy)
	                         ? show_share(report_forecast_saving_share(policy), arena)
	                         : TEXT("-");
	row->cells[QUALITY] = show_quality(policy, arena);
	row->cells[UNPROVEN] = show_share(report_forecast_unproven(policy), arena);
	row->cells[UNPRICED] =
	    policy->unpriced == 0 ? TEXT("") : text_format(arena, "%" PRId64, policy->unpriced);
}

/* What is the same everywhere, or nowhere, needs no column. */
static bool is_shown(const struct forecast_report *report, int column)
{
	const struct forecast_result *result = report->result;

	if (column == SAVING)
		return result->baseline != SIZE_MAX;
	for (size_t i = 0; i < result->count; i++)
		if ((column == INTERVAL && result->policies[i].estimated > 0) ||
		    (column == UNPRICED && result->policies[i].unpriced > 0))
			return true;
	return column != INTERVAL && column != UNPRICED;
}

static void add_padding(struct text_buf *out, size_t used, size_t columns)
{
	for (; used < columns; used++)
		(void)text_buf_byte(out, ' ');
}

static void add_cells(const struct forecast_report *report, const struct table_row *row,
                      const size_t *widths, struct text_buf *out)
{
	for (int c = 0; c < COLUMNS; c++) {
		if (!is_shown(report, c))
			continue;
		add_padding(out, text_columns(row->cells[c]), widths[c] + 2);
		(void)text_buf_add(out, row->cells[c]);
	}
	(void)text_buf_add_c(out, row->on_front ? "  *\n" : "\n");
}

static size_t wider(size_t columns, struct text text)
{
	size_t own = text_columns(text);

	return own > columns ? own : columns;
}

/* Single targets beyond so many are left to the other formats: those that cost most. */
static bool is_listed(const struct forecast_report *report, size_t number)
{
	const struct forecast_result *result = report->result;
	const struct forecast_policy *policy = &result->policies[number];
	size_t cheaper = 0;

	if (policy->kind != FORECAST_TARGET || number == result->baseline || policy->on_front)
		return true;
	for (size_t i = 0; i < result->count; i++) {
		const struct forecast_policy *other = &result->policies[i];
		bool before =
		    report_forecast_priced(other) && (!report_forecast_priced(policy) ||
		                                      other->cost.expected < policy->cost.expected);
		cheaper += other->kind == FORECAST_TARGET && before;
	}
	return cheaper < TABLE_TARGETS;
}

static void add_table(const struct forecast_report *report, struct arena *arena,
                      struct text_buf *out)
{
	const struct forecast_result *result = report->result;
	struct table_row *rows = ARENA_NEW_ARRAY(arena, struct table_row, result->count + 1);
	size_t widths[COLUMNS] = {0};
	size_t widest = 0, count = 1, hidden = 0;

	rows[0].name = TEXT("policy");
	for (int c = 0; c < COLUMNS; c++)
		rows[0].cells[c] = text_of(titles[c]);
	for (size_t i = 0; i < result->count; i++) {
		if (is_listed(report, i))
			fill_row(report, &result->policies[i], arena, &rows[count++]);
		else
			hidden++;
	}
	for (size_t i = 0; i < count; i++) {
		widest = wider(widest, rows[i].name);
		for (int c = 0; c < COLUMNS; c++)
			widths[c] = wider(widths[c], rows[i].cells[c]);
	}
	for (size_t i = 0; i < count; i++) {
		(void)text_buf_add(out, rows[i].name);
		add_padding(out, text_columns(rows[i].name), widest);
		add_cells(report, &rows[i], widths, out);
	}
	if (hidden > 0)
		(void)text_buf_format(out,
		                      "(%zu dearer or unpriced targets are not listed; csv and "
		                      "json have all)\n",
		                      hidden);
	(void)text_buf_add_c(out, "* on the front: nothing that serves all of it is as good for "
	                          "less. ?: the quality of a part of it.\n");
}

static void add_gaps(const struct forecast_report *report, struct text_buf *out)
{
	const struct forecast_result *result = report->result;

	if (result->gap_count > 0)
		(void)text_buf_add_c(out, "\nWithout a proven target:\n");
	for (size_t i = 0; i < result->gap_count; i++) {
		const struct forecast_gap *gap = &result->gaps[i];
		(void)text_buf_format(out, "%9" PRId64 "  ", gap->requests);
		text_buf_add_visible(out, gap->asked.len == 0 ? TEXT("(no route)") : gap->asked);
		(void)text_buf_add_c(out, "  ");
		text_buf_add_visible(out, gap->features);
		(void)text_buf_add_c(out, gap->task.len == 0 ? "" : "  task ");
		text_buf_add_visible(out, gap->task);
		(void)text_buf_add_c(out, "\n           ");
		text_buf_add_visible(out, gap->reason);
		(void)text_buf_byte(out, '\n');
	}
}

void report_forecast_terminal(const struct forecast_report *report,
                              const struct report_terminal_options *options, struct text_buf *out)
{
	struct arena arena = {0};
	struct text_list notes = report_forecast_notes(report, &arena);

	(void)text_buf_format(out, "%s", options->colour ? "\x1b[1m" : "");
	text_buf_add_visible(out, report->traffic);
	(void)text_buf_format(out, "%s: ", options->colour ? "\x1b[0m" : "");
	text_buf_add_visible(out, report_forecast_traffic(report, &arena));
	(void)text_buf_add_c(out, "\n\n");
	add_table(report, &arena, out);
	add_gaps(report, out);
	(void)text_buf_byte(out, '\n');
	for (size_t i = 0; i < notes.count; i++) {
		text_buf_add_visible(out, notes.items[i]);
		(void)text_buf_byte(out, '\n');
	}
	arena_done(&arena);
}
