/* Token counts under every name and in every place, their rules, and money said in the reply. */
#include "providers/reply/reply_build.h"
#include "tests/unit/providers/reply_unit.h"

static const struct chat_reply *with_usage(const char *usage)
{
	struct text body = text_format(
	    &unit_arena,
	    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
	    "\"choices\":[{"
	    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"x\"},\"finish_reason\":"
	    "\"stop\"}],\"usage\":%s}",
	    usage);

	return read_text(text_c(&unit_arena, body));
}

START_TEST(openai_counts_are_read_with_their_details)
{
	const struct chat_reply *reply =
	    with_usage("{\"prompt_tokens\":10,\"completion_tokens\":4,\"total_tokens\":14,"
	               "\"prompt_tokens_details\":{\"cached_tokens\":6,\"cache_write_tokens\":2},"
	               "\"completion_tokens_details\":{\"reasoning_tokens\":3}}");

	assert_no_violation(reply);
	ck_assert_int_eq(reply->usage.input, 10);
	ck_assert_int_eq(reply->usage.output, 4);
	ck_assert_int_eq(reply->usage.cached_input, 6);
	ck_assert_int_eq(reply->usage.cache_write, 2);
	ck_assert_int_eq(reply->usage.reasoning, 3);
	ck_assert_int_eq(reply->usage.cost_pico_usd, -1);
	assert_keeps(reply, "US-07");
}
END_TEST

START_TEST(what_is_not_said_is_unknown_and_not_zero)
{
	const struct chat_reply *reply = with_usage("{\"total_tokens\":14}");

	ck_assert_int_eq(reply->usage.input, -1);
	ck_assert_int_eq(reply->usage.output, -1);
	ck_assert_int_eq(reply->usage.total, 14);
	ck_assert_int_eq(reply->usage.cached_input, -1);
	ck_assert_int_eq(reply->usage.reasoning, -1);
	assert_violates(reply, "US-01", WIRE_DEVIATES, "usage has no prompt_tokens");
	ck_assert(!reply->saw[WIRE_US_02]);
	ck_assert(!with_usage("null")->usage.present);
}
END_TEST

START_TEST(cached_counts_stand_under_many_names)
{
	static const char *const usages[] = {
	    "{\"prompt_tokens_details\":{\"cached_tokens\":6}}",
	    "{\"input_tokens_details\":{\"cached_tokens\":6}}",
	    "{\"prompt_token_details\":{\"cached_tokens\":6}}",
	    "{\"prompt_cache_hit_tokens\":6,\"prompt_cache_miss_tokens\":4}",
	    "{\"cached_tokens\":6}",
	    "{\"num_cached_tokens\":6}",
	    "{\"prompt_tokens_details\":null,\"cached_tokens\":6}",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(usages); i++)
		ck_assert_msg(with_usage(usages[i])->usage.cached_input == 6, "%s", usages[i]);
	ck_assert_int_eq(with_usage(usages[3])->usage.input, 10);
	ck_assert_int_eq(with_usage("{\"cache_creation_input_tokens\":5}")->usage.cache_write, 5);
	ck_assert_int_eq(with_usage("{\"reasoning_tokens\":5}")->usage.reasoning, 5);
}
END_TEST

START_TEST(counts_that_are_no_counts_are_told)
{
	const struct chat_reply *reply =
	    with_usage("{\"prompt_tokens\":-1,\"completion_tokens\":\"4\",\"total_tokens\":1.5}");

	assert_violates(reply, "US-01", WIRE_DEVIATES, "usage.prompt_tokens is -1");
	assert_violates(reply, "US-01", WIRE_DEVIATES, "usage.completion_tokens is 4");
	assert_violates(reply, "US-01", WIRE_DEVIATES, "usage.total_tokens is 1.5");
	ck_assert_int_eq(reply->usage.input, -1);
	ck_assert_int_eq(
	    with_usage("{\"prompt_tokens\":99999999999999999999,\"total_tokens\":1}")->usage.input,
	    -1);
	/* More than any context holds: it would empty a budget at once. */
	reply = with_usage("{\"prompt_tokens\":1000000001,\"completion_tokens\":1000000000,"
	                   "\"total_tokens\":1}");
	assert_violates(reply, "US-01", WIRE_DEVIATES, "usage.prompt_tokens is 1000000001");
	ck_assert_int_eq(reply->usage.input, -1);
	ck_assert_int_eq(reply->usage.output, 1000000000);
}
END_TEST

START_TEST(a_total_that_does_not_add_up_is_told)
{
	assert_violates(
	    with_usage("{\"prompt_tokens\":291,\"completion_tokens\":26,\"total_tokens\":513,"
	               "\"completion_tokens_details\":{\"reasoning_tokens\":196}}"),
	    "US-02", WIRE_DEVIATES, "total_tokens is 513, and 291 + 26 are 317");
	assert_violates(
	    with_usage("{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3,"
	               "\"completion_tokens_details\":{\"reasoning_tokens\":5}}"),
	    "US-07", WIRE_DEVIATES, "5, more than the 2");
}
END_TEST

START_TEST(the_last_usage_of_a_stream_wins_unless_it_says_nothing)
{
#define WITH_USAGE(usage)                                                                          \
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":null}]," \
	"\"usage\":" usage "}\n\n"
	const struct chat_reply *reply = read_text(
	    WITH_USAGE("{\"prompt_tokens\":5,\"completion_tokens\":1,\"total_tokens\":6}")
		WITH_USAGE("{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7}")
		    WITH_USAGE("null") WITH_USAGE("{}"));

	ck_assert_int_eq(reply->usage.total, 7);
	ck_assert_uint_eq(reply->usage_seen, 2);
	assert_keeps(reply, "SU-04");
	assert_violates(read_text(WITH_USAGE("{\"completion_tokens\":3}")
	                              WITH_USAGE("{\"completion_tokens\":2}")),
	                "SU-04", WIRE_DEVIATES, "fall from 3 to 2 of event 2");
}
END_TEST

START_TEST(cost_is_read_exactly_in_each_form)
{
	ck_assert_int_eq(with_usage("{\"cost\":0.00007159}")->usage.cost_pico_usd, 71590000);
	ck_assert_int_eq(with_usage("{\"cost\":{\"total_cost\":0.00502}}")->usage.cost_pico_usd,
	                 5020000000);
	ck_assert_int_eq(with_usage("{\"search_context_size\":\"medium\"}")->usage.search,
	                 CHAT_SEARCH_MEDIUM);
	ck_assert_int_eq(with_usage("{\"search_context_size\":\"huge\"}")->usage.search,
	                 CHAT_SEARCH_UNKNOWN);
	ck_assert_int_eq(with_usage("{\"cost_in_usd_ticks\":1330500}")->usage.cost_pico_usd,
	                 133050000);
	ck_assert_int_eq(with_usage("{\"cost\":null}")->usage.cost_pico_usd, -1);
	ck_assert_int_eq(with_usage("{\"cost\":-1}")->usage.cost_pico_usd, -1);
}
END_TEST

START_TEST(dollars_are_parsed_to_the_pico)
{
	static const struct {
		const char *text;
		int64_t pico_usd; /* -1: refused */
	} table[] = {
	    {"0", 0},
	    {"0.0", 0},
	    {"1", 1000000000000},
	    {"0.000000000001", 1},
	    {"0.0000000000004", 0},
	    {"0.0000000000005", 1},
	    {"1.5e-7", 150000},
	    {"7.159E-05", 71590000},
	    {"12e+2", 1200000000000000},
	    {"0.1000000000000000000000000000000000000001", 100000000000},
	    {"9223372.036854775807", INT64_MAX},
	    {"9223372.036854775808", -1},
	    {"1e30", -1},
	    {"0e30", 0},
	    {"1e-999", 0},
	    {"1e99999999999", -1},
	    {"-1", -1},
	    {"", -1},
	    {"1e", -1},
	    {"1x", -1},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		int64_t value = -1;
		bool ok = usage_parse_usd(text_of(table[i].text), &value);
		ck_assert_msg(ok == (table[i].pico_usd >= 0) && value == table[i].pico_usd,
		              "%s gave %lld", table[i].text, (long long)value);
	}
}
END_TEST

START_TEST(a_turn_with_compaction_is_summed)
{
	const struct chat_reply *reply = read_text(
	    "{\"type\":\"message\",\"id\":\"m\",\"role\":\"assistant\",\"content\":[],\"stop_"
	    "reason\":"
	    "\"end_turn\",\"usage\":{\"input_tokens\":10,\"output_tokens\":5,\"iterations\":[{"
	    "\"type\":"
	    "\"compaction\",\"input_tokens\":100,\"output_tokens\":50},{\"type\":\"message\","
	    "\"input_tokens\":10,\"output_tokens\":5},{\"type\":\"advisor_message\",\"input_"
	    "tokens\":7}]}}");

	ck_assert_int_eq(reply->usage.input, 110);
	ck_assert_int_eq(reply->usage.output, 55);
}
END_TEST

/* The tier that served is the reply's to say (it may be another than was asked for), whether it
 * stands before the counts or with them: read wrongly, twice or half the price would be charged. */
START_TEST(the_reply_says_what_the_price_depends_on)
{
	static const struct {
		const char *tier;
		enum chat_service service;
	} tiers[] = {
	    {"default", CHAT_SERVICE_STANDARD},  {"on_demand", CHAT_SERVICE_STANDARD},
	    {"flex", CHAT_SERVICE_FLEX},         {"batch", CHAT_SERVICE_BATCH},
	    {"priority", CHAT_SERVICE_PRIORITY}, {"performance", CHAT_SERVICE_PRIORITY},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(tiers); i++) {
		struct text body = text_format(
		    &unit_arena,
		    "{\"id\":\"c\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
		    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
		    "\"x\"},\"finish_reason\":\"stop\"}],\"service_tier\":\"%s\",\"usage\":{"
		    "\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}",
		    tiers[i].tier);
		ck_assert_int_eq(read_text(text_c(&unit_arena, body))->usage.service,
		                 tiers[i].service);
	}
	const struct chat_reply *reply = read_text(
	    "{\"type\":\"message\",\"id\":\"m\",\"role\":\"assistant\",\"content\":[],"
	    "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":10,\"output_tokens\":5,"
	    "\"cache_creation_input_tokens\":7,\"cache_creation\":{\"ephemeral_5m_input_tokens\":"
	    "3,\"ephemeral_1h_input_tokens\":4},\"service_tier\":\"batch\",\"inference_geo\":"
	    "\"us\"}}");
	ck_assert_int_eq(reply->usage.input, 17);
	ck_assert_int_eq(reply->usage.cache_write_1h, 4);
	ck_assert_int_eq(reply->usage.service, CHAT_SERVICE_BATCH);
	ck_assert_str_eq(reply->usage.region, "us");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, openai_counts_are_read_with_their_details);
	tcase_add_test(cases, what_is_not_said_is_unknown_and_not_zero);
	tcase_add_test(cases, cached_counts_stand_under_many_names);
	tcase_add_test(cases, counts_that_are_no_counts_are_told);
	tcase_add_test(cases, a_total_that_does_not_add_up_is_told);
	tcase_add_test(cases, the_last_usage_of_a_stream_wins_unless_it_says_nothing);
	tcase_add_test(cases, cost_is_read_exactly_in_each_form);
	tcase_add_test(cases, dollars_are_parsed_to_the_pico);
	tcase_add_test(cases, a_turn_with_compaction_is_summed);
	tcase_add_test(cases, the_reply_says_what_the_price_depends_on);
}

int main(void)
{
	return unit_main("usage", add);
}
