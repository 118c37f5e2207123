/* A comparison for programs: JSON and CSV, every cell; and the words all formats share. */
#include "reports/report_changes.h"

#include "harness/base/csv.h"
#include "harness/base/json_write.h"

#include <math.h>

struct text report_changes_counts(const struct comparison *comparison, struct arena *arena)
{
	struct text counts = TEXT("");

	for (int i = 0; i < CHANGE_COUNT; i++)
		if (comparison->of[i] > 0)
			counts = text_format(arena, "%.*s%s%zu %s", TEXT_ARG(counts),
			                     counts.len > 0 ? ", " : "", comparison->of[i],
			                     change_name((enum change)i));
	return counts.len > 0 ? counts : TEXT("nothing to compare");
}

struct text report_change_note(const struct cell_change *change, struct arena *arena)
{
	const struct config_waiver *waiver = change->waiver;

	if (waiver != NULL)
		return text_format(arena, "waived by %.*s until %.*s%s%.*s",
		                   TEXT_ARG(waiver->owner), TEXT_ARG(waiver->until),
		                   waiver->why.len > 0 ? ": " : "", TEXT_ARG(waiver->why));
	if (change->expired != NULL)
		return text_format(arena, "the waiver of %.*s ended %.*s",
		                   TEXT_ARG(change->expired->owner),
		                   TEXT_ARG(change->expired->until));
	if (change->change == CHANGE_REGRESSED && !change->gates)
		return TEXT("advisory: gates nothing");
	return TEXT("");
}

struct text report_change_remark(const struct cell_change *change, struct arena *arena)
{
	struct text note = report_change_note(change, arena);
	const char *between = note.len > 0 ? "; " : "";

	if (isnan(change->p_value))
		return note;
	/* No chance is none: the last digit that is shown bounds it. */
	if (change->p_value < 0.0001)
		return text_format(arena, "p < 0.0001%s%.*s", between, TEXT_ARG(note));
	return text_format(arena, "p %.4f%s%.*s", change->p_value, between, TEXT_ARG(note));
}

struct text report_change_side(const struct matrix_cell *cell, struct arena *arena)
{
	if (cell == NULL)
		return TEXT("-");
	return text_format(arena, "%s %lld/%lld", verdict_name(cell->verdict),
	                   (long long)cell->tally.of[OUTCOME_OK],
	                   (long long)tally_judged(&cell->tally));
}

struct text report_change_label(const struct cell_change *change, struct arena *arena)
{
	const struct matrix_cell *cell = change_cell(change);

	return text_format(arena, "%.*s%s", TEXT_ARG(cell->case_id),
	                   cell->variant == CASE_STREAM ? "~stream" : "");
}

/* --- JSON --- */

static void write_number(struct json_writer *writer, const char *name, double value, int decimals)
{
	json_write_key(writer, name);
	if (isnan(value))
		json_write_null(writer);
	else
		json_write_double(writer, value, decimals);
}

static void write_side(struct json_writer *writer, const char *name, const struct matrix_cell *cell)
{
	json_write_key(writer, name);
	if (cell == NULL) {
		json_write_null(writer);
		return;
	}
	json_write_object(writer);
	json_write_member_c(writer, "verdict", verdict_name(cell->verdict));
	json_write_member_int(writer, "ok", cell->tally.of[OUTCOME_OK]);
	json_write_member_int(writer, "judged", tally_judged(&cell->tally));
	write_number(writer, "rate", cell->rate, 4);
	write_number(writer, "rate_low", cell->rate_low, 4);
	write_number(writer, "rate_high", cell->rate_high, 4);
	json_write_member(writer, "case_hash", cell->case_hash);
	if (cell->evidence.len > 0)
		json_write_member(writer, "evidence", cell->evidence);
	if (cell->first_error.len > 0)
		json_write_member(writer, "first_error", cell->first_error);
	json_write_object_end(writer);
}

static void write_waiver(struct json_writer *writer, const struct cell_change *change)
{
	const struct config_waiver *waiver =
	    change->waiver != NULL ? change->waiver : change->expired;

	if (waiver == NULL)
		return;
	json_write_key(writer, "waiver");
	json_write_object(writer);
	json_write_member(writer, "owner", waiver->owner);
	json_write_member(writer, "until", waiver->until);
	json_write_member(writer, "why", waiver->why);
	json_write_member_bool(writer, "expired", change->waiver == NULL);
	json_write_object_end(writer);
}

static void write_change(struct json_writer *writer, const struct cell_change *change)
{
	const struct matrix_cell *cell = change_cell(change);

	json_write_object(writer);
	json_write_member(writer, "target", cell->target);
	json_write_member(writer, "case", cell->case_id);
	json_write_member_c(writer, "variant", case_variant_names[cell->variant]);
	json_write_member(writer, "capability", cell->capability);
	json_write_member_c(writer, "severity", case_severity_names[cell->severity]);
	json_write_member_c(writer, "change", change_name(change->change));
	json_write_member_bool(writer, "gates", change->gates);
	write_number(writer, "p_value", change->p_value, 6);
	write_side(writer, "base", change->base);
	write_side(writer, "head", change->head);
	write_waiver(writer, change);
	json_write_object_end(writer);
}

void report_changes_write(const struct comparison *comparison, struct json_writer *writer)
{
	json_write_object(writer);
	json_write_member_bool(writer, "holds", comparison->gating == 0);
	json_write_key(writer, "counts");
	json_write_object(writer);
	for (int i = 0; i < CHANGE_COUNT; i++)
		json_write_member_int(writer, change_name((enum change)i),
		                      (int64_t)comparison->of[i]);
	json_write_object_end(writer);
	json_write_member_int(writer, "gating", (int64_t)comparison->gating);
	json_write_member_int(writer, "waived", (int64_t)comparison->waived);
	json_write_key(writer, "changes");
	json_write_array(writer);
	for (size_t i = 0; i < comparison->count; i++)
		write_change(writer, &comparison->changes[i]);
	json_write_array_end(writer);
	json_write_object_end(writer);
}

void report_changes_json(const struct comparison *comparison, struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	report_changes_write(comparison, &writer);
	(void)text_buf_byte(out, '\n');
}

/* --- CSV --- */

static void write_csv_side(struct csv_writer *writer, const struct matrix_cell *cell)
{
	if (cell == NULL) {
		for (int i = 0; i < 4; i++)
			csv_write_unknown(writer);
		return;
	}
	csv_write_text(writer, text_of(verdict_name(cell->verdict)));
	csv_write_int(writer, cell->tally.of[OUTCOME_OK]);
	csv_write_int(writer, tally_judged(&cell->tally));
	csv_write_double(writer, cell->rate, 4);
}

static void write_row(struct csv_writer *writer, const struct cell_change *change,
                      struct arena *arena)
{
	const struct matrix_cell *cell = change_cell(change);

	csv_write_text(writer, cell->target);
	csv_write_text(writer, cell->case_id);
	csv_write_text(writer, text_of(case_variant_names[cell->variant]));
	csv_write_text(writer, cell->capability);
	csv_write_text(writer, text_of(case_class_names[cell->class_]));
	csv_write_text(writer, text_of(case_severity_names[cell->severity]));
	csv_write_text(writer, text_of(change_name(change->change)));
	csv_write_text(writer, change->gates ? TEXT("true") : TEXT("false"));
	write_csv_side(writer, change->base);
	write_csv_side(writer, change->head);
	csv_write_double(writer, change->p_value, 6);
	csv_write_text(writer, report_change_note(change, arena));
	csv_write_text(writer, change->head == NULL ? TEXT("") : change->head->first_error);
	csv_write_end_row(writer);
}

void report_changes_csv(const struct comparison *comparison, struct text_buf *out)
{
	static const char *const columns[] = {
	    "target", "case_id",      "variant", "capability",  "class",       "severity", "change",
	    "gates",  "base_verdict", "base_ok", "base_trials", "base_rate",   "verdict",  "ok",
	    "trials", "rate",         "p_value", "note",        "first_error",
	};
	struct csv_writer writer;
	struct arena arena = {0};

	csv_writer_init(&writer, out, true);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
		csv_write_text(&writer, text_of(columns[i]));
	csv_write_end_row(&writer);
	for (size_t i = 0; i < comparison->count; i++) {
		write_row(&writer, &comparison->changes[i], &arena);
		arena_reset(&arena);
	}
	arena_done(&arena);
}
