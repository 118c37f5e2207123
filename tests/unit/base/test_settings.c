/* Settings by tables: every mistake said at its place, good values read exactly. */
#include "harness/base/settings.h"

#include "harness/base/yaml.h"
#include "tests/unit/unit.h"

static struct arena arena;
static struct fault_list faults;

enum strategy { CHEAPEST, FASTEST, BEST };

struct limits {
	int64_t concurrency;
	int64_t body_bytes;
};

struct model {
	struct text name;
	const struct json *node;
	int64_t price_pico_usd;
};

struct waiver {
	struct text target;
	struct text owner;
};

struct config {
	struct text name;
	int64_t version;
	bool strict;
	int strategy;
	int64_t timeout_ms;
	int64_t max_pico_usd;
	const struct json *extra;
	struct text_list targets;
	struct limits limits;
	struct setting_list waivers;
	struct setting_list models;
	const struct json *node;
};

static const struct setting limits_rows[] = {
    {.name = "concurrency",
     .type = SETTING_INT,
     .offset = offsetof(struct limits, concurrency),
     .min = 1,
     .max = 100},
    {.name = "body_bytes",
     .type = SETTING_BYTES,
     .offset = offsetof(struct limits, body_bytes),
     .min = 1024,
     .max = 1 << 30},
};
static const struct setting_table limits_table = {
    .what = "limits", .rows = limits_rows, .count = ARRAY_LENGTH(limits_rows)};

static const struct setting model_rows[] = {
    {.name = "price", .type = SETTING_USD, .offset = offsetof(struct model, price_pico_usd)},
};
static const struct setting_table model_table = {
    .what = "model",
    .rows = model_rows,
    .count = ARRAY_LENGTH(model_rows),
    .node_offset = offsetof(struct model, node) + 1,
};

static const struct setting waiver_rows[] = {
    {.name = "target",
     .type = SETTING_TEXT,
     .offset = offsetof(struct waiver, target),
     .flags = SETTING_REQUIRED},
    {.name = "owner",
     .type = SETTING_TEXT,
     .offset = offsetof(struct waiver, owner),
     .flags = SETTING_REQUIRED},
};
static const struct setting_table waiver_table = {
    .what = "waiver", .rows = waiver_rows, .count = ARRAY_LENGTH(waiver_rows)};

static const char *const strategies[] = {"cheapest", "fastest", "best", NULL};

static const struct setting config_rows[] = {
    {.name = "name", .type = SETTING_TEXT, .offset = offsetof(struct config, name)},
    {.name = "version",
     .type = SETTING_INT,
     .offset = offsetof(struct config, version),
     .flags = SETTING_REQUIRED,
     .min = 1},
    {.name = "strict", .type = SETTING_BOOL, .offset = offsetof(struct config, strict)},
    {.name = "strategy",
     .type = SETTING_ENUM,
     .offset = offsetof(struct config, strategy),
     .names = strategies},
    {.name = "timeout",
     .type = SETTING_DURATION,
     .offset = offsetof(struct config, timeout_ms),
     .max = 900000},
    {.name = "max_spend", .type = SETTING_USD, .offset = offsetof(struct config, max_pico_usd)},
    {.name = "extra", .type = SETTING_NODE, .offset = offsetof(struct config, extra)},
    {.name = "targets", .type = SETTING_TEXTS, .offset = offsetof(struct config, targets)},
    {.name = "limits",
     .type = SETTING_STRUCT,
     .offset = offsetof(struct config, limits),
     .table = &limits_table},
    {.name = "waivers",
     .type = SETTING_LIST,
     .offset = offsetof(struct config, waivers),
     .table = &waiver_table,
     .item_size = sizeof(struct waiver)},
    {.name = "models",
     .type = SETTING_MAP,
     .offset = offsetof(struct config, models),
     .table = &model_table,
     .item_size = sizeof(struct model)},
};
static const struct setting_table config_table = {
    .what = "config",
    .rows = config_rows,
    .count = ARRAY_LENGTH(config_rows),
    .node_offset = offsetof(struct config, node) + 1,
};

static void end(void)
{
	arena_done(&arena);
}

static bool read_config(const char *yaml, struct config *out)
{
	struct source *source = ARENA_NEW(&arena, struct source);
	struct json *root = NULL;
	struct fault fault;

	source->name = TEXT("c.yaml");
	source->body = text_of(yaml);
	faults = (struct fault_list){0};
	ck_assert_msg(yaml_read(source, NULL, &arena, &root, NULL, &fault), "%s", fault.message);
	*out = (struct config){.timeout_ms = 60000, .limits = {.concurrency = 8}};
	return settings_read(&config_table, root, out, &arena, &faults);
}

/* All mistakes, one a line, "line:column message". */
static struct text mistakes(const char *yaml)
{
	struct config config;
	struct text all = TEXT("");

	ck_assert(!read_config(yaml, &config));
	for (size_t i = 0; i < faults.count; i++)
		all = text_format(&arena, "%.*s%s%u:%u %s", TEXT_ARG(all), i == 0 ? "" : "\n",
		                  faults.items[i].line, faults.items[i].column,
		                  faults.items[i].message);
	return all;
}

START_TEST(every_type_is_read)
{
	struct config config;

	ck_assert(read_config("name: lab\nversion: 1\nstrict: true\nstrategy: best\n"
	                      "timeout: 10s\nmax_spend: \"2.50\"\nextra: {a: [1]}\n"
	                      "targets: [a/b, c/d]\nlimits: {concurrency: 4, body_bytes: 32m}\n"
	                      "waivers:\n- {target: x, owner: me}\n- {target: y, owner: you}\n"
	                      "models:\n  m1: {price: 0.1}\n  m2:\n",
	                      &config));
	assert_text(config.name, "lab");
	ck_assert_int_eq(config.version, 1);
	ck_assert(config.strict);
	ck_assert_int_eq(config.strategy, BEST);
	ck_assert_int_eq(config.timeout_ms, 10000);
	ck_assert_int_eq(config.max_pico_usd, 2500000000000);
	ck_assert_ptr_nonnull(json_member(config.extra, "a"));
	ck_assert_uint_eq(config.targets.count, 2);
	assert_text(config.targets.items[1], "c/d");
	ck_assert_int_eq(config.limits.concurrency, 4);
	ck_assert_int_eq(config.limits.body_bytes, 32 << 20);
	const struct waiver *waivers = config.waivers.items;
	ck_assert_uint_eq(config.waivers.count, 2);
	assert_text(waivers[1].owner, "you");
	const struct model *models = config.models.items;
	ck_assert_uint_eq(config.models.count, 2);
	assert_text(models[0].name, "m1");
	ck_assert_int_eq(models[0].price_pico_usd, 100000000000);
	assert_text(models[1].name, "m2");
	ck_assert_ptr_nonnull(models[1].node);
	ck_assert_ptr_eq(config.node, json_pointer(config.node, TEXT("")));
}
END_TEST

START_TEST(absent_and_null_keys_keep_their_defaults)
{
	struct config config;

	ck_assert(read_config("version: 1\ntimeout:\nlimits:\nextra: null\n", &config));
	ck_assert_int_eq(config.timeout_ms, 60000);
	ck_assert_int_eq(config.limits.concurrency, 8);
	ck_assert_ptr_null(config.extra);
	ck_assert_uint_eq(config.targets.count, 0);
	ck_assert(read_config("version: 1\ntargets: one\n", &config));
	ck_assert_uint_eq(config.targets.count, 1);
}
END_TEST

START_TEST(an_unknown_key_is_named_with_its_nearest)
{
	assert_text(mistakes("version: 1\nstratgy: best\n"),
	            "2:1 unknown key 'stratgy' (did you mean 'strategy'?)");
	assert_text(mistakes("version: 1\ncolour: red\n"),
	            "2:1 unknown key 'colour' in this config");
	assert_text(mistakes("version: 1\nmodels: {m: {cost: 1}}\n"),
	            "2:14 unknown key 'cost' in this model; it has price");
}
END_TEST

START_TEST(wrong_values_say_what_is_wanted)
{
	assert_text(mistakes("version: 1\ntimeout: 10x\n"),
	            "2:10 timeout is \"10x\"; want a duration like 500ms, 10s, 15m, 1h or 14d (at "
	            "most 36500d)");
	assert_text(
	    mistakes("version: 1\ntimeout: 10\n"),
	    "2:10 timeout is 10; want a duration like 500ms, 10s, 15m, 1h or 14d (at most 36500d)");
	assert_text(mistakes("version: 1\ntimeout: 1h\n"),
	            "2:10 timeout is \"1h\"; want a duration of at most 15m");
	assert_text(mistakes("version: 0\n"),
	            "1:10 version is 0; want a whole number of at least 1");
	assert_text(mistakes("version: 1.5\n"),
	            "1:10 version is 1.5; want a whole number of at least 1");
	assert_text(mistakes("version: \"1\"\n"),
	            "1:10 version is \"1\"; want a whole number of at least 1");
	assert_text(mistakes("version: 1\nname: 2024\n"),
	            "2:7 name is 2024; want a string: put it in quotes");
	assert_text(mistakes("version: 1\nname: [a]\n"), "2:7 name is an array; want a string");
	assert_text(mistakes("version: 1\nstrict: yes\n"),
	            "2:9 strict is \"yes\"; want true or false");
	assert_text(mistakes("version: 1\nstrategy: bets\n"),
	            "2:11 strategy is \"bets\"; want cheapest, fastest or best (did you mean "
	            "'best'?)");
	assert_text(mistakes("version: 1\nstrategy: 1\n"),
	            "2:11 strategy is 1; want cheapest, fastest or best");
	assert_text(mistakes("version: 1\nlimits: {concurrency: 101}\n"),
	            "2:23 concurrency is 101; want a whole number from 1 to 100");
	assert_text(mistakes("version: 1\nlimits: {body_bytes: 2g}\n"),
	            "2:22 body_bytes is \"2g\"; want a size from 1k to 1g");
	assert_text(mistakes("version: 1\nlimits: 3\n"), "2:9 limits is 3; want an object");
	assert_text(mistakes("version: 1\ntargets: [a, [b], {c: d}]\n"),
	            "2:14 targets is an array; want a string\n2:19 targets is an object; want a "
	            "string");
	assert_text(mistakes("version: 1\ntargets: 3\n"),
	            "2:10 targets is 3; want a string or a list of strings");
	assert_text(mistakes("version: 1\nwaivers: {}\n"),
	            "2:10 waivers is an object; want an array");
	assert_text(mistakes("version: 1\nmodels: []\n"), "2:9 models is an array; want an object");
	assert_text(mistakes("version: 1\nmodels: {m: 3}\n"),
	            "2:13 this model is 3; want an object");
	assert_text(mistakes("[]"), "1:1 this config is an array; want an object");
}
END_TEST

START_TEST(money_that_is_not_exact_is_refused)
{
	const char *want = "want an amount in USD like \"2.50\", at least 0, with at most 12 "
			   "decimals and below 9 million";

	assert_text(mistakes("version: 1\nmax_spend: -1\n"),
	            text_format(&arena, "2:12 max_spend is -1; %s", want).data);
	assert_text(mistakes("version: 1\nmax_spend: $2\n"),
	            text_format(&arena, "2:12 max_spend is \"$2\"; %s", want).data);
	assert_text(mistakes("version: 1\nmax_spend: true\n"),
	            text_format(&arena, "2:12 max_spend is true; %s", want).data);
}
END_TEST

START_TEST(what_is_missing_is_said_where_it_should_stand)
{
	assert_text(mistakes("name: x\n"), "1:1 this config has no 'version'");
	assert_text(mistakes("version:\n"), "1:1 this config has no 'version'");
	assert_text(mistakes(""), "1:1 this config has no 'version'");
	assert_text(mistakes("version: 1\nwaivers: [{target: x, owner: null}]\n"),
	            "2:11 this waiver has no 'owner'");
	assert_text(mistakes("version: 1\nwaivers:\n- {target: x, owner: me}\n- target: y\n"),
	            "4:3 this waiver has no 'owner'");
}
END_TEST

START_TEST(all_mistakes_are_said_at_once_in_order)
{
	assert_text(mistakes("strict: 1\nnmae: x\nlimits:\n  concurrency: 0\n  body: 1\n"),
	            "1:9 strict is 1; want true or false\n"
	            "2:1 unknown key 'nmae' (did you mean 'name'?)\n"
	            "4:16 concurrency is 0; want a whole number from 1 to 100\n"
	            "5:3 unknown key 'body' in this limits; it has concurrency and body_bytes\n"
	            "1:1 this config has no 'version'");
}
END_TEST

START_TEST(a_full_list_ends_the_reading_but_warnings_do_not)
{
	struct config config;
	struct text_buf many;

	text_buf_init(&many, 1 << 20);
	for (int i = 0; i < 30000; i++)
		(void)text_buf_format(&many, "k%d: 1\n", i);
	ck_assert(!read_config(many.data, &config));
	ck_assert_uint_eq(faults.count, FAULT_LIST_MAX);
	ck_assert_uint_le(faults.dropped, 2);
	text_buf_done(&many);

	struct source source = {TEXT("c.yaml"), TEXT("version: 1\nstrict: maybe\n")};
	struct json *root = NULL;
	struct fault fault;
	ck_assert(yaml_read(&source, NULL, &arena, &root, NULL, &fault));
	faults = (struct fault_list){0};
	while (faults.count < FAULT_LIST_MAX)
		(void)fault_list_warn(&faults, json_place(root), "only a warning");
	ck_assert(!settings_read(&config_table, root, &config, &arena, &faults));
	ck_assert_uint_eq(faults.errors, 1);
}
END_TEST

static int64_t duration(const char *view)
{
	int64_t out = -1;

	return setting_parse_duration(text_of(view), &out) ? out : -1;
}

static int64_t bytes(const char *view)
{
	int64_t out = -1;

	return setting_parse_bytes(text_of(view), &out) ? out : -1;
}

START_TEST(durations_and_sizes_have_units)
{
	ck_assert_int_eq(duration("500ms"), 500);
	ck_assert_int_eq(duration("10s"), 10000);
	ck_assert_int_eq(duration("15m"), 900000);
	ck_assert_int_eq(duration("1h"), 3600000);
	ck_assert_int_eq(duration("14d"), 1209600000);
	ck_assert_int_eq(duration("0"), 0);
	ck_assert_int_eq(duration("0s"), 0);
	ck_assert_int_eq(duration("36500d"), 3153600000000);
	ck_assert_int_eq(duration("36501d"), -1);
	ck_assert_int_eq(duration("3153600000001ms"), -1);
	ck_assert_int_eq(duration("106751991168d"), -1);
	ck_assert_int_eq(duration("99999999999999999999s"), -1);
	ck_assert_int_eq(duration(""), -1);
	ck_assert_int_eq(duration("s"), -1);
	ck_assert_int_eq(duration("10"), -1);
	ck_assert_int_eq(duration("-1s"), -1);
	ck_assert_int_eq(duration("1 s"), -1);
	ck_assert_int_eq(duration("1.5s"), -1);
	ck_assert_int_eq(duration("10s "), -1);
	ck_assert_int_eq(bytes("64k"), 65536);
	ck_assert_int_eq(bytes("32m"), 33554432);
	ck_assert_int_eq(bytes("1G"), 1 << 30);
	ck_assert_int_eq(bytes("123"), 123);
	ck_assert_int_eq(bytes("8589934592g"), -1);
	ck_assert_int_eq(bytes("8589934591g"), 9223372035781033984);
	ck_assert_int_eq(bytes("k"), -1);
	ck_assert_int_eq(bytes(""), -1);
	ck_assert_int_eq(bytes("1kb"), -1);
}
END_TEST

START_TEST(values_are_shown_in_their_largest_unit)
{
	char out[SETTING_FORMAT_BYTES];

	setting_format_duration(90000, out);
	ck_assert_str_eq(out, "90s");
	setting_format_duration(86400000, out);
	ck_assert_str_eq(out, "1d");
	setting_format_duration(0, out);
	ck_assert_str_eq(out, "0ms");
	setting_format_bytes(0, out);
	ck_assert_str_eq(out, "0");
	setting_format_bytes(1025, out);
	ck_assert_str_eq(out, "1025");
	setting_format_bytes(INT64_MIN, out);
	ck_assert_str_eq(out, "-8589934592g");
}
END_TEST

static int64_t usd(const char *view)
{
	int64_t out = -1;

	return setting_parse_usd(text_of(view), &out) ? out : -1;
}

START_TEST(money_is_read_exactly)
{
	ck_assert_int_eq(usd("2.50"), 2500000000000);
	ck_assert_int_eq(usd("0"), 0);
	ck_assert_int_eq(usd("0.000000000001"), 1);
	ck_assert_int_eq(usd("0.1"), 100000000000);
	ck_assert_int_eq(usd("5.46875e-07"), 546875);
	ck_assert_int_eq(usd("3.625e-09"), 3625);
	ck_assert_int_eq(usd("1E2"), 100000000000000);
	ck_assert_int_eq(usd("1e+2"), 100000000000000);
	ck_assert_int_eq(usd("9223372.036854775807"), INT64_MAX);
	ck_assert_int_eq(usd("1.50000000000000000000"), 1500000000000);
	ck_assert_int_eq(usd("0e999"), 0);
	ck_assert_int_eq(usd("0.0e-999"), 0);
	ck_assert_int_eq(usd("100000000000000e-20"), 1000000);
	ck_assert_int_eq(usd("007"), 7000000000000);
}
END_TEST

START_TEST(money_that_does_not_fit_is_refused)
{
	ck_assert_int_eq(usd("9223372.036854775808"), -1);
	ck_assert_int_eq(usd("9223373"), -1);
	ck_assert_int_eq(usd("1e7"), -1);
	ck_assert_int_eq(usd("1e999"), -1);
	ck_assert_int_eq(usd("1e99999999999999999999"), -1);
	ck_assert_int_eq(usd("0.0000000000001"), -1);
	ck_assert_int_eq(usd("1.5e-12"), -1);
	ck_assert_int_eq(usd("1e-13"), -1);
	ck_assert_int_eq(usd("1e-999"), -1);
	ck_assert_int_eq(usd("-1"), -1);
	ck_assert_int_eq(usd("+1"), -1);
	ck_assert_int_eq(usd(""), -1);
	ck_assert_int_eq(usd("."), -1);
	ck_assert_int_eq(usd(".5"), -1);
	ck_assert_int_eq(usd("5."), -1);
	ck_assert_int_eq(usd("1e"), -1);
	ck_assert_int_eq(usd("1e+"), -1);
	ck_assert_int_eq(usd("1e+-2"), -1);
	ck_assert_int_eq(usd("1,5"), -1);
	ck_assert_int_eq(usd("1.5 "), -1);
	ck_assert_int_eq(usd("0x10"), -1);
	ck_assert_int_eq(usd("99999999999999999999999999999999999999"), -1);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, NULL, end);
	tcase_add_test(cases, every_type_is_read);
	tcase_add_test(cases, absent_and_null_keys_keep_their_defaults);
	tcase_add_test(cases, an_unknown_key_is_named_with_its_nearest);
	tcase_add_test(cases, wrong_values_say_what_is_wanted);
	tcase_add_test(cases, money_that_is_not_exact_is_refused);
	tcase_add_test(cases, what_is_missing_is_said_where_it_should_stand);
	tcase_add_test(cases, all_mistakes_are_said_at_once_in_order);
	tcase_add_test(cases, a_full_list_ends_the_reading_but_warnings_do_not);
	tcase_add_test(cases, durations_and_sizes_have_units);
	tcase_add_test(cases, values_are_shown_in_their_largest_unit);
	tcase_add_test(cases, money_is_read_exactly);
	tcase_add_test(cases, money_that_does_not_fit_is_refused);
}

int main(void)
{
	return unit_main("settings", add);
}
