/*
 * GitHub Actions reads a job's log for commands and two files for more: a Markdown summary, and
 * outputs that later steps use. Both are added to, for other tools of the step write there too.
 */
#include "harness/cli/ci_output.h"

#include "harness/base/digest.h"
#include "harness/run/matrix/baseline.h"

#include <errno.h>
#include <stdlib.h>

/* In one write, never replaced. */
static bool append(const char *path, struct text body, const char *what, struct fault *fault)
{
	FILE *file = fopen(path, "ab");

	if (file == NULL)
		return fault_system(fault, errno, "opening %s %s", what, path);
	bool written = fwrite(body.data, 1, body.len, file) == body.len;
	int reason = errno;
	if (fclose(file) != 0 && written) {
		written = false;
		reason = errno;
	}
	return written || fault_system(fault, reason, "writing %s %s", what, path);
}

/* The end mark is random: no value can hold it and go on with an output of its own. */
static void add_output(struct text_buf *out, const char *name, struct text value)
{
	unsigned char mark[16];

	random_bytes(mark, sizeof(mark));
	(void)text_buf_format(out, "%s<<", name);
	for (int twice = 0; twice < 2; twice++) {
		(void)text_buf_add_c(out, "proviso-");
		for (size_t i = 0; i < sizeof(mark); i++)
			(void)text_buf_format(out, "%02x", (unsigned)mark[i]);
		(void)text_buf_byte(out, '\n');
		if (twice == 0 && value.len > 0) {
			(void)text_buf_add(out, value);
			(void)text_buf_byte(out, '\n');
		}
	}
}

static void add_count(struct text_buf *out, const char *name, size_t count)
{
	struct arena arena = {0};

	add_output(out, name, text_format(&arena, "%zu", count));
	arena_done(&arena);
}

static void add_outputs(const struct matrix *matrix, const struct report_context *context,
                        const char *run_folder, struct text_buf *out)
{
	size_t passing = 0;
	size_t failing = 0;
	size_t unknown = 0;

	for (size_t i = 0; i < matrix->count; i++) {
		enum report_effect effect = report_cell_effect(&matrix->cells[i], context);
		passing += matrix->cells[i].verdict == VERDICT_PASS;
		failing += effect == REPORT_FAILS;
		unknown += effect == REPORT_NO_VERDICT;
	}
	add_count(out, "cells", matrix->count);
	add_count(out, "passing", passing);
	add_count(out, "failing", failing);
	add_count(out, "without-verdict", unknown);
	if (context->comparison == NULL)
		add_output(out, "regressed", TEXT(""));
	else
		add_count(out, "regressed", context->comparison->gating);
	add_output(out, "run", text_of(run_folder));
}

static const char *file_of(const char *variable)
{
	const char *path = getenv(variable);
	return path == NULL || *path == '\0' ? NULL : path;
}

bool ci_is_github(void)
{
	const char *actions = getenv("GITHUB_ACTIONS");

	return actions != NULL && strcmp(actions, "true") == 0;
}

bool ci_tell(struct text annotations, struct text summary, struct fault *fault)
{
	const char *path = file_of("GITHUB_STEP_SUMMARY");

	(void)fwrite(annotations.data, 1, annotations.len, stderr);
	return path == NULL || append(path, summary, "the step summary", fault);
}

bool ci_output(const struct matrix *matrix, const struct report_context *context,
               const char *run_folder, struct fault *fault)
{
	const char *summary = file_of("GITHUB_STEP_SUMMARY");
	const char *outputs = file_of("GITHUB_OUTPUT");
	bool written = true;
	struct text_buf out;

	if (!ci_is_github())
		return true;
	text_buf_init(&out, REPORT_MAX_BYTES);
	report_github(matrix, context, &out);
	(void)fwrite(text_buf_view(&out).data, 1, out.len, stderr);
	if (summary != NULL) {
		text_buf_reset(&out);
		report_github_summary(matrix, context, &out);
		written = append(summary, text_buf_view(&out), "the step summary", fault);
	}
	if (written && outputs != NULL) {
		text_buf_reset(&out);
		add_outputs(matrix, context, run_folder, &out);
		written = append(outputs, text_buf_view(&out), "the step's outputs", fault);
	}
	text_buf_done(&out);
	return written;
}
