/*
 * What the checks say of money: cost against quality by kind of work, and what checking itself has
 * cost from day to day. The tables beside say all that the drawings show.
 */
#include "reports/chart.h"
#include "reports/html.h"
#include "reports/report_quality.h"

#include "harness/base/loop.h"
#include "providers/price/money.h"

#include <stdlib.h>

enum { DAY_MS = 86400000, DAYS_SHOWN = 366 };

/* --- cost against quality ------------------------------------------------------------------ */

static bool is_drawn(const struct quality *quality)
{
	return quality->per_pass_pico_usd >= 0;
}

/* One drawing for the rows of a kind; nothing where fewer than two have both measures. */
static void add_scatter(struct html_page *page, const struct quality *rows, size_t count,
                        const char *title)
{
	const struct chart_axes axes = {
	    "USD for each passed task", "mean score",
	    text_format(
		page->arena,
		"Cost against quality, %s: a point for each target; the front, of which none "
		"is as good for less, is filled and joined.",
		title)
		.data,
	    1};
	struct chart_point *points = ARENA_NEW_ARRAY(page->arena, struct chart_point, count + 1);
	size_t drawn = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_drawn(&rows[i]))
			continue;
		points[drawn++] = (struct chart_point){
		    .label = rows[i].target,
		    .title =
			text_format(page->arena, "%.*s: %.*s at %.*s", TEXT_ARG(rows[i].target),
		                    TEXT_ARG(report_quality_score(&rows[i], page->arena)),
		                    TEXT_ARG(report_quality_cost(&rows[i], page->arena))),
		    .x = (double)rows[i].per_pass_pico_usd / 1e12,
		    .y = rows[i].score,
		    .on_front = rows[i].on_front,
		};
	}
	if (drawn < 2)
		return;
	(void)text_buf_format(page->out, "<details%s><summary>%s</summary><div>\n",
	                      rows[0].kind == CASE_KIND_NONE ? " open" : "", title);
	chart_scatter(&axes, points, drawn, page->out);
	(void)text_buf_add_c(page->out, "</div></details>\n");
}

void html_add_front(struct html_page *page)
{
	size_t count, overall_count;
	const struct quality *all = quality_of(page->matrix, page->arena, &count);
	const struct quality *overall = quality_overall(all, count, page->arena, &overall_count);
	struct quality *rows = ARENA_NEW_ARRAY(page->arena, struct quality, count + 1);

	if (count == 0)
		return;
	(void)text_buf_add_c(
	    page->out,
	    "<section id=front><h2>Cost against quality</h2><p class=mute>Of targets whose cost is "
	    "known. FRONT in the table above: no other target is as good at that kind of work for "
	    "less.</p>\n");
	add_scatter(page, overall, overall_count, "all kinds of work, each counting alike");
	for (int kind = CASE_KIND_NONE + 1; kind < CASE_KINDS; kind++) {
		size_t row_count = 0;
		for (size_t i = 0; i < count; i++)
			if ((int)all[i].kind == kind)
				rows[row_count++] = all[i];
		add_scatter(page, rows, row_count, case_kind_names[kind]);
	}
	(void)text_buf_add_c(page->out, "</section>\n");
}

/* --- spend over time ------------------------------------------------------------------------ */

struct spend {
	int64_t first_day, days; /* since the epoch, UTC */
	struct text *targets;    /* the dearest first */
	double *by_day;          /* USD; [target * days + day] */
	double *sums;
	size_t count;
};

static int64_t day_of(const struct matrix_cell *cell)
{
	return cell->tested_wall_ms / DAY_MS;
}

static bool counts(const struct matrix_cell *cell)
{
	return cell->tested_wall_ms > 0 && cell->cost_pico_usd >= 0;
}

static bool find_days(const struct matrix *matrix, struct spend *out)
{
	int64_t last = INT64_MIN;

	out->first_day = INT64_MAX;
	for (size_t i = 0; i < matrix->count; i++) {
		if (!counts(&matrix->cells[i]))
			continue;
		out->first_day = int64_min(out->first_day, day_of(&matrix->cells[i]));
		last = int64_max(last, day_of(&matrix->cells[i]));
	}
	if (last <= out->first_day)
		return false; /* none, or one day: the table of costs says it */
	out->first_day = int64_max(out->first_day, last - DAYS_SHOWN + 1);
	out->days = last - out->first_day + 1;
	return true;
}

/* Cells are sorted by target. */
static void sum_up(struct html_page *page, struct spend *out)
{
	const struct matrix *matrix = page->matrix;
	size_t days = (size_t)out->days;

	out->targets = ARENA_NEW_ARRAY(page->arena, struct text, matrix->count + 1);
	for (size_t i = 0; i < matrix->count; i++)
		if (i == 0 || !text_equal(matrix->cells[i].target, matrix->cells[i - 1].target))
			out->targets[out->count++] = matrix->cells[i].target;
	out->by_day = ARENA_NEW_ARRAY(page->arena, double, size_mul(out->count, days));
	out->sums = ARENA_NEW_ARRAY(page->arena, double, out->count);
	for (size_t i = 0, at = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		at += i > 0 && !text_equal(cell->target, matrix->cells[i - 1].target);
		if (!counts(cell) || day_of(cell) < out->first_day)
			continue;
		double usd = (double)cell->cost_pico_usd / 1e12;
		out->by_day[at * days + (size_t)(day_of(cell) - out->first_day)] += usd;
		out->sums[at] += usd;
	}
}

static struct text day_text(struct html_page *page, const struct spend *spend, int64_t day)
{
	return text_slice(wall_format(page->arena, (spend->first_day + day) * DAY_MS, false), 0,
	                  10);
}

static void add_spend_table(struct html_page *page, const struct spend *spend)
{
	(void)text_buf_add_c(page->out,
	                     "<details><summary>The same in numbers</summary><div class=scroll>"
	                     "<table><thead><tr><th scope=col>day (UTC)");
	for (size_t t = 0; t < spend->count; t++) {
		(void)text_buf_add_c(page->out, "<th scope=col>");
		html_add_text(page->out, spend->targets[t]);
	}
	(void)text_buf_add_c(page->out, "</tr></thead><tbody>\n");
	for (int64_t day = 0; day < spend->days; day++) {
		(void)text_buf_add_c(page->out, "<tr><th scope=row>");
		html_add_text(page->out, day_text(page, spend, day));
		(void)text_buf_add_c(page->out, "</th>");
		for (size_t t = 0; t < spend->count; t++)
			(void)text_buf_format(page->out, "<td class=n>%.6f",
			                      spend->by_day[t * (size_t)spend->days + (size_t)day]);
		(void)text_buf_add_c(page->out, "</tr>\n");
	}
	(void)text_buf_add_c(page->out, "</tbody></table></div></details>\n");
}

/* The dearest targets, at most as many as can be told apart. */
static size_t choose(const struct spend *spend, size_t chosen[CHART_LINES_MAX])
{
	size_t count = 0;

	for (size_t t = 0; t < spend->count; t++) {
		size_t at = count;
		while (at > 0 && spend->sums[chosen[at - 1]] < spend->sums[t])
			at--;
		if (at == CHART_LINES_MAX)
			continue;
		count = size_min(count + 1, CHART_LINES_MAX);
		memmove(&chosen[at + 1], &chosen[at], (count - at - 1) * sizeof(chosen[0]));
		chosen[at] = t;
	}
	return count;
}

void html_add_spend(struct html_page *page)
{
	static const struct chart_axes axes = {"day (UTC)", "USD",
	                                       "What the checks cost from day to day.", 0};
	struct spend spend = {.count = 0};
	struct chart_line lines[CHART_LINES_MAX];
	size_t chosen[CHART_LINES_MAX];

	if (!find_days(page->matrix, &spend))
		return;
	sum_up(page, &spend);
	struct text *ticks = ARENA_NEW_ARRAY(page->arena, struct text, (size_t)spend.days);
	for (int64_t day = 0; day < spend.days; day++)
		ticks[day] = day_text(page, &spend, day);
	size_t count = choose(&spend, chosen);
	for (size_t i = 0; i < count; i++)
		lines[i] = (struct chart_line){spend.targets[chosen[i]],
		                               &spend.by_day[chosen[i] * (size_t)spend.days]};
	(void)text_buf_format(
	    page->out,
	    "<section id=spend><h2>Spend over time</h2><p class=mute>Of the checks that this "
	    "matrix "
	    "still holds, by the day on which they were asked%s. What traffic cost, "
	    "<code>proviso usage</code> says.</p>\n",
	    spend.count > count ? "; drawn are the dearest four targets" : "");
	chart_lines(&axes, lines, count, ticks, (size_t)spend.days, page->out);
	add_spend_table(page, &spend);
	(void)text_buf_add_c(page->out, "</section>\n");
}
