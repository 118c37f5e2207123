/* `inspect FILE`: reads one raw response and prints what it says and what it violates. */
#include "harness/cli/command.h"

#include "cases/expect/asked.h"
#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "providers/dialect/dialect.h"
#include "providers/reply/reply_reader.h"

struct inspect {
	struct text dialect;
	struct text request;
	bool strict;
	bool pretty;
	struct text_list files;
};

static const struct option inspect_rows[] = {
    {.name = "dialect",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct inspect, dialect),
     .value = "NAME",
     .help = "read it as this dialect instead of recognising it"},
    {.name = "request",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct inspect, request),
     .value = "FILE",
     .help = "the request body that was asked, so that more can be judged"},
    {.name = "strict",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct inspect, strict),
     .help = "exit 1 where the response violates a rule"},
    {.name = "pretty",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct inspect, pretty),
     .help = "one member a line"},
};

static const struct option_table inspect_options = {
    .rows = inspect_rows,
    .count = ARRAY_LENGTH(inspect_rows),
    .operands = offsetof(struct inspect, files),
    .operands_max = 1,
};

/* What the request's body tells the reader: endpoint by its members, streaming, usage. */
static bool read_request(struct text path, struct arena *arena, struct chat_request *out,
                         const struct json **asked, struct fault *fault)
{
	struct source *source;
	struct json *body;

	if (!file_read(text_c(arena, path), REPLY_MAX_BYTES, arena, &source, fault) ||
	    !json_read(source, NULL, arena, &body, fault))
		return fault_within(fault, "reading the request");
	if (!json_is(body, JSON_OBJECT))
		return fault_at(fault, json_place(body), "a request is an object, this is %s",
		                json_type_name(body));
	*asked = body;
	*out = (struct chat_request){.endpoint = ENDPOINT_CHAT, .body = source->body};
	if (json_member(body, "messages") == NULL && json_member(body, "prompt") != NULL)
		out->endpoint = ENDPOINT_COMPLETIONS;
	else if (json_member(body, "messages") == NULL && json_member(body, "input") != NULL)
		out->endpoint = json_member(body, "encoding_format") != NULL ? ENDPOINT_EMBEDDINGS
		                                                             : ENDPOINT_RESPONSES;
	out->streamed = json_truth(body, "stream", false);
	out->usage_asked = json_truth(json_member(body, "stream_options"), "include_usage", false);
	return true;
}

/* Binary frames begin with a zero, but so do other files: one must have come whole. */
static bool is_readable(const struct chat_reply *reply, struct text bytes)
{
	if (bytes.len > 0 && bytes.data[0] == '\0')
		return reply->events > 0;
	return reply_is_readable(reply) || reply->api != CHAT_API_UNKNOWN;
}

static size_t write_breaches(void *context, struct json_writer *writer)
{
	const struct asked_breaches *breaches = context;

	for (size_t i = 0; i < breaches->count; i++)
		reply_write_violation(writer, breaches->items[i].case_id, breaches->items[i].detail,
		                      breaches->items[i].grade);
	return breaches->dropped;
}

/* breaches: of the request that was given. */
static int print_reply(const struct inspect *inspect, const struct chat_reply *reply,
                       struct asked_breaches *breaches)
{
	struct text_buf out;
	struct json_writer writer;
	struct fault fault;
	int code = EXIT_HOLDS;

	text_buf_init(&out, (size_t)REPLY_MAX_BYTES * 4);
	json_writer_init(&writer, &out, inspect->pretty);
	reply_write_json(reply, &writer, write_breaches, breaches);
	(void)text_buf_byte(&out, '\n');
	if (!command_write((struct text){NULL, 0}, text_buf_view(&out), &fault))
		code = command_fail(&fault);
	else if (inspect->strict &&
	         (reply->violation_count != 0 || breaches->count != 0 || !reply->complete))
		code = EXIT_DOES_NOT_HOLD;
	text_buf_done(&out);
	return code;
}

static int unknown_dialect(struct text name, struct arena *arena)
{
	struct text known = TEXT("");
	struct fault fault;

	for (size_t i = 0; dialect_names[i] != NULL; i++)
		known = text_format(arena, "%.*s%s%s", TEXT_ARG(known), i == 0 ? "" : ", ",
		                    dialect_names[i]);
	(void)fault_set(&fault, FAULT_USAGE, "unknown dialect \"%.*s\"%.*s; there are %.*s",
	                TEXT_ARG(name), TEXT_ARG(command_suggestion(name, dialect_names, arena)),
	                TEXT_ARG(known));
	return command_fail(&fault);
}

static int inspect_run(void *state, struct arena *arena)
{
	struct inspect *inspect = state;
	struct reply_context context = {0};
	struct chat_request request;
	struct asked_breaches *breaches = ARENA_NEW(arena, struct asked_breaches);
	const struct json *asked = NULL;
	struct source *source;
	struct fault fault;

	if (inspect->files.count != 1) {
		(void)fault_set(&fault, FAULT_USAGE, "inspect wants one FILE (- for stdin)");
		return command_fail(&fault);
	}
	if (inspect->dialect.data != NULL) {
		context.dialect = dialect_from_name(inspect->dialect);
		if (context.dialect == NULL) {
			return unknown_dialect(inspect->dialect, arena);
		}
	}
	if (inspect->request.data != NULL) {
		if (!read_request(inspect->request, arena, &request, &asked, &fault))
			return command_fail(&fault);
		context.request = &request;
	}
	const char *path = text_c(arena, inspect->files.items[0]);
	if (!file_read(path, REPLY_MAX_BYTES, arena, &source, &fault))
		return command_fail(&fault);
	const struct chat_reply *reply = reply_read(&context, source->body, arena);
	if (!is_readable(reply, source->body)) {
		(void)fault_set(&fault, FAULT_INPUT, "%s is neither JSON nor server-sent events",
		                path);
		return command_fail(&fault);
	}
	if (asked != NULL)
		asked_judge(asked, reply, arena, breaches);
	return print_reply(inspect, reply, breaches);
}

const struct command command_inspect = {
    .name = "inspect",
    .summary = "read one raw response; print what it says and what it violates",
    .operands = "FILE",
    .about = "Reads a JSON body or the bytes of an SSE stream (- for stdin) as a provider sent\n"
	     "them and prints one JSON object: content, tool calls, usage, ids, errors, and\n"
	     "each violation with the case of the suite that it breaks.",
    .options = &inspect_options,
    .state_bytes = sizeof(struct inspect),
    .run = inspect_run,
};
