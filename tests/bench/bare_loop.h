/*
 * libcurl alone: multi_socket on epoll, easy handles used again, connections kept. As good as
 * requests can be had without us; it reads no reply and keeps none.
 */
#ifndef PROVISO_BENCH_BARE_LOOP_H
#define PROVISO_BENCH_BARE_LOOP_H

#include "harness/base/text.h"

struct bare_request {
	const char *url;
	struct text body;
};

struct bare_job {
	const struct bare_request *requests;
	size_t count;
	size_t times; /* each of them */
	size_t parallel;
};

/* The key that all benchmarks send; not one that anybody takes. */
#define BENCH_KEY "sk-bench-0123456789abcdef"

/* Bytes of bodies received. Ends the process where a request gets anything but a 200. */
size_t bare_loop_run(const struct bare_job *job);

#endif
