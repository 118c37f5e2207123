/* JSON Schema: verdicts, by the keyword and by the draft. */
#include "tests/unit/cases/schema_rig.h"

START_TEST(single_values_are_judged)
{
	static const struct row rows[] = {
	    {"true", {"1", "null"}, {NULL}},
	    {"false", {NULL}, {"1", "null"}},
	    {"{}", {"1", "{}"}, {NULL}},
	    {"{'type':'integer'}", {"1", "1.0", "1e400", "-0"}, {"1.5", "'1'", "1e-400"}},
	    {"{'type':'number'}", {"1", "1.5"}, {"true", "null"}},
	    {"{'type':['string','null']}", {"'x'", "null"}, {"0", "[]", "false"}},
	    {"{'const':1}", {"1", "1.0", "10e-1"}, {"true", "'1'", "2"}},
	    {"{'const':{'a':[1]}}", {"{'a':[1.0]}"}, {"{'a':1}", "{}"}},
	    {"{'enum':['a',null,18446744073709551616]}",
	     {"'a'", "null", "18446744073709551616"},
	     {"'b'", "0", "18446744073709551617"}},
	    {"{'enum':[]}", {NULL}, {"null"}},
	    {"{'minimum':1.1,'maximum':3}",
	     {"1.1", "3.0", "'x'"},
	     {"1.09999999999999999999", "3.1"}},
	    {"{'exclusiveMinimum':1,'exclusiveMaximum':3}", {"2", "2.999"}, {"1", "3", "1.0"}},
	    {"{'multipleOf':0.01}", {"4.35", "0", "1e300"}, {"4.355"}},
	    {"{'multipleOf':12345678901234567890}",
	     {"24691357802469135780"},
	     {"24691357802469135781"}},
	    {"{'minLength':2,'maxLength':3}",
	     {"'ab'", "'\xf0\x9f\x98\x80\xf0\x9f\x98\x80'", "1"},
	     {"'a'", "'abcd'"}},
	    {"{'maxLength':1e30}", {"'abcd'"}, {NULL}},
	    {"{'pattern':'^a+$'}", {"'aa'", "7"}, {"'ab'", "'aa\\n'", "''"}},
	};
	check_rows(rows, ARRAY_LENGTH(rows), NULL);
}
END_TEST

START_TEST(objects_are_judged)
{
	static const struct row rows[] = {
	    {"{'required':['a','b']}", {"{'a':1,'b':2}", "[]"}, {"{'a':1}", "{}"}},
	    {"{'properties':{'a':{'type':'string'},'b':false}}",
	     {"{'a':'x'}", "{'c':1}", "1"},
	     {"{'a':1}", "{'b':1}"}},
	    {"{'properties':{'a':{}},'patternProperties':{'^x':{'type':'integer'}},'"
	     "additionalProperties':false}",
	     {"{'a':1,'x1':2}", "{}"},
	     {"{'x1':'s'}", "{'b':1}", "{'bx':1}"}},
	    {"{'properties':{'xa':{'minimum':5}},'patternProperties':{'^x':{'maximum':9}}}",
	     {"{'xa':7}"},
	     {"{'xa':4}", "{'xa':10}"}},
	    {"{'additionalProperties':{'type':'integer'}}", {"{'a':1}"}, {"{'a':'x'}"}},
	    {"{'propertyNames':{'maxLength':3}}", {"{'abc':1}", "{}"}, {"{'abcd':1}"}},
	    {"{'propertyNames':false}", {"{}"}, {"{'a':1}"}},
	    {"{'minProperties':1,'maxProperties':2}", {"{'a':1}"}, {"{}", "{'a':1,'b':1,'c':1}"}},
	    {"{'dependentRequired':{'a':['b']}}", {"{'a':1,'b':2}", "{'b':1}"}, {"{'a':1}"}},
	    {"{'dependentSchemas':{'a':{'required':['b']}}}", {"{'a':1,'b':2}", "{}"}, {"{'a':1}"}},
	    {"{'dependencies':{'a':['b'],'c':{'minProperties':3}}}",
	     {"{'a':1,'b':2}", "{}"},
	     {"{'a':1}", "{'c':1}"}},
	};
	check_rows(rows, ARRAY_LENGTH(rows), NULL);
}
END_TEST

START_TEST(arrays_are_judged)
{
	static const struct row rows[] = {
	    {"{'items':{'type':'integer'}}", {"[1,2]", "[]", "{}"}, {"[1,'x']"}},
	    {"{'prefixItems':[{'type':'integer'}],'items':false}",
	     {"[1]", "[]"},
	     {"['x']", "[1,2]"}},
	    {"{'items':[{'type':'integer'}],'additionalItems':{'type':'string'}}",
	     {"[1,'x']", "[1]", "[]"},
	     {"[1,2]", "['x']"}},
	    {"{'additionalItems':false}", {"[1]"}, {NULL}},
	    {"{'minItems':1,'maxItems':2}", {"[1]", "[1,2]"}, {"[]", "[1,2,3]"}},
	    {"{'contains':{'type':'integer'}}", {"['x',1]"}, {"[]", "['x']"}},
	    {"{'contains':{'type':'integer'},'minContains':2,'maxContains':3}",
	     {"[1,2]", "[1,2,3,'x']"},
	     {"[1]", "[1,2,3,4]"}},
	    {"{'contains':true,'minContains':0}", {"[]"}, {NULL}},
	    {"{'uniqueItems':true}",
	     {"[1,true,'1',[1],{'a':1}]", "[]", "[1,2,3,4,5,6,7,8,9,10]"},
	     {"[1,1.0]", "[{'a':1,'b':2},{'b':2.0,'a':1}]", "[[1],[1]]",
	      "[1,2,3,4,5,6,7,8,9,10,0.1e1]"}},
	};
	check_rows(rows, ARRAY_LENGTH(rows), NULL);
}
END_TEST

START_TEST(schemas_combine)
{
	static const struct row rows[] = {
	    {"{'allOf':[{'minimum':1},{'maximum':3}]}", {"2"}, {"0", "4"}},
	    {"{'anyOf':[{'type':'string'},{'minimum':3}]}", {"'x'", "3"}, {"2"}},
	    {"{'oneOf':[{'multipleOf':2},{'multipleOf':3}]}", {"2", "9"}, {"6", "5"}},
	    {"{'not':{'type':'string'}}", {"1"}, {"'x'"}},
	    {"{'if':{'minimum':10},'then':{'multipleOf':2},'else':{'multipleOf':3}}",
	     {"12", "9", "3"},
	     {"11", "8"}},
	    {"{'if':false,'else':{'type':'null'}}", {"null"}, {"1"}},
	    {"{'then':false,'else':false}", {"1"}, {NULL}},
	    {"{'properties':{'a':true},'unevaluatedProperties':false}", {"{'a':1}"}, {"{'b':1}"}},
	    {"{'allOf':[{'properties':{'a':true}}],'unevaluatedProperties':false}",
	     {"{'a':1}"},
	     {"{'b':1}"}},
	    {"{'anyOf':[{'properties':{'a':{'const':1}},'required':['a']},"
	     "{'properties':{'b':{'const':1}},'required':['b']}],'unevaluatedProperties':false}",
	     {"{'a':1}", "{'b':1}", "{'a':1,'b':1}"},
	     {"{'a':1,'b':2}", "{'a':1,'c':1}"}},
	    {"{'if':{'properties':{'a':{'const':1}},'required':['a']},"
	     "'then':{'properties':{'b':true}},'unevaluatedProperties':{'type':'null'}}",
	     {"{'a':1,'b':2,'c':null}", "{'x':null}"},
	     {"{'a':1,'c':2}", "{'b':2}"}},
	    {"{'not':{'not':{'properties':{'a':true}}},'unevaluatedProperties':false}",
	     {"{}"},
	     {"{'a':1}"}},
	    {"{'allOf':[{'properties':{'a':true},'additionalProperties':{'type':'integer'}}],"
	     "'unevaluatedProperties':false}",
	     {"{'a':'x','b':1}"},
	     {"{'b':'x'}"}},
	    {"{'allOf':[{'unevaluatedProperties':{'type':'integer'}}],'unevaluatedProperties':"
	     "false}",
	     {"{'a':1}"},
	     {"{'a':'x'}"}},
	    {"{'contains':{'type':'string'},'unevaluatedItems':{'type':'integer'}}",
	     {"['x','y',1]"},
	     {"['x',null]"}},
	    {"{'prefixItems':[true],'contains':{'type':'string'},'unevaluatedItems':false}",
	     {"[1,'x']", "['x']"},
	     {"[1,2,'x']"}},
	    {"{'$defs':{'a':{'properties':{'a':true}}},'$ref':'#/$defs/"
	     "a','unevaluatedProperties':false}",
	     {"{'a':1}"},
	     {"{'b':1}"}},
	};
	check_rows(rows, ARRAY_LENGTH(rows), NULL);
}
END_TEST

START_TEST(references_lead_to_schemas)
{
	static const struct row rows[] = {
	    {"{'properties':{'next':{'$ref':'#'},'v':{'type':'integer'}},'additionalProperties':"
	     "false}",
	     {"{'v':1,'next':{'next':{'v':2}}}"},
	     {"{'next':{'next':{'v':'x'}}}", "{'next':{'w':1}}"}},
	    {"{'definitions':{'a/b':{'t~u':{'type':'null'}}},'$ref':'#/definitions/a~1b/t~0u'}",
	     {"null"},
	     {"1"}},
	    {"{'$defs':{'a%b':{'type':'null'}},'$ref':'#/$defs/a%25b'}", {"null"}, {"1"}},
	    {"{'$defs':{'n':{'$anchor':'named','type':'null'}},'$ref':'#named'}", {"null"}, {"1"}},
	    {"{'$id':'http://x/root.json','$ref':'item.json',"
	     "'$defs':{'i':{'$id':'item.json','type':'null'}}}",
	     {"null"},
	     {"1"}},
	    {"{'$id':'http://x/a/root.json','$ref':'../b/item.json#/$defs/n',"
	     "'$defs':{'i':{'$id':'/b/item.json','$defs':{'n':{'type':'null'}}}}}",
	     {"null"},
	     {"1"}},
	    {"{'$id':'urn:x:y','$ref':'urn:x:y#/$defs/a','$defs':{'a':{'type':'null'}}}",
	     {"null"},
	     {"1"}},
	    {"{'items':{'$ref':'http://json-schema.org/draft-07/schema#'}}",
	     {"[{'type':'string'}]", "[true]"},
	     {"[{'type':'text'}]", "[{'minLength':-1}]", "[1]"}},
	    {"{'$ref':'https://json-schema.org/draft/2020-12/schema'}",
	     {"{'type':'string'}", "{'properties':{'a':{'items':{}}}}"},
	     {"{'type':7}", "{'properties':{'a':{'items':[]}}}", "7"}},
	    {"{'$id':'http://x/"
	     "strict','$dynamicAnchor':'node','$ref':'tree','unevaluatedProperties':false,"
	     "'$defs':{'t':{'$id':'tree','$dynamicAnchor':'node','properties':"
	     "{'data':true,'children':{'items':{'$dynamicRef':'#node'}}}}}}",
	     {"{'children':[{'data':1}]}"},
	     {"{'children':[{'daat':1}]}"}},
	};
	check_rows(rows, ARRAY_LENGTH(rows), NULL);
}
END_TEST

/* What a $ref finds, seen from a base: the goal has its whole URI as $id. */
/* Of several places on the way that have the anchor, the outermost. */
START_TEST(a_dynamic_reference_leads_to_the_outermost)
{
	static const struct row rows[] = {
	    {"{'$id':'http://x/root','$ref':'mid','$defs':{"
	     "'r':{'$dynamicAnchor':'t','type':'string'},"
	     "'mid':{'$id':'mid','$ref':'leaf','$defs':{'m':{'$dynamicAnchor':'t','type':'integer'}}},"
	     "'leaf':{'$id':'leaf','$dynamicRef':'#t',"
	     "'$defs':{'l':{'$dynamicAnchor':'t','type':'null'}}}}}",
	     {"'x'"},
	     {"1", "null"}},
	};
	check_rows(rows, ARRAY_LENGTH(rows), NULL);
}
END_TEST

START_TEST(references_are_resolved_as_uris)
{
	static const struct {
		const char *base, *reference, *goal;
	} rows[] = {
	    {"http://a/b/c/d?q", "g", "http://a/b/c/g"},
	    {"http://a/b/c/d?q", "./g", "http://a/b/c/g"},
	    {"http://a/b/c/d?q", "g/", "http://a/b/c/g/"},
	    {"http://a/b/c/d?q", "/g", "http://a/g"},
	    {"http://a/b/c/d?q", "//g", "http://g"},
	    {"http://a/b/c/d?q", "?y", "http://a/b/c/d?y"},
	    {"http://a/b/c/d?q", "g?y", "http://a/b/c/g?y"},
	    {"http://a/b/c/d?q", "g;x=1/./y", "http://a/b/c/g;x=1/y"},
	    {"http://a/b/c/d?q", "g;x=1/../y", "http://a/b/c/y"},
	    {"http://a/b/c/d?q", ".", "http://a/b/c/"},
	    {"http://a/b/c/d?q", "..", "http://a/b/"},
	    {"http://a/b/c/d?q", "../g", "http://a/b/g"},
	    {"http://a/b/c/d?q", "../../../../g", "http://a/g"},
	    {"http://a/b/c/d?q", "/./g", "http://a/g"},
	    {"http://a/b/c/d?q", "g.", "http://a/b/c/g."},
	    {"http://a/b/c/d?q", "..g", "http://a/b/c/..g"},
	    {"http://a/b/c/d?q", "x-y+1.z:g", "x-y+1.z:g"},
	    {"http://a/b/c/d?q", "1x:g", "http://a/b/c/1x:g"},
	    {"http://a", "g", "http://a/g"},
	    {"urn:a:b", "urn:c:./d", "urn:c:./d"},
	    {"item/a", "b", "item/b"},
	    {"", "./b", "b"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct text schema =
		    text_format(&arena,
		                "{'$defs':{'from':{'$id':'%s','not':{'$ref':'%s'}},"
		                "'goal':{'$id':'%s','type':'null'}},'$ref':'#/$defs/from'}",
		                rows[i].base, rows[i].reference, rows[i].goal);
		ck_assert_msg(check(schema.data, "null", NULL) == SCHEMA_INVALID, "%s",
		              schema.data);
		ck_assert_msg(check(schema.data, "1", NULL) == SCHEMA_VALID, "%s", schema.data);
	}
	arena_done(&arena);
}
END_TEST

/* More names than the first table of them holds. */
START_TEST(many_names_are_found)
{
	struct text_buf buf;

	text_buf_init(&buf, 1 << 20);
	(void)text_buf_add_c(&buf, "{'$id':'http://x/','properties':{");
	for (int i = 0; i < 200; i++)
		(void)text_buf_format(&buf, "%s'p%d':{'$ref':'%s%d'}", i == 0 ? "" : ",", i,
		                      i % 2 == 0 ? "#a" : "r", i);
	(void)text_buf_add_c(&buf, "},'$defs':{");
	for (int i = 0; i < 200; i++)
		(void)text_buf_format(&buf, "%s'd%d':{'%s%d','const':%d}", i == 0 ? "" : ",", i,
		                      i % 2 == 0 ? "$anchor':'a" : "$id':'r", i, i);
	(void)text_buf_add_c(&buf, "}}");
	struct schema *schema = compile(text_c(&arena, text_buf_view(&buf)), NULL);
	for (int i = 0; i < 200; i++) {
		struct text good = text_format(&arena, "{'p%d':%d}", i, i);
		struct text bad = text_format(&arena, "{'p%d':%d}", i, i + 1);
		ck_assert(schema_check(schema, read_json(good), &arena, NULL) == SCHEMA_VALID);
		ck_assert(schema_check(schema, read_json(bad), &arena, NULL) == SCHEMA_INVALID);
	}
	schema_free(schema);
	text_buf_done(&buf);
	arena_done(&arena);
}
END_TEST

START_TEST(drafts_differ)
{
	static const struct row seven[] = {
	    {"{'$schema':'http://json-schema.org/draft-07/schema#','definitions':{'a':{}},"
	     "'properties':{'x':{'$ref':'#/definitions/a','type':'null'}}}",
	     {"{'x':1}"},
	     {NULL}},
	    {"{'$schema':'http://json-schema.org/draft-07/"
	     "schema#','dependentRequired':{'a':['b']}}",
	     {"{'a':1}"},
	     {NULL}},
	    {"{'$schema':'http://json-schema.org/draft-07/schema#','$ref':'#name',"
	     "'definitions':{'a':{'$id':'#name','type':'null'}}}",
	     {"null"},
	     {"1"}},
	};
	static const struct row latest[] = {
	    {"{'$schema':'https://json-schema.org/draft/2020-12/schema','$defs':{'a':{}},"
	     "'properties':{'x':{'$ref':'#/$defs/a','type':'null'}}}",
	     {"{'x':null}"},
	     {"{'x':1}"}},
	};
	static const struct schema_options options = {.draft = SCHEMA_DRAFT_7};

	check_rows(seven, ARRAY_LENGTH(seven), NULL);
	check_rows(latest, ARRAY_LENGTH(latest), NULL);
	/* What $schema says wins over what the options say. */
	check_rows(latest, ARRAY_LENGTH(latest), &options);
	ck_assert(check("{'prefixItems':[false]}", "[1]", &options) == SCHEMA_VALID);
	ck_assert(check("{'prefixItems':[false]}", "[1]", NULL) == SCHEMA_INVALID);
	arena_done(&arena);
}
END_TEST

static const struct json *resolve(void *context, struct text uri)
{
	if (text_is(uri, "http://x/word"))
		return read_json(
		    TEXT("{\"type\":\"string\",\"$defs\":{\"n\":{\"type\":\"null\"}}}"));
	if (text_is(uri, "http://x/meta"))
		return read_json(TEXT(
		    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$vocabulary\":"
		    "{\"https://json-schema.org/draft/2020-12/vocab/core\":true,"
		    "\"https://json-schema.org/draft/2020-12/vocab/applicator\":true}}"));
	if (text_is(uri, "http://x/strange"))
		return read_json(
		    TEXT("{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		         "\"$vocabulary\":{\"http://x/unknown\":true}}"));
	*(int *)context += 1;
	return NULL;
}

START_TEST(other_documents_come_from_the_resolver)
{
	int lost = 0;
	struct schema_options options = {.resolve = resolve, .resolve_context = &lost};
	struct fault fault = {0};
	struct schema *schema = NULL;

	ck_assert(check("{'$id':'http://x/root','$ref':'word'}", "'a'", &options) == SCHEMA_VALID);
	ck_assert(check("{'$ref':'http://x/word'}", "1", &options) == SCHEMA_INVALID);
	ck_assert(check("{'$ref':'http://x/word#/$defs/n'}", "1", &options) == SCHEMA_INVALID);
	ck_assert(check("{'$ref':'http://x/word#/$defs/n'}", "null", &options) == SCHEMA_VALID);
	/* A metaschema without the validation vocabulary: such keywords say nothing. */
	ck_assert(check("{'$schema':'http://x/meta','type':'string'}", "1", &options) ==
	          SCHEMA_VALID);
	ck_assert_int_eq(lost, 0);
	struct json *strange = read_json(TEXT("{\"$schema\":\"http://x/strange\"}"));
	ck_assert(!schema_new(strange, &options, &arena, &schema, NULL, &fault));
	assert_fault_says(&fault, "needs the vocabulary \"http://x/unknown\"");
	struct json *missing = read_json(TEXT("{\"$ref\":\"http://x/nowhere\"}"));
	ck_assert(!schema_new(missing, &options, &arena, &schema, NULL, &fault));
	assert_fault_says(&fault, "leads to \"http://x/nowhere\"");
	ck_assert_int_eq(lost, 1);
	arena_done(&arena);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, single_values_are_judged);
	tcase_add_test(cases, objects_are_judged);
	tcase_add_test(cases, arrays_are_judged);
	tcase_add_test(cases, schemas_combine);
	tcase_add_test(cases, references_lead_to_schemas);
	tcase_add_test(cases, a_dynamic_reference_leads_to_the_outermost);
	tcase_add_test(cases, references_are_resolved_as_uris);
	tcase_add_test(cases, many_names_are_found);
	tcase_add_test(cases, drafts_differ);
	tcase_add_test(cases, other_documents_come_from_the_resolver);
}

int main(void)
{
	return unit_main("schema", add);
}
