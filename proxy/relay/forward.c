/* The headers that travel; see forward.h. */
#include "proxy/relay/forward.h"

/* Tracing, retries told apart, attribution, and what switches a provider's own features. */
static const char *const up[] = {
    "user-agent",          "traceparent",     "tracestate",     "x-request-id",
    "x-client-request-id", "idempotency-key", "http-referer",   "x-title",
    "openai-beta",         "accept-language", "anthropic-beta",
};

static const char *const down[] = {
    "content-type",         "cache-control",  "x-request-id", "request-id",
    "openai-processing-ms", "openai-version", "openai-model", "retry-after",
};

static bool is_listed(struct text name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_equal_ignoring_case(name, text_of(list[i])))
			return true;
	return false;
}

/* The server refuses to write a value that would end its line. */
static bool is_one_line(struct text value)
{
	return text_find_byte(value, '\r', 0) == TEXT_NOT_FOUND &&
	       text_find_byte(value, '\n', 0) == TEXT_NOT_FOUND &&
	       text_find_byte(value, '\0', 0) == TEXT_NOT_FOUND;
}

size_t forward_up(const struct http_request *request, struct arena *arena,
                  struct http_header out[FORWARD_MAX_HEADERS])
{
	size_t count = 0;

	for (size_t i = 0; i < request->header_count && count < FORWARD_MAX_HEADERS; i++) {
		const struct http_header *header = &request->headers[i];
		if (is_listed(header->name, up, ARRAY_LENGTH(up)))
			out[count++] = (struct http_header){text_copy(arena, header->name),
			                                    text_copy(arena, header->value)};
	}
	return count;
}

size_t forward_down(const struct exchange *exchange, struct http_header out[FORWARD_MAX_HEADERS])
{
	size_t count = 0;

	for (size_t i = 0; i < exchange->header_count && count < FORWARD_MAX_HEADERS; i++) {
		const struct http_header *header = &exchange->headers[i];
		if (is_listed(header->name, down, ARRAY_LENGTH(down)) &&
		    is_one_line(header->value) && is_one_line(header->name))
			out[count++] = *header;
	}
	return count;
}
