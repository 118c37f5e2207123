/*
 * From what is said to a reply: stop, max_tokens and n are applied here, to a
 * canonical answer as to any other, and the tokens are counted.
 */
#include "providers/sim/sim_memory.h"
#include "providers/sim/sim_private.h"

enum {
	REPLY_ID_SIZE = 29,   /* behind "chatcmpl-", as OpenAI's */
	REPLY_CALL_SIZE = 24, /* behind "call_" */
	REPLY_SHORT_ID = 9,   /* what TR-03's provider wants */
	REPLY_TOKENS_PER_CALL = 3,
	REPLY_CACHED_FROM = 1024, /* prompt tokens: shorter prompts are not cached */
	REPLY_CACHED_STEP = 128,  /* and only whole steps of longer ones */
};

/* What is left of max_tokens while a choice is cut to it. */
struct reply_budget {
	int64_t left; /* tokens; INT64_MAX: no cap */
	int64_t used;
	bool cut;
};

static struct text reply_take(struct reply_budget *budget, struct text text)
{
	int64_t count = sim_tokens_count(text);

	if (count > budget->left) {
		budget->cut = true;
		text = text_slice(text, 0, sim_tokens_prefix(text, budget->left));
		count = budget->left;
	}
	budget->left -= count;
	budget->used += count;
	return text;
}

/* Before the first stop text that occurs. */
static struct text reply_stop(const struct sim_ask *ask, struct text content,
                              struct text *stopped_by)
{
	size_t end = content.len;

	for (size_t i = 0; i < ask->stop_count; i++) {
		size_t at = text_find(content, ask->stops[i], 0);
		if (at != TEXT_NOT_FOUND && at < end) {
			end = at;
			*stopped_by = ask->stops[i];
		}
	}
	return text_slice(content, 0, end);
}

static void reply_take_calls(const struct sim_serving *serving, const struct sim_answer *answer,
                             struct reply_budget *budget, size_t choice, struct sim_choice *out)
{
	bool short_ids = serving->setup->switches[SIM_TR_03].on;
	bool counted_ids = sim_breaks(serving, SIM_TR_11);

	for (size_t i = 0; i < answer->tool_call_count; i++) {
		int64_t head = sim_tokens_count(answer->tool_calls[i].name) + REPLY_TOKENS_PER_CALL;

		if (head > budget->left) {
			budget->cut = true;
			return;
		}
		budget->left -= head;
		budget->used += head;
		struct sim_call *call = &out->calls[out->call_count++];
		size_t label = choice * SIM_CALLS_MAX + i;
		call->id = short_ids ? sim_identifier(serving, "call", label, REPLY_SHORT_ID)
		                     : text_format(serving->arena, "call_%.*s",
		                                   TEXT_ARG(sim_identifier(serving, "call", label,
		                                                           REPLY_CALL_SIZE)));
		if (counted_ids)
			call->id = text_format(serving->arena, "call_%zu", label);
		call->type = TEXT("function");
		call->name = answer->tool_calls[i].name;
		call->arguments = reply_take(budget, answer->tool_calls[i].arguments);
	}
}

static struct text reply_finish(const struct sim_answer *answer, const struct sim_choice *choice,
                                bool cut, bool stopped)
{
	if (cut)
		return TEXT("length");
	if (stopped)
		return TEXT("stop");
	if (answer->finish_reason.data != NULL)
		return answer->finish_reason;
	return choice->call_count > 0 ? TEXT("tool_calls") : TEXT("stop");
}

/* Returns the tokens of the choice; reasoning tokens are added to *reasoning. */
static int64_t reply_make_choice(const struct sim_serving *serving, const struct sim_ask *ask,
                                 const struct sim_answer *answer, size_t index,
                                 struct sim_completion *completion)
{
	struct sim_choice *out = &completion->choices[index];
	int64_t room = int64_max(serving->setup->context - ask->prompt_tokens, 1);
	struct reply_budget budget = {
	    .left = ask->max_tokens >= 0 ? int64_min(ask->max_tokens, room) : room};
	struct text stopped_by = {0};

	if (answer->reasoning.data != NULL)
		out->reasoning = reply_take(&budget, answer->reasoning);
	completion->usage.reasoning += budget.used;
	if (answer->refusal.data != NULL)
		out->refusal = reply_take(&budget, answer->refusal);
	if (answer->content.data != NULL)
		out->content = reply_take(&budget, reply_stop(ask, answer->content, &stopped_by));
	reply_take_calls(serving, answer, &budget, index, out);
	/* Null belongs to calls and refusals only. */
	if (out->content.data == NULL && out->call_count == 0 && out->refusal.data == NULL)
		out->content = TEXT("");
	if (!budget.cut)
		out->stopped_by = stopped_by;
	out->finish = reply_finish(answer, out, budget.cut, out->stopped_by.data != NULL);
	return budget.used;
}

static size_t reply_choice_count(const struct sim_ask *ask)
{
	const struct json *prompt = json_member(ask->body, "prompt");
	size_t prompts = 1;

	/* Of a list of texts each is answered; a list of numbers is one text in tokens. */
	if (ask->endpoint == ENDPOINT_COMPLETIONS && json_is(prompt, JSON_ARRAY) &&
	    json_is(prompt->first, JSON_STRING))
		prompts = size_min(prompt->count, SIM_CHOICES_MAX);
	return size_min((size_t)ask->n * prompts, SIM_CHOICES_MAX);
}

/* The second of two equal long prompts is read from the cache. */
static int64_t reply_cached(const struct sim_serving *serving, const struct sim_ask *ask)
{
	if (ask->prompt_tokens < REPLY_CACHED_FROM ||
	    !sim_memory_has_read(serving->setup->memory, serving->draw))
		return 0;
	return ask->prompt_tokens - ask->prompt_tokens % REPLY_CACHED_STEP;
}

void sim_reply_make(const struct sim_serving *serving, const struct sim_ask *ask,
                    const struct sim_answer *answer, struct sim_completion *out)
{
	bool chat = ask->endpoint == ENDPOINT_CHAT;

	*out = (struct sim_completion){
	    .serving = serving,
	    .ask = ask,
	    .id = text_format(serving->arena, "%s-%.*s", chat ? "chatcmpl" : "cmpl",
	                      TEXT_ARG(sim_identifier(serving, "reply", 0, REPLY_ID_SIZE))),
	    .object = chat ? TEXT("chat.completion") : TEXT("text_completion"),
	    .chunk_object = chat ? TEXT("chat.completion.chunk") : TEXT("text_completion"),
	    .created = serving->wall_ms / 1000,
	    .model = ask->model,
	    .role = TEXT("assistant"),
	    .choice_count = reply_choice_count(ask),
	    .usage = {.present = true,
	              .prompt = ask->prompt_tokens,
	              .cached = reply_cached(serving, ask)},
	};
	/* Asked in the old way, answered in the old way; streams of it nobody has. */
	out->as_function_call = !ask->streamed && ask->tools == NULL &&
	                        json_is(json_member(ask->body, "functions"), JSON_ARRAY);
	out->choices = ARENA_NEW_ARRAY(serving->arena, struct sim_choice, out->choice_count);
	for (size_t i = 0; i < out->choice_count; i++)
		out->usage.completion += reply_make_choice(serving, ask, answer, i, out);
	out->usage.total = out->usage.prompt + out->usage.completion;
}
