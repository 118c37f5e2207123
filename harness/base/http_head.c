/*
 * What a complete header section means: the form of the target, the host, how
 * long the body is, whether the connection stays. Knows nothing of bytes to come.
 *
 * Request smuggling lives on two readers of one message disagreeing about its
 * length; so every length that could be read in two ways is refused here.
 */
#include "harness/base/http_parse_private.h"

#include <arpa/inet.h>

enum { HOST_LITERAL_BYTES = 64 }; /* the longest IPv6 address has 45 */

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t';
}

static struct text trim_blanks(struct text view)
{
	size_t from = 0;

	while (from < view.len && is_blank(view.data[from]))
		from++;
	while (view.len > from && is_blank(view.data[view.len - 1]))
		view.len--;
	return text_slice(view, from, view.len);
}

static bool all_of(struct text view, enum http_byte_class class)
{
	for (size_t i = 0; i < view.len; i++)
		if (!http_byte_is((unsigned char)view.data[i], class))
			return false;
	return true;
}

static bool ignoring_case(struct text view, const char *word)
{
	return text_equal_ignoring_case(view, text_of(word));
}

/* Every '%' is followed by two hex digits; the other bytes are of `class` or of `others`. */
static bool encoded_well(struct text view, enum http_byte_class class, const char *others)
{
	for (size_t i = 0; i < view.len; i++) {
		if (view.data[i] != '%') {
			if (!http_byte_is((unsigned char)view.data[i], class) &&
			    text_find_byte(text_of(others), view.data[i], 0) == TEXT_NOT_FOUND)
				return false;
			continue;
		}
		if (view.len - i < 3 || !all_of(text_slice(view, i + 1, i + 3), HTTP_BYTE_HEX))
			return false;
		i += 2;
	}
	return true;
}

/* --- the host --- */

/* Between the brackets: an IPv6 address, or "v1.something" (RFC 3986 section 3.2.2). */
static bool literal_is_address(struct text literal)
{
	char address[HOST_LITERAL_BYTES];
	unsigned char bytes[16];

	if (literal.len == 0 || literal.len >= sizeof(address))
		return false;
	if (literal.data[0] == 'v' || literal.data[0] == 'V') {
		struct text rest = text_slice(literal, 1, literal.len);
		struct text version = {NULL, 0};
		(void)text_next_field(&rest, '.', &version);
		return version.len > 0 && all_of(version, HTTP_BYTE_HEX) && rest.len > 0 &&
		       text_find_byte(rest, '%', 0) == TEXT_NOT_FOUND &&
		       encoded_well(rest, HTTP_BYTE_NAME, ":");
	}
	memcpy(address, literal.data, literal.len);
	address[literal.len] = '\0';
	/* A NUL in it would end the address early; target and value bytes hold none. */
	return inet_pton(AF_INET6, address, bytes) == 1;
}

static bool port_is_good(struct text port)
{
	unsigned number = 0;

	for (size_t i = 0; i < port.len && number <= 65535; i++) {
		if (port.data[i] < '0' || port.data[i] > '9')
			return false;
		number = number * 10 + (unsigned)(port.data[i] - '0');
	}
	return number <= 65535;
}

/* host [ ":" port ]; an empty host names nothing and is refused. */
static bool host_is_good(struct text host, bool port_needed)
{
	size_t colon;

	if (host.len > 0 && host.data[0] == '[') {
		size_t end = text_find_byte(host, ']', 0);
		if (end == TEXT_NOT_FOUND || !literal_is_address(text_slice(host, 1, end)))
			return false;
		if (end + 1 < host.len && host.data[end + 1] != ':')
			return false;
		colon = end + 1 < host.len ? end + 1 : TEXT_NOT_FOUND;
	} else {
		colon = text_find_byte(host, ':', 0);
		struct text name = text_slice(host, 0, size_min(colon, host.len));
		if (name.len == 0 || !encoded_well(name, HTTP_BYTE_NAME, ""))
			return false;
	}
	struct text port = {NULL, 0};
	if (colon != TEXT_NOT_FOUND)
		port = text_slice(host, colon + 1, host.len);
	return port_is_good(port) && (port.len > 0 || !port_needed);
}

/* --- the target --- */

static bool read_path(struct http_request *request, struct text rest)
{
	/* '/', ':', '@' of a path; a query may hold '?' too. */
	size_t mark = text_find_byte(rest, '?', 0);

	request->path = text_slice(rest, 0, size_min(mark, rest.len));
	if (mark != TEXT_NOT_FOUND)
		request->query = text_slice(rest, mark + 1, rest.len);
	return encoded_well(request->path, HTTP_BYTE_NAME, "/:@") &&
	       encoded_well(request->query, HTTP_BYTE_NAME, "/:@?");
}

/* "http://host/path?query": what a proxy is sent, and every server must take. */
static bool read_absolute(struct http_request *request, struct text target)
{
	size_t scheme = text_find(target, TEXT("://"), 0);
	size_t end;

	if (scheme == TEXT_NOT_FOUND)
		return false;
	struct text name = text_slice(target, 0, scheme);
	if (!ignoring_case(name, "http") && !ignoring_case(name, "https"))
		return false;
	struct text rest = text_slice(target, scheme + 3, target.len);
	for (end = 0; end < rest.len && rest.data[end] != '/' && rest.data[end] != '?'; end++)
		;
	if (!host_is_good(text_slice(rest, 0, end), false) ||
	    !read_path(request, text_slice(rest, end, rest.len)))
		return false;
	if (request->path.len == 0)
		request->path = text_is(request->method, "OPTIONS") && request->query.data == NULL
		                    ? TEXT("*")
		                    : TEXT("/");
	return true;
}

static bool read_target(struct http_parser *parser)
{
	struct http_request *request = &parser->request;
	struct text target = request->target;
	bool good;

	if (text_is(request->method, "CONNECT"))
		return host_is_good(target, true)
		           ? http_parse_refuse(parser, 501, "no tunnels here")
		           : http_parse_refuse(parser, 400, "CONNECT wants host:port");
	if (target.data[0] == '/') {
		good = read_path(request, target);
	} else if (text_is(target, "*")) {
		request->path = target;
		good = text_is(request->method, "OPTIONS");
	} else {
		good = read_absolute(request, target);
	}
	return good || http_parse_refuse(parser, 400, "the target of the request can't be read");
}

/* --- the headers that decide --- */

/* What was found, over all fields of a name. */
struct head_facts {
	size_t hosts, lengths, codings;
	uint64_t length;
	size_t chunked;
	bool chunked_last;
	bool unknown_coding;
	bool unknown_expectation;
	bool close, keep_alive;
};

static bool read_length(struct http_parser *parser, struct head_facts *facts, struct text value)
{
	if (++facts->lengths > 1)
		return http_parse_refuse(parser, 400, "more than one Content-Length");
	if (value.len == 0)
		return http_parse_refuse(parser, 400, "Content-Length is no number");
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return http_parse_refuse(parser, 400, "Content-Length is no number");
		if (__builtin_mul_overflow(facts->length, (uint64_t)10, &facts->length) ||
		    __builtin_add_overflow(facts->length, (uint64_t)(value.data[i] - '0'),
		                           &facts->length))
			return http_parse_refuse(parser, 400, "Content-Length is beyond counting");
	}
	return true;
}

static bool read_codings(struct http_parser *parser, struct head_facts *facts, struct text value)
{
	struct text coding;

	/* An empty list element is harmless in other fields; here it has been used to smuggle. */
	while (text_next_field(&value, ',', &coding)) {
		coding = trim_blanks(coding);
		size_t semicolon = text_find_byte(coding, ';', 0);
		struct text name =
		    trim_blanks(text_slice(coding, 0, size_min(semicolon, coding.len)));
		if (name.len == 0 || !all_of(name, HTTP_BYTE_TOKEN))
			return http_parse_refuse(parser, 400, "Transfer-Encoding can't be read");
		bool chunked = ignoring_case(name, "chunked");
		if (chunked && semicolon != TEXT_NOT_FOUND)
			return http_parse_refuse(parser, 400, "chunked takes no parameters");
		facts->chunked += chunked;
		facts->chunked_last = chunked;
		facts->unknown_coding |= !chunked;
	}
	return true;
}

static void read_connection(struct head_facts *facts, struct text value)
{
	struct text option;

	while (text_next_field(&value, ',', &option)) {
		option = trim_blanks(option);
		facts->close |= ignoring_case(option, "close");
		facts->keep_alive |= ignoring_case(option, "keep-alive");
	}
}

static void read_expectations(struct http_request *request, struct head_facts *facts,
                              struct text value)
{
	struct text expectation;

	/* Empty elements of a list, and an empty list, say nothing (RFC 9110 section 5.6.1.2). */
	while (text_next_field(&value, ',', &expectation)) {
		expectation = trim_blanks(expectation);
		if (ignoring_case(expectation, "100-continue"))
			request->expect_continue = true;
		else if (expectation.len > 0)
			facts->unknown_expectation = true;
	}
}

static bool read_header(struct http_parser *parser, struct head_facts *facts,
                        const struct http_header *header)
{
	/* Nearly all headers are none of these; the length tells that for nothing. */
	switch (header->name.len) {
	case 4:
		if (!ignoring_case(header->name, "Host"))
			return true;
		facts->hosts++;
		return host_is_good(header->value, false) ||
		       http_parse_refuse(parser, 400, "Host can't be read");
	case 6:
		if (ignoring_case(header->name, "Expect"))
			read_expectations(&parser->request, facts, header->value);
		return true;
	case 10:
		if (ignoring_case(header->name, "Connection"))
			read_connection(facts, header->value);
		return true;
	case 14:
		return !ignoring_case(header->name, "Content-Length") ||
		       read_length(parser, facts, header->value);
	case 17:
		if (!ignoring_case(header->name, "Transfer-Encoding"))
			return true;
		facts->codings++;
		return read_codings(parser, facts, header->value);
	default:
		return true;
	}
}

/* Sets the state of the body. */
static bool read_framing(struct http_parser *parser, const struct head_facts *facts)
{
	if (facts->codings > 0) {
		if (parser->request.minor_version == 0)
			return http_parse_refuse(parser, 400, "Transfer-Encoding in HTTP/1.0");
		if (facts->lengths > 0)
			return http_parse_refuse(parser, 400,
			                         "both Content-Length and Transfer-Encoding");
		if (!facts->chunked_last || facts->chunked > 1)
			return http_parse_refuse(parser, 400,
			                         "chunked is not the last transfer coding");
		if (facts->unknown_coding)
			return http_parse_refuse(parser, 501, "an unknown transfer coding");
		parser->request.chunked = true;
		parser->state = HTTP_AT_CHUNK;
		return true;
	}
	if (facts->length > parser->limits.body_bytes)
		return http_parse_refuse(parser, 413, "the body is too large");
	parser->remaining = facts->length;
	parser->state = facts->length == 0 ? HTTP_AT_NO_BODY : HTTP_IN_BODY;
	return true;
}

static void make_views(struct http_parser *parser)
{
	struct http_request *request = &parser->request;
	const char *bytes = parser->bytes.data;
	size_t target_at = parser->line_at + parser->method_len + 1;

	request->method = (struct text){bytes + parser->line_at, parser->method_len};
	request->target = (struct text){bytes + target_at, parser->target_len};
	request->header_count = parser->span_count;
	request->headers = ARENA_NEW_ARRAY(&parser->arena, struct http_header, parser->span_count);
	for (size_t i = 0; i < parser->span_count; i++) {
		const struct http_field_span *span = &parser->spans[i];
		struct text value = {bytes + span->value_at, span->value_end - span->value_at};
		request->headers[i].name = (struct text){bytes + span->name_at, span->name_len};
		request->headers[i].value = trim_blanks(value);
	}
}

bool http_head_read(struct http_parser *parser)
{
	struct http_request *request = &parser->request;
	struct head_facts facts = {0};

	make_views(parser);
	if (!read_target(parser))
		return false;
	for (size_t i = 0; i < request->header_count; i++)
		if (!read_header(parser, &facts, &request->headers[i]))
			return false;
	if (facts.hosts > 1)
		return http_parse_refuse(parser, 400, "more than one Host");
	if (facts.hosts == 0 && request->minor_version > 0)
		return http_parse_refuse(parser, 400, "no Host");
	if (!read_framing(parser, &facts))
		return false;
	request->keep_alive = !facts.close && (request->minor_version > 0 || facts.keep_alive);
	/* HTTP/1.0 knows no expectations (RFC 9110 section 10.1.1). */
	if (facts.unknown_expectation && request->minor_version > 0)
		return http_parse_refuse(parser, 417, "an expectation that can't be met");
	request->expect_continue = request->expect_continue && request->minor_version > 0 &&
	                           parser->state != HTTP_AT_NO_BODY;
	return true;
}
