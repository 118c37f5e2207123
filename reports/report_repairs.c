/* See report_repairs.h. */
#include "reports/report_repairs.h"

#include "harness/base/json_write.h"

static bool is_mended(const struct matrix_cell *cell)
{
	return cell->verdict != VERDICT_PASS && cell->repairs != 0 &&
	       cell->repaired_verdict == VERDICT_PASS;
}

struct report_repairs report_repairs_of(const struct matrix *matrix, struct arena *arena)
{
	struct report_repair *items = ARENA_NEW_ARRAY(arena, struct report_repair, matrix->count);
	struct report_repairs found = {items, 0};
	size_t at = 0;

	/* Cells come by target. */
	while (at < matrix->count) {
		struct report_repair repair = {.target = matrix->cells[at].target};
		for (; at < matrix->count && text_equal(matrix->cells[at].target, repair.target);
		     at++) {
			const struct matrix_cell *cell = &matrix->cells[at];
			if (is_mended(cell)) {
				repair.repairs |= cell->repairs;
				repair.mended++;
			} else if (cell->verdict != VERDICT_PASS && matrix_cell_counts(cell)) {
				repair.left++;
			}
		}
		if (repair.mended > 0)
			items[found.count++] = repair;
	}
	return found;
}

struct text report_repaired_words(const struct matrix_cell *cell, struct arena *arena)
{
	if (cell->repairs == 0 || cell->verdict == VERDICT_PASS)
		return (struct text){NULL, 0};
	struct text names = repair_names(cell->repairs, arena);
	bool helps = cell->repaired_verdict == VERDICT_PASS;
	return text_format(arena, "%s%s by %.*s", helps ? "" : "still ",
	                   report_verdict_word(cell->repaired_verdict), TEXT_ARG(names));
}

struct text report_repair_words(const struct report_repair *repair, struct arena *arena)
{
	struct text names = repair_names(repair->repairs, arena);
	struct text left = TEXT("and it would pass");

	if (repair->left > 0)
		left = text_format(arena, "%zu would still fail", repair->left);
	return text_format(arena, "%.*s would mend %zu cell%s, %.*s", TEXT_ARG(names),
	                   repair->mended, repair->mended == 1 ? "" : "s", TEXT_ARG(left));
}

void report_repairs_write(const struct report_repairs *repairs, struct json_writer *writer)
{
	json_write_array(writer);
	for (size_t i = 0; i < repairs->count; i++) {
		const struct report_repair *repair = &repairs->items[i];
		json_write_object(writer);
		json_write_member(writer, "target", repair->target);
		json_write_key(writer, "repairs");
		json_write_array(writer);
		for (int r = 0; r < REPAIR_COUNT; r++)
			if ((repair->repairs & REPAIR_BIT(r)) != 0)
				json_write_string(writer, text_of(repair_name((enum repair)r)));
		json_write_array_end(writer);
		json_write_member_int(writer, "mended", (int64_t)repair->mended);
		json_write_member_int(writer, "left", (int64_t)repair->left);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}
