/* Quality by target and kind of work; see report_quality.h. */
#include "reports/report_quality.h"

#include "harness/base/csv.h"
#include "harness/base/json_write.h"
#include "harness/run/route/router.h"
#include "reports/html.h"
#include "reports/markdown.h"

#include <inttypes.h>
#include <math.h>

enum { MONEY_MAX_BYTES = 64 };

/* --- words --- */

struct text report_quality_score(const struct quality *quality, struct arena *arena)
{
	if (isnan(quality->low))
		return text_format(arena, "%.2f", quality->score);
	return text_format(arena, "%.2f (%.2f to %.2f)", quality->score, quality->low,
	                   quality->high);
}

/* To a hundredth of a cent's hundredth: what is shown beside an interval need not be exact. */
static struct text usd(int64_t pico_usd, struct arena *arena)
{
	enum { SHOWN_PICO_USD = 1000000 };
	struct csv_writer writer;
	struct text_buf buf;

	text_buf_init(&buf, MONEY_MAX_BYTES);
	csv_writer_init(&writer, &buf, false);
	csv_write_usd(&writer,
	              pico_usd >= SHOWN_PICO_USD ? pico_usd - pico_usd % SHOWN_PICO_USD : pico_usd);
	struct text copy = text_copy(arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return copy;
}

struct text report_quality_cost(const struct quality *quality, struct arena *arena)
{
	if (quality->cost_pico_usd < 0)
		return TEXT("unknown");
	if (quality->per_pass_pico_usd < 0)
		return TEXT("none passed");
	if (quality->per_pass_low_pico_usd < 0)
		return text_format(arena, "%.*s USD",
		                   TEXT_ARG(usd(quality->per_pass_pico_usd, arena)));
	return text_format(arena, "%.*s (%.*s to %.*s) USD",
	                   TEXT_ARG(usd(quality->per_pass_pico_usd, arena)),
	                   TEXT_ARG(usd(quality->per_pass_low_pico_usd, arena)),
	                   TEXT_ARG(quality->per_pass_high_pico_usd < 0
	                                ? TEXT("no bound")
	                                : usd(quality->per_pass_high_pico_usd, arena)));
}

/* "0.80 of 12 tasks"; empty where no judge gave a score. */
static struct text opinion_text(const struct quality *quality, struct arena *arena)
{
	if (quality->judged == 0)
		return TEXT("");
	return text_format(arena, "%.2f of %" PRId64 " tasks", quality->judge_score,
	                   quality->judged);
}

static bool any_judged(const struct quality *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].judged > 0)
			return true;
	return false;
}

/* --- for a terminal --- */

void report_quality_terminal(const struct matrix *matrix, struct text_buf *out)
{
	struct arena arena = {0};
	size_t count;
	const struct quality *all = quality_of(matrix, &arena, &count);
	struct text target = {NULL, 0};

	if (count > 0)
		(void)text_buf_add_c(out, "Quality (mean score at 95 %, cost per passed task):\n");
	for (size_t i = 0; i < count; i++) {
		if (target.data == NULL || !text_equal(target, all[i].target)) {
			target = all[i].target;
			(void)text_buf_add_c(out, "  ");
			report_add_log_text(out, target);
			(void)text_buf_byte(out, '\n');
		}
		(void)text_buf_format(
		    out, "    %-14s %.*s  %" PRId64 " of %" PRId64 " passed; %.*s%s",
		    case_kind_names[all[i].kind], TEXT_ARG(report_quality_score(&all[i], &arena)),
		    all[i].passed, all[i].trials, TEXT_ARG(report_quality_cost(&all[i], &arena)),
		    all[i].on_front ? "; front" : "");
		if (all[i].judged > 0)
			(void)text_buf_format(out, "; judge %.*s",
			                      TEXT_ARG(opinion_text(&all[i], &arena)));
		(void)text_buf_byte(out, '\n');
	}
	if (count > 0)
		(void)text_buf_byte(out, '\n');
	arena_done(&arena);
}

/* --- Markdown and HTML --- */

void report_quality_markdown(const struct matrix *matrix, struct text_buf *out)
{
	struct arena arena = {0};
	size_t count;
	const struct quality *all = quality_of(matrix, &arena, &count);
	bool judged = any_judged(all, count);

	if (count > 0)
		(void)text_buf_format(out,
		                      "\n### Quality by kind of work\n\n"
		                      "| target | kind | score (95 %%) | passed | cost per passed "
		                      "task (95 %%) | front |%s\n|---|---|---|---|---|---|%s\n",
		                      judged ? " a judge model's opinion |" : "",
		                      judged ? "---|" : "");
	for (size_t i = 0; i < count; i++) {
		(void)text_buf_add_c(out, "| ");
		markdown_add(out, all[i].target);
		(void)text_buf_format(
		    out, " | %s | %.*s | %" PRId64 " of %" PRId64 " | %.*s | %s |",
		    case_kind_names[all[i].kind], TEXT_ARG(report_quality_score(&all[i], &arena)),
		    all[i].passed, all[i].trials, TEXT_ARG(report_quality_cost(&all[i], &arena)),
		    all[i].on_front ? "FRONT" : "");
		if (judged)
			(void)text_buf_format(out, " %.*s |",
			                      TEXT_ARG(opinion_text(&all[i], &arena)));
		(void)text_buf_byte(out, '\n');
	}
	arena_done(&arena);
}

/* Rows are sorted by target: one header stands beside all of it. */
static void html_add_target(struct html_page *page, const struct quality *all, size_t count,
                            size_t at)
{
	size_t end = at;

	(void)text_buf_add_c(page->out, "<tr>");
	if (at > 0 && text_equal(all[at].target, all[at - 1].target))
		return;
	while (end < count && text_equal(all[end].target, all[at].target))
		end++;
	(void)text_buf_format(page->out, "<th scope=row rowspan=%zu>", end - at);
	html_add_text(page->out, all[at].target);
	(void)text_buf_add_c(page->out, "</th>");
}

void html_add_quality(struct html_page *page)
{
	size_t count;
	const struct quality *all = quality_of(page->matrix, page->arena, &count);

	bool judged = any_judged(all, count);

	if (count == 0)
		return;
	(void)text_buf_add_c(
	    page->out, "<section id=quality><h2>Quality by kind of work</h2><p class=mute>"
		       "Mean score of tasks with known answers, and all that was spent on them "
		       "over those that passed; both at 95 %. Quality ranks targets and gates "
		       "nothing.</p><div class=scroll><table><thead><tr><th scope=col>target"
		       "<th scope=col>kind<th scope=col>score<th scope=col>passed"
		       "<th scope=col>cost per passed task<th scope=col>front");
	if (judged)
		(void)text_buf_add_c(page->out, "<th scope=col>a judge model's opinion");
	(void)text_buf_add_c(page->out, "</tr></thead><tbody>\n");
	for (size_t i = 0; i < count; i++) {
		html_add_target(page, all, count, i);
		(void)text_buf_format(
		    page->out, "<td>%s<td>%.*s<td>%" PRId64 " of %" PRId64 "<td>%.*s<td>%s",
		    case_kind_names[all[i].kind],
		    TEXT_ARG(report_quality_score(&all[i], page->arena)), all[i].passed,
		    all[i].trials, TEXT_ARG(report_quality_cost(&all[i], page->arena)),
		    all[i].on_front ? "<span class=\"v pass\">FRONT</span>" : "");
		if (judged)
			(void)text_buf_format(page->out, "<td>%.*s",
			                      TEXT_ARG(opinion_text(&all[i], page->arena)));
		(void)text_buf_add_c(page->out, "</tr>\n");
	}
	(void)text_buf_add_c(page->out, "</tbody></table></div></section>\n");
}

/* --- CSV --- */

void report_quality_csv(const struct matrix *matrix, struct text_buf *out)
{
	static const char *const columns[] = {"target",
	                                      "kind",
	                                      "tasks",
	                                      "trials",
	                                      "passed",
	                                      "score",
	                                      "score_low",
	                                      "score_high",
	                                      "cost_usd",
	                                      "cost_per_pass_usd",
	                                      "cost_per_pass_low_usd",
	                                      "cost_per_pass_high_usd",
	                                      "on_front",
	                                      "judged",
	                                      "judge_score",
	                                      "judge_cost_usd"};
	struct csv_writer writer;
	struct arena arena = {0};
	size_t count;
	const struct quality *all = quality_of(matrix, &arena, &count);

	csv_writer_init(&writer, out, true);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
		csv_write_text(&writer, text_of(columns[i]));
	csv_write_end_row(&writer);
	for (size_t i = 0; i < count; i++) {
		csv_write_text(&writer, all[i].target);
		csv_write_text(&writer, text_of(case_kind_names[all[i].kind]));
		csv_write_int(&writer, all[i].tasks);
		csv_write_int(&writer, all[i].trials);
		csv_write_int(&writer, all[i].passed);
		csv_write_double(&writer, all[i].score, 6);
		csv_write_double(&writer, all[i].low, 6);
		csv_write_double(&writer, all[i].high, 6);
		csv_write_usd(&writer, all[i].cost_pico_usd);
		csv_write_usd(&writer, all[i].per_pass_pico_usd);
		csv_write_usd(&writer, all[i].per_pass_low_pico_usd);
		csv_write_usd(&writer, all[i].per_pass_high_pico_usd);
		csv_write_text(&writer, text_of(all[i].on_front ? "true" : "false"));
		csv_write_int(&writer, all[i].judged);
		csv_write_double(&writer, all[i].judged > 0 ? all[i].judge_score : (double)NAN, 6);
		csv_write_usd(&writer, all[i].judge_pico_usd);
		csv_write_end_row(&writer);
	}
	arena_done(&arena);
}

/* --- JSON --- */

static void write_score(struct json_writer *writer, const char *name, double value)
{
	json_write_key(writer, name);
	json_write_double(writer, value, 6);
}

void report_quality_write(const struct matrix *matrix, struct json_writer *writer)
{
	struct arena arena = {0};
	size_t count;
	const struct quality *all = quality_of(matrix, &arena, &count);

	if (count > 0) {
		json_write_key(writer, "quality");
		json_write_array(writer);
	}
	for (size_t i = 0; i < count; i++) {
		json_write_object(writer);
		json_write_member(writer, "target", all[i].target);
		json_write_member_c(writer, "kind", case_kind_names[all[i].kind]);
		json_write_member_int(writer, "tasks", all[i].tasks);
		json_write_member_int(writer, "trials", all[i].trials);
		json_write_member_int(writer, "passed", all[i].passed);
		write_score(writer, "score", all[i].score);
		write_score(writer, "score_low", all[i].low);
		write_score(writer, "score_high", all[i].high);
		router_write_usd(writer, "cost_usd", all[i].cost_pico_usd);
		router_write_usd(writer, "cost_per_pass_usd", all[i].per_pass_pico_usd);
		router_write_usd(writer, "cost_per_pass_low_usd", all[i].per_pass_low_pico_usd);
		router_write_usd(writer, "cost_per_pass_high_usd", all[i].per_pass_high_pico_usd);
		json_write_member_bool(writer, "on_front", all[i].on_front);
		if (all[i].judged > 0) {
			json_write_member_int(writer, "judged", all[i].judged);
			write_score(writer, "judge_score", all[i].judge_score);
			router_write_usd(writer, "judge_cost_usd", all[i].judge_pico_usd);
		}
		json_write_object_end(writer);
	}
	if (count > 0)
		json_write_array_end(writer);
	arena_done(&arena);
}
