/* A router of six targets with all that prices depend on, and a forecast beside it. */
#ifndef PROVISO_TESTS_UNIT_RUN_FORECAST_RIG_H
#define PROVISO_TESTS_UNIT_RUN_FORECAST_RIG_H

#include "harness/base/file.h"
#include "harness/run/forecast/forecast.h"
#include "tests/unit/run/routing.h"

#include <math.h>
#include <unistd.h>

#define DAY_MS ROUTING_DAY_MS

static char path[] = "/tmp/proviso-forecast-XXXXXX.yaml";
static struct routing rig;
static struct config config;
static struct router *router;
static struct forecast *forecast;
static struct forecast_result result;
static struct fault fault;
static uint64_t state;

static inline void set_up(void)
{
	memcpy(path + sizeof(path) - 12, "XXXXXX", 6);
	int fd = mkstemps(path, 5);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	routing_init(&rig);
	router = NULL;
	forecast = NULL;
	config = config_defaults;
	state = 20261128;
}

static inline void tear_down(void)
{
	forecast_done(forecast);
	router_done(router);
	config_done(&config);
	(void)unlink(path);
	arena_done(&rig.arena);
}

static inline int64_t draw(int64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int64_t)(state % (uint64_t)below);
}

/*
 * a: dear for long prompts, and small; b: cheaper output by day (a window); c: the best, in tiers;
 * d: no price; e: never proven; f: cheap for long prompts, and smaller still.
 */
#define PROVIDERS                                                                                  \
	"version: 1\n"                                                                             \
	"providers:\n"                                                                             \
	"  a: {dialect: openai, base_url: http://127.0.0.1:1/v1, models: {m: {context: 6000,\n"    \
	"      price: {input: \"1\", output: \"1\"}}}}\n"                                          \
	"  b: {dialect: openai, base_url: http://127.0.0.1:2/v1, models: {m: {context: 40000,\n"   \
	"      price: {input: \"0.5\", output: \"9\", windows: [{from: \"06:00\", until: "         \
	"\"18:00\", factor: \"0.1\"}]}}}}\n"                                                       \
	"  c: {dialect: openai, base_url: http://127.0.0.1:3/v1, models: {m: {\n"                  \
	"      price: {input: \"2\", cached_input: \"0.2\", output: \"3.0000001\", context: "      \
	"[{above: 3000, input: "                                                                   \
	"\"0.25\", output: \"0.5\"}]}}}}\n"                                                        \
	"  d: {dialect: openai, base_url: http://127.0.0.1:4/v1, models: {m: {}}}\n"               \
	"  e: {dialect: openai, base_url: http://127.0.0.1:5/v1, models: {m: {price: {input: "     \
	"\"0\", output: \"0\"}}}}\n"                                                               \
	"  f: {dialect: openai, base_url: http://127.0.0.1:6/v1, models: {m: {context: 3000,\n"    \
	"      price: {input: \"0\", output: \"2\"}}}}\n"                                          \
	"tasks:\n"                                                                                 \
	"  - {name: large, risk: high, match: {prompt_bytes: {min: 18002, max: 30001}}}\n"         \
	"  - {name: review, risk: high, match: {header: {x-proviso-task: review}}}\n"

static inline void configure(const char *rest)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct text yaml = text_format(&rig.arena, PROVIDERS "%s", rest);

	ck_assert(file_replace(path, yaml, 0600, &fault));
	ck_assert_msg(config_load(path, &config, faults), "%s", faults->items[0].message);
	memory_free(faults);
}

static inline void prove(const char *target, double quality)
{
	struct matrix_cell *cell = routing_cell(&rig, target, "CH-01", VERDICT_PASS);

	if (isnan(quality))
		return;
	cell->tally.of[OUTCOME_OK] = 10;
	cell->rate = quality;
}

static inline void build(void)
{
	(void)routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	(void)routing_case(&rig, "LC-01", CASE_GATE, "long_context", "sync");
	prove("a/m", 0.75);
	prove("b/m", 0.8);
	prove("c/m", 0.95);
	prove("d/m", (double)NAN);
	prove("f/m", 0.75);
	(void)routing_cell(&rig, "b/m", "LC-01", VERDICT_PASS);
	matrix_sort(&rig.matrix);
	ck_assert_msg(router_build(&config, &rig.suite, &rig.matrix, &rig.arena, &router, &fault),
	              "%s", fault.message);
}

static inline void start(size_t baseline)
{
	const struct forecast_setup setup = {
	    .router = router,
	    .baseline = baseline,
	    .now_wall_ms = ROUTING_NOW_MS,
	    .at_wall_ms = FORECAST_AS_LOGGED,
	    .since_wall_ms = INT64_MIN,
	    .until_wall_ms = INT64_MAX,
	};

	ck_assert_msg(forecast_new(&setup, &rig.arena, &forecast, &fault), "%s", fault.message);
}

static inline struct traffic_row row_of(int64_t wall_ms, int64_t input, int64_t output)
{
	static const struct source none = {TEXT_INIT("t.csv"), TEXT_INIT("")};

	return (struct traffic_row){
	    .wall_ms = wall_ms,
	    .input_tokens = input,
	    .output_tokens = output,
	    .asked = TEXT("r"),
	    .features = TEXT("chat"),
	    .source = &none,
	};
}

static inline void take(const struct traffic_row *row)
{
	ck_assert_msg(forecast_add(forecast, row, &fault), "%s", fault.message);
}

static inline const struct forecast_policy *policy_of(const char *name)
{
	for (size_t i = 0; i < result.count; i++)
		if (text_is(result.policies[i].name, name))
			return &result.policies[i];
	ck_abort_msg("no policy %s", name);
	return NULL;
}

#endif
