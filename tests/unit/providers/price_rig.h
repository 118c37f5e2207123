/* Prices out of a config's text. */
#ifndef PROVISO_TESTS_UNIT_PROVIDERS_PRICE_RIG_H
#define PROVISO_TESTS_UNIT_PROVIDERS_PRICE_RIG_H

#include "harness/base/loop.h"
#include "harness/base/yaml.h"
#include "providers/provider_private.h"
#include "tests/unit/unit.h"

static struct arena arena;
static struct fault_list faults;
static struct source source;
static struct provider_set set;

static inline bool read_yaml(const char *yaml)
{
	struct json *root;
	struct fault fault;

	arena_done(&arena);
	memset(&faults, 0, sizeof(faults));
	source = (struct source){TEXT("p.yaml"), text_of(yaml)};
	ck_assert_msg(yaml_read(&source, NULL, &arena, &root, NULL, &fault), "%s", fault.message);
	return provider_set_read(root, &arena, &set, &faults);
}

/* A provider with one model, priced so; the price stands at six blanks. */
static inline const struct price *priced(const char *provider_lines, const char *price)
{
	static char yaml[8192];

	(void)snprintf(
	    yaml, sizeof(yaml),
	    "lab:\n  base_url: http://10.0.0.5/v1\n%s  models:\n    m:\n      price:%s\n",
	    provider_lines, price);
	ck_assert_msg(read_yaml(yaml), "%s (line %u)", faults.items[0].message,
	              faults.items[0].line);
	return &set.items[0].models[0].price;
}

static inline int64_t at(const char *moment)
{
	int64_t wall_ms;

	ck_assert(wall_parse(text_of(moment), &wall_ms));
	return wall_ms;
}

/* OpenAI gpt-5.6-sol: 4 / .4 / 20, w=5 as a promotion from 2026-08-21 to at least 2026-11-21, 5 /
 * .5 / 30, w=6.25 before; above 272,000 prompt tokens 8 / .8 / 30, w=10 (llmgateway#4128,
 * 2026-09-18).
 */
static const char sol[] =
    "\n      - {input: \"5\", cached_input: \"0.5\", cache_write: \"6.25\", output: \"30\","
    " until: 2026-08-20, reviewed: 2026-09-18}"
    "\n      - {input: \"4\", cached_input: \"0.4\", cache_write: \"5\", output: \"20\","
    " from: 2026-08-21, review_by: 2026-11-21, reviewed: 2026-09-18,"
    " context: [{above: 272000, input: \"8\", cached_input: \"0.8\", cache_write: \"10\","
    " output: \"30\"}]}";

#endif
