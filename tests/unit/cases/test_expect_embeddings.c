/* Vectors: their number, form and size, and which point the same way. */
#include "tests/unit/cases/judging.h"

/* A good reply that holds these embeddings, each as JSON. */
static void answered(const char *const *embeddings, size_t count)
{
	struct text items = TEXT("");

	for (size_t i = 0; i < count; i++)
		items =
		    text_format(&judging.arena,
		                "%.*s%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":%s}",
		                TEXT_ARG(items), i == 0 ? "" : ",", i, embeddings[i]);
	judging_answered(200, "application/json",
	                 text_format(&judging.arena,
	                             "{\"object\":\"list\",\"data\":[%.*s],\"model\":\"m\","
	                             "\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}",
	                             TEXT_ARG(items))
	                     .data);
}

/* 1.0, -2.5, 0.0 as float32, low byte first; and the same with the high byte first. */
static const char little[] = "\"AACAPwAAIMAAAAAA\"";
static const char big[] = "\"P4AAAMAgAAAAAAAA\"";

START_TEST(number_form_and_size_are_what_was_asked)
{
	static const char *const lists[] = {"[1,2.5,-3]", "[0.1,0,1e-3]"};
	static const char *const coded[] = {little};

	answered(lists, 2);
	assert_holds("{\"embeddings\":{\"count\":2,\"dimensions\":3,\"encoding\":\"float\"}}");
	assert_finds("{\"embeddings\":{\"count\":3}}", FINDING_VIOLATION, "2 embeddings, want 3");
	assert_finds("{\"embeddings\":{\"dimensions\":2}}", FINDING_VIOLATION,
	             "embedding 0 has 3 dimensions, want 2");
	assert_finds("{\"embeddings\":{\"encoding\":\"base64\"}}", FINDING_VIOLATION,
	             "an array, want a string of base64");
	answered(coded, 1);
	assert_holds("{\"embeddings\":{\"dimensions\":3,\"encoding\":\"base64\"}}");
	assert_finds("{\"embeddings\":{\"encoding\":\"float\"}}", FINDING_VIOLATION,
	             "a string, want a list of numbers");
}
END_TEST

START_TEST(base64_is_read_low_byte_first)
{
	static const char *const pair[] = {"[1,-2.5,0]", "[-1,2.5,0]"};
	static const char *const right[] = {little};
	static const char *const wrong[] = {big};

	answered(pair, 2);
	judging.values.steps[0] = judging.seen.reply;
	judging.values.step_count = 1;
	answered(right, 1);
	assert_holds(
	    "{\"embeddings\":{\"alike\":[{\"item\":0,\"to\":0,\"step\":0,\"cosine\":0.999}]}}");
	assert_finds(
	    "{\"embeddings\":{\"alike\":[{\"item\":0,\"to\":1,\"step\":0,\"cosine\":0.999}]}}",
	    FINDING_MISS, "cosine -1.0000");
	answered(wrong, 1);
	assert_finds(
	    "{\"embeddings\":{\"alike\":[{\"item\":0,\"to\":0,\"step\":0,\"cosine\":0.999}]}}",
	    FINDING_MISS, "want 0.9990");
}
END_TEST

START_TEST(alike_within_one_reply_and_what_has_no_direction)
{
	static const char *const three[] = {"[1,2,3]", "[2,4,6]", "[0,0,0]"};
	static const char *const sizes[] = {"[1,2,3]", "[1,2]"};

	answered(three, 3);
	assert_holds("{\"embeddings\":{\"alike\":[{\"item\":0,\"to\":1,\"cosine\":0.99}]}}");
	assert_finds("{\"embeddings\":{\"alike\":[{\"item\":0,\"to\":2,\"cosine\":0.1}]}}",
	             FINDING_MISS, "embedding 0");
	assert_finds("{\"embeddings\":{\"alike\":[{\"item\":0,\"to\":3,\"cosine\":0.1}]}}",
	             FINDING_VIOLATION, "should be like has 0");
	answered(sizes, 2);
	judging.exchange.status = 200;
	struct chat_reply whole = *judging.seen.reply; /* incomplete for the reader: EM-01 */
	whole.complete = true;
	judging.seen.reply = &whole;
	assert_finds("{\"embeddings\":{\"alike\":[{\"item\":0,\"to\":1,\"cosine\":0.1}]}}",
	             FINDING_VIOLATION, "has 3 dimensions");
}
END_TEST

START_TEST(a_success_without_vectors_is_none)
{
	judging_answered(200, "application/json",
	                 "{\"object\":\"list\",\"data\":[],\"model\":\"m\",\"usage\":"
	                 "{\"prompt_tokens\":3,\"total_tokens\":3}}");
	assert_finds("{\"embeddings\":{\"count\":1}}", FINDING_VIOLATION, "not complete");
	static const char *const odd[] = {"[1,\"2\"]"};
	answered(odd, 1);
	struct chat_reply whole = *judging.seen.reply;
	whole.complete = true;
	judging.seen.reply = &whole;
	assert_finds("{\"embeddings\":{\"count\":1}}", FINDING_VIOLATION, "neither numbers nor");
}
END_TEST

static void assert_mistake(const char *expect, const char *says)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct expectation *expectation;

	ck_assert_msg(!expect_read(judging_json(expect), &judging.arena, judging.resources,
	                           &expectation, faults),
	              "%s", expect);
	assert_fault_says(&faults->items[0], says);
	memory_free(faults);
}

START_TEST(what_can_not_be_meant_is_a_mistake)
{
	assert_mistake("{\"embeddings\":{}}", "asks nothing");
	assert_mistake("{\"embeddings\":{\"encoding\":\"hex\"}}", "hex");
	assert_mistake("{\"embeddings\":{\"alike\":[{\"item\":1,\"to\":1,\"cosine\":0.9}]}}",
	               "always like itself");
	assert_mistake("{\"embeddings\":{\"alike\":[{\"item\":1,\"to\":0,\"cosine\":1.5}]}}",
	               "want a cosine");
	assert_mistake("{\"embeddings\":{\"alike\":[{\"item\":1,\"to\":0}]}}", "cosine");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, number_form_and_size_are_what_was_asked);
	tcase_add_test(cases, base64_is_read_low_byte_first);
	tcase_add_test(cases, alike_within_one_reply_and_what_has_no_direction);
	tcase_add_test(cases, a_success_without_vectors_is_none);
	tcase_add_test(cases, what_can_not_be_meant_is_a_mistake);
}

int main(void)
{
	return unit_main("expect_embeddings", add);
}
