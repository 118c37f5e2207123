/*
 * A request as libcurl wants it: where to, how, with which lines (the key among them), and its
 * body.
 */
#include "providers/wire/aws_sigv4.h"
#include "providers/wire/transport_private.h"

/* libcurl asks "Expect: 100-continue" from 1 MiB on, and some providers never answer it. */
enum { EXPECT_FROM_BYTES = 512 << 10 };

/* Bytes that would end a header line do not reach it. */
static void add_clean(struct text_buf *buf, struct text view)
{
	size_t from = buf->len;

	if (!text_buf_add(buf, view))
		return;
	for (size_t i = from; i < buf->len; i++)
		if (buf->data[i] == '\r' || buf->data[i] == '\n' || buf->data[i] == '\0')
			buf->data[i] = ' ';
}

/* One line with its NUL, as libcurl wants it: "Name: value", or "Name;" for an empty value. */
static void add_header(struct text_buf *buf, struct text name, struct text prefix,
                       struct text value)
{
	add_clean(buf, name);
	text_buf_add(buf, prefix.len + value.len > 0 ? TEXT(": ") : TEXT(";"));
	add_clean(buf, prefix);
	add_clean(buf, value);
	text_buf_byte(buf, '\0');
}

/* libcurl borrows the list, so its nodes may be ours: no copy of the key is left in the heap. */
static struct curl_slist *link_lines(struct transfer *transfer, size_t count)
{
	char *line = transfer->header_bytes.data;

	if (count > transfer->header_room) {
		transfer->header_room = count + 8;
		memory_free(transfer->header_nodes);
		transfer->header_nodes =
		    memory_new_array(transfer->header_room, sizeof(*transfer->header_nodes));
	}
	for (size_t i = 0; i < count; i++) {
		transfer->header_nodes[i].data = line;
		transfer->header_nodes[i].next =
		    i + 1 < count ? &transfer->header_nodes[i + 1] : NULL;
		line += strlen(line) + 1;
	}
	return count == 0 ? NULL : transfer->header_nodes;
}

/*
 * Signed now: a signature is good for minutes, and an attempt may have waited. What the key goes
 * into is a digest, so it is in no header.
 */
static CURLcode add_signature(struct transfer *transfer, const struct wire_request *request,
                              const struct secret *key, size_t *count)
{
	const struct provider_aws *aws = request->aws;
	struct text_buf *buf = &transfer->header_bytes;
	const struct aws_signer signer = {
	    .access_key_id = secret_reveal(aws->access_key_id),
	    .secret_access_key = secret_reveal(key),
	    .session_token = aws->session_token == NULL ? (struct text){NULL, 0}
	                                                : secret_reveal(aws->session_token),
	    .region = aws->region,
	    .service = TEXT("bedrock"),
	};
	const struct aws_request signed_request = {
	    .method = text_of(request->method),
	    .url = text_of(request->url),
	    .headers = request->headers,
	    .header_count = request->header_count,
	    .body = request->body,
	};
	struct aws_signature signature;

	if (!aws_sigv4_sign(&signer, &signed_request, loop_wall_ms(transfer->transport->loop),
	                    &signature))
		return CURLE_BAD_FUNCTION_ARGUMENT;
	add_header(buf, TEXT("Host"), TEXT(""), signature.host);
	add_header(buf, TEXT("X-Amz-Date"), TEXT(""), text_of(signature.date));
	add_header(buf, TEXT("Authorization"), TEXT(""), text_of(signature.authorization));
	*count += 3;
	if (aws->session_token == NULL)
		return CURLE_OK;
	add_header(buf, TEXT("X-Amz-Security-Token"), TEXT(""), signer.session_token);
	*count += 1;
	return CURLE_OK;
}

/* What the signature's headers take. */
static size_t signature_room(const struct provider_aws *aws)
{
	enum { HOST_AND_DATE_BYTES = 512 };

	if (aws == NULL)
		return 0;
	return AWS_SIGV4_AUTHORIZATION_BYTES + HOST_AND_DATE_BYTES +
	       (aws->session_token == NULL ? 0 : secret_reveal(aws->session_token).len);
}

static CURLcode add_key(struct transfer *transfer, const struct wire_request *request,
                        const struct secret *key, size_t *count)
{
	if (key == NULL || request->key_header == NULL)
		return CURLE_OK;
	if (request->aws != NULL)
		return add_signature(transfer, request, key, count);
	add_header(&transfer->header_bytes, text_of(request->key_header),
	           text_of(request->key_prefix), secret_reveal(key));
	*count += 1;
	return CURLE_OK;
}

static CURLcode set_headers(struct transfer *transfer, const struct wire_request *request,
                            const struct secret *key)
{
	struct text_buf *buf = &transfer->header_bytes;
	struct text encoding = {NULL, 0};
	size_t count = 0, room = 64;

	/* Reserved at once: growing would leave copies of the key behind. */
	for (size_t i = 0; i < request->header_count; i++)
		room += request->headers[i].name.len + request->headers[i].value.len + 4;
	if (key != NULL)
		room += 256 + secret_reveal(key).len + signature_room(request->aws);
	if (text_buf_reserve(buf, room) == NULL)
		return CURLE_OUT_OF_MEMORY;
	for (size_t i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];

		if (text_equal_ignoring_case(header->name, TEXT("accept-encoding"))) {
			encoding = header->value;
			continue;
		}
		add_header(buf, header->name, TEXT(""), header->value);
		count++;
	}
	/* Where it is to be sent, it is among the headers. */
	if (request->body.len >= EXPECT_FROM_BYTES && !transfer->expects) {
		text_buf_add_c(buf, "Expect:");
		text_buf_byte(buf, '\0');
		count++;
	}
	CURLcode keyed = add_key(transfer, request, key, &count);
	if (keyed != CURLE_OK)
		return keyed;
	if (encoding.data != NULL) {
		/* libcurl writes this header itself, so that it knows what to decode. */
		size_t at = buf->len;

		add_clean(buf, encoding);
		text_buf_byte(buf, '\0');
		if (buf->overflow)
			return CURLE_OUT_OF_MEMORY;
		transfer->other_encoding = true;
		CURLcode code =
		    curl_easy_setopt(transfer->easy, CURLOPT_ACCEPT_ENCODING, buf->data + at);
		if (code != CURLE_OK)
			return code;
	}
	if (buf->overflow)
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, link_lines(transfer, count));
}

static CURLcode set_method(CURL *easy, const struct wire_request *request)
{
	bool is_get = strcmp(request->method, "GET") == 0;
	bool is_post = strcmp(request->method, "POST") == 0;
	CURLcode code;

	if (is_post || request->body.len > 0) {
		code = curl_easy_setopt(easy, CURLOPT_POST, 1L);
		if (code == CURLE_OK)
			code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
			                        request->body.len > 0 ? request->body.data : "");
		if (code == CURLE_OK)
			code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			                        (curl_off_t)request->body.len);
		if (code == CURLE_OK)
			code = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
			                        is_post ? NULL : request->method);
		return code;
	}
	code = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	if (code == CURLE_OK)
		code =
		    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, is_get ? NULL : request->method);
	return code;
}

/*
 * HTTP/2 by ALPN where there is TLS; in plain text as an upgrade, which most servers pass over.
 * Never on a connection that speaks already, and none is left behind that others would take.
 */
CURLcode transfer_set_version(struct transfer *transfer, bool http2)
{
	CURL *easy = transfer->easy;
	CURLcode code =
	    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
	                     http2 ? (long)CURL_HTTP_VERSION_2_0 : (long)CURL_HTTP_VERSION_1_1);

	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)http2);
	if (code == CURLE_OK)
		code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, (long)http2);
	transfer->other_version = http2;
	return code;
}

/*
 * Requests of a handle mostly go where the one before went: taken apart once, libcurl need not do
 * it for each. What it can't take apart it is given as it is, and says what is wrong with it.
 */
static CURLcode set_url(struct transfer *transfer, const char *url)
{
	struct text_buf *known = &transfer->url_text;

	if (transfer->url != NULL && text_equal(text_buf_view(known), text_of(url)))
		return CURLE_OK;
	(void)curl_easy_setopt(transfer->easy, CURLOPT_CURLU, NULL);
	curl_url_cleanup(transfer->url);
	transfer->url = curl_url();
	text_buf_reset(known);
	if (transfer->url == NULL || !text_buf_add_c(known, url) ||
	    curl_url_set(transfer->url, CURLUPART_URL, url,
	                 CURLU_PATH_AS_IS | CURLU_DISALLOW_USER) != CURLUE_OK) {
		curl_url_cleanup(transfer->url);
		transfer->url = NULL;
	}
	/* Both: libcurl keeps the text of the first one that a handle had. */
	CURLcode code = curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	if (code == CURLE_OK && transfer->url != NULL)
		code = curl_easy_setopt(transfer->easy, CURLOPT_CURLU, transfer->url);
	return code;
}

bool transfer_prepare(struct transfer *transfer, const struct wire_request *request,
                      const struct secret *key)
{
	CURLcode code = set_url(transfer, request->url);

	transfer->expects = request->wire != NULL && request->wire->expect_continue;
	if (code == CURLE_OK && request->wire != NULL && request->wire->http2)
		code = transfer_set_version(transfer, true);

	if (code == CURLE_OK)
		code = set_method(transfer->easy, request);
	if (code == CURLE_OK)
		code = set_headers(transfer, request, key);
	if (code == CURLE_OK)
		return true;
	transfer_fail(transfer, EXCHANGE_CONNECT_FAILED, curl_easy_strerror(code));
	return false;
}
