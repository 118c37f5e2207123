/* The false alarms of a suite, for a terminal and for programs; see report_calibration.h. */
#include "reports/report_calibration.h"

#include "harness/base/json_write.h"
#include "reports/report_changes.h"

#include <math.h>

/* --- terminal --- */

static void add_share(struct text_buf *out, const char *word, const struct calibration_share *share,
                      const char *meaning)
{
	if (isnan(share->rate))
		(void)text_buf_format(out, "%-9s  %5zu  %22s  %s\n", word, share->cells, "",
		                      meaning);
	else
		(void)text_buf_format(out, "%-9s  %5zu  %6.2f %% (%5.2f..%6.2f)  %s\n", word,
		                      share->cells, share->rate * 100, share->rate_low * 100,
		                      share->rate_high * 100, meaning);
}

static bool is_listed(const struct cell_change *change)
{
	return calibration_flapped(change) ||
	       (calibration_compared(change) && (int)change->change < CALIBRATION_KINDS);
}

static void add_cell(const struct cell_change *change, struct arena *arena, struct text_buf *out)
{
	const struct matrix_cell *cell = change_cell(change);

	(void)text_buf_format(out, "  %-9s  ", change_name(change->change));
	text_buf_add_visible(out, cell->target);
	(void)text_buf_add_c(out, "  ");
	text_buf_add_visible(out, report_change_label(change, arena));
	(void)text_buf_format(out, "  %s  ", case_severity_names[cell->severity]);
	(void)text_buf_add(out, report_change_side(change->base, arena));
	(void)text_buf_add_c(out, " -> ");
	(void)text_buf_add(out, report_change_side(change->head, arena));
	struct text remark = report_change_remark(change, arena);
	if (remark.len > 0)
		(void)text_buf_add_c(out, "  ");
	text_buf_add_visible(out, remark);
	(void)text_buf_byte(out, '\n');
}

static void add_cells(const struct comparison *comparison, struct text_buf *out)
{
	struct arena arena = {0};
	bool any = false;

	for (int kind = 0; kind < CHANGE_COUNT; kind++)
		for (size_t i = 0; i < comparison->count; i++) {
			const struct cell_change *change = &comparison->changes[i];
			if ((int)change->change != kind || !is_listed(change))
				continue;
			if (!any)
				(void)text_buf_add_c(
				    out,
				    "\nOf the same questions, the first time -> the second:\n");
			any = true;
			add_cell(change, &arena, out);
			arena_reset(&arena);
		}
	arena_done(&arena);
}

void report_calibration_terminal(const struct calibration *calibration,
                                 const struct comparison *comparison,
                                 const struct report_terminal_options *options,
                                 struct text_buf *out)
{
	static const char *const meanings[CALIBRATION_KINDS] = {
	    [CHANGE_REGRESSED] = "false regressions",
	    [CHANGE_LIKELY] = "gates nothing",
	    [CHANGE_WATCH] = "gates nothing",
	};

	(void)text_buf_format(out, "Asked twice: %zu cells, %zu compared", calibration->cells,
	                      calibration->compared);
	if (calibration->compared < calibration->cells)
		(void)text_buf_format(out, " (no evidence in both runs for %zu)",
		                      calibration->cells - calibration->compared);
	(void)text_buf_add_c(out, "\n\nalarm      cells   share (95 % interval)\n");
	for (int kind = 0; kind < CALIBRATION_KINDS; kind++)
		add_share(out, change_name((enum change)kind), &calibration->alarms[kind],
		          meanings[kind]);
	add_share(out, "flapped", &calibration->flapped, "another verdict, better or worse");
	add_cells(comparison, out);
	if (calibration->compared == 0)
		(void)text_buf_add_c(out, "\nNothing could be compared.\n");
	else if (calibration->gating == 0)
		(void)text_buf_add_c(
		    out, "\nIt holds: no gate or required cell regressed, as stated.\n");
	else
		(void)text_buf_format(out,
		                      "\n%s%zu false regression%s in gate or required cells%s: "
		                      "these cells are noisier "
		                      "than the rules allow for.\n",
		                      options->colour ? "\x1b[31m" : "", calibration->gating,
		                      calibration->gating == 1 ? "" : "s",
		                      options->colour ? "\x1b[0m" : "");
}

/* --- JSON --- */

static void write_rate(struct json_writer *writer, const char *name, double value)
{
	json_write_key(writer, name);
	if (isnan(value))
		json_write_null(writer);
	else
		json_write_double(writer, value, 4);
}

static void write_share(struct json_writer *writer, const char *name,
                        const struct calibration_share *share)
{
	json_write_key(writer, name);
	json_write_object(writer);
	json_write_member_int(writer, "cells", (int64_t)share->cells);
	write_rate(writer, "rate", share->rate);
	write_rate(writer, "rate_low", share->rate_low);
	write_rate(writer, "rate_high", share->rate_high);
	json_write_object_end(writer);
}

void report_calibration_json(const struct calibration *calibration,
                             const struct comparison *comparison, struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member_bool(&writer, "holds",
	                       calibration->compared > 0 && calibration->gating == 0);
	json_write_member_int(&writer, "cells", (int64_t)calibration->cells);
	json_write_member_int(&writer, "compared", (int64_t)calibration->compared);
	json_write_member_int(&writer, "gating", (int64_t)calibration->gating);
	json_write_key(&writer, "alarms");
	json_write_object(&writer);
	for (int kind = 0; kind < CALIBRATION_KINDS; kind++)
		write_share(&writer, change_name((enum change)kind), &calibration->alarms[kind]);
	json_write_object_end(&writer);
	write_share(&writer, "flapped", &calibration->flapped);
	json_write_key(&writer, "comparison");
	report_changes_write(comparison, &writer);
	json_write_object_end(&writer);
	(void)text_buf_byte(out, '\n');
}
