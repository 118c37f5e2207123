/* A small matrix for the tests of the reports: two targets, one cell of each verdict and severity
 * that matters, and texts that mean something to every format. */
#ifndef PROVISO_TESTS_UNIT_REPORTS_SAMPLE_H
#define PROVISO_TESTS_UNIT_REPORTS_SAMPLE_H

#include "reports/report.h"
#include "tests/unit/unit.h"

#include <math.h>

/* What a hostile provider may say: markup of all formats, commands, controls, bidi, bad UTF-8. */
#define SAMPLE_HOSTILE                                                                             \
	"<script>alert(1)</script>\" onload='x' ]]> &amp; | `tick` @team\n::error::forged\r\n"     \
	"##[error]old \x1b[31mred\x07 \xe2\x80\xae"                                                \
	"rtl \xff\xfe \xef\xbf\xbe =1+1,%"

static struct text sample_vouches[] = {TEXT_INIT("chat"), TEXT_INIT("stream")};
static struct text sample_runs[] = {TEXT_INIT("20261121T101500Z-ab12cd")};
static struct matrix_cell sample_cells[8];

static inline struct matrix_cell sample_cell(const char *case_id, enum case_severity severity,
                                             enum verdict verdict, const char *reason)
{
	bool passes = verdict == VERDICT_PASS;
	struct matrix_cell cell = {
	    .target = TEXT("lab/qwen"),
	    .provider = TEXT("lab"),
	    .model = TEXT("qwen"),
	    .dialect = TEXT("openai"),
	    .case_id = text_of(case_id),
	    .capability = TEXT("chat"),
	    .class_ = CASE_STOCHASTIC,
	    .severity = severity,
	    .vouches = {sample_vouches, 2},
	    .verdict = verdict,
	    .rate = passes ? 1 : 0,
	    .rate_low = passes ? 0.2065 : 0,
	    .rate_high = passes ? 1 : 0.5615,
	    .run_id = sample_runs[0],
	    .suite_hash = TEXT("0123456789ab"),
	    .case_hash = TEXT("aaaaaaaaaaaa"),
	    .tested_wall_ms = INT64_C(1763719200000),
	    .evidence = TEXT("000001:0"),
	    .reported_model = TEXT("qwen"),
	    .first_error = text_of(reason),
	    .prompt_tokens = 10,
	    .completion_tokens = 2,
	    .cached_tokens = -1,
	    .reasoning_tokens = -1,
	    .cost_pico_usd = 1500000,
	    .ttft_p50_us = -1,
	    .ttft_p90_us = -1,
	    .latency_p50_us = 1250000,
	    .latency_p90_us = 2000000,
	    .tokens_per_second = (double)NAN,
	};
	cell.tally.of[passes ? OUTCOME_OK : OUTCOME_MISS] = passes ? 1 : 3;
	return cell;
}

/* Made anew by each call, so that a test may change it. */
static inline struct matrix sample_matrix(void)
{
	sample_cells[0] = sample_cell("CH-01", CASE_GATE, VERDICT_PASS, NULL);
	sample_cells[1] = sample_cell("CH-02", CASE_GATE, VERDICT_FAIL, SAMPLE_HOSTILE);
	sample_cells[2] = sample_cell("CH-02", CASE_REQUIRED, VERDICT_FLAKY, "1 of 3");
	sample_cells[2].variant = CASE_STREAM;
	sample_cells[3] = sample_cell("CH-03", CASE_ADVISORY, VERDICT_FAIL, "of no weight");
	sample_cells[4] = sample_cell("CH-04", CASE_GATE, VERDICT_ERROR, "connection refused");
	sample_cells[5] = sample_cell("CH-05", CASE_GATE, VERDICT_SKIPPED, "no context is known");
	sample_cells[5].latency_p50_us = sample_cells[5].cost_pico_usd = -1;
	sample_cells[6] = sample_cell("CH-01", CASE_GATE, VERDICT_PASS, NULL);
	sample_cells[7] = sample_cell("TC-10", CASE_REQUIRED, VERDICT_INCONCLUSIVE, "too few");
	sample_cells[7].capability = TEXT("tools");
	for (size_t i = 6; i < ARRAY_LENGTH(sample_cells); i++) {
		sample_cells[i].target = TEXT("other/m:1");
		sample_cells[i].provider = TEXT("other");
		sample_cells[i].model = TEXT("m:1");
	}
	return (struct matrix){
	    .suite_hash = TEXT("0123456789ab"),
	    .suite_cases = 6,
	    .runs = {sample_runs, 1},
	    .cells = sample_cells,
	    .count = ARRAY_LENGTH(sample_cells),
	};
}

static inline bool sample_holds(const struct text_buf *out, const char *part)
{
	return text_find(text_buf_view(out), text_of(part), 0) != TEXT_NOT_FOUND;
}

static inline size_t sample_count(const struct text_buf *out, const char *part)
{
	size_t count = 0;
	size_t at = 0;

	while ((at = text_find(text_buf_view(out), text_of(part), at)) != TEXT_NOT_FOUND) {
		count++;
		at += strlen(part);
	}
	return count;
}

#define assert_holds(out, part)                                                                    \
	ck_assert_msg(sample_holds((out), (part)), "no \"%s\" in: %.*s", (part),                   \
	              TEXT_ARG(text_slice(text_buf_view(out), 0, 6000)))
#define assert_lacks(out, part)                                                                    \
	ck_assert_msg(!sample_holds((out), (part)), "\"%s\" is in: %.*s", (part),                  \
	              TEXT_ARG(text_slice(text_buf_view(out), 0, 6000)))

/* No control bytes but line feeds and the carriage returns and tabs that are asked for; UTF-8
 * throughout; no bidi control. */
static inline void assert_clean(const struct text_buf *out, const char *allowed)
{
	struct text view = text_buf_view(out);

	ck_assert(text_is_utf8(view));
	for (size_t i = 0; i < view.len; i++) {
		unsigned char c = (unsigned char)view.data[i];
		ck_assert_msg(c >= 0x20 ? c != 0x7f : strchr(allowed, c) != NULL && c != 0,
		              "byte %02x at %zu", c, i);
	}
	assert_lacks(out, "\xe2\x80\xae");
}

#endif
