/*
 * Usage as one HTML page: spend over time, then who and what it was for. No network, no script;
 * sums are exact, and what is drawn stands in a table beside.
 */
#include "harness/cli/usage_output.h"

#include "harness/base/loop.h"
#include "reports/chart.h"
#include "reports/html.h"

#include <inttypes.h>
#include <stdlib.h>

enum { ROWS_SHOWN = 1000, SHOWN_DECIMALS = 6 };

struct page {
	const struct usage_query *query;
	struct arena *arena;
	struct text_buf *out;
	bool compared; /* of the table at hand: some provider tells what it bills */
};

static bool group_by(const struct page *page, const struct text *columns, size_t count,
                     struct usage_groups *out, struct fault *fault)
{
	struct usage_query query = *page->query;

	query.by_count = count;
	for (size_t i = 0; i < count; i++)
		query.by[i] = columns[i];
	return usage_group(&query, page->arena, out, fault);
}

static void add_c(struct page *page, const char *markup)
{
	(void)text_buf_add_c(page->out, markup);
}

/* --- tables --- */

static void add_money(struct page *page, money amount)
{
	add_c(page, "<td class=n>");
	(void)text_buf_add(page->out, money_text(amount, page->arena));
}

static void add_tokens(struct page *page, bool known, int64_t tokens)
{
	if (known)
		(void)text_buf_format(page->out, "<td class=n>%" PRId64, tokens);
	else
		add_c(page, "<td class=n>unknown");
}

static void add_measures(struct page *page, const struct usage_group *group)
{
	(void)text_buf_format(page->out, "<td class=n>%" PRId64 "<td class=n>%" PRId64,
	                      group->requests, group->ok);
	add_tokens(page, usage_knows(group, USAGE_PROMPT), group->prompt_tokens);
	add_tokens(page, usage_knows(group, USAGE_COMPLETION), group->completion_tokens);
	(void)text_buf_format(page->out, "<td class=n>%" PRId64, group->unpriced);
	if (usage_knows(group, USAGE_COST))
		add_money(page, group->cost);
	else
		add_c(page, "<td class=n>unknown");
	add_c(page, "<td class=n>");
	if (group->ok > 0 && group->unpriced == 0)
		(void)text_buf_add(page->out,
		                   money_text_rounded(money_scale(group->cost, 1, group->ok),
		                                      SHOWN_DECIMALS, page->arena));
	else
		add_c(page, group->ok > 0 ? "unknown" : "none answered");
	if (page->compared && group->compared == 0)
		add_c(page, "<td class=n>-");
	else if (page->compared)
		add_money(page, group->difference);
	add_c(page, "</tr>\n");
}

static int by_cost(const void *a, const void *b)
{
	const struct usage_group *x = a, *y = b;

	return (x->cost < y->cost) - (x->cost > y->cost);
}

static void add_head(struct page *page, const char *id, const char *title,
                     const struct text *columns, size_t count)
{
	(void)text_buf_format(
	    page->out, "<section id=%s><h2>%s</h2><div class=scroll><table><thead><tr>", id, title);
	for (size_t i = 0; i < count; i++)
		(void)text_buf_format(page->out, "<th scope=col>%.*s", TEXT_ARG(columns[i]));
	add_c(page, "<th scope=col>requests<th scope=col>answered<th scope=col>tokens in"
	            "<th scope=col>tokens out<th scope=col>attempts of unknown cost"
	            "<th scope=col>USD<th scope=col>USD for each answer");
	add_c(page, page->compared ? "<th scope=col>told less computed</tr></thead><tbody>\n"
	                           : "</tr></thead><tbody>\n");
}

/* Nothing where all of it is unknown: nobody named a team, say. */
static bool add_groups(struct page *page, const char *id, const char *title,
                       const struct text *columns, size_t count, struct fault *fault)
{
	struct usage_groups groups;

	if (!group_by(page, columns, count, &groups, fault))
		return false;
	if (groups.count == 0 || (groups.count == 1 && groups.groups[0].values[0].len == 0))
		return true;
	if (!text_is(columns[0], "day"))
		qsort(groups.groups, groups.count, sizeof(*groups.groups), by_cost);
	page->compared = groups.total.compared > 0;
	add_head(page, id, title, columns, count);
	for (size_t i = 0; i < size_min(groups.count, ROWS_SHOWN); i++) {
		for (size_t k = 0; k < count; k++) {
			struct text value = groups.groups[i].values[k];
			add_c(page, k == 0 ? "<tr><th scope=row>" : "<td>");
			html_add_text(page->out, value.len > 0 ? value : TEXT("-"));
		}
		add_measures(page, &groups.groups[i]);
	}
	(void)text_buf_format(page->out, "<tr><th scope=row colspan=%zu>total", count);
	add_measures(page, &groups.total);
	add_c(page, "</tbody></table></div>");
	if (groups.count > ROWS_SHOWN)
		(void)text_buf_format(page->out, "<p class=mute>and %zu more</p>",
		                      groups.count - ROWS_SHOWN);
	add_c(page, "</section>\n");
	return true;
}

/* --- spend over time --- */

struct series {
	struct text *days;
	size_t day_count;
	struct text targets[CHART_LINES_MAX]; /* the dearest */
	size_t target_count;
	double *values[CHART_LINES_MAX];
};

static void choose_targets(const struct usage_groups *by_target, struct series *out)
{
	/* Sorted by cost. */
	for (size_t i = 0; i < by_target->count && out->target_count < CHART_LINES_MAX; i++)
		if (by_target->groups[i].cost > 0)
			out->targets[out->target_count++] = by_target->groups[i].values[0];
}

/* Every day from the first to the last: one without traffic is a day at 0. */
static bool list_days(struct page *page, const struct usage_groups *by_day, struct series *out)
{
	enum { DAYS_MAX = 3660, DAY_MS = 86400000 };
	int64_t first_ms, last_ms;

	if (by_day->count == 0 || !wall_parse(by_day->groups[0].values[0], &first_ms) ||
	    !wall_parse(by_day->groups[by_day->count - 1].values[0], &last_ms))
		return false;
	first_ms = int64_max(first_ms, last_ms - (int64_t)(DAYS_MAX - 1) * DAY_MS);
	size_t count = (size_t)((last_ms - first_ms) / DAY_MS) + 1;
	out->days = ARENA_NEW_ARRAY(page->arena, struct text, count);
	for (size_t i = 0; i < count; i++)
		out->days[out->day_count++] = text_slice(
		    wall_format(page->arena, first_ms + (int64_t)i * DAY_MS, false), 0, 10);
	return true;
}

static void fill(struct page *page, const struct usage_groups *by_both, struct series *out)
{
	for (size_t t = 0; t < out->target_count; t++) {
		size_t day = 0;
		out->values[t] = ARENA_NEW_ARRAY(page->arena, double, out->day_count);
		/* Both are sorted by day. */
		for (size_t i = 0; i < by_both->count; i++) {
			const struct usage_group *group = &by_both->groups[i];
			while (day < out->day_count &&
			       text_compare(out->days[day], group->values[0]) < 0)
				day++;
			if (day < out->day_count && text_equal(out->days[day], group->values[0]) &&
			    text_equal(out->targets[t], group->values[1]))
				out->values[t][day] += money_usd(group->cost);
		}
	}
}

static bool add_spend(struct page *page, struct fault *fault)
{
	static const struct chart_axes axes = {"day (UTC)", "USD", "Spend from day to day.", 0};
	static const struct text columns[] = {TEXT_INIT("day"), TEXT_INIT("target")};
	struct usage_groups by_target, by_day, by_both;
	struct chart_line lines[CHART_LINES_MAX];
	struct series series = {.day_count = 0};

	if (!group_by(page, &columns[1], 1, &by_target, fault) ||
	    !group_by(page, columns, 1, &by_day, fault) ||
	    !group_by(page, columns, 2, &by_both, fault))
		return false;
	qsort(by_target.groups, by_target.count, sizeof(*by_target.groups), by_cost);
	choose_targets(&by_target, &series);
	if (list_days(page, &by_day, &series) && series.day_count > 1 && series.target_count > 0) {
		fill(page, &by_both, &series);
		for (size_t t = 0; t < series.target_count; t++)
			lines[t] = (struct chart_line){series.targets[t], series.values[t]};
		add_c(page, "<section id=spend><h2>Spend over time</h2><p class=mute>USD a day; "
		            "at most the dearest four targets. Days without traffic are at 0."
		            "</p>\n");
		chart_lines(&axes, lines, series.target_count, series.days, series.day_count,
		            page->out);
		add_c(page, "</section>\n");
	}
	return true;
}

/* --- the page --- */

static bool add_title(struct page *page, struct fault *fault)
{
	static const struct text none[1];
	struct usage_groups all;

	if (!group_by(page, none, 0, &all, fault))
		return false;
	html_add_head(page->out, "Proviso: usage");
	(void)text_buf_format(page->out,
	                      "<header><h1>Usage</h1><p class=mute>%" PRId64 " requests in %" PRId64
	                      " attempts, ",
	                      all.total.requests, all.total.attempts);
	(void)text_buf_add(page->out, money_text(all.total.cost, page->arena));
	add_c(page, " USD");
	if (all.total.unpriced > 0)
		(void)text_buf_format(page->out, " and %" PRId64 " attempts of unknown cost",
		                      all.total.unpriced);
	add_c(page, "; all days are in UTC.</p></header>\n");
	return true;
}

bool usage_html(const struct usage_query *query, struct arena *arena, struct text_buf *out,
                struct fault *fault)
{
	static const struct {
		const char *id, *title;
		struct text columns[2];
		size_t count;
	} tables[] = {
	    {"targets", "By target", {TEXT_INIT("target")}, 1},
	    {"tasks", "By task and target", {TEXT_INIT("task"), TEXT_INIT("target")}, 2},
	    {"teams", "By team", {TEXT_INIT("team")}, 1},
	    {"keys", "By key", {TEXT_INIT("key_id")}, 1},
	    {"workflows", "By workflow", {TEXT_INIT("workflow")}, 1},
	    {"days", "By day", {TEXT_INIT("day")}, 1},
	};
	struct page page = {query, arena, out, false};

	if (!add_title(&page, fault) || !add_spend(&page, fault))
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++)
		if (!add_groups(&page, tables[i].id, tables[i].title, tables[i].columns,
		                tables[i].count, fault))
			return false;
	add_c(&page, "</body></html>\n");
	return true;
}
