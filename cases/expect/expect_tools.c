/*
 * Tool calls: none, a number of them, or a list matched in any order. The faults of a
 * call have the names the field gives them: InvalidJson, UnknownName, SchemaMismatch.
 */
#include "cases/expect/expect_private.h"

#include "cases/expect/expect_arguments.h"

enum calls_form {
	CALLS_NONE,
	CALLS_LIST,
	CALLS_RANGE,
};

struct expect_call {
	struct text name;
	const struct expect_arguments *arguments; /* NULL: any */
	const struct json *node;
};

struct expect_calls {
	enum calls_form form;
	struct expect_call calls[EXPECT_MAX_CALLS]; /* CALLS_LIST */
	size_t count;
	int64_t min, max; /* CALLS_RANGE; max -1: no limit */
	struct text_list names;
	const struct expect_arguments *every; /* CALLS_RANGE: of each call */
	const struct json *node;
};

/* --- reading -------------------------------------------------------------------------------- */

struct call_keys {
	struct text name;
	const struct json *arguments;
};

struct range_keys {
	int64_t min, max;
	struct text_list names;
	const struct json *schema;
};

/* clang-format off */
static const struct setting call_rows[] = {
	{.name = "name", .type = SETTING_TEXT, .offset = offsetof(struct call_keys, name),
	 .flags = SETTING_REQUIRED, .doc = "the function that is called"},
	{.name = "arguments", .type = SETTING_NODE, .offset = offsetof(struct call_keys, arguments),
	 .doc = "what its arguments must be"},
};

static const struct setting range_rows[] = {
	{.name = "min", .type = SETTING_INT, .offset = offsetof(struct range_keys, min),
	 .max = CHAT_MAX_TOOL_CALLS, .doc = "at least so many calls (default 1)"},
	{.name = "max", .type = SETTING_INT, .offset = offsetof(struct range_keys, max),
	 .max = CHAT_MAX_TOOL_CALLS, .doc = "at most so many calls"},
	{.name = "names", .type = SETTING_TEXTS, .offset = offsetof(struct range_keys, names),
	 .doc = "only these functions"},
	{.name = "schema", .type = SETTING_NODE, .offset = offsetof(struct range_keys, schema),
	 .doc = "tool: all arguments are valid against their tool's schema"},
};
/* clang-format on */

static const struct setting_table call_table = {
    .what = "expected tool call", .rows = call_rows, .count = ARRAY_LENGTH(call_rows)};
static const struct setting_table range_table = {
    .what = "expectation of tool calls", .rows = range_rows, .count = ARRAY_LENGTH(range_rows)};

static bool read_list(struct expect_reader *reader, const struct json *node,
                      struct expect_calls *out)
{
	bool good = true;

	out->form = CALLS_LIST;
	if (node->count == 0 || node->count > EXPECT_MAX_CALLS)
		return expect_fault(reader, node, "want 1 to %d calls, or the word none",
		                    EXPECT_MAX_CALLS);
	JSON_EACH(item, node)
	{
		struct call_keys keys = {0};
		struct expect_call *call = &out->calls[out->count++];
		good &= settings_read(&call_table, item, &keys, reader->arena, reader->faults);
		call->name = keys.name;
		call->node = item;
		if (keys.arguments != NULL)
			good &= expect_read_arguments(reader, keys.arguments, &call->arguments);
	}
	return good;
}

static bool read_range(struct expect_reader *reader, const struct json *node,
                       struct expect_calls *out)
{
	struct range_keys keys = {.min = 1, .max = -1};
	bool good = settings_read(&range_table, node, &keys, reader->arena, reader->faults);

	out->form = CALLS_RANGE;
	out->min = keys.min;
	out->max = keys.max;
	out->names = keys.names;
	if (node->count == 0)
		return expect_fault(reader, node, "this says nothing about tool calls");
	if (keys.max >= 0 && keys.max < keys.min)
		good = expect_fault(reader, node, "max is below min");
	if (keys.schema != NULL)
		good &= expect_read_schema_of_tool(reader, keys.schema, &out->every);
	return good;
}

bool expect_read_calls(struct expect_reader *reader, const struct json *node,
                       const struct expect_calls **out)
{
	struct expect_calls *expect = ARENA_NEW(reader->arena, struct expect_calls);

	*out = expect;
	expect->node = node;
	if (json_is(node, JSON_STRING) && text_is(node->text, "none")) {
		expect->form = CALLS_NONE;
		return true;
	}
	if (json_is(node, JSON_ARRAY))
		return read_list(reader, node, expect);
	if (json_is(node, JSON_OBJECT))
		return read_range(reader, node, expect);
	return expect_fault(reader, node,
	                    "tool_calls is %s; want none, a list, or {min, max, "
	                    "names, schema}",
	                    json_type_name(node));
}

static bool name_fits(struct text name, const struct json *at, const struct expect_step *step,
                      struct fault_list *faults)
{
	const struct json *parameters;

	if (text_find(name, TEXT("{{"), 0) != TEXT_NOT_FOUND ||
	    request_tool(step->request, name, &parameters))
		return true;
	fault_list_at(faults, json_place(at), "the request offers no tool %.*s", TEXT_ARG(name));
	return false;
}

bool expect_calls_fit(const struct expect_calls *expect, const struct expect_step *step,
                      struct fault_list *faults)
{
	bool schema = expect->every != NULL, good = true;

	for (size_t i = 0; i < expect->count; i++) {
		schema = schema || expect_arguments_use_tool(expect->calls[i].arguments);
		good &= name_fits(expect->calls[i].name, expect->calls[i].node, step, faults);
	}
	for (size_t i = 0; i < expect->names.count; i++)
		good &= name_fits(expect->names.items[i], expect->node, step, faults);
	if (schema && !request_has_tools(step->request)) {
		fault_list_at(faults, json_place(expect->node),
		              "`schema: tool` needs tools in the request");
		return false;
	}
	return good && (!schema || request_schemas_check(step->request, step->arena, faults));
}

/* --- judging -------------------------------------------------------------------------------- */

/* "get_weather, get_time", cut. */
static struct text names_of(const struct judgement *judgement)
{
	enum { NAMES_SHOWN = 5 };
	const struct chat_choice *choice = judgement->choice;
	struct text all = TEXT("");

	for (size_t i = 0; i < choice->tool_call_count && i < NAMES_SHOWN; i++)
		all = text_format(judgement->arena, "%.*s%s%.*s", TEXT_ARG(all), i == 0 ? "" : ", ",
		                  TEXT_ARG(shown(judgement, choice->tool_calls[i].name)));
	if (choice->tool_call_count > NAMES_SHOWN)
		all = text_format(judgement->arena, "%.*s, ...", TEXT_ARG(all));
	return all;
}

/* What is said instead of a call. */
static struct text said_instead(const struct judgement *judgement)
{
	const struct chat_choice *choice = judgement->choice;

	if (choice->content.len == 0)
		return TEXT("no content either");
	return text_format(judgement->arena, "content is \"%.*s\"",
	                   TEXT_ARG(shown(judgement, choice->content)));
}

static bool is_unknown(const struct judgement *judgement, struct text name)
{
	const struct json *parameters;
	const struct json *request = judgement->seen->request;

	return request_has_tools(request) && !request_tool(request, name, &parameters);
}

/* What is wrong with a call as the answer to one that is wanted; data NULL: nothing. */
static struct text call_complaint(const struct judgement *judgement,
                                  const struct expect_call *wanted,
                                  const struct chat_tool_call *call)
{
	struct text name;

	if (!expect_fill(judgement, wanted->name, &name))
		return TEXT("its name can't be filled");
	if (!text_equal(call->name, name))
		return text_format(judgement->arena, "%scalls \"%.*s\", want %.*s",
		                   is_unknown(judgement, call->name) ? "UnknownName: " : "",
		                   TEXT_ARG(shown(judgement, call->name)), TEXT_ARG(name));
	if (wanted->arguments == NULL)
		return (struct text){NULL, 0};
	return arguments_complaint(wanted->arguments, judgement, call);
}

/* Bipartite matching (augmenting paths): which call answers which wanted one. */
struct matching {
	bool suits[EXPECT_MAX_CALLS][EXPECT_MAX_CALLS]; /* [wanted][call] */
	bool tried[EXPECT_MAX_CALLS];
	size_t wanted_of[EXPECT_MAX_CALLS]; /* by call; `count`: free */
	size_t count;
};

static bool find_call(struct matching *matching, size_t wanted)
{
	for (size_t call = 0; call < matching->count; call++) {
		if (!matching->suits[wanted][call] || matching->tried[call])
			continue;
		matching->tried[call] = true;
		if (matching->wanted_of[call] == matching->count ||
		    find_call(matching, matching->wanted_of[call])) {
			matching->wanted_of[call] = wanted;
			return true;
		}
	}
	return false;
}

/* The first wanted call that nothing answers, beside the first call that answers nothing. */
static void judge_unmatched(const struct expect_calls *expect, const struct judgement *judgement,
                            const struct matching *matching, size_t wanted)
{
	for (size_t call = 0; call < matching->count; call++) {
		if (matching->wanted_of[call] != matching->count)
			continue;
		struct text wrong = call_complaint(judgement, &expect->calls[wanted],
		                                   &judgement->choice->tool_calls[call]);
		judge(
		    judgement, FINDING_MISS, "tool call %zu: %.*s", call,
		    TEXT_ARG(wrong.data == NULL ? TEXT("it answers none that is wanted") : wrong));
		return;
	}
}

static void check_list(const struct expect_calls *expect, const struct judgement *judgement)
{
	const struct chat_choice *choice = judgement->choice;
	struct matching matching = {.count = expect->count};

	if (choice->tool_call_count != expect->count) {
		judge(judgement, FINDING_MISS, "there are %zu tool calls (%.*s), want %zu; %.*s",
		      choice->tool_call_count, TEXT_ARG(names_of(judgement)), expect->count,
		      TEXT_ARG(said_instead(judgement)));
		return;
	}
	for (size_t i = 0; i < expect->count; i++) {
		matching.wanted_of[i] = expect->count;
		for (size_t j = 0; j < expect->count; j++)
			matching.suits[i][j] =
			    call_complaint(judgement, &expect->calls[i], &choice->tool_calls[j])
				.data == NULL;
	}
	for (size_t i = 0; i < expect->count; i++) {
		memset(matching.tried, 0, sizeof(matching.tried));
		if (!find_call(&matching, i)) {
			judge_unmatched(expect, judgement, &matching, i);
			return;
		}
	}
}

static bool is_listed(struct text name, const struct text_list *names)
{
	for (size_t i = 0; i < names->count; i++)
		if (text_equal(name, names->items[i]))
			return true;
	return names->count == 0;
}

static void check_range(const struct expect_calls *expect, const struct judgement *judgement)
{
	const struct chat_choice *choice = judgement->choice;
	size_t count = choice->tool_call_count;

	if (count < (size_t)expect->min)
		judge(judgement, FINDING_MISS, "there are %zu tool calls, want at least %lld; %.*s",
		      count, (long long)expect->min, TEXT_ARG(said_instead(judgement)));
	if (expect->max >= 0 && count > (size_t)expect->max)
		judge(judgement, FINDING_MISS, "there are %zu tool calls (%.*s), want at most %lld",
		      count, TEXT_ARG(names_of(judgement)), (long long)expect->max);
	for (size_t i = 0; i < count; i++) {
		const struct chat_tool_call *call = &choice->tool_calls[i];
		struct text wrong = {NULL, 0};
		if (is_unknown(judgement, call->name))
			judge(judgement, FINDING_MISS,
			      "tool call %zu: UnknownName: \"%.*s\" was not offered", i,
			      TEXT_ARG(shown(judgement, call->name)));
		else if (!is_listed(call->name, &expect->names))
			judge(judgement, FINDING_MISS, "tool call %zu: calls \"%.*s\", want %.*s",
			      i, TEXT_ARG(shown(judgement, call->name)),
			      TEXT_ARG(expect->names.items[0]));
		else if (expect->every != NULL)
			wrong = arguments_complaint(expect->every, judgement, call);
		if (wrong.data != NULL)
			judge(judgement, FINDING_MISS, "tool call %zu: %.*s", i, TEXT_ARG(wrong));
	}
}

void expect_check_calls(const struct expect_calls *expect, const struct judgement *judgement)
{
	switch (expect->form) {
	case CALLS_NONE:
		if (judgement->choice->tool_call_count > 0)
			judge(judgement, FINDING_MISS, "there are %zu tool calls (%.*s), want none",
			      judgement->choice->tool_call_count, TEXT_ARG(names_of(judgement)));
		break;
	case CALLS_LIST:
		check_list(expect, judgement);
		break;
	case CALLS_RANGE:
		check_range(expect, judgement);
		break;
	}
}

/* --- ids -------------------------------------------------------------------------------------- */

/* Whether another call before this one, in this reply or an earlier step's, has the id. */
static bool is_taken(const struct chat_reply *reply, struct text id, const struct chat_choice *last,
                     size_t last_call)
{
	for (size_t i = 0; i < reply->choice_count; i++) {
		const struct chat_choice *choice = &reply->choices[i];
		size_t count = choice == last ? last_call : choice->tool_call_count;
		for (size_t j = 0; j < count; j++)
			if (text_equal(choice->tool_calls[j].id, id))
				return true;
		if (choice == last)
			break;
	}
	return false;
}

void expect_check_distinct_ids(const struct judgement *judgement)
{
	const struct template_values *values = judgement->seen->values;
	const struct chat_choice *choice = judgement->choice;

	if (choice == NULL || choice->tool_call_count == 0) {
		judge(judgement, FINDING_MISS, "there is no tool call whose id could be judged");
		return;
	}
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		struct text id = choice->tool_calls[i].id;
		bool taken = is_taken(judgement->seen->reply, id, choice, i);
		/* Of a trial that is over, the values hold this reply itself and those after it. */
		for (size_t step = 0; values != NULL && step < values->step_count &&
		                      values->steps[step] != judgement->seen->reply;
		     step++)
			taken = taken || (values->steps[step] != NULL &&
			                  is_taken(values->steps[step], id, NULL, 0));
		if (id.len == 0)
			judge(judgement, FINDING_VIOLATION, "tool call %zu has no id", i);
		else if (taken)
			judge(judgement, FINDING_VIOLATION,
			      "tool call %zu has the id \"%.*s\" of an earlier one", i,
			      TEXT_ARG(shown(judgement, id)));
	}
}
