/*
 * One transfer: the response as it comes, and the timeouts. The easy handle is set up once
 * and used again; transport_request.c gives it the request.
 */
#include "providers/wire/transport_private.h"

#include <stdlib.h>

enum {
	REQUEST_HEAD_MAX_BYTES = 256 << 10,
	URL_MAX_BYTES = 8 << 10, /* a longer one is taken apart each time */
	/* Below what load balancers allow an idle connection (60 s), so that we close first. */
	IDLE_CONNECTION_MAX_SECONDS = 50,
	/* Events are of some hundred bytes; of libcurl's own 16 KiB each open stream would in time
	 * hold the pages that its largest read has touched. */
	TRICKLE_READ_BYTES = 2 << 10,
};

static const char IDENTITY[] = "identity";

/* --- timeouts: one timer a transfer, set for the earlier of two moments --- */

int64_t transfer_deadline_us(int64_t from_us, int64_t timeout_ms)
{
	int64_t us;

	if (timeout_ms <= 0 || __builtin_mul_overflow(timeout_ms, (int64_t)1000, &us) ||
	    __builtin_add_overflow(from_us, us, &us))
		return INT64_MAX;
	return us;
}

static void time_out(struct transfer *transfer)
{
	if (loop_now_us(transfer->transport->loop) >= transfer->total_end_us) {
		transfer_finish(transfer, EXCHANGE_TOTAL_TIMEOUT,
		                "not complete within the total time");
		return;
	}
	switch (transfer->phase) {
	case TRANSFER_CONNECTING:
		transfer_finish(transfer, EXCHANGE_CONNECT_TIMEOUT, "no connection in time");
		return;
	case TRANSFER_WAITING:
		transfer_finish(transfer, EXCHANGE_FIRST_TIMEOUT,
		                "no byte of the response's body in time");
		return;
	case TRANSFER_READING:
		transfer_finish(transfer, EXCHANGE_IDLE_TIMEOUT, "no further byte in time");
		return;
	}
}

static void timer_fired(void *context);

static void timer_set(struct transfer *transfer)
{
	struct loop *loop = transfer->transport->loop;
	int64_t at_us = transfer->total_end_us;

	/* While we do not read, no byte can be late. */
	if (!transfer->paused || transfer->phase != TRANSFER_READING)
		at_us = int64_min(at_us, transfer->phase_end_us);
	if (at_us == INT64_MAX) {
		loop_timer_stop(loop, &transfer->timer);
		return;
	}
	/* A timer that is set too early is left: moving it for every byte would cost more. */
	if (transfer->timer.slot != 0 && transfer->timer.at_us <= at_us)
		return;
	int64_t wait_us = int64_max(at_us - loop_now_us(loop), 0);
	loop_timer_start(loop, &transfer->timer, wait_us / 1000 + (wait_us % 1000 != 0),
	                 timer_fired, transfer);
}

static void timer_fired(void *context)
{
	struct transfer *transfer = context;
	int64_t now_us = loop_now_us(transfer->transport->loop);
	bool reads = !transfer->paused || transfer->phase != TRANSFER_READING;

	if (now_us >= transfer->total_end_us || (reads && now_us >= transfer->phase_end_us))
		time_out(transfer);
	else
		timer_set(transfer);
}

void transfer_enter(struct transfer *transfer, enum transfer_phase phase)
{
	const struct provider_timeouts *timeouts = &transfer->limits.timeouts;
	int64_t now_us = loop_now_us(transfer->transport->loop);
	int64_t timeout_ms = 0;

	switch (phase) {
	case TRANSFER_CONNECTING:
		timeout_ms = timeouts->connect_ms;
		break;
	case TRANSFER_WAITING:
		timeout_ms = timeouts->first_event_ms;
		break;
	case TRANSFER_READING:
		timeout_ms = timeouts->idle_ms;
		break;
	}
	transfer->phase = phase;
	transfer->phase_end_us = transfer_deadline_us(now_us, timeout_ms);
	timer_set(transfer);
}

/* --- the response --- */

void transfer_fail(struct transfer *transfer, enum exchange_end end, const char *detail)
{
	transfer->failed = end;
	transfer->failed_detail = detail;
}

/* "HTTP/1.1 200 OK" */
static void read_status_line(struct text line, int *status, int *version)
{
	struct text rest = line, word;
	int64_t number = 0;

	*status = 0;
	*version = 0;
	if (!text_next_field(&rest, ' ', &word))
		return;
	if (text_is(word, "HTTP/1.1"))
		*version = 11;
	else if (text_is(word, "HTTP/1.0"))
		*version = 10;
	else if (text_is(word, "HTTP/2"))
		*version = 20;
	if (text_next_field(&rest, ' ', &word) && text_to_int64(text_trim(word), 100, 999, &number))
		*status = (int)number;
}

/* The fields of the collected section; -1 where there are more than may be. */
static int read_fields(struct text section, struct http_header *fields)
{
	int count = 0;
	struct text line;

	while (text_next_field(&section, '\n', &line)) {
		struct text trimmed = text_trim(line);
		size_t colon = text_find_byte(line, ':', 0);

		if (trimmed.len == 0)
			continue;
		if (count > 0 && (line.data[0] == ' ' || line.data[0] == '\t')) {
			/* obs-fold: the value goes on; its lines stand one behind the other. */
			struct text *value = &fields[count - 1].value;
			value->len = (size_t)(trimmed.data + trimmed.len - value->data);
			continue;
		}
		if (colon == TEXT_NOT_FOUND)
			continue;
		if (count == TRANSPORT_HEAD_MAX_FIELDS)
			return -1;
		fields[count++] = (struct http_header){
		    .name = text_trim(text_slice(line, 0, colon)),
		    .value = text_trim(text_slice(line, colon + 1, line.len)),
		};
	}
	return count;
}

/*
 * The answer has begun, so the head of the request has long left: libcurl asks for no line of it
 * again. The key among them is overwritten, and of a stream that lasts nothing is kept.
 */
static void forget_heads(struct transfer *transfer)
{
	struct text_buf *bytes = &transfer->header_bytes;

	(void)curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
	if (bytes->data != NULL)
		explicit_bzero(bytes->data, bytes->len);
	text_buf_done(bytes);
	text_buf_done(&transfer->head);
	memory_free(transfer->header_nodes);
	transfer->header_nodes = NULL;
	transfer->header_room = 0;
}

/* The blank line came. */
static bool head_complete(struct transfer *transfer)
{
	struct http_header fields[TRANSPORT_HEAD_MAX_FIELDS];
	struct text section = text_buf_view(&transfer->head), status_line;
	int status, version;

	if (!text_next_field(&section, '\n', &status_line))
		return true;
	read_status_line(status_line, &status, &version);
	if (status >= 100 && status < 200) {
		text_buf_reset(&transfer->head);
		return true;
	}
	int count = read_fields(section, fields);
	if (count < 0) {
		transfer_fail(transfer, EXCHANGE_BAD_HTTP,
		              "more header fields than any response has");
		return false;
	}
	transfer->head_done = true;
	if (!transfer->cancelled)
		transfer->sink.head(transfer->sink.context, status, version, fields, (size_t)count);
	if (transfer->trickles)
		forget_heads(transfer);
	return true;
}

static size_t header_came(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	struct text line = {bytes, size * count};

	if (transfer->head_done)
		return line.len; /* a trailer: nothing of ours reads them */
	if (text_trim(line).len == 0)
		return head_complete(transfer) ? line.len : 0;
	if (!text_buf_add(&transfer->head, line)) {
		transfer_fail(transfer, EXCHANGE_BAD_HTTP, "a header section over 64 KiB");
		return 0;
	}
	return line.len;
}

static size_t body_came(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *transfer = context;
	struct text part = {bytes, size * count};
	size_t room = transfer->limits.body_bytes - transfer->body_len;

	if (transfer->cancelled || part.len == 0)
		return part.len;
	if (transfer->paused) {
		transfer->held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	struct text taken = text_slice(part, 0, room);
	transfer->body_len += taken.len;
	transfer_enter(transfer, TRANSFER_READING);
	if (taken.len > 0)
		transfer->sink.body(transfer->sink.context, taken);
	if (taken.len == part.len)
		return part.len;
	transfer_fail(transfer, EXCHANGE_TOO_LARGE, "the body is larger than is taken");
	return 0;
}

/*
 * Connected, and about to send. libcurl sends a request again by itself where a
 * connection that was kept alive breaks before an answer; that would be an attempt
 * that nobody is told of, and that may be billed.
 */
static int about_to_send(void *context, char *peer_ip UNUSED, char *our_ip UNUSED,
                         int peer_port UNUSED, int our_port UNUSED)
{
	struct transfer *transfer = context;

	/* So is asking once more after 417, without Expect: what was expected was refused. */
	if (transfer->head_done && transfer->expects) {
		transfer_fail(transfer, EXCHANGE_COMPLETE, "the expectation was refused");
		return CURL_PREREQFUNC_ABORT;
	}
	if (transfer->phase != TRANSFER_CONNECTING) {
		transfer->resent = true;
		transfer_fail(transfer, EXCHANGE_CUT,
		              "the connection was closed without an answer");
		return CURL_PREREQFUNC_ABORT;
	}
	transfer_enter(transfer, TRANSFER_WAITING);
	return CURL_PREREQFUNC_OK;
}

/* --- its life --- */

/* What holds for every request. */
static void set_constant_options(struct transfer *transfer)
{
	CURL *easy = transfer->easy;
	const char *ca_file = transfer->transport->ca_file;

	if (ca_file == NULL)
		ca_file = getenv("SSL_CERT_FILE");

	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A transfer that ends while its name is looked up leaves that to its thread, which frees
	 * itself: libcurl else waits for the thread, and the loop with it. */
	(void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	(void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* a 3xx is an answer */
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	(void)curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_MAX_SECONDS);
	/* Asked for plain bytes; what comes encoded all the same is decoded. */
	(void)curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, IDENTITY);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_came);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_came);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_send);
	(void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
	/* libcurl reads this variable in its tool only. */
	if (ca_file != NULL && ca_file[0] != '\0')
		(void)curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
}

struct transfer *transfer_new(struct transport *transport, bool trickles)
{
	struct transfer *transfer = memory_new(sizeof(*transfer));

	transfer->magic = TRANSFER_MAGIC;
	transfer->transport = transport;
	transfer->easy = curl_easy_init();
	REQUIRE(transfer->easy != NULL); /* refused only where there is no memory */
	text_buf_init(&transfer->header_bytes, REQUEST_HEAD_MAX_BYTES);
	text_buf_init(&transfer->head, TRANSPORT_HEAD_MAX_BYTES);
	text_buf_init(&transfer->url_text, URL_MAX_BYTES);
	set_constant_options(transfer);
	transfer->trickles = trickles;
	transfer->left_fd = -1;
	if (trickles)
		(void)curl_easy_setopt(transfer->easy, CURLOPT_BUFFERSIZE,
		                       (long)TRICKLE_READ_BYTES);
	return transfer;
}

void transfer_reset(struct transfer *transfer)
{
	struct text_buf *bytes = &transfer->header_bytes;

	if (bytes->data != NULL)
		explicit_bzero(bytes->data, bytes->len);
	text_buf_reset(bytes);
	text_buf_reset(&transfer->head);
	if (transfer->other_encoding)
		(void)curl_easy_setopt(transfer->easy, CURLOPT_ACCEPT_ENCODING, IDENTITY);
	if (transfer->other_version)
		(void)transfer_set_version(transfer, false);
	transfer->expects = transfer->resent = false;
	transfer->head_done = false;
	transfer->body_len = 0;
	transfer->error[0] = '\0';
	transfer->cancelled = transfer->paused = transfer->held = transfer->resume = false;
	transfer->failed_detail = NULL;
}

void transfer_free(struct transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_url_cleanup(transfer->url);
	text_buf_done(&transfer->url_text);
	text_buf_done(&transfer->header_bytes);
	text_buf_done(&transfer->head);
	memory_free(transfer->header_nodes);
	transfer->magic = 0;
	memory_free(transfer);
}
