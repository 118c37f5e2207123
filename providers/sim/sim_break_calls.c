/*
 * What is called goes wrong: which tools, how many of them, and the shape of their
 * arguments. Each row of the table at the end is one defect, as in sim_break_answer.c.
 */
#include "providers/sim/sim_private.h"

enum { BREAK_MANY_TOOLS = 4 }; /* of more than so many the first is taken */

/* What a defect works on. */
struct call_breakage {
	const struct sim_ask *ask;
	struct sim_answer *answer;
	struct arena *arena;
};

/* The arguments of a call as an object; NULL: they are none. */
static const struct json *calls_object(const struct call_breakage *on, size_t call)
{
	struct json *root;
	struct fault fault;

	if (!json_read_text(on->answer->tool_calls[call].arguments, "arguments", on->arena, &root,
	                    &fault))
		return NULL;
	return json_is(root, JSON_OBJECT) ? root : NULL;
}

static void calls_keep_one(struct call_breakage *on)
{
	on->answer->tool_call_count = size_min(on->answer->tool_call_count, 1);
}

static void calls_take_first(struct call_breakage *on)
{
	const struct json *tools = on->ask->tools;

	if (tools == NULL || tools->count <= BREAK_MANY_TOOLS || on->answer->tool_call_count == 0)
		return;
	struct text name = json_string(json_member(tools->first, "function"), "name");
	on->answer->tool_calls[0].name = name;
	on->answer->tool_calls[0].arguments =
	    sim_instance(sim_tools_parameters(on->ask, name), TEXT(""), on->arena);
	on->answer->tool_call_count = 1;
}

/* --- the members of the arguments, changed one by one --- */

static struct json *calls_nested_as_string(struct arena *arena, const struct json *value)
{
	bool nested = json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY);

	return nested ? json_new_string(arena, json_to_text(arena, value))
	              : json_clone(arena, value);
}

static struct json *calls_number_as_string(struct arena *arena, const struct json *value)
{
	return json_is(value, JSON_NUMBER) ? json_new_string(arena, value->text)
	                                   : json_clone(arena, value);
}

static struct json *calls_without_backslashes(struct arena *arena, const struct json *value)
{
	if (!json_is(value, JSON_STRING))
		return json_clone(arena, value);
	char *bytes = arena_alloc_bytes(arena, value->text.len + 1);
	size_t len = 0;
	for (size_t i = 0; i < value->text.len; i++)
		if (value->text.data[i] != '\\')
			bytes[len++] = value->text.data[i];
	return json_new_string(arena, (struct text){bytes, len});
}

static void calls_change(struct call_breakage *on,
                         struct json *(*change)(struct arena *arena, const struct json *value))
{
	for (size_t i = 0; i < on->answer->tool_call_count; i++) {
		const struct json *object = calls_object(on, i);
		struct json *changed = json_new(on->arena, JSON_OBJECT);

		if (object == NULL)
			continue;
		JSON_EACH(member, object)
		{
			json_append_member(changed, member->key, change(on->arena, member));
		}
		on->answer->tool_calls[i].arguments = json_to_text(on->arena, changed);
	}
}

static void calls_flatten(struct call_breakage *on)
{
	calls_change(on, calls_nested_as_string);
}

static void calls_quote_numbers(struct call_breakage *on)
{
	calls_change(on, calls_number_as_string);
}

static void calls_unescape(struct call_breakage *on)
{
	calls_change(on, calls_without_backslashes);
}

/* --- beside and instead of calls --- */

static void calls_leave_markup(struct call_breakage *on)
{
	if (on->answer->tool_call_count > 0)
		on->answer->content = text_format(on->arena, "<tool_call>{\"name\": \"%.*s\"}",
		                                  TEXT_ARG(on->answer->tool_calls[0].name));
}

static void calls_overlook_functions(struct call_breakage *on)
{
	if (json_member(on->ask->body, "functions") == NULL)
		return;
	on->answer->content = TEXT("I could look that up for you, if you like.");
	on->answer->tool_call_count = 0;
}

static const struct {
	enum sim_break which;
	void (*act)(struct call_breakage *on);
} calls_acts[] = {
    {SIM_TC_13, calls_keep_one},
    {SIM_TC_15, calls_take_first},
    {SIM_TC_16, calls_flatten},
    {SIM_TC_17, calls_quote_numbers},
    {SIM_TC_23, calls_unescape},
    {SIM_TC_21, calls_leave_markup},
    {SIM_TC_25, calls_overlook_functions},
};

void sim_break_calls(const struct sim_serving *serving, const struct sim_ask *ask,
                     struct sim_answer *answer)
{
	struct call_breakage on = {ask, answer, serving->arena};

	for (size_t i = 0; i < ARRAY_LENGTH(calls_acts); i++)
		if (sim_breaks(serving, calls_acts[i].which))
			calls_acts[i].act(&on);
}
