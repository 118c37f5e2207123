/* Who answered, and which answer it is. */
#include "tests/unit/cases/judging.h"

/* Asked for one model, answered by another. */
static void answered_by(const char *asked, const char *answered)
{
	struct text body = text_format(
	    &judging.arena,
	    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"%s\","
	    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},"
	    "\"finish_reason\":\"stop\"}],\"usage\":"
	    "{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12}}",
	    answered);

	judging_asked(text_format(&judging.arena, "{\"model\":\"%s\"}", asked).data);
	judging_answered(200, "application/json", body.data);
}

START_TEST(a_model_answers_by_its_name_or_by_that_of_a_version)
{
	static const char *const good[][2] = {{"gpt-4o", "gpt-4o"},
	                                      {"gpt-4o", "gpt-4o-2024-08-06"},
	                                      {"gpt-4", "gpt-4-0613"},
	                                      {"GPT-4", "gpt-4"},
	                                      {"openai/gpt-4o", "gpt-4o-2024-08-06"},
	                                      {"gpt-4o", "openai/gpt-4o"},
	                                      {"models/gemini-1.5-pro", "gemini-1.5-pro-002"},
	                                      {"claude-3-5-latest", "claude-3-5@20241022"},
	                                      {"qwen/qwen3:free", "qwen/qwen3"},
	                                      {"gpt-4-0613", "gpt-4"}};

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		answered_by(good[i][0], good[i][1]);
		assert_holds("{\"same_model\":true}");
	}
}
END_TEST

START_TEST(another_model_is_no_version_however_alike_its_name)
{
	static const char *const bad[][2] = {{"gpt-4o", "gpt-4o-mini"},
	                                     {"gpt-4o-mini", "gpt-4o"},
	                                     {"gpt-4", "gpt-4.1"},
	                                     {"gpt-4", "gpt-4-32k"},
	                                     {"llama-3", "llama-3-8"},
	                                     {"openai/gpt-4o", "openai/gpt-5"},
	                                     {"a", "b"}};

	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		answered_by(bad[i][0], bad[i][1]);
		assert_finds("{\"same_model\":true}", FINDING_VIOLATION, "answered, want");
	}
	answered_by("a", "");
	assert_finds("{\"same_model\":true}", FINDING_VIOLATION, "does not say which model");
}
END_TEST

START_TEST(a_model_may_answer_by_an_alias_that_the_config_names)
{
	static const struct text names[] = {TEXT_INIT("gpt-4o"), TEXT_INIT("north-1")};
	struct text_list aliases = {.count = 2};

	aliases.items = ARENA_NEW_ARRAY(&judging.arena, struct text, 2);
	memcpy(aliases.items, names, sizeof(names));
	answered_by("team-deployment", "gpt-4o-2024-08-06");
	assert_finds("{\"same_model\":true}", FINDING_VIOLATION, "answered, want");
	judging.values.aliases = aliases;
	assert_holds("{\"same_model\":true}");
	answered_by("team-deployment", "north-1");
	assert_holds("{\"same_model\":true}");
	answered_by("team-deployment", "gpt-4o-mini");
	assert_finds("{\"same_model\":true}", FINDING_VIOLATION, "\"gpt-4o-mini\" answered");
}
END_TEST

START_TEST(an_id_is_compared_with_those_of_earlier_steps_only)
{
	judging_content("x");
	judging.values.steps[0] = judging.seen.reply;
	judging.values.step_count = 1;
	assert_holds("{\"fresh_id\":true}");

	judging_content("y"); /* by the same id */
	judging.values.steps[1] = judging.seen.reply;
	assert_finds("{\"fresh_id\":true}", FINDING_VIOLATION, "is that of step 0 as well");
	judging.values.step_count = 2;
	assert_finds("{\"fresh_id\":true}", FINDING_VIOLATION, "is that of step 0 as well");
	judging.seen.reply = judging.values.steps[0];
	assert_holds("{\"fresh_id\":true}");
}
END_TEST

START_TEST(a_list_of_models_holds_the_one_that_is_asked)
{
	static const char list[] = "{\"object\":\"list\",\"data\":[{\"id\":\"a\"},"
				   "{\"id\":\"models/b\"},{\"object\":\"model\"}]}";
	static const char expect[] = "{\"status\":200,\"lists_model\":true}";

	judging.seen.endpoint = ENDPOINT_MODELS;
	judging_answered(200, "application/json", list);
	judging.values.model = TEXT("a");
	assert_holds(expect);
	judging.values.model = TEXT("b");
	assert_holds(expect);
	judging.values.model = TEXT("c");
	assert_finds(expect, FINDING_VIOLATION, "\"c\" is not on the list of 3");
	judging_answered(200, "application/json", "{\"object\":\"list\",\"data\":[]}");
	assert_finds(expect, FINDING_VIOLATION, "list of 0");
}
END_TEST

/* An answer whose usage says this beside its 2000 prompt tokens. */
static void answered_with_usage(const char *more)
{
	struct text body = text_format(
	    &judging.arena,
	    "{\"id\":\"c1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},"
	    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":2000,"
	    "\"completion_tokens\":3,\"total_tokens\":2003%s}}",
	    more);

	judging_answered(200, "application/json", body.data);
}

START_TEST(prompt_tokens_are_held_against_the_constant_of_the_model)
{
	static const char expect[] = "{\"usage\":{\"input_reference\":true}}";

	answered_with_usage("");
	assert_finds(expect, FINDING_HARNESS, "has no reference_tokens");
	judging.values.reference_tokens = 2000;
	assert_holds(expect);
	judging.values.reference_tokens = 1997;
	assert_holds(expect);
	judging.values.reference_tokens = 1996;
	assert_finds(expect, FINDING_VIOLATION, "2000 input tokens, want at most 1999");
	judging.values.reference_tokens = 2001;
	assert_finds(expect, FINDING_VIOLATION, "want at least 2001");
}
END_TEST

/* 2000 in and 3 out at 0.15 and 0.60 USD a million: 0.0003018 USD. */
START_TEST(a_charge_is_held_against_the_price_of_the_model)
{
	static const char expect[] = "{\"usage\":{\"cost_within\":1}}";
	const struct price price = {.known = true,
	                            .base = {150000000000, -1, -1, -1, 600000000000, -1},
	                            .from_wall_ms = 1000};

	answered_with_usage(",\"cost\":0.0003018");
	assert_finds(expect, FINDING_HARNESS, "has no price");
	judging.values.prices = &price;
	assert_finds(expect, FINDING_REFUSED, "no price for such a request at this moment");
	judging.exchange.started_wall_ms = 1000;
	assert_holds(expect);
	answered_with_usage(",\"cost\":0.000304818");
	judging.exchange.started_wall_ms = 1000;
	assert_holds(expect);
	answered_with_usage(",\"cost\":0.000298782");
	judging.exchange.started_wall_ms = 1000;
	assert_holds(expect);
	answered_with_usage(",\"cost\":0.000304819");
	judging.exchange.started_wall_ms = 1000;
	assert_finds(expect, FINDING_VIOLATION,
	             "0.000304819000 USD, and by its price it is 0.000301800000");
	answered_with_usage(",\"cost\":0");
	judging.exchange.started_wall_ms = 1000;
	assert_finds(expect, FINDING_VIOLATION, "want at most 1 % between them");
	/* Nobody who tells no charge passes, and nobody fails by it. */
	answered_with_usage("");
	judging.exchange.started_wall_ms = 1000;
	assert_finds(expect, FINDING_REFUSED, "tells no charge");
}
END_TEST

START_TEST(cached_tokens_are_found_where_a_provider_tells_them)
{
	static const char expect[] = "{\"usage\":{\"cached\":true}}";

	answered_with_usage(",\"prompt_tokens_details\":{\"cached_tokens\":1920}");
	assert_holds(expect);
	answered_with_usage(",\"prompt_cache_hit_tokens\":1920,\"prompt_cache_miss_tokens\":80");
	assert_holds(expect);
	answered_with_usage("");
	assert_finds(expect, FINDING_MISS, "says nothing of cached tokens");
	answered_with_usage(",\"prompt_tokens_details\":{\"cached_tokens\":0}");
	assert_finds(expect, FINDING_MISS, "no token was cached");
	answered_with_usage(",\"prompt_tokens_details\":{\"cached_tokens\":2000}");
	assert_holds(expect);
	answered_with_usage(",\"prompt_tokens_details\":{\"cached_tokens\":2001}");
	assert_finds(expect, FINDING_VIOLATION, "2001 cached tokens of 2000");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, judging_setup, judging_teardown);
	tcase_add_test(cases, a_model_answers_by_its_name_or_by_that_of_a_version);
	tcase_add_test(cases, another_model_is_no_version_however_alike_its_name);
	tcase_add_test(cases, a_model_may_answer_by_an_alias_that_the_config_names);
	tcase_add_test(cases, prompt_tokens_are_held_against_the_constant_of_the_model);
	tcase_add_test(cases, an_id_is_compared_with_those_of_earlier_steps_only);
	tcase_add_test(cases, a_list_of_models_holds_the_one_that_is_asked);
	tcase_add_test(cases, a_charge_is_held_against_the_price_of_the_model);
	tcase_add_test(cases, cached_tokens_are_found_where_a_provider_tells_them);
}

int main(void)
{
	return unit_main("expect_identity", add);
}
