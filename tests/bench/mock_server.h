/*
 * The provider that benchmarks ask: no latency, no memory, the same for everybody.
 *
 * It answers every POST with a chat completion whose text is the last message of the request
 * (or with a fixed body), so that a case can expect the word that its prompt names.
 */
#ifndef PROVISO_BENCH_MOCK_SERVER_H
#define PROVISO_BENCH_MOCK_SERVER_H

#include "harness/base/loop.h"

/* Listens on 127.0.0.1 and returns the port; lives as long as the process. Ends it on failure. */
int mock_server_start(struct loop *loop, const struct text *fixed_reply);
/* The same in a process of its own, so that its CPU is not counted. Ended by mock_server_end. */
int mock_server_fork(const struct text *fixed_reply);
void mock_server_end(void);

#endif
