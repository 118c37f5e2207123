/*
 * The simulator on a socket: takes requests from the HTTP server, has their outcome
 * worked out (sim_route), and plays it in time: whole, or chunk by chunk.
 */
#include "providers/sim/sim_private.h"

#define SIM_MAGIC 0x51f1a7edu

enum {
	SIM_URL_BYTES = 128,
	SIM_CONNECTIONS = 10000,
	SIM_QUIET_MS =
	    24 * 3600 * 1000, /* a client may hold a stalled stream as long as it likes */
	SIM_BUFFER_FIRST = 16 << 10,
	SIM_HEAD_BYTES = 64 << 10, /* a head, or what coding adds to a body */
};

struct sim {
	unsigned magic;
	struct loop *loop;
	struct http_server *server;
	struct sim_setup setup;
	int64_t requests;   /* answered: that came to an endpoint */
	struct play *plays; /* under way */
	char base_url[SIM_URL_BYTES];
};

/* One outcome being played. Lives in the exchange's arena. */
struct play {
	struct sim *sim;
	struct http_exchange *exchange;
	struct sim_output output;
	struct loop_timer timer;
	struct sim_gzip gzip;
	size_t next; /* chunk */
	bool begun;
	bool ended;
	bool held; /* the client takes nothing more at the moment */
	struct play *newer, *older;
};

static void play_step(void *context);

/* --- one outcome --- */

/* The next chunk, in its time. */
static void play_schedule(struct play *play, int64_t delay_ms)
{
	if (play->output.stream != NULL)
		delay_ms = int64_max(delay_ms, sim_stream_wait_ms(play->output.stream, play->next));
	loop_timer_start(play->sim->loop, &play->timer, delay_ms, play_step, play);
}

/* Half an answer, so that the client sees a body that breaks off. */
static void play_broken_body(struct play *play)
{
	struct text body = play->output.body;

	http_respond_begin(play->exchange, play->output.status, play->output.headers,
	                   play->output.header_count);
	(void)http_respond_write(play->exchange, text_slice(body, 0, body.len / 2));
	http_exchange_cut(play->exchange, true);
}

/* The whole answer and the connection's end, announced as such. */
static void play_last(struct play *play, struct text body)
{
	const struct sim_output *output = &play->output;
	struct text_buf bytes;

	text_buf_init(&bytes, SIM_BODY_MAX_BYTES + SIM_HEAD_BYTES);
	text_buf_format(&bytes, "HTTP/1.1 %d %s\r\n", output->status, "OK");
	for (size_t i = 0; i < output->header_count; i++)
		text_buf_format(&bytes, "%.*s: %.*s\r\n", TEXT_ARG(output->headers[i].name),
		                TEXT_ARG(output->headers[i].value));
	text_buf_format(&bytes, "connection: close\r\ncontent-length: %zu\r\n\r\n", body.len);
	text_buf_add(&bytes, body);
	http_respond_raw(play->exchange, text_buf_view(&bytes));
	http_respond_raw_end(play->exchange);
	text_buf_done(&bytes);
}

static struct text play_coded(struct play *play)
{
	struct sim_output *output = &play->output;
	struct text_buf coded;

	if (!output->gzip)
		return output->body;
	text_buf_init(&coded, SIM_BODY_MAX_BYTES + SIM_HEAD_BYTES);
	sim_gzip_add(&play->gzip, output->body, &coded);
	sim_gzip_end(&play->gzip, &coded);
	struct text copy = text_copy(http_exchange_arena(play->exchange), text_buf_view(&coded));
	text_buf_done(&coded);
	return copy;
}

static void play_body(struct play *play)
{
	play->ended = true;
	if (play->output.ending == ENDING_CUT)
		play_broken_body(play);
	else if (play->output.closes)
		play_last(play, play_coded(play));
	else
		http_respond(play->exchange, play->output.status, play->output.headers,
		             play->output.header_count, play_coded(play));
}

static void play_end(struct play *play)
{
	const struct sim_stream *stream = play->output.stream;

	play->ended = true;
	switch (stream->ending) {
	case ENDING_CLEAN:
		http_respond_end(play->exchange);
		return;
	case ENDING_CUT:
		http_exchange_cut(play->exchange, true);
		return;
	case ENDING_HANG:
		return;
	}
}

/* True: the client takes more. */
static bool play_write(struct play *play, struct text bytes, bool last)
{
	struct text_buf coded;

	if (!play->output.gzip)
		return bytes.len == 0 || http_respond_write(play->exchange, bytes);
	text_buf_init(&coded, SIM_BODY_MAX_BYTES + SIM_HEAD_BYTES);
	sim_gzip_add(&play->gzip, bytes, &coded);
	if (last)
		sim_gzip_end(&play->gzip, &coded);
	bool more = http_respond_write(play->exchange, text_buf_view(&coded));
	text_buf_done(&coded);
	return more;
}

/* One chunk, or all of them in a burst. */
static void play_chunks(struct play *play)
{
	const struct sim_stream *stream = play->output.stream;
	struct text_buf bytes;

	text_buf_init(&bytes, SIM_BODY_MAX_BYTES);
	if (play->next < stream->end) {
		do
			sim_stream_write(stream, play->next++, &bytes);
		while (stream->burst && play->next < stream->end);
	}
	if (play->next == stream->end && stream->torn_bytes > 0) {
		size_t whole = bytes.len;
		sim_stream_write(stream, stream->end, &bytes);
		bytes.len = size_min(bytes.len, whole + stream->torn_bytes);
	}
	bool last = play->next >= stream->end && stream->ending == ENDING_CLEAN;
	play->held = !play_write(play, text_buf_view(&bytes), last);
	text_buf_done(&bytes);
}

static void play_step(void *context)
{
	struct play *play = context;
	const struct sim_stream *stream = play->output.stream;

	if (stream == NULL) {
		play_body(play);
		return;
	}
	if (!play->begun) {
		play->begun = true;
		http_respond_begin(play->exchange, play->output.status, play->output.headers,
		                   play->output.header_count);
	}
	play_chunks(play);
	if (play->next >= stream->end)
		play_end(play);
	else if (!play->held)
		play_schedule(play, play->sim->setup.gap_ms);
}

static bool play_waits(const struct play *play)
{
	const struct sim_stream *stream = play->output.stream;

	return play->sim->setup.ttft_ms > 0 ||
	       (stream != NULL && sim_stream_wait_ms(stream, 0) > 0);
}

static void play_start(struct play *play)
{
	const struct sim_output *output = &play->output;

	if (output->no_answer && output->ending == ENDING_CUT) {
		play->ended = true;
		http_exchange_cut(play->exchange, false);
		return;
	}
	if (output->no_answer)
		return;
	/* What was refused at once does not wait for a model. */
	if (output->status == 200 && play_waits(play))
		play_schedule(play, play->sim->setup.ttft_ms);
	else
		play_step(play);
}

/* --- the server's handler --- */

static struct sim *sim_of(void *context)
{
	struct sim *sim = context;

	REQUIRE(sim->magic == SIM_MAGIC);
	return sim;
}

static void sim_link(struct sim *sim, struct play *play)
{
	play->older = sim->plays;
	if (sim->plays != NULL)
		sim->plays->newer = play;
	sim->plays = play;
}

static void sim_unlink(struct sim *sim, struct play *play)
{
	if (play->newer != NULL)
		play->newer->older = play->older;
	else
		sim->plays = play->older;
	if (play->older != NULL)
		play->older->newer = play->newer;
}

/* Whether a list in a header names that. */
static bool sim_says(struct text list, const char *word)
{
	struct text item;

	while (text_next_field(&list, ',', &item))
		if (text_equal_ignoring_case(
			text_trim(text_slice(item, 0, text_find_byte(item, ';', 0))),
			text_of(word)))
			return true;
	return false;
}

static void sim_on_request(void *context, struct http_exchange *exchange)
{
	struct sim *sim = sim_of(context);
	struct arena *arena = http_exchange_arena(exchange);
	const struct http_request *http = http_exchange_request(exchange);
	struct sim_request request = {
	    .method = http->method,
	    .path = http->path,
	    .query = http->query,
	    .authorization = http_header(http, "authorization"),
	    .x_api_key = http_header(http, "x-api-key"),
	    .anthropic_version = http_header(http, "anthropic-version"),
	    .x_goog_api_key = http_header(http, "x-goog-api-key"),
	    .api_key = http_header(http, "api-key"),
	    .headers = http->headers,
	    .header_count = http->header_count,
	    .body = http->body,
	    .serial = sim->requests + text_is(http->method, "POST"),
	    .wall_ms = loop_wall_ms(sim->loop),
	    /* Many clients accept it by the way; it is for who accepts nothing else. */
	    .takes_gzip = text_equal_ignoring_case(text_trim(http_header(http, "accept-encoding")),
	                                           TEXT("gzip")),
	    .wants_h2 = sim_says(http_header(http, "upgrade"), "h2c"),
	};
	struct play *play = ARENA_NEW(arena, struct play);

	sim->requests = request.serial;
	play->sim = sim;
	play->exchange = exchange;
	sim_route(&sim->setup, &request, arena, &play->output);
	bool whole = play->output.stream == NULL && play->output.ending == ENDING_CLEAN &&
	             !play->output.no_answer && !play->output.closes &&
	             (play->output.status != 200 || sim->setup.ttft_ms == 0);
	/* What is answered within this call, the server says no `closed` for. */
	if (!whole) {
		http_exchange_set_user(exchange, play);
		sim_link(sim, play);
	}
	play_start(play);
}

static void sim_on_closed(void *context, struct http_exchange *exchange, bool client_gone)
{
	struct sim *sim = sim_of(context);
	struct play *play = http_exchange_user(exchange);

	(void)client_gone;
	if (play == NULL)
		return;
	loop_timer_stop(sim->loop, &play->timer);
	sim_unlink(sim, play);
	http_exchange_set_user(exchange, NULL);
}

static void sim_on_drained(void *context, struct http_exchange *exchange)
{
	struct play *play = http_exchange_user(exchange);

	(void)context;
	if (play == NULL || !play->held || play->ended)
		return;
	play->held = false;
	play_schedule(play, play->sim->setup.gap_ms);
}

/* What the server itself refuses (no HTTP, too large, too slow), in OpenAI's envelope. */
static struct text sim_on_refusal(void *context, struct text path UNUSED, int status,
                                  const char *reason, struct arena *arena)
{
	enum { REFUSAL_MAX_BYTES = 4096 };
	struct sim_error error = {
	    .status = status,
	    .message = text_of(reason),
	    .type = status >= 500 ? TEXT("server_error") : TEXT("invalid_request_error"),
	};
	struct text_buf body;

	(void)context;
	text_buf_init(&body, REFUSAL_MAX_BYTES);
	sim_render_error(&error, false, &body);
	struct text copy = text_copy(arena, text_buf_view(&body));
	text_buf_done(&body);
	return copy;
}

/* --- starting and stopping --- */

static bool sim_listen(struct sim *sim, const struct sim_options *options, struct fault *fault)
{
	struct http_server_options server = http_server_defaults;
	struct http_handler handler = {
	    .request = sim_on_request,
	    .closed = sim_on_closed,
	    .drained = sim_on_drained,
	    .refusal = sim_on_refusal,
	    .context = sim,
	};

	server.address = options->address != NULL ? options->address : sim_defaults.address;
	server.port = options->port;
	server.connections = SIM_CONNECTIONS;
	server.write_timeout_ms = SIM_QUIET_MS;
	server.idle_timeout_ms = SIM_QUIET_MS;
	server.answer_half_closed = true; /* test clients shut their side and read on */
	return http_server_start(sim->loop, &server, &handler, &sim->server, fault);
}

bool sim_start(struct loop *loop, const struct sim_options *options, struct sim **out,
               struct fault *fault)
{
	struct sim *sim = memory_new(sizeof(*sim));
	const char *address = options->address != NULL ? options->address : sim_defaults.address;
	struct text_buf url;

	sim->magic = SIM_MAGIC;
	sim->loop = loop;
	if (!sim_setup_init(&sim->setup, options, fault)) {
		memory_free(sim);
		return false;
	}
	if (!sim_listen(sim, options, fault)) {
		sim_setup_done(&sim->setup);
		memory_free(sim);
		return false;
	}
	bool six = strchr(address, ':') != NULL;
	text_buf_init(&url, SIM_URL_BYTES - 1);
	text_buf_format(&url, six ? "http://[%s]:%d/v1" : "http://%s:%d/v1", address,
	                http_server_port(sim->server));
	memcpy(sim->base_url, text_buf_view(&url).data, url.len);
	text_buf_done(&url);
	*out = sim;
	return true;
}

int sim_port(const struct sim *sim)
{
	return http_server_port(sim->server);
}

const char *sim_base_url(const struct sim *sim)
{
	return sim->base_url;
}

int64_t sim_requests(const struct sim *sim)
{
	return sim->requests;
}

static void sim_free(void *context)
{
	struct sim *sim = sim_of(context);

	sim->magic = 0;
	sim_setup_done(&sim->setup);
	memory_free(sim);
}

void sim_stop(struct sim *sim)
{
	if (sim == NULL)
		return;
	for (struct play *play = sim->plays; play != NULL; play = play->older)
		loop_timer_stop(sim->loop, &play->timer);
	http_server_stop(sim->server);
	/* The server is freed at the end of the turn and says `closed` until then. */
	loop_defer(sim->loop, sim_free, sim);
}
