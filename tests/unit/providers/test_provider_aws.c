/*
 * AWS's keys in three parts: where they come from, and that the secret one never travels. A mistake
 * here sends a secret access key to a server, or asks the wrong region.
 */
#include "harness/base/http_parse.h"
#include "harness/base/redact.h"
#include "harness/base/yaml.h"
#include "providers/provider_private.h"
#include "providers/wire/aws_sigv4.h"
#include "providers/wire/transport.h"
#include "tests/unit/providers/script_server.h"

#include <stdlib.h>

static struct arena arena;
static struct provider_set set;
static struct fault_list faults;
static struct source source;

static const char *const variables[] = {"AWS_BEARER_TOKEN_BEDROCK",
                                        "AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_REGION",
                                        "AWS_DEFAULT_REGION",
                                        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"};

static void setup(void)
{
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
		(void)unsetenv(variables[i]);
}

static bool read(const char *yaml)
{
	struct json *root;
	struct fault fault;

	provider_set_done(&set);
	memset(&faults, 0, sizeof(faults));
	source = (struct source){TEXT("p.yaml"), text_of(yaml)};
	ck_assert_msg(yaml_read(&source, NULL, &arena, &root, NULL, &fault), "%s", fault.message);
	return provider_set_read(root, &arena, &set, &faults);
}

static struct provider *good(const char *yaml)
{
	bool read_well = read(yaml);

	ck_assert_msg(read_well, "%s", faults.items[0].message);
	return &set.items[0];
}

static void bad(const char *yaml, const char *part)
{
	ck_assert(!read(yaml));
	assert_fault_says(&faults.items[0], part);
}

START_TEST(a_bearer_token_is_the_usual_key)
{
	(void)setenv("AWS_BEARER_TOKEN_BEDROCK", "bearer-unit-token", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "unit-secret-access-key", 1);
	struct provider *provider = good("bedrock-converse: {}");

	assert_text(provider->key_ref, "env:AWS_BEARER_TOKEN_BEDROCK");
	ck_assert_ptr_null(provider->aws.access_key_id_ref.data);
	assert_text(provider->base_url, "https://bedrock-runtime.us-east-1.amazonaws.com");
	ck_assert_ptr_eq(provider->dialect, &dialect_bedrock);
}
END_TEST

START_TEST(aws_s_own_variables_sign)
{
	struct fault fault;

	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDUNIT", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "unit-secret-access-key", 1);
	(void)setenv("AWS_REGION", "ap-south-1", 1);
	struct provider *provider = good("bedrock-converse: {}");

	assert_text(provider->key_ref, "env:AWS_SECRET_ACCESS_KEY");
	assert_text(provider->aws.access_key_id_ref, "env:AWS_ACCESS_KEY_ID");
	ck_assert_ptr_null(provider->aws.session_token_ref.data);
	assert_text(provider->base_url, "https://bedrock-runtime.ap-south-1.amazonaws.com");
	assert_text(provider->aws.region, "ap-south-1");
	ck_assert(provider_load_key(provider, &fault));
	assert_text(secret_reveal(provider->aws.access_key_id), "AKIDUNIT");
	ck_assert_ptr_null(provider->aws.session_token);
	(void)setenv("AWS_SESSION_TOKEN", "unit-session-token", 1);
	provider = good("bedrock-converse: {region: eu-central-1}");
	assert_text(provider->base_url, "https://bedrock-runtime.eu-central-1.amazonaws.com");
	assert_text(provider->aws.region, "eu-central-1");
	ck_assert(provider_load_key(provider, &fault));
	assert_text(secret_reveal(provider->aws.session_token), "unit-session-token");
	/* All three are masked wherever they would show up. */
	char shown[] = "unit-secret-access-key AKIDUNIT unit-session-token";
	ck_assert(redact_bytes(shown, sizeof(shown) - 1));
	ck_assert_ptr_null(strstr(shown, "unit"));
	ck_assert_ptr_null(strstr(shown, "AKID"));
}
END_TEST

START_TEST(a_missing_id_is_said_by_its_name)
{
	struct fault fault;

	(void)setenv("AWS_SECRET_ACCESS_KEY", "unit-secret-access-key", 1);
	struct provider *provider = good("bedrock-converse: {}");

	ck_assert(!provider_load_key(provider, &fault));
	assert_fault_says(&fault, "AWS_ACCESS_KEY_ID");
	ck_assert_ptr_null(provider->key); /* so nothing can be sent */
}
END_TEST

START_TEST(no_variable_at_all_names_the_bearer_token)
{
	struct fault fault;
	struct provider *provider = good("bedrock-converse: {}");

	ck_assert(!provider_load_key(provider, &fault));
	assert_fault_says(&fault, "AWS_BEARER_TOKEN_BEDROCK");
}
END_TEST

START_TEST(aws_s_keys_alone_do_not_choose_bedrock)
{
	struct fault fault;

	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDUNIT", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "unit-secret-access-key", 1);
	provider_set_done(&set);
	ck_assert(provider_set_from_environment(&arena, &set, &fault));
	ck_assert_ptr_null(provider_find(&set, TEXT("bedrock-converse")));
	(void)setenv("AWS_BEARER_TOKEN_BEDROCK", "bearer-unit-token", 1);
	ck_assert(provider_set_from_environment(&arena, &set, &fault));
	ck_assert_ptr_nonnull(provider_find(&set, TEXT("bedrock-converse")));
}
END_TEST

START_TEST(a_config_says_where_the_parts_are)
{
	struct provider *provider =
	    good("lab:\n  dialect: bedrock\n"
	         "  base_url: https://bedrock-runtime.eu-west-1.amazonaws.com\n"
	         "  api_key: env:LAB_SECRET\n"
	         "  aws: {access_key_id: env:LAB_ID, session_token: file:/token}\n");

	assert_text(provider->aws.access_key_id_ref, "env:LAB_ID");
	assert_text(provider->aws.session_token_ref, "file:/token");
	assert_text(provider->aws.region, "eu-west-1");
	/* Through a tunnel the region is nowhere but in the config. */
	bad("lab: {dialect: bedrock, base_url: \"http://127.0.0.1:1\", api_key: env:A, "
	    "aws: {access_key_id: env:B}}",
	    "needs a region");
	provider = good("lab: {dialect: bedrock, base_url: \"http://127.0.0.1:1\", "
	                "region: us-west-2, api_key: env:A, aws: {access_key_id: env:B}}");
	assert_text(provider->aws.region, "us-west-2");
	bad("lab: {dialect: bedrock, base_url: \"http://127.0.0.1:1\", region: \"us/west\", "
	    "api_key: env:A, aws: {access_key_id: env:B}}",
	    "needs a region");
}
END_TEST

START_TEST(parts_that_are_missing_are_mistakes)
{
	bad("lab: {dialect: bedrock, base_url: \"http://127.0.0.1:1\", region: r, api_key: env:A, "
	    "aws: {}}",
	    "aws needs access_key_id");
	bad("lab: {dialect: bedrock, base_url: \"http://127.0.0.1:1\", region: r, "
	    "aws: {access_key_id: env:B}}",
	    "api_key says where");
	bad("lab: {dialect: bedrock, base_url: \"http://127.0.0.1:1\", region: r, api_key: env:A, "
	    "aws: {access_key_id: AKIDPASTED4711}}",
	    "never itself");
	ck_assert_ptr_null(strstr(faults.items[0].message, "PASTED"));
	ck_assert_ptr_null(strstr(faults.items[0].excerpt, "PASTED"));
}
END_TEST

START_TEST(a_secret_access_key_is_never_a_bearer_token)
{
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDUNIT", 1);
	struct provider *provider = good("lab: {base_url: \"http://127.0.0.1:1/v1\", region: r1, "
	                                 "api_key: env:AWS_SECRET_ACCESS_KEY}");

	assert_text(provider->aws.access_key_id_ref, "env:AWS_ACCESS_KEY_ID");
}
END_TEST

/* --- on the wire ---------------------------------------------------------------------------- */

static bool ended;

static void on_head(void *context UNUSED, int status UNUSED, int version UNUSED,
                    const struct http_header *headers UNUSED, size_t count UNUSED)
{
}

static void on_body(void *context UNUSED, struct text bytes UNUSED)
{
}

static void on_end(void *context UNUSED, enum exchange_end end, struct text detail UNUSED)
{
	ck_assert_int_eq(end, EXCHANGE_COMPLETE);
	ended = true;
}

/* The value of a header line of what was sent. */
static struct text sent_header(struct text sent, const char *name)
{
	struct text lead = text_format(&arena, "\r\n%s: ", name);
	size_t at = text_find(sent, lead, 0);

	if (at == TEXT_NOT_FOUND)
		return (struct text){NULL, 0};
	struct text rest = text_slice(sent, at + lead.len, sent.len);
	return text_slice(rest, 0, text_find(rest, TEXT("\r\n"), 0));
}

static bool is_signed(struct text sent, struct text path, struct text body)
{
	const struct aws_signer signer = {TEXT("AKIDUNIT"), TEXT("unit-secret-access-key"),
	                                  TEXT("unit-session-token"), TEXT("eu-west-1"),
	                                  TEXT("bedrock")};
	struct http_header headers[] = {
	    {TEXT("content-type"), sent_header(sent, "Content-Type")},
	    {TEXT("host"), sent_header(sent, "Host")},
	    {TEXT("x-amz-date"), sent_header(sent, "X-Amz-Date")},
	    {TEXT("x-amz-security-token"), sent_header(sent, "X-Amz-Security-Token")},
	};
	const struct aws_request request = {.method = TEXT("POST"),
	                                    .headers = headers,
	                                    .header_count = ARRAY_LENGTH(headers),
	                                    .body = body};

	return aws_sigv4_verify(&signer, &request, path, sent_header(sent, "Authorization"));
}

START_TEST(what_goes_out_is_signed_and_holds_no_secret)
{
	struct loop *loop = loop_new();
	struct script_server *server = script_server_new(loop);
	struct transport *transport;
	struct fault fault;
	struct provider_aws aws = {.region = TEXT("eu-west-1")};
	struct secret *key = secret_from_bytes(TEXT("unit-secret-access-key"));
	struct http_header type = {TEXT("Content-Type"), TEXT("application/json")};
	struct transport_limits limits = {.body_bytes = 1 << 20};
	struct transport_sink sink = {on_head, on_body, on_end, NULL};
	struct wire_request request = {
	    .method = "POST",
	    .headers = &type,
	    .header_count = 1,
	    .key_header = "Authorization",
	    .key_prefix = "Bearer ",
	    .aws = &aws,
	    .body = TEXT("{\"a\":1}"),
	};

	aws.access_key_id = secret_from_bytes(TEXT("AKIDUNIT"));
	aws.session_token = secret_from_bytes(TEXT("unit-session-token"));
	request.url = text_c(
	    &arena, text_format(&arena, "http://127.0.0.1:%d/model/m%%3A0/converse", server->port));
	ck_assert(transport_new(loop, &transport, &fault));
	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
	                     SCRIPT_KEEP);
	ck_assert_ptr_nonnull(transport_start(transport, &request, key, &limits, &sink));
	while (!ended)
		(void)loop_turn(loop, true);
	struct text sent = server->requests[0];
	ck_assert_msg(is_signed(sent, TEXT("/model/m%3A0/converse"), TEXT("{\"a\":1}")), "%.*s",
	              TEXT_ARG(sent));
	ck_assert(!is_signed(sent, TEXT("/model/m%3A0/converse"), TEXT("{\"a\":2}")));
	ck_assert(text_starts(sent, TEXT("POST /model/m%3A0/converse HTTP/1.1\r\n")));
	ck_assert(text_find(sent, TEXT("secret-access"), 0) == TEXT_NOT_FOUND);
	secret_free(key);
	provider_aws_done(&aws);
	transport_free(transport);
	script_server_free(server, loop);
	loop_free(loop);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, NULL);
	tcase_add_test(cases, a_bearer_token_is_the_usual_key);
	tcase_add_test(cases, aws_s_own_variables_sign);
	tcase_add_test(cases, a_missing_id_is_said_by_its_name);
	tcase_add_test(cases, no_variable_at_all_names_the_bearer_token);
	tcase_add_test(cases, aws_s_keys_alone_do_not_choose_bedrock);
	tcase_add_test(cases, a_config_says_where_the_parts_are);
	tcase_add_test(cases, parts_that_are_missing_are_mistakes);
	tcase_add_test(cases, a_secret_access_key_is_never_a_bearer_token);
	tcase_add_test(cases, what_goes_out_is_signed_and_holds_no_secret);
}

int main(void)
{
	return unit_main_apart("provider_aws", add);
}
