/* proviso.yaml: the whole of it is read, and every slip is found at its place. */
#include "harness/run/config/config.h"

#include "harness/base/file.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <unistd.h>

static char path[] = "/tmp/proviso-test-XXXXXX.yaml";
static struct config config;
static struct fault_list *faults;

static void set_up(void)
{
	int fd = mkstemps(path, 5);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	faults = memory_new(sizeof(*faults));
}

static void tear_down(void)
{
	(void)unlink(path);
	memory_free(faults);
}

static bool load(const char *yaml)
{
	struct fault fault;

	*faults = (struct fault_list){0};
	ck_assert(file_replace(path, text_of(yaml), 0600, &fault));
	return config_load(path, &config, faults);
}

#define PROVIDERS                                                                                  \
	"providers:\n"                                                                             \
	"  lab:\n"                                                                                 \
	"    dialect: openai\n"                                                                    \
	"    base_url: http://127.0.0.1:8000/v1\n"                                                 \
	"    models: {qwen: {context: 1000}, llama: {}}\n"

static const char whole[] =
    "version: 1\n" PROVIDERS
    "check: {profile: smoke, max_spend: \"2.00\", jobs: 4, trials: 2, cases: [mine, more]}\n"
    "policy:\n"
    "  mode: warn\n"
    "  max_age: 7d\n"
    "  unproven: allow\n"
    "  unknown_fields: reject\n"
    "  waivers: [{target: lab/qwen, case: PA-06, owner: platform, until: 2026-12-31, why: "
    "unused}]\n"
    "tasks:\n"
    "  - {name: review, risk: high, match: {header: {x-proviso-task: review}, tools: grep}}\n"
    "  - {name: summarise, risk: low, match: {prompt: \"(?i)\\\\bsummar(y|ise|ize)\",\n"
    "     prompt_bytes: {min: 1k, max: 1m}}}\n"
    "routes:\n"
    "  coder:\n"
    "    targets: [lab/qwen, lab/llama]\n"
    "    strategy: weighted\n"
    "    weights: {lab/llama: 3}\n"
    "    min_targets: 2\n"
    "    by_task: {review: {strategy: best, min_quality: 0.9}, summarise: {}}\n"
    "keys: {store: proviso.db, pepper: env:PROVISO_PEPPER}\n"
    "budgets:\n"
    "  - {scope: {team: search}, limit_usd: \"50\", per: month, soft: \"0.8\"}\n"
    "  - {scope: {target: lab/qwen, task: review}, limit_usd: 0.5, per: prepaid}\n"
    "proxy:\n"
    "  listen: \"[::1]:0\"\n"
    "  workers: 2\n"
    "  timeouts: {connect: 1s, first_event: 2s, idle: 3s, total: 4m, headers: 5s, body: 6s, write: "
    "7s}\n"
    "  limits: {header_bytes: 32k, body_bytes: 1m, connections: 10}\n"
    "  breaker: {window: 30s, min_requests: 5, failure_share: 0.25, open: 10s}\n"
    "ledger: {path: proviso.db, durability: relaxed, retain: 30d, content: redacted}\n";

START_TEST(every_section_is_read)
{
	bool good = load(whole);

	fault_list_print(faults, stderr);
	ck_assert(good);
	ck_assert_uint_eq(config.providers.count, 1);
	assert_text(config.check.profile, "smoke");
	ck_assert_int_eq(config.check.max_spend_pico_usd, 2000000000000);
	ck_assert_int_eq(config.check.jobs, 4);
	ck_assert_uint_eq(config.check.cases.count, 2);
	ck_assert(config.check.core);
	ck_assert_int_eq(config.policy.mode, CONFIG_WARN);
	ck_assert_int_eq(config.policy.max_age_ms, (int64_t)7 * 24 * 3600 * 1000);
	ck_assert_int_eq(config.policy.unproven, CONFIG_ALLOW);
	ck_assert_int_eq(config.policy.unknown_fields, CONFIG_REJECT);
	const struct config_waiver *waiver = config.policy.waivers.items;
	ck_assert_int_eq(waiver->until_wall_ms, 1798761599999); /* 2026-12-31T23:59:59.999Z */
	const struct config_task *tasks = config.tasks.items;
	ck_assert_uint_eq(config.tasks.count, 2);
	ck_assert_int_eq(tasks[0].risk, CONFIG_RISK_HIGH);
	assert_text(tasks[0].match.headers[0].name, "x-proviso-task");
	assert_text(tasks[0].match.tools.items[0], "grep");
	ck_assert_int_eq(tasks[1].match.prompt_bytes_max, 1 << 20);
	const struct config_route *route = config.routes.items;
	assert_text(route->name, "coder");
	ck_assert_int_eq(route->strategy, CONFIG_WEIGHTED);
	ck_assert_int_eq(route->weights[0], 1);
	ck_assert_int_eq(route->weights[1], 3);
	ck_assert(isnan(route->min_quality));
	ck_assert_uint_eq(route->by_task_count, 2);
	ck_assert_int_eq(route->by_task[0].strategy, CONFIG_BEST);
	ck_assert_double_eq_tol(route->by_task[0].min_quality, 0.9, 1e-9);
	ck_assert_int_eq(route->by_task[1].strategy, CONFIG_WEIGHTED); /* the route's */
	config_done(&config);
}
END_TEST

START_TEST(the_proxys_sections_are_read_too)
{
	ck_assert(load(whole));
	const struct config_budget *budgets = config.budgets.items;
	ck_assert_uint_eq(config.budgets.count, 2);
	assert_text(budgets[0].scope.team, "search");
	ck_assert_int_eq(budgets[0].per, CONFIG_MONTH);
	ck_assert_double_eq_tol(budgets[0].soft, 0.8, 1e-9);
	ck_assert(isnan(budgets[1].soft));
	ck_assert_int_eq(budgets[1].limit_pico_usd, 500000000000);
	assert_text(config.keys.pepper, "env:PROVISO_PEPPER");
	assert_text(config.proxy.listen, "[::1]:0");
	ck_assert_int_eq(config.proxy.timeouts.total_ms, 240000);
	ck_assert_int_eq(config.proxy.limits.header_bytes, 32 << 10);
	ck_assert_double_eq_tol(config.proxy.breaker.failure_share, 0.25, 1e-9);
	ck_assert_int_eq(config.proxy.breaker.open_ms, 10000);
	ck_assert_int_eq(config.ledger.durability, CONFIG_RELAXED);
	ck_assert_int_eq(config.ledger.content, CONFIG_CONTENT_REDACTED);
	config_done(&config);
}
END_TEST

START_TEST(what_is_not_said_has_the_contracts_default)
{
	ck_assert(load(PROVIDERS));
	ck_assert_ptr_null(config.check.profile.data);
	ck_assert_int_eq(config.check.max_spend_pico_usd, -1);
	ck_assert_int_eq(config.policy.mode, CONFIG_ENFORCE);
	ck_assert_int_eq(config.policy.max_age_ms, (int64_t)14 * 24 * 3600 * 1000);
	ck_assert_int_eq(config.policy.unproven, CONFIG_REJECT);
	ck_assert_int_eq(config.policy.unknown_fields, CONFIG_ALLOW);
	assert_text(config.proxy.listen, "127.0.0.1:4000");
	ck_assert_int_eq(config.proxy.timeouts.total_ms, 15 * 60 * 1000);
	ck_assert_int_eq(config.ledger.durability, CONFIG_STRICT);
	ck_assert_ptr_null(config.ledger.path.data);
	config_done(&config);
}
END_TEST

/* A slip is found, at its line, and said in words that help. */
START_TEST(every_slip_is_found_where_it_stands)
{
	static const struct {
		const char *yaml;
		unsigned line; /* behind the providers: 6 is the first */
		const char *says;
	} slips[] = {
	    {"polcy: {}\n", 6, "did you mean 'policy'"},
	    {"check:\n  profil: ci\n", 7, "did you mean 'profile'"},
	    {"check:\n  profile: smok\n", 7, "did you mean 'smoke'"},
	    {"check: {max_spend: much}\n", 6, "amount in USD"},
	    {"policy:\n  mode: enforced\n", 7, "did you mean 'enforce'"},
	    {"policy:\n  max_age: 14 days\n", 7, "duration"},
	    {"policy:\n  waivers:\n    - {target: lab/qwen, case: A, owner: x, until: soon}\n", 8,
	     "want a date like"},
	    {"policy:\n  waivers:\n    - {target: lab/qwen, case: A, until: 2026-02-28}\n", 8,
	     "has no 'owner'"},
	    {"policy:\n  waivers:\n    - {target: lba/qwen, case: A, owner: x, until: "
	     "2026-02-28}\n",
	     8, "did you mean 'lab'"},
	    {"tasks:\n  - {name: a, match: {prompt: \"(\"}}\n", 7, "parenthesis"},
	    {"tasks:\n  - {name: a, match: {}}\n", 7, "take every request"},
	    {"tasks:\n  - {name: a}\n", 7, "has no 'match'"},
	    {"tasks:\n  - {name: a, match: {key: k}}\n  - {name: a, match: {key: l}}\n", 8,
	     "two tasks named a"},
	    {"tasks:\n  - {name: a, match: {header: {x-a: 1}}}\n", 7, "want a string"},
	    {"routes:\n  coder: {targets: [lab/qwen, lap/qwen]}\n", 7, "did you mean 'lab'"},
	    {"routes:\n  coder: {targets: [qwen]}\n", 7, "provider/model"},
	    {"routes:\n  coder: {targets: [lab/qwen, lab/qwen]}\n", 7, "stands twice"},
	    {"routes:\n  coder: {targets: []}\n", 7, "leads nowhere"},
	    {"routes:\n  a/b: {targets: [lab/qwen]}\n", 7, "no slash"},
	    {"routes:\n  coder: {targets: [lab/qwen], strategy: cheap}\n", 7, "cheapest"},
	    {"routes:\n  coder: {targets: [lab/qwen], min_targets: 2}\n", 7, "there are 1 targets"},
	    {"routes:\n  coder: {targets: [lab/qwen], by_task: {reveiw: {}}}\n", 7, "no task"},
	    {"routes:\n  coder: {targets: [lab/qwen], weights: {lab/llama: 1}}\n", 7,
	     "no target of this route"},
	    {"routes:\n  coder: {targets: [lab/qwen], min_quality: 2}\n", 7, "0 to 1"},
	    {"routes:\n  coder: {targets: [lab/]}\n", 7, "'lab/' is no target"},
	    {"routes:\n  coder: {targets: [lab/qwen, lab/llama], weights: {lab/qwen: 0, "
	     "lab/llama: 0}}\n",
	     7, "all weights are 0"},
	    {"routes:\n  coder: {targets: [lab/qwen], repairs: [glue]}\n", 7, "no repair"},
	    {"routes:\n  coder: {targets: [lab/qwen], hedge: {after: p95, when: p95}}\n", 7,
	     "it has after and share"},
	    {"tasks:\n  - {name: a, match: {key: k}}\n"
	     "routes:\n  coder: {targets: [lab/qwen], by_task: {nothing: {}}}\n",
	     9, "no task \"nothing\"; there is a"},
	    {"keys: {store: \"\"}\n", 6, "store is empty; want a path"},
	    {"ledger: {path: \"\"}\n", 6, "path is empty; want a path"},
	    {"proxy:\n  live: {path: \"\"}\n", 7, "path is empty; want a path"},
	    {"proxy:\n  probes: {runs: \"\"}\n", 7, "runs is empty; want a path"},
	    {"proxy:\n  timeouts: {idle: 106751991d}\n", 7, "at most 36500d"},
	    {"proxy:\n  timeouts: {idle: -1s}\n", 7, "a duration like"},
	    {"keys: {stor: x}\n", 6, "did you mean 'store'"},
	    {"keys: {store: x, pepper: hunter2hunter2}\n", 6, "env:NAME, file:PATH or"},
	    {"budgets:\n  - {scope: {}, limit_usd: 1, per: day}\n", 7, "a scope names"},
	    {"budgets:\n  - {scope: {tem: x}, limit_usd: 1, per: day}\n", 7, "did you mean 'team'"},
	    {"budgets:\n  - {scope: {team: x}, limit_usd: 1, per: year}\n", 7, "hour, day"},
	    {"budgets:\n  - {scope: {team: x}, per: day}\n", 7, "has no 'limit_usd'"},
	    {"budgets:\n  - {scope: {provider: lap}, limit_usd: 1, per: day}\n", 7,
	     "did you mean 'lab'"},
	    {"budgets:\n  - {scope: {team: x}, limit_usd: 1, per: day}\n"
	     "  - {scope: {key: x}, limit_usd: 1, per: day}\n"
	     "  - {scope: {team: x}, limit_usd: 1, per: week}\n"
	     "  - {scope: {team: x}, limit_usd: 2, per: day}\n",
	     10, "two budgets of this scope and period"},
	    {"alerts: {webhook: \"https://x\", secret: \"env:X\", events: [budget.hrad]}\n", 6,
	     "did you mean 'budget.hard'"},
	    {"budgets:\n  - {scope: {team: x}, limit_usd: 1, per: day, soft: 80}\n", 7, "0 to 1"},
	    {"proxy:\n  listen: 4000\n", 7, "quotes"},
	    {"proxy:\n  listen: \"4000\"\n", 7, "ADDRESS:PORT"},
	    {"proxy:\n  listen: \"::1:4000\"\n", 7, "ADDRESS:PORT"},
	    {"proxy:\n  listen: \"127.0.0.1:70000\"\n", 7, "ADDRESS:PORT"},
	    {"proxy:\n  timeouts: {idel: 3s}\n", 7, "did you mean 'idle'"},
	    {"proxy:\n  breaker: {failure_share: half}\n", 7, "0 to 1"},
	    {"ledger: {durability: strictly}\n", 6, "did you mean 'strict'"},
	    {"version: 2\n", 6, "want a whole number: 1"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(slips); i++) {
		char yaml[1024];
		(void)snprintf(yaml, sizeof(yaml), PROVIDERS "%s", slips[i].yaml);
		ck_assert_msg(!load(yaml), "%s", slips[i].yaml);
		ck_assert_msg(faults->count == 1, "%s: %zu faults: %s; %s", slips[i].yaml,
		              faults->count, faults->items[0].message, faults->items[1].message);
		assert_fault_says(&faults->items[0], slips[i].says);
		ck_assert_msg(faults->items[0].line == slips[i].line, "%s: line %u", slips[i].yaml,
		              faults->items[0].line);
		config_done(&config);
	}
}
END_TEST

START_TEST(a_feature_that_nobody_knows_is_a_slip)
{
	ck_assert(!load("version: 1\nproviders:\n  lab:\n    base_url: http://x/v1\n"
	                "    models:\n      m: {features: [vision, tools, tool_choice.nmaed]}\n"));
	ck_assert_uint_eq(faults->count, 1);
	assert_fault_says(&faults->items[0], "did you mean 'tool_choice.named'");
	ck_assert_uint_eq(faults->items[0].line, 6);
	ck_assert_uint_eq(faults->items[0].column, 37);
	config_done(&config);
}
END_TEST

START_TEST(all_slips_are_shown_at_once)
{
	ck_assert(!load(PROVIDERS "polcy: {}\ncheck: {profile: smok}\nproxy: {listen: x}\n"
	                          "routes: {a: {targets: [nobody/x]}}\n"));
	ck_assert_uint_eq(faults->errors, 4);
	config_done(&config);
}
END_TEST

START_TEST(a_wrong_provider_is_not_reported_again_by_those_who_name_it)
{
	ck_assert(!load("providers:\n  lab: {dialect: opnai, base_url: \"http://127.0.0.1:1/v1\"}\n"
	                "routes: {a: {targets: [lab/x]}}\n"));
	for (size_t i = 0; i < faults->count; i++)
		ck_assert_uint_eq(faults->items[i].line, 2);
	config_done(&config);
}
END_TEST

START_TEST(a_pepper_that_stands_in_the_config_is_not_shown)
{
	ck_assert(!load(PROVIDERS "keys: {store: x, pepper: hunter2hunter2}\n"));
	ck_assert_ptr_null(strstr(faults->items[0].excerpt, "hunter2"));
	ck_assert_ptr_null(strstr(faults->items[0].message, "hunter2"));
	config_done(&config);
}
END_TEST

START_TEST(what_is_no_config_is_said)
{
	static const char *const files[] = {"", "[]\n", "just words\n", "check: {}\n", "a: [\n"};

	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		ck_assert_msg(!load(files[i]), "%s", files[i]);
		ck_assert_uint_ge(faults->errors, 1);
		config_done(&config);
	}
	ck_assert(!config_load("/nowhere/proviso.yaml", &config, faults));
	config_done(&config);
}
END_TEST

START_TEST(every_key_has_a_line_of_documentation)
{
	const struct setting_table *todo[64] = {&config_table};
	size_t count = 1;

	for (size_t t = 0; t < count; t++) {
		for (size_t i = 0; i < todo[t]->count; i++) {
			const struct setting *row = &todo[t]->rows[i];
			ck_assert_msg(row->doc != NULL && strlen(row->doc) > 4, "%s.%s",
			              todo[t]->what, row->name);
			ck_assert_msg(row->doc[strlen(row->doc) - 1] == '.', "%s", row->doc);
			if (row->table != NULL)
				todo[count++] = row->table;
		}
	}
	ck_assert_uint_gt(count, 10);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, every_section_is_read);
	tcase_add_test(cases, the_proxys_sections_are_read_too);
	tcase_add_test(cases, what_is_not_said_has_the_contracts_default);
	tcase_add_test(cases, every_slip_is_found_where_it_stands);
	tcase_add_test(cases, a_feature_that_nobody_knows_is_a_slip);
	tcase_add_test(cases, all_slips_are_shown_at_once);
	tcase_add_test(cases, a_wrong_provider_is_not_reported_again_by_those_who_name_it);
	tcase_add_test(cases, a_pepper_that_stands_in_the_config_is_not_shown);
	tcase_add_test(cases, what_is_no_config_is_said);
	tcase_add_test(cases, every_key_has_a_line_of_documentation);
}

int main(void)
{
	return unit_main_apart("config", add);
}
