/* See aws_sigv4.h. Only digests of the secret leave this file, and those in between are wiped. */
#include "providers/wire/aws_sigv4.h"

#include "harness/base/digest.h"
#include "harness/base/loop.h"

#include <stdio.h>

enum {
	CANONICAL_MAX_BYTES = 256 << 10, /* a path and headers; the body goes in as its digest */
	SIGNED_HEADERS_MAX = 32,
	SECRET_PREFIX_BYTES = 4,
};

static const struct text ALGORITHM = TEXT_INIT("AWS4-HMAC-SHA256");
static const struct text TERMINATOR = TEXT_INIT("aws4_request");

/* date/region/service/aws4_request */
struct scope {
	struct text date, region, service;
};

static void hmac(struct text key, struct text bytes, unsigned char out[DIGEST_BYTES])
{
	struct digest_hmac *keyed = digest_hmac_new(key);

	digest_hmac_of(keyed, bytes, out);
	digest_hmac_free(keyed);
}

static void write_hex(const unsigned char *bytes, char out[DIGEST_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[DIGEST_HEX] = '\0';
}

static void hash_hex(struct text bytes, char out[DIGEST_HEX + 1])
{
	struct digest digest;

	digest_init(&digest);
	digest_add(&digest, bytes);
	digest_done_hex(&digest, out);
}

/* The key of one day, region and service. */
static void derive_key(struct text secret, const struct scope *scope,
                       unsigned char key[DIGEST_BYTES])
{
	const struct text steps[] = {scope->date, scope->region, scope->service, TERMINATOR};
	size_t len = secret.len + SECRET_PREFIX_BYTES;
	char *first = memory_new(len);

	memcpy(first, "AWS4", SECRET_PREFIX_BYTES);
	memcpy(first + SECRET_PREFIX_BYTES, secret.data, secret.len);
	hmac((struct text){first, len}, steps[0], key);
	explicit_bzero(first, len);
	memory_free(first);
	for (size_t i = 1; i < ARRAY_LENGTH(steps); i++) {
		unsigned char next[DIGEST_BYTES];

		hmac((struct text){(const char *)key, DIGEST_BYTES}, steps[i], next);
		memcpy(key, next, DIGEST_BYTES);
		explicit_bzero(next, sizeof(next));
	}
}

/* Each segment encoded once more than it is; slashes stay, and an empty path is one. */
static void add_path(struct text_buf *out, struct text path)
{
	if (path.len == 0)
		(void)text_buf_byte(out, '/');
	for (size_t i = 0; i < path.len; i++) {
		unsigned char c = (unsigned char)path.data[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c != 0 && strchr("-._~/", c) != NULL))
			(void)text_buf_byte(out, (char)c);
		else
			(void)text_buf_format(out, "%%%02X", c);
	}
}

/* Blanks at the ends go, and runs of them are one. */
static void add_value(struct text_buf *out, struct text value)
{
	bool blank = false;

	value = text_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] == ' ' && blank)
			continue;
		blank = value.data[i] == ' ';
		(void)text_buf_byte(out, value.data[i]);
	}
}

/* The headers by their lower-case names in order, as `canonical` and as the list of names. */
static void add_headers(struct text_buf *canonical, struct text_buf *names,
                        const struct http_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		(void)text_buf_add(canonical, headers[i].name);
		(void)text_buf_byte(canonical, ':');
		add_value(canonical, headers[i].value);
		(void)text_buf_byte(canonical, '\n');
		if (i > 0)
			(void)text_buf_byte(names, ';');
		(void)text_buf_add(names, headers[i].name);
	}
}

/* What goes into a signature. */
struct signing {
	struct text secret;
	struct scope scope;
	struct text date, path;
	const struct aws_request *request;
	struct http_header headers[SIGNED_HEADERS_MAX]; /* in lower case, in order */
	size_t count;
	struct text_buf names; /* of the headers, as a list; made by sign */
	char signature[DIGEST_HEX + 1];
};

/* The canonical request's digest. */
static bool hash_request(struct signing *s, char hex[DIGEST_HEX + 1])
{
	struct text_buf text;

	text_buf_init(&text, CANONICAL_MAX_BYTES);
	(void)text_buf_format(&text, "%.*s\n", TEXT_ARG(s->request->method));
	add_path(&text, s->path);
	(void)text_buf_add_c(&text, "\n\n"); /* no query */
	add_headers(&text, &s->names, s->headers, s->count);
	hash_hex(s->request->body, hex);
	(void)text_buf_format(&text, "\n%.*s\n%s", TEXT_ARG(text_buf_view(&s->names)), hex);
	hash_hex(text_buf_view(&text), hex);
	bool good = !text.overflow && !s->names.overflow;
	text_buf_done(&text);
	return good;
}

/* False where the request's head is larger than any. */
static bool sign(struct signing *s)
{
	unsigned char key[DIGEST_BYTES], mac[DIGEST_BYTES];
	char hex[DIGEST_HEX + 1];
	struct text_buf text;

	bool good = hash_request(s, hex);
	text_buf_init(&text, CANONICAL_MAX_BYTES);
	(void)text_buf_format(&text, "%.*s\n%.*s\n%.*s/%.*s/%.*s/%.*s\n%s", TEXT_ARG(ALGORITHM),
	                      TEXT_ARG(s->date), TEXT_ARG(s->scope.date), TEXT_ARG(s->scope.region),
	                      TEXT_ARG(s->scope.service), TEXT_ARG(TERMINATOR), hex);
	derive_key(s->secret, &s->scope, key);
	hmac((struct text){(const char *)key, DIGEST_BYTES}, text_buf_view(&text), mac);
	explicit_bzero(key, sizeof(key));
	write_hex(mac, s->signature);
	good = good && !text.overflow;
	text_buf_done(&text);
	return good;
}

/* --- signing ------------------------------------------------------------------------------ */

/* "20150830T123600Z" */
static void write_date(int64_t wall_ms, char out[AWS_SIGV4_DATE_BYTES])
{
	struct arena arena = {0};
	struct text date = wall_format(&arena, wall_ms, false);
	size_t at = 0;

	for (size_t i = 0; i < date.len && at < AWS_SIGV4_DATE_BYTES - 1; i++)
		if (date.data[i] != '-' && date.data[i] != ':')
			out[at++] = date.data[i];
	out[at] = '\0';
	arena_done(&arena);
}

/* Host and path of a URL without user, query and fragment. */
static bool split_url(struct text url, struct text *host, struct text *path)
{
	size_t scheme = text_find(url, TEXT("://"), 0);

	if (scheme == TEXT_NOT_FOUND)
		return false;
	struct text rest = text_slice(url, scheme + 3, url.len);
	size_t slash = size_min(text_find_byte(rest, '/', 0), rest.len);
	*host = text_slice(rest, 0, slash);
	*path = text_slice(rest, slash, rest.len);
	return host->len > 0;
}

static void add_signed(struct signing *s, const char *name, struct text value)
{
	s->headers[s->count++] = (struct http_header){text_of(name), value};
}

bool aws_sigv4_sign(const struct aws_signer *signer, const struct aws_request *request,
                    int64_t wall_ms, struct aws_signature *out)
{
	struct signing s = {.secret = signer->secret_access_key, .request = request};

	*out = (struct aws_signature){0};
	if (!split_url(request->url, &out->host, &s.path))
		return false;
	write_date(wall_ms, out->date);
	s.date = text_of(out->date);
	s.scope = (struct scope){text_slice(s.date, 0, 8), signer->region, signer->service};
	for (size_t i = 0; i < request->header_count && s.count == 0; i++)
		if (text_equal_ignoring_case(request->headers[i].name, TEXT("content-type")))
			add_signed(&s, "content-type", request->headers[i].value);
	add_signed(&s, "host", out->host);
	add_signed(&s, "x-amz-date", s.date);
	if (signer->session_token.data != NULL)
		add_signed(&s, "x-amz-security-token", signer->session_token);
	text_buf_init(&s.names, CANONICAL_MAX_BYTES);
	bool good = sign(&s);
	int len =
	    snprintf(out->authorization, sizeof(out->authorization),
	             "%.*s Credential=%.*s/%.*s/%.*s/%.*s/%.*s, SignedHeaders=%.*s, Signature=%s",
	             TEXT_ARG(ALGORITHM), TEXT_ARG(signer->access_key_id), TEXT_ARG(s.scope.date),
	             TEXT_ARG(signer->region), TEXT_ARG(signer->service), TEXT_ARG(TERMINATOR),
	             TEXT_ARG(text_buf_view(&s.names)), s.signature);
	text_buf_done(&s.names);
	return good && len > 0 && (size_t)len < sizeof(out->authorization);
}

/* --- verifying ---------------------------------------------------------------------------- */

/* What stands behind `name` in "... name=value, ..."; data NULL: nothing. */
static struct text part_of(struct text authorization, struct text name)
{
	size_t at = text_find(authorization, name, 0);

	if (at == TEXT_NOT_FOUND)
		return (struct text){NULL, 0};
	struct text rest = text_slice(authorization, at + name.len, authorization.len);
	return text_trim(text_slice(rest, 0, text_find_byte(rest, ',', 0)));
}

static struct text header_of(const struct aws_request *request, struct text name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (text_equal_ignoring_case(request->headers[i].name, name))
			return request->headers[i].value;
	return (struct text){NULL, 0};
}

/* The signed headers with what the request says in them; false where one is missing. */
static bool take_signed(struct signing *s, struct text names)
{
	struct text name;
	bool host = false;

	while (text_next_field(&names, ';', &name)) {
		struct text value = header_of(s->request, name);

		if (value.data == NULL || s->count == SIGNED_HEADERS_MAX)
			return false;
		host |= text_is(name, "host");
		s->headers[s->count++] = (struct http_header){name, value};
	}
	return host;
}

/* "ID/20150830/us-east-1/bedrock/aws4_request" */
static bool take_credential(struct signing *s, struct text credential, struct text *id)
{
	struct text terminator;

	return text_next_field(&credential, '/', id) &&
	       text_next_field(&credential, '/', &s->scope.date) &&
	       text_next_field(&credential, '/', &s->scope.region) &&
	       text_next_field(&credential, '/', &s->scope.service) &&
	       text_next_field(&credential, '/', &terminator) && credential.data == NULL &&
	       text_equal(terminator, TERMINATOR);
}

bool aws_sigv4_verify(const struct aws_signer *signer, const struct aws_request *request,
                      struct text path, struct text authorization)
{
	struct signing s = {.secret = signer->secret_access_key,
	                    .path = path,
	                    .request = request,
	                    .date = header_of(request, TEXT("x-amz-date"))};
	struct text id;

	if (!text_starts(authorization, ALGORITHM) ||
	    !take_credential(&s, part_of(authorization, TEXT("Credential=")), &id) ||
	    !take_signed(&s, part_of(authorization, TEXT("SignedHeaders="))))
		return false;
	if (!text_equal(id, signer->access_key_id) ||
	    !text_equal(s.scope.service, signer->service) || !text_starts(s.date, s.scope.date) ||
	    !text_equal(header_of(request, TEXT("x-amz-security-token")), signer->session_token))
		return false;
	text_buf_init(&s.names, CANONICAL_MAX_BYTES);
	bool good = sign(&s) && text_is(part_of(authorization, TEXT("Signature=")), s.signature);
	text_buf_done(&s.names);
	return good;
}
