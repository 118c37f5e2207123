/* Matrices: built from attempts, written and read back, merged, summed up. */
#include "harness/run/matrix.h"

#include "cases/suite.h"
#include "harness/run/plan.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <unistd.h>

static struct arena arena;
static struct matrix_builder *builder;

static struct text vouches[] = {TEXT_INIT("chat"), TEXT_INIT("stream")};

static struct eval_case eval_cases[] = {
    {.id = TEXT_INIT("CH-01"),
     .capability = TEXT_INIT("chat"),
     .class_ = CASE_DETERMINISTIC,
     .severity = CASE_GATE,
     .vouches = {vouches, 2},
     .variants = {true, true},
     .probe = 0,
     .hash = "aaaaaaaaaaaa"},
    {.id = TEXT_INIT("CH-02"),
     .capability = TEXT_INIT("chat"),
     .class_ = CASE_STOCHASTIC,
     .severity = CASE_REQUIRED,
     .variants = {true, true},
     .probe = 0,
     .hash = "bbbbbbbbbbbb"},
    {.id = TEXT_INIT("TC-10"),
     .capability = TEXT_INIT("tools"),
     .class_ = CASE_STOCHASTIC,
     .severity = CASE_ADVISORY,
     .variants = {true, false},
     .probe = 2,
     .hash = "cccccccccccc"},
};
static struct suite suite = {.cases = eval_cases, .count = 3, .hash = "0123456789ab"};

/* suite_find reads an index that suite_load makes: these tests bring their own plan instead. */
static struct provider provider = {.name = TEXT_INIT("lab"), .dialect = &dialect_openai};
static struct target target = {.provider = &provider, .name = TEXT_INIT("lab/qwen/3")};
static struct plan_cell planned[] = {
    {&target, &eval_cases[0], CASE_SYNC, 0, {NULL, 0}, {{0}}},
    {&target, &eval_cases[0], CASE_STREAM, 1, {NULL, 0}, {{0}}},
    {&target, &eval_cases[1], CASE_SYNC, 0, {NULL, 0}, {{0}}},
    {&target, &eval_cases[2], CASE_SYNC, PLAN_NO_PROBE, TEXT_INIT("no context is known"), {{0}}},
};
static struct plan plan = {
    .targets = &target, .target_count = 1, .cells = planned, .cell_count = 4};

static void set_up(void)
{
	const struct journal_head head = {.run_id = TEXT("20261121T101500Z-ab12cd"),
	                                  .suite_hash = TEXT("0123456789ab"),
	                                  .seed = TEXT("s")};

	builder = matrix_builder_new(&suite, &plan);
	matrix_builder_head(builder, &head);
}

static void tear_down(void)
{
	matrix_builder_free(builder);
	arena_done(&arena);
}

static struct journal_attempt attempt_of(const char *case_id, enum outcome outcome)
{
	struct journal_attempt attempt = {.target = TEXT("lab/qwen/3"),
	                                  .case_id = text_of(case_id),
	                                  .variant = TEXT("sync"),
	                                  .trial = 1,
	                                  .attempt = 1,
	                                  .outcome = outcome,
	                                  .ends_trial = true,
	                                  .evidence = TEXT("000001:0"),
	                                  .end = TEXT("complete"),
	                                  .at_wall_ms = 1795255200000,
	                                  .status = 200,
	                                  .prompt_tokens = -1,
	                                  .cached_tokens = -1,
	                                  .completion_tokens = -1,
	                                  .reasoning_tokens = -1,
	                                  .cost_pico_usd = -1,
	                                  .ttft_us = -1,
	                                  .latency_us = -1,
	                                  .score_ppm = -1};

	for (size_t i = 0; i < suite.count; i++)
		if (text_is(suite.cases[i].id, case_id))
			attempt.case_hash = text_of(suite.cases[i].hash);
	return attempt;
}

static void feed(const char *case_id, enum outcome outcome, const char *detail)
{
	struct journal_attempt attempt = attempt_of(case_id, outcome);

	attempt.detail = text_of(detail);
	matrix_builder_add(builder, &attempt);
}

static struct matrix finish(void)
{
	struct matrix matrix;

	matrix_builder_finish(builder, &arena, &matrix);
	return matrix;
}

static const struct matrix_cell *cell_of(const struct matrix *matrix, const char *case_id)
{
	const struct matrix_cell *cell =
	    matrix_find(matrix, TEXT("lab/qwen/3"), text_of(case_id), CASE_SYNC);

	ck_assert_ptr_nonnull(cell);
	return cell;
}

START_TEST(a_cell_says_what_its_attempts_say)
{
	struct journal_attempt first = attempt_of("CH-01", OUTCOME_INFRA);
	struct journal_attempt second = attempt_of("CH-01", OUTCOME_OK);

	first.ends_trial = false;
	first.owner = second.owner = true;
	first.status = 503;
	second.attempt = 2;
	second.evidence = TEXT("000001:400");
	second.reported_model = TEXT("qwen-3-turbo");
	second.prompt_tokens = 10;
	second.completion_tokens = 0;
	second.cost_pico_usd = 5000;
	second.cost_source = TEXT("computed");
	second.latency_us = 1000;
	matrix_builder_add(builder, &first);
	matrix_builder_add(builder, &second);
	struct matrix matrix = finish();
	const struct matrix_cell *cell = cell_of(&matrix, "CH-01");
	ck_assert_int_eq(cell->verdict, VERDICT_PASS);
	assert_text(cell->provider, "lab");
	assert_text(cell->model, "qwen/3"); /* split at the first slash */
	assert_text(cell->dialect, "openai");
	assert_text(cell->evidence, "000001:400");
	assert_text(cell->reported_model, "qwen-3-turbo");
	ck_assert_int_eq(cell->retries, 1);
	ck_assert_int_eq(tally_trials(&cell->tally), 1); /* a retried attempt is no trial */
	ck_assert_int_eq(cell->prompt_tokens, 10);
	ck_assert_int_eq(cell->completion_tokens, 0);
	ck_assert_int_eq(cell->cached_tokens, -1); /* unknown is not zero */
	ck_assert_int_eq(cell->cost_pico_usd, 5000);
	ck_assert_int_eq(cell->latency_p50_us, 1000);
	ck_assert_int_eq(cell->ttft_p50_us, -1);
	ck_assert(isnan(cell->tokens_per_second));
	ck_assert_ptr_null(cell->first_error.data);
	assert_text(cell->run_id, "20261121T101500Z-ab12cd");
}
END_TEST

START_TEST(tokens_and_cost_stand_where_they_were_asked_for)
{
	struct journal_attempt own = attempt_of("CH-01", OUTCOME_OK);
	struct journal_attempt served = attempt_of("CH-02", OUTCOME_OK);

	own.owner = true;
	own.prompt_tokens = 7;
	own.cost_pico_usd = 9;
	served.latency_us = 5;
	matrix_builder_add(builder, &own);
	matrix_builder_add(builder, &served);
	struct matrix matrix = finish();
	ck_assert_int_eq(cell_of(&matrix, "CH-01")->cost_pico_usd, 9);
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->cost_pico_usd, 0);
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->prompt_tokens, 0);
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->latency_p50_us, 5);
	/* Never asked: nothing is known of it. */
	ck_assert_int_eq(cell_of(&matrix, "TC-10")->cost_pico_usd, -1);
}
END_TEST

START_TEST(the_evidence_is_that_of_the_trial_that_decided)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);

	matrix_builder_add(builder, &attempt);
	attempt.outcome = OUTCOME_VIOLATION;
	attempt.detail = TEXT("no id");
	attempt.evidence = TEXT("000001:77");
	matrix_builder_add(builder, &attempt);
	attempt.detail = TEXT("no model");
	attempt.evidence = TEXT("000001:99");
	matrix_builder_add(builder, &attempt);
	struct matrix matrix = finish();
	const struct matrix_cell *cell = cell_of(&matrix, "CH-01");
	ck_assert_int_eq(cell->verdict, VERDICT_FLAKY);
	assert_text(cell->evidence, "000001:77");
	assert_text(cell->first_error, "no id");
}
END_TEST

START_TEST(what_was_not_asked_says_why)
{
	feed("CH-02", OUTCOME_UNRUN, "the key is not accepted (401)");
	struct matrix matrix = finish();
	ck_assert_uint_eq(matrix.count, 4);
	ck_assert_int_eq(cell_of(&matrix, "TC-10")->verdict, VERDICT_SKIPPED);
	assert_text(cell_of(&matrix, "TC-10")->first_error, "no context is known");
	ck_assert_int_eq(cell_of(&matrix, "CH-01")->verdict, VERDICT_SKIPPED);
	assert_text(cell_of(&matrix, "CH-01")->first_error, "the run ended before this was asked");
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->verdict, VERDICT_ERROR);
	assert_text(cell_of(&matrix, "CH-02")->first_error, "the key is not accepted (401)");
}
END_TEST

START_TEST(attempts_at_another_question_do_not_count)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);

	attempt.case_hash = TEXT("dddddddddddd");
	matrix_builder_add(builder, &attempt);
	struct matrix matrix = finish();
	ck_assert_int_eq(cell_of(&matrix, "CH-01")->verdict, VERDICT_SKIPPED);
}
END_TEST

START_TEST(quantiles_are_nearest_ranks)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);

	for (int64_t i = 10; i >= 1; i--) {
		attempt.latency_us = i * 100;
		attempt.ttft_us = i;
		matrix_builder_add(builder, &attempt);
	}
	struct matrix matrix = finish();
	const struct matrix_cell *cell = cell_of(&matrix, "CH-01");
	ck_assert_int_eq(cell->latency_p50_us, 500);
	ck_assert_int_eq(cell->latency_p90_us, 900);
	ck_assert_int_eq(cell->ttft_p50_us, 5);
	ck_assert_int_eq(cell->ttft_p90_us, 9);
}
END_TEST

START_TEST(a_hundred_thousand_attempts_cost_no_more_memory_than_a_thousand)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);
	char evidence[32];
	size_t held = 0;

	attempt.owner = true;
	attempt.prompt_tokens = 1;
	attempt.cost_pico_usd = 3;
	attempt.reported_model = TEXT("qwen");
	attempt.fates = TEXT("n honoured");
	for (int64_t i = 0; i < 100000; i++) {
		attempt.latency_us = i % 1000;
		int len = snprintf(evidence, sizeof(evidence), "000001:%lld", (long long)i);
		attempt.evidence = (struct text){evidence, (size_t)len};
		matrix_builder_add(builder, &attempt);
		if (i == MATRIX_MAX_SAMPLES)
			held = matrix_builder_held(builder);
	}
	struct matrix matrix = finish();
	const struct matrix_cell *cell = cell_of(&matrix, "CH-01");
	ck_assert_int_eq(cell->tally.of[OUTCOME_OK], 100000);
	ck_assert_int_eq(cell->prompt_tokens, 100000);
	ck_assert_int_eq(cell->cost_pico_usd, 300000);
	assert_text(cell->evidence, "000001:99999");
	/* A sample of all: far from either end. */
	ck_assert_int_gt(cell->latency_p50_us, 400);
	ck_assert_int_lt(cell->latency_p50_us, 600);
	ck_assert_uint_eq(matrix_builder_held(builder), held);
}
END_TEST

/* --- the file --- */

static struct text json_of(const struct matrix *matrix)
{
	struct text_buf out;

	text_buf_init(&out, 1 << 20);
	matrix_write_json(matrix, &out);
	struct text copy = text_copy(&arena, text_buf_view(&out));
	text_buf_done(&out);
	return copy;
}

static bool read_bytes(struct text bytes, struct matrix *out, struct fault *fault)
{
	char path[] = "/tmp/proviso-test-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	ck_assert(file_replace(path, bytes, 0644, fault));
	bool good = matrix_read(path, &arena, out, fault);
	(void)unlink(path);
	return good;
}

static struct matrix some_matrix(void)
{
	struct journal_attempt attempt = attempt_of("CH-01", OUTCOME_OK);

	attempt.owner = true;
	attempt.latency_us = 1234567;
	attempt.ttft_us = 89;
	attempt.prompt_tokens = 100;
	attempt.completion_tokens = 20;
	attempt.cost_pico_usd = 2000000000001;
	attempt.fates = TEXT("n honoured");
	attempt.usage_source = TEXT("reported");
	matrix_builder_add(builder, &attempt);
	attempt.variant = TEXT("stream");
	attempt.cost_pico_usd = 0;
	matrix_builder_add(builder, &attempt);
	for (int i = 0; i < 3; i++)
		feed("CH-02", OUTCOME_REFUSED, "400: \"n\" is\nnot \x1b supported");
	return finish();
}

START_TEST(a_matrix_is_read_back_to_the_byte)
{
	struct matrix matrix = some_matrix();
	matrix.cells[0].optional = true;
	struct text written = json_of(&matrix);
	struct matrix again;
	struct fault fault;

	ck_assert_msg(read_bytes(written, &again, &fault), "%s", fault.message);
	ck_assert(text_equal(json_of(&again), written));
	const struct matrix_cell *cell = cell_of(&again, "CH-01");
	ck_assert_int_eq(cell->cost_pico_usd, 2000000000001);
	ck_assert_int_eq(cell->latency_p50_us, 1234567);
	ck_assert_int_eq(cell->ttft_p90_us, 89);
	ck_assert_int_eq(cell->cached_tokens, -1);
	ck_assert_uint_eq(cell->vouches.count, 2);
	assert_text(cell->vouches.items[1], "stream");
	ck_assert(cell->optional && !cell->asked_now);
	ck_assert(!cell_of(&again, "CH-02")->optional);
	ck_assert_int_eq(cell_of(&again, "CH-02")->verdict, VERDICT_UNSUPPORTED);
	ck_assert_int_eq(again.suite_cases, 3);
}
END_TEST

static void feed_end(const char *case_id, enum outcome outcome, int64_t status, const char *end)
{
	struct journal_attempt attempt = attempt_of(case_id, outcome);

	attempt.owner = true;
	attempt.status = status;
	attempt.end = text_of(end);
	attempt.ends_trial = outcome != OUTCOME_INFRA;
	matrix_builder_add(builder, &attempt);
}

START_TEST(availability_is_of_attempts_and_infrastructure_is_told_by_kind)
{
	feed_end("CH-01", OUTCOME_INFRA, 429, "complete");
	feed_end("CH-01", OUTCOME_INFRA, 503, "complete");
	feed_end("CH-01", OUTCOME_OK, 200, "complete");
	feed("CH-02", OUTCOME_MISS, "judged on the same reply: no attempt of its own");
	feed_end("CH-02", OUTCOME_REFUSED, 400, "complete"); /* a refusal is an answer */
	feed_end("CH-02", OUTCOME_INFRA, -1, "connect_failed");
	feed_end("CH-02", OUTCOME_INFRA, -1, "first_timeout");
	feed_end("CH-02", OUTCOME_INFRA, 200, "cut");
	feed_end("CH-02", OUTCOME_INFRA, 409, "complete");
	feed_end("CH-02", OUTCOME_UNRUN, -1, "cancelled"); /* our own doing */
	feed_end("CH-02", OUTCOME_HARNESS, -1, NULL);
	struct matrix matrix = finish();
	ck_assert_uint_eq(matrix.availability_count, 1);
	const struct availability *counts = &matrix.availability[0];
	assert_text(counts->target, "lab/qwen/3");
	assert_text(counts->run_id, "20261121T101500Z-ab12cd");
	ck_assert_int_eq(counts->answered, 2);
	ck_assert_int_eq(availability_attempts(counts), 8);
	for (int kind = 0; kind < INFRA_KIND_COUNT; kind++)
		ck_assert_int_eq(counts->infra[kind], 1);
	/* And back from the file. */
	struct matrix again;
	struct fault fault;
	struct text written = json_of(&matrix);
	ck_assert_uint_ne(
	    text_find(written,
	              TEXT("\"availability\":[{\"target\":\"lab/qwen/3\",\"run\":"
	                   "\"20261121T101500Z-ab12cd\",\"attempts\":8,\"answered\":2,\"infra\":"
	                   "{\"unreachable\":1,\"timeout\":1,\"cut\":1,\"429\":1,\"5xx\":1,"
	                   "\"other\":1}}],\"cells\":["),
	              0),
	    TEXT_NOT_FOUND);
	ck_assert_msg(read_bytes(written, &again, &fault), "%s", fault.message);
	ck_assert(text_equal(json_of(&again), written));
}
END_TEST

START_TEST(a_feature_that_breaks_the_server_is_no_infrastructure)
{
	feed_end("CH-01", OUTCOME_OK, 200, "complete");
	for (int i = 0; i < VERDICT_MAX_INFRA_TRIALS; i++) {
		struct journal_attempt attempt = attempt_of("CH-02", OUTCOME_INFRA);
		attempt.owner = true;
		attempt.status = 500;
		matrix_builder_add(builder, &attempt);
	}
	ck_assert_int_eq(finish().availability[0].infra[INFRA_SERVER_ERROR], 3);
	for (int i = 0; i < VERDICT_CONTROLS; i++) {
		struct journal_attempt attempt = attempt_of("CH-02", OUTCOME_OK);
		attempt.owner = true;
		attempt.control = TEXT("CH-03");
		matrix_builder_add(builder, &attempt);
	}
	struct matrix matrix = finish();
	ck_assert_int_eq(cell_of(&matrix, "CH-02")->verdict, VERDICT_FAIL);
	ck_assert_int_eq(matrix.availability[0].answered, 4);
	ck_assert_int_eq(availability_attempts(&matrix.availability[0]), 4);
}
END_TEST

START_TEST(availability_that_contradicts_itself_is_refused)
{
	static const struct {
		const char *was, *is, *says;
	} damages[] = {
	    {"\"attempts\":2", "\"attempts\":3", "add up to 2"},
	    {"\"answered\":2", "\"answered\":-2", "answered is -2"},
	    {"\"infra\":{}", "\"infra\":{\"6xx\":1}", "6xx"},
	    {"\"availability\":[{", "\"availability\":{\"a\":{", ""},
	    {"\"infra\":{}}]", "\"infra\":{}},{\"target\":\"lab/qwen/3\",\"attempts\":0}]",
	     "twice"},
	};

	feed_end("CH-01", OUTCOME_OK, 200, "complete");
	feed_end("CH-01", OUTCOME_OK, 200, "complete");
	struct matrix matrix = finish();
	struct text written = json_of(&matrix);
	for (size_t i = 0; i < ARRAY_LENGTH(damages); i++) {
		struct text was = text_of(damages[i].was);
		size_t at = text_find(written, was, 0);
		struct matrix again;
		struct fault fault;
		ck_assert_uint_ne(at, TEXT_NOT_FOUND);
		struct text damaged =
		    text_format(&arena, "%.*s%s%.*s", (int)at, written.data, damages[i].is,
		                TEXT_ARG(text_slice(written, at + was.len, written.len)));
		ck_assert_msg(!read_bytes(damaged, &again, &fault), "%s", damages[i].is);
		ck_assert_msg(strstr(fault.message, damages[i].says) != NULL, "%s: %s",
		              damages[i].is, fault.message);
	}
}
END_TEST

START_TEST(a_target_that_was_not_asked_keeps_the_availability_of_its_run)
{
	struct availability old_counts[] = {
	    {.target = TEXT("lab/a"), .run_id = TEXT("1"), .answered = 10},
	    {.target = TEXT("lab/c"), .run_id = TEXT("1"), .answered = 30}};
	struct availability fresh_counts[] = {
	    {.target = TEXT("lab/a"), .run_id = TEXT("2"), .answered = 1, .infra = {1}},
	    {.target = TEXT("lab/b"), .run_id = TEXT("2"), .answered = 2}};
	struct matrix old = {.availability = old_counts, .availability_count = 2};
	struct matrix fresh = {.availability = fresh_counts, .availability_count = 2};
	struct matrix merged;

	matrix_merge(&old, &fresh, &arena, &merged);
	ck_assert_uint_eq(merged.availability_count, 3);
	assert_text(merged.availability[0].run_id, "2");
	ck_assert_int_eq(merged.availability[0].answered, 1);
	assert_text(merged.availability[1].target, "lab/b");
	assert_text(merged.availability[2].run_id, "1");
	ck_assert_int_eq(merged.availability[2].answered, 30);
}
END_TEST

/* Whoever loses a record compares a changed model with itself from then on. */
START_TEST(what_was_recorded_stays_whatever_became_of_a_later_run)
{
	static const enum verdict verdicts[] = {VERDICT_PASS, VERDICT_FAIL, VERDICT_FLAKY,
	                                        VERDICT_ERROR, VERDICT_SKIPPED};
	struct matrix_cell was = {.target = TEXT("lab/a"),
	                          .case_id = TEXT("CO-05.record"),
	                          .case_hash = TEXT("h1"),
	                          .verdict = VERDICT_PASS,
	                          .fates = TEXT("identity 1")};
	struct matrix_cell is = was;
	struct matrix old = {.cells = &was, .count = 1};
	struct matrix fresh = {.cells = &is, .count = 1};
	struct matrix merged;

	for (size_t i = 0; i < ARRAY_LENGTH(verdicts); i++) {
		is.verdict = verdicts[i];
		is.fates = i == 0 ? TEXT("identity 2") : (struct text){NULL, 0};
		matrix_merge(&old, &fresh, &arena, &merged);
		assert_text(merged.cells[0].fates, "identity 1");
	}
	/* Other questions begin anew, and other cases tell what they find now. */
	is.verdict = VERDICT_FAIL;
	is.case_hash = TEXT("h2");
	matrix_merge(&old, &fresh, &arena, &merged);
	ck_assert_uint_eq(merged.cells[0].fates.len, 0);
	is.case_hash = was.case_hash;
	is.case_id = was.case_id = TEXT("PA-12");
	matrix_merge(&old, &fresh, &arena, &merged);
	ck_assert_uint_eq(merged.cells[0].fates.len, 0);
}
END_TEST

START_TEST(the_file_has_one_cell_a_line_in_order)
{
	struct matrix matrix = some_matrix();
	struct text rest = json_of(&matrix);
	struct text line;
	size_t lines = 0;

	ck_assert(
	    text_starts(rest, TEXT("{\"proviso\":1,\"suite\":{\"hash\":\"0123456789ab\","
	                           "\"cases\":3},\"runs\":[\"20261121T101500Z-ab12cd\"],"
	                           "\"availability\":[{\"target\":\"lab/qwen/3\",\"run\":"
	                           "\"20261121T101500Z-ab12cd\",\"attempts\":2,\"answered\":2,"
	                           "\"infra\":{}}],"
	                           "\"cells\":[\n{\"target\":\"lab/qwen/3\",\"case\":\"CH-01\","
	                           "\"variant\":\"sync\",\"verdict\":\"pass\",\"trials\":1,"
	                           "\"outcomes\":{\"ok\":1},\"rate\":1,")));
	while (text_next_field(&rest, '\n', &line))
		lines++;
	ck_assert_uint_eq(lines, 1 + 4 + 1 + 1); /* head, cells, end, what is behind the last LF */
}
END_TEST

START_TEST(what_is_unknown_is_not_written)
{
	struct matrix matrix = finish();
	struct text written = json_of(&matrix);

	ck_assert_uint_eq(text_find(written, TEXT("null"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_eq(text_find(written, TEXT("cost_usd"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_eq(text_find(written, TEXT("rate"), 0), TEXT_NOT_FOUND);
	ck_assert_uint_ne(text_find(written, TEXT("\"tokens\":{}"), 0), TEXT_NOT_FOUND);
}
END_TEST

START_TEST(a_damaged_file_is_a_fault_at_its_place)
{
	static const struct {
		const char *was, *is, *says;
	} damages[] = {
	    {"\"proviso\":1", "\"proviso\":2", "another version"},
	    {"\"proviso\":1,", "", "no matrix"},
	    {"\"verdict\":\"pass\"", "\"verdict\":\"passed\"", "verdict"},
	    {"\"verdict\":", "\"verdikt\":", "did you mean 'verdict'"},
	    {"\"trials\":1", "\"trials\":2", "add up to 1"},
	    {"\"ok\":1", "\"ok\":-1", "ok is -1"},
	    {"lab/qwen/3", "lab", "provider/model"},
	    {"\"total_p50_ms\":1234.567", "\"total_p50_ms\":\"x\"", "total_p50_ms"},
	    {"\"total_p50_ms\":1234.567", "\"total_p50_ms\":1e300", "total_p50_ms"},
	    {"2.000000000001", "2.0000000000011", "cost_usd"},
	    {"\"tested_at\":\"2026", "\"tested_at\":\"26", "tested_at"},
	    {"\"variant\":\"stream\"", "\"variant\":\"sync\"", "twice"},
	    {"]}", "]", ""},
	    {"\"class\":\"deterministic\",", "", "class"},
	};
	struct matrix matrix = some_matrix();
	struct text written = json_of(&matrix);

	for (size_t i = 0; i < ARRAY_LENGTH(damages); i++) {
		size_t at = text_find(written, text_of(damages[i].was), 0);
		struct text_buf out;
		struct matrix again;
		struct fault fault;
		ck_assert_msg(at != TEXT_NOT_FOUND, "%s", damages[i].was);
		text_buf_init(&out, 1 << 20);
		text_buf_add(&out, text_slice(written, 0, at));
		text_buf_add_c(&out, damages[i].is);
		text_buf_add(&out, text_slice(written, at + strlen(damages[i].was), written.len));
		ck_assert_msg(!read_bytes(text_buf_view(&out), &again, &fault), "%s",
		              damages[i].is);
		ck_assert_int_eq(fault.kind, FAULT_INPUT);
		ck_assert_uint_gt(fault.line, 0);
		assert_fault_says(&fault, damages[i].says);
		text_buf_done(&out);
	}
}
END_TEST

START_TEST(no_cut_and_no_changed_byte_of_a_file_ends_the_process)
{
	struct matrix matrix = some_matrix();
	struct text written = json_of(&matrix);
	struct matrix again;
	struct fault fault;

	for (size_t at = 0; at < written.len; at += 7) {
		struct text changed = text_copy(&arena, written);
		char *byte = arena_alloc_bytes(&arena, written.len);
		memcpy(byte, changed.data, written.len);
		byte[at] = (char)(byte[at] ^ 1);
		(void)!read_bytes((struct text){byte, written.len}, &again, &fault);
		ck_assert(!read_bytes(text_slice(written, 0, at), &again, &fault));
	}
}
END_TEST

/* --- merging, summary, exit code --- */

static struct matrix_cell plain_cell(const char *case_id, enum verdict verdict)
{
	return (struct matrix_cell){.target = TEXT("lab/a"),
	                            .case_id = text_of(case_id),
	                            .capability = TEXT("chat"),
	                            .verdict = verdict,
	                            .case_hash = TEXT("aaaaaaaaaaaa"),
	                            .run_id = TEXT("20260101T000000Z-000000")};
}

START_TEST(a_fresh_cell_takes_the_place_of_the_old_one_and_the_others_stay)
{
	struct matrix_cell old_cells[] = {plain_cell("A", VERDICT_FAIL),
	                                  plain_cell("B", VERDICT_PASS),
	                                  plain_cell("D", VERDICT_ERROR)};
	struct matrix_cell fresh_cells[] = {plain_cell("A", VERDICT_PASS),
	                                    plain_cell("C", VERDICT_SKIPPED),
	                                    plain_cell("D", VERDICT_SKIPPED)};
	struct matrix old = {.cells = old_cells, .count = 3};
	struct matrix fresh = {.suite_hash = TEXT("new"), .cells = fresh_cells, .count = 3};
	struct matrix merged;

	for (size_t i = 0; i < 3; i++)
		fresh_cells[i].run_id = TEXT("20260202T000000Z-000000");
	matrix_merge(&old, &fresh, &arena, &merged);
	ck_assert_uint_eq(merged.count, 4);
	ck_assert_int_eq(merged.cells[0].verdict, VERDICT_PASS);
	ck_assert_int_eq(merged.cells[1].verdict, VERDICT_PASS);
	assert_text(merged.cells[1].run_id, "20260101T000000Z-000000");
	ck_assert_int_eq(merged.cells[2].verdict, VERDICT_SKIPPED);
	ck_assert_int_eq(merged.cells[3].verdict, VERDICT_SKIPPED);
	assert_text(merged.suite_hash, "new");
	ck_assert_uint_eq(merged.runs.count, 2);
	assert_text(merged.runs.items[0], "20260101T000000Z-000000");
}
END_TEST

START_TEST(asking_in_vain_does_not_replace_a_verdict_of_the_same_question)
{
	struct matrix_cell old_cells[] = {plain_cell("A", VERDICT_FAIL),
	                                  plain_cell("B", VERDICT_PASS)};
	struct matrix_cell fresh_cells[] = {plain_cell("A", VERDICT_ERROR),
	                                    plain_cell("B", VERDICT_ERROR)};
	struct matrix old = {.cells = old_cells, .count = 2};
	struct matrix fresh = {.cells = fresh_cells, .count = 2};
	struct matrix merged;

	fresh_cells[1].case_hash = TEXT("bbbbbbbbbbbb");
	matrix_merge(&old, &fresh, &arena, &merged);
	ck_assert_int_eq(merged.cells[0].verdict, VERDICT_FAIL);
	ck_assert_int_eq(merged.cells[1].verdict, VERDICT_ERROR);
}
END_TEST

START_TEST(a_capability_is_as_good_as_its_worst_gate_case)
{
	struct matrix_cell cells[] = {plain_cell("A", VERDICT_PASS), plain_cell("B", VERDICT_FAIL),
	                              plain_cell("C", VERDICT_FLAKY),
	                              plain_cell("D", VERDICT_FLAKY)};
	struct matrix matrix = {.cells = cells, .count = 4};
	size_t count;

	cells[1].severity = CASE_REQUIRED; /* fails, and no gate */
	cells[3].capability = TEXT("usage");
	cells[3].severity = CASE_REQUIRED; /* no gate case there */
	struct matrix_summary *summary = matrix_summarise(&matrix, &arena, &count);
	ck_assert_uint_eq(count, 2);
	assert_text(summary[0].capability, "chat");
	ck_assert_int_eq(summary[0].verdict, VERDICT_FLAKY);
	ck_assert_ptr_eq(summary[0].worst, &cells[2]);
	ck_assert_uint_eq(summary[0].passed, 1);
	ck_assert_uint_eq(summary[0].total, 3);
	ck_assert_int_eq(summary[1].verdict, VERDICT_FLAKY);
}
END_TEST

START_TEST(the_exit_code_is_about_what_was_asked_and_matters)
{
	static const struct {
		enum verdict verdict;
		enum case_severity severity;
		int code;
	} known[] = {
	    {VERDICT_PASS, CASE_GATE, 0},         {VERDICT_FAIL, CASE_GATE, 1},
	    {VERDICT_FLAKY, CASE_REQUIRED, 1},    {VERDICT_IGNORED, CASE_REQUIRED, 1},
	    {VERDICT_UNSUPPORTED, CASE_GATE, 1},  {VERDICT_FAIL, CASE_ADVISORY, 0},
	    {VERDICT_ERROR, CASE_GATE, 4},        {VERDICT_ERROR, CASE_ADVISORY, 0},
	    {VERDICT_INCONCLUSIVE, CASE_GATE, 3}, {VERDICT_SKIPPED, CASE_GATE, 0},
	};
	struct matrix_cell cells[] = {plain_cell("A", VERDICT_PASS), plain_cell("B", VERDICT_PASS),
	                              plain_cell("C", VERDICT_FAIL)};
	struct matrix matrix = {.cells = cells, .count = 3};

	cells[0].asked_now = cells[1].asked_now = true; /* the failing one was not asked */
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++) {
		cells[1].verdict = known[i].verdict;
		cells[1].severity = known[i].severity;
		ck_assert_int_eq(matrix_exit_code(&matrix), known[i].code);
	}
	/* Nobody said that it offers this; dropped or broken it would still count. */
	cells[1] = plain_cell("B", VERDICT_UNSUPPORTED);
	cells[1].asked_now = cells[1].optional = true;
	ck_assert_int_eq(matrix_exit_code(&matrix), 0);
	cells[1].verdict = VERDICT_IGNORED;
	ck_assert_int_eq(matrix_exit_code(&matrix), 1);
	/* The gravest first: a failure, then what kept us from a verdict, then too little evidence.
	 */
	cells[0].verdict = VERDICT_INCONCLUSIVE;
	cells[1] = plain_cell("B", VERDICT_ERROR);
	cells[1].asked_now = true;
	ck_assert_int_eq(matrix_exit_code(&matrix), 4);
	cells[0].verdict = VERDICT_FAIL;
	ck_assert_int_eq(matrix_exit_code(&matrix), 1);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, a_cell_says_what_its_attempts_say);
	tcase_add_test(cases, tokens_and_cost_stand_where_they_were_asked_for);
	tcase_add_test(cases, the_evidence_is_that_of_the_trial_that_decided);
	tcase_add_test(cases, what_was_not_asked_says_why);
	tcase_add_test(cases, attempts_at_another_question_do_not_count);
	tcase_add_test(cases, quantiles_are_nearest_ranks);
	tcase_add_test(cases, a_hundred_thousand_attempts_cost_no_more_memory_than_a_thousand);
	tcase_add_test(cases, a_matrix_is_read_back_to_the_byte);
	tcase_add_test(cases, availability_is_of_attempts_and_infrastructure_is_told_by_kind);
	tcase_add_test(cases, a_feature_that_breaks_the_server_is_no_infrastructure);
	tcase_add_test(cases, availability_that_contradicts_itself_is_refused);
	tcase_add_test(cases, a_target_that_was_not_asked_keeps_the_availability_of_its_run);
	tcase_add_test(cases, what_was_recorded_stays_whatever_became_of_a_later_run);
	tcase_add_test(cases, the_file_has_one_cell_a_line_in_order);
	tcase_add_test(cases, what_is_unknown_is_not_written);
	tcase_add_test(cases, a_damaged_file_is_a_fault_at_its_place);
	tcase_add_test(cases, no_cut_and_no_changed_byte_of_a_file_ends_the_process);
	tcase_add_test(cases, a_fresh_cell_takes_the_place_of_the_old_one_and_the_others_stay);
	tcase_add_test(cases, asking_in_vain_does_not_replace_a_verdict_of_the_same_question);
	tcase_add_test(cases, a_capability_is_as_good_as_its_worst_gate_case);
	tcase_add_test(cases, the_exit_code_is_about_what_was_asked_and_matters);
}

int main(void)
{
	return unit_main("matrix", add);
}
