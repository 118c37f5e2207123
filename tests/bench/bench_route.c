/*
 * What a decision costs, and a reload, by a config and a matrix: reads both TIMES times, then
 * decides on each of the requests that are given, one a line on standard input.
 *
 *   route CONFIG MATRIX TIMES      prints one JSON object
 */
#include "harness/base/json.h"
#include "proxy/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DECISIONS = 20000, LINE_MAX_BYTES = 1 << 16, ROUNDS = 200 };

/* CPU: one thread that waits for nothing, on a machine that may be busy. */
static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

static void fail(const struct fault_list *faults)
{
	(void)fprintf(stderr, "route: %s\n",
	              faults->count > 0 ? faults->items[0].message : "it can't be read");
	exit(EXIT_FAILURE);
}

static struct snapshot *load(char **argv, const struct snapshot_shared *shared, int times,
                             double *median_ms)
{
	struct snapshot_files files = {argv[1], argv[2]};
	double *took = memory_new_array((size_t)times, sizeof(*took));
	struct snapshot *snapshot = NULL;

	for (int i = 0; i < times; i++) {
		struct fault_list faults = {0};
		snapshot_drop(snapshot);
		double start = now_us();
		if (!snapshot_load(&files, shared, (int64_t)time(NULL) * 1000, &snapshot, &faults))
			fail(&faults);
		took[i] = (now_us() - start) / 1e3;
	}
	qsort(took, (size_t)times, sizeof(*took), compare);
	*median_ms = took[times / 2];
	memory_free(took);
	return snapshot;
}

/* One line of the input decided many times; the median of rounds, in microseconds. */
static void decide(const struct snapshot *snapshot, char *line, bool first)
{
	struct arena arena = {0}, scratch = {0};
	struct json *body;
	struct fault fault;
	struct shape shape;
	struct shape_fault wrong;
	struct router_decision decision;
	double rounds[ROUNDS];

	line[strcspn(line, "\n")] = '\0';
	if (!json_read_text(text_of(line), "request", &arena, &body, &fault) ||
	    !shape_read(ENDPOINT_CHAT, body, &arena, &shape, &wrong))
		exit(EXIT_FAILURE);
	struct router_request request = {
	    .shape = &shape,
	    .body = body,
	    .max_cost_pico_usd = -1,
	    .min_quality = 0.0 / 0.0,
	    .now_wall_ms = snapshot->loaded_wall_ms,
	};
	for (int round = 0; round < ROUNDS; round++) {
		double start = now_us();
		for (int i = 0; i < DECISIONS / ROUNDS; i++) {
			arena_reset(&scratch);
			if (router_decide(snapshot->router, &request, &scratch, &decision,
			                  &wrong) != ROUTER_DECIDED)
				exit(EXIT_FAILURE);
		}
		rounds[round] = (now_us() - start) / (DECISIONS / ROUNDS);
	}
	qsort(rounds, ROUNDS, sizeof(*rounds), compare);
	(void)printf("%s{\"us\":%.3f,\"candidates\":%zu,\"excluded\":%zu}", first ? "" : ",",
	             rounds[ROUNDS / 2], decision.count, decision.exclusion_count);
	arena_done(&arena);
	arena_done(&scratch);
}

int main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];
	double median_ms;

	if (argc != 4)
		return EXIT_FAILURE;
	struct snapshot_shared shared = {health_table_new(), live_table_new(), NULL};
	struct snapshot *snapshot = load(argv, &shared, atoi(argv[3]), &median_ms);
	(void)printf("{\"reload_ms\":%.3f,\"targets\":%zu,\"cells\":%zu,\"decisions\":[", median_ms,
	             router_target_count(snapshot->router), snapshot->matrix.count);
	for (bool first = true; fgets(line, sizeof(line), stdin) != NULL; first = false)
		decide(snapshot, line, first);
	(void)printf("]}\n");
	snapshot_drop(snapshot);
	live_table_free(shared.lives);
	health_table_free(shared.healths);
	return EXIT_SUCCESS;
}
