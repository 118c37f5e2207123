/* A matrix's file: to the byte what was written, and refused where it was damaged; availability,
 * records. */
#include "tests/unit/run/matrix_rig.h"

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
	ck_assert_int_eq(matrix.availability[0].answered, 7);
	ck_assert_int_eq(availability_attempts(&matrix.availability[0]), 7);
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

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
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
}

int main(void)
{
	return unit_main("matrix_file", add);
}
