/* Names and plain facts of an exchange; knows nothing of sockets or of what the body means. */
#include "providers/wire/exchange.h"

static const char *const end_names[EXCHANGE_END_COUNT] = {
    [EXCHANGE_COMPLETE] = "complete",
    [EXCHANGE_RESOLVE_FAILED] = "resolve_failed",
    [EXCHANGE_CONNECT_FAILED] = "connect_failed",
    [EXCHANGE_TLS_FAILED] = "tls_failed",
    [EXCHANGE_CONNECT_TIMEOUT] = "connect_timeout",
    [EXCHANGE_FIRST_TIMEOUT] = "first_timeout",
    [EXCHANGE_IDLE_TIMEOUT] = "idle_timeout",
    [EXCHANGE_TOTAL_TIMEOUT] = "total_timeout",
    [EXCHANGE_CUT] = "cut",
    [EXCHANGE_BAD_HTTP] = "bad_http",
    [EXCHANGE_TOO_LARGE] = "too_large",
    [EXCHANGE_CANCELLED] = "cancelled",
    [EXCHANGE_LEFT] = "left",
};

const char *exchange_end_name(enum exchange_end end)
{
	REQUIRE((size_t)end < EXCHANGE_END_COUNT);
	return end_names[end];
}

bool exchange_end_from_name(struct text name, enum exchange_end *out)
{
	for (size_t i = 0; i < EXCHANGE_END_COUNT; i++) {
		if (text_is(name, end_names[i])) {
			*out = (enum exchange_end)i;
			return true;
		}
	}
	return false;
}

struct text exchange_header(const struct exchange *exchange, const char *name)
{
	struct text wanted = text_of(name);

	for (size_t i = 0; i < exchange->header_count; i++)
		if (text_equal_ignoring_case(exchange->headers[i].name, wanted))
			return exchange->headers[i].value;
	return (struct text){NULL, 0};
}

bool exchange_dropped(const struct exchange *exchange, struct text name)
{
	for (size_t i = 0; i < exchange->dropped_count; i++)
		if (text_equal(exchange->dropped[i], name))
			return true;
	return false;
}

static bool status_is_infra(int status)
{
	return status == 408 || status == 409 || status == 425 || status == 429 ||
	       (status >= 500 && status <= 599);
}

bool exchange_is_infra(const struct exchange *exchange)
{
	switch (exchange->end) {
	case EXCHANGE_RESOLVE_FAILED:
	case EXCHANGE_CONNECT_FAILED:
	case EXCHANGE_TLS_FAILED:
	case EXCHANGE_CONNECT_TIMEOUT:
	case EXCHANGE_FIRST_TIMEOUT:
		return true;
	case EXCHANGE_CANCELLED: /* our own doing says nothing about them */
		return false;
	case EXCHANGE_TOTAL_TIMEOUT:
	case EXCHANGE_CUT:
		/* Once a reply has begun, its end is the provider's answer and is judged. */
		return exchange->body.len == 0 || status_is_infra(exchange->status);
	case EXCHANGE_COMPLETE:
	case EXCHANGE_LEFT:
	case EXCHANGE_IDLE_TIMEOUT:
	case EXCHANGE_BAD_HTTP:
	case EXCHANGE_TOO_LARGE:
	case EXCHANGE_END_COUNT:
		break;
	}
	return status_is_infra(exchange->status);
}
