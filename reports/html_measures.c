/* Latency, tokens and cost by target. Unknown is not zero: it is said, never added up. */
#include "reports/html.h"

#include "harness/base/csv.h"
#include "providers/price/money.h"
#include "reports/report_availability.h"

#include <inttypes.h>
#include <stdlib.h>

/* What is known of a target's cells [from, to). */
struct measures {
	int64_t *samples; /* scratch for one column */
	size_t from, to;
};

static int compare_counts(const void *a, const void *b)
{
	int64_t first = *(const int64_t *)a;
	int64_t second = *(const int64_t *)b;

	return (first > second) - (first < second);
}

/* The middle one of the values of all cells that know theirs; -1 where none does. */
static int64_t median(const struct matrix *matrix, struct measures *measures, size_t offset)
{
	size_t count = 0;

	for (size_t i = measures->from; i < measures->to; i++) {
		const char *cell = (const char *)&matrix->cells[i];
		int64_t value = *(const int64_t *)(const void *)(cell + offset);
		if (value >= 0)
			measures->samples[count++] = value;
	}
	if (count == 0)
		return -1;
	qsort(measures->samples, count, sizeof(*measures->samples), compare_counts);
	return measures->samples[(count - 1) / 2];
}

static size_t end_of_target(const struct matrix *matrix, size_t from)
{
	size_t to = from + 1;

	while (to < matrix->count &&
	       text_equal(matrix->cells[to].target, matrix->cells[from].target))
		to++;
	return to;
}

static void begin_row(struct html_page *page, struct text target)
{
	(void)text_buf_add_c(page->out, "<tr><th scope=row>");
	html_add_text(page->out, target);
	(void)text_buf_add_c(page->out, "</th>");
}

static void add_latency_row(struct html_page *page, struct measures *measures)
{
	static const size_t columns[] = {offsetof(struct matrix_cell, ttft_p50_us),
	                                 offsetof(struct matrix_cell, ttft_p90_us),
	                                 offsetof(struct matrix_cell, latency_p50_us),
	                                 offsetof(struct matrix_cell, latency_p90_us)};

	begin_row(page, page->matrix->cells[measures->from].target);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		(void)text_buf_add_c(page->out, "<td class=n>");
		html_add_ms(page->out, median(page->matrix, measures, columns[i]));
		(void)text_buf_add_c(page->out, "</td>");
	}
	(void)text_buf_add_c(page->out, "</tr>\n");
}

static void add_latency(struct html_page *page, struct measures *measures)
{
	(void)text_buf_add_c(
	    page->out,
	    "<section id=latency><h2>Latency</h2><p class=mute>Over the cells of a target, the "
	    "middle one of what each cell measured.</p><div class=scroll><table><thead><tr>"
	    "<th scope=col>target<th scope=col>first token p50<th scope=col>first token p90"
	    "<th scope=col>whole p50<th scope=col>whole p90</tr></thead><tbody>\n");
	for (size_t from = 0; from < page->matrix->count; from = measures->to) {
		measures->from = from;
		measures->to = end_of_target(page->matrix, from);
		add_latency_row(page, measures);
	}
	(void)text_buf_add_c(page->out, "</tbody></table></div></section>\n");
}

static void add_usd(struct html_page *page, int64_t pico_usd)
{
	struct csv_writer writer;

	csv_writer_init(&writer, page->out, false);
	csv_write_usd(&writer, pico_usd);
}

struct costs {
	int64_t pico_usd, prompt, completion;
	size_t priced, counted, unknown, passed, compared;
	money difference; /* of the compared: told less computed */
};

static struct costs add_up(const struct matrix *matrix, size_t from, size_t to)
{
	struct costs costs = {0};

	for (size_t i = from; i < to; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		costs.passed += cell->verdict == VERDICT_PASS;
		costs.unknown += cell->cost_pico_usd < 0;
		costs.compared += cell->compared;
		if (cell->compared)
			costs.difference += (money)cell->told_pico_usd - cell->computed_pico_usd;
		if (cell->cost_pico_usd >= 0 && cell->cost_pico_usd < INT64_MAX - costs.pico_usd) {
			costs.pico_usd += cell->cost_pico_usd;
			costs.priced++;
		}
		if (cell->prompt_tokens >= 0 && cell->completion_tokens >= 0 &&
		    cell->prompt_tokens < INT64_MAX - costs.prompt &&
		    cell->completion_tokens < INT64_MAX - costs.completion) {
			costs.prompt += cell->prompt_tokens;
			costs.completion += cell->completion_tokens;
			costs.counted++;
		}
	}
	return costs;
}

static void add_cost_row(struct html_page *page, size_t from, size_t to, bool compared)
{
	struct costs costs = add_up(page->matrix, from, to);

	begin_row(page, page->matrix->cells[from].target);
	if (costs.counted == 0)
		(void)text_buf_add_c(page->out, "<td class=n>unknown<td class=n>unknown");
	else
		(void)text_buf_format(page->out, "<td class=n>%" PRId64 "<td class=n>%" PRId64,
		                      costs.prompt, costs.completion);
	(void)text_buf_add_c(page->out, "<td class=n>");
	if (costs.priced == 0)
		(void)text_buf_add_c(page->out, "unknown");
	else
		add_usd(page, costs.pico_usd);
	(void)text_buf_add_c(page->out, "<td class=n>");
	if (costs.priced == 0 || costs.unknown != 0 || costs.passed == 0)
		(void)text_buf_add_c(page->out, "unknown");
	else
		add_usd(page, costs.pico_usd / (int64_t)costs.passed);
	(void)text_buf_format(page->out, "<td class=n>%zu", costs.unknown);
	if (compared && costs.compared == 0)
		(void)text_buf_add_c(page->out, "<td class=n>tells none");
	else if (compared)
		(void)text_buf_format(
		    page->out, "<td class=n>%s%s", costs.difference > 0 ? "+" : "",
		    text_c(page->arena, money_text(costs.difference, page->arena)));
	(void)text_buf_add_c(page->out, "</tr>\n");
}

static void add_costs(struct html_page *page)
{
	bool compared = add_up(page->matrix, 0, page->matrix->count).compared > 0;
	size_t to;

	(void)text_buf_add_c(
	    page->out,
	    "<section id=cost><h2>Tokens and cost</h2><p class=mute>Of the checks themselves, as "
	    "far as it is known.</p><div class=scroll><table><thead><tr><th scope=col>target"
	    "<th scope=col>tokens in<th scope=col>tokens out<th scope=col>USD"
	    "<th scope=col>USD for each passing cell<th scope=col>cells of unknown cost");
	if (compared)
		(void)text_buf_add_c(page->out, "<th scope=col>USD told above its price");
	(void)text_buf_add_c(page->out, "</tr></thead><tbody>\n");
	for (size_t from = 0; from < page->matrix->count; from = to) {
		to = end_of_target(page->matrix, from);
		add_cost_row(page, from, to, compared);
	}
	(void)text_buf_add_c(page->out, "</tbody></table></div></section>\n");
}

static void add_availability(struct html_page *page)
{
	const struct matrix *matrix = page->matrix;

	if (matrix->availability_count == 0)
		return;
	(void)text_buf_add_c(
	    page->out,
	    "<section id=availability><h2>Availability</h2><p class=mute>Attempts that came back "
	    "as "
	    "an answer, retries and refusals included; what infrastructure took counts in no cell."
	    "</p><div class=scroll><table><thead><tr><th scope=col>target<th scope=col>answered"
	    "<th scope=col>attempts<th scope=col>infrastructure<th "
	    "scope=col>run</tr></thead><tbody>\n");
	for (size_t i = 0; i < matrix->availability_count; i++) {
		const struct availability *counts = &matrix->availability[i];
		begin_row(page, counts->target);
		(void)text_buf_format(page->out, "<td class=n>%.*s<td class=n>%" PRId64 "<td>",
		                      TEXT_ARG(report_availability_share(counts, page->arena)),
		                      availability_attempts(counts));
		html_add_text(page->out, report_availability_infra(counts, page->arena));
		(void)text_buf_add_c(page->out, "<td>");
		html_add_text(page->out, counts->run_id);
		(void)text_buf_add_c(page->out, "</tr>\n");
	}
	(void)text_buf_add_c(page->out, "</tbody></table></div></section>\n");
}

void html_add_measures(struct html_page *page)
{
	struct measures measures = {
	    .samples = ARENA_NEW_ARRAY(page->arena, int64_t, page->matrix->count + 1)};

	add_latency(page, &measures);
	add_costs(page);
	add_availability(page);
}
