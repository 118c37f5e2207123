/*
 * Anthropic's Messages, the request: read as its API reads it (Anthropic API reference, version
 * 2023-06-01) and refused in its words, by the path of what is wrong.
 */
#include "providers/sim/sim_anthropic.h"

enum { ANTHROPIC_PENDING_MAX = 128 };

/* Where the reading of messages stands. */
struct anthropic_turns {
	struct sim_native_ask *ask;
	size_t index;
	struct text pending[ANTHROPIC_PENDING_MAX]; /* tool_use without a tool_result yet */
	size_t pending_count;
};

/* --- who asks --- */

/* The last one is what their own client sends since 1.14; for what is asked of the simulator it
 * changes nothing. */
static bool is_version(struct text version)
{
	static const char *const known[] = {"2023-01-01", "2023-06-01", "2026-10-21"};

	for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
		if (text_is(version, known[i]))
			return true;
	return false;
}

static bool admit(const struct sim_serving *serving, const struct sim_request *request,
                  struct sim_error *error)
{
	struct text key = request->x_api_key;

	if (key.data == NULL)
		key = http_bearer(request->authorization);
	(void)sim_refuse(error, "invalid_api_key", (struct text){0},
	                 key.data == NULL ? TEXT("x-api-key header is required")
	                                  : TEXT("invalid x-api-key"));
	error->status = 401;
	if ((key.data == NULL && !sim_breaks(serving, SIM_ER_02)) ||
	    sim_breaks(serving, SIM_DENY_401))
		return false;
	if (key.data != NULL && !text_equal(key, serving->setup->api_key) &&
	    !sim_breaks(serving, SIM_ER_01))
		return false;
	if (request->anthropic_version.data == NULL)
		return sim_refuse(error, NULL, (struct text){0},
		                  TEXT("anthropic-version: header is required"));
	if (!is_version(request->anthropic_version))
		return sim_refuse(
		    error, NULL, (struct text){0},
		    text_format(serving->arena,
		                "anthropic-version: \"%.*s\" is not a valid version",
		                TEXT_ARG(text_slice(request->anthropic_version, 0, 40))));
	return true;
}

static bool is_streamed(const struct sim_native_ask *ask)
{
	return json_truth(ask->body, "stream", false);
}

/* --- content --- */

static bool is_id(struct text id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.data[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '_' || c == '-'))
			return false;
	}
	return id.len > 0;
}

static bool write_image(struct anthropic_turns *turns, const struct json *block)
{
	static const char *const types[] = {"image/jpeg", "image/png", "image/gif", "image/webp"};
	const struct json *source = json_member(block, "source");
	struct text type = json_string(source, "type");
	struct text media = json_string(source, "media_type");
	size_t at = 0;

	if (text_is(type, "url") && json_string(source, "url").data != NULL) {
		sim_native_image_url(turns->ask, json_string(source, "url"));
		return true;
	}
	if (!text_is(type, "base64"))
		return sim_native_refuse(turns->ask,
		                         "messages.%zu.content.0.image.source: Input tag does not "
		                         "match any of the expected tags: 'base64', 'url', 'file'",
		                         turns->index);
	while (at < ARRAY_LENGTH(types) && !text_is(media, types[at]))
		at++;
	if (at == ARRAY_LENGTH(types) || json_string(source, "data").data == NULL)
		return sim_native_refuse(
		    turns->ask,
		    "messages.%zu.content.0.image.source.base64.media_type: Input should be "
		    "'image/jpeg', 'image/png', 'image/gif' or 'image/webp'",
		    turns->index);
	sim_native_image_part(turns->ask, media, json_string(source, "data"));
	return true;
}

static bool check_text(struct anthropic_turns *turns, const struct json *block)
{
	struct text text = json_string(block, "text");

	if (text.data == NULL)
		return sim_native_refuse(
		    turns->ask, "messages.%zu.content.0.text.text: Field required", turns->index);
	if (text.len == 0)
		return sim_native_refuse(turns->ask,
		                         "messages: text content blocks must be non-empty");
	return true;
}

/* Text and pictures, and a document as the text that stands for it. */
static bool write_block(struct anthropic_turns *turns, const struct json *block)
{
	struct text type = json_string(block, "type");

	if (text_is(type, "text")) {
		if (!check_text(turns, block))
			return false;
		sim_native_text_part(turns->ask, json_string(block, "text"));
		return true;
	}
	if (text_is(type, "image"))
		return write_image(turns, block);
	if (text_is(type, "document")) {
		sim_native_text_part(turns->ask, TEXT("[document]"));
		return true;
	}
	return sim_native_refuse(
	    turns->ask,
	    "messages.%zu.content.0: Input tag '%.*s' found using 'type' does not match any of the "
	    "expected tags: 'document', 'image', 'text', 'thinking', 'redacted_thinking', "
	    "'tool_result', 'tool_use'",
	    turns->index, TEXT_ARG(text_slice(type, 0, 40)));
}

/* --- results --- */

static bool take_result_id(struct anthropic_turns *turns, struct text id)
{
	for (size_t i = 0; i < turns->pending_count; i++) {
		if (!text_equal(turns->pending[i], id))
			continue;
		turns->pending[i] = turns->pending[--turns->pending_count];
		return true;
	}
	return sim_native_refuse(
	    turns->ask,
	    "messages.%zu.content.0: unexpected `tool_use_id` found in `tool_result` blocks: %.*s. "
	    "Each `tool_result` block must have a corresponding `tool_use` block in the previous "
	    "message.",
	    turns->index, TEXT_ARG(text_slice(id, 0, 80)));
}

static bool write_result(struct anthropic_turns *turns, const struct json *block)
{
	struct json_writer *writer = turns->ask->writer;
	const struct json *content = sim_native_field(block, "content", NULL);

	if (!take_result_id(turns, json_string(block, "tool_use_id")))
		return false;
	json_write_object(writer);
	json_write_member_c(writer, "role", "tool");
	json_write_member(writer, "tool_call_id", json_string(block, "tool_use_id"));
	json_write_key(writer, "content");
	if (!json_is(content, JSON_ARRAY)) {
		json_write_string(writer, json_is(content, JSON_STRING) ? content->text : TEXT(""));
	} else {
		json_write_array(writer);
		JSON_EACH(part, content)
		{
			bool image = text_is(json_string(part, "type"), "image");
			if (image)
				sim_native_text_part(turns->ask, TEXT("[image]"));
			else if (!write_block(turns, part))
				return false;
		}
		json_write_array_end(writer);
	}
	json_write_object_end(writer);
	return true;
}

static bool none_pending(struct anthropic_turns *turns)
{
	return turns->pending_count == 0 ||
	       sim_native_refuse(
		   turns->ask,
		   "messages.%zu: `tool_use` ids were found without `tool_result` blocks "
		   "immediately after: %.*s. Each `tool_use` block must have a corresponding "
		   "`tool_result` block in the next message.",
		   turns->index - (turns->index > 0),
		   TEXT_ARG(text_slice(turns->pending[0], 0, 80)));
}

static bool is_result(const struct json *block)
{
	return text_is(json_string(block, "type"), "tool_result");
}

static bool write_user(struct anthropic_turns *turns, const struct json *content)
{
	struct json_writer *writer = turns->ask->writer;
	const struct json *block = json_is(content, JSON_ARRAY) ? content->first : NULL;

	for (; is_result(block); block = block->next)
		if (!write_result(turns, block))
			return false;
	if (!none_pending(turns))
		return false;
	if (json_is(content, JSON_ARRAY) && block == NULL)
		return true;
	json_write_object(writer);
	json_write_member_c(writer, "role", "user");
	json_write_key(writer, "content");
	if (json_is(content, JSON_STRING)) {
		json_write_string(writer, content->text);
	} else {
		json_write_array(writer);
		for (; block != NULL; block = block->next) {
			if (is_result(block))
				return take_result_id(turns, json_string(block, "tool_use_id"));
			if (!write_block(turns, block))
				return false;
		}
		json_write_array_end(writer);
	}
	json_write_object_end(writer);
	return true;
}

/* --- the assistant's turns --- */

static bool check_thinking(struct anthropic_turns *turns, const struct json *block)
{
	const struct sim_serving *serving = turns->ask->serving;
	struct text wanted =
	    sim_native_signature(serving, SIM_ANTHROPIC_SIGNED, json_string(block, "thinking"));

	if (text_is(json_string(block, "type"), "redacted_thinking") ||
	    text_equal(json_string(block, "signature"), wanted))
		return true;
	return sim_native_refuse(turns->ask,
	                         "messages.%zu.content.0: Invalid `signature` in `thinking` block",
	                         turns->index);
}

static bool write_tool_use(struct anthropic_turns *turns, const struct json *block)
{
	const struct json *input = json_member(block, "input");
	struct text id = json_string(block, "id");

	if (!is_id(id))
		return sim_native_refuse(turns->ask,
		                         "messages.%zu.content.0.tool_use.id: String should match "
		                         "pattern '^[a-zA-Z0-9_-]+$'",
		                         turns->index);
	if (!json_is(input, JSON_OBJECT))
		return sim_native_refuse(turns->ask,
		                         "messages.%zu.content.0.tool_use.input: Input should be a "
		                         "valid dictionary",
		                         turns->index);
	if (turns->pending_count < ANTHROPIC_PENDING_MAX)
		turns->pending[turns->pending_count++] = id;
	sim_native_call(turns->ask, id, json_string(block, "name"),
	                json_to_text(turns->ask->serving->arena, input));
	return true;
}

static bool is_kind(const struct json *block, const char *kind)
{
	return text_is(json_string(block, "type"), kind);
}

static bool write_said(struct anthropic_turns *turns, const struct json *content)
{
	JSON_EACH(block, content)
	{
		bool thought = is_kind(block, "thinking") || is_kind(block, "redacted_thinking");
		if (thought && !check_thinking(turns, block))
			return false;
		if (!thought && !is_kind(block, "tool_use") && !write_block(turns, block))
			return false;
	}
	return true;
}

static bool write_assistant(struct anthropic_turns *turns, const struct json *content)
{
	struct json_writer *writer = turns->ask->writer;
	bool calls = false;

	if (!none_pending(turns))
		return false;
	json_write_object(writer);
	json_write_member_c(writer, "role", "assistant");
	json_write_key(writer, "content");
	if (json_is(content, JSON_STRING)) {
		json_write_string(writer, content->text);
	} else {
		json_write_array(writer);
		if (!write_said(turns, content))
			return false;
		json_write_array_end(writer);
	}
	JSON_EACH(block, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		if (!is_kind(block, "tool_use"))
			continue;
		if (!calls) {
			json_write_key(writer, "tool_calls");
			json_write_array(writer);
		}
		calls = true;
		if (!write_tool_use(turns, block))
			return false;
	}
	if (calls)
		json_write_array_end(writer);
	json_write_object_end(writer);
	return true;
}

/* --- messages --- */

static bool check_content(struct anthropic_turns *turns, const struct json *message)
{
	const struct json *content = json_member(message, "content");
	bool empty = content != NULL &&
	             (content->type == JSON_STRING ? content->text.len == 0 : content->count == 0);

	if (content == NULL)
		return sim_native_refuse(turns->ask, "messages.%zu.content: Field required",
		                         turns->index);
	if (content->type != JSON_STRING && content->type != JSON_ARRAY)
		return sim_native_refuse(
		    turns->ask, "messages.%zu.content: Input should be a valid list", turns->index);
	if (empty && (message->next != NULL || text_is(json_string(message, "role"), "user")))
		return sim_native_refuse(turns->ask,
		                         "messages.%zu: all messages must have non-empty content "
		                         "except for the optional final assistant message",
		                         turns->index);
	return true;
}

/* The start of an answer that ends in white space. */
static bool check_prefill(struct anthropic_turns *turns, const struct json *last)
{
	const struct json *content = json_member(last, "content");
	struct text text =
	    json_is(content, JSON_STRING) ? content->text : json_string(content->last, "text");

	if (!text_is(json_string(last, "role"), "assistant") || text.len == 0 ||
	    text_trim(text_slice(text, text.len - 1, text.len)).len > 0)
		return true;
	return sim_native_refuse(
	    turns->ask, "messages: final assistant content cannot end with trailing whitespace");
}

static bool write_turns(struct anthropic_turns *turns, const struct json *messages)
{
	JSON_EACH(message, messages)
	{
		struct text role = json_string(message, "role");
		const struct json *content = json_member(message, "content");
		bool user = text_is(role, "user");

		if (!user && !text_is(role, "assistant"))
			return sim_native_refuse(
			    turns->ask, "messages.%zu.role: Input should be 'user' or 'assistant'",
			    turns->index);
		if (turns->index == 0 && !user)
			return sim_native_refuse(turns->ask,
			                         "messages: first message must use the \"user\" "
			                         "role");
		if (!check_content(turns, message) ||
		    !(user ? write_user(turns, content) : write_assistant(turns, content)))
			return false;
		turns->index++;
	}
	return none_pending(turns) && check_prefill(turns, messages->last);
}

static bool write_system(struct sim_native_ask *ask)
{
	const struct json *system = sim_native_field(ask->body, "system", NULL);
	struct anthropic_turns turns = {.ask = ask};

	if (system == NULL)
		return true;
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "role", "system");
	json_write_key(ask->writer, "content");
	if (json_is(system, JSON_STRING)) {
		json_write_string(ask->writer, system->text);
	} else if (json_is(system, JSON_ARRAY)) {
		json_write_array(ask->writer);
		JSON_EACH(block, system)
		{
			if (!is_kind(block, "text"))
				return sim_native_refuse(ask,
				                         "system.0.type: Input should be 'text'");
			if (json_string(block, "text").len == 0)
				return sim_native_refuse(
				    ask, "system: text content blocks must be non-empty");
			if (!write_block(&turns, block))
				return false;
		}
		json_write_array_end(ask->writer);
	} else {
		return sim_native_refuse(ask, "system: Input should be a valid list");
	}
	json_write_object_end(ask->writer);
	return true;
}

bool sim_anthropic_messages(struct sim_native_ask *ask)
{
	const struct json *messages = json_member(ask->body, "messages");
	struct anthropic_turns *turns = ARENA_NEW(ask->serving->arena, struct anthropic_turns);

	turns->ask = ask;
	if (messages == NULL)
		return sim_native_refuse(ask, "messages: Field required");
	if (messages->type != JSON_ARRAY)
		return sim_native_refuse(ask, "messages: Input should be a valid list");
	if (messages->count == 0)
		return sim_native_refuse(ask, "messages: at least one message is required");
	json_write_key(ask->writer, "messages");
	json_write_array(ask->writer);
	if (!write_system(ask) || !write_turns(turns, messages))
		return false;
	json_write_array_end(ask->writer);
	return true;
}

const struct sim_native sim_anthropic = {
    .name = "anthropic",
    .carried = sim_anthropic_carried,
    .stream_type = "text/event-stream; charset=utf-8",
    .filters = true,
    .admit = admit,
    .is_streamed = is_streamed,
    .read = sim_anthropic_read,
    .render = sim_anthropic_render,
    .stream = sim_anthropic_stream,
    .error = sim_anthropic_error,
    .limits = sim_anthropic_limits,
};
