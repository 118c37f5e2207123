/* Google's generateContent, the reply: candidates of parts, each event of a stream a whole
 * response with what is new; thoughts counted apart; errors with google.rpc details. */
#include "providers/sim/sim_gemini.h"

enum { GEMINI_ID_SIZE = 22, GEMINI_CALL_ID_SIZE = 8 };

/* --- parts --- */

static void write_text_part(struct json_writer *writer, struct text text, bool thought,
                            struct text signature)
{
	json_write_object(writer);
	json_write_member(writer, "text", text);
	if (thought)
		json_write_member_bool(writer, "thought", true);
	if (signature.data != NULL)
		json_write_member(writer, "thoughtSignature", signature);
	json_write_object_end(writer);
}

static void write_call_part(const struct sim_completion *completion, struct json_writer *writer,
                            const struct sim_call *call, bool first)
{
	const struct sim_serving *serving = completion->serving;
	const struct json *args = sim_native_arguments(serving, call);
	bool lost = sim_breaks(serving, SIM_GEMINI_LOST_SIGNATURE);

	json_write_object(writer);
	json_write_key(writer, "functionCall");
	json_write_object(writer);
	if (sim_gemini_signs(completion->model))
		json_write_member(
		    writer, "id",
		    text_slice(call->id, call->id.len - size_min(GEMINI_CALL_ID_SIZE, call->id.len),
		               call->id.len));
	json_write_member(writer, "name", call->name);
	json_write_key(writer, "args");
	if (sim_breaks(serving, SIM_GEMINI_NULL_ARGS))
		json_write_null(writer);
	else if (args != NULL)
		json_write_node(writer, args);
	else
		json_write_raw(writer, TEXT("{}"));
	json_write_object_end(writer);
	bool corrupt = sim_breaks(serving, SIM_GEMINI_CORRUPT_SIGNATURE);
	if (first && !lost)
		json_write_member(writer, "thoughtSignature",
		                  sim_native_signature(serving, SIM_GEMINI_SIGNED,
		                                       corrupt ? TEXT("") : call->name));
	json_write_object_end(writer);
}

/* --- around the parts --- */

static const char *finish_of(const struct sim_choice *choice)
{
	if (text_is(choice->finish, "length"))
		return "MAX_TOKENS";
	if (text_is(choice->finish, SIM_GEMINI_MALFORMED))
		return "MALFORMED_FUNCTION_CALL";
	return text_is(choice->finish, "content_filter") ? "SAFETY" : "STOP";
}

/* --- how likely it was --- */

static void write_likely(struct json_writer *writer, struct text token, double logprob)
{
	json_write_object(writer);
	json_write_member(writer, "token", token);
	json_write_key(writer, "logProbability");
	json_write_double(writer, logprob, 6);
	json_write_object_end(writer);
}

/* The token itself first, then made-up rivals. */
static void write_rivals(struct json_writer *writer, struct text token, int64_t count)
{
	json_write_object(writer);
	json_write_key(writer, "candidates");
	json_write_array(writer);
	for (int64_t i = 0; i < count; i++) {
		char rival[] = {' ', (char)('a' + i)};
		write_likely(writer, i == 0 ? token : (struct text){rival, sizeof(rival)},
		             sim_logprob(token, (size_t)i));
	}
	json_write_array_end(writer);
	json_write_object_end(writer);
}

static void write_logprobs(struct json_writer *writer, const struct sim_ask *ask, struct text said)
{
	if (!ask->logprobs || said.len == 0)
		return;
	json_write_key(writer, "logprobsResult");
	json_write_object(writer);
	for (int list = 0; list < 2; list++) {
		json_write_key(writer, list == 0 ? "topCandidates" : "chosenCandidates");
		json_write_array(writer);
		for (size_t at = 0; at < said.len;) {
			struct text token = sim_native_piece(said, at, false);
			at += token.len;
			if (list == 0)
				write_rivals(writer, token, ask->top_logprobs);
			else
				write_likely(writer, token, sim_logprob(token, 0));
		}
		json_write_array_end(writer);
	}
	json_write_object_end(writer);
}

/* From here on come the parts. */
static void begin_response(struct json_writer *writer)
{
	json_write_key(writer, "candidates");
	json_write_array(writer);
}

static void begin_candidate(struct json_writer *writer)
{
	json_write_object(writer);
	json_write_key(writer, "content");
	json_write_object(writer);
	json_write_key(writer, "parts");
	json_write_array(writer);
}

/* finish NULL: it goes on. said: the text of it, where there was any. */
static void end_candidate(struct json_writer *writer, size_t index, const char *finish,
                          const struct sim_ask *ask, struct text said)
{
	json_write_array_end(writer);
	json_write_member_c(writer, "role", "model");
	json_write_object_end(writer);
	if (finish != NULL)
		json_write_member_c(writer, "finishReason", finish);
	json_write_member_int(writer, "index", (int64_t)index);
	write_logprobs(writer, ask, said);
	json_write_object_end(writer);
}

/* output: tokens so far, thoughts among them. */
static void write_usage(const struct sim_completion *completion, struct json_writer *writer,
                        int64_t output)
{
	const struct sim_usage *usage = &completion->usage;
	int64_t thoughts = int64_min(usage->reasoning, output);

	json_write_key(writer, "usageMetadata");
	json_write_object(writer);
	json_write_member_int(writer, "promptTokenCount", usage->prompt);
	if (usage->cached > 0)
		json_write_member_int(writer, "cachedContentTokenCount", usage->cached);
	if (output > thoughts)
		json_write_member_int(writer, "candidatesTokenCount", output - thoughts);
	if (thoughts > 0)
		json_write_member_int(writer, "thoughtsTokenCount", thoughts);
	if (!usage->no_total)
		json_write_member_int(writer, "totalTokenCount",
		                      usage->total - usage->completion + output);
	json_write_key(writer, "promptTokensDetails");
	json_write_array(writer);
	json_write_object(writer);
	json_write_member_c(writer, "modality", "TEXT");
	json_write_member_int(writer, "tokenCount", usage->prompt);
	json_write_object_end(writer);
	json_write_array_end(writer);
	json_write_object_end(writer);
}

static void end_response(const struct sim_completion *completion, struct json_writer *writer,
                         int64_t output)
{
	json_write_array_end(writer);
	if (completion->choice_count == 0) {
		json_write_key(writer, "promptFeedback");
		json_write_object(writer);
		json_write_member_c(writer, "blockReason", "PROHIBITED_CONTENT");
		json_write_object_end(writer);
	}
	if (completion->usage.present)
		write_usage(completion, writer, output);
	json_write_member(writer, "modelVersion", completion->model);
	json_write_member(writer, "responseId",
	                  sim_identifier(completion->serving, "response", 0, GEMINI_ID_SIZE));
}

/* --- whole --- */

void sim_gemini_render(const struct sim_completion *completion, struct json_writer *writer)
{
	json_write_object(writer);
	begin_response(writer);
	for (size_t i = 0; i < completion->choice_count; i++) {
		const struct sim_choice *choice = &completion->choices[i];
		begin_candidate(writer);
		if (choice->reasoning.len > 0)
			write_text_part(writer, choice->reasoning, true, (struct text){0});
		if (choice->refusal.len > 0)
			write_text_part(writer, choice->refusal, false, (struct text){0});
		if (choice->content.len > 0)
			write_text_part(writer, choice->content, false, (struct text){0});
		for (size_t k = 0; k < choice->call_count; k++)
			write_call_part(completion, writer, &choice->calls[k], k == 0);
		end_candidate(writer, i, finish_of(choice), completion->ask, choice->content);
	}
	end_response(completion, writer, completion->usage.completion);
	json_write_object_end(writer);
}

/* --- events --- */

struct gemini_out {
	const struct sim_completion *completion;
	struct sim_stream *stream;
	struct sim_native_event event;
	int64_t output; /* tokens so far */
};

static void begin_event(struct gemini_out *out)
{
	sim_native_event_begin(&out->event, out->stream, NULL, false);
	begin_response(&out->event.json);
	begin_candidate(&out->event.json);
}

static void end_event(struct gemini_out *out, size_t index, enum sim_chunk_kind kind,
                      const char *finish, struct text said)
{
	end_candidate(&out->event.json, index, finish, out->completion->ask, said);
	end_response(out->completion, &out->event.json, out->output);
	sim_native_event_end(&out->event, kind, "\n\n");
}

static void add_text(struct gemini_out *out, size_t index, struct text whole, bool thought)
{
	for (size_t at = 0; at < whole.len;) {
		struct text piece = sim_native_piece(whole, at, false);
		at += piece.len;
		out->output =
		    int64_min(out->output + 1, int64_max(out->completion->usage.completion, 0));
		begin_event(out);
		write_text_part(&out->event.json, piece, thought, (struct text){0});
		end_event(out, index, thought ? CHUNK_REASONING : CHUNK_CONTENT, NULL,
		          thought ? TEXT("") : piece);
	}
}

static void add_choice(struct gemini_out *out, size_t index)
{
	const struct sim_choice *choice = &out->completion->choices[index];
	struct text signature = {0};

	add_text(out, index, choice->reasoning, true);
	add_text(out, index, choice->refusal, false);
	add_text(out, index, choice->content, false);
	for (size_t i = 0; i < choice->call_count; i++) {
		begin_event(out);
		write_call_part(out->completion, &out->event.json, &choice->calls[i], i == 0);
		end_event(out, index, CHUNK_CALL, NULL, TEXT(""));
	}
	out->output = out->completion->usage.completion;
	bool bare = choice->content.len == 0 && choice->call_count == 0 &&
	            choice->reasoning.len == 0 && choice->refusal.len == 0;
	if (choice->reasoning.len > 0 && choice->call_count == 0)
		signature = sim_native_signature(out->completion->serving, SIM_GEMINI_SIGNED,
		                                 choice->reasoning);
	begin_event(out);
	if (!bare)
		write_text_part(&out->event.json, TEXT(""), false, signature);
	end_event(out, index, CHUNK_FINISH, finish_of(choice), TEXT(""));
}

void sim_gemini_stream(const struct sim_completion *completion, struct sim_stream *out)
{
	struct gemini_out *state = ARENA_NEW(completion->serving->arena, struct gemini_out);

	state->completion = completion;
	state->stream = out;
	for (size_t i = 0; i < completion->choice_count; i++)
		add_choice(state, i);
	if (completion->choice_count > 0)
		return;
	sim_native_event_begin(&state->event, out, NULL, false);
	begin_response(&state->event.json);
	end_response(completion, &state->event.json, 0);
	sim_native_event_end(&state->event, CHUNK_FINISH, "\n\n");
}

/* --- errors --- */

static void write_details(struct json_writer *writer, const struct sim_error *error)
{
	bool bad_key = text_is(error->code, "API_KEY_INVALID");

	if (!bad_key && error->retry_after.data == NULL)
		return;
	json_write_key(writer, "details");
	json_write_array(writer);
	json_write_object(writer);
	if (bad_key) {
		json_write_member_c(writer, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
		json_write_member_c(writer, "reason", "API_KEY_INVALID");
		json_write_member_c(writer, "domain", "googleapis.com");
	} else {
		char delay[32];
		(void)snprintf(delay, sizeof(delay), "%.*ss",
		               (int)size_min(error->retry_after.len, 20), error->retry_after.data);
		json_write_member_c(writer, "@type", "type.googleapis.com/google.rpc.RetryInfo");
		json_write_member_c(writer, "retryDelay", delay);
	}
	json_write_object_end(writer);
	json_write_array_end(writer);
}

int sim_gemini_error(const struct sim_serving *serving, const struct sim_error *error,
                     struct text_buf *out)
{
	static const struct {
		int status;
		const char *name;
	} names[] = {
	    {400, "INVALID_ARGUMENT"},  {401, "UNAUTHENTICATED"},    {403, "PERMISSION_DENIED"},
	    {404, "NOT_FOUND"},         {429, "RESOURCE_EXHAUSTED"}, {499, "CANCELLED"},
	    {500, "INTERNAL"},          {501, "UNIMPLEMENTED"},      {503, "UNAVAILABLE"},
	    {504, "DEADLINE_EXCEEDED"},
	};
	const char *name = error->status >= 500 ? "INTERNAL" : "FAILED_PRECONDITION";
	struct json_writer writer;

	(void)serving;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (names[i].status == error->status)
			name = names[i].name;
	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_key(&writer, "error");
	json_write_object(&writer);
	json_write_member_int(&writer, "code", error->status);
	json_write_member(&writer, "message", error->message);
	json_write_member_c(&writer, "status", name);
	write_details(&writer, error);
	json_write_object_end(&writer);
	json_write_object_end(&writer);
	return error->status;
}
