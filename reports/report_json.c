/* The matrix with its summary as one JSON document. */
#include "reports/report.h"

#include "harness/base/json_write.h"
#include "reports/report_changes.h"
#include "reports/report_claims.h"
#include "reports/report_quality.h"
#include "reports/report_repairs.h"

static void write_summaries(const struct matrix *matrix, struct json_writer *writer)
{
	struct arena arena = {0};
	size_t count;
	const struct matrix_summary *summaries = matrix_summarise(matrix, &arena, &count);

	json_write_key(writer, "capabilities");
	json_write_array(writer);
	for (size_t i = 0; i < count; i++) {
		const struct matrix_summary *summary = &summaries[i];
		json_write_object(writer);
		json_write_member(writer, "target", summary->target);
		json_write_member(writer, "capability", summary->capability);
		json_write_member_c(writer, "verdict", verdict_name(summary->verdict));
		json_write_member_bool(writer, "scored", summary->scored);
		json_write_member_int(writer, "passed", (int64_t)summary->passed);
		json_write_member_int(writer, "total", (int64_t)summary->total);
		if (summary->worst != NULL)
			json_write_member(writer, "worst", summary->worst->case_id);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
	arena_done(&arena);
}

/* What stands beside the cells, as one object. */
static void write_beside(const struct matrix *matrix, const struct report_context *context,
                         struct text_buf *out)
{
	struct arena arena = {0};
	struct report_claims claims = report_claims_of(matrix, context, &arena);
	struct report_repairs repairs = report_repairs_of(matrix, &arena);
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	write_summaries(matrix, &writer);
	report_quality_write(matrix, &writer);
	if (context != NULL && context->comparison != NULL) {
		json_write_key(&writer, "baseline");
		report_changes_write(context->comparison, &writer);
	}
	if (claims.count > 0) {
		json_write_key(&writer, "claims");
		report_claims_write(&claims, &writer);
	}
	if (repairs.count > 0) {
		json_write_key(&writer, "repairs");
		report_repairs_write(&repairs, &writer);
	}
	json_write_object_end(&writer);
	arena_done(&arena);
}

/* The matrix file with more members: what reads a matrix reads this report, too. */
void report_json(const struct matrix *matrix, const struct report_context *context,
                 struct text_buf *out)
{
	struct text_buf file, beside;

	text_buf_init(&file, REPORT_MAX_BYTES);
	text_buf_init(&beside, REPORT_MAX_BYTES);
	matrix_write_json(matrix, &file);
	write_beside(matrix, context, &beside);
	struct text cells = text_trim(text_buf_view(&file));
	struct text more = text_buf_view(&beside);
	(void)text_buf_add(out, text_slice(cells, 0, cells.len - 1)); /* both are objects */
	(void)text_buf_add(out, TEXT(",\n"));
	(void)text_buf_add(out, text_slice(more, 1, more.len));
	(void)text_buf_byte(out, '\n');
	text_buf_done(&file);
	text_buf_done(&beside);
}
