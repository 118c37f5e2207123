/* Anthropic's Messages, the reply: blocks, their events, usage without what was read from the
 * cache, errors and limits (Anthropic API reference; its streaming guide). */
#include "harness/base/loop.h"
#include "providers/sim/sim_anthropic.h"

enum { ANTHROPIC_ID_SIZE = 22, ANTHROPIC_TOKENS_PER_MINUTE = 2000000, ANTHROPIC_LIMIT_MS = 1000 };

/* --- blocks --- */

enum block_kind { BLOCK_THINKING, BLOCK_TEXT, BLOCK_TOOL_USE };

struct block {
	enum block_kind kind;
	struct text text; /* or the arguments */
	const struct sim_call *call;
};

enum { BLOCKS_MAX = SIM_CALLS_MAX + 3 };

static size_t blocks_of(const struct sim_choice *choice, struct block *blocks)
{
	size_t count = 0;

	if (choice->reasoning.len > 0)
		blocks[count++] = (struct block){BLOCK_THINKING, choice->reasoning, NULL};
	if (choice->refusal.len > 0)
		blocks[count++] = (struct block){BLOCK_TEXT, choice->refusal, NULL};
	if (choice->content.len > 0)
		blocks[count++] = (struct block){BLOCK_TEXT, choice->content, NULL};
	for (size_t i = 0; i < choice->call_count; i++)
		blocks[count++] =
		    (struct block){BLOCK_TOOL_USE, choice->calls[i].arguments, &choice->calls[i]};
	return count;
}

static struct text id_of(const struct sim_serving *serving, struct text id)
{
	struct text own = TEXT("call_");

	return text_starts(id, own)
	           ? text_format(serving->arena, "toolu_01%.*s",
	                         TEXT_ARG(text_slice(id, own.len, own.len + ANTHROPIC_ID_SIZE)))
	           : id;
}

static void write_thinking(const struct sim_completion *completion, struct json_writer *writer,
                           struct text text, bool begins)
{
	json_write_member_c(writer, "type", "thinking");
	json_write_member(writer, "thinking", begins ? TEXT("") : text);
	json_write_member(
	    writer, "signature",
	    begins ? TEXT("")
		   : sim_native_signature(completion->serving, SIM_ANTHROPIC_SIGNED, text));
}

/* begins: as it stands at the start of a streamed block, empty. */
static void write_block(const struct sim_completion *completion, struct json_writer *writer,
                        const struct block *block, bool begins)
{
	json_write_object(writer);
	switch (block->kind) {
	case BLOCK_THINKING:
		write_thinking(completion, writer, block->text, begins);
		break;
	case BLOCK_TEXT:
		json_write_member_c(writer, "type", "text");
		json_write_member(writer, "text", begins ? TEXT("") : block->text);
		break;
	case BLOCK_TOOL_USE: {
		bool empty = begins || sim_breaks(completion->serving, SIM_ANTHROPIC_EMPTY_INPUT);
		const struct json *input =
		    empty ? NULL : sim_native_arguments(completion->serving, block->call);
		json_write_member_c(writer, "type", "tool_use");
		json_write_member(writer, "id", id_of(completion->serving, block->call->id));
		json_write_member(writer, "name", block->call->name);
		json_write_key(writer, "input");
		if (input != NULL)
			json_write_node(writer, input);
		else
			json_write_raw(writer, TEXT("{}"));
		break;
	}
	}
	json_write_object_end(writer);
}

/* --- how it ends --- */

static const char *stop_reason(const struct sim_completion *completion)
{
	const struct sim_serving *serving = completion->serving;
	const struct sim_choice *choice = &completion->choices[0];
	bool hides_calls = sim_breaks(serving, SIM_FINISH_STOP_WITH_CALLS) ||
	                   sim_breaks(serving, SIM_TC_20) ||
	                   (serving->streamed && sim_breaks(serving, SIM_ST_09));

	if (choice->refusal.len > 0 || text_is(choice->finish, "content_filter"))
		return "refusal";
	if (text_is(choice->finish, "length"))
		return "max_tokens";
	if (text_is(choice->finish, "tool_calls") || (choice->call_count > 0 && !hides_calls))
		return "tool_use";
	return choice->stopped_by.data != NULL ? "stop_sequence" : "end_turn";
}

static void write_stop(const struct sim_completion *completion, struct json_writer *writer)
{
	struct text stopped_by = completion->choices[0].stopped_by;

	json_write_member_c(writer, "stop_reason", stop_reason(completion));
	json_write_key(writer, "stop_sequence");
	if (stopped_by.data != NULL)
		json_write_string(writer, stopped_by);
	else
		json_write_null(writer);
}

/* --- usage --- */

static void write_usage(const struct sim_completion *completion, struct json_writer *writer,
                        int64_t output)
{
	const struct sim_usage *usage = &completion->usage;

	json_write_key(writer, "usage");
	json_write_object(writer);
	json_write_member_int(writer, "input_tokens", int64_max(usage->prompt - usage->cached, 0));
	json_write_member_int(writer, "cache_creation_input_tokens", 0);
	json_write_member_int(writer, "cache_read_input_tokens", usage->cached);
	json_write_member_int(writer, "output_tokens", output);
	if (usage->reasoning > 0 && output == usage->completion) {
		json_write_key(writer, "output_tokens_details");
		json_write_object(writer);
		json_write_member_int(writer, "thinking_tokens", usage->reasoning);
		json_write_object_end(writer);
	}
	json_write_member_c(writer, "service_tier", "standard");
	json_write_object_end(writer);
}

/* --- whole --- */

static void write_head(const struct sim_completion *completion, struct json_writer *writer)
{
	json_write_member(writer, "id",
	                  text_format(completion->serving->arena, "msg_01%.*s",
	                              TEXT_ARG(sim_identifier(completion->serving, "message", 0,
	                                                      ANTHROPIC_ID_SIZE))));
	json_write_member_c(writer, "type", "message");
	json_write_member_c(writer, "role", "assistant");
	json_write_member(writer, "model", completion->model);
}

void sim_anthropic_render(const struct sim_completion *completion, struct json_writer *writer)
{
	struct block blocks[BLOCKS_MAX];
	size_t count = blocks_of(&completion->choices[0], blocks);

	json_write_object(writer);
	write_head(completion, writer);
	json_write_key(writer, "content");
	json_write_array(writer);
	for (size_t i = 0; i < count; i++)
		write_block(completion, writer, &blocks[i], false);
	json_write_array_end(writer);
	write_stop(completion, writer);
	if (completion->usage.present)
		write_usage(completion, writer, completion->usage.completion);
	json_write_object_end(writer);
}

/* --- events --- */

static void begin_event(struct sim_native_event *event, struct sim_stream *stream, const char *name)
{
	sim_native_event_begin(event, stream, name, false);
	json_write_member_c(&event->json, "type", name);
}

static void add_delta(struct sim_stream *out, size_t index, const struct block *block,
                      struct text piece)
{
	static const struct {
		const char *type, *member;
		enum sim_chunk_kind kind;
	} deltas[] = {
	    [BLOCK_THINKING] = {"thinking_delta", "thinking", CHUNK_REASONING},
	    [BLOCK_TEXT] = {"text_delta", "text", CHUNK_CONTENT},
	    [BLOCK_TOOL_USE] = {"input_json_delta", "partial_json", CHUNK_ARGUMENTS},
	};
	struct sim_native_event event;

	if (sim_breaks(out->completion.serving, SIM_ANTHROPIC_WRONG_BLOCK))
		index = 0;
	begin_event(&event, out, "content_block_delta");
	json_write_member_int(&event.json, "index", (int64_t)index);
	json_write_key(&event.json, "delta");
	json_write_object(&event.json);
	json_write_member_c(&event.json, "type", deltas[block->kind].type);
	json_write_member(&event.json, deltas[block->kind].member, piece);
	json_write_object_end(&event.json);
	sim_native_event_end(&event, deltas[block->kind].kind, "\n\n");
}

static void add_signature(const struct sim_completion *completion, struct sim_stream *out,
                          size_t index, struct text thinking)
{
	struct sim_native_event event;

	begin_event(&event, out, "content_block_delta");
	json_write_member_int(&event.json, "index", (int64_t)index);
	json_write_key(&event.json, "delta");
	json_write_object(&event.json);
	json_write_member_c(&event.json, "type", "signature_delta");
	json_write_member(
	    &event.json, "signature",
	    sim_native_signature(completion->serving, SIM_ANTHROPIC_SIGNED, thinking));
	json_write_object_end(&event.json);
	sim_native_event_end(&event, CHUNK_REASONING, "\n\n");
}

static void add_block(const struct sim_completion *completion, struct sim_stream *out, size_t index,
                      const struct block *block)
{
	bool calls = block->kind == BLOCK_TOOL_USE;
	struct sim_native_event event;

	begin_event(&event, out, "content_block_start");
	json_write_member_int(&event.json, "index", (int64_t)index);
	json_write_key(&event.json, "content_block");
	write_block(completion, &event.json, block, true);
	sim_native_event_end(&event, calls ? CHUNK_CALL : CHUNK_ROLE, "\n\n");
	if (index == 0)
		sim_native_event_raw(out, out->count, CHUNK_ROLE,
		                     TEXT("event: ping\ndata: {\"type\": \"ping\"}\n\n"));
	/* A call begins with an empty piece; one without arguments has no other. */
	if (calls)
		add_delta(out, index, block, TEXT(""));
	for (size_t at = 0; at < block->text.len && !(calls && text_is(block->text, "{}"));) {
		struct text piece = sim_native_piece(block->text, at, calls);
		add_delta(out, index, block, piece);
		at += piece.len;
	}
	if (block->kind == BLOCK_THINKING)
		add_signature(completion, out, index, block->text);
	begin_event(&event, out, "content_block_stop");
	json_write_member_int(&event.json, "index", (int64_t)index);
	sim_native_event_end(&event, CHUNK_ROLE, "\n\n");
}

void sim_anthropic_stream(const struct sim_completion *completion, struct sim_stream *out)
{
	struct block blocks[BLOCKS_MAX];
	size_t count = blocks_of(&completion->choices[0], blocks);
	struct sim_native_event event;

	begin_event(&event, out, "message_start");
	json_write_key(&event.json, "message");
	json_write_object(&event.json);
	write_head(completion, &event.json);
	json_write_key(&event.json, "content");
	json_write_raw(&event.json, TEXT("[]"));
	json_write_member_c(&event.json, "stop_reason", NULL);
	json_write_member_c(&event.json, "stop_sequence", NULL);
	if (completion->usage.present)
		write_usage(completion, &event.json, 1);
	json_write_object_end(&event.json);
	sim_native_event_end(&event, CHUNK_ROLE, "\n\n");
	for (size_t i = 0; i < count; i++)
		add_block(completion, out, i, &blocks[i]);
	begin_event(&event, out, "message_delta");
	json_write_key(&event.json, "delta");
	json_write_object(&event.json);
	write_stop(completion, &event.json);
	json_write_object_end(&event.json);
	if (completion->usage.present &&
	    !sim_breaks(completion->serving, SIM_ANTHROPIC_USAGE_AT_START))
		write_usage(completion, &event.json, completion->usage.completion);
	sim_native_event_end(&event, CHUNK_FINISH, "\n\n");
	begin_event(&event, out, "message_stop");
	sim_native_event_end(&event, CHUNK_RAW, "\n\n");
}

/* --- errors and limits --- */

int sim_anthropic_error(const struct sim_serving *serving, const struct sim_error *error,
                        struct text_buf *out)
{
	static const struct {
		int status, sent;
		const char *type;
	} types[] = {
	    {400, 400, "invalid_request_error"}, {401, 401, "authentication_error"},
	    {402, 402, "billing_error"},         {403, 403, "permission_error"},
	    {404, 404, "not_found_error"},       {409, 409, "conflict_error"},
	    {413, 413, "request_too_large"},     {429, 429, "rate_limit_error"},
	    {503, 529, "overloaded_error"},      {504, 504, "timeout_error"},
	};
	struct json_writer writer;
	int sent = error->status;
	const char *type = error->status >= 500 ? "api_error" : "invalid_request_error";

	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		if (types[i].status != error->status)
			continue;
		sent = types[i].sent;
		type = types[i].type;
	}
	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member_c(&writer, "type", "error");
	json_write_key(&writer, "error");
	json_write_object(&writer);
	json_write_member_c(&writer, "type", type);
	json_write_member(&writer, "message", error->message);
	json_write_object_end(&writer);
	json_write_member(
	    &writer, "request_id",
	    text_format(serving->arena, "req_%.*s", TEXT_ARG(text_slice(serving->digest, 0, 24))));
	json_write_object_end(&writer);
	return sent;
}

void sim_anthropic_limits(const struct sim_serving *serving, int64_t tokens, struct sim_output *out)
{
	struct text reset =
	    wall_format(serving->arena, serving->wall_ms + ANTHROPIC_LIMIT_MS, false);

	sim_output_header(out, "anthropic-ratelimit-requests-limit", TEXT("4000"));
	sim_output_header(out, "anthropic-ratelimit-requests-remaining", TEXT("3999"));
	sim_output_header(out, "anthropic-ratelimit-requests-reset", reset);
	sim_output_header(out, "anthropic-ratelimit-tokens-limit",
	                  text_format(serving->arena, "%d", ANTHROPIC_TOKENS_PER_MINUTE));
	sim_output_header(
	    out, "anthropic-ratelimit-tokens-remaining",
	    text_format(serving->arena, "%lld", (long long)(ANTHROPIC_TOKENS_PER_MINUTE - tokens)));
	sim_output_header(out, "anthropic-ratelimit-tokens-reset", reset);
}
