/* Spans replaced in a body: what must change changes, every other byte stays. */
#include "proxy/relay/splice.h"

#include "tests/unit/unit.h"

static struct arena arena;

struct wanted {
	const char *body, *model;
	bool drop_provider, ask_usage;
	const char *result;
};

static void check(const struct wanted *wanted)
{
	struct fault fault;
	struct json *root;

	ck_assert(json_read_text(text_of(wanted->body), "body", &arena, &root, &fault));
	struct splice splice = {
	    .root = root,
	    .model = wanted->model == NULL ? NULL : json_member(root, "model"),
	    .model_name = text_of(wanted->model),
	    .removed = wanted->drop_provider ? json_member(root, "provider") : NULL,
	    .ask_usage = wanted->ask_usage,
	};
	assert_text(splice_body(&splice, &arena), wanted->result);
	/* What came out is JSON again. */
	ck_assert(json_read_text(text_of(wanted->result), "body", &arena, &root, &fault));
}

START_TEST(the_model_is_replaced_and_nothing_else)
{
	const struct wanted rows[] = {
	    {"{ \"model\" :\t\"coder\" , \"x\":1.0}", "m", false, false,
	     "{ \"model\" :\t\"m\" , \"x\":1.0}"},
	    {"{\"model\":\"c\\u006fder\"}", "coder", false, false, "{\"model\":\"c\\u006fder\"}"},
	    {"{\"model\":\"coder\"}", "a\"b\\c\n", false, false, "{\"model\":\"a\\\"b\\\\c\\n\"}"},
	    {"{\"a\":{\"model\":\"x\"},\"model\":\"x\"}", "y", false, false,
	     "{\"a\":{\"model\":\"x\"},\"model\":\"y\"}"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check(&rows[i]);
}
END_TEST

START_TEST(where_nothing_changes_the_bytes_are_the_same_ones)
{
	const struct text body = TEXT("{\"model\":\"m\"}");
	struct fault fault;
	struct json *root;

	ck_assert(json_read_text(body, "body", &arena, &root, &fault));
	struct splice splice = {
	    .root = root, .model = json_member(root, "model"), .model_name = TEXT("m")};
	ck_assert_ptr_eq(splice_body(&splice, &arena).data, body.data);
}
END_TEST

START_TEST(a_member_goes_with_one_comma)
{
	const struct wanted rows[] = {
	    {"{\"provider\":{\"only\":[\"a\"]},\"model\":\"x\"}", "y", true, false,
	     "{\"model\":\"y\"}"},
	    {"{\"model\":\"x\" , \"provider\": {} }", "y", true, false, "{\"model\":\"y\" }"},
	    {"{\"a\":1, \"provider\":null, \"model\":\"x\"}", "y", true, false,
	     "{\"a\":1, \"model\":\"y\"}"},
	    {"{\"provider\":{}}", NULL, true, false, "{}"},
	    {"{\"provider\": \"a,b\" , \"z\":1}", NULL, true, false, "{ \"z\":1}"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check(&rows[i]);
}
END_TEST

START_TEST(usage_is_asked_for_in_every_spelling)
{
	const struct wanted rows[] = {
	    {"{\"model\":\"m\"}", NULL, false, true,
	     "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true}}"},
	    {"{\"stream_options\":{}, \"model\":\"m\"}", NULL, false, true,
	     "{\"stream_options\":{\"include_usage\":true}, \"model\":\"m\"}"},
	    {"{\"stream_options\":null,\"model\":\"m\"}", NULL, false, true,
	     "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\"}"},
	    {"{\"stream_options\":{\"include_obfuscation\":false}}", NULL, false, true,
	     "{\"stream_options\":{\"include_usage\":true,\"include_obfuscation\":false}}"},
	    {"{\"stream_options\":{\"include_usage\":false}}", NULL, false, true,
	     "{\"stream_options\":{\"include_usage\":true}}"},
	    {"{\"provider\":{},\"model\":\"x\"}", "y", true, true,
	     "{\"model\":\"y\",\"stream_options\":{\"include_usage\":true}}"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		check(&rows[i]);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, the_model_is_replaced_and_nothing_else);
	tcase_add_test(cases, where_nothing_changes_the_bytes_are_the_same_ones);
	tcase_add_test(cases, a_member_goes_with_one_comma);
	tcase_add_test(cases, usage_is_asked_for_in_every_spelling);
}

int main(void)
{
	int code = unit_main("splice", add);

	arena_done(&arena);
	return code;
}
