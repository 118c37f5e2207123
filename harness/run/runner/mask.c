/* Masking an attempt; see mask.h for why it happens before judging. */
#include "harness/run/runner/mask.h"

#include "harness/base/redact.h"
#include "harness/run/judge.h"

/* The masked text, and whether it differs: redact_text returns the view itself where it does not.
 */
static struct text mask_text(struct arena *arena, struct text text, bool *masked)
{
	struct text shown = redact_text(arena, text);

	*masked = *masked || shown.data != text.data;
	return shown;
}

static struct http_header *mask_headers(struct arena *arena, const struct http_header *headers,
                                        size_t count, bool *masked)
{
	struct http_header *shown = ARENA_NEW_ARRAY(arena, struct http_header, count + 1);

	for (size_t i = 0; i < count; i++) {
		shown[i].name = mask_text(arena, headers[i].name, masked);
		shown[i].value = mask_text(arena, headers[i].value, masked);
	}
	return shown;
}

const struct call_attempt *mask_attempt(const struct call_attempt *attempt,
                                        const struct chat_request *request,
                                        const struct dialect *dialect, struct arena *arena,
                                        struct call_attempt *out)
{
	const struct exchange *from = attempt->exchange;
	struct exchange *exchange = ARENA_NEW(arena, struct exchange);
	bool masked = false;

	*exchange = *from;
	exchange->request_headers =
	    mask_headers(arena, from->request_headers, from->request_header_count, &masked);
	exchange->request_body = mask_text(arena, from->request_body, &masked);
	exchange->headers = mask_headers(arena, from->headers, from->header_count, &masked);
	exchange->body = mask_text(arena, from->body, &masked);
	exchange->end_detail = mask_text(arena, from->end_detail, &masked);
	exchange->url = mask_text(arena, from->url, &masked);
	if (!masked)
		return attempt;
	*out = *attempt;
	out->exchange = exchange;
	out->reply = judge_reread(exchange, dialect, request, arena);
	return out;
}
