/* A reply against the rules and the request's own schemas; see live_judge.h. */
#include "proxy/live/live_judge.h"

#include "cases/schema/schema.h"

enum { UTF8_MAX = 4 }; /* a text is kept in whole characters: one longer than the limit must show */

static const char *const cases[LIVE_CHECKS - LIVE_ARGUMENTS] = {"TC-05", "TC-06", "JS-01", "JO-01"};

struct text live_check_case(size_t check)
{
	REQUIRE(check < LIVE_CHECKS);
	return text_of(check < WIRE_RULE_COUNT ? wire_rule_id((enum wire_rule)check)
	                                       : cases[check - LIVE_ARGUMENTS]);
}

bool live_check_counts(size_t check)
{
	switch (check) {
	case WIRE_TC_21: /* a client may ask for markup or thoughts as text */
	case WIRE_RE_01:
	case WIRE_JS_14: /* rests on a limit that the case sets */
	case WIRE_TS_08: /* rests on long arguments */
	case WIRE_ER_05: /* errors are the breaker's */
	case WIRE_ER_20:
	case WIRE_MO_01:
		return false;
	default:
		return check < LIVE_CHECKS;
	}
}

size_t live_text_wanted(const struct shape *shape)
{
	bool json = feature_has(&shape->features, FEATURE_RESPONSE_FORMAT_JSON_OBJECT) ||
	            feature_has(&shape->features, FEATURE_RESPONSE_FORMAT_JSON_SCHEMA);

	return json && shape->streamed && shape->endpoint == ENDPOINT_CHAT
	           ? LIVE_TEXT_MAX + UTF8_MAX
	           : 0;
}

static void note(struct live_findings *out, size_t check, bool good)
{
	out->saw[check] = true;
	out->broken[check] = out->broken[check] || !good;
}

/* --- schemas of the request --------------------------------------------------------- */

/* Whether `instance` conforms; false in *judged where the schema or the work is beyond us. */
static bool conforms(const struct json *schema_node, const struct json *instance,
                     struct arena *scratch, bool *judged)
{
	struct fault_list *warnings = ARENA_NEW(scratch, struct fault_list);
	struct schema *schema = NULL;
	struct fault fault;

	*judged = false;
	if (!json_is(schema_node, JSON_OBJECT) ||
	    schema_node->end - schema_node->begin > LIVE_TEXT_MAX ||
	    !schema_new(schema_node, NULL, scratch, &schema, warnings, &fault))
		return false;
	enum schema_result result = schema_check(schema, instance, scratch, NULL);
	*judged = result != SCHEMA_LIMIT && warnings->count == 0;
	schema_free(schema);
	return result == SCHEMA_VALID;
}

static const struct json *find_tool(const struct json *body, struct text name)
{
	const struct json *tools = json_member(body, "tools");

	if (!json_is(tools, JSON_ARRAY))
		return NULL;
	JSON_EACH(tool, tools)
	{
		const struct json *function = json_member(tool, "function");
		if (text_equal(json_string(function, "name"), name))
			return function;
	}
	return NULL;
}

static void judge_call(const struct json *body, const struct chat_tool_call *call,
                       struct arena *scratch, struct live_findings *out)
{
	struct fault fault;
	struct json *arguments;
	bool judged;

	if (!text_is(call->type, "function") && call->type.data != NULL)
		return; /* custom tools take free text */
	const struct json *function = find_tool(body, call->name);
	note(out, LIVE_NAME, function != NULL);
	const struct json *parameters = json_member(function, "parameters");
	/* What is no JSON breaks TC-04 and is counted there. */
	if (parameters == NULL || call->arguments.len == 0 || call->arguments.len > LIVE_TEXT_MAX ||
	    !json_read_text(call->arguments, "arguments", scratch, &arguments, &fault))
		return;
	bool good = conforms(parameters, arguments, scratch, &judged);
	if (judged)
		note(out, LIVE_ARGUMENTS, good);
}

static void judge_calls(const struct live_asked *asked, const struct chat_choice *choice,
                        struct arena *scratch, struct live_findings *out)
{
	size_t count = size_min(choice->tool_call_count, LIVE_CALLS_MAX);

	if (!json_is(json_member(asked->body, "tools"), JSON_ARRAY))
		return;
	for (size_t i = 0; i < count; i++)
		judge_call(asked->body, &choice->tool_calls[i], scratch, out);
}

static void judge_content(const struct live_asked *asked, const struct chat_choice *choice,
                          struct arena *scratch, struct live_findings *out)
{
	const struct json *format = json_member(asked->body, "response_format");
	const struct json *wanted = json_member(format, "json_schema");
	bool object = text_is(json_string(format, "type"), "json_object");
	struct fault fault;
	struct json *root = NULL;
	bool judged;

	/* A call or a refusal may stand in its place, and a model need promise nothing without
	 * `strict`. */
	if (choice->tool_call_count > 0 || choice->function_call != NULL ||
	    choice->refusal.len > 0 || choice->content.len == 0 ||
	    choice->content.len > LIVE_TEXT_MAX)
		return;
	if (!object && !feature_has(&asked->shape->features, FEATURE_RESPONSE_FORMAT_STRICT))
		return;
	bool read = json_read_text(choice->content, "content", scratch, &root, &fault);
	if (object) {
		note(out, LIVE_OBJECT, read && json_is(root, JSON_OBJECT));
		return;
	}
	/* The schema must be one that we can hold it to, also where no JSON came. */
	bool good = conforms(json_member(wanted, "schema"), read ? root : wanted, scratch, &judged);
	if (judged)
		note(out, LIVE_SCHEMA, read && good);
}

/* --- the whole --------------------------------------------------------------------------- */

/* Some choice did not come to its end: by a limit, a filter, or a stop sequence that fell into it.
 */
static bool was_cut(const struct live_asked *asked, const struct chat_reply *reply)
{
	const struct shape *shape = asked->shape;

	if (feature_has(&shape->features, FEATURE_STOP) ||
	    (shape->max_output >= 0 && reply->usage.output >= shape->max_output))
		return true;
	for (size_t i = 0; i < reply->choice_count; i++) {
		struct text reason = reply->choices[i].finish_reason;
		if (text_is(reason, "length") || text_is(reason, "content_filter"))
			return true;
	}
	return false;
}

/* What a cut may break without anybody's fault. */
static bool suffers_from_cut(size_t rule)
{
	return rule == WIRE_TC_03 || rule == WIRE_TC_04 || rule == WIRE_TS_03 ||
	       rule == WIRE_TS_04 || rule == WIRE_TC_20 || rule == WIRE_CH_02 || rule == WIRE_ST_07;
}

void live_judge(const struct live_asked *asked, const struct chat_reply *reply,
                struct arena *scratch, struct live_findings *out)
{
	bool cut = was_cut(asked, reply);

	*out = (struct live_findings){0};
	for (size_t rule = 0; rule < WIRE_RULE_COUNT; rule++) {
		out->saw[rule] =
		    reply->saw[rule] && live_check_counts(rule) && !(cut && suffers_from_cut(rule));
		out->broken[rule] = out->saw[rule] && reply->broken[rule];
	}
	if (cut || asked->shape->endpoint != ENDPOINT_CHAT)
		return;
	for (size_t i = 0; i < reply->choice_count; i++) {
		judge_calls(asked, &reply->choices[i], scratch, out);
		judge_content(asked, &reply->choices[i], scratch, out);
	}
}
