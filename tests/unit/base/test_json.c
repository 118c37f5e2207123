/* The JSON scanner: what it takes, what it refuses and where, and how nodes are looked at. */
#include "tests/unit/unit.h"

#include "harness/base/json.h"

#include <dirent.h>

static struct json *read_good(struct arena *arena, struct text body)
{
	struct fault fault = {0};
	struct json *root = NULL;

	ck_assert_msg(json_read_text(body, "body", arena, &root, &fault), "%.*s: %s",
	              TEXT_ARG(body), fault.message);
	return root;
}

static void refuse(struct text body, unsigned column, const char *says)
{
	struct arena arena = {0};
	struct fault fault = {0};
	struct json *root = NULL;

	ck_assert_msg(!json_read_text(body, "body", &arena, &root, &fault), "taken: %.*s",
	              TEXT_ARG(body));
	assert_fault_says(&fault, says);
	ck_assert_msg(fault.column == column, "%.*s: column %u, want %u", TEXT_ARG(body),
	              fault.column, column);
	arena_done(&arena);
}

START_TEST(a_value_of_each_type_is_read)
{
	struct arena arena = {0};
	struct json *root = read_good(
	    &arena,
	    TEXT(" {\"a\": [null, true, false], \"b\": -1.50e+3, \"c\": \"x\", \"d\": {}}"));

	ck_assert(json_is(root, JSON_OBJECT));
	ck_assert_uint_eq(root->count, 4);
	struct json *a = json_member(root, "a");
	ck_assert(json_is(json_at(a, 0), JSON_NULL));
	ck_assert(json_at(a, 1)->truth && !json_at(a, 2)->truth);
	ck_assert_ptr_null(json_at(a, 3));
	assert_text(json_member(root, "b")->text, "-1.50e+3");
	assert_text(json_string(root, "c"), "x");
	assert_text(json_member(root, "d")->text, "{}");
	assert_text(a->text, "[null, true, false]");
	arena_done(&arena);
}
END_TEST

START_TEST(every_node_knows_its_place)
{
	struct arena arena = {0};
	struct json *root = read_good(&arena, TEXT("{\n  \"k\\u0065y\" : [ 1,\n\"two\" ] }"));
	struct json *list = json_member(root, "key");
	unsigned line, column;

	assert_text(list->key, "key");
	struct json *two = json_at(list, 1);
	place_line_column(json_place(two), &line, &column);
	ck_assert_uint_eq(line, 3);
	ck_assert_uint_eq(column, 1);
	ck_assert_uint_eq(two->end - two->begin, 5);
	assert_text(list->text, "[ 1,\n\"two\" ]");
	ck_assert_ptr_null(json_place(NULL).source);
	arena_done(&arena);
}
END_TEST

START_TEST(escapes_are_decoded)
{
	struct arena arena = {0};
	struct json *root = read_good(
	    &arena, TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00 end\""));

	assert_text(root->text, "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 end");
	root = read_good(&arena, TEXT("\"a\\u0000b\""));
	ck_assert(text_equal(root->text, TEXT("a\0b")));
	/* Without escapes: a view into the source, at every length around the eight-byte step. */
	static const char letters[] = "\"abcdefghijklmnopqrstuvwxyz\"";
	for (size_t len = 0; len < 26; len++) {
		struct text body = text_format(&arena, "\"%.*s\"", (int)len, letters + 1);
		root = read_good(&arena, body);
		ck_assert_ptr_eq(root->text.data, body.data + 1);
		ck_assert_uint_eq(root->text.len, len);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(what_is_not_json_is_refused_at_its_place)
{
	refuse(TEXT(""), 1, "ends here; want a JSON value");
	refuse(TEXT("\xef\xbb\xbf{}"), 1, "byte order mark");
	refuse(TEXT("{} x"), 4, "behind the JSON value");
	refuse(TEXT("[1\0]"), 3, "want a comma or ']', not the byte 0x00");
	refuse(TEXT("[1]\0"), 4, "behind the JSON value");
	refuse(TEXT("[1,]"), 4, "want a JSON value, not ']'");
	refuse(TEXT("[,1]"), 2, "want a JSON value, not ','");
	refuse(TEXT("[1 2]"), 4, "want a comma or ']', not '2'");
	refuse(TEXT("{\"a\" 1}"), 6, "want a colon");
	refuse(TEXT("{\"a\":1,}"), 8, "want a key in double quotes, not '}'");
	refuse(TEXT("{a:1}"), 2, "want a key in double quotes");
	refuse(TEXT("{'a':1}"), 2, "want a key in double quotes");
	refuse(TEXT("[1}"), 3, "want a comma or ']', not '}'");
	refuse(TEXT("nul"), 1, "want a JSON value");
	refuse(TEXT("NaN"), 1, "want a JSON value");
	refuse(TEXT("-Infinity"), 2, "want a digit");
	refuse(TEXT("01"), 1, "may not start with 0");
	refuse(TEXT("-01"), 2, "may not start with 0");
	refuse(TEXT("1."), 3, "ends here; want a digit");
	refuse(TEXT("1e+"), 4, "want a digit");
	refuse(TEXT(".5"), 1, "want a JSON value");
	refuse(TEXT("+1"), 1, "want a JSON value");
	refuse(TEXT("\"abc"), 1, "no closing quote");
	refuse(TEXT("\"abc\\"), 5, "hex digits");
	refuse(TEXT("\"a\tb\""), 3, "control byte 0x09");
	refuse(TEXT("\"12345678\\x41\""), 10, "want \\\"");
	refuse(TEXT("\"\\u12g4\""), 2, "four hex digits");
	refuse(TEXT("\"\\ud800\""), 2, "\\ud800 is half of a surrogate pair");
	refuse(TEXT("\"\\ud800\\u0041\""), 2, "half of a surrogate pair");
	refuse(TEXT("\"\\udc00\""), 2, "half of a surrogate pair");
}
END_TEST

START_TEST(only_strict_utf8_is_taken_in_strings)
{
	static const char *const good[] = {
	    "\xc2\x80",         "\xdf\xbf",         "\xe0\xa0\x80", "\xec\x80\x80",
	    "\xed\x9f\xbf",     "\xee\x80\x80",     "\xef\xbf\xbf", "\xf0\x90\x80\x80",
	    "\xf3\x80\x80\x80", "\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
	    "\x80",
	    "\xbf",
	    "\xc0\xaf",
	    "\xc1\xbf",
	    "\xc2",
	    "\xc2\x41",
	    "\xe0\x9f\xbf",
	    "\xe2\x82",
	    "\xed\xa0\x80",
	    "\xed\xbf\xbf",
	    "\xf0\x8f\xbf\xbf",
	    "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80",
	    "\xff",
	    "\xf0\x9f\x98",
	    "\xe2\x28\xa1",
	};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
		struct json *root = read_good(&arena, text_format(&arena, "\"%s\"", good[i]));
		assert_text(root->text, good[i]);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		refuse(text_format(&arena, "\"%s\"", bad[i]), 2, "is not UTF-8");
		refuse(text_format(&arena, "\"12345678%s12345678\"", bad[i]), 10, "is not UTF-8");
	}
	arena_done(&arena);
}
END_TEST

START_TEST(duplicates_are_taken_and_marked_by_their_decoded_keys)
{
	struct arena arena = {0};
	struct json *root = read_good(
	    &arena, TEXT("{\"model\":1,\"x\":2,\"mod\\u0065l\":3,\"y\":{\"a\":1,\"b\":2}}"));

	ck_assert(root->has_duplicate);
	ck_assert(!root->first->duplicate);
	ck_assert(!root->first->next->duplicate);
	ck_assert(root->first->next->next->duplicate);
	assert_text(json_member(root, "model")->text, "3");
	ck_assert(!json_member(root, "y")->has_duplicate);
	arena_done(&arena);
}
END_TEST

/* {"k0":0,"k1":1,...}, the last key being `last`. */
static struct text many_members(struct arena *arena, unsigned count, const char *last)
{
	struct text_buf buf;

	text_buf_init(&buf, 64 << 20);
	for (unsigned i = 0; i + 1 < count; i++)
		ck_assert(text_buf_format(&buf, "%s\"k%u\":%u", i == 0 ? "{" : ",", i, i));
	ck_assert(text_buf_format(&buf, ",\"%s\":-1}", last));
	struct text body = text_copy(arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return body;
}

START_TEST(duplicates_are_found_in_objects_of_every_size)
{
	static const unsigned counts[] = {2, 3, 15, 16, 17, 18, 33, 63, 64, 65, 1000, 300000};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_LENGTH(counts); i++) {
		struct json *root = read_good(&arena, many_members(&arena, counts[i], "k0"));
		ck_assert(root->has_duplicate && root->last->duplicate);
		ck_assert(!root->first->duplicate &&
		          !root->first->next->duplicate == (counts[i] != 2));
		root = read_good(&arena, many_members(&arena, counts[i], "other"));
		ck_assert(!root->has_duplicate && !root->last->duplicate);
		arena_reset(&arena);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(keys_alike_at_both_ends_are_told_apart)
{
	struct arena arena = {0};
	struct text_buf buf;

	/* All of one quick hash: only the middle differs. */
	text_buf_init(&buf, 1 << 16);
	for (unsigned i = 0; i < 63; i++)
		ck_assert(text_buf_format(&buf, "%s\"beginning-%02u-the-same-end\":%u",
		                          i == 0 ? "{" : ",", i, i));
	struct text all = text_copy(&arena, text_buf_view(&buf));
	text_buf_done(&buf);
	struct json *root = read_good(&arena, text_format(&arena, "%.*s}", TEXT_ARG(all)));
	ck_assert(!root->has_duplicate);
	root = read_good(
	    &arena, text_format(&arena, "%.*s,\"beginning-41-the-same-end\":7}", TEXT_ARG(all)));
	ck_assert(root->has_duplicate && root->last->duplicate);
	arena_done(&arena);
}
END_TEST

START_TEST(limits_are_faults)
{
	static const struct json_limits limits = {.bytes = 40, .depth = 3, .nodes = 5};
	static const struct {
		const char *body;
		const char *says; /* NULL: good */
	} rows[] = {
	    {"[[[1]]]", NULL},
	    {"[[[[1]]]]", "nested deeper than 3 levels"},
	    {"[1,2,3,4]", NULL},
	    {"[1,2,3,4,5]", "too many values"},
	    {"[                                       ]", "41 bytes of JSON; at most 40"},
	};
	struct arena arena = {0};
	struct json *root;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct source source = {TEXT("body"), text_of(rows[i].body)};
		struct fault fault = {0};
		bool good = json_read(&source, &limits, &arena, &root, &fault);
		ck_assert_msg(good == (rows[i].says == NULL), "%s", rows[i].body);
		if (!good)
			assert_fault_says(&fault, rows[i].says);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(a_prefix_says_where_it_ends)
{
	static const struct {
		const char *body;
		size_t end;
	} rows[] = {{" {\"a\":1} tail", 8}, {"12abc", 2}, {"\"x\"\"y\"", 3}, {"null", 4}};
	struct arena arena = {0};
	struct fault fault = {0};
	struct json *root;
	size_t end;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct source source = {TEXT("body"), text_of(rows[i].body)};
		ck_assert(json_read_prefix(&source, NULL, &arena, &root, &end, &fault));
		ck_assert_uint_eq(end, rows[i].end);
	}
	arena_done(&arena);
}
END_TEST

/* A body cut anywhere is refused, and no byte behind the cut is touched (ASan looks on). */
START_TEST(a_cut_body_is_never_read_past_its_end)
{
	static const char whole[] =
	    "{\"a\":[1.5e3,true,false,null,\"x\\u00e9\\ud83d\\ude00\xe2\x82\xac longer text\"],"
	    "\"b\":{\"c\":-0}}";
	struct arena arena = {0};
	struct json *root;

	for (size_t len = 0; len < sizeof(whole); len++) {
		char *exact = memory_new(len);
		struct fault fault = {0};
		memcpy(exact, whole, len);
		bool good = json_read_text((struct text){exact, len}, "cut", &arena, &root, &fault);
		ck_assert_msg(good == (len == sizeof(whole) - 1), "%zu bytes", len);
		memory_free(exact);
	}
	ck_assert(
	    !json_read_text((struct text){NULL, 0}, "none", &arena, &root, &(struct fault){0}));
	arena_done(&arena);
}
END_TEST

START_TEST(pointers_find_what_they_name)
{
	struct arena arena = {0};
	struct json *root = read_good(
	    &arena, TEXT("{\"a\":[10,{\"b/c\":11,\"d~e\":12}],\"\":13,\"01\":14,\"a~1b\":15}"));

	ck_assert_ptr_eq(json_pointer(root, TEXT("")), root);
	assert_text(json_pointer(root, TEXT("/a/0"))->text, "10");
	assert_text(json_pointer(root, TEXT("/a/1/b~1c"))->text, "11");
	assert_text(json_pointer(root, TEXT("/a/1/d~0e"))->text, "12");
	assert_text(json_pointer(root, TEXT("/"))->text, "13");
	assert_text(json_pointer(root, TEXT("/01"))->text, "14");
	assert_text(json_pointer(root, TEXT("/a~01b"))->text, "15");
	ck_assert_ptr_null(json_pointer(root, TEXT("/a/01")));
	ck_assert_ptr_null(json_pointer(root, TEXT("/a/2")));
	ck_assert_ptr_null(json_pointer(root, TEXT("/a/-")));
	ck_assert_ptr_null(json_pointer(root, TEXT("/a/")));
	ck_assert_ptr_null(json_pointer(root, TEXT("a")));
	ck_assert_ptr_null(json_pointer(root, TEXT("/a/1/d~2e")));
	ck_assert_ptr_null(json_pointer(root, TEXT("/a/1/d~")));
	ck_assert_ptr_null(json_pointer(root, TEXT("/a/0/x")));
	ck_assert_ptr_null(json_pointer(NULL, TEXT("/a")));
	arena_done(&arena);
}
END_TEST

START_TEST(members_are_read_by_what_they_should_be)
{
	struct arena arena = {0};
	struct json *root =
	    read_good(&arena, TEXT("{\"n\":1e2,\"f\":1.5,\"s\":\"x\",\"t\":true,\"huge\":1e400}"));
	int64_t value = 7;

	ck_assert(json_integer(root, "n", 0, 1000, &value) && value == 100);
	ck_assert(!json_integer(root, "n", 0, 99, &value) && value == 100);
	ck_assert(!json_integer(root, "f", 0, 1000, &value));
	ck_assert(!json_integer(root, "huge", INT64_MIN, INT64_MAX, &value));
	ck_assert(!json_integer(root, "s", 0, 1000, &value));
	ck_assert(!json_integer(root, "none", 0, 1000, &value));
	ck_assert_ptr_null(json_string(root, "n").data);
	ck_assert_ptr_null(json_string(NULL, "n").data);
	ck_assert(json_truth(root, "t", false));
	ck_assert(json_truth(root, "s", true) && !json_truth(root, "none", false));
	ck_assert_ptr_null(json_member(json_member(root, "s"), "x"));
	ck_assert_str_eq(json_type_name(NULL), "nothing");
	ck_assert_str_eq(json_type_name(root), "an object");
	arena_done(&arena);
}
END_TEST

START_TEST(equality_is_by_value)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
	    {"1", "1.0", true},
	    {"[1,{\"a\":2}]", "[1.0,{\"a\":20e-1}]", true},
	    {"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
	    {"{\"a\":1,\"b\":2}", "{\"a\":1}", false},
	    {"{\"a\":1}", "{\"b\":1}", false},
	    {"[1,2]", "[2,1]", false},
	    {"[1,2]", "[1,2,3]", false},
	    {"\"1\"", "1", false},
	    {"0", "false", false},
	    {"null", "false", false},
	    {"true", "true", true},
	    {"\"\\u0061\"", "\"a\"", true},
	    {"{\"a\":1,\"a\":2}", "{\"a\":2}", true},
	    {"{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":2}", false},
	    {"18446744073709551616", "18446744073709551617", false},
	};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct json *a = read_good(&arena, text_of(rows[i].a));
		struct json *b = read_good(&arena, text_of(rows[i].b));
		ck_assert_msg(json_equal(a, b) == rows[i].equal, "%s %s", rows[i].a, rows[i].b);
		ck_assert_msg(json_equal(b, a) == rows[i].equal, "%s %s", rows[i].b, rows[i].a);
	}
	struct text large = many_members(&arena, 5000, "last");
	ck_assert(json_equal(read_good(&arena, large), read_good(&arena, large)));
	struct text other = many_members(&arena, 5000, "lost");
	ck_assert(!json_equal(read_good(&arena, large), read_good(&arena, other)));
	ck_assert(json_equal(NULL, NULL));
	ck_assert(!json_equal(NULL, read_good(&arena, TEXT("null"))));
	ck_assert(!json_equal(read_good(&arena, TEXT("null")), NULL));
	arena_done(&arena);
}
END_TEST

START_TEST(nodes_can_be_made_and_cloned)
{
	struct arena arena = {0};
	struct json *root = json_new(&arena, JSON_OBJECT);
	struct json *list = json_new(&arena, JSON_ARRAY);

	json_append_member(root, TEXT("list"), list);
	json_append(list, json_new_number(&arena, TEXT("1.50")));
	json_append(list, json_new_bool(&arena, true));
	json_append(list, json_new_string(&arena, TEXT("x")));
	json_append(list, json_new(&arena, JSON_NULL));
	struct json *same = read_good(&arena, TEXT("{\"list\":[1.5,true,\"x\",null]}"));
	ck_assert(json_equal(root, same));

	struct json *copy = json_clone(&arena, same);
	ck_assert(json_equal(copy, same) && copy != same);
	json_append(json_member(copy, "list"), json_new_bool(&arena, false));
	ck_assert_uint_eq(json_member(copy, "list")->count, 5);
	ck_assert_uint_eq(json_member(same, "list")->count, 4);
	ck_assert(json_place(copy).source == json_place(same).source);
	arena_done(&arena);
}
END_TEST

START_TEST(depth_costs_no_stack)
{
	struct arena arena = {0};
	struct json *root;
	size_t depth = 2000000;
	char *body = memory_new(depth);
	struct fault fault = {0};
	static const struct json_limits limits = {
	    .bytes = 64 << 20, .depth = UINT32_MAX, .nodes = UINT32_MAX};

	memset(body, '[', depth);
	struct source source = {TEXT("deep"), {body, depth}};
	ck_assert(!json_read(&source, NULL, &arena, &root, &fault));
	assert_fault_says(&fault, "nested deeper than 128 levels");
	ck_assert(!json_read(&source, &limits, &arena, &root, &fault));
	assert_fault_says(&fault, "nested deeper than 1024 levels");
	memory_free(body);
	arena_done(&arena);
}
END_TEST

/* --- JSONTestSuite, where it lies beside the repository ------------------------- */

static char corpus_file[1 << 20];

static struct text read_corpus_file(const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	ck_assert_ptr_nonnull(file);
	size_t len = fread(corpus_file, 1, sizeof(corpus_file), file);
	fclose(file);
	return (struct text){corpus_file, len};
}

START_TEST(the_json_test_suite_agrees)
{
	static const char folder[] = "../shared/corpora/json-parsing";
	unsigned taken = 0, refused = 0, either = 0;
	DIR *listing = opendir(folder);

	if (listing == NULL) {
		printf("# JSONTestSuite is not at %s: skipped\n", folder);
		return;
	}
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
		const char *name = entry->d_name;
		if (!text_ends(text_of(name), TEXT(".json")))
			continue;
		struct arena arena = {0};
		struct fault fault = {0};
		struct json *root;
		struct text body = read_corpus_file(folder, name);
		bool good = json_read_text(body, name, &arena, &root, &fault);
		ck_assert_msg(name[0] != 'y' || good, "%s: %s", name, fault.message);
		ck_assert_msg(name[0] != 'n' || !good, "%s: taken", name);
		taken += name[0] == 'y';
		refused += name[0] == 'n';
		either += name[0] == 'i';
		arena_done(&arena);
	}
	closedir(listing);
	printf("# JSONTestSuite: %u taken, %u refused, %u either\n", taken, refused, either);
	ck_assert(taken > 0 && refused > 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_value_of_each_type_is_read);
	tcase_add_test(cases, every_node_knows_its_place);
	tcase_add_test(cases, escapes_are_decoded);
	tcase_add_test(cases, what_is_not_json_is_refused_at_its_place);
	tcase_add_test(cases, only_strict_utf8_is_taken_in_strings);
	tcase_add_test(cases, duplicates_are_taken_and_marked_by_their_decoded_keys);
	tcase_add_test(cases, duplicates_are_found_in_objects_of_every_size);
	tcase_add_test(cases, keys_alike_at_both_ends_are_told_apart);
	tcase_add_test(cases, limits_are_faults);
	tcase_add_test(cases, a_prefix_says_where_it_ends);
	tcase_add_test(cases, a_cut_body_is_never_read_past_its_end);
	tcase_add_test(cases, pointers_find_what_they_name);
	tcase_add_test(cases, members_are_read_by_what_they_should_be);
	tcase_add_test(cases, equality_is_by_value);
	tcase_add_test(cases, nodes_can_be_made_and_cloned);
	tcase_add_test(cases, depth_costs_no_stack);
	tcase_add_test(cases, the_json_test_suite_agrees);
}

int main(void)
{
	return unit_main("json", add);
}
