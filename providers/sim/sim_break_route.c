/*
 * What goes wrong before or around an answer: storms, closed doors, pages that
 * are no answer, connections that end.
 */
#include "providers/sim/sim_private.h"

enum {
	ROUTE_DATE_AHEAD_MS = 2000,
	ROUTE_LARGE_BYTES = 512 << 10, /* more than any question asks that is not about its size */
};

static const char html_page[] =
    "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<center><h1>502 Bad "
    "Gateway</h1></center>\n</body>\n</html>\n";

/* A fault that answers in the endpoint's place. Retry-After NULL: none is sent. */
struct route_fault {
	enum sim_break which;
	int status;
	const char *type, *code, *message;
	const char *retry_after;
};

static const struct route_fault route_faults[] = {
    {SIM_STORM_429, 429, "requests", "rate_limit_exceeded", "Rate limit reached for requests.",
     NULL},
    {SIM_STORM_500, 500, "server_error", NULL,
     "The server had an error while processing your request.", NULL},
    {SIM_OVERLOAD_503, 503, "server_error", "overloaded",
     "The engine is currently overloaded, please try again later.", "1"},
    {SIM_PAY_402, 402, "insufficient_quota", "insufficient_balance", "Insufficient balance.", NULL},
    {SIM_QUOTA_429, 429, "insufficient_quota", "insufficient_quota",
     "You exceeded your current quota, please check your plan and billing details.", NULL},
    {SIM_RETRY_AFTER_SECONDS, 429, "requests", "rate_limit_exceeded",
     "Rate limit reached for requests.", "1"},
    {SIM_RETRY_AFTER_HUGE, 429, "requests", "rate_limit_exceeded",
     "Rate limit reached for requests.", "8640000"},
    {SIM_RETRY_AFTER_NEGATIVE, 429, "requests", "rate_limit_exceeded",
     "Rate limit reached for requests.", "-5"},
    {SIM_RETRY_AFTER_CHANGING, 429, "requests", "rate_limit_exceeded",
     "Rate limit reached for requests.", "changing"},
    {SIM_RETRY_AFTER_DATE, 429, "requests", "rate_limit_exceeded",
     "Rate limit reached for requests.", "date"},
    {SIM_ERROR_200, 200, "server_error", "server_error",
     "The server had an error while processing your request.", NULL},
};

/* IMF-fixdate (RFC 9110): "Sat, 21 Nov 2026 10:00:02 GMT". */
static struct text route_http_date(struct arena *arena, int64_t wall_ms)
{
	static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	struct text iso = wall_format(arena, wall_ms, false); /* 2026-11-21T10:00:02Z */
	size_t month = 0;

	for (size_t i = 5; i < size_min(7, iso.len); i++)
		month = 10 * month + (size_t)(iso.data[i] - '0');
	return text_format(arena, "%s, %.*s %s %.*s %.*s GMT", days[wall_ms / 86400000 % 7],
	                   TEXT_ARG(text_slice(iso, 8, 10)), months[(month + 11) % 12],
	                   TEXT_ARG(text_slice(iso, 0, 4)), TEXT_ARG(text_slice(iso, 11, 19)));
}

static struct text route_retry_after(const struct sim_serving *serving, const char *kind)
{
	static const char *const changing[] = {"1", "3", "2"};

	if (strcmp(kind, "changing") == 0)
		return text_of(changing[(size_t)(serving->serial - 1) % ARRAY_LENGTH(changing)]);
	if (strcmp(kind, "date") == 0)
		return route_http_date(serving->arena, serving->wall_ms + ROUTE_DATE_AHEAD_MS);
	return text_of(kind);
}

static void route_fail(const struct sim_serving *serving, const struct route_fault *row,
                       struct sim_output *out)
{
	struct sim_error error = {
	    .status = row->status,
	    .message = text_of(row->message),
	    .type = text_of(row->type),
	    .code = text_of(row->code),
	};

	if (row->retry_after != NULL)
		error.retry_after = route_retry_after(serving, row->retry_after);
	sim_output_error(serving, &error, out);
}

bool sim_break_route(const struct sim_serving *serving, struct sim_output *out)
{
	if (sim_breaks(serving, SIM_CLOSE_AT_ONCE) || sim_breaks(serving, SIM_STALL_FIRST)) {
		out->no_answer = true;
		out->ending = sim_breaks(serving, SIM_CLOSE_AT_ONCE) ? ENDING_CUT : ENDING_HANG;
		return true;
	}
	if (sim_breaks(serving, SIM_HTML_200)) {
		out->status = 200;
		out->body = text_of(html_page);
		sim_output_replace_header(out, "content-type", TEXT("text/html"));
		return true;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(route_faults); i++) {
		if (!sim_breaks(serving, route_faults[i].which))
			continue;
		route_fail(serving, &route_faults[i], out);
		return true;
	}
	return false;
}

bool sim_break_travel(const struct sim_serving *serving, const struct sim_request *request,
                      struct sim_output *out)
{
	if (request->body.len > ROUTE_LARGE_BYTES && sim_breaks(serving, SIM_HT_08)) {
		out->no_answer = true;
		out->ending = ENDING_CUT;
		return true;
	}
	if (request->wants_h2 && sim_breaks(serving, SIM_HT_07)) {
		struct sim_error error = {
		    .status = 400,
		    .message = TEXT("Unexpected header: upgrade."),
		    .type = TEXT("invalid_request_error"),
		};
		sim_output_error(serving, &error, out);
		return true;
	}
	return false;
}

/* --- the body that came --- */

static bool route_is_hex(char byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
	       (byte >= 'A' && byte <= 'F');
}

/* Whether an escape of half a surrogate pair stands at `at`: \ud800 to \udbff, or to \udfff. */
static bool route_is_half(struct text body, size_t at, bool high)
{
	struct text unit = text_slice(body, at, at + 6);

	if (unit.len < 6 || unit.data[0] != '\\' || unit.data[1] != 'u' ||
	    (unit.data[2] != 'd' && unit.data[2] != 'D') || !route_is_hex(unit.data[4]) ||
	    !route_is_hex(unit.data[5]))
		return false;
	return strchr(high ? "89abAB" : "cdefCDEF", unit.data[3]) != NULL && unit.data[3] != '\0';
}

struct text sim_break_body(const struct sim_serving *serving, struct text body)
{
	static const char unknown[] = "\\ufffd";
	bool pairs = sim_breaks(serving, SIM_UN_02), halves = sim_breaks(serving, SIM_UN_02_LONE);
	struct text_buf out;

	if ((!pairs && !halves) || body.len == 0)
		return body;
	text_buf_init(&out, SIM_BODY_MAX_BYTES);
	for (size_t at = 0, size = 1; at < body.len; at += size) {
		bool high = route_is_half(body, at, true);
		bool pair = high && route_is_half(body, at + 6, false);
		bool half = !pair && (high || route_is_half(body, at, false));

		size = pair ? 12 : half ? 6 : body.data[at] == '\\' ? 2 : 1;
		if ((pair && pairs) || (half && halves))
			text_buf_add_c(&out, unknown);
		else
			text_buf_add(&out, text_slice(body, at, at + size));
	}
	struct text read = text_copy(serving->arena, text_buf_view(&out));
	text_buf_done(&out);
	return read;
}

/* --- the answer --- */

/* The list alone, without the object around it. */
static void route_bare_list(const struct sim_serving *serving, struct sim_output *out)
{
	struct json *root;
	struct fault fault;

	if (!json_read_text(out->body, "models", serving->arena, &root, &fault))
		return;
	const struct json *data = json_member(root, "data");
	if (json_is(data, JSON_ARRAY) && text_is(json_string(data->first, "object"), "model"))
		out->body = text_slice(out->body, data->begin, data->end);
}

/* The list without its first model. */
static void route_short_list(const struct sim_serving *serving, struct sim_output *out)
{
	struct json *root;
	struct fault fault;

	if (!json_read_text(out->body, "models", serving->arena, &root, &fault))
		return;
	const struct json *data = json_member(root, "data");
	if (!json_is(data, JSON_ARRAY) || !text_is(json_string(data->first, "object"), "model"))
		return;
	struct json *kept = json_new(serving->arena, JSON_ARRAY);
	for (const struct json *model = data->first->next; model != NULL; model = model->next)
		json_append(kept, json_clone(serving->arena, model));
	struct json *list = json_new(serving->arena, JSON_OBJECT);
	json_append_member(list, TEXT("object"), json_new_string(serving->arena, TEXT("list")));
	json_append_member(list, TEXT("data"), kept);
	out->body = json_to_text(serving->arena, list);
}

/* An error as the only event of a stream. */
static void route_error_in_stream(const struct sim_serving *serving, struct sim_output *out)
{
	struct text_buf body;

	text_buf_init(&body, SIM_BODY_MAX_BYTES);
	text_buf_add_c(&body, "data: ");
	for (size_t i = 0; i < out->body.len; i++)
		if (out->body.data[i] != '\n')
			text_buf_byte(&body, out->body.data[i]);
	text_buf_add_c(&body, "\n\ndata: [DONE]\n\n");
	out->status = 200;
	out->body = text_copy(serving->arena, text_buf_view(&body));
	sim_output_replace_header(out, "content-type", TEXT("text/event-stream"));
	text_buf_done(&body);
}

void sim_break_output(const struct sim_serving *serving, struct sim_output *out)
{
	bool plain = out->stream == NULL;

	if (out->status >= 400 && serving->streamed && sim_breaks(serving, SIM_ER_08)) {
		route_error_in_stream(serving, out);
		return;
	}
	if (out->status != 200)
		return;
	sim_break_pace(serving, out);
	if (plain && sim_breaks(serving, SIM_HT_01))
		sim_output_replace_header(out, "content-type", TEXT("text/plain; charset=utf-8"));
	if (!plain && sim_breaks(serving, SIM_HT_02))
		sim_output_replace_header(out, "content-type", TEXT("application/json"));
	if (plain && sim_breaks(serving, SIM_MO_01))
		route_bare_list(serving, out);
	if (plain && sim_breaks(serving, SIM_MO_02))
		route_short_list(serving, out);
	out->closes = sim_breaks(serving, SIM_HT_06);
	/* Said to be coded, and is not; a stream is coded when it is whole. */
	if (out->gzip && sim_breaks(serving, SIM_HT_05)) {
		out->gzip = !plain;
		if (!plain)
			out->stream->burst = true;
	}
	if (plain && sim_breaks(serving, SIM_CUT_MID_BODY))
		out->ending = ENDING_CUT;
}
