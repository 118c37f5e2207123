/*
 * AWS's signature: the cases of AWS's own test suite (aws-sig-v4-test-suite, as Bazel and others
 * carry it) that have no query, and what a signature must not let through. A wrong one is refused
 * by AWS with a 403 that says nothing of what was wrong.
 */
#include "harness/base/loop.h"
#include "providers/wire/aws_sigv4.h"
#include "tests/unit/unit.h"

static struct aws_signer example(void)
{
	return (struct aws_signer){
	    .access_key_id = TEXT("AKIDEXAMPLE"),
	    .secret_access_key = TEXT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
	    .region = TEXT("us-east-1"),
	    .service = TEXT("service"),
	};
}

static int64_t example_ms(void)
{
	int64_t wall_ms;

	ck_assert(wall_parse(TEXT("2015-08-30T12:36:00Z"), &wall_ms));
	return wall_ms;
}

static const char sts_token[] =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpS"
    "PfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDY"
    "wT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKm"
    "lzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

static const struct {
	const char *method, *url, *type, *body, *token, *names, *signature;
} vectors[] = {
    {"GET", "https://example.amazonaws.com/", NULL, "", NULL, "host;x-amz-date",
     "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"POST", "https://example.amazonaws.com", NULL, "", NULL, "host;x-amz-date",
     "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"GET", "https://example.amazonaws.com/example space/", NULL, "", NULL, "host;x-amz-date",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"POST", "https://example.amazonaws.com/", "application/x-www-form-urlencoded", "Param1=value1",
     NULL, "content-type;host;x-amz-date",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"POST", "https://example.amazonaws.com/", NULL, "", sts_token,
     "host;x-amz-date;x-amz-security-token",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
};

START_TEST(the_published_cases_are_signed_as_published)
{
	struct aws_signer signer = example();
	struct aws_signature signature;
	struct http_header type = {TEXT("Content-Type"), text_of(vectors[_i].type)};
	struct aws_request request = {
	    .method = text_of(vectors[_i].method),
	    .url = text_of(vectors[_i].url),
	    .headers = &type,
	    .header_count = vectors[_i].type != NULL,
	    .body = text_of(vectors[_i].body),
	};
	char want[AWS_SIGV4_AUTHORIZATION_BYTES];

	signer.session_token = text_of(vectors[_i].token);
	ck_assert(aws_sigv4_sign(&signer, &request, example_ms(), &signature));
	ck_assert_str_eq(signature.date, "20150830T123600Z");
	(void)snprintf(want, sizeof(want),
	               "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
	               "aws4_request, SignedHeaders=%s, Signature=%s",
	               vectors[_i].names, vectors[_i].signature);
	ck_assert_str_eq(signature.authorization, want);
	assert_text(signature.host, "example.amazonaws.com");
}
END_TEST

/* --- the other side ----------------------------------------------------------------------- */

static const char model_url[] =
    "http://127.0.0.1:8080/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse";
static const char model_path[] = "/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse";

struct asked {
	struct aws_signer signer;
	struct aws_signature signature;
	struct http_header headers[4];
	struct aws_request request;
	const char *path;
};

static struct asked asked_well(void)
{
	struct asked a = {
	    .signer = example(),
	    .headers = {{TEXT("Content-Type"), TEXT("application/json")}},
	    .path = model_path,
	};

	a.signer.session_token = TEXT("session");
	a.request = (struct aws_request){
	    .method = TEXT("POST"), .url = text_of(model_url), .body = TEXT("{\"a\":1}")};
	return a;
}

static bool verified(struct asked *a, struct aws_signer *other)
{
	a->request.headers = a->headers;
	a->request.header_count = 1;
	ck_assert(aws_sigv4_sign(&a->signer, &a->request, example_ms(), &a->signature));
	a->headers[1] = (struct http_header){TEXT("Host"), a->signature.host};
	a->headers[2] = (struct http_header){TEXT("X-Amz-Date"), text_of(a->signature.date)};
	a->headers[3] = (struct http_header){TEXT("X-Amz-Security-Token"), a->signer.session_token};
	a->request.header_count = 4;
	return aws_sigv4_verify(other, &a->request, text_of(a->path),
	                        text_of(a->signature.authorization));
}

START_TEST(what_was_signed_is_known_again)
{
	struct asked a = asked_well();

	ck_assert(verified(&a, &a.signer));
	assert_text(a.signature.host, "127.0.0.1:8080");
}
END_TEST

START_TEST(another_secret_id_token_or_service_is_another_signer)
{
	struct asked a = asked_well();
	struct aws_signer other[4];

	for (size_t i = 0; i < 4; i++)
		other[i] = a.signer;
	other[0].secret_access_key = TEXT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEz");
	other[1].access_key_id = TEXT("AKIDEXAMPLF");
	other[2].session_token = (struct text){NULL, 0};
	other[3].service = TEXT("bedrock");
	for (size_t i = 0; i < 4; i++)
		ck_assert_msg(!verified(&a, &other[i]), "%zu", i);
}
END_TEST

START_TEST(what_was_changed_on_the_way_is_refused)
{
	struct asked a = asked_well();
	struct text authorization;

	ck_assert(verified(&a, &a.signer));
	authorization = text_of(a.signature.authorization);
	a.request.body = TEXT("{\"a\":2}");
	ck_assert(!aws_sigv4_verify(&a.signer, &a.request, text_of(a.path), authorization));
	a.request.body = TEXT("{\"a\":1}");
	ck_assert(aws_sigv4_verify(&a.signer, &a.request, text_of(a.path), authorization));
	/* Once decoded it is another path: this is what libcurl's own signature got wrong. */
	ck_assert(!aws_sigv4_verify(
	    &a.signer, &a.request,
	    TEXT("/model/anthropic.claude-3-5-sonnet-20241022-v2:0/converse"), authorization));
	a.headers[0].value = TEXT("text/plain");
	ck_assert(!aws_sigv4_verify(&a.signer, &a.request, text_of(a.path), authorization));
	a.headers[0].value = TEXT("application/json");
	a.headers[2].value = TEXT("20150830T123601Z");
	ck_assert(!aws_sigv4_verify(&a.signer, &a.request, text_of(a.path), authorization));
}
END_TEST

static const char *const broken[] = {
    "",
    "Bearer key",
    "AWS4-HMAC-SHA256",
    "AWS4-HMAC-SHA256 Credential=",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE, SignedHeaders=host, Signature=",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request/x, "
    "SignedHeaders=host, Signature=00",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
    "SignedHeaders=host;absent, Signature=00",
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
    "SignedHeaders=x-amz-date, Signature=00",
};

START_TEST(what_is_no_signature_is_refused)
{
	struct asked a = asked_well();

	ck_assert(verified(&a, &a.signer));
	ck_assert(!aws_sigv4_verify(&a.signer, &a.request, text_of(a.path), text_of(broken[_i])));
}
END_TEST

START_TEST(what_can_not_be_signed_is_said)
{
	struct aws_signer signer = example();
	struct aws_signature signature;
	struct aws_request request = {.method = TEXT("POST"), .url = TEXT("no url")};
	static char long_region[AWS_SIGV4_AUTHORIZATION_BYTES];

	ck_assert(!aws_sigv4_sign(&signer, &request, 0, &signature));
	request.url = TEXT("http:///path");
	ck_assert(!aws_sigv4_sign(&signer, &request, 0, &signature));
	request.url = TEXT("http://host/");
	memset(long_region, 'r', sizeof(long_region));
	signer.region = (struct text){long_region, sizeof(long_region)};
	ck_assert(!aws_sigv4_sign(&signer, &request, 0, &signature));
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_loop_test(cases, the_published_cases_are_signed_as_published, 0,
	                    (int)ARRAY_LENGTH(vectors));
	tcase_add_test(cases, what_was_signed_is_known_again);
	tcase_add_test(cases, another_secret_id_token_or_service_is_another_signer);
	tcase_add_test(cases, what_was_changed_on_the_way_is_refused);
	tcase_add_loop_test(cases, what_is_no_signature_is_refused, 0, (int)ARRAY_LENGTH(broken));
	tcase_add_test(cases, what_can_not_be_signed_is_said);
}

int main(void)
{
	return unit_main("aws_sigv4", add);
}
