/*
 * What the simulated model says to anything that is no canonical question: always
 * the same to the same request, and what the request allows and demands.
 */
#include "providers/sim/sim_private.h"

enum {
	MODEL_QUOTE_BYTES = 160,   /* of the user's words that a reply repeats */
	MODEL_RESULT_BYTES = 1000, /* of each tool result */
	MODEL_WORDS_DEFAULT = 24,  /* filler behind a plain reply */
	MODEL_WORDS_THOUGHT = 8,
	MODEL_WORDS_MAX = 100000,   /* somebody asked for a novel */
	MODEL_WORD_LETTERS_MIN = 4, /* shorter parts of a tool's name say nothing */
};

static const char *const filler_words[] = {
    "river",  "stone",  "garden", "winter", "paper",  "silver", "window", "harbor",
    "candle", "forest", "summer", "bridge", "copper", "meadow", "signal", "lantern",
    "quiet",  "early",  "narrow", "bright", "gentle", "hollow", "steady", "open",
    "and",    "under",  "beside", "over",   "with",   "toward", "after",  "while",
};

/* Parts of tool names that are in too many sentences to mean the tool. */
static const char *const common_verbs[] = {
    "call", "create", "fetch", "find", "function", "list",   "lookup", "make",    "query",
    "read", "search", "send",  "show", "tool",     "update", "write",  "current", "data",
};

struct text sim_model_words(struct arena *arena, uint64_t draw, size_t count)
{
	size_t room = size_mul(count, 8) + 1;
	char *bytes = arena_alloc_bytes(arena, room);
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		const char *word = filler_words[sim_draw(draw, i) % ARRAY_LENGTH(filler_words)];
		size_t size = strlen(word);

		if (i > 0)
			bytes[len++] = ' ';
		memcpy(bytes + len, word, size);
		len += size;
	}
	return (struct text){bytes, len};
}

static const struct json *model_last(const struct sim_ask *ask)
{
	return ask->messages == NULL ? NULL : ask->messages->last;
}

/* The last thing that a user said; empty: nothing. */
static struct text model_user_text(const struct sim_ask *ask, struct arena *arena)
{
	const struct json *last = NULL;

	if (ask->endpoint != ENDPOINT_CHAT) {
		const struct json *prompt = json_member(ask->body, "prompt");
		return json_is(prompt, JSON_STRING) ? prompt->text : TEXT("");
	}
	JSON_EACH(message, ask->messages)
	{
		if (text_is(json_string(message, "role"), "user"))
			last = message;
	}
	return last == NULL ? TEXT("") : sim_message_text(last, arena);
}

/* --- which tools --- */

static bool model_says(struct text text, struct text word)
{
	for (size_t at = 0; word.len > 0 && at + word.len <= text.len; at++)
		if (text_equal_ignoring_case(text_slice(text, at, at + word.len), word))
			return true;
	return false;
}

static bool model_is_common(struct text word)
{
	for (size_t i = 0; i < ARRAY_LENGTH(common_verbs); i++)
		if (text_equal_ignoring_case(word, text_of(common_verbs[i])))
			return true;
	return word.len < MODEL_WORD_LETTERS_MIN;
}

/* True when the text has the name, or a telling part of it: `get_weather` -> weather. */
static bool model_means_tool(struct text text, struct text name)
{
	size_t from = 0;

	if (model_says(text, name))
		return true;
	for (size_t at = 0; at <= name.len; at++) {
		bool ends = at == name.len || name.data[at] == '_' || name.data[at] == '-';
		bool camel = !ends && at > from && name.data[at] >= 'A' && name.data[at] <= 'Z' &&
		             name.data[at - 1] >= 'a';

		if (!ends && !camel)
			continue;
		struct text part = text_slice(name, from, at);
		if (!model_is_common(part) && model_says(text, part))
			return true;
		from = ends ? at + 1 : at;
	}
	return false;
}

static bool model_may_call(const struct sim_ask *ask, struct text name)
{
	if (ask->allowed == NULL)
		return true;
	JSON_EACH(tool, ask->allowed)
	{
		if (text_equal(json_string(json_member(tool, "function"), "name"), name))
			return true;
	}
	return false;
}

static void model_call(const struct sim_serving *serving, const struct sim_ask *ask,
                       struct text name, struct sim_answer *answer)
{
	const struct json *parameters = sim_tools_parameters(ask, name);

	if (answer->tool_call_count >= ARRAY_LENGTH(answer->tool_calls))
		return;
	struct text arguments =
	    sim_instance(parameters, model_user_text(ask, serving->arena), serving->arena);
	answer->tool_calls[answer->tool_call_count].name = name;
	answer->tool_calls[answer->tool_call_count].arguments = arguments;
	answer->tool_call_count++;
}

static void model_call_meant(const struct sim_serving *serving, const struct sim_ask *ask,
                             struct text said, struct sim_answer *answer)
{
	JSON_EACH(tool, ask->tools)
	{
		struct text name = json_string(json_member(tool, "function"), "name");
		bool one_is_enough = !ask->parallel && answer->tool_call_count > 0;

		if (!one_is_enough && model_may_call(ask, name) && model_means_tool(said, name))
			model_call(serving, ask, name, answer);
	}
}

/* Calls what the request wants called. After a tool's result nothing is called again. */
static void model_call_tools(const struct sim_serving *serving, const struct sim_ask *ask,
                             struct sim_answer *answer)
{
	bool after_result = text_is(json_string(model_last(ask), "role"), "tool");

	if (ask->tools == NULL || ask->tool_choice == TOOL_CHOICE_NONE)
		return;
	if (ask->tool_choice == TOOL_CHOICE_NAMED) {
		model_call(serving, ask, ask->tool_name, answer);
		/* OpenAI itself ends a call it was told to make with `stop`. */
		answer->finish_reason = TEXT("stop");
		return;
	}
	if (!after_result)
		model_call_meant(serving, ask, model_user_text(ask, serving->arena), answer);
	if (ask->tool_choice == TOOL_CHOICE_REQUIRED && answer->tool_call_count == 0)
		model_call(
		    serving, ask,
		    json_string(json_member(ask->allowed != NULL && ask->allowed->first != NULL
		                                ? ask->allowed->first
		                                : ask->tools->first,
		                            "function"),
		                "name"),
		    answer);
}

/* --- which words --- */

/* How many words the user asked for ("200 words"), or 0. */
static size_t model_words_asked(struct text said)
{
	size_t at = text_find(said, TEXT(" words"), 0);
	int64_t count = 0;

	if (at == TEXT_NOT_FOUND)
		return 0;
	size_t from = at;
	while (from > 0 && said.data[from - 1] >= '0' && said.data[from - 1] <= '9')
		from--;
	return text_to_int64(text_slice(said, from, at), 1, MODEL_WORDS_MAX, &count) ? (size_t)count
	                                                                             : 0;
}

static bool model_asks_echo(struct text said)
{
	static const char *const verbs[] = {"say",  "repeat", "reply",  "respond",
	                                    "echo", "answer", "output", "print"};

	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
		if (model_says(said, text_of(verbs[i])))
			return true;
	return false;
}

/* What stands in quotes, or at the end behind a colon, after "say", "repeat" ...; or data NULL. */
static struct text model_echo_asked(struct text said)
{
	size_t open = text_find_byte(said, '"', 0);
	size_t close = open == TEXT_NOT_FOUND ? open : text_find_byte(said, '"', open + 1);
	size_t colon = text_find(said, TEXT(": "), 0);

	if (close != TEXT_NOT_FOUND && model_asks_echo(text_slice(said, 0, open)))
		return text_slice(said, open + 1, close);
	if (colon != TEXT_NOT_FOUND && model_asks_echo(text_slice(said, 0, colon)))
		return text_trim(text_slice(said, colon + 2, said.len));
	return (struct text){0};
}

/* The first bytes, never cutting a character. */
static struct text model_cut(struct text text, size_t max)
{
	while (max > 0 && max < text.len && ((unsigned char)text.data[max] & 0xc0) == 0x80)
		max--;
	return text_slice(text, 0, max);
}

static struct text model_results(const struct sim_ask *ask, struct arena *arena)
{
	struct text_buf out;
	const struct json *from = NULL;

	JSON_EACH(message, ask->messages)
	{
		bool result = text_is(json_string(message, "role"), "tool");
		from = !result ? NULL : from == NULL ? message : from;
	}
	text_buf_init(&out, 64 * MODEL_RESULT_BYTES);
	text_buf_add_c(&out, "The tools returned:");
	for (; from != NULL; from = from->next) {
		text_buf_byte(&out, ' ');
		text_buf_add(&out, model_cut(sim_message_text(from, arena), MODEL_RESULT_BYTES));
	}
	struct text results = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return results;
}

/* "Repeat my previous message": what the user said before; data NULL: that was not asked. */
static struct text model_earlier(const struct sim_ask *ask, struct text said, struct arena *arena)
{
	const struct json *last = NULL, *before = NULL;

	if (!model_says(said, TEXT("my previous message")))
		return (struct text){0};
	JSON_EACH(message, ask->messages)
	{
		if (!text_is(json_string(message, "role"), "user"))
			continue;
		before = last;
		last = message;
	}
	return before == NULL ? (struct text){0} : sim_message_text(before, arena);
}

static struct text model_prose(const struct sim_serving *serving, const struct sim_ask *ask)
{
	struct text said = model_user_text(ask, serving->arena);
	struct text echo = model_echo_asked(said);
	struct text earlier = model_earlier(ask, said, serving->arena);
	size_t words = model_words_asked(said);

	if (text_is(json_string(model_last(ask), "role"), "tool"))
		return model_results(ask, serving->arena);
	if (earlier.data != NULL)
		return earlier;
	if (echo.data != NULL)
		return echo;
	if (words > 0)
		return sim_model_words(serving->arena, serving->draw, words);
	return text_format(
	    serving->arena, "This is a simulated reply to: %.*s. It goes on with %.*s.",
	    TEXT_ARG(model_cut(said, MODEL_QUOTE_BYTES)),
	    TEXT_ARG(sim_model_words(serving->arena, serving->draw, MODEL_WORDS_DEFAULT)));
}

static struct text model_json(const struct sim_serving *serving, const struct sim_ask *ask)
{
	struct text_buf out;

	if (ask->format == FORMAT_JSON_SCHEMA)
		return sim_instance(ask->schema, model_user_text(ask, serving->arena),
		                    serving->arena);
	text_buf_init(&out, 1 << 20);
	text_buf_add_c(&out, "{\"answer\": ");
	json_quote(&out, model_prose(serving, ask));
	text_buf_add_c(&out, "}");
	struct text json = text_copy(serving->arena, text_buf_view(&out));
	text_buf_done(&out);
	return json;
}

void sim_model_answer(const struct sim_serving *serving, const struct sim_ask *ask,
                      struct sim_answer *answer)
{
	*answer = (struct sim_answer){.status = 200};
	if (ask->thinks)
		answer->reasoning = text_format(
		    serving->arena, "I think of %.*s.",
		    TEXT_ARG(sim_model_words(serving->arena, serving->draw, MODEL_WORDS_THOUGHT)));
	if (ask->endpoint == ENDPOINT_CHAT)
		model_call_tools(serving, ask, answer);
	if (answer->tool_call_count > 0)
		return;
	answer->content =
	    ask->format == FORMAT_TEXT ? model_prose(serving, ask) : model_json(serving, ask);
}
