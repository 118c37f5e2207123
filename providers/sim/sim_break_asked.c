/*
 * What of a request is not minded: parameters and formats that are overlooked, and what
 * was used is counted wrong. Each row of the table is one defect.
 */
#include "providers/sim/sim_private.h"

enum {
	ASKED_WHITE_LINES = 60,    /* that JSON mode runs into */
	ASKED_EXTRA_REASONING = 5, /* tokens */
	ASKED_MARKUP_PERCENT = 25,
	ASKED_SCHEMA_DEPTH = 32,
	ASKED_HIDDEN_PROMPT = 9, /* tokens */
	ASKED_MISCOUNTS = 16,    /* so many ways to count, in turn */
};

/* What a defect works on. */
struct overlooked {
	const struct sim_serving *serving;
	struct sim_ask *ask;
	struct sim_answer *answer;
	struct arena *arena;
};

static void overlook_say(struct overlooked *on, struct text text)
{
	if (on->answer->content.data == NULL)
		return;
	on->answer->content = text;
	on->answer->finish_reason = (struct text){0};
}

static void overlook_format(struct overlooked *on)
{
	overlook_say(on, TEXT("Of course! In my own words, then."));
}

/* --- messages --- */

static void overlook_parts(struct overlooked *on)
{
	bool several = false;

	JSON_EACH(message, on->ask->messages)
	{
		const struct json *content = json_member(message, "content");
		several = several || (json_is(content, JSON_ARRAY) && content->count > 1);
	}
	if (several)
		overlook_say(on, TEXT("I can read one part only."));
}

static void overlook_follow_up(struct overlooked *on)
{
	if (on->ask->messages != NULL && on->ask->messages->count > 1)
		overlook_say(on, TEXT(""));
}

/* --- parameters --- */

static void overlook_other_stops(struct overlooked *on)
{
	on->ask->stop_count = size_min(on->ask->stop_count, 1);
}

static void overlook_half_a_stop(struct overlooked *on)
{
	struct text content = on->answer->content;
	struct text stop = on->ask->stop_count > 0 ? on->ask->stops[0] : (struct text){0};
	size_t at =
	    content.data == NULL || stop.len == 0 ? TEXT_NOT_FOUND : text_find(content, stop, 0);

	if (at == TEXT_NOT_FOUND)
		return;
	size_t size = 1;
	while (size < stop.len && ((unsigned char)stop.data[size] & 0xc0) == 0x80)
		size++;
	on->answer->content = text_format(
	    on->arena, "%.*s%.*s%.*s", TEXT_ARG(text_slice(content, 0, at)),
	    TEXT_ARG(text_slice(stop, 0, size)), TEXT_ARG(text_slice(content, at, content.len)));
}

static void overlook_n(struct overlooked *on)
{
	on->ask->n = 1;
}

static void overlook_logprobs(struct overlooked *on)
{
	on->ask->logprobs = false;
}

static void overlook_logit_bias(struct overlooked *on)
{
	if (json_member(on->ask->body, "logit_bias") != NULL)
		overlook_say(on, TEXT("Here is the word, as you asked."));
}

/* No answer is like the last. */
static void overlook_sameness(struct overlooked *on)
{
	struct text words = sim_model_words(
	    on->arena, sim_draw(on->serving->draw, (uint64_t)on->serving->serial), 8);

	overlook_say(on, text_format(on->arena, "%.*s %.*s", TEXT_ARG(on->answer->content),
	                             TEXT_ARG(words)));
}

static void overlook_seed(struct overlooked *on)
{
	if (json_member(on->ask->body, "seed") != NULL)
		overlook_sameness(on);
}

static void overlook_temperature(struct overlooked *on)
{
	const struct json *temperature = json_member(on->ask->body, "temperature");

	if (json_is(temperature, JSON_NUMBER) &&
	    json_number_compare(temperature->text, TEXT("0")) == 0)
		overlook_sameness(on);
}

static void overlook_no_effort(struct overlooked *on)
{
	if (text_is(json_string(on->ask->body, "reasoning_effort"), "none"))
		on->answer->reasoning = TEXT("I was told not to think, and yet I do.");
}

/* --- formats --- */

static void overlook_white_space(struct overlooked *on)
{
	struct text_buf out;

	if (on->ask->format != FORMAT_JSON_OBJECT || on->answer->content.data == NULL)
		return;
	text_buf_init(&out, SIM_BODY_MAX_BYTES);
	text_buf_add(&out, on->answer->content);
	for (int i = 0; i < ASKED_WHITE_LINES; i++)
		text_buf_byte(&out, '\n');
	on->answer->content = text_copy(on->arena, text_buf_view(&out));
	on->answer->finish_reason = TEXT("length");
	text_buf_done(&out);
}

static void overlook_json_streamed(struct overlooked *on)
{
	if (on->ask->streamed && on->ask->format == FORMAT_JSON_OBJECT)
		overlook_format(on);
}

static void overlook_schema_streamed(struct overlooked *on)
{
	if (on->ask->streamed && on->ask->schema != NULL)
		overlook_format(on);
}

static void overlook_schema_beside_tools(struct overlooked *on)
{
	if (on->ask->tools != NULL && on->ask->schema != NULL)
		overlook_format(on);
}

static void overlook_schema(struct overlooked *on)
{
	if (on->ask->schema != NULL)
		overlook_format(on);
}

static void overlook_schema_thinking(struct overlooked *on)
{
	if (json_member(on->ask->body, "reasoning_effort") != NULL)
		overlook_schema_beside_tools(on);
}

static void overlook_filter(struct overlooked *on)
{
	if (text_is(on->answer->finish_reason, "content_filter"))
		on->answer->finish_reason = TEXT("stop");
}

static void overlook_refusal(struct overlooked *on)
{
	if (on->answer->refusal.data == NULL || on->ask->schema == NULL)
		return;
	on->answer->content = on->answer->refusal;
	on->answer->refusal = (struct text){0};
}

/* --- parts of a schema --- */

/* `change` gives another value for a member of the answer's object; NULL: it stays. */
static void overlook_members(struct overlooked *on,
                             struct json *(*change)(struct overlooked *on, const struct json *rule,
                                                    const struct json *value))
{
	struct json *object;
	struct fault fault;

	if (on->ask->schema == NULL || on->answer->content.data == NULL ||
	    !json_read_text(on->answer->content, "answer", on->arena, &object, &fault) ||
	    object->type != JSON_OBJECT)
		return;
	struct json *out = json_new(on->arena, JSON_OBJECT);
	JSON_EACH(member, object)
	{
		const struct json *rule =
		    json_member_text(json_member(on->ask->schema, "properties"), member->key);
		struct json *changed = rule == NULL ? NULL : change(on, rule, member);
		json_append_member(out, member->key,
		                   changed != NULL ? changed : json_clone(on->arena, member));
	}
	on->answer->content = json_to_text(on->arena, out);
}

/* Every number within as a string. */
static struct json *quote_numbers(struct overlooked *on, const struct json *value, unsigned depth)
{
	if (value->type == JSON_NUMBER)
		return json_new_string(on->arena, value->text);
	if ((value->type != JSON_OBJECT && value->type != JSON_ARRAY) || depth > ASKED_SCHEMA_DEPTH)
		return json_clone(on->arena, value);
	struct json *out = json_new(on->arena, value->type);
	JSON_EACH(child, value)
	{
		struct json *quoted = quote_numbers(on, child, depth + 1);
		if (value->type == JSON_OBJECT)
			json_append_member(out, child->key, quoted);
		else
			json_append(out, quoted);
	}
	return out;
}

static struct json *change_deep(struct overlooked *on, const struct json *rule,
                                const struct json *value)
{
	(void)rule;
	return value->type == JSON_OBJECT ? quote_numbers(on, value, 0) : NULL;
}

/* What the other branches want as well. */
static struct json *change_branch(struct overlooked *on, const struct json *rule,
                                  const struct json *value)
{
	if (json_member(rule, "anyOf") == NULL || value->type != JSON_OBJECT)
		return NULL;
	struct json *out = json_clone(on->arena, value);
	JSON_EACH(branch, json_member(rule, "anyOf"))
	{
		JSON_EACH(property, json_member(branch, "properties"))
		{
			if (json_member_text(out, property->key) == NULL)
				json_append_member(out, property->key,
				                   json_new_number(on->arena, TEXT("1")));
		}
	}
	return out;
}

static struct json *change_referred(struct overlooked *on, const struct json *rule,
                                    const struct json *value)
{
	(void)value;
	return json_member(rule, "$ref") == NULL ? NULL
	                                         : json_new_string(on->arena, TEXT("somewhere"));
}

/* Members of a list that are to be as the whole is. */
static struct json *change_recurring(struct overlooked *on, const struct json *rule,
                                     const struct json *value)
{
	if (json_member(json_member(rule, "items"), "$ref") == NULL || value->type != JSON_ARRAY)
		return NULL;
	struct json *out = json_new(on->arena, JSON_ARRAY);
	json_append(out, json_new_string(on->arena, TEXT("and so on")));
	return out;
}

static struct json *change_bounded(struct overlooked *on, const struct json *rule,
                                   const struct json *value)
{
	(void)value;
	if (json_member(rule, "pattern") != NULL)
		return json_new_string(on->arena, TEXT("as it is written"));
	return json_member(rule, "maximum") == NULL ? NULL
	                                            : json_new_number(on->arena, TEXT("1000000"));
}

static struct json *change_counted(struct overlooked *on, const struct json *rule,
                                   const struct json *value)
{
	(void)value;
	return json_member(rule, "minItems") == NULL ? NULL : json_new(on->arena, JSON_ARRAY);
}

static void overlook_depth(struct overlooked *on)
{
	overlook_members(on, change_deep);
}

static void overlook_branches(struct overlooked *on)
{
	overlook_members(on, change_branch);
}

static void overlook_references(struct overlooked *on)
{
	overlook_members(on, change_referred);
}

static void overlook_recursion(struct overlooked *on)
{
	overlook_members(on, change_recurring);
}

static void overlook_bounds(struct overlooked *on)
{
	overlook_members(on, change_bounded);
}

static void overlook_counts(struct overlooked *on)
{
	overlook_members(on, change_counted);
}

/* --- the table --- */

static const struct {
	enum sim_break which;
	void (*act)(struct overlooked *on);
} overlooked_acts[] = {
    {SIM_CH_09, overlook_parts},
    {SIM_CH_14, overlook_follow_up},
    {SIM_FR_02, overlook_filter},
    {SIM_JO_02, overlook_white_space},
    {SIM_JO_03, overlook_json_streamed},
    {SIM_JS_04, overlook_depth},
    {SIM_JS_05, overlook_branches},
    {SIM_JS_06, overlook_references},
    {SIM_JS_07, overlook_recursion},
    {SIM_JS_08, overlook_bounds},
    {SIM_JS_09, overlook_counts},
    {SIM_JS_11, overlook_schema},
    {SIM_JS_12, overlook_schema_streamed},
    {SIM_JS_13, overlook_schema_beside_tools},
    {SIM_JS_15, overlook_refusal},
    {SIM_JS_17, overlook_schema},
    {SIM_JS_17_EASY, overlook_schema},
    {SIM_JS_17_HARD, overlook_schema},
    {SIM_JS_17_MEDIUM, overlook_schema},
    {SIM_JS_17_ULTRA, overlook_schema},
    {SIM_PA_04, overlook_other_stops},
    {SIM_PA_05, overlook_half_a_stop},
    {SIM_PA_06, overlook_n},
    {SIM_PA_07, overlook_logprobs},
    {SIM_PA_08, overlook_logit_bias},
    {SIM_PA_09, overlook_seed},
    {SIM_IGNORE_SEED, overlook_seed},
    {SIM_PA_10, overlook_temperature},
    {SIM_RE_04, overlook_no_effort},
    {SIM_RE_06, overlook_schema_thinking},
};

void sim_break_asked(const struct sim_serving *serving, struct sim_ask *ask,
                     struct sim_answer *answer)
{
	struct overlooked on = {serving, ask, answer, serving->arena};

	for (size_t i = 0; i < ARRAY_LENGTH(overlooked_acts); i++)
		if (sim_breaks(serving, overlooked_acts[i].which))
			overlooked_acts[i].act(&on);
}

/* --- counts --- */

void sim_break_usage(struct sim_completion *completion)
{
	const struct sim_serving *serving = completion->serving;
	const struct sim_ask *ask = completion->ask;
	struct sim_usage *usage = &completion->usage;

	if (sim_breaks(serving, SIM_US_04))
		usage->prompt += ASKED_HIDDEN_PROMPT + serving->serial % ASKED_MISCOUNTS;
	if (sim_breaks(serving, SIM_US_05))
		usage->prompt += ASKED_HIDDEN_PROMPT;
	if (sim_breaks(serving, SIM_US_06))
		usage->completion = 1;
	if (sim_breaks(serving, SIM_USAGE_OUTPUT_TENFOLD))
		usage->completion *= 10;
	if (sim_breaks(serving, SIM_US_09) && ask->streamed)
		usage->prompt += 3;
	if (sim_breaks(serving, SIM_US_10) && ask->tools != NULL) {
		struct sim_ask without = *ask;
		without.tools = NULL;
		usage->prompt = sim_tokens_prompt(&without);
	}
	if (sim_breaks(serving, SIM_US_10_IMAGES))
		usage->prompt -= sim_tokens_images(ask);
	if (sim_breaks(serving, SIM_US_08))
		usage->cached = 0;
	sim_break_load_usage(completion);
	if (sim_breaks(serving, SIM_US_11))
		usage->markup_percent = ASKED_MARKUP_PERCENT;
	if (sim_breaks(serving, SIM_US_07))
		usage->reasoning = usage->completion + ASKED_EXTRA_REASONING;
	if (sim_breaks(serving, SIM_US_03))
		*usage = (struct sim_usage){.present = true};
}
