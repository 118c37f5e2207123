/*
 * AWS Signature Version 4 of a request with its body in hand (AWS IAM guide, "Create a signed AWS
 * API request"). libcurl signs too, but 7.88 (Debian 12) signs the path as it is sent, and AWS
 * wants it encoded once more: every model whose name has a colon would be refused.
 */
#ifndef PROVISO_PROVIDERS_AWS_SIGV4_H
#define PROVISO_PROVIDERS_AWS_SIGV4_H

#include "harness/base/http_parse.h"

struct aws_signer {
	struct text access_key_id;
	struct text secret_access_key;
	struct text session_token; /* data NULL: none */
	struct text region, service;
};

enum {
	AWS_SIGV4_DATE_BYTES = 17, /* "20150830T123600Z", NUL-terminated */
	AWS_SIGV4_AUTHORIZATION_BYTES = 512,
};

/* What is signed. Of the headers only content-type is; a query is not known here. */
struct aws_request {
	struct text method;
	struct text url; /* http or https, its path percent-encoded as it goes out */
	const struct http_header *headers;
	size_t header_count;
	struct text body;
};

/* The headers that go out beside those that are there: what they say is signed. */
struct aws_signature {
	struct text host;                /* a view into the URL: what Host must say */
	char date[AWS_SIGV4_DATE_BYTES]; /* X-Amz-Date */
	char authorization[AWS_SIGV4_AUTHORIZATION_BYTES];
};

/*
 * Signs for that moment: AWS takes a signature for five minutes. False: the URL has no host, or
 * id and region are longer than any of AWS's.
 */
MUST_CHECK bool aws_sigv4_sign(const struct aws_signer *signer, const struct aws_request *request,
                               int64_t wall_ms, struct aws_signature *out);

/*
 * Whether that `Authorization` was made with the signer's keys for a request with these headers, of
 * which it names the signed ones; for who is asked. The path is as it came. The signer's region is
 * not compared: it is whatever the other side says.
 */
MUST_CHECK bool aws_sigv4_verify(const struct aws_signer *signer, const struct aws_request *request,
                                 struct text path, struct text authorization);

#endif
