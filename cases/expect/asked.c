/* What a chat reply owes its request; see asked.h. */
#include "cases/expect/asked.h"

#include "cases/expect/expect_private.h"
#include "cases/schema/schema.h"

struct asking {
	const struct json *request;
	const struct chat_reply *reply;
	const struct chat_choice *choice;
	struct arena *arena;
	struct asked_breaches *out;
};

PRINTF_LIKE(4, 5)
static void breach(const struct asking *asking, const char *case_id, enum wire_grade grade,
                   const char *format, ...)
{
	struct asked_breaches *out = asking->out;
	va_list arguments;

	if (out->count == ASKED_MAX_BREACHES) {
		out->dropped++;
		return;
	}
	va_start(arguments, format);
	struct text detail = text_vformat(asking->arena, format, arguments);
	va_end(arguments);
	out->items[out->count++] = (struct asked_breach){case_id, grade, detail};
}

static struct text short_of(const struct asking *asking, struct text value)
{
	return text_visible(asking->arena, value, EXPECT_SHOWN_COLUMNS);
}

/* --- schemas ------------------------------------------------------------------------ */

/* What is wrong with the value; data NULL: nothing, or the schema is beyond us. */
static struct text complaint(const struct asking *asking, const struct json *node,
                             const struct json *value)
{
	struct fault_list *warnings = ARENA_NEW(asking->arena, struct fault_list);
	struct schema_error error = {0};
	struct schema *schema;
	struct fault fault;

	if (!json_is(node, JSON_OBJECT) ||
	    !schema_new(node, NULL, asking->arena, &schema, warnings, &fault))
		return (struct text){NULL, 0};
	enum schema_result result = schema_check(schema, value, asking->arena, &error);
	schema_free(schema);
	if (result != SCHEMA_INVALID)
		return (struct text){NULL, 0};
	return text_format(asking->arena, "%.*s at \"%.*s\"", TEXT_ARG(error.message),
	                   TEXT_ARG(short_of(asking, error.instance)));
}

/* --- calls -------------------------------------------------------------------------- */

/* The one function that must be called, or data NULL. */
static struct text named_choice(const struct json *request)
{
	const struct json *choice = json_member(request, "tool_choice");

	return json_string(json_member(choice, "function"), "name");
}

static void judge_call(const struct asking *asking, size_t at, bool cut)
{
	const struct chat_tool_call *call = &asking->choice->tool_calls[at];
	const struct json *parameters = NULL;
	struct json *arguments;
	struct fault fault;

	/* A custom tool takes free text; a call without a name breaks TC-03, which is told already.
	 */
	if ((call->type.data != NULL && !text_is(call->type, "function")) || call->name.len == 0)
		return;
	if (!request_tool(asking->request, call->name, &parameters)) {
		breach(asking, "TC-06", WIRE_BREAKS,
		       "tool call %zu: UnknownName: no tool is called \"%.*s\"", at,
		       TEXT_ARG(short_of(asking, call->name)));
		return;
	}
	/* What is no JSON breaks TC-04, which is told already. */
	if (cut || parameters == NULL ||
	    !json_read_text(call->arguments, "arguments", asking->arena, &arguments, &fault))
		return;
	struct text wrong = complaint(asking, parameters, arguments);
	if (wrong.data != NULL)
		breach(asking, "TC-05", WIRE_BREAKS, "tool call %zu: SchemaMismatch: %.*s", at,
		       TEXT_ARG(wrong));
}

static void judge_tool_choice(const struct asking *asking, bool cut)
{
	const struct chat_choice *choice = asking->choice;
	const struct json *asked = json_member(asking->request, "tool_choice");
	struct text word = json_is(asked, JSON_STRING) ? asked->text : TEXT("");
	struct text name = named_choice(asking->request);

	if (text_is(word, "none") && choice->tool_call_count > 0)
		breach(asking, "TC-11", WIRE_BREAKS, "tool_choice is none, and \"%.*s\" is called",
		       TEXT_ARG(short_of(asking, choice->tool_calls[0].name)));
	if (cut || choice->refusal.len > 0)
		return;
	if (text_is(word, "required") && choice->tool_call_count == 0)
		breach(asking, "TC-09", WIRE_BREAKS,
		       "tool_choice is required, and nothing is called");
	if (name.data == NULL)
		return;
	if (choice->tool_call_count == 0)
		breach(asking, "TC-10", WIRE_BREAKS,
		       "tool_choice names \"%.*s\", and nothing is called",
		       TEXT_ARG(short_of(asking, name)));
	for (size_t i = 0; i < choice->tool_call_count; i++)
		if (!text_equal(choice->tool_calls[i].name, name))
			breach(asking, "TC-10", WIRE_BREAKS,
			       "tool_choice names \"%.*s\", and \"%.*s\" is called",
			       TEXT_ARG(short_of(asking, name)),
			       TEXT_ARG(short_of(asking, choice->tool_calls[i].name)));
}

static void judge_calls(const struct asking *asking, bool cut)
{
	const struct chat_choice *choice = asking->choice;

	/* A request that is told in part only offers none. */
	for (size_t i = 0; request_has_tools(asking->request) && i < choice->tool_call_count; i++)
		judge_call(asking, i, cut);
	if (!json_truth(asking->request, "parallel_tool_calls", true) &&
	    choice->tool_call_count > 1)
		breach(asking, "TC-14", WIRE_BREAKS,
		       "parallel_tool_calls is false, and %zu calls come", choice->tool_call_count);
	judge_tool_choice(asking, cut);
}

/* --- text --------------------------------------------------------------------------- */

static void judge_stop(const struct asking *asking, const struct json *stop)
{
	struct text content = asking->choice->content;

	if (json_is(stop, JSON_STRING) && stop->text.len > 0 &&
	    text_find(content, stop->text, 0) != TEXT_NOT_FOUND)
		breach(asking, "PA-03", WIRE_BREAKS, "the text holds the stop sequence \"%.*s\"",
		       TEXT_ARG(short_of(asking, stop->text)));
}

static void judge_stops(const struct asking *asking)
{
	const struct json *stop = json_member(asking->request, "stop");

	judge_stop(asking, stop);
	JSON_EACH(one, json_is(stop, JSON_ARRAY) ? stop : NULL)
	judge_stop(asking, one);
}

static void judge_format(const struct asking *asking)
{
	const struct json *format = json_member(asking->request, "response_format");
	const struct json *wanted = json_member(format, "json_schema");
	struct text type = json_string(format, "type");
	const struct chat_choice *choice = asking->choice;
	bool strict = json_truth(wanted, "strict", false);
	struct json *root = NULL;
	struct fault fault;

	/* A call or a refusal may stand in its place, and a stop sequence may fall into it. */
	if (choice->tool_call_count > 0 || choice->function_call != NULL ||
	    choice->refusal.len > 0 || json_member(asking->request, "stop") != NULL)
		return;
	bool object = text_is(type, "json_object");
	if (!object && !text_is(type, "json_schema"))
		return;
	bool read = json_read_text(choice->content, "content", asking->arena, &root, &fault);
	if (!read || (object && !json_is(root, JSON_OBJECT))) {
		breach(asking,
		       object   ? "JO-01"
		       : strict ? "JS-01"
		                : "JS-10",
		       WIRE_BREAKS, "response_format is %s, and the text is %s: %.*s",
		       object ? "json_object" : "json_schema",
		       read ? json_type_name(root) : "no JSON",
		       TEXT_ARG(short_of(asking, choice->content)));
		return;
	}
	if (!strict)
		return; /* then a shape is asked for, and not promised */
	struct text wrong = complaint(asking, request_schema(asking->request), root);
	if (wrong.data != NULL)
		breach(asking, "JS-01", WIRE_BREAKS, "the text breaks the schema: %.*s",
		       TEXT_ARG(wrong));
}

/* --- the whole ---------------------------------------------------------------------- */

static void judge_choice(const struct asking *asking)
{
	const struct chat_choice *choice = asking->choice;
	struct text reason = choice->finish_reason;
	bool cut =
	    reason.data == NULL || text_is(reason, "length") || text_is(reason, "content_filter");

	judge_calls(asking, cut);
	judge_stops(asking);
	if (!cut)
		judge_format(asking);
	if (!asking->reply->streamed && asking->reply->api == CHAT_API_CHAT &&
	    json_truth(asking->request, "logprobs", false) &&
	    !json_is(choice->logprobs, JSON_OBJECT))
		breach(asking, "PA-07", WIRE_DEVIATES, "logprobs were asked for and never came");
}

static void judge_limit(const struct asking *asking, const char *name, const char *case_id,
                        int64_t choices)
{
	int64_t written = asking->reply->usage.output;
	int64_t limit;

	if (json_integer(asking->request, name, 1, INT32_MAX, &limit) && written > limit * choices)
		breach(asking, case_id, WIRE_BREAKS, "%s is %lld, and %lld tokens are counted",
		       name, (long long)limit, (long long)written);
}

void asked_judge(const struct json *request, const struct chat_reply *reply, struct arena *arena,
                 struct asked_breaches *out)
{
	struct asking asking = {.request = request, .reply = reply, .arena = arena, .out = out};
	int64_t choices = 1;

	*out = (struct asked_breaches){.count = 0};
	if (!json_is(json_member(request, "messages"), JSON_ARRAY) || reply->error_count > 0 ||
	    reply->choice_count == 0)
		return;
	(void)!json_integer(request, "n", 1, CHAT_MAX_CHOICES, &choices);
	if (reply->choice_count != (size_t)choices)
		breach(&asking, reply->streamed ? "ST-10" : "PA-06", WIRE_BREAKS,
		       "n is %lld, and %zu choices came", (long long)choices, reply->choice_count);
	judge_limit(&asking, "max_tokens", "PA-01", choices);
	judge_limit(&asking, "max_completion_tokens", "PA-02", choices);
	for (size_t i = 0; i < reply->choice_count; i++) {
		asking.choice = &reply->choices[i];
		judge_choice(&asking);
	}
}
