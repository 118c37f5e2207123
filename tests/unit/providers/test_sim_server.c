/*
 * The simulator on a socket: bytes as a client sees them, in time, cut and held.
 * Time stands still unless moved.
 */
#include "providers/sim/sim.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS_MAX = 200000 };

static struct loop *loop;
static struct sim *sim;

/* --- the simulator --- */

static void open_sim(const struct sim_options *options)
{
	struct fault fault;

	loop = loop_new();
	loop_fake_clock(loop, 0);
	ck_assert_msg(sim_start(loop, options, &sim, &fault), "%s", fault.message);
}

static void open_broken(const char *name)
{
	struct sim_options options = sim_defaults;
	struct text breaks = text_of(name);

	options.breaks = &breaks;
	options.break_count = 1;
	open_sim(&options);
}

static void close_sim(void)
{
	sim_stop(sim);
	(void)loop_turn(loop, false);
	loop_free(loop);
}

/* --- a client --- */

struct client {
	int fd;
	struct text_buf got;
	bool ended, reset;
};

static struct client client_open(void)
{
	struct client client = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)sim_port(sim)),
	                              .sin_addr = {htonl(INADDR_LOOPBACK)}};

	text_buf_init(&client.got, 16 << 20);
	ck_assert_int_ge(client.fd, 0);
	ck_assert_int_eq(connect(client.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return client;
}

static void client_close(struct client *client)
{
	ck_assert_int_eq(close(client->fd), 0);
	text_buf_done(&client->got);
}

static void client_ask(struct client *client, const char *body)
{
	struct text_buf request;

	text_buf_init(&request, 1 << 16);
	text_buf_format(&request,
	                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
	                "sim-key\r\nContent-Length: %zu\r\n\r\n%s",
	                strlen(body), body);
	ck_assert_int_eq(send(client->fd, request.data, request.len, MSG_NOSIGNAL),
	                 (ssize_t)request.len);
	text_buf_done(&request);
}

/* One turn, and what came with it. */
static void client_read(struct client *client)
{
	static char bytes[65536];

	(void)loop_turn(loop, false);
	ssize_t got = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (got > 0)
		ck_assert(text_buf_add(&client->got, (struct text){bytes, (size_t)got}));
	else if (got == 0)
		client->ended = true;
	else if (errno == ECONNRESET)
		client->reset = true;
	else
		ck_assert_msg(errno == EAGAIN, "recv: %s", strerror(errno));
}

static bool client_has(const struct client *client, const char *part)
{
	return text_find(text_buf_view(&client->got), text_of(part), 0) != TEXT_NOT_FOUND;
}

static size_t client_count(const struct client *client, const char *part)
{
	size_t count = 0;

	for (size_t at = 0;
	     (at = text_find(text_buf_view(&client->got), text_of(part), at)) != TEXT_NOT_FOUND;
	     at++)
		count++;
	return count;
}

static void client_read_until(struct client *client, const char *part)
{
	for (int turns = 0; turns < TURNS_MAX && !client_has(client, part); turns++) {
		ck_assert_msg(!client->ended && !client->reset, "ended before \"%s\", got %s", part,
		              client->got.data);
		client_read(client);
	}
	ck_assert_msg(client_has(client, part), "no \"%s\"", part);
}

static void client_read_to_end(struct client *client)
{
	for (int turns = 0; turns < TURNS_MAX && !client->ended && !client->reset; turns++)
		client_read(client);
	ck_assert(client->ended || client->reset);
}

/* So many turns as would bring anything that comes. */
static void client_read_a_while(struct client *client)
{
	for (int turns = 0; turns < 200; turns++)
		client_read(client);
}

#define HELLO "{\"model\":\"sim-small\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]"
#define END_OF_CHUNKS "\r\n0\r\n\r\n"

/* --- tests --- */

START_TEST(a_client_gets_a_plain_reply_and_may_ask_again)
{
	struct client client;

	open_sim(&sim_defaults);
	client = client_open();
	for (int i = 1; i <= 2; i++) {
		text_buf_reset(&client.got);
		client_ask(&client, HELLO "}");
		client_read_until(&client, "\"system_fingerprint\"");
		ck_assert(client_has(&client, "HTTP/1.1 200 OK\r\n"));
		ck_assert(client_has(&client, "ontent-type: application/json\r\n"));
		ck_assert(client_has(&client, "x-request-id: req_"));
		ck_assert_int_eq(sim_requests(sim), i);
	}
	ck_assert(text_starts(text_of(sim_base_url(sim)), TEXT("http://127.0.0.1:")));
	client_close(&client);
	close_sim();
}
END_TEST

START_TEST(a_stream_comes_in_pieces_and_ends)
{
	struct client client;
	size_t reads = 0, before = 0;

	open_sim(&sim_defaults);
	client = client_open();
	client_ask(&client, HELLO ",\"stream\":true}");
	for (int turns = 0; turns < TURNS_MAX && !client_has(&client, END_OF_CHUNKS); turns++) {
		client_read(&client);
		reads += client.got.len > before;
		before = client.got.len;
	}
	ck_assert_uint_ge(reads, 5);
	ck_assert(client_has(&client, "data: [DONE]\n\n" END_OF_CHUNKS));
	client_close(&client);
	close_sim();
}
END_TEST

START_TEST(latency_is_kept)
{
	struct sim_options slow = sim_defaults;
	struct client client;

	slow.ttft_ms = 500;
	slow.gap_ms = 20;
	open_sim(&slow);
	client = client_open();
	client_ask(&client, HELLO ",\"stream\":true}");
	client_read_a_while(&client);
	ck_assert_uint_eq(client.got.len, 0);
	loop_advance(loop, 499);
	client_read_a_while(&client);
	ck_assert_uint_eq(client.got.len, 0);
	loop_advance(loop, 1);
	client_read_a_while(&client);
	ck_assert_uint_eq(client_count(&client, "data: "), 1);
	loop_advance(loop, 20);
	client_read_a_while(&client);
	ck_assert_uint_eq(client_count(&client, "data: "), 2);
	loop_advance(loop, 60);
	client_read_a_while(&client);
	ck_assert_uint_eq(client_count(&client, "data: "), 5);
	client_close(&client);
	close_sim();
}
END_TEST

START_TEST(what_is_refused_does_not_wait)
{
	struct sim_options slow = sim_defaults;
	struct client client;

	slow.ttft_ms = 500;
	open_sim(&slow);
	client = client_open();
	client_ask(&client, "{}");
	client_read_until(&client, "HTTP/1.1 400 ");
	client_close(&client);
	close_sim();
}
END_TEST

START_TEST(a_client_that_goes_ends_its_stream_and_nothing_else)
{
	struct sim_options slow = sim_defaults;
	struct client one, two;

	slow.gap_ms = 10;
	open_sim(&slow);
	one = client_open();
	two = client_open();
	client_ask(&one, HELLO ",\"stream\":true}");
	client_ask(&two, HELLO ",\"stream\":true}");
	client_read_until(&one, "data: ");
	client_read_until(&two, "data: ");
	client_close(&one);
	for (int i = 0; i < 100; i++) {
		client_read(&two);
		loop_advance(loop, 10);
	}
	client_read_until(&two, "data: [DONE]");
	client_close(&two);
	close_sim();
}
END_TEST

START_TEST(a_slow_reader_gets_all_of_it)
{
	struct client client;

	open_sim(&sim_defaults);
	client = client_open();
	client_ask(&client,
	           "{\"model\":\"sim-small\",\"stream\":true,\"n\":32,\"messages\":[{\"role\":"
	           "\"user\",\"content\":\"Write 700 words\"}]}");
	/* More than the kernel holds for a socket: the rest must wait for the reader. */
	for (int i = 0; i < 30000; i++)
		(void)loop_turn(loop, false);
	for (int turns = 0;
	     turns < TURNS_MAX && !text_ends(text_buf_view(&client.got), TEXT(END_OF_CHUNKS));
	     turns++)
		client_read(&client);
	ck_assert_uint_eq(client_count(&client, "\"finish_reason\":\"stop\""), 32);
	client_close(&client);
	close_sim();
}
END_TEST

struct broken_end {
	const char *name;
	bool streamed;
	const char *has;     /* what is still seen; NULL: nothing at all */
	const char *has_not; /* what no longer is */
	bool ends;           /* the connection does; else it is held */
};

static const struct broken_end broken_ends[] = {
    {"cut-before-role", true, "text/event-stream", "data: ", true},
    {"cut-mid-content", true, "\"delta\":{\"content\":", "\"stop\"", true},
    {"cut-mid-event", true, "data: {\"id\":\"chatcmpl", "\"stop\"", true},
    {"cut-after-finish", true, "\"stop\"", "[DONE]", true},
    {"cut-before-done", true, "\"stop\"", "[DONE]", true},
    {"cut-mid-body", false, "\"object\": \"chat.completion\"", "\"usage\"", true},
    {"close-at-once", false, NULL, NULL, true},
    {"close-at-once", true, NULL, NULL, true},
    {"stall-first", true, NULL, NULL, false},
    {"stall-headers", true, "text/event-stream", "data: ", false},
    {"stall-mid", true, "\"delta\":{\"content\":", "\"stop\"", false},
};

START_TEST(a_broken_end_is_no_clean_end)
{
	const struct broken_end *row = &broken_ends[_i];
	struct client client;

	open_broken(row->name);
	client = client_open();
	client_ask(&client, row->streamed ? HELLO ",\"stream\":true}" : HELLO "}");
	if (row->ends)
		client_read_to_end(&client);
	else
		client_read_a_while(&client);
	ck_assert_msg(row->ends == (client.ended || client.reset), "%s", row->name);
	ck_assert_msg(!client_has(&client, END_OF_CHUNKS), "%s", row->name);
	if (row->has == NULL)
		ck_assert_uint_eq(client.got.len, 0);
	else
		ck_assert_msg(client_has(&client, row->has), "%s: %s", row->name, client.got.data);
	if (row->has_not != NULL)
		ck_assert_msg(!client_has(&client, row->has_not), "%s", row->name);
	client_close(&client);
	close_sim();
}
END_TEST

START_TEST(a_burst_comes_in_one_piece)
{
	struct sim_options options = sim_defaults;
	struct text breaks = TEXT("stream-burst");
	struct client client;

	options.gap_ms = 100;
	options.breaks = &breaks;
	options.break_count = 1;
	open_sim(&options);
	client = client_open();
	client_ask(&client, HELLO ",\"stream\":true}");
	client_read_until(&client, "data: [DONE]");
	client_close(&client);
	close_sim();
}
END_TEST

START_TEST(a_storm_passes)
{
	struct client client;

	open_broken("storm-500:2");
	client = client_open();
	for (int i = 0; i < 3; i++) {
		text_buf_reset(&client.got);
		client_ask(&client, HELLO "}");
		client_read_until(&client, i < 2 ? "HTTP/1.1 500 " : "HTTP/1.1 200 ");
		client_read_until(&client, i < 2 ? "server_error" : "system_fingerprint");
	}
	client_close(&client);
	close_sim();
}
END_TEST

START_TEST(stopping_ends_what_is_under_way)
{
	struct client client;

	open_broken("stall-mid");
	client = client_open();
	client_ask(&client, HELLO ",\"stream\":true}");
	client_read_until(&client, "data: ");
	close_sim();
	client_close(&client);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_client_gets_a_plain_reply_and_may_ask_again);
	tcase_add_test(cases, a_stream_comes_in_pieces_and_ends);
	tcase_add_test(cases, latency_is_kept);
	tcase_add_test(cases, what_is_refused_does_not_wait);
	tcase_add_test(cases, a_client_that_goes_ends_its_stream_and_nothing_else);
	tcase_add_test(cases, a_slow_reader_gets_all_of_it);
	tcase_add_loop_test(cases, a_broken_end_is_no_clean_end, 0, (int)ARRAY_LENGTH(broken_ends));
	tcase_add_test(cases, a_burst_comes_in_one_piece);
	tcase_add_test(cases, a_storm_passes);
	tcase_add_test(cases, stopping_ends_what_is_under_way);
}

int main(void)
{
	return unit_main("sim_server", add);
}
