/*
 * GitLab's code quality report: what does not pass, as findings at the config file. GitLab shows
 * in a merge request what is in its report and not in the target branch's, told by fingerprint;
 * so that is made of target, case and variant alone.
 */
#include "reports/report.h"

#include "harness/base/digest.h"
#include "harness/base/json_write.h"
#include "reports/report_changes.h"

#include <inttypes.h>

enum { DESCRIPTION_COLUMNS = 2000 };

static const char *severity_of(const struct matrix_cell *cell, enum report_effect effect)
{
	if (effect == REPORT_FAILS)
		return cell->severity == CASE_GATE ? "critical" : "major";
	return effect == REPORT_NO_VERDICT ? "minor" : "info";
}

/* SHA-256 in hex; a NUL is in no name. */
static struct text fingerprint(const struct matrix_cell *cell, struct arena *arena)
{
	unsigned char hash[DIGEST_BYTES];
	struct text hex = TEXT("");
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, cell->target);
	digest_add(&digest, (struct text){"\0", 1});
	digest_add(&digest, report_cell_label(cell, arena));
	digest_done(&digest, hash);
	for (size_t i = 0; i < DIGEST_BYTES; i++)
		hex = text_format(arena, "%.*s%02x", TEXT_ARG(hex), (unsigned)hash[i]);
	return hex;
}

/* "lab/m TC-10: gate FAIL, 0 of 3 ok; regressed since the baseline: why", nothing of it raw. */
static void write_description(struct json_writer *writer, const struct matrix_cell *cell,
                              const struct cell_change *change, struct arena *arena)
{
	struct text label = report_cell_label(cell, arena);
	struct text rate = report_rate_words(cell, arena);
	struct text words = text_format(arena, "%.*s %.*s: %s %s, %.*s", TEXT_ARG(cell->target),
	                                TEXT_ARG(label), case_severity_names[cell->severity],
	                                report_verdict_word(cell->verdict), TEXT_ARG(rate));

	if (change != NULL) {
		struct text note = report_change_note(change, arena);
		words = text_format(arena, "%.*s; %s since the baseline%s%.*s", TEXT_ARG(words),
		                    change_name(change->change), note.len > 0 ? "; " : "",
		                    TEXT_ARG(note));
	}
	if (cell->first_error.len > 0)
		words =
		    text_format(arena, "%.*s: %.*s", TEXT_ARG(words), TEXT_ARG(cell->first_error));
	json_write_member(writer, "description", text_visible(arena, words, DESCRIPTION_COLUMNS));
}

void report_codequality(const struct matrix *matrix, const struct report_context *context,
                        struct text_buf *out)
{
	struct json_writer writer;
	struct arena arena = {0};

	json_writer_init(&writer, out, false);
	json_write_array(&writer);
	for (size_t i = 0; i < matrix->count; i++) {
		const struct matrix_cell *cell = &matrix->cells[i];
		if (cell->verdict == VERDICT_PASS)
			continue;
		json_write_object(&writer);
		write_description(&writer, cell, report_cell_change(cell, context), &arena);
		json_write_member(&writer, "check_name", report_cell_label(cell, &arena));
		json_write_member(&writer, "fingerprint", fingerprint(cell, &arena));
		json_write_member_c(&writer, "severity",
		                    severity_of(cell, report_cell_effect(cell, context)));
		json_write_key(&writer, "location");
		json_write_object(&writer);
		struct text file = TEXT("proviso.yaml");
		unsigned line = 1;
		(void)!report_cell_place(cell, context, &file, &line);
		json_write_member(&writer, "path", file);
		json_write_key(&writer, "lines");
		json_write_object(&writer);
		json_write_member_int(&writer, "begin", line);
		json_write_object_end(&writer);
		json_write_object_end(&writer);
		json_write_object_end(&writer);
		arena_reset(&arena);
	}
	json_write_array_end(&writer);
	(void)text_buf_byte(out, '\n');
	arena_done(&arena);
}
