/* JSON Schema: what is said and where, wrong schemas, and that nothing runs away. */
#include "tests/unit/cases/schema_rig.h"

START_TEST(wrong_schemas_are_faults_at_their_place)
{
	static const struct {
		const char *schema;
		unsigned column;
		const char *says;
	} rows[] = {
	    {"1", 1, "a schema must be an object or a boolean, not a number"},
	    {"{\"properties\":{\"a\":7}}", 20, "a schema must be an object"},
	    {"{\"properties\":[]}", 15,
	     "\"properties\" must be an object of schemas, not an array"},
	    {"{\"type\":\"text\"}", 9, "a type must be \"null\""},
	    {"{\"type\":[\"string\",1]}", 19, "a type must be"},
	    {"{\"type\":{}}", 9, "\"type\" must be a string or an array of strings"},
	    {"{\"required\":true}", 13, "\"required\" must be an array of strings, not a boolean"},
	    {"{\"required\":[1]}", 13, "\"required\" must be an array of strings"},
	    {"{\"enum\":\"a\"}", 9, "\"enum\" must be an array"},
	    {"{\"minLength\":-1}", 14, "\"minLength\" must be a whole number from 0 on"},
	    {"{\"minLength\":\"1\"}", 14, "must be a whole number from 0 on, not a string"},
	    {"{\"maxItems\":1.5}", 13, "\"maxItems\" must be a whole number from 0 on"},
	    {"{\"minimum\":\"1\"}", 12, "\"minimum\" must be a number, not a string"},
	    {"{\"exclusiveMinimum\":true}", 21, "must be a number, not a boolean"},
	    {"{\"multipleOf\":0}", 15, "\"multipleOf\" must be above 0"},
	    {"{\"uniqueItems\":1}", 16, "\"uniqueItems\" must be a boolean"},
	    {"{\"pattern\":\"a(b\"}", 12, "this pattern is wrong: missing closing parenthesis"},
	    {"{\"patternProperties\":{\"a(b\":{}}}", 29, "this pattern is wrong"},
	    {"{\"allOf\":[]}", 10, "\"allOf\" must hold at least one schema"},
	    {"{\"anyOf\":{}}", 10, "\"anyOf\" must be an array of schemas"},
	    {"{\"items\":3}", 10, "a schema must be"},
	    {"{\"allOf\":[{},{\"type\":1}]}", 22, "must be a string or an array"},
	    {"{\"dependentSchemas\":{\"a\":{\"type\":1}}}", 34, "must be a string or an array"},
	    {"{\"if\":{},\"then\":{\"type\":1}}", 25, "must be a string or an array"},
	    {"{\"else\":{\"type\":1}}", 17, "must be a string or an array"},
	    {"{\"$defs\":{\"a\":{\"type\":1}}}", 23, "must be a string or an array"},
	    {"{\"prefixItems\":[{}],\"items\":[{}]}", 29,
	     "must be a schema where there is prefixItems"},
	    {"{\"contains\":{},\"minContains\":-1}", 30, "\"minContains\" must be a whole number"},
	    {"{\"dependentRequired\":{\"a\":{}}}", 27, "\"a\" must be an array of strings"},
	    {"{\"dependencies\":{\"a\":[1]}}", 22, "\"a\" must be an array of strings"},
	    {"{\"$ref\":1}", 9, "\"$ref\" must be a string"},
	    {"{\"$ref\":\"#/$defs/a\"}", 9, "\"$ref\" leads to \"#/$defs/a\", where nothing is"},
	    {"{\"$ref\":\"#name\"}", 9, "an anchor that nothing has"},
	    {"{\"$ref\":\"http://x/y\"}", 9, "which is in no schema read here"},
	    {"{\"$ref\":\"#/type\",\"type\":\"string\"}", 25, "a schema must be an object"},
	    {"{\"$id\":1}", 8, "\"$id\" must be a string"},
	    {"{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"a#b\"}", 65,
	     "may have no fragment"},
	    {"{\"$ref\":\"#\"}", 1, "without end"},
	    {"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"allOf\":[{\"$ref\":\"#/$defs/"
	     "a\"}]}}}",
	     15, "without end"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct fault fault = {0};
		struct schema *schema = NULL;
		struct json *root = read_json(text_of(rows[i].schema));
		ck_assert_msg(!schema_new(root, NULL, &arena, &schema, NULL, &fault), "%s",
		              rows[i].schema);
		assert_fault_says(&fault, rows[i].says);
		/* The parts of a cycle are met in no order that is promised. */
		ck_assert_msg(fault.column == rows[i].column ||
		                  strstr(rows[i].says, "without end") != NULL,
		              "%s: column %u", rows[i].schema, fault.column);
		ck_assert_uint_gt(fault.column, 0);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(unknown_keywords_are_warnings)
{
	static const struct {
		const char *schema;
		const char *says; /* NULL: no warning */
	} rows[] = {
	    {"{\"propertys\":{}}",
	     "\"propertys\" is not known and is ignored; did you mean \"properties\"?"},
	    {"{\"x-own\":1}", "\"x-own\" is not known and is ignored"},
	    {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"prefixItems\":[]}",
	     "\"prefixItems\" is no keyword of this schema's $schema"},
	    {"{\"$schema\":\"http://x/own\"}", "this $schema is not known"},
	    {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "is read as draft-07"},
	    {"{\"title\":\"a\",\"description\":\"b\",\"default\":1,\"examples\":[],\"format\":"
	     "\"own\"}",
	     NULL},
	    {"{\"properties\":{\"propertys\":{}}}", NULL},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct fault fault = {0};
		struct schema *schema = NULL;
		struct fault_list warnings = {0};
		struct json *root = read_json(text_of(rows[i].schema));
		ck_assert(schema_new(root, NULL, &arena, &schema, &warnings, &fault));
		ck_assert_uint_eq(warnings.count, rows[i].says == NULL ? 0 : 1);
		ck_assert_uint_eq(warnings.errors, 0);
		if (rows[i].says != NULL)
			assert_fault_says(&warnings.items[0], rows[i].says);
		schema_free(schema);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(the_first_thing_wrong_is_said)
{
	static const struct {
		const char *schema, *instance, *at, *keyword, *message;
	} rows[] = {
	    {"{'type':'integer'}", "'x'", "", "/type", "this is a string; want an integer"},
	    {"{'type':'integer'}", "1.5", "", "/type",
	     "this is a number with a fraction; want an integer"},
	    {"{'type':['null','object']}", "[]", "", "/type",
	     "this is an array; want null or an object"},
	    {"{'properties':{'a/b':{'items':{'minimum':3}}}}", "{'a/b':[5,2]}", "/a~1b/1",
	     "/properties/a~1b/items/minimum", "2 is not at least 3"},
	    {"{'required':['city']}", "{}", "", "/required", "\"city\" is missing"},
	    {"{'additionalProperties':false}", "{'x~y':1}", "/x~0y", "/additionalProperties",
	     "this property is not allowed"},
	    {"{'prefixItems':[true],'items':false}", "[1,2]", "/1", "/items",
	     "no item is allowed at this place"},
	    {"{'allOf':[true,{'enum':[1,2]}]}", "3", "", "/allOf/1/enum",
	     "this is none of the 2 values of enum"},
	    {"{'const':1}", "3", "", "/const", "this is not the one value that is allowed"},
	    {"{'anyOf':[{'type':'null'},{'type':'string'}]}", "3", "", "/anyOf",
	     "this fits none of the 2 schemas of anyOf"},
	    {"{'oneOf':[true,{}]}", "3", "", "/oneOf",
	     "this fits more than one of the 2 schemas of oneOf"},
	    {"{'not':{}}", "3", "", "/not", "this fits the schema that it must not fit"},
	    {"{'$ref':'#/$defs/a','$defs':{'a':{'maxLength':2}}}", "'abc'", "",
	     "/$defs/a/maxLength", "3 characters; want 2 at most"},
	    {"{'$ref':'#/own/a','own':{'a':{'minItems':2}}}", "[1]", "", "#/own/a/minItems",
	     "1 items; want 2 or more"},
	    {"{'uniqueItems':true}", "[1,1]", "", "/uniqueItems", "two items are equal"},
	    {"{'pattern':'^a'}", "'b'", "", "/pattern", "this does not match the pattern ^a"},
	    {"{'propertyNames':{'maxLength':1}}", "{'ab':1}", "/ab", "/propertyNames/maxLength",
	     "2 characters; want 1 at most"},
	    {"{'dependentRequired':{'a':['b']}}", "{'a':1}", "", "/dependentRequired",
	     "\"b\" is missing, which \"a\" asks for"},
	    {"{'contains':{'type':'null'}}", "[1]", "", "/contains",
	     "0 items fit the schema of contains; want 1 or more"},
	    {"false", "1", "", "", "nothing is allowed here"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct schema_error error;
		struct schema *schema = compile(rows[i].schema, NULL);
		struct json *instance = read_json(text_of(rows[i].instance));
		ck_assert(schema_check(schema, instance, &arena, &error) == SCHEMA_INVALID);
		assert_text(error.message, rows[i].message);
		assert_text(error.instance, rows[i].at);
		assert_text(error.keyword, rows[i].keyword);
		schema_free(schema);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(of_duplicate_keys_the_last_counts)
{
	static const struct row rows[] = {
	    {"{'properties':{'a':{'type':'integer'}},'maxProperties':1}",
	     {"{'a':'x','a':1}"},
	     {"{'a':1,'a':'x'}"}},
	    {"{'type':'string','type':'integer'}", {"1"}, {"'x'"}},
	    {"{'additionalProperties':{'maxProperties':1}}",
	     {"{'a':{'b':1,'b':2}}"},
	     {"{'a':{'b':1,'c':2}}"}},
	    {"{'properties':{'a':false,'a':true}}", {"{'a':1}"}, {NULL}},
	    {"{'uniqueItems':true}", {"[{'a':1,'a':2},{'a':1}]"}, {"[{'a':1,'a':2},{'a':2}]"}},
	};
	check_rows(rows, ARRAY_LENGTH(rows), NULL);
}
END_TEST

START_TEST(formats_are_notes_unless_asked)
{
	static const struct schema_options options = {.format_assert = true};
	static const struct row rows[] = {
	    {"{'format':'date'}",
	     {"'2024-02-29'", "1"},
	     {"'2023-02-29'", "'2024-13-01'", "'2024-1-1'"}},
	    {"{'format':'time'}",
	     {"'23:59:60Z'", "'12:00:00.5+01:30'", "'00:29:60+00:30'"},
	     {"'12:00:60Z'", "'24:00:00Z'", "'12:00:00'", "'12:00:00.Z'"}},
	    {"{'format':'date-time'}",
	     {"'2024-01-01T00:00:00Z'", "'2024-01-01t00:00:00z'"},
	     {"'2024-01-01 00:00:00Z'"}},
	    {"{'format':'duration'}",
	     {"'P1Y2M'", "'PT1H'", "'P1W'", "'P1DT12H'"},
	     {"'P'", "'PT'", "'P1Y2D'", "'P1W1D'", "'1D'"}},
	    {"{'format':'email'}",
	     {"'a.b+c@x.org'", "'\\\"a b\\\"@x.org'", "'a@[127.0.0.1]'", "'a@[IPv6:::1]'"},
	     {"'a'", "'.a@x'", "'a..b@x'", "'a@x y'", "'@x'"}},
	    {"{'format':'hostname'}", {"'a.b-c.d1'"}, {"'-a'", "'a-'", "'a..b'", "'a_b'", "''"}},
	    {"{'format':'ipv4'}",
	     {"'127.0.0.1'"},
	     {"'127.0.0.01'", "'256.0.0.1'", "'1.2.3'", "'1.2.3.4.5'", "'1.2.3.4 '"}},
	    {"{'format':'ipv6'}",
	     {"'::'", "'1::2'", "'1:2:3:4:5:6:7:8'", "'::ffff:1.2.3.4'", "'1::'"},
	     {"':'", "'1::2::3'", "'12345::'", "'1:2:3:4:5:6:7'", "'1.2.3.4::'"}},
	    {"{'format':'uri'}",
	     {"'http://u@x.org:80/a?b#c'", "'urn:a:b'", "'http://[::1]/'"},
	     {"'/a'", "'http://a b'", "'http://x/%zz'", "'http://[::1'", "':a'"}},
	    {"{'format':'uri-reference'}", {"'/a'", "'a?b'", "'#c'"}, {"'a\\\\b'", "'1:b'"}},
	    {"{'format':'iri'}", {"'http://\xc3\xa9/\xc3\xa9'"}, {"'\xc3\xa9'"}},
	    {"{'format':'uri-template'}",
	     {"'/a/{b}{?c*,d:3}'", "'x'"},
	     {"'/a/{b'", "'{a:0}'", "'{a:10000}'", "'{a..b}'"}},
	    {"{'format':'uuid'}",
	     {"'2EB8AA08-aa98-11ea-b4aa-73b441d16380'"},
	     {"'2eb8aa08aa9811eab4aa73b441d16380'", "'2eb8aa08-aa98-11ea-b4aa-73b441d1638g'"}},
	    {"{'format':'json-pointer'}", {"''", "'/a~0~1'"}, {"'a'", "'/~'", "'/~2'"}},
	    {"{'format':'relative-json-pointer'}", {"'0#'", "'12/a'"}, {"'01'", "'/a'", "'1a'"}},
	    {"{'format':'regex'}",
	     {"'^[a-z]+$'", "'(?:a)(?<b>c)'"},
	     {"'a('", "'\\\\Z'", "'(?P<n>a)'"}},
	    {"{'format':'own'}", {"'anything'"}, {NULL}},
	};

	check_rows(rows, ARRAY_LENGTH(rows), &options);
	ck_assert(check("{'format':'ipv4'}", "'no'", NULL) == SCHEMA_VALID);
	arena_done(&arena);
}
END_TEST

/* "{'a0':...}" with $refs that double at each step: two to the power of `levels` ways. */
static struct text doubling(unsigned levels)
{
	struct text_buf buf;

	text_buf_init(&buf, 1 << 20);
	(void)text_buf_add_c(&buf, "{\"$ref\":\"#/$defs/a0\",\"$defs\":{");
	for (unsigned i = 0; i < levels; i++)
		(void)text_buf_format(&buf,
		                      "\"a%u\":{\"anyOf\":[{\"$ref\":\"#/$defs/a%u\"},"
		                      "{\"$ref\":\"#/$defs/a%u\"}]},",
		                      i, i + 1, i + 1);
	(void)text_buf_format(&buf, "\"a%u\":false}}", levels);
	struct text body = text_copy(&arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return body;
}

START_TEST(nothing_runs_away)
{
	struct schema_error error;
	size_t len = 200000;
	char *letters = memory_new(len);

	/* Only what a value holds decides whether this ends. */
	ck_assert(check("{'anyOf':[{'type':'null'},{'$ref':'#'}]}", "null", NULL) == SCHEMA_VALID);
	ck_assert(check("{'anyOf':[{'type':'null'},{'$ref':'#'}]}", "1", NULL) == SCHEMA_LIMIT);
	ck_assert(check("{'not':{'$ref':'#'}}", "1", NULL) == SCHEMA_LIMIT);
	ck_assert(check("{'$dynamicAnchor':'a','$dynamicRef':'#a'}", "1", NULL) == SCHEMA_LIMIT);

	struct schema *schema = compile(doubling(40).data, NULL);
	ck_assert(schema_check(schema, read_json(TEXT("1")), &arena, &error) == SCHEMA_LIMIT);
	assert_text(error.message, "too much work: a pattern or the schema runs away here");
	schema_free(schema);

	memset(letters, 'a', len);
	struct json *instance = json_new_string(&arena, (struct text){letters, len});
	schema = compile("{'pattern':'^(a|b)*$'}", NULL);
	ck_assert(schema_check(schema, instance, &arena, NULL) != SCHEMA_INVALID);
	schema_free(schema);
	schema = compile("{'pattern':'(a+)+[bc]'}", NULL);
	ck_assert(schema_check(schema, instance, &arena, NULL) == SCHEMA_LIMIT);
	schema_free(schema);
	schema = compile("{'not':{'pattern':'(a+)+[bc]'}}", NULL);
	ck_assert(schema_check(schema, instance, &arena, NULL) == SCHEMA_LIMIT);
	schema_free(schema);
	memory_free(letters);
	arena_done(&arena);
}
END_TEST

/* An array of `count` items that `format` makes of their numbers. */
static struct json *many_items(unsigned count, const char *open, const char *close)
{
	struct text_buf buf;

	text_buf_init(&buf, 64 << 20);
	(void)text_buf_byte(&buf, '[');
	for (unsigned i = 0; i < count; i++)
		(void)text_buf_format(&buf, "%s%s%u%s", i == 0 ? "" : ",", open, i, close);
	(void)text_buf_byte(&buf, ']');
	struct json *items = read_json(text_copy(&arena, text_buf_view(&buf)));
	text_buf_done(&buf);
	return items;
}

START_TEST(large_instances_are_judged)
{
	struct schema *schema = compile("{'uniqueItems':true}", NULL);
	struct json *items = many_items(100000, "{\"a\":[", ",null]}");

	ck_assert(schema_check(schema, items, &arena, NULL) == SCHEMA_VALID);
	json_append(items, json_clone(&arena, items->first));
	ck_assert(schema_check(schema, items, &arena, NULL) == SCHEMA_INVALID);
	schema_free(schema);

	schema = compile("{'items':{'type':'integer','minimum':0}}", NULL);
	ck_assert(schema_check(schema, many_items(100000, "", ""), &arena, NULL) == SCHEMA_VALID);
	ck_assert(schema_check(schema, many_items(100000, "-", ""), &arena, NULL) ==
	          SCHEMA_INVALID);
	schema_free(schema);

	/* Members beyond what the marks hold without the heap. */
	schema = compile("{'patternProperties':{'^k':true},'unevaluatedProperties':false}", NULL);
	struct text_buf buf;
	text_buf_init(&buf, 1 << 20);
	for (unsigned i = 0; i < 1000; i++)
		(void)text_buf_format(&buf, "%c\"k%u\":%u", i == 0 ? '{' : ',', i, i);
	(void)text_buf_byte(&buf, '}');
	struct json *object = read_json(text_copy(&arena, text_buf_view(&buf)));
	ck_assert(schema_check(schema, object, &arena, NULL) == SCHEMA_VALID);
	json_append_member(object, TEXT("x"), json_new(&arena, JSON_NULL));
	ck_assert(schema_check(schema, object, &arena, NULL) == SCHEMA_INVALID);
	text_buf_done(&buf);
	schema_free(schema);
	arena_done(&arena);
}
END_TEST

static struct text nested(const char *open, const char *middle, const char *close, unsigned count)
{
	struct text_buf buf;

	text_buf_init(&buf, 1 << 20);
	for (unsigned i = 0; i < count; i++)
		(void)text_buf_add_c(&buf, open);
	(void)text_buf_add_c(&buf, middle);
	for (unsigned i = 0; i < count; i++)
		(void)text_buf_add_c(&buf, close);
	struct text whole = text_copy(&arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return whole;
}

static struct json *read_deep(struct text body)
{
	static const struct json_limits limits = {
	    .bytes = 1 << 20, .depth = JSON_DEPTH_MAX, .nodes = 1 << 20};
	struct source *source = ARENA_NEW(&arena, struct source);
	struct json *root = NULL;
	struct fault fault = {0};

	*source = (struct source){TEXT("deep"), body};
	ck_assert(json_read(source, &limits, &arena, &root, &fault));
	return root;
}

START_TEST(deep_documents_are_judged_or_refused)
{
	struct fault fault = {0};
	struct schema *schema =
	    compile("{'items':{'$ref':'#'},'type':['array','null'],'maxItems':1}", NULL);

	ck_assert(schema_check(schema, read_deep(nested("[", "null", "]", 900)), &arena, NULL) ==
	          SCHEMA_VALID);
	ck_assert(schema_check(schema, read_deep(nested("[", "1", "]", 900)), &arena, NULL) ==
	          SCHEMA_INVALID);
	ck_assert(schema_check(schema, read_deep(nested("[", "null", "]", 1020)), &arena, NULL) ==
	          SCHEMA_LIMIT);
	schema_free(schema);

	struct json *deep = read_deep(nested("{\"not\":", "{}", "}", 1000));
	ck_assert(!schema_new(deep, NULL, &arena, &schema, NULL, &fault));
	assert_fault_says(&fault, "nested deeper than 300 levels");
	schema = NULL;
	deep = read_deep(nested("{\"not\":", "{}", "}", 290));
	ck_assert(schema_new(deep, NULL, &arena, &schema, NULL, &fault));
	ck_assert(schema_check(schema, read_json(TEXT("1")), &arena, NULL) == SCHEMA_VALID);
	schema_free(schema);
	arena_done(&arena);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, wrong_schemas_are_faults_at_their_place);
	tcase_add_test(cases, unknown_keywords_are_warnings);
	tcase_add_test(cases, the_first_thing_wrong_is_said);
	tcase_add_test(cases, of_duplicate_keys_the_last_counts);
	tcase_add_test(cases, formats_are_notes_unless_asked);
	tcase_add_test(cases, nothing_runs_away);
	tcase_add_test(cases, large_instances_are_judged);
	tcase_add_test(cases, deep_documents_are_judged_or_refused);
}

int main(void)
{
	return unit_main("schema_faults", add);
}
