/* The provider that benchmarks ask. */
#include "tests/bench/mock_server.h"

#include "harness/base/http_server.h"
#include "harness/base/json.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTIONS = 4096 };

static const char before_text[] =
    "{\"id\":\"chatcmpl-0123456789abcdefghijklmnopqr\",\"object\":\"chat.completion\","
    "\"created\":1767225600,\"model\":";
static const char before_content[] =
    ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":";
static const char after_content[] =
    ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{"
    "\"prompt_tokens\":23,\"completion_tokens\":27,\"total_tokens\":50,"
    "\"prompt_tokens_details\":{\"cached_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"system_fingerprint\":\"fp_1\"}";

static pid_t server;

static void fail(const char *what)
{
	(void)fprintf(stderr, "mock provider: %s\n", what);
	exit(EXIT_FAILURE);
}

/* A string as it is written in the request, quotes and escapes. */
static struct text as_written(struct text body, const struct json *node, const char *otherwise)
{
	return json_is(node, JSON_STRING) ? text_slice(body, node->begin, node->end)
	                                  : text_of(otherwise);
}

static void echo(struct http_exchange *exchange, const struct http_header *headers, size_t count)
{
	struct text body = http_exchange_request(exchange)->body;
	struct text_buf reply;
	struct json *root;
	struct fault fault;

	if (!json_read_text(body, "request", http_exchange_arena(exchange), &root, &fault)) {
		http_respond(exchange, 400, headers, count, TEXT("{\"error\":null}"));
		return;
	}
	const struct json *messages = json_member(root, "messages");
	const struct json *last = json_is(messages, JSON_ARRAY) ? messages->last : NULL;
	text_buf_init(&reply, 1 << 20);
	text_buf_add_c(&reply, before_text);
	text_buf_add(&reply, as_written(body, json_member(root, "model"), "\"?\""));
	text_buf_add_c(&reply, before_content);
	text_buf_add(&reply, as_written(body, json_member(last, "content"), "\"\""));
	text_buf_add_c(&reply, after_content);
	http_respond(exchange, reply.overflow ? 500 : 200, headers, count, text_buf_view(&reply));
	text_buf_done(&reply);
}

static void answer(void *context, struct http_exchange *exchange)
{
	const struct text *fixed_reply = context;
	const struct http_header headers[] = {
	    {TEXT("Content-Type"), TEXT("application/json")},
	    {TEXT("x-request-id"), TEXT("req_0123456789")},
	    {TEXT("openai-processing-ms"), TEXT("12")},
	};

	if (fixed_reply != NULL)
		http_respond(exchange, 200, headers, ARRAY_LENGTH(headers), *fixed_reply);
	else
		echo(exchange, headers, ARRAY_LENGTH(headers));
}

int mock_server_start(struct loop *loop, const struct text *fixed_reply)
{
	struct http_server_options options = http_server_defaults;
	/* Handed back as it came: `answer` only reads it. */
	struct http_handler handler = {.request = answer,
	                               .context = (void *)(uintptr_t)fixed_reply};
	struct http_server *listener;
	struct fault fault;

	options.address = "127.0.0.1";
	options.port = 0;
	options.connections = CONNECTIONS;
	if (!http_server_start(loop, &options, &handler, &listener, &fault))
		fail(fault.message);
	return http_server_port(listener);
}

int mock_server_fork(const struct text *fixed_reply)
{
	int pipes[2], port;

	if (pipe(pipes) != 0)
		fail("no pipe");
	server = fork();
	if (server < 0)
		fail("no fork");
	if (server == 0) {
		struct loop *loop = loop_new();
		port = mock_server_start(loop, fixed_reply);
		if (write(pipes[1], &port, sizeof(port)) != sizeof(port))
			fail("no pipe");
		(void)close(pipes[0]);
		(void)close(pipes[1]);
		loop_run(loop);
		_exit(0);
	}
	(void)close(pipes[1]);
	if (read(pipes[0], &port, sizeof(port)) != sizeof(port))
		fail("it did not start");
	(void)close(pipes[0]);
	return port;
}

void mock_server_end(void)
{
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
}
