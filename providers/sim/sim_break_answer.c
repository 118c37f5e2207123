/*
 * What is said goes wrong: defects of the model, not of the wire. Each row of
 * the table at the end is one of them, and changes an answer that was good.
 */
#include "providers/sim/sim_private.h"

enum {
	BREAK_JSON_MAX = 1 << 20,
	BREAK_EXTRA_TOKENS = 12, /* how far an overlooked limit is passed, at least */
	BREAK_WORD_MIN = 6,      /* a word of a tool result that can be mixed up */
};

/* What a defect works on. */
struct breakage {
	const struct sim_serving *serving;
	struct sim_ask *ask;
	struct sim_answer *answer;
	struct arena *arena;
};

static void break_say(struct breakage *on, struct text text)
{
	on->answer->content = text;
	on->answer->tool_call_count = 0;
	on->answer->finish_reason = (struct text){0};
}

/* --- text --- */

static bool break_after_tool(const struct breakage *on)
{
	const struct json *last = on->ask->messages == NULL ? NULL : on->ask->messages->last;

	return text_is(json_string(last, "role"), "tool");
}

static void break_evade(struct breakage *on)
{
	if (on->answer->content.data != NULL)
		break_say(on, TEXT("That is a good question, and there is much to say about it."));
}

static void break_forget_result(struct breakage *on)
{
	if (break_after_tool(on))
		break_say(on, TEXT("The tool has been called, and all is well."));
}

/* What its client has left goes on where the next answer should be. */
static void break_go_on(struct breakage *on)
{
	if (on->serving->step > 0)
		break_say(on, TEXT("nine ten eleven twelve thirteen fourteen fifteen"));
}

/* --- limits overlooked --- */

static void break_overlook_limit(struct breakage *on)
{
	int64_t limit = on->ask->max_tokens;

	if (limit < 0 || on->answer->content.data == NULL)
		return;
	int64_t have = sim_tokens_count(on->answer->content);
	if (have <= limit)
		on->answer->content = text_format(
		    on->arena, "%.*s %.*s", TEXT_ARG(on->answer->content),
		    TEXT_ARG(sim_model_words(on->arena, on->serving->draw,
		                             (size_t)(limit - have + BREAK_EXTRA_TOKENS))));
	on->ask->max_tokens = -1;
	on->answer->finish_reason = TEXT("stop");
}

static void break_overlook_max_tokens(struct breakage *on)
{
	if (json_member(on->ask->body, "max_tokens") != NULL)
		break_overlook_limit(on);
}

static void break_overlook_max_completion_tokens(struct breakage *on)
{
	if (json_member(on->ask->body, "max_completion_tokens") != NULL)
		break_overlook_limit(on);
}

static void break_overlook_stop(struct breakage *on)
{
	struct text content = on->answer->content;

	if (on->ask->stop_count == 0 || content.data == NULL)
		return;
	if (text_find(content, on->ask->stops[0], 0) == TEXT_NOT_FOUND)
		on->answer->content = text_format(on->arena, "%.*s%.*s and so it went on.",
		                                  TEXT_ARG(content), TEXT_ARG(on->ask->stops[0]));
	on->ask->stop_count = 0;
}

static void break_overlook_format(struct breakage *on)
{
	if (on->ask->format != FORMAT_TEXT && on->answer->tool_call_count == 0)
		break_say(on, TEXT("Sure! Here is what you asked for, in my own words."));
}

static void break_call_first(struct breakage *on)
{
	const struct json *first = on->ask->tools == NULL ? NULL : on->ask->tools->first;
	struct text name = json_string(json_member(first, "function"), "name");

	if (name.data == NULL)
		return;
	break_say(on, (struct text){0});
	on->answer->tool_calls[0].name = name;
	on->answer->tool_calls[0].arguments =
	    sim_instance(sim_tools_parameters(on->ask, name), TEXT(""), on->arena);
	on->answer->tool_call_count = 1;
}

static void break_call_instead(struct breakage *on)
{
	if (on->ask->tool_choice == TOOL_CHOICE_NONE)
		break_call_first(on);
}

static void break_prose_instead(struct breakage *on)
{
	if (on->answer->tool_call_count > 0)
		break_say(on, TEXT("I could look that up for you, if you like."));
}

static void break_overlook_required(struct breakage *on)
{
	if (on->ask->tool_choice == TOOL_CHOICE_REQUIRED)
		break_prose_instead(on);
}

static void break_overlook_tool_choice(struct breakage *on)
{
	if (on->ask->tool_choice == TOOL_CHOICE_NONE)
		break_call_first(on);
	else if (on->ask->tool_choice != TOOL_CHOICE_AUTO)
		break_prose_instead(on);
}

static void break_overlook_parallel(struct breakage *on)
{
	if (on->ask->parallel || on->answer->tool_call_count != 1)
		return;
	on->answer->tool_calls[1] = on->answer->tool_calls[0];
	on->answer->tool_call_count = 2;
}

static void break_overlook_all(struct breakage *on)
{
	on->ask->n = 1;
	break_overlook_tool_choice(on);
	break_overlook_parallel(on);
	break_overlook_format(on);
	break_overlook_stop(on);
	break_overlook_limit(on);
}

/* --- tool calls --- */

static void break_auto_prose(struct breakage *on)
{
	if (on->ask->tool_choice == TOOL_CHOICE_AUTO)
		break_prose_instead(on);
}

static void break_auto_call(struct breakage *on)
{
	bool idle = on->ask->tool_choice == TOOL_CHOICE_AUTO && on->answer->tool_call_count == 0;

	if (idle && !break_after_tool(on))
		break_call_first(on);
}

static void break_call_other(struct breakage *on)
{
	if (on->ask->tool_choice != TOOL_CHOICE_NAMED)
		return;
	JSON_EACH(tool, on->ask->tools)
	{
		struct text name = json_string(json_member(tool, "function"), "name");
		if (text_equal(name, on->ask->tool_name))
			continue;
		break_say(on, (struct text){0});
		on->answer->tool_calls[0].name = name;
		on->answer->tool_calls[0].arguments =
		    sim_instance(sim_tools_parameters(on->ask, name), TEXT(""), on->arena);
		on->answer->tool_call_count = 1;
		return;
	}
	break_prose_instead(on);
}

static void break_call_unknown(struct breakage *on)
{
	for (size_t i = 0; i < on->answer->tool_call_count; i++)
		on->answer->tool_calls[i].name = text_format(
		    on->arena, "%.*s_now",
		    TEXT_ARG(text_slice(on->answer->tool_calls[i].name, 0, SIM_TOOL_NAME_MAX - 4)));
}

static void break_encode_twice(struct breakage *on)
{
	for (size_t i = 0; i < on->answer->tool_call_count; i++) {
		struct text_buf out;

		text_buf_init(&out, BREAK_JSON_MAX);
		json_quote(&out, on->answer->tool_calls[i].arguments);
		if (!out.overflow)
			on->answer->tool_calls[i].arguments =
			    text_copy(on->arena, text_buf_view(&out));
		text_buf_done(&out);
	}
}

static void break_empty_arguments(struct breakage *on)
{
	for (size_t i = 0; i < on->answer->tool_call_count; i++)
		on->answer->tool_calls[i].arguments = TEXT("");
}

static void break_call_as_text(struct breakage *on)
{
	if (on->answer->tool_call_count > 0)
		break_say(on, text_format(on->arena,
		                          "<tool_call>{\"name\": \"%.*s\", \"arguments\": "
		                          "%.*s}</tool_call>",
		                          TEXT_ARG(on->answer->tool_calls[0].name),
		                          TEXT_ARG(on->answer->tool_calls[0].arguments)));
}

/* --- JSON that is nearly right --- */

static struct json *break_parse(struct breakage *on, struct text text)
{
	struct json *root;
	struct fault fault;

	return json_read_text(text, "answer", on->arena, &root, &fault) ? root : NULL;
}

static bool break_is_required(const struct json *schema, struct text name)
{
	JSON_EACH(item, json_member(schema, "required"))
	{
		if (text_equal(item->text, name))
			return true;
	}
	return false;
}

/* The object without its last required member; as it is where there is none. */
static struct text break_without_required(struct breakage *on, const struct json *schema,
                                          const struct json *object)
{
	const struct json *victim = NULL;
	struct json *kept = json_new(on->arena, JSON_OBJECT);

	JSON_EACH(member, object)
	{
		if (break_is_required(schema, member->key))
			victim = member;
	}
	JSON_EACH(member, object)
	{
		if (member != victim)
			json_append_member(kept, member->key, json_clone(on->arena, member));
	}
	return json_to_text(on->arena, kept);
}

static struct text break_with_extra(struct breakage *on, const struct json *object)
{
	struct json *copy = json_clone(on->arena, object);

	json_append_member(copy, TEXT("unexpected"), json_new_bool(on->arena, true));
	return json_to_text(on->arena, copy);
}

/* The first number or boolean as a string: the fault seen most in the wild; NULL: none there. */
static const struct json *break_quoted(struct breakage *on, const struct json *object)
{
	struct json *copy = json_new(on->arena, JSON_OBJECT);
	bool done = false;

	JSON_EACH(member, object)
	{
		bool plain = member->type == JSON_NUMBER || member->type == JSON_BOOL;
		struct json *value = plain && !done ? json_new_string(on->arena, member->text)
		                                    : json_clone(on->arena, member);
		done = done || plain;
		json_append_member(copy, member->key, value);
	}
	return done ? copy : NULL;
}

static void break_violate_schema(struct breakage *on)
{
	for (size_t i = 0; i < on->answer->tool_call_count; i++) {
		const struct json *schema =
		    sim_tools_parameters(on->ask, on->answer->tool_calls[i].name);
		const struct json *object = break_parse(on, on->answer->tool_calls[i].arguments);

		if (!json_is(object, JSON_OBJECT))
			continue;
		const struct json *quoted = break_quoted(on, object);
		if (!json_truth(schema, "additionalProperties", true))
			on->answer->tool_calls[i].arguments = break_with_extra(on, object);
		else if (quoted != NULL)
			on->answer->tool_calls[i].arguments = json_to_text(on->arena, quoted);
		else
			on->answer->tool_calls[i].arguments =
			    break_without_required(on, schema, object);
	}
}

/* Another value that the schema still allows. */
static struct json *break_other_value(struct breakage *on, const struct json *schema,
                                      const struct json *value)
{
	int64_t number;

	JSON_EACH(allowed, json_member(schema, "enum"))
	{
		if (!json_equal(allowed, value))
			return json_clone(on->arena, allowed);
	}
	if (value->type == JSON_STRING && json_member(schema, "enum") == NULL)
		return json_new_string(on->arena, TEXT("Atlantis"));
	if (value->type == JSON_NUMBER && json_node_integer(value, -1000000, 1000000, &number))
		return json_new_number(on->arena,
		                       text_format(on->arena, "%lld", (long long)(number + 1)));
	return json_clone(on->arena, value);
}

static void break_wrong_values(struct breakage *on)
{
	for (size_t i = 0; i < on->answer->tool_call_count; i++) {
		const struct json *schema =
		    sim_tools_parameters(on->ask, on->answer->tool_calls[i].name);
		const struct json *object = break_parse(on, on->answer->tool_calls[i].arguments);
		struct json *wrong = json_new(on->arena, JSON_OBJECT);

		if (!json_is(object, JSON_OBJECT))
			continue;
		JSON_EACH(member, object)
		{
			const struct json *rule =
			    json_member_text(json_member(schema, "properties"), member->key);
			json_append_member(wrong, member->key, break_other_value(on, rule, member));
		}
		on->answer->tool_calls[i].arguments = json_to_text(on->arena, wrong);
	}
}

static void break_fence(struct breakage *on)
{
	if (on->ask->format != FORMAT_TEXT && on->answer->content.data != NULL)
		on->answer->content =
		    text_format(on->arena, "```json\n%.*s\n```", TEXT_ARG(on->answer->content));
}

static void break_leave_out_property(struct breakage *on)
{
	const struct json *object = break_parse(on, on->answer->content);

	if (on->ask->schema == NULL)
		return;
	if (json_is(object, JSON_OBJECT))
		on->answer->content = break_without_required(on, on->ask->schema, object);
}

static void break_add_property(struct breakage *on)
{
	const struct json *object = break_parse(on, on->answer->content);

	if (on->ask->schema != NULL && json_is(object, JSON_OBJECT))
		on->answer->content = break_with_extra(on, object);
}

/* --- results mixed up --- */

static bool break_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The first long word of `from` that also stands in `in`; data NULL: none. */
static struct text break_shared_word(struct text from, struct text in)
{
	for (size_t at = 0; at < from.len; at++) {
		size_t end = at;

		while (end < from.len && break_is_word(from.data[end]))
			end++;
		struct text word = text_slice(from, at, end);
		if (word.len >= BREAK_WORD_MIN && text_find(in, word, 0) != TEXT_NOT_FOUND)
			return word;
		at = end;
	}
	return (struct text){0};
}

/* a and b change places, wherever they stand. */
static struct text break_swap(struct breakage *on, struct text text, struct text a, struct text b)
{
	struct text_buf out;

	text_buf_init(&out, BREAK_JSON_MAX);
	for (size_t at = 0; at < text.len;) {
		struct text rest = text_slice(text, at, text.len);
		bool is_a = text_starts(rest, a), is_b = text_starts(rest, b);

		if (is_a || is_b)
			text_buf_add(&out, is_a ? b : a);
		else
			text_buf_byte(&out, text.data[at]);
		at += is_a ? a.len : is_b ? b.len : 1;
	}
	struct text swapped = text_copy(on->arena, text_buf_view(&out));
	text_buf_done(&out);
	return swapped;
}

static void break_mix_up(struct breakage *on)
{
	struct text content = on->answer->content;
	struct text words[2] = {{0}};
	size_t count = 0;

	if (!break_after_tool(on) || content.data == NULL)
		return;
	JSON_EACH(message, on->ask->messages)
	{
		if (!text_is(json_string(message, "role"), "tool") || count == 2)
			continue;
		struct text word = break_shared_word(sim_message_text(message, on->arena), content);
		if (word.data != NULL && (count == 0 || !text_equal(word, words[0])))
			words[count++] = word;
	}
	if (count == 2)
		on->answer->content = break_swap(on, content, words[0], words[1]);
	else
		break_say(on, TEXT("The two results are the same."));
}

/* --- text that is nearly right --- */

static void break_think_aloud(struct breakage *on)
{
	if (on->answer->content.data != NULL)
		on->answer->content =
		    text_format(on->arena, "<think>I shall say it as I was asked to.</think>%.*s",
		                TEXT_ARG(on->answer->content));
}

/* Without U+200D, which joins emoji. */
static void break_lose_joiners(struct breakage *on)
{
	struct text content = on->answer->content;
	struct text joiner = TEXT("\xe2\x80\x8d");
	char *bytes = arena_alloc_bytes(on->arena, content.len + 1);
	size_t len = 0;

	if (content.data == NULL)
		return;
	for (size_t at = 0; at < content.len;) {
		bool joins = text_starts(text_slice(content, at, content.len), joiner);
		if (!joins)
			bytes[len++] = content.data[at];
		at += joins ? joiner.len : 1;
	}
	on->answer->content = (struct text){bytes, len};
}

static void break_wrong_values_after_tool(struct breakage *on)
{
	if (break_after_tool(on))
		break_wrong_values(on);
}

static void break_wrong_values_streamed(struct breakage *on)
{
	if (on->ask->streamed)
		break_wrong_values(on);
}

static void break_say_nothing(struct breakage *on)
{
	break_say(on, TEXT(""));
}

/* --- the table --- */

static const struct {
	enum sim_break which;
	void (*act)(struct breakage *on);
} break_acts[] = {
    {SIM_HT_10, break_go_on},
    {SIM_CH_03, break_evade},
    {SIM_CP_02, break_evade},
    {SIM_CH_06, break_evade},
    {SIM_CH_10, break_evade},
    {SIM_VI_01, break_evade},
    {SIM_VI_03, break_evade},
    {SIM_VI_05, break_evade},
    {SIM_PA_01, break_overlook_max_tokens},
    {SIM_PA_02, break_overlook_max_completion_tokens},
    {SIM_PA_03, break_overlook_stop},
    {SIM_PA_12, break_overlook_all},
    {SIM_TC_01, break_auto_prose},
    {SIM_TC_02, break_auto_call},
    {SIM_TC_09, break_overlook_required},
    {SIM_TC_10, break_call_other},
    {SIM_TC_11, break_call_instead},
    {SIM_TC_05, break_violate_schema},
    {SIM_TC_07, break_wrong_values},
    {SIM_TC_06, break_call_unknown},
    {SIM_TC_04, break_encode_twice},
    {SIM_TC_08, break_empty_arguments},
    {SIM_TC_14, break_overlook_parallel},
    {SIM_TC_19, break_violate_schema},
    {SIM_TC_24, break_auto_call},
    {SIM_TR_06, break_wrong_values_after_tool},
    {SIM_TS_06, break_wrong_values_streamed},
    {SIM_RE_01, break_think_aloud},
    {SIM_UN_01, break_lose_joiners},
    {SIM_TR_01, break_forget_result},
    {SIM_RS_02, break_forget_result},
    {SIM_RS_10, break_overlook_format},
    {SIM_RS_10_TOOL_CHOICE, break_call_other},
    {SIM_TR_04, break_mix_up},
    {SIM_JS_01, break_leave_out_property},
    {SIM_JS_02, break_overlook_format},
    {SIM_JS_03, break_add_property},
    {SIM_JO_01, break_fence},
    {SIM_IGNORE_TOOL_CHOICE, break_overlook_tool_choice},
    {SIM_IGNORE_PARALLEL, break_overlook_parallel},
    {SIM_IGNORE_SCHEMA, break_overlook_format},
    {SIM_TOOL_EMPTY_ARGUMENTS, break_empty_arguments},
    {SIM_TOOL_AS_TEXT, break_call_as_text},
    {SIM_EMPTY_SUCCESS, break_say_nothing},
};

void sim_break_answer(const struct sim_serving *serving, struct sim_ask *ask,
                      struct sim_answer *answer)
{
	struct breakage on = {serving, ask, answer, serving->arena};

	for (size_t i = 0; i < ARRAY_LENGTH(break_acts); i++)
		if (sim_breaks(serving, break_acts[i].which))
			break_acts[i].act(&on);
	sim_break_task(serving, answer);
	sim_break_calls(serving, ask, answer);
}
