/*
 * What a config claims of a model, against what was measured. A claim is refuted by a cell that
 * vouches for the feature and is proven bad, proven where such cells pass and none is left without
 * a verdict, else unproven. Of the cells that vouch for it those count that vouch for least beside
 * it: a broken named tool_choice refutes that, not all tools. Streamed cells speak for streaming,
 * and for a feature only where nothing else does: a broken stream refutes `stream`, not all that
 * was streamed.
 */
#include "reports/report_claims.h"

#include "cases/feature.h"

const char *claim_state_name(enum claim_state state)
{
	static const char *const names[] = {"proven", "refuted", "unproven"};

	return names[state];
}

static bool vouches_for(const struct matrix_cell *cell, struct text feature)
{
	for (size_t i = 0; i < cell->vouches.count; i++)
		if (text_equal(cell->vouches.items[i], feature))
			return true;
	return false;
}

/* Takes a cell into account. */
static void weigh(struct report_claim *claim, const struct matrix_cell *cell, size_t *unknown)
{
	switch (cell->verdict) {
	case VERDICT_PASS:
		claim->passing++;
		break;
	case VERDICT_FAIL:
	case VERDICT_UNSUPPORTED:
	case VERDICT_IGNORED:
		if (claim->against == NULL ||
		    report_cell_rank(cell) < report_cell_rank(claim->against))
			claim->against = cell;
		break;
	case VERDICT_FLAKY:
	case VERDICT_INCONCLUSIVE:
	case VERDICT_ERROR:
	case VERDICT_SKIPPED:
	case VERDICT_STALE:
	case VERDICT_COUNT:
		*unknown += cell->severity != CASE_ADVISORY;
		break;
	}
	claim->asked++;
}

static bool speaks_for(const struct matrix_cell *cell, const struct report_claim *claim,
                       bool streamed)
{
	return text_equal(cell->target, claim->target) &&
	       (cell->variant == CASE_STREAM) == streamed && vouches_for(cell, claim->feature);
}

static size_t least_vouched(const struct matrix *matrix, const struct report_claim *claim,
                            bool streamed)
{
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < matrix->count; i++)
		if (speaks_for(&matrix->cells[i], claim, streamed))
			least = size_min(least, matrix->cells[i].vouches.count);
	return least;
}

static void judge(struct report_claim *claim, const struct matrix *matrix)
{
	bool about_streams = text_starts(claim->feature, TEXT("stream"));
	size_t unknown = 0;

	for (int streamed = about_streams ? 1 : 0; streamed < 2 && claim->asked == 0; streamed++) {
		size_t least = least_vouched(matrix, claim, streamed == 1);
		for (size_t i = 0; i < matrix->count; i++)
			if (speaks_for(&matrix->cells[i], claim, streamed == 1) &&
			    matrix->cells[i].vouches.count == least)
				weigh(claim, &matrix->cells[i], &unknown);
	}
	claim->state = claim->against != NULL               ? CLAIM_REFUTED
	               : claim->passing > 0 && unknown == 0 ? CLAIM_PROVEN
	                                                    : CLAIM_UNPROVEN;
}

/* Targets that the matrix does not have were not asked: nothing to set against the claim. */
static bool is_asked(const struct matrix *matrix, struct text target)
{
	for (size_t i = 0; i < matrix->count; i++)
		if (text_equal(matrix->cells[i].target, target))
			return true;
	return false;
}

static void add_model(struct report_claims *claims, const struct matrix *matrix,
                      const struct provider *provider, const struct provider_model *model,
                      struct arena *arena)
{
	struct text target =
	    text_format(arena, "%.*s/%.*s", TEXT_ARG(provider->name), TEXT_ARG(model->name));

	for (size_t i = 0; is_asked(matrix, target) && i < model->features.count; i++) {
		struct report_claim *claim = &claims->items[claims->count++];
		claim->target = target;
		claim->claim = model->features.items[i];
		claim->feature = feature_of_claim(claim->claim);
		if (claim->feature.data == NULL)
			claim->feature = claim->claim;
		judge(claim, matrix);
	}
}

struct report_claims report_claims_of(const struct matrix *matrix,
                                      const struct report_context *context, struct arena *arena)
{
	const struct provider_set *providers = context == NULL ? NULL : context->providers;
	struct report_claims claims = {0};
	size_t most = 0;

	for (size_t p = 0; providers != NULL && p < providers->count; p++)
		for (size_t m = 0; m < providers->items[p].model_count; m++)
			most += providers->items[p].models[m].features.count;
	if (most == 0)
		return claims;
	claims.items = ARENA_NEW_ARRAY(arena, struct report_claim, most);
	for (size_t p = 0; p < providers->count; p++)
		for (size_t m = 0; m < providers->items[p].model_count; m++)
			add_model(&claims, matrix, &providers->items[p],
			          &providers->items[p].models[m], arena);
	return claims;
}

void report_claims_write(const struct report_claims *claims, struct json_writer *writer)
{
	struct arena arena = {0};

	json_write_array(writer);
	for (size_t i = 0; i < claims->count; i++) {
		const struct report_claim *claim = &claims->items[i];
		json_write_object(writer);
		json_write_member(writer, "target", claim->target);
		json_write_member(writer, "claim", claim->claim);
		json_write_member(writer, "feature", claim->feature);
		json_write_member_c(writer, "state", claim_state_name(claim->state));
		json_write_member_int(writer, "passing", (int64_t)claim->passing);
		json_write_member_int(writer, "asked", (int64_t)claim->asked);
		if (claim->against != NULL)
			json_write_member(writer, "against",
			                  report_cell_label(claim->against, &arena));
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
	arena_done(&arena);
}

void report_claims_markdown(const struct report_claims *claims, struct text_buf *out)
{
	struct arena arena = {0};

	(void)text_buf_add_c(out, "\n### Claimed against measured\n\n"
	                          "| target | claimed | measured | cells passing | against |\n"
	                          "|---|---|---|---|---|\n");
	for (size_t i = 0; i < claims->count; i++) {
		const struct report_claim *claim = &claims->items[i];
		(void)text_buf_add_c(out, "| ");
		markdown_add(out, claim->target);
		(void)text_buf_add_c(out, " | ");
		markdown_add(out, claim->claim);
		(void)text_buf_format(out, " | %s | %zu of %zu | ", claim_state_name(claim->state),
		                      claim->passing, claim->asked);
		if (claim->against != NULL)
			markdown_add(out, report_cell_label(claim->against, &arena));
		(void)text_buf_add_c(out, " |\n");
	}
	arena_done(&arena);
}

void html_add_claims(struct html_page *page)
{
	/* Colours that mean good, bad and unsure, under the words that say so. */
	static const char *const classes[] = {"pass", "fail", "inconclusive"};
	struct report_claims claims = report_claims_of(page->matrix, page->context, page->arena);

	if (claims.count == 0)
		return;
	(void)text_buf_add_c(
	    page->out, "<section id=claims><h2>Claimed against measured</h2><div class=scroll>"
		       "<table><thead><tr><th scope=col>target<th scope=col>claimed<th "
		       "scope=col>measured<th scope=col>cells passing<th scope=col>against"
		       "</tr></thead><tbody>\n");
	for (size_t i = 0; i < claims.count; i++) {
		const struct report_claim *claim = &claims.items[i];
		(void)text_buf_add_c(page->out, "<tr><th scope=row>");
		html_add_text(page->out, claim->target);
		(void)text_buf_add_c(page->out, "</th><td>");
		html_add_text(page->out, claim->claim);
		(void)text_buf_format(page->out,
		                      "<td><span class=\"v %s\">%s</span><td>%zu of %zu<td>",
		                      classes[claim->state], claim_state_name(claim->state),
		                      claim->passing, claim->asked);
		if (claim->against != NULL)
			html_add_text(page->out, report_cell_label(claim->against, page->arena));
		(void)text_buf_add_c(page->out, "</tr>\n");
	}
	(void)text_buf_add_c(page->out, "</tbody></table></div></section>\n");
}
