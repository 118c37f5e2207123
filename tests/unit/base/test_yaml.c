/* YAML into nodes: values, places, refusals, and the public test suite where it is at hand. */
#include "harness/base/yaml.h"

#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define SUITE "../shared/corpora/yaml-test-suite"
#define BOM "\xef\xbb\xbf"

static struct arena arena;
static struct fault fault;
static struct fault_list warnings;
static const struct yaml_options with_aliases = {.aliases = true};

static void end(void)
{
	arena_done(&arena);
}

static struct source *source_of(struct text body)
{
	struct source *source = ARENA_NEW(&arena, struct source);

	source->name = TEXT("t.yaml");
	source->body = body;
	return source;
}

static struct json *read_with(const char *yaml, const struct yaml_options *options)
{
	struct json *root = NULL;

	warnings = (struct fault_list){0};
	if (!yaml_read(source_of(text_of(yaml)), options, &arena, &root, &warnings, &fault))
		return NULL;
	return root;
}

/* The value as JSON, or "line:column message". */
static struct text value_with(const char *yaml, const struct yaml_options *options)
{
	const struct json *root = read_with(yaml, options);

	if (root != NULL)
		return json_to_text(&arena, root);
	return text_format(&arena, "%u:%u %s", fault.line, fault.column, fault.message);
}

static struct text value(const char *yaml)
{
	return value_with(yaml, NULL);
}

static void assert_refused(const char *yaml, const char *says)
{
	struct text got = value_with(yaml, &with_aliases);

	ck_assert_msg(text_starts(got, text_of(says)), "%s\ngot \"%.*s\", want \"%s\"", yaml,
	              TEXT_ARG(got), says);
}

START_TEST(lists_mappings_and_texts_become_json)
{
	assert_text(value("a: 1\nb: [x, 'y', \"z\\n\"]\nc:\n- d: e\n- f\n"),
	            "{\"a\":1,\"b\":[\"x\",\"y\",\"z\\n\"],\"c\":[{\"d\":\"e\"},\"f\"]}");
	assert_text(value("a: |\n  one\n   two\n\nb: >-\n  one\n  two\n"),
	            "{\"a\":\"one\\n two\\n\",\"b\":\"one two\"}");
	assert_text(value("a: one\n  two\nb: 'it''s'\n"), "{\"a\":\"one two\",\"b\":\"it's\"}");
	assert_text(value("\"a\": {\"b\":1,\"c\":[true,null]}"),
	            "{\"a\":{\"b\":1,\"c\":[true,null]}}");
	assert_text(value("u: {url: http://127.0.0.1:80/v1, e: \"\\u20ac\\x41\"}"),
	            "{\"u\":{\"url\":\"http://127.0.0.1:80/v1\",\"e\":\"\xe2\x82\xac"
	            "A\"}}");
	assert_text(value("a: [\n  x, # one\n# two\n  y,\n]\nb: {\n}\n"),
	            "{\"a\":[\"x\",\"y\"],\"b\":{}}");
}
END_TEST

START_TEST(an_empty_document_is_null)
{
	assert_text(value(""), "null");
	assert_text(value("# only a comment\n"), "null");
	assert_text(value("---\n...\n"), "null");
	assert_text(value(BOM), "null");
	assert_text(value("a:\nb: ~\n"), "{\"a\":null,\"b\":null}");
}
END_TEST

START_TEST(plain_scalars_follow_the_core_schema)
{
	assert_text(value("[true, True, FALSE, null, Null, ~, yes, y, TrUe]"),
	            "[true,true,false,null,null,null,\"yes\",\"y\",\"TrUe\"]");
	assert_text(value("[0, -1, +12, 007, 0o17, 0x1F, 0xffffffffffffffff]"),
	            "[0,-1,12,7,15,31,18446744073709551615]");
	assert_text(value("[1.50, .5, 5., -.5e3, +0.10, 1e400, 00.1, 12345678901234567890123]"),
	            "[1.50,0.5,5,-0.5e3,0.10,1e400,0.1,12345678901234567890123]");
	assert_text(value("[1_000, 0b1, 1:30, 0x, 0o8, ., -, e1, 1e, -0x1, 1.2.3, 2026-01-01]"),
	            "1:32 a lone '-' between brackets wants quotes");
	assert_text(value("[1_000, 0b1, 1:30, 0x, 0o8, ., e1, 1e, -0x1, 1.2.3, 2026-01-01]"),
	            "[\"1_000\",\"0b1\",\"1:30\",\"0x\",\"0o8\",\".\",\"e1\",\"1e\",\"-0x1\","
	            "\"1.2.3\",\"2026-01-01\"]");
	assert_text(value("['1', \"true\", '']"), "[\"1\",\"true\",\"\"]");
	assert_refused("0x10000000000000000", "1:1 0x10000000000000000 does not fit 64 bits");
}
END_TEST

START_TEST(a_numbers_text_is_what_json_would_take)
{
	static const char *const wanted[] = {"7",      "-7",   "3", "0.5", "5",
	                                     "-0.5e3", "0.10", "0", "-0"};
	const struct json *root = read_with("[007, -007, +3, .5, 5., -.5e3, +00.10, 00, -0]", NULL);

	ck_assert_ptr_nonnull(root);
	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++)
		assert_text(json_at(root, i)->text, wanted[i]);
}
END_TEST

START_TEST(what_other_readers_take_for_booleans_is_warned_of)
{
	assert_text(value("a: no\non: x\n"), "{\"a\":\"no\",\"on\":\"x\"}");
	ck_assert_uint_eq(warnings.count, 1);
	ck_assert_uint_eq(warnings.errors, 0);
	assert_fault_says(&warnings.items[0], "no is a string here, not a boolean");
	ck_assert_uint_eq(warnings.items[0].column, 4);
	assert_text(value("['no', \"on\"]"), "[\"no\",\"on\"]");
	ck_assert_uint_eq(warnings.count, 0);
	assert_text(value("[.inf, -.INF, .nan, -.nan]"), "[\".inf\",\"-.INF\",\".nan\",\"-.nan\"]");
	ck_assert_uint_eq(warnings.count, 3);
	/* Many leave room for the mistakes that come after. */
	(void)value("[no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no,no]");
	ck_assert_uint_eq(warnings.count, FAULT_LIST_MAX / 2);
	ck_assert_uint_eq(warnings.dropped, 24 - FAULT_LIST_MAX / 2);
}
END_TEST

START_TEST(core_tags_decide_and_others_are_refused)
{
	assert_text(value("[!!str 1, !!int '2', !!float 3, !!bool \"true\", !!null '', ! 4]"),
	            "[\"1\",2,3,true,null,\"4\"]");
	assert_text(value("!!map {a: !!seq [1]}"), "{\"a\":[1]}");
	assert_refused("a: !!int x", "1:4 \"x\" does not fit its tag !!int");
	assert_refused("a: !!int 1.5", "1:4 \"1.5\" does not fit its tag !!int");
	assert_refused("a: !!seq {}", "1:4 the tag !!seq does not fit here; want !!map or none");
	assert_refused("a: !local x", "1:4 the tag !local is not known here");
	assert_refused("a: !!binary eA==", "1:4 the tag tag:yaml.org,2002:binary is not known");
	assert_refused("!!int a: b", "1:1 a key is a string; the tag !!int does not fit it");
}
END_TEST

/* Each value's bytes, found again in the source. */
static void check_span(const struct json *node, const char *bytes)
{
	assert_text(text_slice(node->source->body, node->begin, node->end), bytes);
}

START_TEST(places_are_bytes_of_the_source)
{
	const struct json *root = read_with(
	    BOM "\xc3\xa4: '\xe2\x82\xac'\r\nb: [1, {\xf0\x9f\x98\x80: x}]\r\nc:\r\n  - d\r\n",
	    NULL);

	ck_assert_ptr_nonnull(root);
	check_span(json_at(json_member(root, "b"), 0), "1");
	check_span(json_member(root, "\xc3\xa4"), "'\xe2\x82\xac'");
	check_span(json_member(root, "b"), "[1, {\xf0\x9f\x98\x80: x}]");
	check_span(json_pointer(root, TEXT("/b/1/\xf0\x9f\x98\x80")), "x");
	check_span(json_pointer(root, TEXT("/c/0")), "d");
	check_span(json_member(root, "c"), "- d");
	ck_assert_uint_eq(document_key_place(json_member(root, "c")).offset, 33);
	ck_assert_uint_eq(root->begin, 3);
}
END_TEST

START_TEST(a_multi_line_text_with_crlf_does_not_move_later_places)
{
	const struct json *root =
	    read_with("a: \"x\r\n  y\r\n\r\n  z\"\r\nb: |\r\n  t\r\n  u\r\nc: !!str d\r\n", NULL);

	ck_assert_ptr_nonnull(root);
	assert_text(json_string(root, "a"), "x y\nz");
	assert_text(json_string(root, "b"), "t\nu\n");
	check_span(json_member(root, "c"), "!!str d");
}
END_TEST

START_TEST(keys_have_places_of_their_own)
{
	const struct json *root = read_with("a: 1\n\"b\" : {'c': 2}\n\"\\x64\": 3\n", NULL);

	ck_assert_ptr_nonnull(root);
	ck_assert_uint_eq(document_key_place(json_member(root, "a")).offset, 0);
	ck_assert_uint_eq(document_key_place(json_member(root, "b")).offset, 5);
	ck_assert_uint_eq(document_key_place(json_pointer(root, TEXT("/b/c"))).offset, 12);
	/* Written with an escape: the value's place is the best there is. */
	ck_assert_uint_eq(document_key_place(json_member(root, "d")).offset, 28);
}
END_TEST

START_TEST(duplicate_keys_name_both_places)
{
	assert_refused("a: 1\nb: 2\n\"a\": 3\n",
	               "3:1 the key \"a\" stands here again; the first is at 1:1");
	assert_refused("x: {b: 1, c: 2, b: 3}", "1:17 the key \"b\" stands here again; the first "
	                                        "is at 1:5");
}
END_TEST

START_TEST(a_thousand_keys_and_one_twice_are_told_apart)
{
	struct text_buf many;

	text_buf_init(&many, 1 << 20);
	for (int i = 0; i < 1000; i++)
		(void)text_buf_format(&many, "k%d: %d\n", i, i);
	ck_assert_ptr_nonnull(read_with(many.data, NULL));
	(void)text_buf_add_c(&many, "k500: 0\n");
	assert_refused(many.data,
	               "1001:1 the key \"k500\" stands here again; the first is at 501:1");
	text_buf_done(&many);
}
END_TEST

START_TEST(aliases_are_copies_where_they_are_allowed)
{
	assert_text(value("a: &x 1\nb: *x\n"),
	            "2:4 aliases are not allowed here; write the value out, or put it in quotes");
	assert_text(value("a: &x 1\n"), "{\"a\":1}");
	assert_text(value_with("a: &x {b: [1, 2]}\nc: *x\nd: [*x]\n", &with_aliases),
	            "{\"a\":{\"b\":[1,2]},\"c\":{\"b\":[1,2]},\"d\":[{\"b\":[1,2]}]}");
	assert_text(value_with("a: &x 1\nb: &x 2\nc: *x\n", &with_aliases),
	            "{\"a\":1,\"b\":2,\"c\":2}");
	assert_text(value_with("&k a: *k\n", &with_aliases), "{\"a\":\"a\"}");
	assert_refused("a: *x\n", "1:4 no anchor &x stands before this");
	assert_refused("a: &x [*x]\n", "1:8 the alias *x stands within its own anchor");
	assert_refused("a: &x b\n*x : c\n", "2:1 an alias can't be a key");
	assert_refused("key: &an:chor value", "1:9 want a blank behind the anchor &an");
	const struct json *root = read_with("a: &x [7]\nb: *x\n", &with_aliases);
	ck_assert_uint_eq(json_pointer(root, TEXT("/b/0"))->begin, 7);
}
END_TEST

START_TEST(alias_bombs_do_not_go_off)
{
	struct text_buf bomb;

	assert_refused("a: &a [1,1,1,1,1,1,1,1,1]\n"
	               "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
	               "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
	               "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
	               "4:8 aliases make more than 1000 values");
	/* Depth adds up as well. */
	text_buf_init(&bomb, 1 << 16);
	(void)text_buf_add_c(&bomb, "a0: &a0 [x]\n");
	for (int i = 1; i < 70; i++)
		(void)text_buf_format(&bomb, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	struct text got = value_with(bomb.data, &with_aliases);
	ck_assert(text_find(got, TEXT("more than 1000 values"), 0) != TEXT_NOT_FOUND);
	text_buf_reset(&bomb);
	(void)text_buf_add_c(&bomb,
	                     "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[&a [[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]"
	                     "]]]]]]]]]]]]]]]]]]\n");
	ck_assert_ptr_nonnull(read_with(bomb.data, &with_aliases));
	text_buf_reset(&bomb);
	for (int i = 0; i < 30; i++)
		(void)text_buf_add_c(&bomb, "[");
	(void)text_buf_add_c(&bomb, "&a ");
	for (int i = 0; i < 34; i++)
		(void)text_buf_add_c(&bomb, "[");
	for (int i = 0; i < 34; i++)
		(void)text_buf_add_c(&bomb, "]");
	(void)text_buf_add_c(&bomb, ",[*a]");
	for (int i = 0; i < 30; i++)
		(void)text_buf_add_c(&bomb, "]");
	got = value_with(bomb.data, &with_aliases);
	ck_assert_msg(text_find(got, TEXT("nested deeper than 64 levels"), 0) != TEXT_NOT_FOUND,
	              "%.*s", TEXT_ARG(got));
	text_buf_done(&bomb);
}
END_TEST

START_TEST(limits_are_refused_at_once)
{
	struct json *root = NULL;
	size_t size = 1 << 20;
	char *bytes = arena_alloc_bytes(&arena, YAML_MAX_BYTES + 1);

	memset(bytes, '[', size);
	ck_assert(
	    !yaml_read(source_of((struct text){bytes, size}), NULL, &arena, &root, NULL, &fault));
	assert_fault_says(&fault, "nested deeper than 64 levels");
	ck_assert_uint_eq(fault.column, 65);
	memset(bytes, ' ', YAML_MAX_BYTES + 1);
	ck_assert(!yaml_read(source_of((struct text){bytes, YAML_MAX_BYTES + 1}), NULL, &arena,
	                     &root, NULL, &fault));
	assert_fault_says(&fault, "t.yaml is larger than 8388608 bytes");
	for (size_t i = 0; i + 2 <= YAML_MAX_BYTES; i += 2)
		memcpy(bytes + i, "-\n", 2);
	ck_assert(!yaml_read(source_of((struct text){bytes, YAML_MAX_BYTES}), NULL, &arena, &root,
	                     NULL, &fault));
	assert_fault_says(&fault, "more than 1048576 values");
}
END_TEST

START_TEST(many_tag_lines_take_no_time)
{
	struct text_buf tags;

	text_buf_init(&tags, 1 << 20);
	(void)text_buf_add_c(&tags, "a: 1\n...\n");
	for (int i = 0; i < 40000; i++)
		(void)text_buf_format(&tags, "%%TAG !a%d! x\r", i);
	assert_refused(tags.data, "3:");
	assert_fault_says(&fault, "more than 16 lines begin with %TAG");
	text_buf_done(&tags);
	assert_refused("%TAG ! x\n---\na\n", "1:1 %TAG has no use here");
	assert_text(value("a: |\n %TAG\n %TAG\n"), "{\"a\":\"%TAG\\n%TAG\\n\"}");
}
END_TEST

/* Minutes where a text's lines are counted from the start of the file each time. */
START_TEST(many_texts_of_several_lines_take_no_time)
{
	enum { COUNT = 150000 };
	struct text_buf many;

	text_buf_init(&many, YAML_MAX_BYTES);
	for (int i = 0; i < COUNT; i++)
		(void)text_buf_add_c(&many, i % 2 == 0 ? "- |\n\n  x\n  y\n" : "- \"a\n  b\"\n");
	const struct json *root = read_with(many.data, NULL);
	ck_assert_ptr_nonnull(root);
	check_span(root->last, "\"a\n  b\"");
	ck_assert_uint_eq(root->count, COUNT);
	text_buf_done(&many);
}
END_TEST

START_TEST(what_is_no_subset_of_ours_is_refused_with_its_place)
{
	assert_refused("a: 1\n---\nb: 2\n", "2:1 a second document starts here");
	assert_refused("<<: {a: 1}\n", "1:1 merge keys (<<) are not part of YAML 1.2");
	assert_text(value("'<<': 1"), "{\"<<\":1}");
	assert_refused("? [a]\n: b\n", "1:3 a list can't be a key");
	assert_refused("{{a: b}: c}\n", "1:2 a mapping can't be a key");
	assert_refused("a:\n  ? \n  : b\n", "2:4 a key is missing before this ':'");
	assert_refused("%YAML 1.1#x\n---\n", "1:1 want %YAML 1.2 or no such line");
	assert_refused("%YAML 1.3\n---\n", "1:1 want %YAML 1.2 or no such line");
	assert_text(value("%YAML 1.2 # as it is\n---\na: b\n"), "{\"a\":\"b\"}");
	assert_text(value("%YAML 1.1\n---\na: b\n"), "{\"a\":\"b\"}");
	ck_assert_uint_eq(warnings.count, 1);
}
END_TEST

START_TEST(mistakes_are_said_in_words_that_help)
{
	assert_refused("a: \"x\nb: 1\n", "1:4 this quote is never closed");
	assert_refused("a: 'x", "1:4 this quote is never closed");
	assert_refused("a:\n\tb: 1\n", "2:1 a tab can't indent; use spaces");
	assert_refused("a: b: c\n", "1:5 no ': ' can stand here");
	assert_refused("a:\n  - 1\n b: 2\n", "3:2 want a key here");
	assert_refused("a: @b\n", "1:4 a value can't start with '@'; put it in quotes");
	assert_refused("a: %b\n", "1:4 a value can't start with '%'; put it in quotes");
	assert_refused("a: * b\n", "1:4 a value can't start with '*'");
	assert_refused("a: & b\n", "1:4 want a name of letters and digits behind '&'");
	assert_refused("a: \"\\q\"\n", "1:5 no escape that YAML knows");
	assert_refused("a: \"\\xZZ\"\n", "1:7 hex digits are missing");
	assert_refused("a: [1, 2\n", "2:1 want ',' or ']' here");
	assert_refused("a: {b: 1\n", "2:1 want ',' or '}' here");
	assert_refused("a: \"b\" c\n", "1:8 want a key here");
	assert_refused("a: - b\n", "1:4 no list item can start here");
	assert_refused("- a\nb: c\n", "2:1 want a list item");
	assert_refused("a: |x\n  b\n", "1:5 want a new line behind | or >");
	assert_refused("a: [b,,c]\n", "1:7 want a value here");
	assert_refused("a: |\n    b\n   c\nd: [\n", "3:4 ");
}
END_TEST

START_TEST(a_fault_within_a_long_list_says_where_the_list_starts)
{
	assert_refused("a: [1,\n  \"2\"\n  \"3\"]\n", "3:3 want ',' or ']' here");
	ck_assert_uint_eq(fault.within_count, 1);
	ck_assert_str_eq(fault.within[0], "reading the list that starts in line 1");
}
END_TEST

START_TEST(what_libyaml_lets_pass_is_refused)
{
	assert_refused("{?a: b}", "1:2 no key can start with '?' here");
	assert_refused("[ ?a ]", "1:3 no key can start with '?' here");
	assert_text(value("{? a: b}"), "{\"a\":\"b\"}");
	assert_text(value("?a: b"), "{\"?a\":\"b\"}");
	assert_refused("a: [b,\nc]\n", "2:1 indent this line deeper");
	assert_refused("a: \"b\nc\"\n", "2:1 indent this line deeper");
	assert_refused("a:\n  b: [c,\n  d]\n", "3:3 indent this line deeper (by 3 or more");
	assert_refused("a: \"b\n\tc\"\n", "2:1 a tab can't indent");
	assert_text(value("a: [b,\n]\n"), "{\"a\":[\"b\"]}");
	assert_text(value("a: \"b\n\n c\"\n"), "{\"a\":\"b\\nc\"}");
	assert_text(value("- [b,\n c]\n"), "[[\"b\",\"c\"]]");
	assert_text(value("[b,\nc]\n"), "[\"b\",\"c\"]");
	assert_refused("a: \"b\"# c\n", "1:7 a comment wants a blank before its #");
	assert_refused("[a]#c\n", "1:4 a comment wants a blank");
	assert_refused("[a,#c\n b]\n", "1:4 a comment wants a blank");
	assert_refused("a: |# c\n  b\n", "1:5 a comment wants a blank");
	assert_text(value("[a, #c\n b] # [d]#\n"), "[\"a\",\"b\"]");
	assert_refused("a: >\n   \n # b\n", "3:2 a blank line above is indented deeper");
	assert_text(value("a: |\n  x\n   "), "{\"a\":\"x\\n \\n\"}");
	assert_text(value("a: |+\n   "), "{\"a\":\"\\n\"}");
	assert_text(value("a: |\n  x"), "{\"a\":\"x\"}");
}
END_TEST

START_TEST(bytes_that_readers_disagree_about_are_refused)
{
	struct json *root = NULL;

	assert_refused("a: \xff\n", "1:4 byte 0xff is no UTF-8");
	assert_refused("a: x\xe2\x80\xa8y\n", "1:5 U+2028 is a line break to some readers");
	assert_refused("a: x\xc2\x85y\n", "1:5 U+0085 is a line break to some");
	assert_refused("a: \x07\n", "1:4 U+0007 can't stand in YAML; write it as \"\\u0007\"");
	assert_refused("a: " BOM "\n", "1:4 U+FEFF can't stand");
	assert_refused("\xff\xfe"
	               "a",
	               "1:1 this file is UTF-16; save it as UTF-8");
	assert_refused("\xfe\xff"
	               "a",
	               "1:1 this file is UTF-16; save it as UTF-8");
	ck_assert(
	    !yaml_read(source_of((struct text){"a: \0b", 5}), NULL, &arena, &root, NULL, &fault));
	assert_fault_says(&fault, "U+0000");
	assert_text(value("\"\\u2028\\0\""), "\"\xe2\x80\xa8\\u0000\"");
}
END_TEST

START_TEST(json_files_are_read_as_json)
{
	struct source *source = source_of(TEXT("{\"a\": 1, // no\n}"));
	struct json *root = NULL;

	source->name = TEXT("x/config.json");
	ck_assert(!document_read(source, NULL, &arena, &root, NULL, &fault));
	source->body = TEXT("{\"a\":\n 1, \"b\": {\"c\":2,\n \"c\":3}}");
	ck_assert(!document_read(source, NULL, &arena, &root, NULL, &fault));
	assert_fault_says(&fault, "the key \"c\" stands here again; the first is at 2:11");
	ck_assert_uint_eq(fault.line, 3);
	ck_assert_uint_eq(fault.column, 2);
	source->name = TEXT("config.yaml");
	source->body = TEXT("a: 1 # yes");
	ck_assert(document_read(source, NULL, &arena, &root, NULL, &fault));
}
END_TEST

/* Every prefix of a text is read or refused, and never does harm. */
START_TEST(cut_anywhere_it_is_read_or_refused)
{
	const char *whole = BOM "%YAML 1.2\r\n---\na: &x [1, 'it''s', \"\\u20ac\\\n  b\"]\n"
				"b: {c: *x, ? d : !!str e}\n# f\ng: >+2\n   h\n\n  i\n...\n";

	for (size_t len = 0; len <= strlen(whole); len++) {
		struct json *root = NULL;
		/* A copy of the exact size: reading past its end is seen by the sanitizer. */
		char *bytes = memory_new(len);
		memcpy(bytes, whole, len);
		fault = (struct fault){0};
		bool good = yaml_read(source_of((struct text){bytes, len}), &with_aliases, &arena,
		                      &root, NULL, &fault);
		ck_assert(good ? root != NULL : fault.kind != FAULT_NONE);
		memory_free(bytes);
	}
}
END_TEST

/* --- the public suite --- */

struct tally {
	unsigned equal, refused, errors_refused, empty, unjudged;
};

static struct source *read_file(const char *folder, const char *name)
{
	struct source *source = NULL;
	const char *path = file_join(&arena, folder, name);

	if (!file_exists(path))
		return NULL;
	ck_assert_msg(file_read(path, 1 << 20, &arena, &source, &fault), "%s", fault.message);
	return source;
}

static void try_case(const char *folder, struct tally *tally)
{
	struct source *yaml = read_file(folder, "in.yaml");
	struct source *want = read_file(folder, "in.json");
	struct json *root = NULL;
	struct json *wanted = NULL;

	if (yaml == NULL)
		return;
	bool good = yaml_read(yaml, &with_aliases, &arena, &root, NULL, &fault);
	if (!good)
		ck_assert_msg(fault.line != 0, "%s: no place: %s", folder, fault.message);
	if (file_exists(file_join(&arena, folder, "error"))) {
		ck_assert_msg(!good, "%s must be refused", folder);
		tally->errors_refused++;
	} else if (!good) {
		tally->refused++;
	} else if (want == NULL) {
		tally->unjudged++;
	} else if (text_trim(want->body).len == 0) {
		ck_assert_msg(json_is(root, JSON_NULL), "%s: no document is null to us", folder);
		tally->empty++;
	} else {
		ck_assert_msg(json_read(want, NULL, &arena, &wanted, &fault), "%s: %s", folder,
		              fault.message);
		ck_assert_msg(json_equal(root, wanted), "%s: got %s", folder,
		              json_to_text(&arena, root).data);
		tally->equal++;
	}
}

static void try_folder(const char *folder, struct tally *tally)
{
	struct text *names = NULL;
	size_t count = 0;

	ck_assert(file_list(folder, &arena, &names, &count, &fault));
	for (size_t i = 0; i < count; i++) {
		const char *path = file_join(&arena, folder, names[i].data);
		if (!file_is_directory(path))
			continue;
		try_case(path, tally);
		try_folder(path, tally);
	}
}

START_TEST(the_yaml_test_suite_gives_its_values_or_clean_refusals)
{
	struct tally tally = {0};

	if (!file_is_directory(SUITE)) {
		(void)fprintf(stderr, "# test_yaml: %s is not here; its cases were not tried\n",
		              SUITE);
		return;
	}
	try_folder(SUITE, &tally);
	(void)fprintf(stderr,
	              "# yaml-test-suite: %u values equal, %u empty, %u errors refused, %u outside "
	              "the subset refused, %u without value\n",
	              tally.equal, tally.empty, tally.errors_refused, tally.refused,
	              tally.unjudged);
	ck_assert_uint_ge(tally.equal, 202);
	ck_assert_uint_eq(tally.errors_refused, 94);
	ck_assert_uint_le(tally.unjudged, 1);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, NULL, end);
	tcase_add_test(cases, lists_mappings_and_texts_become_json);
	tcase_add_test(cases, an_empty_document_is_null);
	tcase_add_test(cases, plain_scalars_follow_the_core_schema);
	tcase_add_test(cases, a_numbers_text_is_what_json_would_take);
	tcase_add_test(cases, what_other_readers_take_for_booleans_is_warned_of);
	tcase_add_test(cases, core_tags_decide_and_others_are_refused);
	tcase_add_test(cases, places_are_bytes_of_the_source);
	tcase_add_test(cases, a_multi_line_text_with_crlf_does_not_move_later_places);
	tcase_add_test(cases, keys_have_places_of_their_own);
	tcase_add_test(cases, duplicate_keys_name_both_places);
	tcase_add_test(cases, a_thousand_keys_and_one_twice_are_told_apart);
	tcase_add_test(cases, aliases_are_copies_where_they_are_allowed);
	tcase_add_test(cases, alias_bombs_do_not_go_off);
	tcase_add_test(cases, limits_are_refused_at_once);
	tcase_add_test(cases, many_tag_lines_take_no_time);
	tcase_add_test(cases, many_texts_of_several_lines_take_no_time);
	tcase_add_test(cases, what_is_no_subset_of_ours_is_refused_with_its_place);
	tcase_add_test(cases, mistakes_are_said_in_words_that_help);
	tcase_add_test(cases, a_fault_within_a_long_list_says_where_the_list_starts);
	tcase_add_test(cases, what_libyaml_lets_pass_is_refused);
	tcase_add_test(cases, bytes_that_readers_disagree_about_are_refused);
	tcase_add_test(cases, json_files_are_read_as_json);
	tcase_add_test(cases, cut_anywhere_it_is_read_or_refused);
	tcase_add_test(cases, the_yaml_test_suite_gives_its_values_or_clean_refusals);
}

int main(void)
{
	return unit_main("yaml", add);
}
