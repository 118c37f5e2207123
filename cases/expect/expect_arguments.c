/* The arguments of a tool call: parsed strictly, then held against schema and values. */
#include "cases/expect/expect_arguments.h"

/* One field: a pattern, or the values it may have. */
struct expect_field {
	struct text name; /* a member, or a JSON pointer where it begins with / */
	const struct regex *regex;
	const struct json *values; /* array */
	const struct json *node;
	const struct expect_field *next;
};

struct expect_arguments {
	bool schema_of_tool;
	const struct schema *schema; /* an inline one */
	const struct json *equals;
	const struct expect_field *fields;
	bool empty; /* {} */
};

/* --- reading --------------------------------------------------------------------------------- */

struct arguments_keys {
	const struct json *schema, *equals, *match, *any_of_values;
	bool empty;
};

/* clang-format off */
#define ROW(key, kind, about) \
	{.name = #key, .type = kind, .offset = offsetof(struct arguments_keys, key), .doc = about}
static const struct setting arguments_rows[] = {
	ROW(schema, SETTING_NODE, "tool: valid against the tool's schema; or a schema"),
	ROW(equals, SETTING_NODE, "exactly this object, as JSON compares"),
	ROW(match, SETTING_NODE, "a /pattern/ for each field, named or by pointer"),
	ROW(any_of_values, SETTING_NODE, "the values that a field may have"),
	ROW(empty, SETTING_BOOL, "they are {}"),
};
#undef ROW
/* clang-format on */

static const struct setting_table arguments_table = {.what = "expectation of arguments",
                                                     .rows = arguments_rows,
                                                     .count = ARRAY_LENGTH(arguments_rows)};

static struct expect_field *add_field(struct expect_reader *reader, const struct json *node,
                                      struct expect_arguments *out)
{
	struct expect_field *field = ARENA_NEW(reader->arena, struct expect_field);

	*field = (struct expect_field){.name = node->key, .node = node, .next = out->fields};
	out->fields = field;
	return field;
}

static bool read_match(struct expect_reader *reader, const struct json *node,
                       struct expect_arguments *out)
{
	bool good = true;

	if (!json_is(node, JSON_OBJECT) || node->count == 0)
		return expect_fault(reader, node, "want a /pattern/ for each field");
	JSON_EACH(member, node)
	{
		struct expect_field *field = add_field(reader, member, out);
		good &= resources_regex(reader->resources, member, &field->regex, reader->faults);
	}
	return good;
}

static bool read_values(struct expect_reader *reader, const struct json *node,
                        struct expect_arguments *out)
{
	if (!json_is(node, JSON_OBJECT) || node->count == 0)
		return expect_fault(reader, node, "want a list of values for each field");
	JSON_EACH(member, node)
	{
		if (!json_is(member, JSON_ARRAY) || member->count == 0)
			return expect_fault(reader, member, "want a list of values");
		add_field(reader, member, out)->values = member;
	}
	return true;
}

static bool read_schema(struct expect_reader *reader, const struct json *node,
                        struct expect_arguments *out)
{
	if (json_is(node, JSON_OBJECT))
		return resources_schema(reader->resources, node, reader->arena, &out->schema,
		                        reader->faults);
	if (!json_is(node, JSON_STRING) || !text_is(node->text, "tool"))
		return expect_fault(reader, node, "want a schema, or the word tool");
	out->schema_of_tool = true;
	return true;
}

bool expect_read_arguments(struct expect_reader *reader, const struct json *node,
                           const struct expect_arguments **out)
{
	struct arguments_keys keys = {0};
	struct expect_arguments *expect = ARENA_NEW(reader->arena, struct expect_arguments);
	bool good = settings_read(&arguments_table, node, &keys, reader->arena, reader->faults);

	*out = expect;
	if (good && (!json_is(node, JSON_OBJECT) || node->count == 0))
		return expect_fault(reader, node, "this says nothing about the arguments");
	expect->empty = keys.empty;
	expect->equals = keys.equals;
	if (keys.equals != NULL && !json_is(keys.equals, JSON_OBJECT))
		good = expect_fault(reader, keys.equals, "arguments are an object");
	if (keys.schema != NULL)
		good &= read_schema(reader, keys.schema, expect);
	if (keys.match != NULL)
		good &= read_match(reader, keys.match, expect);
	if (keys.any_of_values != NULL)
		good &= read_values(reader, keys.any_of_values, expect);
	return good;
}

bool expect_read_schema_of_tool(struct expect_reader *reader, const struct json *node,
                                const struct expect_arguments **out)
{
	struct expect_arguments *expect = ARENA_NEW(reader->arena, struct expect_arguments);

	*out = expect;
	if (!json_is(node, JSON_STRING))
		return expect_fault(reader, node, "want the word tool");
	return read_schema(reader, node, expect);
}

bool expect_arguments_use_tool(const struct expect_arguments *expect)
{
	return expect != NULL && expect->schema_of_tool;
}

/* --- judging ---------------------------------------------------------------------------------- */

static struct text field_complaint(const struct expect_field *field,
                                   const struct judgement *judgement, const struct json *arguments)
{
	bool pointer = field->name.len > 0 && field->name.data[0] == '/';
	const struct json *value = pointer ? json_pointer(arguments, field->name)
	                                   : json_member_text(arguments, field->name);
	struct json *wanted;
	struct fault fault;

	if (value == NULL)
		return text_format(judgement->arena, "there is no argument %.*s",
		                   TEXT_ARG(field->name));
	struct text text = json_to_text(judgement->arena, value);
	if (field->regex != NULL && (json_is(value, JSON_OBJECT) || json_is(value, JSON_ARRAY) ||
	                             !expect_search(judgement, field->regex, value->text)))
		return text_format(judgement->arena, "%.*s is %.*s, want it to match %.*s",
		                   TEXT_ARG(field->name), TEXT_ARG(shown(judgement, text)),
		                   TEXT_ARG(field->node->text));
	if (field->values == NULL)
		return (struct text){NULL, 0};
	JSON_EACH(item, field->values)
	if (template_fill(item, judgement->seen->values, judgement->arena, &wanted, &fault) &&
	    json_equal(value, wanted))
		return (struct text){NULL, 0};
	return text_format(
	    judgement->arena, "%.*s is %.*s, want one of %.*s", TEXT_ARG(field->name),
	    TEXT_ARG(shown(judgement, text)),
	    TEXT_ARG(shown(judgement, json_to_text(judgement->arena, field->values))));
}

static struct text equals_complaint(const struct expect_arguments *expect,
                                    const struct judgement *judgement, const struct json *arguments)
{
	struct json *wanted;
	struct fault fault;

	if (!template_fill(expect->equals, judgement->seen->values, judgement->arena, &wanted,
	                   &fault)) {
		judge(judgement, FINDING_HARNESS, "the expectation can't be filled: %s",
		      fault.message);
		return TEXT("not judged");
	}
	if (json_equal(arguments, wanted))
		return (struct text){NULL, 0};
	return text_format(judgement->arena, "arguments are %.*s, want %.*s",
	                   TEXT_ARG(shown(judgement, json_to_text(judgement->arena, arguments))),
	                   TEXT_ARG(shown(judgement, json_to_text(judgement->arena, wanted))));
}

static struct text schema_of_tool_complaint(const struct judgement *judgement,
                                            const struct chat_tool_call *call,
                                            const struct json *arguments)
{
	const struct json *parameters = NULL;

	if (!request_tool(judgement->seen->request, call->name, &parameters))
		return text_format(judgement->arena, "UnknownName: \"%.*s\" was not offered",
		                   TEXT_ARG(shown(judgement, call->name)));
	struct text wrong = schema_complaint(judgement, NULL, parameters, arguments);
	if (wrong.data == NULL)
		return wrong;
	return text_format(judgement->arena, "SchemaMismatch: %.*s", TEXT_ARG(wrong));
}

struct text arguments_complaint(const struct expect_arguments *expect,
                                const struct judgement *judgement,
                                const struct chat_tool_call *call)
{
	struct text wrong = {NULL, 0};
	struct json *arguments;
	struct fault fault;

	if (call->arguments.len == 0)
		return TEXT("InvalidJson: the arguments are empty");
	if (!json_read_text(call->arguments, "arguments", judgement->arena, &arguments, &fault))
		return text_format(judgement->arena, "InvalidJson: \"%.*s\": %s",
		                   TEXT_ARG(shown(judgement, call->arguments)), fault.message);
	if (!json_is(arguments, JSON_OBJECT))
		return text_format(judgement->arena, "InvalidJson: the arguments are %s",
		                   json_type_name(arguments));
	if (expect->schema_of_tool)
		wrong = schema_of_tool_complaint(judgement, call, arguments);
	if (wrong.data == NULL && expect->schema != NULL) {
		wrong = schema_complaint(judgement, expect->schema, NULL, arguments);
		if (wrong.data != NULL)
			wrong =
			    text_format(judgement->arena, "SchemaMismatch: %.*s", TEXT_ARG(wrong));
	}
	if (wrong.data == NULL && expect->empty && arguments->count > 0)
		wrong = text_format(judgement->arena, "arguments are %.*s, want {}",
		                    TEXT_ARG(shown(judgement, call->arguments)));
	if (wrong.data == NULL && expect->equals != NULL)
		wrong = equals_complaint(expect, judgement, arguments);
	for (const struct expect_field *field = expect->fields; wrong.data == NULL && field != NULL;
	     field = field->next)
		wrong = field_complaint(field, judgement, arguments);
	return wrong;
}
