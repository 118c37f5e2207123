/*
 * What goes wrong when many ask, when much is asked, and with time: each defect is a branch here.
 */
#include "providers/sim/sim_memory.h"
#include "providers/sim/sim_private.h"

enum {
	LOAD_PREFIX_BYTES = 4096, /* that a careless cache looks at */
	LOAD_FULL_TENTHS = 9,     /* of the window: from here on a prompt is cut */
	LOAD_COMPILES_MS = 10200, /* that a grammar takes: a little beyond what the case allows */
};

/* Said to whoever asked before, and to whoever asks next what is said here. */
static void load_mix_up(const struct sim_serving *serving, struct sim_answer *answer, uint64_t key)
{
	struct text before = sim_memory_exchange(serving->setup->memory, key, answer->content);

	if (before.data != NULL)
		answer->content = text_copy(serving->arena, before);
	sim_memory_forget(before);
}

/* The first word of the answer stood in the part of the prompt that was dropped. */
static void load_lose_first(struct sim_answer *answer)
{
	size_t blank = text_find_byte(answer->content, ' ', 0);

	if (blank != TEXT_NOT_FOUND)
		answer->content = text_slice(answer->content, blank + 1, answer->content.len);
}

/* What a long prompt begins with, as a key; 0: it is not long. */
static uint64_t load_prefix(const struct sim_serving *serving, const struct sim_ask *ask)
{
	struct text text = ask->messages == NULL
	                       ? TEXT("")
	                       : sim_message_text(ask->messages->last, serving->arena);
	unsigned char raw[DIGEST_BYTES];
	struct digest digest;
	uint64_t key = 0;

	if (text.len < LOAD_PREFIX_BYTES)
		return 0;
	digest_init(&digest);
	digest_add(&digest, text_slice(text, 0, LOAD_PREFIX_BYTES));
	digest_done(&digest, raw);
	memcpy(&key, raw, sizeof(key));
	return key;
}

void sim_break_load(const struct sim_serving *serving, const struct sim_ask *ask,
                    struct sim_answer *answer)
{
	if (sim_breaks(serving, SIM_CO_01))
		load_mix_up(serving, answer, SIM_CO_01);
	if (sim_breaks(serving, SIM_LC_01) || sim_breaks(serving, SIM_LC_01_32K) ||
	    sim_breaks(serving, SIM_LC_01_8K))
		load_lose_first(answer);
	if (sim_breaks(serving, SIM_LC_03) && load_prefix(serving, ask) != 0)
		load_mix_up(serving, answer, load_prefix(serving, ask));
}

void sim_break_load_usage(struct sim_completion *completion)
{
	const struct sim_serving *serving = completion->serving;
	struct sim_usage *usage = &completion->usage;

	if (sim_breaks(serving, SIM_LC_02) &&
	    usage->prompt * 10 > serving->setup->context * LOAD_FULL_TENTHS)
		usage->prompt /= 2;
	if (sim_breaks(serving, SIM_CO_05))
		usage->prompt += usage->prompt / 4;
	if (sim_breaks(serving, SIM_CO_05_RECORD))
		usage->prompt = 0;
	usage->total = usage->prompt + usage->completion;
}

bool sim_break_crowd(const struct sim_serving *serving, struct sim_error *error)
{
	/* Who asks alone, before all the others, is served. */
	if (!sim_breaks(serving, SIM_CO_02) || serving->step == 0 || serving->serial % 2 != 0)
		return false;
	*error = (struct sim_error){.status = 429,
	                            .message = TEXT("Too many requests at the same time."),
	                            .type = TEXT("requests"),
	                            .code = TEXT("rate_limit_exceeded")};
	return true;
}

void sim_break_pace(const struct sim_serving *serving, struct sim_output *out)
{
	static const struct {
		enum sim_break which;
		int64_t ttft_ms, gap_ms; /* a little beyond what the case allows */
	} late[] = {
	    {SIM_CO_03, 5200, 0},       {SIM_CO_03_32K, 8200, 0}, {SIM_CO_03_64K, 15200, 0},
	    {SIM_CO_03_128K, 35200, 0}, {SIM_CO_04, 0, 110},      {SIM_CO_04_FAST, 0, 40},
	    {SIM_CO_06, 3200, 0},
	};

	/* Who asks with that schema again does not wait for it. */
	if (out->stream != NULL && sim_breaks(serving, SIM_JS_16) && serving->step == 0)
		out->stream->first_ms = LOAD_COMPILES_MS;
	for (size_t i = 0; i < ARRAY_LENGTH(late); i++) {
		if (out->stream == NULL || !sim_breaks(serving, late[i].which))
			continue;
		out->stream->first_ms = late[i].ttft_ms;
		out->stream->pause_ms = late[i].gap_ms;
	}
}
