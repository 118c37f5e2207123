/* The writer: what it prints is JSON, whatever it is given. */
#include "tests/unit/unit.h"

#include "harness/base/json_write.h"

#include <math.h>

static struct text_buf buf;
static struct json_writer writer;

static void begin(bool pretty)
{
	text_buf_init(&buf, 1 << 20);
	json_writer_init(&writer, &buf, pretty);
}

static void ends_as(const char *expected)
{
	assert_text(text_buf_view(&buf), expected);
	ck_assert(!buf.overflow);
	text_buf_done(&buf);
}

static void write_sample(void)
{
	json_write_object(&writer);
	json_write_member_c(&writer, "name", "x");
	json_write_key(&writer, "list");
	json_write_array(&writer);
	json_write_int(&writer, INT64_MIN);
	json_write_null(&writer);
	json_write_object(&writer);
	json_write_object_end(&writer);
	json_write_array_end(&writer);
	json_write_member_bool(&writer, "yes", true);
	json_write_member_int(&writer, "n", 3);
	json_write_member_count(&writer, "unknown", -1);
	json_write_member_count(&writer, "none", 0);
	json_write_member_c(&writer, "missing", NULL);
	json_write_object_end(&writer);
}

START_TEST(commas_and_colons_are_put_in)
{
	begin(false);
	write_sample();
	ends_as("{\"name\":\"x\",\"list\":[-9223372036854775808,null,{}],\"yes\":true,\"n\":3,"
	        "\"unknown\":null,\"none\":0,\"missing\":null}");
}
END_TEST

START_TEST(pretty_means_one_member_a_line)
{
	begin(true);
	write_sample();
	ends_as(
	    "{\n  \"name\": \"x\",\n  \"list\": [\n    -9223372036854775808,\n    null,\n    {}\n"
	    "  ],\n  \"yes\": true,\n  \"n\": 3,\n  \"unknown\": null,\n  \"none\": 0,\n"
	    "  \"missing\": null\n}");
}
END_TEST

START_TEST(strings_are_escaped_and_bad_utf8_is_replaced)
{
	begin(false);
	json_write_string(&writer, TEXT("\"\\/\b\f\n\r\t\x01\x1f\x7f\0z"));
	ends_as("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u0000z\"");
	begin(false);
	json_write_string(&writer, TEXT("h\xc3\xa9 \xff\xed\xa0\x80|\xf0\x9f\x98\x80|\xf0\x9f"));
	ends_as("\"h\xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xf0\x9f\x98\x80|"
	        "\xef\xbf\xbd\xef\xbf\xbd\"");
	begin(false);
	json_write_string(&writer, (struct text){NULL, 0});
	ends_as("\"\"");
}
END_TEST

START_TEST(every_byte_string_comes_back_as_what_was_written)
{
	struct arena arena = {0};
	struct json *root = NULL;
	struct fault fault = {0};

	for (unsigned c = 0; c < 0x11000; c += c < 0x900 ? 1 : 37) {
		char bytes[6] = "a";
		size_t size = text_utf8_encode(c, bytes + 1);
		bytes[1 + size] = 'b';
		struct text value = {bytes, size + 2};
		begin(false);
		json_quote(&buf, value);
		ck_assert_msg(json_read_text(text_buf_view(&buf), "t", &arena, &root, &fault), "%s",
		              fault.message);
		ck_assert(text_equal(root->text, value));
		text_buf_done(&buf);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(doubles_lose_their_trailing_zeros)
{
	static const struct {
		double value;
		int decimals;
		const char *text;
	} rows[] = {{0.5, 3, "0.5"},    {2.0, 3, "2"},     {0.12345, 3, "0.123"},
	            {100, 0, "100"},    {-0.0001, 2, "0"}, {1e20, 2, "100000000000000000000"},
	            {-1.25, 2, "-1.25"}};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		begin(false);
		json_write_double(&writer, rows[i].value, rows[i].decimals);
		ends_as(rows[i].text);
	}
	begin(false);
	json_write_array(&writer);
	json_write_double(&writer, (double)NAN, 2);
	json_write_double(&writer, (double)INFINITY, 2);
	json_write_double(&writer, -1.7976931348623157e308, 17);
	json_write_array_end(&writer);
	ck_assert_uint_gt(buf.len, 309);
	ck_assert(text_starts(text_buf_view(&buf), TEXT("[null,null,-17976931")));
	text_buf_done(&buf);
}
END_TEST

START_TEST(a_node_keeps_its_number_text)
{
	struct arena arena = {0};
	struct json *root = NULL;
	struct fault fault = {0};
	static const char body[] =
	    "{ \"a\" : [1.10, 1e2, 18446744073709551616, -0] , \"b\\u0041\" : \"\\u00e9\\/\" }";

	ck_assert(json_read_text(text_of(body), "t", &arena, &root, &fault));
	assert_text(json_to_text(&arena, root),
	            "{\"a\":[1.10,1e2,18446744073709551616,-0],\"bA\":\"\xc3\xa9/\"}");
	begin(false);
	json_write_object(&writer);
	json_write_key(&writer, "raw");
	json_write_raw(&writer, root->first->text);
	json_write_key_text(&writer, TEXT("node"));
	json_write_node(&writer, root->first);
	json_write_object_end(&writer);
	ends_as("{\"raw\":[1.10, 1e2, 18446744073709551616, -0],"
	        "\"node\":[1.10,1e2,18446744073709551616,-0]}");
	arena_done(&arena);
}
END_TEST

START_TEST(numbers_from_yaml_become_json)
{
	static const char *const rows[][2] = {
	    {"+1", "1"},          {".5", "0.5"},        {"-.5", "-0.5"},      {"1.", "1"},
	    {"010", "10"},        {"-007.50", "-7.50"}, {"1.e5", "1e5"},      {"0x1F", "\"0x1F\""},
	    {".inf", "\".inf\""}, {"1e", "\"1e\""},     {"1e+", "\"1e+\""},   {"-", "\"-\""},
	    {"", "\"\""},         {"0.0", "0.0"},       {"+.5E-3", "0.5E-3"}, {"1e5x", "\"1e5x\""},
	};
	struct arena arena = {0};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct json *node = json_new_number(&arena, text_of(rows[i][0]));
		assert_text(json_to_text(&arena, node), rows[i][1]);
	}
	arena_done(&arena);
}
END_TEST

START_TEST(the_deepest_node_that_can_be_read_can_be_written)
{
	static const struct json_limits limits = {
	    .bytes = 1 << 20, .depth = UINT32_MAX, .nodes = UINT32_MAX};
	char body[2 * JSON_DEPTH_MAX];
	struct arena arena = {0};
	struct json *root = NULL;
	struct fault fault = {0};

	memset(body, '[', JSON_DEPTH_MAX);
	memset(body + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	struct source source = {TEXT("deep"), {body, sizeof(body)}};
	ck_assert(json_read(&source, &limits, &arena, &root, &fault));
	ck_assert(text_equal(json_to_text(&arena, root), source.body));
	ck_assert(json_equal(json_clone(&arena, root), root));
	begin(true);
	for (int i = 0; i < 60; i++)
		json_write_array(&writer);
	json_write_node(&writer, root);
	for (int i = 0; i < 60; i++)
		json_write_array_end(&writer);
	text_buf_done(&buf);
	arena_done(&arena);
}
END_TEST

START_TEST(overflow_is_seen_once_at_the_end)
{
	text_buf_init(&buf, 8);
	json_writer_init(&writer, &buf, false);
	json_write_array(&writer);
	json_write_c(&writer, "longer than eight");
	json_write_array_end(&writer);
	ck_assert(buf.overflow);
	text_buf_done(&buf);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, commas_and_colons_are_put_in);
	tcase_add_test(cases, pretty_means_one_member_a_line);
	tcase_add_test(cases, strings_are_escaped_and_bad_utf8_is_replaced);
	tcase_add_test(cases, every_byte_string_comes_back_as_what_was_written);
	tcase_add_test(cases, doubles_lose_their_trailing_zeros);
	tcase_add_test(cases, a_node_keeps_its_number_text);
	tcase_add_test(cases, numbers_from_yaml_become_json);
	tcase_add_test(cases, the_deepest_node_that_can_be_read_can_be_written);
	tcase_add_test(cases, overflow_is_seen_once_at_the_end);
}

int main(void)
{
	return unit_main("json_write", add);
}
