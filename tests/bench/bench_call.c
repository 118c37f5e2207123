/*
 * The runner's floor: what one call costs (pacing, attempt, reading the reply, and
 * evidence on disk) beside libcurl alone. Both ask the same server, which runs in a
 * process of its own; they take turns, so that a busy machine slows both; what is
 * printed is CPU of this process a request, each turn in a line (bare, call, recorded).
 */
#include "tests/bench/bare_loop.h"
#include "tests/bench/mock_server.h"

#include "providers/wire/call.h"
#include "providers/wire/recording.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PARALLEL = 64, REQUESTS = 10000, TURNS = 7 };

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

static double run_bare(const char *url)
{
	struct bare_request request = {url, text_buf_view(&request_body)};
	struct bare_job job = {&request, 1, REQUESTS, PARALLEL};
	double before = cpu_seconds();

	if (bare_loop_run(&job) != REQUESTS * (sizeof(reply_body) - 1))
		fail("replies are not whole");
	return (cpu_seconds() - before) * 1e6 / REQUESTS;
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
	const struct text fixed_reply = {reply_body, sizeof(reply_body) - 1};
	char folder[] = "/tmp/proviso-bench-XXXXXX";
	struct arena arena = {0};

	make_request();
	int port = mock_server_fork(&fixed_reply);
	if (mkdtemp(folder) == NULL)
		fail("no folder");
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	struct provider provider = {
	    .name = TEXT("bench"),
	    .dialect = &dialect_openai,
	    .base_url = text_format(&arena, "http://127.0.0.1:%d/v1", port),
	    .key_ref = TEXT("env:BENCH"),
	    .key = secret_from_bytes(TEXT(BENCH_KEY)),
	    .limits = {.concurrency = PARALLEL},
	    .timeouts = {5000, 60000, 60000, 900000},
	};
	struct provider_model model = {.name = TEXT("bench-1")};
	struct target target = {&provider, &model, TEXT("bench/bench-1")};
	const char *url =
	    text_format(&arena, "%.*s/chat/completions", TEXT_ARG(provider.base_url)).data;

	for (int i = 0; i < TURNS; i++) {
		double bare = run_bare(url), call = run_calls(&target, NULL);

		(void)printf("call\t%.2f\t%.2f\t%.2f\n", bare, call, run_calls(&target, folder));
	}
	mock_server_end();
	(void)rmdir(folder);
	secret_free(provider.key);
	text_buf_done(&request_body);
	arena_done(&arena);
	curl_global_cleanup();
	return EXIT_SUCCESS;
}
