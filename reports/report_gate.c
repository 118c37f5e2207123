/* The gate for people: a terminal, a pull request, the log of a CI job. */
#include "reports/report_gate.h"

#include "reports/markdown.h"
#include "reports/report_decision.h"

#include <inttypes.h>
#include <math.h>

enum {
	NAME_WIDEST = 40,
	REASONS_LISTED = 12, /* of a shape, for people; JSON has all */
	LINES_LISTED = 50,   /* of what moves and what is lost */
};

/* --- shared ----------------------------------------------------------------------- */

struct text report_gate_verdict(const struct gate_report *report, struct arena *arena)
{
	const struct gate_result *result = report->result;
	size_t short_of = result->count - result->of[GATE_HOLDS];

	if (short_of == 0)
		return text_format(arena, "holds: all %zu shapes have the proven targets wanted",
		                   result->count);
	return text_format(arena,
	                   "%s: %zu of %zu shapes lack proven targets (%zu refused, %zu unknown)",
	                   gate_state_name(result->state), short_of, result->count,
	                   result->of[GATE_REFUSED], result->of[GATE_UNKNOWN]);
}

struct text report_gate_shape(const struct gate_demand *demand, struct arena *arena)
{
	struct text_list names = shape_names(&demand->shape, arena);
	struct text_buf joined;

	text_buf_init(&joined, 1 << 20);
	for (size_t i = 0; i < names.count; i++) {
		if (i > 0)
			(void)text_buf_byte(&joined, ' ');
		(void)text_buf_add(&joined, names.items[i]);
	}
	struct text shape = text_copy(arena, text_buf_view(&joined));
	text_buf_done(&joined);
	return shape;
}

struct text report_gate_reason(const struct router_exclusion *exclusion, struct arena *arena)
{
	if (exclusion->case_id.data == NULL)
		return exclusion->reason;
	return text_format(
	    arena, "%.*s%s %.*s", TEXT_ARG(exclusion->case_id),
	    strcmp(exclusion->variant, case_variant_names[CASE_STREAM]) == 0 ? "~stream" : "",
	    TEXT_ARG(exclusion->reason));
}

struct text report_gate_percent(double share, struct arena *arena)
{
	return isnan(share) ? TEXT("-") : text_format(arena, "%.1f %%", 100 * share);
}

/* Cells of the suite's cases that were asked as another question. */
static size_t count_changed(const struct gate_report *report)
{
	size_t changed = 0;

	for (size_t i = 0; i < report->matrix->count; i++) {
		const struct matrix_cell *cell = &report->matrix->cells[i];
		const struct eval_case *one = suite_find(report->suite, cell->case_id);
		changed += one != NULL && !text_is(cell->case_hash, one->hash);
	}
	return changed;
}

static void add_mode_note(const struct gate_report *report, struct text_buf *out)
{
	int mode = router_config(report->router)->policy.mode;

	if (mode != CONFIG_ENFORCE)
		(void)text_buf_format(out,
		                      " The policy's mode is %s: the proxy would serve what is "
		                      "refused here.",
		                      mode == CONFIG_WARN ? "warn" : "shadow");
}

struct text report_gate_notes(const struct gate_report *report, struct arena *arena)
{
	static const char *const sources[] = {
	    "Shapes are those of the usage.",
	    "Shapes are those that the config lists.",
	    ("Some shapes are assumed (everyday ones): list a route's shapes in the config, or "
	     "give --usage."),
	};
	enum gate_source source = GATE_FROM_USAGE;
	size_t changed = count_changed(report);
	struct text_buf out;

	text_buf_init(&out, 1 << 16);
	for (size_t i = 0; i < report->demands->count; i++)
		if (report->demands->items[i].source > source)
			source = report->demands->items[i].source;
	(void)text_buf_add_c(&out, sources[source]);
	if (report->demands->without_shape > 0)
		(void)text_buf_format(&out,
		                      " Requests without a shape, which are left out: %" PRId64 ".",
		                      report->demands->without_shape);
	if (changed > 0)
		(void)text_buf_format(&out,
		                      " %zu cells are of cases that have changed since (the "
		                      "matrix is of suite %.*s, this is %s): they prove nothing.",
		                      changed, TEXT_ARG(report->matrix->suite_hash),
		                      report->suite->hash);
	add_mode_note(report, &out);
	struct text notes = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return notes;
}

/* --- terminal ---------------------------------------------------------------------- */

struct page {
	const struct gate_report *report;
	struct arena *arena;
	struct text_buf *out;
	bool colour;
	size_t route_columns, shape_columns;
};

static void add_padded(struct page *page, struct text text, size_t columns)
{
	struct text shown = text_visible(page->arena, text, NAME_WIDEST + 40);

	(void)text_buf_add(page->out, shown);
	for (size_t at = text_columns(shown); at < columns + 2; at++)
		(void)text_buf_byte(page->out, ' ');
}

static void add_state(struct page *page, enum gate_state state)
{
	static const char *const colours[] = {"\x1b[32m", "\x1b[33m", "\x1b[31m"};

	(void)text_buf_format(page->out, "%s%-9s%s", page->colour ? colours[state] : "",
	                      gate_state_name(state), page->colour ? "\x1b[0m" : "");
}

static void add_excluded(struct page *page, const struct gate_check *check)
{
	size_t count = check->decision.exclusion_count;

	for (size_t i = 0; i < count && i < REASONS_LISTED; i++) {
		const struct router_exclusion *exclusion = &check->decision.exclusions[i];
		(void)text_buf_add_c(page->out, "           ");
		text_buf_add_visible(page->out, exclusion->target->name);
		(void)text_buf_add_c(page->out, "  ");
		text_buf_add_visible(page->out, report_gate_reason(exclusion, page->arena));
		(void)text_buf_byte(page->out, '\n');
	}
	if (count > REASONS_LISTED)
		(void)text_buf_format(page->out, "           and %zu more\n",
		                      count - REASONS_LISTED);
}

static void add_check(struct page *page, const struct gate_check *check)
{
	add_state(page, check->state);
	add_padded(page, check->demand->route, page->route_columns);
	add_padded(page, report_gate_shape(check->demand, page->arena), page->shape_columns);
	(void)text_buf_format(page->out, "%zu proven of %" PRId64 " wanted", check->proven,
	                      check->wanted);
	if (check->demand->requests >= 0)
		(void)text_buf_format(page->out, ", requests: %" PRId64, check->demand->requests);
	(void)text_buf_byte(page->out, '\n');
	if (check->state == GATE_HOLDS)
		return;
	if (check->error != NULL)
		(void)text_buf_format(page->out, "           %s\n", check->error);
	add_excluded(page, check);
}

static size_t wider(size_t columns, struct text text, size_t widest)
{
	size_t own = size_min(text_columns(text), widest);

	return own > columns ? own : columns;
}

static struct text first_of(const struct gate_check *check)
{
	return check->decision.count == 0 ? TEXT("nobody")
	                                  : check->decision.candidates[0].target->name;
}

static void add_costs(const struct gate_comparison *comparison, struct text_buf *out)
{
	int64_t before = comparison->cost_before_pico_usd;
	int64_t after = comparison->cost_after_pico_usd;

	report_add_usd(out, before);
	(void)text_buf_add_c(out, " before, ");
	report_add_usd(out, after);
	(void)text_buf_add_c(out, after < before ? " now: -" : " now: +");
	report_add_usd(out, after < before ? before - after : after - before);
	if (before > 0)
		(void)text_buf_format(out, " (%+.1f %%)",
		                      100 * ((double)after - (double)before) / (double)before);
	if (comparison->cost_unknown > 0)
		(void)text_buf_format(out, "; unknown for %zu shapes", comparison->cost_unknown);
}

static void add_comparison(struct page *page)
{
	const struct gate_report *report = page->report;
	const struct gate_comparison *comparison = report->comparison;
	const struct gate_share *moved = &comparison->moved;
	size_t listed = 0;

	(void)text_buf_format(page->out, "\nagainst the base: %.*s of the %s go elsewhere",
	                      TEXT_ARG(report_gate_percent(moved->requests, page->arena)),
	                      report->demands->weighted ? "requests" : "shapes");
	if (report->demands->weighted)
		(void)text_buf_format(
		    page->out,
		    ", %.*s of the prompt tokens, %.*s of the completion tokens, %.*s of the cost",
		    TEXT_ARG(report_gate_percent(moved->prompt_tokens, page->arena)),
		    TEXT_ARG(report_gate_percent(moved->completion_tokens, page->arena)),
		    TEXT_ARG(report_gate_percent(moved->cost, page->arena)));
	(void)text_buf_add_c(page->out, "\nexpected cost: ");
	add_costs(comparison, page->out);
	(void)text_buf_byte(page->out, '\n');
	for (size_t i = 0; i < comparison->loss_count && listed < LINES_LISTED; i++, listed++) {
		const struct gate_loss *loss = &comparison->losses[i];
		const struct gate_check *check = &report->result->checks[loss->check];
		(void)text_buf_format(page->out, "lost     ");
		add_padded(page, check->demand->route, page->route_columns);
		add_padded(page, report_gate_shape(check->demand, page->arena),
		           page->shape_columns);
		(void)text_buf_format(page->out, "%zu proven before, %zu now%s\n", loss->before,
		                      loss->after, loss->after == 0 ? ": the last one" : "");
		add_excluded(page, check);
	}
	for (size_t i = 0; i < report->result->count && listed < LINES_LISTED; i++) {
		if (comparison->moved_of[i] <= 0)
			continue;
		listed++;
		(void)text_buf_add_c(page->out, "moves    ");
		add_padded(page, report->result->checks[i].demand->route, page->route_columns);
		add_padded(page, report_gate_shape(report->result->checks[i].demand, page->arena),
		           page->shape_columns);
		text_buf_add_visible(page->out, first_of(&report->base->checks[i]));
		(void)text_buf_add_c(page->out, " -> ");
		text_buf_add_visible(page->out, first_of(&report->result->checks[i]));
		(void)text_buf_format(
		    page->out, " (%.*s)\n",
		    TEXT_ARG(report_gate_percent(comparison->moved_of[i], page->arena)));
	}
}

void report_gate_terminal(const struct gate_report *report,
                          const struct report_terminal_options *options, struct text_buf *out)
{
	struct arena arena = {0};
	struct page page = {
	    .report = report, .arena = &arena, .out = out, .colour = options->colour};
	const struct gate_result *result = report->result;

	for (size_t i = 0; i < result->count; i++) {
		const struct gate_demand *demand = result->checks[i].demand;
		page.route_columns = wider(page.route_columns, demand->route, NAME_WIDEST);
		page.shape_columns =
		    wider(page.shape_columns, report_gate_shape(demand, &arena), NAME_WIDEST + 20);
	}
	for (int state = GATE_REFUSED; state >= GATE_HOLDS; state--)
		for (size_t i = 0; i < result->count; i++)
			if ((int)result->checks[i].state == state)
				add_check(&page, &result->checks[i]);
	(void)text_buf_format(out, "\n%.*s\n%.*s\n", TEXT_ARG(report_gate_verdict(report, &arena)),
	                      TEXT_ARG(report_gate_notes(report, &arena)));
	if (report->comparison != NULL)
		add_comparison(&page);
	arena_done(&arena);
}

/* --- Markdown ------------------------------------------------------------------------ */

static void add_reasons(const struct gate_check *check, struct arena *arena, struct text_buf *out)
{
	size_t count = check->decision.exclusion_count;

	if (check->state == GATE_HOLDS)
		return;
	if (check->error != NULL)
		markdown_add(out, text_of(check->error));
	for (size_t i = 0; i < count && i < REASONS_LISTED; i++) {
		const struct router_exclusion *exclusion = &check->decision.exclusions[i];
		if (i > 0)
			(void)text_buf_add_c(out, "; ");
		markdown_add(out, exclusion->target->name);
		(void)text_buf_add_c(out, ": ");
		markdown_add(out, report_gate_reason(exclusion, arena));
	}
	if (count > REASONS_LISTED)
		(void)text_buf_format(out, "; and %zu more", count - REASONS_LISTED);
}

static void add_row(const struct gate_check *check, struct arena *arena, struct text_buf *out)
{
	const char *strong = check->state == GATE_HOLDS ? "" : "**";

	(void)text_buf_format(out, "| %s%s%s | ", strong, gate_state_name(check->state), strong);
	markdown_add(out, check->demand->route);
	(void)text_buf_add_c(out, " | ");
	markdown_add(out, report_gate_shape(check->demand, arena));
	(void)text_buf_format(out, " | %zu of %" PRId64 " | ", check->proven, check->wanted);
	if (check->demand->requests >= 0)
		(void)text_buf_format(out, "%" PRId64, check->demand->requests);
	(void)text_buf_add_c(out, " | ");
	add_reasons(check, arena, out);
	(void)text_buf_add_c(out, " |\n");
}

static void add_moves(const struct gate_report *report, struct arena *arena, struct text_buf *out)
{
	const struct gate_comparison *comparison = report->comparison;
	size_t listed = 0;

	(void)text_buf_format(
	    out, "\n#### Against the base: %.*s of the %s go elsewhere\n\nExpected cost: ",
	    TEXT_ARG(report_gate_percent(comparison->moved.requests, arena)),
	    report->demands->weighted ? "requests" : "shapes");
	add_costs(comparison, out);
	(void)text_buf_add_c(out, "\n");
	for (size_t i = 0; i < report->result->count && listed < LINES_LISTED; i++) {
		const struct gate_check *is = &report->result->checks[i];
		const struct gate_check *was = &report->base->checks[i];
		bool lost = is->proven < was->proven && is->proven < 2;
		if (comparison->moved_of[i] <= 0 && !lost)
			continue;
		if (listed++ == 0)
			(void)text_buf_add_c(
			    out, "\n| route | shape | first before | first now | moves | proven |\n"
				 "|---|---|---|---|---|---|\n");
		(void)text_buf_add_c(out, "| ");
		markdown_add(out, is->demand->route);
		(void)text_buf_add_c(out, " | ");
		markdown_add(out, report_gate_shape(is->demand, arena));
		(void)text_buf_add_c(out, " | ");
		markdown_add(out, first_of(was));
		(void)text_buf_add_c(out, " | ");
		markdown_add(out, first_of(is));
		(void)text_buf_format(out, " | %.*s | %zu -> %zu%s |\n",
		                      TEXT_ARG(report_gate_percent(comparison->moved_of[i], arena)),
		                      was->proven, is->proven, lost ? " **lost**" : "");
	}
}

void report_gate_markdown(const struct gate_report *report, struct text_buf *out)
{
	struct arena arena = {0};
	const struct gate_result *result = report->result;

	(void)text_buf_format(
	    out,
	    "### Gate: %.*s\n\n| | route | shape | proven | requests | in the way "
	    "|\n|---|---|---|---|---|---|\n",
	    TEXT_ARG(report_gate_verdict(report, &arena)));
	for (int state = GATE_REFUSED; state >= GATE_HOLDS; state--)
		for (size_t i = 0; i < result->count; i++)
			if ((int)result->checks[i].state == state)
				add_row(&result->checks[i], &arena, out);
	(void)text_buf_byte(out, '\n');
	markdown_add(out, report_gate_notes(report, &arena));
	(void)text_buf_byte(out, '\n');
	if (report->comparison != NULL)
		add_moves(report, &arena, out);
	arena_done(&arena);
}
