/*
 * What translation adds: a stream read in a provider's format and written in the client's beside
 * one that passes as it came (which the proxy reads, too), and a request put into a provider's
 * format beside one that goes as it is. They take turns; CPU of this process; a line for each:
 *
 *   stream|request, name, then for each turn: here, as it is (microseconds an event, a request)
 */
#include "providers/client/decode.h"
#include "providers/client/reply_writer.h"
#include "providers/provider.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS = 200, STREAMS = 50, REQUESTS = 2000, TURNS = 7, REQUEST_BYTES = 2048 };

#define WORDS " words that came"
#define EVENT(name, data) "event: " name "\ndata: " data "\n\n"
#define DATA(data) "data: " data "\n\n"

/* A stream: what begins it, what is repeated, what ends it. */
struct stream {
	const char *name;
	const struct dialect *dialect;
	enum client_format client;
	bool passes; /* as it came: nothing is written */
	const char *begin, *each, *end;
};

#define CHUNK(delta, reason)                                                                       \
	DATA("{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,"         \
	     "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" delta                          \
	     ",\"logprobs\":null,\"finish_reason\":" reason "}]}")
#define CHAT_BEGIN CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null")
#define CHAT_EACH CHUNK("{\"content\":\"" WORDS "\"}", "null")
#define CHAT_END                                                                                   \
	CHUNK("{}", "\"stop\"")                                                                    \
	DATA("{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1767225600,"         \
	     "\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":23,"                     \
	     "\"completion_tokens\":600,\"total_tokens\":623}}")                                   \
	DATA("[DONE]")
#define GEMINI(text, more)                                                                         \
	DATA("{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text                         \
	     "\"}],\"role\":\"model\"},\"index\":0" more "}],\"usageMetadata\":{"                  \
	     "\"promptTokenCount\":23,\"candidatesTokenCount\":600,\"totalTokenCount\":623},"      \
	     "\"modelVersion\":\"m\",\"responseId\":\"r1\"}")
#define OLLAMA(text, more)                                                                         \
	"{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{"                   \
	"\"role\":\"assistant\",\"content\":\"" text "\"}," more "}\n"

static const struct stream streams[] = {
    {"as it came", &dialect_openai, CLIENT_CHAT, true, CHAT_BEGIN, CHAT_EACH, CHAT_END},
    {"anthropic to chat", &dialect_anthropic, CLIENT_CHAT, false,
     EVENT("message_start", "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":"
                            "\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],"
                            "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{"
                            "\"input_tokens\":23,\"output_tokens\":1}}}")
         EVENT("content_block_start", "{\"type\":\"content_block_start\",\"index\":0,"
                                      "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"),
     EVENT("content_block_delta", "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{"
                                  "\"type\":\"text_delta\",\"text\":\"" WORDS "\"}}"),
     EVENT("content_block_stop", "{\"type\":\"content_block_stop\",\"index\":0}")
         EVENT("message_delta", "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
                                "\"end_turn\",\"stop_sequence\":null},\"usage\":{"
                                "\"output_tokens\":600}}")
             EVENT("message_stop", "{\"type\":\"message_stop\"}")},
    {"gemini to chat", &dialect_gemini, CLIENT_CHAT, false, "", GEMINI(WORDS, ""),
     GEMINI("", ",\"finishReason\":\"STOP\"")},
    {"cohere to chat", &dialect_cohere, CLIENT_CHAT, false,
     EVENT("message-start", "{\"type\":\"message-start\",\"id\":\"c1\",\"delta\":{\"message\":{"
                            "\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\","
                            "\"tool_calls\":[],\"citations\":[]}}}")
         EVENT("content-start", "{\"type\":\"content-start\",\"index\":0,\"delta\":{\"message\":{"
                                "\"content\":{\"type\":\"text\",\"text\":\"\"}}}}"),
     EVENT("content-delta", "{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{"
                            "\"content\":{\"text\":\"" WORDS "\"}}}}"),
     EVENT("content-end", "{\"type\":\"content-end\",\"index\":0}")
         EVENT("message-end", "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":"
                              "\"COMPLETE\",\"usage\":{\"billed_units\":{\"input_tokens\":23,"
                              "\"output_tokens\":600},\"tokens\":{\"input_tokens\":23,"
                              "\"output_tokens\":600}}}}")},
    {"ollama to chat", &dialect_ollama, CLIENT_CHAT, false, "", OLLAMA(WORDS, "\"done\":false"),
     OLLAMA("", "\"done\":true,\"done_reason\":\"stop\",\"total_duration\":1,"
                "\"prompt_eval_count\":23,\"eval_count\":600")},
    {"chat to messages", &dialect_openai, CLIENT_MESSAGES, false, CHAT_BEGIN, CHAT_EACH, CHAT_END},
    {"chat to responses", &dialect_openai, CLIENT_RESPONSES, false, CHAT_BEGIN, CHAT_EACH,
     CHAT_END},
};

static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static void fail(const char *name, const char *what)
{
	(void)fprintf(stderr, "translate: %s: %s\n", name, what);
	exit(EXIT_FAILURE);
}

/* --- streams --- */

static size_t count_of(struct text where, struct text what)
{
	size_t count = 0;

	for (size_t at = 0; (at = text_find(where, what, at)) != TEXT_NOT_FOUND; at += what.len)
		count++;
	return count;
}

static struct arena scratch;

/* One read from the provider: as the proxy does it, event by event. */
static void feed(struct reply_reader *reader, struct reply_writer *writer, const char *bytes,
                 struct text_buf *out)
{
	reply_reader_feed(reader, text_of(bytes), 1);
	if (writer != NULL)
		reply_writer_update(writer, reply_reader_reply(reader), out);
}

static void pass_stream(const struct stream *stream, struct arena *arena, struct text_buf *out)
{
	const struct chat_request request = {.endpoint = ENDPOINT_CHAT,
	                                     .body = TEXT("{\"model\":\"m\",\"stream\":true}"),
	                                     .streamed = true,
	                                     .usage_asked = true};
	const struct reply_context context = {
	    .dialect = stream->dialect,
	    .request = &request,
	    .status = 200,
	    .content_type =
		stream->dialect->lines ? TEXT("application/x-ndjson") : TEXT("text/event-stream"),
	    .text_kept_bytes = stream->passes ? 64 : 0,
	    .scratch = &scratch,
	};
	const struct reply_writer_options options = {.format = stream->client,
	                                             .streamed = true,
	                                             .usage_asked = true,
	                                             .created_s = 1767225600,
	                                             .model = TEXT("m"),
	                                             .seed = TEXT("seed")};
	struct reply_reader *reader = reply_reader_new(&context, arena);
	struct reply_writer *writer = stream->passes ? NULL : reply_writer_new(&options);

	feed(reader, writer, stream->begin, out);
	for (int i = 0; i < EVENTS; i++)
		feed(reader, writer, stream->each, out);
	feed(reader, writer, stream->end, out);
	const struct chat_reply *reply = reply_reader_end(reader, false);
	if (writer != NULL)
		reply_writer_end(writer, reply, false, out);
	if (!reply->complete ||
	    (writer != NULL && count_of(text_buf_view(out), TEXT(WORDS)) < EVENTS))
		fail(stream->name, "the reply is not whole");
	reply_writer_free(writer);
	reply_reader_done(reader);
}

static double measure_stream(const struct stream *stream)
{
	struct arena arena = {0};
	struct text_buf out;

	text_buf_init(&out, 1 << 20);
	double start = now_us();
	for (int i = 0; i < STREAMS; i++) {
		pass_stream(stream, &arena, &out);
		text_buf_reset(&out);
		arena_reset(&arena);
	}
	double used = now_us() - start;
	text_buf_done(&out);
	arena_done(&arena);
	return used / (STREAMS * EVENTS);
}

/* --- requests --- */

struct asked {
	const char *name;
	const struct dialect *dialect; /* the provider's; NULL: a client's messages made a chat */
};

static const struct asked asked[] = {
    {"as it is", &dialect_openai},  {"to anthropic", &dialect_anthropic},
    {"to gemini", &dialect_gemini}, {"to cohere", &dialect_cohere},
    {"to ollama", &dialect_ollama}, {"messages to chat", NULL},
};

static struct text_buf chat_body, messages_body;

static void fill(struct text_buf *out, const char *end)
{
	while (out->len + strlen(end) < REQUEST_BYTES)
		text_buf_add_c(out, "What is the weather like in Paris today? ");
	text_buf_add_c(out, end);
}

#define SCHEMA                                                                                     \
	"{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"unit\":{"           \
	"\"type\":\"string\",\"enum\":[\"c\",\"f\"]}},\"required\":[\"city\"]}"
#define TURN_TEXT "{\"role\":\"user\",\"content\":\""

static void make_bodies(void)
{
	text_buf_init(&chat_body, 2 * REQUEST_BYTES);
	text_buf_init(&messages_body, 2 * REQUEST_BYTES);
	text_buf_add_c(
	    &chat_body,
	    "{\"model\":\"m\",\"max_tokens\":100,\"temperature\":0.5,\"stream\":true,"
	    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\","
	    "\"description\":\"The weather.\",\"parameters\":" SCHEMA
	    "}}],\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"}," TURN_TEXT);
	fill(&chat_body, "\"}]}");
	text_buf_add_c(&messages_body,
	               "{\"model\":\"m\",\"max_tokens\":100,\"temperature\":0.5,\"stream\":true,"
	               "\"system\":\"Be brief.\",\"tools\":[{\"name\":\"weather\",\"description\":"
	               "\"The weather.\",\"input_schema\":" SCHEMA "}],\"messages\":[" TURN_TEXT);
	fill(&messages_body, "\"}]}");
}

static void ask(const struct asked *one, const struct provider *provider,
                const struct chat_request *request, struct arena *arena)
{
	struct wire_request wire = {0};
	struct decode_fault wrong;
	struct fault fault;
	struct json *root;
	struct decoded chat;

	if (one->dialect != NULL) {
		if (!one->dialect->encode(provider, request, arena, &wire, &fault))
			fail(one->name, fault.message);
		return;
	}
	/* Both trees are built: the client's, and that of what it became. */
	if (!json_read_text(text_buf_view(&messages_body), "body", arena, &root, &fault) ||
	    !decode_messages(root, arena, &chat, &wrong) ||
	    !json_read_text(chat.body, "body", arena, &root, &fault))
		fail(one->name, "can't be read");
}

static double measure_request(const struct asked *one)
{
	struct provider_model model = {.name = TEXT("m"), .context = -1, .max_output = 4096};
	const struct provider provider = {
	    .name = TEXT("bench"),
	    .dialect = one->dialect,
	    .base_url = TEXT("http://127.0.0.1:9/v1"),
	    .models = &model,
	    .model_count = 1,
	};
	const struct chat_request request = {
	    .endpoint = ENDPOINT_CHAT, .body = text_buf_view(&chat_body), .streamed = true};
	struct arena arena = {0};
	double start = now_us();

	for (int i = 0; i < REQUESTS; i++) {
		ask(one, &provider, &request, &arena);
		arena_reset(&arena);
	}
	double used = now_us() - start;
	arena_done(&arena);
	return used / REQUESTS;
}

int main(void)
{
	double here[TURNS], same[TURNS];

	make_bodies();
	for (size_t i = 1; i < ARRAY_LENGTH(streams); i++) {
		(void)printf("stream\t%s", streams[i].name);
		for (int turn = 0; turn < TURNS; turn++) {
			here[turn] = measure_stream(&streams[i]);
			same[turn] = measure_stream(&streams[0]);
			(void)printf("\t%.3f\t%.3f", here[turn], same[turn]);
		}
		(void)printf("\n");
	}
	for (size_t i = 1; i < ARRAY_LENGTH(asked); i++) {
		(void)printf("request\t%s", asked[i].name);
		for (int turn = 0; turn < TURNS; turn++) {
			here[turn] = measure_request(&asked[i]);
			same[turn] = measure_request(&asked[0]);
			(void)printf("\t%.3f\t%.3f", here[turn], same[turn]);
		}
		(void)printf("\n");
	}
	text_buf_done(&chat_body);
	text_buf_done(&messages_body);
	arena_done(&scratch);
	return EXIT_SUCCESS;
}
