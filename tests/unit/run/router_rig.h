/* A config, cells that prove its targets, and the decision on one request. */
#ifndef PROVISO_TESTS_UNIT_RUN_ROUTER_RIG_H
#define PROVISO_TESTS_UNIT_RUN_ROUTER_RIG_H

#include "harness/base/file.h"
#include "harness/base/http_parse.h"
#include "harness/base/json_write.h"
#include "harness/run/route/router.h"
#include "tests/unit/run/routing.h"

#include <unistd.h>

static char path[] = "/tmp/proviso-router-XXXXXX.yaml";
static struct routing rig;
static struct config config;
static struct router *router;
static struct router_request asked;
static struct router_decision decision;
static struct router_preferences wish;
static struct shape shape;
static struct shape_fault fault;

static inline void set_up(void)
{
	memcpy(path + sizeof(path) - 12, "XXXXXX", 6);
	int fd = mkstemps(path, 5);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	routing_init(&rig);
	router = NULL;
	config = config_defaults;
	asked = (struct router_request){
	    .shape = &shape,
	    .max_cost_pico_usd = -1,
	    .min_quality = (double)NAN,
	    .now_wall_ms = ROUTING_NOW_MS,
	};
	wish = (struct router_preferences){
	    .allow_fallbacks = true, .max_input_pico_usd = -1, .max_output_pico_usd = -1};
	shape = routing_shape(&rig, "chat");
	shape.max_output = 100;
}

static inline void tear_down(void)
{
	router_done(router);
	config_done(&config);
	(void)unlink(path);
	arena_done(&rig.arena);
}

/* a: cheap and poor; b: dear and good; c: no price, nothing measured. */
#define PROVIDERS                                                                                  \
	"version: 1\n"                                                                             \
	"providers:\n"                                                                             \
	"  a: {dialect: openai, base_url: http://127.0.0.1:1/v1, models: {m: {context: 1000,\n"    \
	"      max_output: 200, price: {input: \"1\", output: \"2\"}}, only-a: {}}}\n"             \
	"  b: {dialect: openai, base_url: http://127.0.0.1:2/v1, models: {m: {\n"                  \
	"      price: {input: \"3\", output: \"6\"}}, org/x: {}}}\n"                               \
	"  c: {dialect: openai, base_url: http://127.0.0.1:3/v1, models: {m: {context: 1000}}}\n"

#define ROUTE "routes: {r: {targets: [c/m, b/m, a/m]"

static inline void configure(const char *rest)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct fault bad;
	struct text yaml = text_format(&rig.arena, PROVIDERS "%s", rest);

	ck_assert(file_replace(path, yaml, 0600, &bad));
	ck_assert_msg(config_load(path, &config, faults), "%s", faults->items[0].message);
	memory_free(faults);
}

static inline void build(void)
{
	struct fault bad;

	matrix_sort(&rig.matrix);
	ck_assert_msg(router_build(&config, &rig.suite, &rig.matrix, &rig.arena, &router, &bad),
	              "%s", bad.message);
}

/* CH-01 passes at all three; quality and latency come from its cells. */
static inline void prove_all(void)
{
	static const struct {
		const char *target;
		double rate;
		int64_t latency_us;
	} measured[] = {{"a/m", 0.5, 3000}, {"b/m", 0.95, 1000}, {"c/m", (double)NAN, -1}};

	routing_case(&rig, "CH-01", CASE_GATE, "chat", "sync");
	for (size_t i = 0; i < ARRAY_LENGTH(measured); i++) {
		struct matrix_cell *cell =
		    routing_cell(&rig, measured[i].target, "CH-01", VERDICT_PASS);
		cell->rate = measured[i].rate;
		cell->tally.of[OUTCOME_OK] = isnan(measured[i].rate) ? 0 : 10;
		cell->latency_p50_us = measured[i].latency_us;
	}
}

static inline void set_up_route(const char *rest)
{
	configure(text_c(&rig.arena, text_format(&rig.arena, ROUTE "%s", rest)));
	prove_all();
	build();
}

static inline enum router_result decide(const char *model)
{
	asked.model = text_of(model);
	return router_decide(router, &asked, &rig.arena, &decision, &fault);
}

/* The candidates in order, between spaces. */
static inline const char *order_of(const char *model)
{
	struct text_buf out;

	ck_assert_int_eq(decide(model), ROUTER_DECIDED);
	text_buf_init(&out, 1 << 16);
	for (size_t i = 0; i < decision.count; i++) {
		ck_assert_ptr_eq(decision.candidates[i].target,
		                 router_target(router, decision.candidates[i].number));
		if (i > 0)
			text_buf_byte(&out, ' ');
		text_buf_add(&out, decision.candidates[i].target->name);
	}
	const char *order = text_c(&rig.arena, text_buf_view(&out));
	text_buf_done(&out);
	return order;
}

static inline const struct router_exclusion *exclusion_of(const char *target)
{
	for (size_t i = 0; i < decision.exclusion_count; i++)
		if (text_is(decision.exclusions[i].target->name, target))
			return &decision.exclusions[i];
	ck_abort_msg("%s is not excluded", target);
	return NULL;
}

#endif
