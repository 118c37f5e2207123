/*
 * The bytes of plain answers: completions, errors, the model list. Pretty-printed and in
 * the order of members that OpenAI uses.
 */
#include "providers/sim/sim_private.h"

static const char RENDER_FINGERPRINT[] = "fp_sim0000001";

void sim_render_error(const struct sim_error *error, bool flat, struct text_buf *out)
{
	struct json_writer writer;
	const struct {
		const char *name;
		struct text value;
	} members[] = {{"message", error->message},
	               {"type", error->type},
	               {"param", error->param},
	               {"code", error->code}};

	json_writer_init(&writer, out, true);
	json_write_object(&writer);
	if (!flat) {
		json_write_key(&writer, "error");
		json_write_object(&writer);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		json_write_key(&writer, members[i].name);
		if (members[i].value.data == NULL)
			json_write_null(&writer);
		else
			json_write_string(&writer, members[i].value);
	}
	if (!flat)
		json_write_object_end(&writer);
	json_write_object_end(&writer);
	text_buf_byte(out, '\n');
}

/* --- usage and logprobs --- */

/* As OpenRouter has it: USD, where the request asks for it. */
static void render_cost(struct json_writer *writer, const struct sim_usage *usage,
                        int64_t completion_tokens, struct arena *arena)
{
	static const int64_t usd = 1000000000000;
	int64_t pico_usd =
	    usage->prompt * SIM_INPUT_PICO_USD + completion_tokens * SIM_OUTPUT_PICO_USD;

	pico_usd += pico_usd / 100 * usage->markup_percent;
	json_write_key(writer, "cost");
	json_write_node(writer, json_new_number(arena, text_format(arena, "%lld.%012lld",
	                                                           (long long)(pico_usd / usd),
	                                                           (long long)(pico_usd % usd))));
}

void sim_render_usage(struct json_writer *writer, const struct sim_completion *completion,
                      int64_t tokens)
{
	const struct sim_usage *usage = &completion->usage;
	int64_t later = tokens < 0 ? 0 : int64_max(usage->completion - tokens, 0);

	json_write_object(writer);
	json_write_member_int(writer, "prompt_tokens", usage->prompt);
	json_write_member_int(writer, "completion_tokens", usage->completion - later);
	if (!usage->no_total)
		json_write_member_int(writer, "total_tokens", usage->total - later);
	json_write_key(writer, "prompt_tokens_details");
	json_write_object(writer);
	json_write_member_int(writer, "cached_tokens", usage->cached);
	json_write_member_int(writer, "audio_tokens", 0);
	json_write_object_end(writer);
	json_write_key(writer, "completion_tokens_details");
	json_write_object(writer);
	json_write_member_int(writer, "reasoning_tokens", usage->reasoning);
	json_write_member_int(writer, "audio_tokens", 0);
	json_write_member_int(writer, "accepted_prediction_tokens", 0);
	json_write_member_int(writer, "rejected_prediction_tokens", 0);
	json_write_object_end(writer);
	if (completion->ask->cost_asked)
		render_cost(writer, usage, usage->completion - later, completion->serving->arena);
	json_write_object_end(writer);
}

static void render_token(struct json_writer *writer, struct text token, double logprob)
{
	json_write_member(writer, "token", token);
	json_write_key(writer, "logprob");
	json_write_double(writer, logprob, 6);
	json_write_key(writer, "bytes");
	json_write_array(writer);
	for (size_t i = 0; i < token.len; i++)
		json_write_int(writer, (unsigned char)token.data[i]);
	json_write_array_end(writer);
}

/* The token itself is the likeliest; made-up rivals follow. */
double sim_logprob(struct text token, size_t rank)
{
	uint64_t draw = token.len == 0 ? 0 : (unsigned char)token.data[token.len - 1];

	return -0.01 - (double)(sim_draw(draw, token.len) % 50) / 100.0 - 2.5 * (double)rank;
}

static void render_one_logprob(struct json_writer *writer, const struct sim_ask *ask,
                               struct text token)
{
	json_write_object(writer);
	render_token(writer, token, sim_logprob(token, 0));
	json_write_key(writer, "top_logprobs");
	json_write_array(writer);
	for (int64_t i = 0; i < ask->top_logprobs; i++) {
		char rival[] = " a";

		rival[1] = (char)('a' + i);
		json_write_object(writer);
		render_token(writer, i == 0 ? token : (struct text){rival, 2},
		             sim_logprob(token, (size_t)i));
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
	json_write_object_end(writer);
}

void sim_render_logprobs(struct json_writer *writer, const struct sim_ask *ask, struct text content)
{
	json_write_object(writer);
	json_write_key(writer, "content");
	json_write_array(writer);
	for (size_t at = 0, size; at < content.len; at += size) {
		size = sim_tokens_next(text_slice(content, at, content.len));
		render_one_logprob(writer, ask, text_slice(content, at, at + size));
	}
	json_write_array_end(writer);
	json_write_key(writer, "refusal");
	json_write_null(writer);
	json_write_object_end(writer);
}

/* The old endpoint's form: four lists side by side. */
static void render_legacy_logprobs(struct json_writer *writer, const struct sim_ask *ask,
                                   struct text content)
{
	static const char *const lists[] = {"tokens", "token_logprobs", "top_logprobs",
	                                    "text_offset"};

	json_write_object(writer);
	for (size_t list = 0; list < ARRAY_LENGTH(lists); list++) {
		json_write_key(writer, lists[list]);
		json_write_array(writer);
		for (size_t at = 0, size; at < content.len; at += size) {
			size = sim_tokens_next(text_slice(content, at, content.len));
			struct text token = text_slice(content, at, at + size);
			if (list == 0)
				json_write_string(writer, token);
			else if (list == 1)
				json_write_double(writer, sim_logprob(token, 0), 6);
			else if (list == 3)
				json_write_int(
				    writer, (int64_t)text_code_points(text_slice(content, 0, at)));
			else {
				json_write_object(writer);
				if (ask->top_logprobs > 0) {
					json_write_key_text(writer, token);
					json_write_double(writer, sim_logprob(token, 0), 6);
				}
				json_write_object_end(writer);
			}
		}
		json_write_array_end(writer);
	}
	json_write_object_end(writer);
}

/* --- completions --- */

static void render_call(struct json_writer *writer, const struct sim_completion *completion,
                        const struct sim_call *call)
{
	json_write_object(writer);
	json_write_member(writer, "id", call->id);
	json_write_member(writer, "type", call->type);
	json_write_key(writer, "function");
	json_write_object(writer);
	json_write_member(writer, "name", call->name);
	json_write_key(writer, "arguments");
	if (completion->arguments_as_object)
		json_write_raw(writer, call->arguments);
	else
		json_write_string(writer, call->arguments);
	json_write_object_end(writer);
	if (completion->vendor_extras) {
		json_write_key(writer, "extra_content");
		json_write_object(writer);
		json_write_member_c(writer, "thought_signature", "c2lt");
		json_write_object_end(writer);
	}
	json_write_object_end(writer);
}

/* The member that `tool_calls` replaced. */
static void render_function_call(struct json_writer *writer, const struct sim_call *call)
{
	json_write_key(writer, "function_call");
	json_write_object(writer);
	json_write_member(writer, "name", call->name);
	json_write_member(writer, "arguments", call->arguments);
	json_write_object_end(writer);
}

static void render_text_or_null(struct json_writer *writer, const char *name, struct text text)
{
	json_write_key(writer, name);
	if (text.data == NULL)
		json_write_null(writer);
	else
		json_write_string(writer, text);
}

static void render_message(struct json_writer *writer, const struct sim_completion *completion,
                           const struct sim_choice *choice)
{
	json_write_object(writer);
	json_write_member(writer, "role", completion->role);
	render_text_or_null(writer, "content", choice->content);
	if (choice->reasoning.data != NULL)
		json_write_member(writer, "reasoning_content", choice->reasoning);
	if (choice->call_count > 0 && completion->as_function_call) {
		render_function_call(writer, &choice->calls[0]);
	} else if (choice->call_count > 0) {
		json_write_key(writer, "tool_calls");
		json_write_array(writer);
		for (size_t i = 0; i < choice->call_count; i++)
			render_call(writer, completion, &choice->calls[i]);
		json_write_array_end(writer);
	}
	render_text_or_null(writer, "refusal", choice->refusal);
	json_write_key(writer, "annotations");
	json_write_array(writer);
	json_write_array_end(writer);
	json_write_object_end(writer);
}

static void render_choice(struct json_writer *writer, const struct sim_completion *completion,
                          size_t index)
{
	const struct sim_ask *ask = completion->ask;
	const struct sim_choice *choice = &completion->choices[index];
	bool chat = ask->endpoint == ENDPOINT_CHAT;

	json_write_object(writer);
	if (!chat)
		json_write_member(writer, "text", choice->content);
	json_write_member_int(writer, "index", (int64_t)index);
	if (completion->serving->azure) {
		json_write_key(writer, "content_filter_results");
		json_write_raw(writer, TEXT("{}"));
	}
	if (chat) {
		json_write_key(writer, "message");
		render_message(writer, completion, choice);
	}
	json_write_key(writer, "logprobs");
	if (!ask->logprobs)
		json_write_null(writer);
	else if (chat)
		sim_render_logprobs(writer, ask, choice->content);
	else
		render_legacy_logprobs(writer, ask, choice->content);
	bool called = completion->as_function_call && text_is(choice->finish, "tool_calls");
	json_write_member(writer, "finish_reason", called ? TEXT("function_call") : choice->finish);
	json_write_object_end(writer);
}

void sim_render_completion(const struct sim_completion *completion, struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, true);
	json_write_object(&writer);
	json_write_member(&writer, "id", completion->id);
	json_write_member(&writer, "object", completion->object);
	if (completion->created >= 0)
		json_write_member_int(&writer, "created", completion->created);
	json_write_member(&writer, "model", completion->model);
	json_write_key(&writer, "choices");
	json_write_array(&writer);
	for (size_t i = 0; i < completion->choice_count; i++)
		render_choice(&writer, completion, i);
	json_write_array_end(&writer);
	if (completion->usage.present) {
		json_write_key(&writer, "usage");
		sim_render_usage(&writer, completion, -1);
	}
	if (completion->ask->endpoint == ENDPOINT_CHAT)
		json_write_member_c(&writer, "service_tier", "default");
	json_write_member_c(&writer, "system_fingerprint", RENDER_FINGERPRINT);
	if (completion->serving->azure) {
		json_write_key(&writer, "prompt_filter_results");
		json_write_raw(&writer,
		               TEXT("[{\"prompt_index\":0,\"content_filter_results\":{}}]"));
	}
	json_write_object_end(&writer);
	text_buf_byte(out, '\n');
}

/* --- the model list --- */

static void render_model(struct json_writer *writer, const struct sim_setup *setup,
                         struct text model, int64_t created)
{
	json_write_object(writer);
	json_write_member(writer, "id", model);
	json_write_member_c(writer, "object", "model");
	json_write_member_int(writer, "created", created);
	json_write_member_c(writer, "owned_by", "proviso-sim");
	json_write_member_int(writer, "context_length", setup->context);
	json_write_object_end(writer);
}

void sim_render_models(const struct sim_setup *setup, struct text only, int64_t created,
                       struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, true);
	if (only.data != NULL) {
		render_model(&writer, setup, only, created);
		text_buf_byte(out, '\n');
		return;
	}
	json_write_object(&writer);
	json_write_member_c(&writer, "object", "list");
	json_write_key(&writer, "data");
	json_write_array(&writer);
	for (size_t i = 0; i < setup->model_count; i++)
		render_model(&writer, setup, setup->models[i], created);
	json_write_array_end(&writer);
	json_write_object_end(&writer);
	text_buf_byte(out, '\n');
}
