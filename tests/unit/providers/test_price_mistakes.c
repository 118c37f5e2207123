/*
 * What is wrong with a price in a config is said once and at its place; and what time made of one
 * that was right. If one failed, a user would be billed by a price that nobody meant.
 */
#include "tests/unit/providers/price_rig.h"

static const struct {
	const char *price, *says;
	unsigned line;
} mistakes[] = {
    {" {input: \"1\"}", "output", 6},
    {" {input: \"-1\", output: \"1\"}", "input", 6},
    {" {input: \"1\", output: \"1\", cached_inputs: \"1\"}", "did you mean", 6},
    {"\n      - {input: \"1\", output: \"1\", until: 2026-03-01}"
     "\n      - {input: \"2\", output: \"1\", from: 2026-03-01}",
     "overlaps that of line 7", 8},
    {"\n      - {input: \"1\", output: \"1\"}\n      - {input: \"2\", output: \"1\"}", "overlaps",
     8},
    {" {input: \"1\", output: \"1\", from: 2026-02-30}", "want a date", 6},
    {" {input: \"1\", output: \"1\", from: 2026-03-02, until: 2026-03-01}", "never holds", 6},
    {" []", "without a price", 6},
    {" {input: \"1\", output: \"1\", context: [{above: 5, at_least: 6, input: \"2\"}]}",
     "either above or at_least", 6},
    {" {input: \"1\", output: \"1\", context: [{input: \"2\"}]}", "either above or at_least", 6},
    {" {input: \"1\", output: \"1\", context: [{above: 5}]}", "changes nothing", 6},
    {" {input: \"1\", output: \"1\", context: [{above: 5, input: \"2\"}, {at_least: 6, input: "
     "\"3\"}]}",
     "tiers overlap", 6},
    {" {input: \"1\", output: \"1\", service: {slow: \"2\"}}", "no service tier 'slow'", 6},
    {" {input: \"1\", output: \"1\", service: {flex: half}}", "want a factor", 6},
    {" {input: \"1\", output: \"1\", service: {flex: \"0.0000001\"}}", "six decimal places", 6},
    {" {input: \"1\", output: \"1\", service: {flex: \"1001\"}}", "at most 1000", 6},
    {" {input: \"1\", output: \"1\", service: {flex: {}}}", "changes nothing", 6},
    {" {input: \"1\", output: \"1\", context: [{above: 5, input: \"2\"}],"
     " service: {flex: {input: \"1\"}}}",
     "its own context tiers", 6},
    {"\n        input: \"1\"\n        output: \"1\"\n        context: [{above: 5, input: \"2\"}]\n"
     "        windows: [{from: \"01:00\", until: \"02:00\", input: \"3\"}]",
     "its own context tiers", 10},
    {"\n        input: \"1\"\n        output: \"1\"\n        windows:\n"
     "        - {from: \"01:00\", until: \"01:00\", factor: \"2\"}\n"
     "        - {days: sun, from: \"07:00\", until: \"08:00\", factor: \"2\"}",
     "overlaps one before", 11},
    {" {input: \"1\", output: \"1\", windows: [{from: \"1:00\", until: \"02:00\", factor: \"2\"}]}",
     "HH:MM", 6},
    {" {input: \"1\", output: \"1\", windows: [{from: \"24:01\", until: \"02:00\", factor: "
     "\"2\"}]}",
     "HH:MM", 6},
    {" {input: \"1\", output: \"1\", windows: [{days: mondays, from: \"01:00\", until: \"02:00\","
     " factor: \"2\"}]}",
     "days are", 6},
    {"\n        input: \"1\"\n        output: \"1\"\n        windows:\n"
     "        - {from: \"22:00\", until: \"02:00\", factor: \"2\"}\n"
     "        - {days: sun, from: \"01:59\", until: \"03:00\", factor: \"2\"}",
     "overlaps one before", 11},
    {" {input: \"1\", output: \"1\", windows: [{from: \"01:00\", until: \"02:00\", input: \"2\"}],"
     " service: {flex: {input: \"1\"}}}",
     "both have prices", 6},
    {" {input: \"1\", output: \"1\", fee_percent: \"0.00001\"}", "four decimal places", 6},
    {" {input: \"1\", output: \"1\", search_context: {tiny: \"1\"}}", "tiny", 6},
    {" {input: \"1\", output: \"1\", search_context: {}}", "low, medium or high", 6},
    {" {input: \"1\", output: \"1\", search_context: \"1\"}", "search context", 6},
    {" {input: \"1\", output: \"1\", regions: [us]}", "regions is a mapping", 6},
    {" 5", "price", 6},
};

START_TEST(mistakes_have_their_place)
{
	static char yaml[4096];

	for (size_t i = 0; i < ARRAY_LENGTH(mistakes); i++) {
		(void)snprintf(yaml, sizeof(yaml),
		               "lab:\n  base_url: http://10.0.0.5/v1\n  models:\n    m:\n"
		               "      context: 5\n      price:%s\n",
		               mistakes[i].price);
		bool good = read_yaml(yaml);
		ck_assert_msg(!good && faults.errors == 1, "%s: %zu mistakes, want one",
		              mistakes[i].price, faults.errors);
		assert_fault_says(&faults.items[0], mistakes[i].says);
		ck_assert_uint_eq(faults.items[0].line, mistakes[i].line);
		ck_assert_uint_ne(faults.items[0].column, 0);
	}
}
END_TEST

START_TEST(what_has_run_out_is_said)
{
	(void)priced("", sol);
	const struct provider_model *model = &set.items[0].models[0];

	price_review(model, at("2026-11-21T12:00:00Z"), &faults);
	ck_assert_uint_eq(faults.count, 0);
	price_review(model, at("2026-11-22"), &faults);
	ck_assert_uint_eq(faults.count, 1);
	assert_fault_says(&faults.items[0], "look at this price again");
	ck_assert_uint_eq(faults.items[0].line, 7);
	(void)priced("", " {input: \"1\", output: \"1\", from: 2026-01-01, until: 2026-02-01}");
	model = &set.items[0].models[0];
	price_review(model, at("2025-12-31"), &faults);
	assert_fault_says(&faults.items[0], "one does later");
	price_review(model, at("2026-02-02"), &faults);
	assert_fault_says(&faults.items[1], "has run out");
	ck_assert_uint_eq(faults.errors, 0);
	ck_assert_uint_eq(faults.count, 2);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, mistakes_have_their_place);
	tcase_add_test(cases, what_has_run_out_is_said);
}

int main(void)
{
	return unit_main("price_mistakes", add);
}
