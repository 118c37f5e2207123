/* What the openai dialect sends: the body as it is, the path by endpoint, the key by name only. */
#include "harness/base/http_parse.h"
#include "providers/provider.h"
#include "tests/unit/unit.h"

static struct arena arena;

static struct wire_request encoded(const struct chat_request *request)
{
	struct provider provider = {.name = TEXT_INIT("p"),
	                            .dialect = &dialect_openai,
	                            .base_url = TEXT_INIT("https://host/v1")};
	struct wire_request out;
	struct fault fault;

	ck_assert(dialect_openai.encode(&provider, request, &arena, &out, &fault));
	return out;
}

static const char *header(const struct wire_request *request, const char *name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (text_is(request->headers[i].name, name))
			return text_c(&arena, request->headers[i].value);
	return NULL;
}

START_TEST(a_body_goes_out_untouched_to_the_path_of_its_endpoint)
{
	static const struct {
		enum endpoint endpoint;
		const char *url;
	} table[] = {
	    {ENDPOINT_CHAT, "https://host/v1/chat/completions"},
	    {ENDPOINT_COMPLETIONS, "https://host/v1/completions"},
	    {ENDPOINT_EMBEDDINGS, "https://host/v1/embeddings"},
	    {ENDPOINT_RESPONSES, "https://host/v1/responses"},
	    {ENDPOINT_MESSAGES, "https://host/v1/messages"},
	    {ENDPOINT_MODELS, "https://host/v1/models"},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(table); i++) {
		struct chat_request request = {.endpoint = table[i].endpoint,
		                               .body = TEXT("{ \"model\" : \"m\"} not even JSON")};
		struct wire_request out = encoded(&request);
		ck_assert_str_eq(out.url, table[i].url);
		ck_assert_ptr_eq(out.body.data, request.body.data);
		ck_assert_uint_eq(out.body.len, request.body.len);
	}
}
END_TEST

START_TEST(method_and_headers_follow_the_request)
{
	struct chat_request request = {.endpoint = ENDPOINT_CHAT, .streamed = true};
	struct wire_request out = encoded(&request);

	ck_assert_str_eq(out.method, "POST");
	ck_assert_str_eq(header(&out, "Content-Type"), "application/json");
	ck_assert_str_eq(header(&out, "Accept"), "text/event-stream");
	request.streamed = false;
	out = encoded(&request);
	ck_assert_str_eq(header(&out, "Accept"), "application/json");
	request.method = "GET";
	ck_assert_str_eq(encoded(&request).method, "GET");
	request = (struct chat_request){.endpoint = ENDPOINT_MODELS};
	out = encoded(&request);
	ck_assert_str_eq(out.method, "GET");
	ck_assert_ptr_null(header(&out, "Content-Type"));
}
END_TEST

START_TEST(a_key_is_only_named)
{
	struct chat_request request = {.endpoint = ENDPOINT_CHAT};
	struct wire_request out = encoded(&request);

	ck_assert_str_eq(out.key_header, "Authorization");
	ck_assert_str_eq(out.key_prefix, "Bearer ");
	ck_assert_ptr_null(header(&out, "Authorization"));
	request.auth = AUTH_NONE;
	ck_assert_ptr_null(encoded(&request).key_header);
	request.auth = AUTH_WRONG_KEY;
	ck_assert_str_eq(encoded(&request).key_header, "Authorization");
}
END_TEST

START_TEST(a_provider_without_an_address_is_a_fault)
{
	struct provider provider = {.name = TEXT_INIT("p")};
	struct chat_request request = {.endpoint = ENDPOINT_CHAT};
	struct wire_request out;
	struct fault fault;

	ck_assert(!dialect_openai.encode(&provider, &request, &arena, &out, &fault));
	assert_fault_says(&fault, "base_url");
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_body_goes_out_untouched_to_the_path_of_its_endpoint);
	tcase_add_test(cases, method_and_headers_follow_the_request);
	tcase_add_test(cases, a_key_is_only_named);
	tcase_add_test(cases, a_provider_without_an_address_is_a_fault);
}

int main(void)
{
	return unit_main("dialect", add);
}
