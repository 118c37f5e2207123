/* Availability for people; see report_availability.h. */
#include "reports/report_availability.h"

#include "reports/markdown.h"
#include "reports/report.h"

#include <inttypes.h>

struct text report_availability_share(const struct availability *availability, struct arena *arena)
{
	int64_t attempts = availability_attempts(availability);
	/* Counts are at most 2^30 each: no overflow. */
	int64_t tenths = attempts == 0 ? 0 : availability->answered * 1000 / attempts;

	return text_format(arena, "%" PRId64 ".%" PRId64 " %%", tenths / 10, tenths % 10);
}

struct text report_availability_infra(const struct availability *availability, struct arena *arena)
{
	struct text words = TEXT("");

	for (int kind = 0; kind < INFRA_KIND_COUNT; kind++)
		if (availability->infra[kind] > 0)
			words = text_format(
			    arena, "%.*s%s%s: %" PRId64, TEXT_ARG(words), words.len > 0 ? ", " : "",
			    infra_kind_name((enum infra_kind)kind), availability->infra[kind]);
	return words;
}

struct text report_availability_run(const struct matrix *matrix,
                                    const struct availability *availability, struct arena *arena)
{
	if (matrix->runs.count < 2 || availability->run_id.len == 0)
		return TEXT("");
	return text_format(arena, " (run %.*s)", TEXT_ARG(availability->run_id));
}

static bool is_whole(const struct availability *availability)
{
	return availability->answered == availability_attempts(availability);
}

void report_availability_terminal(const struct matrix *matrix, struct text_buf *out)
{
	struct arena arena = {0};
	int64_t answered = 0;
	size_t whole = 0;

	if (matrix->availability_count == 0)
		return;
	(void)text_buf_add_c(out, "Availability:\n");
	for (size_t i = 0; i < matrix->availability_count; i++) {
		const struct availability *counts = &matrix->availability[i];
		/* Of several runs, each target's own must be named. */
		if (is_whole(counts) && matrix->runs.count < 2) {
			whole++;
			answered += counts->answered;
			continue;
		}
		struct text share = report_availability_share(counts, &arena);
		struct text infra = report_availability_infra(counts, &arena);
		(void)text_buf_add_c(out, "  ");
		report_add_log_text(out, counts->target);
		(void)text_buf_format(out, "  %.*s of %" PRId64 " attempts answered%s%.*s",
		                      TEXT_ARG(share), availability_attempts(counts),
		                      infra.len > 0 ? "; " : "", TEXT_ARG(infra));
		report_add_log_text(out, report_availability_run(matrix, counts, &arena));
		(void)text_buf_byte(out, '\n');
	}
	if (whole > 0)
		(void)text_buf_format(out, "  %s%zu target%s: all %" PRId64 " attempts answered\n",
		                      whole < matrix->availability_count ? "the other " : "", whole,
		                      whole == 1 ? "" : "s", answered);
	(void)text_buf_byte(out, '\n');
	arena_done(&arena);
}

void report_availability_markdown(const struct matrix *matrix, struct text_buf *out)
{
	struct arena arena = {0};

	if (matrix->availability_count == 0)
		return;
	(void)text_buf_add_c(out, "\n### Availability\n\n"
	                          "| target | answered | attempts | infrastructure | run |\n"
	                          "|---|---|---|---|---|\n");
	for (size_t i = 0; i < matrix->availability_count; i++) {
		const struct availability *counts = &matrix->availability[i];
		struct text share = report_availability_share(counts, &arena);
		struct text infra = report_availability_infra(counts, &arena);
		(void)text_buf_add_c(out, "| ");
		markdown_add(out, counts->target);
		(void)text_buf_format(out, " | %.*s | %" PRId64 " | %.*s | ", TEXT_ARG(share),
		                      availability_attempts(counts), TEXT_ARG(infra));
		markdown_add(out, counts->run_id);
		(void)text_buf_add_c(out, " |\n");
	}
	arena_done(&arena);
}
