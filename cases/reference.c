/* References: reading them, filling them, and answering for the simulator; see reference.h. */
#include "cases/reference.h"

#include "harness/base/settings.h"

enum { REFERENCE_MAX_CALLS = ARRAY_LENGTH(((struct sim_answer *)0)->tool_calls) };

/* --- the keys ------------------------------------------------------------------------------- */

struct reference_keys {
	struct text content, reasoning, refusal, finish_reason;
	const struct json *tool_calls, *error;
	int64_t pause;
};

struct call_keys {
	struct text name;
	const struct json *arguments;
};

struct error_keys {
	int64_t status;
	struct text type, code, param, message, retry_after;
};

/* clang-format off */
#define ROW(owner, key, kind, about) \
	{.name = #key, .type = kind, .offset = offsetof(struct owner, key), .doc = about}
static const struct setting reference_rows[] = {
	ROW(reference_keys, content, SETTING_TEXT, "the text"),
	ROW(reference_keys, reasoning, SETTING_TEXT, "the thoughts"),
	ROW(reference_keys, refusal, SETTING_TEXT, "a refusal"),
	ROW(reference_keys, finish_reason, SETTING_TEXT, "why it ends (default: by what it holds)"),
	ROW(reference_keys, tool_calls, SETTING_NODE, "calls with name and arguments"),
	ROW(reference_keys, error, SETTING_NODE, "an error instead of an answer"),
	ROW(reference_keys, pause, SETTING_DURATION, "between the events of a stream"),
};
static const struct setting call_rows[] = {
	{.name = "name", .type = SETTING_TEXT, .offset = offsetof(struct call_keys, name),
	 .flags = SETTING_REQUIRED, .doc = "the function"},
	ROW(call_keys, arguments, SETTING_NODE, "an object, or the JSON text itself (default {})"),
};
static const struct setting error_rows[] = {
	{.name = "status", .type = SETTING_INT, .offset = offsetof(struct error_keys, status),
	 .flags = SETTING_REQUIRED, .min = 400, .max = 599, .doc = "the HTTP status"},
	ROW(error_keys, type, SETTING_TEXT, "the error's type"),
	ROW(error_keys, code, SETTING_TEXT, "the error's code"),
	ROW(error_keys, param, SETTING_TEXT, "the field that is wrong"),
	ROW(error_keys, message, SETTING_TEXT, "what is said"),
	ROW(error_keys, retry_after, SETTING_TEXT, "the header of that name"),
};
#undef ROW
/* clang-format on */

static const struct setting_table reference_table = {
    .what = "reference", .rows = reference_rows, .count = ARRAY_LENGTH(reference_rows)};
static const struct setting_table call_table = {
    .what = "reference of a tool call", .rows = call_rows, .count = ARRAY_LENGTH(call_rows)};
static const struct setting_table error_table = {
    .what = "reference of an error", .rows = error_rows, .count = ARRAY_LENGTH(error_rows)};

/* --- checking ------------------------------------------------------------------------------- */

static void check_calls(const struct json *node, struct arena *arena, struct fault_list *faults)
{
	if (!json_is(node, JSON_ARRAY) || node->count == 0 || node->count > REFERENCE_MAX_CALLS) {
		fault_list_at(faults, json_place(node), "want a list of 1 to %zu tool calls",
		              (size_t)REFERENCE_MAX_CALLS);
		return;
	}
	JSON_EACH(item, node)
	{
		struct call_keys keys = {0};
		(void)!settings_read(&call_table, item, &keys, arena, faults);
		if (keys.arguments != NULL && !json_is(keys.arguments, JSON_OBJECT) &&
		    !json_is(keys.arguments, JSON_STRING))
			fault_list_at(faults, json_place(keys.arguments),
			              "arguments are %s; want an object, or a string of JSON",
			              json_type_name(keys.arguments));
	}
}

bool reference_check(const struct json *node, size_t steps_before, struct fault_list *faults)
{
	size_t errors = faults->errors;
	struct reference_keys keys = {0};
	struct error_keys error = {0};
	struct arena arena = {0};

	if (!json_is(node, JSON_OBJECT) || node->count == 0) {
		fault_list_at(faults, json_place(node),
		              "a reference says content, tool_calls, "
		              "refusal or error; or it is the word none");
		return false;
	}
	(void)!settings_read(&reference_table, node, &keys, &arena, faults);
	if (keys.tool_calls != NULL)
		check_calls(keys.tool_calls, &arena, faults);
	if (keys.error != NULL)
		(void)!settings_read(&error_table, keys.error, &error, &arena, faults);
	if (keys.error != NULL && node->count > 1)
		fault_list_at(faults, json_place(keys.error), "an error comes without an answer");
	(void)!template_check(node, steps_before, faults);
	arena_done(&arena);
	return faults->errors == errors;
}

/* --- answering ------------------------------------------------------------------------------- */

static bool answer_calls(const struct json *node, struct arena *arena, struct sim_answer *out)
{
	JSON_EACH(item, node)
	{
		const struct json *arguments = json_member(item, "arguments");
		if (out->tool_call_count == REFERENCE_MAX_CALLS)
			return false;
		size_t at = out->tool_call_count++;
		out->tool_calls[at].name = json_string(item, "name");
		if (arguments == NULL)
			out->tool_calls[at].arguments = TEXT("{}");
		else if (json_is(arguments, JSON_STRING))
			out->tool_calls[at].arguments = arguments->text;
		else
			out->tool_calls[at].arguments = json_to_text(arena, arguments);
	}
	return true;
}

bool reference_answer(const struct json *node, const struct template_values *values,
                      struct arena *arena, struct sim_answer *out, struct fault *fault)
{
	struct json *filled;
	int64_t status = 200;

	if (!template_fill(node, values, arena, &filled, fault))
		return false;
	*out = (struct sim_answer){.content = json_string(filled, "content"),
	                           .reasoning = json_string(filled, "reasoning"),
	                           .refusal = json_string(filled, "refusal"),
	                           .finish_reason = json_string(filled, "finish_reason")};
	if (!answer_calls(json_member(filled, "tool_calls"), arena, out))
		return fault_set(fault, FAULT_INPUT, "a reference has at most %zu tool calls",
		                 (size_t)REFERENCE_MAX_CALLS);
	const struct json *error = json_member(filled, "error");
	if (error != NULL && !json_integer(error, "status", 400, 599, &status))
		return fault_set(fault, FAULT_INPUT, "a reference's error has no status");
	out->status = (int)status;
	out->error.message = json_string(error, "message");
	out->error.type = json_string(error, "type");
	out->error.code = json_string(error, "code");
	out->error.param = json_string(error, "param");
	out->error.retry_after = json_string(error, "retry_after");
	/* Found good when the case was loaded. */
	if (json_member(filled, "pause") != NULL &&
	    !setting_parse_duration(json_string(filled, "pause"), &out->pause_ms))
		return fault_set(fault, FAULT_INPUT, "a reference's pause is no duration");
	if (error != NULL && out->error.message.data == NULL)
		out->error.message = TEXT("This request is refused.");
	return true;
}

/* --- the oracle ------------------------------------------------------------------------------- */

static bool oracle_answer(void *context, const struct sim_question *question, struct arena *arena,
                          struct sim_answer *answer, struct text *case_id, size_t *step)
{
	const struct suite *suite = context;
	struct suite_match match;
	struct fault fault;

	bool known =
	    question->carried == NULL
		? suite_recognise(suite, question->endpoint, question->body, arena, &match)
		: suite_recognise_carried(suite, question->body, question->carried, arena, &match);
	if (!known)
		return false;
	const struct json *reference = match.eval_case->steps[match.step].reference;
	if (reference == NULL || !reference_answer(reference, match.values, arena, answer, &fault))
		return false;
	if (match.eval_case->kind != CASE_KIND_NONE)
		answer->task = text_of(case_kind_names[match.eval_case->kind]);
	*case_id = match.eval_case->id;
	*step = match.step;
	return true;
}

static struct text oracle_owner(void *context, struct text case_id)
{
	const struct suite *suite = context;
	const struct eval_case *found = suite_find(suite, case_id);

	return found == NULL ? (struct text){NULL, 0} : suite->cases[found->probe].id;
}

struct sim_oracle reference_oracle(const struct suite *suite)
{
	return (struct sim_oracle){
	    .answer = oracle_answer,
	    .owner = oracle_owner,
	    /* Both functions only read it. */
	    .context = (void *)(uintptr_t)suite,
	};
}
