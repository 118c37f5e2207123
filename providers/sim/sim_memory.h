/*
 * What a simulator remembers: responses that were stored, for previous_response_id and GET, and
 * which long prompts it has read, for its cache. Bounded: the oldest make room.
 */
#ifndef PROVISO_PROVIDERS_SIM_SIM_MEMORY_H
#define PROVISO_PROVIDERS_SIM_SIM_MEMORY_H

#include "harness/base/text.h"

enum {
	SIM_MEMORY_ENTRIES = 256,
	SIM_MEMORY_PROMPTS = 256,
	SIM_MEMORY_SAID = 64,
	SIM_MEMORY_MAX_BYTES =
	    4 << 20, /* of one response with its conversation: more is not kept */
};

struct sim_memory;

/* What is kept of a response; views live until the next sim_memory_keep. */
struct sim_memory_entry {
	struct text id;
	struct text messages; /* the conversation as JSON objects, commas between */
	struct text body;     /* the response as it was answered */
};

MUST_CHECK struct sim_memory *sim_memory_new(void);
void sim_memory_free(struct sim_memory *memory);
/* Copies; one of that id is replaced. */
void sim_memory_keep(struct sim_memory *memory, const struct sim_memory_entry *entry);
/* NULL: there is none of that id (any more). */
MUST_CHECK const struct sim_memory_entry *sim_memory_find(const struct sim_memory *memory,
                                                          struct text id);
/* Whether a request of that draw was read before; from now on it was. */
MUST_CHECK bool sim_memory_has_read(struct sim_memory *memory, uint64_t draw);

/*
 * Keeps what is said under a key, and gives what was said there before: the caller's, for
 * sim_memory_forget; data NULL: nothing was.
 */
MUST_CHECK struct text sim_memory_exchange(struct sim_memory *memory, uint64_t key,
                                           struct text said);
void sim_memory_forget(struct text said);

#endif
