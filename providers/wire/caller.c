/* What all calls on one loop share: the transport, a queue for each provider, spent calls. */
#include "providers/wire/call_private.h"

#include "harness/base/digest.h"

enum {
	CALLS_KEPT = 64,
	KEPT_BYTES = 1 << 20, /* of one buffer of a spent call; more is given back */
};

bool caller_new(struct loop *loop, struct caller **out, struct fault *fault)
{
	struct transport *transport;

	if (!transport_new(loop, &transport, fault))
		return false;
	struct caller *caller = memory_new(sizeof(*caller));
	caller->magic = CALLER_MAGIC;
	caller->loop = loop;
	caller->transport = transport;
	/* Of a key's shape, so that the provider looks it up, and nobody's. */
	caller->wrong_key = secret_from_bytes(TEXT("sk-proviso-0000000000000000000000000000"));
	random_bytes(&caller->random, sizeof(caller->random));
	caller->random |= 1;
	*out = caller;
	return true;
}

static void call_free(struct call *call)
{
	attempt_done(&call->attempt);
	call->magic = 0;
	memory_free(call);
}

static void caller_close(void *context)
{
	struct caller *caller = context;

	while (caller->unused != NULL) {
		struct call *call = caller->unused;

		caller->unused = call->next;
		call_free(call);
	}
	while (caller->paces != NULL) {
		struct caller_pace *entry = caller->paces;

		caller->paces = entry->next;
		pace_free(entry->pace);
		memory_free((void *)(uintptr_t)entry->provider.data);
		memory_free(entry);
	}
	arena_done(&caller->scratch);
	secret_free(caller->wrong_key);
	transport_free(caller->transport);
	caller->magic = 0;
	memory_free(caller);
}

void caller_free(struct caller *caller)
{
	if (caller == NULL)
		return;
	REQUIRE(caller->magic == CALLER_MAGIC);
	REQUIRE(caller->in_flight == 0 && !caller->freed);
	caller->freed = true;
	/* We may stand within the end of the last call. */
	loop_defer(caller->loop, caller_close, caller);
}

struct call *caller_take_call(struct caller *caller)
{
	struct call *call = caller->unused;

	REQUIRE(caller->magic == CALLER_MAGIC && !caller->freed);
	if (call != NULL) {
		caller->unused = call->next;
		caller->unused_count--;
	} else {
		call = memory_new(sizeof(*call));
		call->magic = CALL_MAGIC;
		call->caller = caller;
		attempt_init(&call->attempt, caller->loop);
	}
	call->next = NULL;
	call->number = 0;
	call->cancelled = false;
	call->last = (struct call_attempt){0};
	caller->in_flight++;
	return call;
}

void caller_give_call(struct caller *caller, struct call *call)
{
	struct attempt *attempt = &call->attempt;

	attempt_reset(attempt);
	if (caller->unused_count >= CALLS_KEPT) {
		call_free(call);
		return;
	}
	if (attempt->body.room > KEPT_BYTES || attempt->arena.held > KEPT_BYTES ||
	    attempt->chunk_room * sizeof(attempt->chunks[0]) > KEPT_BYTES) {
		attempt_done(attempt);
		attempt_init(attempt, caller->loop);
	}
	call->next = caller->unused;
	caller->unused = call;
	caller->unused_count++;
}

static bool same_limits(const struct provider_limits *a, const struct provider_limits *b)
{
	return a->concurrency == b->concurrency &&
	       a->requests_per_minute == b->requests_per_minute &&
	       a->tokens_per_minute == b->tokens_per_minute;
}

struct pace *caller_pace_of(struct caller *caller, const struct provider *provider)
{
	/* By name and limits, not by address: a reload makes every provider anew. */
	for (struct caller_pace *at = caller->paces; at != NULL; at = at->next)
		if (text_equal(at->provider, provider->name) &&
		    same_limits(&at->limits, &provider->limits))
			return at->pace;
	struct caller_pace *entry = memory_new(sizeof(*entry));
	char *name = memory_new(provider->name.len);
	if (provider->name.len > 0)
		memcpy(name, provider->name.data, provider->name.len);
	entry->provider = (struct text){name, provider->name.len};
	entry->limits = provider->limits;
	entry->pace = pace_new(caller->loop, &provider->limits);
	entry->next = caller->paces;
	caller->paces = entry;
	return entry->pace;
}

/* xorshift64*: for jitter, where all that counts is that two callers differ. */
uint64_t caller_random(struct caller *caller)
{
	caller->random ^= caller->random >> 12;
	caller->random ^= caller->random << 25;
	caller->random ^= caller->random >> 27;
	return caller->random * UINT64_C(2685821657736338717);
}
