/*
 * The forecast as one HTML page: the table first, for it says everything, then cost against quality
 * and spend over time as drawings of it. No network, no script.
 */
#include "reports/chart.h"
#include "reports/html.h"
#include "reports/report_forecast.h"

#include "harness/base/loop.h"

#include <inttypes.h>
#include <math.h>

enum { MONTH_DAYS = 30, DAY_MS = 86400000 };

struct page {
	const struct forecast_report *report;
	struct arena *arena;
	struct text_buf *out;
};

static void add_c(struct page *page, const char *markup)
{
	(void)text_buf_add_c(page->out, markup);
}

static void add_number_cell(struct page *page, struct text value)
{
	add_c(page, "<td class=n>");
	html_add_text(page->out, value);
}

static struct text share_text(struct page *page, double share)
{
	return isnan(share) ? TEXT("unknown") : text_format(page->arena, "%.1f %%", 100 * share);
}

static bool has_estimates(const struct forecast_result *result)
{
	for (size_t i = 0; i < result->count; i++)
		if (result->policies[i].estimated > 0)
			return true;
	return false;
}

static void add_policy(struct page *page, size_t number)
{
	const struct forecast_report *report = page->report;
	const struct forecast_policy *policy = &report->result->policies[number];
	struct text interval = report_forecast_interval(report, policy, MONTH_DAYS, page->arena);

	(void)text_buf_format(page->out, "<tr><td class=n>%zu<th scope=row>", number + 1);
	html_add_text(page->out, report_forecast_name(policy, page->arena));
	if (number == report->result->baseline)
		add_c(page, " <span class=v>BASELINE</span>");
	if (policy->on_front)
		add_c(page, " <span class=\"v pass\">FRONT</span>");
	add_c(page, "</th>");
	add_number_cell(page, report_forecast_days(report, policy, 1, page->arena));
	add_number_cell(page, report_forecast_days(report, policy, MONTH_DAYS, page->arena));
	if (has_estimates(report->result))
		add_number_cell(page, interval);
	add_number_cell(page, report_forecast_compared(report, policy)
	                          ? share_text(page, report_forecast_saving_share(policy))
	                          : TEXT(""));
	add_number_cell(page,
	                policy->measured == 0
	                    ? TEXT("unknown")
	                    : text_format(page->arena, "%.3f%s", policy->quality,
	                                  policy->measured < policy->served ? " of a part" : ""));
	add_number_cell(page, share_text(page, report_forecast_unproven(policy)));
	(void)text_buf_format(page->out, "<td class=n>%" PRId64 "<td class=n>%" PRId64 "</tr>\n",
	                      policy->requests - policy->served, policy->unpriced);
}

static void add_policies(struct page *page)
{
	add_c(page,
	      "<section id=policies><h2>Policies</h2><p class=mute>FRONT: nothing that serves all "
	      "of the traffic is as good for less.</p><div class=scroll><table><thead><tr>"
	      "<th scope=col>no.<th scope=col>policy<th scope=col>USD a day"
	      "<th scope=col>USD in 30 days");
	if (has_estimates(page->report->result))
		add_c(page, "<th scope=col>low to high");
	add_c(page, "<th scope=col>saving<th scope=col>quality"
	            "<th scope=col>without a proven target<th scope=col>not served"
	            "<th scope=col>of unknown price</tr></thead><tbody>\n");
	for (size_t i = 0; i < page->report->result->count; i++)
		add_policy(page, i);
	add_c(page, "</tbody></table></div></section>\n");
}

/* --- cost against quality -------------------------------------------------------------- */

/* Policies that cost and are worth the same are one point with both numbers. */
static bool joins_point(struct page *page, struct chart_point *points, size_t count,
                        const struct chart_point *point)
{
	for (size_t i = 0; i < count; i++) {
		struct chart_point *other = &points[i];
		if (fabs(other->x - point->x) > 1e-9 || fabs(other->y - point->y) > 1e-9)
			continue;
		other->label = text_format(page->arena, "%.*s, %.*s", TEXT_ARG(other->label),
		                           TEXT_ARG(point->label));
		other->title = text_format(page->arena, "%.*s; %.*s", TEXT_ARG(other->title),
		                           TEXT_ARG(point->title));
		other->on_front = other->on_front || point->on_front;
		return true;
	}
	return false;
}

static void add_scatter(struct page *page)
{
	static const struct chart_axes axes = {
	    "USD in 30 days", "quality",
	    "Cost against quality: a point for each policy, numbered as in the table; the front is "
	    "filled and joined.",
	    1};
	const struct forecast_result *result = page->report->result;
	struct chart_point *points =
	    ARENA_NEW_ARRAY(page->arena, struct chart_point, result->count);
	size_t count = 0;

	add_c(page, "<section id=front><h2>Cost against quality</h2>\n");
	for (size_t i = 0; i < result->count; i++) {
		const struct forecast_policy *policy = &result->policies[i];
		if (policy->measured == 0 || policy->unpriced > 0 || result->span_ms <= 0 ||
		    !report_forecast_priced(policy))
			continue;
		points[count] = (struct chart_point){
		    .label = text_format(page->arena, "%zu", i + 1),
		    .title = report_forecast_name(policy, page->arena),
		    .x = money_usd(
			forecast_per_days(policy->cost.expected, MONTH_DAYS, result->span_ms)),
		    .y = policy->quality,
		    .on_front = policy->on_front,
		};
		count += !joins_point(page, points, count, &points[count]);
	}
	if (count == 0)
		add_c(page, "<p>No policy has both a known cost and a measured quality.</p>");
	else
		add_c(page, "<p class=mute>Points are numbered as in the table; those of the front "
		            "are filled and joined by a line. Policies of unknown cost or quality "
		            "are not drawn.</p>\n");
	chart_scatter(&axes, points, count, page->out);
	add_c(page, "</section>\n");
}

/* --- spend over time ----------------------------------------------------------------------- */

static struct text tick_text(struct page *page, size_t bucket)
{
	const struct forecast_result *result = page->report->result;
	int64_t at_ms = result->bucket_first_ms + (int64_t)bucket * result->bucket_ms;
	struct text moment = wall_format(page->arena, at_ms, false);

	return result->bucket_ms >= DAY_MS ? text_slice(moment, 0, 10) : text_slice(moment, 5, 16);
}

/* The policies worth a line: the baseline, and those that route. */
static size_t choose_lines(const struct forecast_result *result, size_t chosen[CHART_LINES_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < result->count && count < CHART_LINES_MAX; i++)
		if (i == result->baseline || (result->policies[i].kind != FORECAST_TARGET &&
		                              report_forecast_priced(&result->policies[i])))
			chosen[count++] = i;
	return count;
}

static void add_spend_table(struct page *page, const size_t *chosen, size_t count)
{
	const struct forecast_result *result = page->report->result;

	add_c(page, "<details><summary>The same in numbers</summary><div class=scroll><table>"
	            "<thead><tr><th scope=col>from (UTC)");
	for (size_t l = 0; l < count; l++) {
		add_c(page, "<th scope=col>");
		html_add_text(page->out,
		              report_forecast_name(&result->policies[chosen[l]], page->arena));
	}
	add_c(page, "</tr></thead><tbody>\n");
	for (size_t b = 0; b < result->bucket_count; b++) {
		add_c(page, "<tr><th scope=row>");
		html_add_text(page->out, tick_text(page, b));
		for (size_t l = 0; l < count; l++)
			add_number_cell(
			    page, money_text(result->policies[chosen[l]].spend[b], page->arena));
		add_c(page, "</tr>\n");
	}
	add_c(page, "</tbody></table></div></details>\n");
}

static const char *step_text(struct page *page, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *name;
	} units[] = {{DAY_MS, "day"}, {3600000, "hour"}, {60000, "minute"}};
	size_t unit = 0;

	while (ms < units[unit].ms)
		unit++;
	if (ms == units[unit].ms)
		return units[unit].name;
	return text_c(page->arena, text_format(page->arena, "%" PRId64 " %ss", ms / units[unit].ms,
	                                       units[unit].name));
}

static void add_spend(struct page *page)
{
	static const struct chart_axes axes = {"time (UTC)", "USD",
	                                       "Spend over time under each policy.", 0};
	const struct forecast_result *result = page->report->result;
	struct chart_line lines[CHART_LINES_MAX];
	size_t chosen[CHART_LINES_MAX];
	size_t count = choose_lines(result, chosen);
	struct text *ticks = ARENA_NEW_ARRAY(page->arena, struct text, result->bucket_count);

	add_c(page, "<section id=spend><h2>Spend over time</h2>\n");
	if (count == 0 || result->bucket_count == 0) {
		add_c(page, "<p>No policy that routes has a known cost, and there is no "
		            "baseline.</p></section>\n");
		return;
	}
	for (size_t b = 0; b < result->bucket_count; b++)
		ticks[b] = tick_text(page, b);
	for (size_t l = 0; l < count; l++) {
		double *values = ARENA_NEW_ARRAY(page->arena, double, result->bucket_count);
		for (size_t b = 0; b < result->bucket_count; b++)
			values[b] = money_usd(result->policies[chosen[l]].spend[b]);
		lines[l] = (struct chart_line){
		    report_forecast_name(&result->policies[chosen[l]], page->arena), values};
	}
	(void)text_buf_format(page->out, "<p class=mute>USD in each %s.</p>\n",
	                      step_text(page, result->bucket_ms));
	chart_lines(&axes, lines, count, ticks, result->bucket_count, page->out);
	add_spend_table(page, chosen, count);
	add_c(page, "</section>\n");
}

/* --- the page ------------------------------------------------------------------------------ */

static void add_gaps(struct page *page)
{
	const struct forecast_result *result = page->report->result;

	if (result->gap_count == 0)
		return;
	add_c(page, "<section id=gaps><h2>Without a proven target</h2><div class=scroll><table>"
	            "<thead><tr><th scope=col>asked<th scope=col>features<th scope=col>task"
	            "<th scope=col>requests<th scope=col>why</tr></thead><tbody>\n");
	for (size_t i = 0; i < result->gap_count; i++) {
		const struct forecast_gap *gap = &result->gaps[i];
		add_c(page, "<tr><th scope=row>");
		html_add_text(page->out, gap->asked);
		add_c(page, "<td>");
		html_add_text(page->out, gap->features);
		add_c(page, "<td>");
		html_add_text(page->out, gap->task);
		(void)text_buf_format(page->out, "<td class=n>%" PRId64 "<td class=wide>",
		                      gap->requests);
		html_add_text(page->out, gap->reason);
		add_c(page, "</tr>\n");
	}
	add_c(page, "</tbody></table></div></section>\n");
}

static void add_notes(struct page *page)
{
	struct text_list notes = report_forecast_notes(page->report, page->arena);

	add_c(page, "<section id=notes><h2>To be known beside</h2><ul>\n");
	for (size_t i = 0; i < notes.count; i++) {
		add_c(page, "<li>");
		html_add_text(page->out, notes.items[i]);
		add_c(page, "</li>\n");
	}
	add_c(page, "</ul></section>\n");
}

void report_forecast_html(const struct forecast_report *report, struct text_buf *out)
{
	struct arena arena = {0};
	struct page page = {report, &arena, out};

	html_add_head(out, "Proviso: forecast");
	add_c(&page, "<header><h1>Forecast</h1><p class=mute>");
	html_add_text(out, report->traffic);
	add_c(&page, ": ");
	html_add_text(out, report_forecast_traffic(report, &arena));
	add_c(&page, ".</p></header>\n");
	add_policies(&page);
	add_scatter(&page);
	add_spend(&page);
	add_gaps(&page);
	add_notes(&page);
	add_c(&page, "</body></html>\n");
	arena_done(&arena);
}
