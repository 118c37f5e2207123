/*
 * A reply as a Response: output items instead of choices, a status instead of a finish
 * reason, and what was asked beside it, as OpenAI repeats it.
 */
#include "providers/sim/sim_responses_write.h"

enum { RESPONSE_ID_SIZE = 32, ITEM_ID_SIZE = 32 };

/* --- items --- */

static void add_item(struct sim_response *out, enum sim_item_kind kind, struct text text,
                     const struct sim_call *call)
{
	static const char *const prefixes[] = {[ITEM_REASONING] = "rs",
	                                       [ITEM_TEXT] = "msg",
	                                       [ITEM_REFUSAL] = "msg",
	                                       [ITEM_CALL] = "fc"};
	const struct sim_serving *serving = out->completion->serving;
	size_t at = out->item_count;

	if (at == SIM_ITEMS_MAX)
		return;
	out->items[out->item_count++] = (struct sim_item){
	    .kind = kind,
	    .id = text_format(serving->arena, "%s_%.*s", prefixes[kind],
	                      TEXT_ARG(sim_identifier(serving, "item", at, ITEM_ID_SIZE))),
	    .text = text.data == NULL ? TEXT("") : text,
	    .call = call,
	};
}

void sim_response_make(const struct sim_completion *completion, const struct sim_responses_ask *ask,
                       struct sim_response *out)
{
	const struct sim_choice *choice = &completion->choices[0];
	const struct sim_serving *serving = completion->serving;
	bool cut = text_is(choice->finish, "length");
	bool filtered = text_is(choice->finish, "content_filter");

	*out = (struct sim_response){
	    .completion = completion,
	    .ask = ask,
	    .id = text_format(serving->arena, "resp_%.*s",
	                      TEXT_ARG(sim_identifier(serving, "response", 0, RESPONSE_ID_SIZE))),
	    .status = cut || filtered ? "incomplete" : "completed",
	    .reason = cut        ? "max_output_tokens"
	              : filtered ? "content_filter"
	                         : NULL,
	};
	if (choice->reasoning.len > 0)
		add_item(out, ITEM_REASONING, choice->reasoning, NULL);
	if (choice->refusal.len > 0)
		add_item(out, ITEM_REFUSAL, choice->refusal, NULL);
	else if (choice->content.len > 0 || (choice->call_count == 0 && !cut))
		add_item(out, ITEM_TEXT, choice->content, NULL);
	for (size_t i = 0; i < choice->call_count; i++)
		add_item(out, ITEM_CALL, choice->calls[i].arguments, &choice->calls[i]);
}

void sim_write_part(struct json_writer *writer, const struct sim_item *item, bool whole)
{
	struct text text = whole ? item->text : TEXT("");

	json_write_object(writer);
	if (item->kind == ITEM_REFUSAL) {
		json_write_member_c(writer, "type", "refusal");
		json_write_member(writer, "refusal", text);
	} else if (item->kind == ITEM_REASONING) {
		json_write_member_c(writer, "type", "reasoning_text");
		json_write_member(writer, "text", text);
	} else {
		json_write_member_c(writer, "type", "output_text");
		json_write_key(writer, "annotations");
		json_write_raw(writer, TEXT("[]"));
		json_write_key(writer, "logprobs");
		json_write_raw(writer, TEXT("[]"));
		json_write_member(writer, "text", text);
	}
	json_write_object_end(writer);
}

static void write_parts(struct json_writer *writer, const struct sim_item *item, bool whole)
{
	json_write_key(writer, "content");
	json_write_array(writer);
	if (whole)
		sim_write_part(writer, item, true);
	json_write_array_end(writer);
}

void sim_write_item(struct json_writer *writer, const struct sim_item *item, const char *status)
{
	bool whole = strcmp(status, "in_progress") != 0;

	json_write_object(writer);
	json_write_member(writer, "id", item->id);
	switch (item->kind) {
	case ITEM_REASONING:
		json_write_member_c(writer, "type", "reasoning");
		json_write_key(writer, "summary");
		json_write_raw(writer, TEXT("[]"));
		write_parts(writer, item, whole);
		break;
	case ITEM_TEXT:
	case ITEM_REFUSAL:
		json_write_member_c(writer, "type", "message");
		json_write_member_c(writer, "status", status);
		write_parts(writer, item, whole);
		json_write_member_c(writer, "role", "assistant");
		break;
	case ITEM_CALL:
		json_write_member_c(writer, "type", "function_call");
		json_write_member_c(writer, "status", status);
		json_write_member(writer, "arguments", whole ? item->text : TEXT(""));
		json_write_member(writer, "call_id", item->call->id);
		json_write_member(writer, "name", item->call->name);
		break;
	}
	json_write_object_end(writer);
}

/* --- the resource --- */

/* A member that is always there, whether it was asked for or not. */
struct default_member {
	const char *name, *otherwise;
};

/* The object as it was asked, and the members that it lacks. */
static void write_with_defaults(struct json_writer *writer, const struct json *object,
                                const struct default_member *defaults, size_t count)
{
	json_write_object(writer);
	JSON_EACH(member, object)
	{
		json_write_key_text(writer, member->key);
		json_write_node(writer, member);
	}
	for (size_t i = 0; i < count; i++) {
		if (json_member(object, defaults[i].name) != NULL)
			continue;
		json_write_key(writer, defaults[i].name);
		json_write_raw(writer, text_of(defaults[i].otherwise));
	}
	json_write_object_end(writer);
}

static void write_asked_tools(struct json_writer *writer, const struct json *tools)
{
	static const struct default_member defaults[] = {
	    {"description", "null"}, {"parameters", "null"}, {"strict", "false"}};

	json_write_array(writer);
	JSON_EACH(tool, tools)
	write_with_defaults(writer, tool, defaults, ARRAY_LENGTH(defaults));
	json_write_array_end(writer);
}

static void write_asked_text(struct json_writer *writer, const struct json *text)
{
	static const struct default_member of_schema[] = {{"description", "null"},
	                                                  {"strict", "false"}};
	const struct json *format = json_member(text, "format");
	bool schema = text_is(json_string(format, "type"), "json_schema");

	json_write_object(writer);
	json_write_key(writer, "format");
	if (json_is(format, JSON_OBJECT))
		write_with_defaults(writer, format, of_schema,
		                    schema ? ARRAY_LENGTH(of_schema) : 0);
	else
		json_write_raw(writer, TEXT("{\"type\":\"text\"}"));
	json_write_key(writer, "verbosity");
	if (json_string(text, "verbosity").data != NULL)
		json_write_string(writer, json_string(text, "verbosity"));
	else
		json_write_c(writer, "medium");
	json_write_object_end(writer);
}

static void write_asked_reasoning(struct json_writer *writer, const struct json *reasoning)
{
	static const struct default_member defaults[] = {{"effort", "null"}, {"summary", "null"}};

	write_with_defaults(writer, reasoning, defaults, ARRAY_LENGTH(defaults));
}

/* What was asked, or what holds where nothing was. */
static void write_asked(struct json_writer *writer, const struct json *body, bool before_output)
{
	static const struct {
		const char *name, *otherwise; /* NULL: write says it */
		bool before_output;
		enum json_type type; /* that `write` takes */
		void (*write)(struct json_writer *writer, const struct json *asked);
	} members[] = {
	    {"instructions", "null", true, JSON_NULL, NULL},
	    {"max_output_tokens", "null", true, JSON_NULL, NULL},
	    {"max_tool_calls", "null", true, JSON_NULL, NULL},
	    {"parallel_tool_calls", "true", false, JSON_NULL, NULL},
	    {"presence_penalty", "0.0", false, JSON_NULL, NULL},
	    {"frequency_penalty", "0.0", false, JSON_NULL, NULL},
	    {"previous_response_id", "null", false, JSON_NULL, NULL},
	    {"prompt_cache_key", "null", false, JSON_NULL, NULL},
	    {"reasoning", NULL, false, JSON_OBJECT, write_asked_reasoning},
	    {"safety_identifier", "null", false, JSON_NULL, NULL},
	    {"store", "true", false, JSON_NULL, NULL},
	    {"temperature", "1.0", false, JSON_NULL, NULL},
	    {"text", NULL, false, JSON_OBJECT, write_asked_text},
	    {"tool_choice", "\"auto\"", false, JSON_NULL, NULL},
	    {"tools", NULL, false, JSON_ARRAY, write_asked_tools},
	    {"top_logprobs", "0", false, JSON_NULL, NULL},
	    {"top_p", "1.0", false, JSON_NULL, NULL},
	    {"truncation", "\"disabled\"", false, JSON_NULL, NULL},
	    {"user", "null", false, JSON_NULL, NULL},
	    {"metadata", "{}", false, JSON_NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		const struct json *asked = json_member(body, members[i].name);
		if (members[i].before_output != before_output)
			continue;
		json_write_key(writer, members[i].name);
		if (members[i].write != NULL)
			members[i].write(writer, json_is(asked, members[i].type) ? asked : NULL);
		else if (asked == NULL || asked->type == JSON_NULL)
			json_write_raw(writer, text_of(members[i].otherwise));
		else
			json_write_node(writer, asked);
	}
}

static void write_usage(struct json_writer *writer, const struct sim_usage *usage)
{
	json_write_key(writer, "usage");
	json_write_object(writer);
	json_write_member_int(writer, "input_tokens", usage->prompt);
	json_write_key(writer, "input_tokens_details");
	json_write_object(writer);
	json_write_member_int(writer, "cached_tokens", usage->cached);
	json_write_object_end(writer);
	json_write_member_int(writer, "output_tokens", usage->completion);
	json_write_key(writer, "output_tokens_details");
	json_write_object(writer);
	json_write_member_int(writer, "reasoning_tokens", usage->reasoning);
	json_write_object_end(writer);
	json_write_member_int(writer, "total_tokens", usage->total);
	json_write_object_end(writer);
}

static void write_error(struct json_writer *writer, bool failed)
{
	if (!failed) {
		json_write_member_c(writer, "error", NULL);
		return;
	}
	json_write_key(writer, "error");
	json_write_object(writer);
	json_write_member_c(writer, "code", "server_error");
	json_write_member_c(writer, "message", SIM_RESPONSE_FAILURE);
	json_write_object_end(writer);
}

static void write_incomplete(struct json_writer *writer, const char *reason)
{
	json_write_key(writer, "incomplete_details");
	if (reason == NULL) {
		json_write_null(writer);
		return;
	}
	json_write_object(writer);
	json_write_member_c(writer, "reason", reason);
	json_write_object_end(writer);
}

void sim_write_response(struct json_writer *writer, const struct sim_response *response,
                        const char *status)
{
	const struct sim_completion *completion = response->completion;
	bool under_way = strcmp(status, "in_progress") == 0;
	bool failed = strcmp(status, "failed") == 0;
	bool ended = !under_way && !failed;

	json_write_object(writer);
	json_write_member(writer, "id", response->id);
	json_write_member_c(writer, "object", "response");
	if (!response->no_created)
		json_write_member_int(writer, "created_at", completion->created);
	json_write_member_c(writer, "status", status);
	json_write_member_bool(writer, "background", false);
	if (strcmp(status, "completed") == 0)
		json_write_member_int(writer, "completed_at", completion->created);
	else
		json_write_member_c(writer, "completed_at", NULL);
	write_error(writer, failed);
	write_incomplete(writer, ended ? response->reason : NULL);
	write_asked(writer, response->ask->body, true);
	json_write_member(writer, "model", completion->model);
	json_write_key(writer, "output");
	json_write_array(writer);
	for (size_t i = 0; ended && !response->no_final_output && i < response->item_count; i++)
		sim_write_item(writer, &response->items[i],
		               response->reason != NULL && i + 1 == response->item_count
		                   ? "incomplete"
		                   : "completed");
	json_write_array_end(writer);
	write_asked(writer, response->ask->body, false);
	json_write_member_c(writer, "service_tier", ended ? "default" : "auto");
	if (ended)
		write_usage(writer, &completion->usage);
	else
		json_write_member_c(writer, "usage", NULL);
	json_write_object_end(writer);
}

void sim_response_render(const struct sim_response *response, struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, true);
	sim_write_response(&writer, response, response->status);
	text_buf_byte(out, '\n');
}

/* --- what is remembered --- */

static void write_said(struct json_writer *writer, const struct sim_response *response)
{
	const struct sim_choice *choice = &response->completion->choices[0];

	json_write_object(writer);
	json_write_member_c(writer, "role", "assistant");
	json_write_key(writer, "content");
	if (choice->content.data == NULL)
		json_write_null(writer);
	else
		json_write_string(writer, choice->content);
	if (choice->call_count > 0) {
		json_write_key(writer, "tool_calls");
		json_write_array(writer);
		for (size_t i = 0; i < choice->call_count; i++) {
			json_write_object(writer);
			json_write_member(writer, "id", choice->calls[i].id);
			json_write_member_c(writer, "type", "function");
			json_write_key(writer, "function");
			json_write_object(writer);
			json_write_member(writer, "name", choice->calls[i].name);
			json_write_member(writer, "arguments", choice->calls[i].arguments);
			json_write_object_end(writer);
			json_write_object_end(writer);
		}
		json_write_array_end(writer);
	}
	json_write_object_end(writer);
}

struct text sim_response_messages(const struct sim_response *response)
{
	struct arena *arena = response->completion->serving->arena;
	struct json_writer writer;
	struct text_buf said;

	text_buf_init(&said, SIM_BODY_MAX_BYTES);
	json_writer_init(&writer, &said, false);
	write_said(&writer, response);
	struct text messages =
	    text_format(arena, "%.*s%s%.*s", TEXT_ARG(response->ask->messages),
	                response->ask->messages.len > 0 ? "," : "", TEXT_ARG(text_buf_view(&said)));
	text_buf_done(&said);
	return messages;
}
