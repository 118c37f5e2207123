/* A reply as the JSON that `proviso inspect` prints; the contract fixes its first members. */
#include "harness/base/json_write.h"
#include "providers/reply/reply_reader.h"

/* null where it was never sent: an empty string says something else. */
static void write_text(struct json_writer *writer, const char *name, struct text value)
{
	json_write_key(writer, name);
	if (value.data == NULL)
		json_write_null(writer);
	else
		json_write_string(writer, value);
}

static void write_calls(const struct chat_reply *reply, const struct chat_choice *choice,
                        struct json_writer *writer)
{
	json_write_key(writer, "tool_calls");
	json_write_array(writer);
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		const struct chat_tool_call *call = &choice->tool_calls[i];
		/* A whole message needs no index: the place in its array is one. */
		int64_t index = call->index < 0 && !reply->streamed ? (int64_t)i : call->index;
		json_write_object(writer);
		json_write_member_count(writer, "index", index);
		write_text(writer, "id", call->id);
		write_text(writer, "name", call->name);
		write_text(writer, "arguments", call->arguments);
		write_text(writer, "type", call->type);
		json_write_member_int(writer, "fragments", call->fragments);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_function_call(const struct chat_tool_call *function, struct json_writer *writer)
{
	if (function == NULL)
		return;
	json_write_key(writer, "function_call");
	json_write_object(writer);
	write_text(writer, "name", function->name);
	write_text(writer, "arguments", function->arguments);
	json_write_object_end(writer);
}

static void write_choices(const struct chat_reply *reply, struct json_writer *writer)
{
	json_write_key(writer, "choices");
	json_write_array(writer);
	for (size_t i = 0; i < reply->choice_count; i++) {
		const struct chat_choice *choice = &reply->choices[i];
		json_write_object(writer);
		json_write_member_int(writer, "index", choice->index);
		write_text(writer, "finish_reason", choice->finish_reason);
		/* The deltas of a stream joined are a string, even where none held text. */
		write_text(writer, "content",
		           reply->streamed && choice->content.data == NULL ? TEXT("")
		                                                           : choice->content);
		write_text(writer, "reasoning",
		           choice->thoughts_elsewhere ? (struct text){NULL, 0} : choice->reasoning);
		write_text(writer, "refusal", choice->refusal);
		write_calls(reply, choice, writer);
		write_text(writer, "role", choice->role);
		if (choice->thoughts_elsewhere)
			write_text(writer, "thoughts", choice->reasoning);
		write_function_call(choice->function_call, writer);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_usage(const struct chat_usage *usage, struct json_writer *writer)
{
	json_write_key(writer, "usage");
	if (!usage->present) {
		json_write_null(writer);
		return;
	}
	json_write_object(writer);
	json_write_member_count(writer, "input", usage->input);
	json_write_member_count(writer, "output", usage->output);
	json_write_member_count(writer, "total", usage->total);
	json_write_member_count(writer, "cached_input", usage->cached_input);
	json_write_member_count(writer, "cache_write", usage->cache_write);
	json_write_member_count(writer, "reasoning", usage->reasoning);
	json_write_member_count(writer, "cost_pico_usd", usage->cost_pico_usd);
	json_write_object_end(writer);
}

static void write_names(struct json_writer *writer, const char *name, const struct text *names,
                        size_t count)
{
	json_write_key(writer, name);
	json_write_array(writer);
	for (size_t i = 0; i < count; i++)
		json_write_string(writer, names[i]);
	json_write_array_end(writer);
}

static void write_errors(const struct chat_reply *reply, struct json_writer *writer)
{
	json_write_key(writer, "errors");
	json_write_array(writer);
	for (size_t i = 0; i < reply->error_count; i++) {
		const struct chat_error *error = &reply->errors[i];
		json_write_object(writer);
		write_text(writer, "message", error->message);
		write_text(writer, "type", error->type);
		if (error->code_is_number) {
			json_write_key(writer, "code");
			json_write_raw(writer, error->code);
		} else {
			write_text(writer, "code", error->code);
		}
		write_text(writer, "param", error->param);
		write_text(writer, "status", error->status);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

void reply_write_violation(struct json_writer *writer, const char *case_id, struct text detail,
                           enum wire_grade grade)
{
	json_write_object(writer);
	json_write_member_c(writer, "case", case_id);
	json_write_member(writer, "detail", detail);
	json_write_member_c(writer, "grade", wire_grade_name(grade));
	json_write_object_end(writer);
}

static void write_violations(const struct chat_reply *reply, struct json_writer *writer)
{
	for (size_t i = 0; i < reply->violation_count; i++) {
		const struct chat_violation *violation = &reply->violations[i];
		reply_write_violation(writer, wire_rule_id(violation->rule), violation->detail,
		                      violation->grade);
	}
}

void reply_write_json(const struct chat_reply *reply, struct json_writer *writer,
                      size_t (*more)(void *context, struct json_writer *writer), void *context)
{
	json_write_object(writer);
	json_write_member_int(writer, "events", reply->events);
	json_write_member_int(writer, "comments", reply->comments);
	json_write_member_int(writer, "done", reply->done);
	write_choices(reply, writer);
	write_usage(&reply->usage, writer);
	write_names(writer, "ids", reply->ids, reply->id_count);
	write_names(writer, "models", reply->models, reply->model_count);
	write_errors(reply, writer);
	json_write_key(writer, "violations");
	json_write_array(writer);
	write_violations(reply, writer);
	size_t left_out = more == NULL ? 0 : more(context, writer);
	json_write_array_end(writer);
	json_write_member_bool(writer, "complete", reply->complete);
	json_write_member_c(writer, "api", chat_api_name(reply->api));
	json_write_member_bool(writer, "streamed", reply->streamed);
	json_write_member_int(writer, "violations_dropped",
	                      (int64_t)(reply->violations_dropped + left_out));
	json_write_member_count(writer, "items", reply->item_count);
	json_write_member_count(writer, "dimensions", reply->dimensions);
	write_text(writer, "system_fingerprint", reply->system_fingerprint);
	write_text(writer, "served_by", reply->served_by);
	json_write_object_end(writer);
}
