/*
 * The bare loop as a program: sends the requests of a file and counts what comes back.
 *
 *   bench_bare PARALLEL TIMES FILE      a line is URL, tab, body
 */
#include "tests/bench/bare_loop.h"

#include "harness/base/file.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX_BYTES = 64 << 20, PARALLEL_MAX = 1024, TIMES_MAX = 1 << 20 };

static int usage(void)
{
	(void)fprintf(stderr, "usage: bench_bare PARALLEL TIMES FILE\n");
	return EXIT_FAILURE;
}

static bool read_requests(const char *path, struct arena *arena, struct bare_job *job)
{
	struct source *source;
	struct fault fault;
	struct text rest, line;
	size_t count = 0;

	if (!file_read(path, FILE_MAX_BYTES, arena, &source, &fault)) {
		(void)fprintf(stderr, "bench_bare: %s\n", fault.message);
		return false;
	}
	rest = source->body;
	while (text_next_field(&rest, '\n', &line))
		count++;
	struct bare_request *requests = ARENA_NEW_ARRAY(arena, struct bare_request, count);
	rest = source->body;
	while (text_next_field(&rest, '\n', &line)) {
		struct text url;

		if (line.len == 0 || !text_next_field(&line, '\t', &url))
			continue;
		requests[job->count++] = (struct bare_request){text_c(arena, url), line};
	}
	job->requests = requests;
	return job->count > 0;
}

int main(int argc, char **argv)
{
	struct bare_job job = {0};
	struct arena arena = {0};
	int64_t parallel, times;

	if (argc != 4 || !text_to_int64(text_of(argv[1]), 1, PARALLEL_MAX, &parallel) ||
	    !text_to_int64(text_of(argv[2]), 1, TIMES_MAX, &times))
		return usage();
	if (!read_requests(argv[3], &arena, &job))
		return EXIT_FAILURE;
	job.parallel = (size_t)parallel;
	job.times = (size_t)times;
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	size_t bytes = bare_loop_run(&job);
	(void)printf("%zu requests, %zu bytes of bodies\n", job.count * job.times, bytes);
	curl_global_cleanup();
	arena_done(&arena);
	return EXIT_SUCCESS;
}
