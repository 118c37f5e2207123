/*
 * The runner's floor: what one call costs (pacing, attempt, reading the reply, and
 * evidence on disk) beside libcurl alone. Both ask the same server, which runs in a
 * process of its own; they take turns, so that a busy machine slows both; what is
 * printed is CPU of this process a request, and the ratio of the medians.
 *
 * libcurl alone: multi_socket on epoll, handles used again, connections kept. That
 * is as good as it can be had without us.
 */
#include "harness/base/http_server.h"
#include "providers/call.h"
#include "providers/recording.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PARALLEL = 64, REQUESTS = 20000, TURNS = 7, EVENTS = 64 };

static const char reply_body[] =
    "{\"id\":\"chatcmpl-0123456789abcdefghijklmnopqr\",\"object\":\"chat.completion\","
    "\"created\":1767225600,\"model\":\"bench-1\",\"choices\":[{\"index\":0,\"message\":{"
    "\"role\":\"assistant\",\"content\":\"The quick brown fox jumps over the lazy dog, and it does "
    "so again and again until the reply is about as long as short replies are.\",\"refusal\":null},"
    "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":23,"
    "\"completion_tokens\":27,\"total_tokens\":50,\"prompt_tokens_details\":{\"cached_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"system_fingerprint\":\"fp_1\"}";

static struct text_buf request_body;

static double cpu_seconds(void)
{
	struct rusage used;

	(void)getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what)
{
	(void)fprintf(stderr, "bench_call: %s\n", what);
	exit(EXIT_FAILURE);
}

/* --- the server, in its own process --- */

static void answer(void *context UNUSED, struct http_exchange *exchange)
{
	struct http_header headers[] = {
	    {TEXT("Content-Type"), TEXT("application/json")},
	    {TEXT("x-request-id"), TEXT("req_0123456789")},
	    {TEXT("openai-processing-ms"), TEXT("12")},
	};

	http_respond(exchange, 200, headers, 3, text_of(reply_body));
}

static void serve(int port_pipe)
{
	struct loop *loop = loop_new();
	struct http_server_options options = http_server_defaults;
	struct http_handler handler = {.request = answer};
	struct http_server *server;
	struct fault fault;

	options.address = "127.0.0.1";
	options.port = 0;
	if (!http_server_start(loop, &options, &handler, &server, &fault))
		fail(fault.message);
	int port = http_server_port(server);
	if (write(port_pipe, &port, sizeof(port)) != sizeof(port))
		fail("no pipe");
	loop_run(loop);
}

static pid_t start_server(int *port)
{
	int pipes[2];

	if (pipe(pipes) != 0)
		fail("no pipe");
	pid_t child = fork();
	if (child < 0)
		fail("no fork");
	if (child == 0) {
		(void)close(pipes[0]);
		serve(pipes[1]);
		_exit(0);
	}
	(void)close(pipes[1]);
	if (read(pipes[0], port, sizeof(*port)) != sizeof(*port))
		fail("the server did not start");
	(void)close(pipes[0]);
	return child;
}

/* --- libcurl alone --- */

struct bare {
	int epoll;
	long timeout_ms;
	CURLM *multi;
	CURL *handles[PARALLEL];
	long left;
	long done;
	size_t bytes;
};

static size_t bare_body(char *bytes UNUSED, size_t size, size_t count, void *context)
{
	struct bare *bare = context;

	bare->bytes += size * count;
	return size * count;
}

static int bare_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *context, void *known)
{
	struct bare *bare = context;
	struct epoll_event event = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(bare->epoll, EPOLL_CTL_DEL, fd, NULL);
		(void)curl_multi_assign(bare->multi, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
	               (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	(void)epoll_ctl(bare->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	(void)curl_multi_assign(bare->multi, fd, bare);
	return 0;
}

static int bare_timer(CURLM *multi UNUSED, long timeout_ms, void *context)
{
	struct bare *bare = context;

	bare->timeout_ms = timeout_ms;
	return 0;
}

static void bare_again(struct bare *bare, CURL *easy)
{
	if (bare->left == 0)
		return;
	bare->left--;
	if (curl_multi_add_handle(bare->multi, easy) != CURLM_OK)
		fail("libcurl takes no transfer");
}

static void bare_harvest(struct bare *bare)
{
	CURLMsg *message;
	int queued;

	while ((message = curl_multi_info_read(bare->multi, &queued)) != NULL) {
		CURL *easy = message->easy_handle;

		if (message->data.result != CURLE_OK)
			fail(curl_easy_strerror(message->data.result));
		(void)curl_multi_remove_handle(bare->multi, easy);
		bare->done++;
		bare_again(bare, easy);
	}
}

static void bare_loop(struct bare *bare)
{
	struct epoll_event events[EVENTS];
	int running;

	while (bare->done < REQUESTS) {
		int wait_ms = bare->timeout_ms < 0 ? 1000 : (int)bare->timeout_ms;
		int count = epoll_wait(bare->epoll, events, EVENTS, wait_ms);

		for (int i = 0; i < count; i++) {
			int flags = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
			            (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);

			(void)curl_multi_socket_action(bare->multi, events[i].data.fd, flags,
			                               &running);
		}
		if (bare->timeout_ms == 0 || count == 0)
			(void)curl_multi_socket_action(bare->multi, CURL_SOCKET_TIMEOUT, 0,
			                               &running);
		bare_harvest(bare);
	}
}

static double run_bare(const char *url)
{
	struct bare bare = {.epoll = epoll_create1(0), .timeout_ms = -1, .left = REQUESTS};
	struct curl_slist *headers =
	    curl_slist_append(NULL, "Authorization: Bearer sk-bench-0123456789abcdef");

	headers = curl_slist_append(headers, "Content-Type: application/json");
	bare.multi = curl_multi_init();
	(void)curl_multi_setopt(bare.multi, CURLMOPT_SOCKETFUNCTION, bare_socket);
	(void)curl_multi_setopt(bare.multi, CURLMOPT_SOCKETDATA, &bare);
	(void)curl_multi_setopt(bare.multi, CURLMOPT_TIMERFUNCTION, bare_timer);
	(void)curl_multi_setopt(bare.multi, CURLMOPT_TIMERDATA, &bare);
	(void)curl_multi_setopt(bare.multi, CURLMOPT_MAXCONNECTS, 1024L);
	for (int i = 0; i < PARALLEL; i++) {
		CURL *easy = curl_easy_init();

		(void)curl_easy_setopt(easy, CURLOPT_URL, url);
		(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
		(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_body.data);
		(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		                       (curl_off_t)request_body.len);
		(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, bare_body);
		(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bare);
		bare.handles[i] = easy;
	}
	double before = cpu_seconds();
	for (int i = 0; i < PARALLEL; i++)
		bare_again(&bare, bare.handles[i]);
	bare_loop(&bare);
	double used = cpu_seconds() - before;
	if (bare.bytes != REQUESTS * (sizeof(reply_body) - 1))
		fail("replies are not whole");
	for (int i = 0; i < PARALLEL; i++)
		curl_easy_cleanup(bare.handles[i]);
	(void)curl_multi_cleanup(bare.multi);
	curl_slist_free_all(headers);
	(void)close(bare.epoll);
	return used * 1e6 / REQUESTS;
}

/* --- calls --- */

struct asker {
	struct caller *caller;
	struct loop *loop;
	struct recording *recording; /* NULL: none */
	struct call_options options;
	struct arena arena;
	long left;
	long done;
};

static void ask(struct asker *asker);

static void told_attempt(void *context, const struct call_attempt *attempt)
{
	struct asker *asker = context;
	struct recording_label label = {
	    .target = TEXT("bench/bench-1"),
	    .case_id = TEXT("TC-10"),
	    .variant = TEXT("sync"),
	    .trial = 1,
	    .attempt = 1,
	};
	struct text id;
	struct fault fault;

	if (!attempt->reply->complete)
		fail("a reply is not complete");
	if (asker->recording == NULL)
		return;
	if (!recording_add(asker->recording, &label, attempt->exchange, &asker->arena, &id, &fault))
		fail(fault.message);
	arena_reset(&asker->arena);
}

static void told_end(void *context, const struct call_attempt *last UNUSED,
                     const struct fault *fault)
{
	struct asker *asker = context;

	if (fault != NULL)
		fail(fault->message);
	asker->done++;
	ask(asker);
	if (asker->done == REQUESTS)
		loop_stop(asker->loop);
}

static void ask(struct asker *asker)
{
	struct call_events events = {told_attempt, told_end, asker};

	if (asker->left == 0)
		return;
	asker->left--;
	if (call_start(asker->caller, &asker->options, &events) == NULL)
		fail("no call");
}

static void clear_folder(const char *folder)
{
	struct arena arena = {0};
	struct text *names;
	size_t count;
	struct fault fault;

	if (file_list(folder, &arena, &names, &count, &fault))
		for (size_t i = 0; i < count; i++)
			(void)unlink(file_join(&arena, folder, text_c(&arena, names[i])));
	(void)rmdir(folder);
	arena_done(&arena);
}

static double run_calls(const struct target *target, const char *folder)
{
	struct chat_request request = {
	    .endpoint = ENDPOINT_CHAT,
	    .body = text_buf_view(&request_body),
	};
	struct asker asker = {
	    .loop = loop_new(),
	    .options = {.target = target,
	                .request = &request,
	                .max_attempts = 1,
	                .deadline_ms = 60000,
	                .body_max_bytes = 1 << 20},
	    .left = REQUESTS,
	};
	struct fault fault;

	if (!caller_new(asker.loop, &asker.caller, &fault) ||
	    (folder != NULL && !recording_open(folder, &asker.recording, &fault)))
		fail(fault.message);
	double before = cpu_seconds();
	for (int i = 0; i < PARALLEL; i++)
		ask(&asker);
	loop_run(asker.loop);
	double used = cpu_seconds() - before;
	recording_close(asker.recording);
	if (folder != NULL)
		clear_folder(folder);
	caller_free(asker.caller);
	loop_free(asker.loop);
	arena_done(&asker.arena);
	return used * 1e6 / REQUESTS;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values)
{
	qsort(values, TURNS, sizeof(values[0]), by_size);
	return values[TURNS / 2];
}

/* About what a case with two tools asks. */
static void make_request(void)
{
	text_buf_init(&request_body, 4096);
	text_buf_add_c(&request_body,
	               "{\"model\":\"bench-1\",\"messages\":[{\"role\":\"user\",\"content\":\"");
	while (request_body.len < 1300)
		text_buf_add_c(&request_body, "What is the weather like in Paris today? ");
	text_buf_add_c(&request_body, "\"}],\"temperature\":0}");
}

int main(void)
{
	static double bare[TURNS], calls[TURNS], recorded[TURNS];
	char folder[] = "/tmp/proviso-bench-XXXXXX";
	struct arena arena = {0};
	int port;

	make_request();
	pid_t server = start_server(&port);
	if (mkdtemp(folder) == NULL)
		fail("no folder");
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	struct provider provider = {
	    .name = TEXT("bench"),
	    .dialect = &dialect_openai,
	    .base_url = text_format(&arena, "http://127.0.0.1:%d/v1", port),
	    .key_ref = TEXT("env:BENCH"),
	    .key = secret_from_bytes(TEXT("sk-bench-0123456789abcdef")),
	    .limits = {.concurrency = PARALLEL},
	    .timeouts = {5000, 60000, 60000, 900000},
	};
	struct provider_model model = {.name = TEXT("bench-1")};
	struct target target = {&provider, &model, TEXT("bench/bench-1")};
	const char *url =
	    text_format(&arena, "%.*s/chat/completions", TEXT_ARG(provider.base_url)).data;

	for (int i = 0; i < TURNS; i++) {
		bare[i] = run_bare(url);
		calls[i] = run_calls(&target, NULL);
		recorded[i] = run_calls(&target, folder);
	}
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	(void)rmdir(folder);
	double floor_us = median(bare), call_us = median(calls), record_us = median(recorded);
	printf("CPU a request, %d in parallel, medians of %d turns of %d requests\n", PARALLEL,
	       TURNS, REQUESTS);
	printf("  libcurl alone    %6.1f us\n", floor_us);
	printf("  call             %6.1f us  %.2f times\n", call_us, call_us / floor_us);
	printf("  call, recorded   %6.1f us  %.2f times (goal: at most 2)\n", record_us,
	       record_us / floor_us);
	secret_free(provider.key);
	text_buf_done(&request_body);
	arena_done(&arena);
	curl_global_cleanup();
	return EXIT_SUCCESS;
}
