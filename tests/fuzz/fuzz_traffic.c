/*
 * Logs of traffic: each row is taken or refused with its place, and counted once; what is taken has
 * figures that can be.
 */
#include "harness/run/route/traffic.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tally {
	int64_t taken, refused;
};

static bool take(void *context, const struct traffic_row *row, struct fault *fault)
{
	struct tally *tally = context;

	(void)fault;
	REQUIRE(row->input_tokens >= -1 && row->input_tokens <= TRAFFIC_MAX_TOKENS);
	REQUIRE(row->output_tokens >= -1 && row->output_tokens <= TRAFFIC_MAX_TOKENS);
	REQUIRE(row->cached_tokens >= 0);
	tally->taken++;
	return true;
}

static bool refuse(void *context, const struct fault *fault)
{
	struct tally *tally = context;

	REQUIRE(fault->kind == FAULT_INPUT && fault->line > 0);
	tally->refused++;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct tally tally = {0};
	struct traffic_options options = {.task = {NULL, 0}};
	struct traffic_events events = {take, refuse, &tally};
	struct traffic_counts counts = {0};
	struct fault fault = {0};

	if (traffic_read(fuzz_file(data, size), &options, &events, &arena, &counts, &fault)) {
		REQUIRE(counts.taken == tally.taken && counts.refused == tally.refused);
		REQUIRE(counts.rows == counts.taken + counts.refused + counts.unserved);
	} else {
		REQUIRE(fault.kind != FAULT_NONE);
	}
	arena_done(&arena);
	return 0;
}
