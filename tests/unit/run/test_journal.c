/* The journal: what is written is read back, a crash costs the last line at most. */
#include "harness/run/runner/journal.h"
#include "tests/unit/unit.h"

#include <unistd.h>

static char folder[] = "/tmp/proviso-test-XXXXXX";
static char path[64];
static struct arena arena;

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/journal.jsonl", folder);
}

static void tear_down(void)
{
	(void)unlink(path);
	(void)rmdir(folder);
	arena_done(&arena);
}

static struct text other_names[] = {TEXT_INIT("one\"s"), TEXT_INIT("eins")};
static struct journal_target targets[] = {
    {.name = TEXT_INIT("lab/one"), .dialect = TEXT_INIT("openai"), .context = 8192},
    {.name = TEXT_INIT("lab/two"),
     .dialect = TEXT_INIT("openai"),
     .context = -1,
     .aliases = {.items = other_names, .count = 2},
     .reference_tokens = 28}};

/* 2 and 8 USD a million tokens, as a config says it. */
static const struct price *some_price(void)
{
	struct price *price = ARENA_NEW(&arena, struct price);
	struct json *kept;
	struct fault fault;

	ck_assert(json_read_text(TEXT("{\"price\":{\"input\":\"2\",\"output\":\"8\"},\"region\":"
	                              "\"e\\\"u\"}"),
	                         "kept", &arena, &kept, &fault));
	ck_assert_msg(price_recall(kept, &arena, price, &fault), "%s", fault.message);
	return price;
}

static struct journal_head some_head(void)
{
	struct json *options = json_new(&arena, JSON_OBJECT);

	targets[1].prices = some_price();
	json_append_member(options, TEXT("profile"), json_new_string(&arena, TEXT("smoke")));
	return (struct journal_head){.run_id = TEXT("20261121T101500Z-ab12cd"),
	                             .suite_hash = TEXT("0123456789ab"),
	                             .seed = TEXT("se\"ed"),
	                             .version = TEXT("0.1.0"),
	                             .started_wall_ms = 1795255200123,
	                             .targets = targets,
	                             .target_count = 2,
	                             .options = options};
}

static struct journal_attempt some_attempt(int64_t trial)
{
	return (struct journal_attempt){.target = TEXT("lab/one"),
	                                .case_id = TEXT("TC-10"),
	                                .variant = TEXT("stream"),
	                                .case_hash = TEXT("ba9876543210"),
	                                .trial = trial,
	                                .step = 0,
	                                .attempt = 1,
	                                .outcome = OUTCOME_MISS,
	                                .ends_trial = true,
	                                .owner = true,
	                                .detail = TEXT("no call \xe2\x80\xa6"),
	                                .evidence = TEXT("000001:0"),
	                                .end = TEXT("complete"),
	                                .at_wall_ms = 1795255200456,
	                                .status = 200,
	                                .prompt_tokens = 12,
	                                .cached_tokens = -1,
	                                .completion_tokens = 0,
	                                .reasoning_tokens = -1,
	                                .usage_source = TEXT("reported"),
	                                .cost_pico_usd = 1234567890123,
	                                .cost_source = TEXT("computed"),
	                                .ttft_us = -1,
	                                .latency_us = 1500};
}

static void write_journal(int64_t attempts)
{
	struct journal journal;
	struct fault fault;
	struct journal_head head = some_head();

	ck_assert_msg(journal_create(&journal, path, &head, &fault), "%s", fault.message);
	for (int64_t i = 1; i <= attempts; i++) {
		struct journal_attempt attempt = some_attempt(i);
		journal_add(&journal, &attempt);
	}
	ck_assert(journal_flush(&journal, &fault));
	journal_close(&journal);
}

static struct text file_bytes(void)
{
	struct source *source;
	struct fault fault;

	ck_assert(file_read(path, 1 << 20, &arena, &source, &fault));
	return source->body;
}

static void set_file(struct text bytes)
{
	struct fault fault;

	ck_assert(file_replace(path, bytes, 0644, &fault));
}

struct seen {
	int64_t count, last_trial;
	struct journal_attempt last; /* numbers and copied texts */
	int64_t stop_at;
};

static bool see(void *context, const struct journal_attempt *attempt, struct fault *fault)
{
	struct seen *seen = context;

	seen->count++;
	seen->last_trial = attempt->trial;
	seen->last = *attempt;
	seen->last.detail = text_copy(&arena, attempt->detail);
	seen->last.evidence = text_copy(&arena, attempt->evidence);
	if (seen->count == seen->stop_at)
		return fault_set(fault, FAULT_INTERNAL, "enough");
	return true;
}

static bool scan(struct seen *seen, struct fault *fault)
{
	const struct journal_visitor visitor = {NULL, see, seen};

	return journal_scan(path, &visitor, NULL, fault);
}

START_TEST(what_was_written_is_read_back)
{
	struct seen seen = {0};
	struct journal_head head;
	struct fault fault;

	write_journal(3);
	ck_assert_msg(scan(&seen, &fault), "%s", fault.message);
	ck_assert_int_eq(seen.count, 3);
	ck_assert_int_eq(seen.last_trial, 3);
	ck_assert_int_eq(seen.last.outcome, OUTCOME_MISS);
	ck_assert(seen.last.ends_trial && seen.last.owner);
	assert_text(seen.last.detail, "no call \xe2\x80\xa6");
	assert_text(seen.last.evidence, "000001:0");
	ck_assert_int_eq(seen.last.at_wall_ms, 1795255200456);
	ck_assert_int_eq(seen.last.completion_tokens, 0);
	ck_assert_int_eq(seen.last.cached_tokens, -1); /* unknown is not zero */
	ck_assert_int_eq(seen.last.ttft_us, -1);
	ck_assert_int_eq(seen.last.cost_pico_usd, 1234567890123);
	ck_assert_ptr_null(seen.last.fates.data);
	ck_assert(journal_read_head(path, &arena, &head, &fault));
	assert_text(head.run_id, "20261121T101500Z-ab12cd");
	assert_text(head.seed, "se\"ed");
	ck_assert_int_eq(head.started_wall_ms, 1795255200123);
	ck_assert_uint_eq(head.target_count, 2);
	ck_assert_int_eq(head.targets[0].context, 8192);
	ck_assert_int_eq(head.targets[1].context, -1);
	ck_assert_uint_eq(head.targets[0].aliases.count, 0);
	ck_assert_int_eq(head.targets[0].reference_tokens, 0);
	ck_assert_uint_eq(head.targets[1].aliases.count, 2);
	ck_assert(text_is(head.targets[1].aliases.items[0], "one\"s"));
	ck_assert(text_is(head.targets[1].aliases.items[1], "eins"));
	ck_assert_int_eq(head.targets[1].reference_tokens, 28);
	/* Two in, one out. */
	ck_assert_ptr_null(head.targets[0].prices);
	ck_assert_int_eq(price_expect(head.targets[1].prices, 0, 1, 2, 1), 12000000);
	assert_text(head.targets[1].prices->region, "e\"u");
	assert_text(json_string(head.options, "profile"), "smoke");
}
END_TEST

START_TEST(a_journal_that_is_there_is_not_begun_again)
{
	struct journal journal;
	struct journal_head head = some_head();
	struct fault fault;

	write_journal(1);
	struct text before = file_bytes();
	ck_assert(!journal_create(&journal, path, &head, &fault));
	assert_fault_says(&fault, "is there already");
	ck_assert(text_equal(before, file_bytes()));
}
END_TEST

START_TEST(a_line_that_a_crash_has_cut_anywhere_is_dropped_and_written_over)
{
	write_journal(2);
	struct text whole = file_bytes();
	size_t head_end = text_find_byte(whole, '\n', 0) + 1;
	size_t first_end = text_find_byte(whole, '\n', head_end) + 1;

	for (size_t cut = head_end; cut < whole.len; cut++) {
		struct journal journal;
		struct journal_head head;
		struct seen seen = {0};
		struct fault fault;
		int64_t expected = cut < first_end ? 0 : 1;
		set_file(text_slice(whole, 0, cut));
		ck_assert_msg(scan(&seen, &fault), "%s", fault.message);
		ck_assert_int_eq(seen.count, expected);
		ck_assert(journal_resume(&journal, path, &arena, &head, &fault));
		struct journal_attempt again = some_attempt(7);
		journal_add(&journal, &again);
		ck_assert(journal_flush(&journal, &fault));
		journal_close(&journal);
		seen = (struct seen){0};
		ck_assert_msg(scan(&seen, &fault), "cut %zu: %s", cut, fault.message);
		ck_assert_int_eq(seen.count, expected + 1);
		ck_assert_int_eq(seen.last_trial, 7);
	}
}
END_TEST

START_TEST(a_second_writer_is_refused)
{
	struct journal journal;
	struct journal second;
	struct journal_head head = some_head();
	struct fault fault;

	ck_assert(journal_create(&journal, path, &head, &fault));
	ck_assert(!journal_resume(&second, path, &arena, &head, &fault));
	assert_fault_says(&fault, "another process");
	journal_close(&journal);
	ck_assert(journal_resume(&second, path, &arena, &head, &fault));
	journal_close(&second);
}
END_TEST

START_TEST(what_is_no_journal_is_said_with_its_line)
{
	static const struct {
		const char *line; /* put between two good ones */
		const char *says;
	} bad[] = {
	    {"{\"target\":\"a\"}\n", "has no"},
	    {"not json\n", ""},
	    {"{}\n", "has no"},
	    {"[]\n", "an object"},
	    {"{\"target\":\"a\",\"target\":\"b\"}\n", "stands twice"},
	    {"{\"tarhet\":\"a\"}\n", "unknown member"},
	    {"{\"trial\":9223372036854775807}\n", "can reach"},
	    {"{\"cost_pico_usd\":-1}\n", "at least 0"},
	    {"{\"at\":\"yesterday\"}\n", "a time like"},
	    {"{\"outcome\":\"okay\"}\n", "ok, miss"},
	};

	write_journal(2);
	struct text whole = file_bytes();
	size_t at = text_find_byte(whole, '\n', text_find_byte(whole, '\n', 0) + 1) + 1;
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		struct seen seen = {0};
		struct fault fault;
		set_file(text_format(&arena, "%.*s%s%.*s", (int)at, whole.data, bad[i].line,
		                     TEXT_ARG(text_slice(whole, at, whole.len))));
		ck_assert(!scan(&seen, &fault));
		assert_fault_says(&fault, bad[i].says);
		ck_assert_uint_eq(fault.line, 3);
		ck_assert_int_eq(seen.count, 1);
	}
}
END_TEST

START_TEST(no_changed_byte_ends_the_process)
{
	write_journal(2);
	struct text whole = file_bytes();
	char *changed = arena_alloc_bytes(&arena, whole.len);

	for (size_t at = 0; at < whole.len; at++) {
		struct seen seen = {0};
		struct fault fault = {0};
		memcpy(changed, whole.data, whole.len);
		changed[at] = (char)(changed[at] ^ (1 << at % 8));
		set_file((struct text){changed, whole.len});
		if (!scan(&seen, &fault))
			ck_assert_uint_gt(strlen(fault.message), 0);
	}
}
END_TEST

START_TEST(another_version_and_an_empty_file_are_refused)
{
	struct seen seen = {0};
	struct fault fault;

	set_file(TEXT("{\"proviso\":2,\"run\":\"x\"}\n"));
	ck_assert(!scan(&seen, &fault));
	assert_fault_says(&fault, "version 2");
	set_file(TEXT("{\"cells\":[]}\n"));
	ck_assert(!scan(&seen, &fault));
	assert_fault_says(&fault, "no journal");
	set_file(TEXT(""));
	ck_assert(!scan(&seen, &fault));
	assert_fault_says(&fault, "holds no run");
	(void)unlink(path);
	ck_assert(!scan(&seen, &fault));
	ck_assert_int_eq(fault.kind, FAULT_INPUT);
}
END_TEST

START_TEST(a_visitor_can_stop)
{
	struct seen seen = {.stop_at = 2};
	struct fault fault;

	write_journal(5);
	ck_assert(!scan(&seen, &fault));
	assert_fault_says(&fault, "enough");
	ck_assert_int_eq(seen.count, 2);
}
END_TEST

START_TEST(a_line_longer_than_any_of_ours_is_refused)
{
	struct seen seen = {0};
	struct fault fault;
	size_t size = (size_t)JOURNAL_MAX_LINE_BYTES + (1 << 20);
	char *bytes = memory_new(size);

	memset(bytes, ' ', size);
	set_file((struct text){bytes, size});
	ck_assert(!scan(&seen, &fault));
	assert_fault_says(&fault, "bytes long");
	memory_free(bytes);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_was_written_is_read_back);
	tcase_add_test(cases, a_journal_that_is_there_is_not_begun_again);
	tcase_add_test(cases, a_line_that_a_crash_has_cut_anywhere_is_dropped_and_written_over);
	tcase_add_test(cases, a_second_writer_is_refused);
	tcase_add_test(cases, what_is_no_journal_is_said_with_its_line);
	tcase_add_test(cases, no_changed_byte_ends_the_process);
	tcase_add_test(cases, another_version_and_an_empty_file_are_refused);
	tcase_add_test(cases, a_visitor_can_stop);
	tcase_add_test(cases, a_line_longer_than_any_of_ours_is_refused);
}

int main(void)
{
	return unit_main_apart("journal", add);
}
