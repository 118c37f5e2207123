/* Who may serve a request, as lines: candidates with what they cost, the excluded with the reason.
 */
#include "reports/report_decision.h"

#include <inttypes.h>
#include <math.h>

enum { TARGET_WIDEST = 40 };

void report_add_usd(struct text_buf *out, int64_t pico_usd)
{
	enum { PICO_PER_MICRO = 1000000, MICRO_PER_USD = 1000000 };
	char digits[40];

	if (pico_usd < 0) {
		(void)text_buf_byte(out, '?');
		return;
	}
	if (pico_usd > 0 && pico_usd < PICO_PER_MICRO) {
		(void)text_buf_add_c(out, "<$0.000001");
		return;
	}
	int64_t micro =
	    pico_usd / PICO_PER_MICRO + (pico_usd % PICO_PER_MICRO >= PICO_PER_MICRO / 2);
	int length = snprintf(digits, sizeof(digits), "$%" PRId64 ".%06" PRId64,
	                      micro / MICRO_PER_USD, micro % MICRO_PER_USD);
	/* Cents at least. */
	while (digits[length - 1] == '0' && digits[length - 4] != '.' && digits[length - 3] != '.')
		length--;
	(void)text_buf_add(out, (struct text){digits, (size_t)length});
}

static void add_list(struct text_buf *out, const char *what, const struct text_list *list)
{
	(void)text_buf_add_c(out, what);
	for (size_t i = 0; i < list->count; i++) {
		(void)text_buf_byte(out, ' ');
		text_buf_add_visible(out, list->items[i]);
	}
}

static void add_head(const struct router *router, const struct router_request *request,
                     const struct router_decision *decision, struct arena *arena,
                     struct text_buf *out)
{
	static const char *const modes[] = {"enforce", "warn", "shadow"};
	struct text_list names = shape_names(request->shape, arena);

	add_list(out, "shape    ", &names);
	(void)text_buf_add_c(out, "\ndecided  ");
	if (decision->route.data != NULL) {
		(void)text_buf_add_c(out, " route ");
		text_buf_add_visible(out, decision->route);
		(void)text_buf_format(out, ", %s", config_strategy_names[decision->strategy]);
	} else
		(void)text_buf_add_c(out, " no route");
	if (decision->task.data != NULL) {
		(void)text_buf_add_c(out, ", task ");
		text_buf_add_visible(out, decision->task);
		(void)text_buf_format(out, " (%.*s risk)", TEXT_ARG(decision->risk));
	}
	(void)text_buf_format(out, ", %s, matrix %s\n", modes[decision->mode],
	                      router_matrix_hash(router));
}

static void add_target(struct text_buf *out, struct text name, size_t columns, struct arena *arena)
{
	struct text shown = text_visible(arena, name, TARGET_WIDEST);

	(void)text_buf_add(out, shown);
	for (size_t at = text_columns(shown); at < columns + 2; at++)
		(void)text_buf_byte(out, ' ');
}

static void add_candidate(const struct router *router, const struct router_request *request,
                          const struct router_candidate *candidate, struct arena *arena,
                          struct text_buf *out)
{
	const struct evidence_question question = {
	    .shape = request->shape,
	    .repairs = candidate->repairs,
	    .demand = request->demand,
	    .now_wall_ms = request->now_wall_ms,
	};
	struct evidence_proof proof;

	evidence_prove(router_evidence(router), candidate->number, &question, arena, &proof);
	(void)text_buf_add_c(out, "cost ");
	report_add_usd(out, candidate->expected_cost_pico_usd);
	if (isnan(candidate->quality))
		(void)text_buf_add_c(out, ", quality ?");
	else
		(void)text_buf_format(out, ", quality %.3f%s%s", candidate->quality,
		                      candidate->quality_kind == CASE_KIND_NONE ? "" : " at ",
		                      candidate->quality_kind == CASE_KIND_NONE
		                          ? ""
		                          : case_kind_names[candidate->quality_kind]);
	if (candidate->latency_us < 0)
		(void)text_buf_add_c(out, ", latency ?");
	else
		(void)text_buf_format(out, ", latency %.0f ms",
		                      (double)candidate->latency_us / 1000);
	(void)text_buf_format(out, ", %s by %zu cells", candidate->proven ? "proven" : "NOT proven",
	                      proof.count);
	if (candidate->repairs != 0) {
		struct text names = repair_names(candidate->repairs, arena);
		(void)text_buf_format(out, "; repaired: %.*s", TEXT_ARG(names));
	}
	if (candidate->unproven.count > 0)
		add_list(out, "; let pass:", &candidate->unproven);
	struct text note = provider_price_note(
	    candidate->target->provider, candidate->target->model, request->now_wall_ms, arena);
	if (note.data != NULL)
		(void)text_buf_format(out, "; %.*s", TEXT_ARG(note));
	(void)text_buf_byte(out, '\n');
}

static void add_exclusion(const struct router_exclusion *exclusion, struct text_buf *out)
{
	if (exclusion->case_id.data != NULL) {
		text_buf_add_visible(out, exclusion->case_id);
		if (strcmp(exclusion->variant, case_variant_names[CASE_STREAM]) == 0)
			(void)text_buf_add_c(out, "~stream");
		(void)text_buf_byte(out, ' ');
	}
	text_buf_add_visible(out, exclusion->reason);
	(void)text_buf_byte(out, '\n');
}

static size_t wider(size_t columns, const struct target *target)
{
	size_t own = size_min(text_columns(target->name), TARGET_WIDEST);

	return own > columns ? own : columns;
}

static size_t widest(const struct router_decision *decision)
{
	size_t columns = 0;

	for (size_t i = 0; i < decision->count; i++)
		columns = wider(columns, decision->candidates[i].target);
	for (size_t i = 0; i < decision->exclusion_count; i++)
		columns = wider(columns, decision->exclusions[i].target);
	return columns;
}

void report_decision(const struct router *router, const struct router_request *request,
                     const struct router_decision *decision, struct text_buf *out)
{
	struct arena arena = {0};
	size_t columns = widest(decision);

	add_head(router, request, decision, &arena, out);
	(void)text_buf_add_c(out, decision->count == 0 ? "\nno target may serve it\n"
	                                               : "\ntried in this order\n");
	for (size_t i = 0; i < decision->count; i++) {
		(void)text_buf_format(out, "%3zu  ", i + 1);
		add_target(out, decision->candidates[i].target->name, columns, &arena);
		add_candidate(router, request, &decision->candidates[i], &arena, out);
	}
	if (decision->exclusion_count > 0)
		(void)text_buf_add_c(out, "\nexcluded\n");
	for (size_t i = 0; i < decision->exclusion_count; i++) {
		(void)text_buf_add_c(out, "     ");
		add_target(out, decision->exclusions[i].target->name, columns, &arena);
		add_exclusion(&decision->exclusions[i], out);
	}
	arena_done(&arena);
}
