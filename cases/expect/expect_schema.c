/* Schemas that stand in the request itself: those of its tools and of its response_format. */
#include "cases/expect/expect_private.h"

const struct json *request_schema(const struct json *request)
{
	const struct json *format = json_member(request, "response_format");
	const struct json *inner = json_member(format, "json_schema");

	if (inner != NULL)
		return json_member(inner, "schema");
	/* The responses endpoint keeps it in text.format. */
	return json_member(json_member(json_member(request, "text"), "format"), "schema");
}

/* The function of a tool: inside `function` (chat), or the tool itself (responses, functions). */
static const struct json *function_of(const struct json *tool)
{
	const struct json *function = json_member(tool, "function");

	return function == NULL ? tool : function;
}

static const struct json *tools_of(const struct json *request)
{
	const struct json *tools = json_member(request, "tools");

	return tools == NULL ? json_member(request, "functions") : tools;
}

bool request_has_tools(const struct json *request)
{
	const struct json *tools = tools_of(request);

	return json_is(tools, JSON_ARRAY) && tools->count > 0;
}

bool request_tool(const struct json *request, struct text name, const struct json **parameters)
{
	const struct json *tools = tools_of(request);

	JSON_EACH(tool, json_is(tools, JSON_ARRAY) ? tools : NULL)
	{
		const struct json *function = function_of(tool);
		struct text own = json_string(function, "name");
		if (own.data == NULL || !text_equal(own, name))
			continue;
		*parameters = json_member(function, "parameters");
		return true;
	}
	return false;
}

static bool compiles(const struct json *node, struct arena *arena, struct fault_list *faults)
{
	struct schema *schema;
	struct fault fault;

	if (node == NULL)
		return true;
	if (!schema_new(node, NULL, arena, &schema, faults, &fault)) {
		fault_list_add(faults, &fault);
		return false;
	}
	schema_free(schema);
	return true;
}

bool request_schemas_check(const struct json *request, struct arena *arena,
                           struct fault_list *faults)
{
	const struct json *tools = tools_of(request);
	bool good = compiles(request_schema(request), arena, faults);

	JSON_EACH(tool, json_is(tools, JSON_ARRAY) ? tools : NULL)
	good &= compiles(json_member(function_of(tool), "parameters"), arena, faults);
	return good;
}

/* With a schema compiled already, or compiled here for this once. */
struct text schema_complaint(const struct judgement *judgement, const struct schema *compiled,
                             const struct json *schema, const struct json *value)
{
	struct text none = {NULL, 0};
	struct schema *own = NULL;
	struct schema_error error;
	struct fault fault;

	if (compiled == NULL && schema == NULL)
		return none;
	if (compiled == NULL) {
		if (!schema_new(schema, NULL, judgement->arena, &own, NULL, &fault)) {
			judge(judgement, FINDING_HARNESS, "the request's schema is wrong: %s",
			      fault.message);
			return none;
		}
		compiled = own;
	}
	enum schema_result result = schema_check(compiled, value, judgement->arena, &error);
	schema_free(own);
	switch (result) {
	case SCHEMA_VALID:
		return none;
	case SCHEMA_INVALID:
		break;
	case SCHEMA_LIMIT:
		judge(judgement, FINDING_HARNESS, "the schema could not be judged: %.*s",
		      TEXT_ARG(error.message));
		return none;
	}
	return text_format(
	    judgement->arena, "at %.*s: %.*s",
	    TEXT_ARG(error.instance.len == 0 ? TEXT("the root") : shown(judgement, error.instance)),
	    TEXT_ARG(shown(judgement, error.message)));
}
