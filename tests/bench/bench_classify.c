/*
 * Which task a request is, by the patterns of a config and a prompt of that many bytes, which none
 * of them finds: so all are searched for. CPU of this process, each turn a figure:
 *
 *   classify CONFIG BYTES        patterns, then microseconds a request
 */
#include "harness/run/route/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TIMES = 20, TURNS = 9, PROMPT_MAX_BYTES = 1 << 20 };

static const char sentence[] =
    "The committee met on Tuesday and decided, after 42 minutes, that nothing should be decided. ";

static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static void make_request(struct text_buf *out, size_t bytes)
{
	text_buf_init(out, 2 * PROMPT_MAX_BYTES);
	text_buf_add_c(out, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"");
	while (out->len < bytes)
		text_buf_add_c(out, sentence);
	text_buf_add_c(out, "\"}]}");
}

static double measure(const struct task_table *table, const struct task_request *request)
{
	struct arena scratch = {0};
	bool limited = false;
	double start = now_us();

	for (int i = 0; i < TIMES; i++) {
		if (task_find(table, request, &scratch, &limited) != NULL || limited) {
			(void)fprintf(stderr, "classify: a pattern was found or stopped\n");
			exit(EXIT_FAILURE);
		}
		arena_reset(&scratch);
	}
	double used = now_us() - start;
	arena_done(&scratch);
	return used / TIMES;
}

int main(int argc, char **argv)
{
	struct fault_list faults = {0};
	struct arena arena = {0};
	struct task_table *table;
	struct text_buf bytes;
	struct config config;
	struct shape_fault wrong;
	struct shape shape;
	struct fault fault;
	struct json *body;

	if (argc != 3 || !config_load(argv[1], &config, &faults) ||
	    !task_table_new(&config, &table, &fault)) {
		(void)fprintf(stderr, "classify: %s\n",
		              faults.count > 0 ? faults.items[0].message : "no config");
		return EXIT_FAILURE;
	}
	make_request(&bytes, strtoul(argv[2], NULL, 10));
	if (!json_read_text(text_buf_view(&bytes), "request", &arena, &body, &fault) ||
	    !shape_read(ENDPOINT_CHAT, body, &arena, &shape, &wrong))
		return EXIT_FAILURE;
	const struct task_request request = {.shape = &shape, .body = body};
	(void)printf("%zu", config.tasks.count);
	for (int turn = 0; turn < TURNS; turn++)
		(void)printf("\t%.2f", measure(table, &request));
	(void)printf("\n");
	task_table_free(table);
	config_done(&config);
	text_buf_done(&bytes);
	arena_done(&arena);
	return EXIT_SUCCESS;
}
