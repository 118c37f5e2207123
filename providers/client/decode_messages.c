/* Anthropic's messages as chat requests; see decode.h. */
#include "providers/client/decode_private.h"
#include "providers/reply/reply_state.h"

enum {
	/* What a budget of thinking tokens comes to in words (Anthropic's guide: 4k is little). */
	EFFORT_LOW_BELOW = 4096,
	EFFORT_MEDIUM_BELOW = 16384,
	BYTES_PER_TOKEN = 4, /* about, of English in most tokenizers */
};

static struct text type_of(const struct json *block)
{
	return json_string(block, "type");
}

/* --- content --- */

static struct text url_of(struct decoding *d, const struct json *source)
{
	struct text type = type_of(source);

	if (text_is(type, "url"))
		return json_string(source, "url");
	if (!text_is(type, "base64")) {
		decode_refuse(d, "messages", "a source of type '%.*s' can't be carried",
		              TEXT_ARG(type));
		return TEXT("");
	}
	return text_format(d->arena, "data:%.*s;base64,%.*s",
	                   TEXT_ARG(json_string(source, "media_type")),
	                   TEXT_ARG(json_string(source, "data")));
}

static void write_document(struct decoding *d, const struct json *block)
{
	const struct json *source = json_member(block, "source");

	if (text_is(type_of(source), "text")) {
		decode_write_text(d, json_string(source, "data"));
		return;
	}
	decode_write_file(d, json_string(block, "title"), url_of(d, source));
}

/* Whether the list is text alone: then it is one string, which every provider takes. */
static bool is_plain(const struct json *content)
{
	JSON_EACH(block, content)
	{
		if (!text_is(type_of(block), "text"))
			return false;
	}
	return true;
}

/* What stands in a block beside its type and what was taken of it: a mark for the cache. */
static void drop_rest(struct decoding *d, const struct json *block, const char *where)
{
	static const struct {
		const char *type;
		const char *const carried[6];
	} blocks[] = {
	    {"text", {"type", "text", NULL}},
	    {"image", {"type", "source", NULL}},
	    {"document", {"type", "source", "title", NULL}},
	    {"tool_use", {"type", "id", "name", "input", NULL}},
	    {"tool_result", {"type", "tool_use_id", "content", "is_error", NULL}},
	};

	for (size_t i = 0; i < ARRAY_LENGTH(blocks); i++)
		if (text_is(type_of(block), blocks[i].type))
			decode_drop_others(d, block, where, blocks[i].carried);
}

static struct text joined(struct decoding *d, const struct json *content)
{
	struct text_buf buf;

	if (json_is(content, JSON_STRING))
		return content->text;
	text_buf_init(&buf, DECODED_MAX_BYTES);
	JSON_EACH(block, content)
	{
		if (!text_is(type_of(block), "text"))
			continue;
		if (buf.len > 0)
			(void)text_buf_add_c(&buf, "\n");
		(void)text_buf_add(&buf, json_string(block, "text"));
	}
	struct text whole = text_copy(d->arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return whole;
}

/* --- messages --- */

static void write_system(struct decoding *d)
{
	const struct json *system = decode_field(d->root, "system");

	if (system == NULL)
		return;
	json_write_object(&d->json);
	json_write_member_c(&d->json, "role", "system");
	json_write_member(&d->json, "content", joined(d, system));
	json_write_object_end(&d->json);
	JSON_EACH(block, json_is(system, JSON_ARRAY) ? system : NULL)
	{
		if (!text_is(type_of(block), "text"))
			decode_refuse(d, "system", "a block of type '%.*s' can't be carried",
			              TEXT_ARG(type_of(block)));
		drop_rest(d, block, "system");
	}
}

static void write_result(struct decoding *d, const struct json *block)
{
	const struct json *content = decode_field(block, "content");
	const struct json *failed = decode_field(block, "is_error");
	struct text said = joined(d, content);

	if (content != NULL && !json_is(content, JSON_STRING) && !is_plain(content))
		decode_refuse(d, "messages", "a tool's result may hold text alone for this target");
	if (json_is(failed, JSON_BOOL) && failed->truth)
		said = text_format(d->arena, "Error: %.*s", TEXT_ARG(said));
	json_write_object(&d->json);
	json_write_member_c(&d->json, "role", "tool");
	json_write_member(&d->json, "tool_call_id", json_string(block, "tool_use_id"));
	json_write_member(&d->json, "content", said);
	json_write_object_end(&d->json);
}

static void write_user_part(struct decoding *d, const struct json *block)
{
	struct text type = type_of(block);

	if (text_is(type, "text"))
		decode_write_text(d, json_string(block, "text"));
	else if (text_is(type, "image"))
		decode_write_image(d, url_of(d, json_member(block, "source")), TEXT(""));
	else if (text_is(type, "document"))
		write_document(d, block);
	else
		decode_refuse(d, "messages", "a block of type '%.*s' can't be carried",
		              TEXT_ARG(type));
}

/* Results come first: what the user says stands behind them. */
static void write_user(struct decoding *d, const struct json *content)
{
	size_t parts = 0;
	bool plain = true;

	JSON_EACH(block, content)
	{
		if (text_is(type_of(block), "tool_result")) {
			write_result(d, block);
			continue;
		}
		parts++;
		plain = plain && text_is(type_of(block), "text");
	}
	if (parts == 0)
		return;
	json_write_object(&d->json);
	json_write_member_c(&d->json, "role", "user");
	json_write_key(&d->json, "content");
	if (plain) {
		json_write_string(&d->json, joined(d, content));
	} else {
		json_write_array(&d->json);
		JSON_EACH(block, content)
		{
			if (!text_is(type_of(block), "tool_result"))
				write_user_part(d, block);
		}
		json_write_array_end(&d->json);
	}
	json_write_object_end(&d->json);
}

static void write_call(struct decoding *d, const struct json *block)
{
	const struct json *input = decode_field(block, "input");
	struct text arguments = input == NULL ? TEXT("{}") : json_to_text(d->arena, input);
	struct text id = json_string(block, "id");

	decode_write_call(d, id, json_string(block, "name"), arguments,
	                  json_member_text(json_member(d->state, "calls"), id));
}

static bool is_thought(const struct json *block)
{
	return text_is(type_of(block), "thinking") || text_is(type_of(block), "redacted_thinking");
}

/* What blocks have no member for; of several the last one, which holds what the others do. */
static const struct json *state_of(struct decoding *d, const struct json *content)
{
	const struct json *state = NULL;

	JSON_EACH(block, content)
	{
		if (!decode_is_ours(block))
			continue;
		if (text_is(type_of(block), "redacted_thinking"))
			state = reply_state_unpack(json_string(block, "data"), d->arena);
		else
			decode_drop(d, "messages.content.thinking");
	}
	return state;
}

/* Members of one kind of block under a name of their own; nothing where there are none. */
static void write_blocks(struct decoding *d, const struct json *content, const char *name,
                         bool thoughts)
{
	bool any = false;

	JSON_EACH(block, content)
	{
		bool wanted = thoughts ? is_thought(block) : text_is(type_of(block), "tool_use");
		if (!wanted || decode_is_ours(block))
			continue;
		if (!any) {
			json_write_key(&d->json, name);
			json_write_array(&d->json);
			any = true;
		}
		if (thoughts)
			json_write_node(&d->json, block);
		else
			write_call(d, block);
	}
	if (any)
		json_write_array_end(&d->json);
}

static void write_assistant(struct decoding *d, const struct json *content)
{
	struct text said = joined(d, content);

	JSON_EACH(block, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		struct text type = type_of(block);
		if (!text_is(type, "text") && !text_is(type, "tool_use") && !is_thought(block))
			decode_refuse(d, "messages", "a block of type '%.*s' can't be carried",
			              TEXT_ARG(type));
	}
	json_write_object(&d->json);
	json_write_member_c(&d->json, "role", "assistant");
	json_write_key(&d->json, "content");
	if (said.len == 0)
		json_write_null(&d->json);
	else
		json_write_string(&d->json, said);
	if (json_is(content, JSON_ARRAY)) {
		d->state = state_of(d, content);
		write_blocks(d, content, "tool_calls", false);
		write_blocks(d, content, "thinking_blocks", true);
		if (json_is(json_member(d->state, "extra_content"), JSON_OBJECT)) {
			json_write_key(&d->json, "extra_content");
			json_write_node(&d->json, json_member(d->state, "extra_content"));
		}
		d->state = NULL;
	}
	json_write_object_end(&d->json);
}

static void write_message(struct decoding *d, const struct json *message)
{
	static const char *const carried[] = {"role", "content", NULL};
	const struct json *content = decode_field(message, "content");
	struct text role = json_string(message, "role");

	decode_drop_others(d, message, "messages", carried);
	JSON_EACH(block, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		drop_rest(d, block, "messages.content");
		JSON_EACH(inner, json_member(block, "content"))
		{
			drop_rest(d, inner, "messages.content.content");
		}
	}
	if (!json_is(content, JSON_STRING) && !json_is(content, JSON_ARRAY)) {
		decode_refuse(d, "messages",
		              "each message needs content: a string or a list of blocks");
	} else if (text_is(role, "assistant")) {
		write_assistant(d, content);
	} else if (!text_is(role, "user")) {
		decode_refuse(d, "messages", "a message's role is user or assistant");
	} else if (json_is(content, JSON_STRING)) {
		json_write_object(&d->json);
		json_write_member_c(&d->json, "role", "user");
		json_write_member(&d->json, "content", content->text);
		json_write_object_end(&d->json);
	} else {
		write_user(d, content);
	}
}

/* --- tools --- */

static void write_tool(struct decoding *d, const struct json *tool)
{
	static const char *const carried[] = {"type",         "name",   "description",
	                                      "input_schema", "strict", NULL};
	struct text type = type_of(tool);

	if (type.data != NULL && !text_is(type, "custom")) {
		decode_refuse(d, "tools", "the server's own tool '%.*s' can't be carried",
		              TEXT_ARG(type));
		return;
	}
	decode_drop_others(d, tool, "tools", carried);
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "function");
	json_write_key(&d->json, "function");
	json_write_object(&d->json);
	json_write_member(&d->json, "name", json_string(tool, "name"));
	if (json_string(tool, "description").data != NULL)
		json_write_member(&d->json, "description", json_string(tool, "description"));
	if (decode_field(tool, "input_schema") != NULL) {
		json_write_key(&d->json, "parameters");
		json_write_node(&d->json, json_member(tool, "input_schema"));
	}
	const struct json *strict = decode_field(tool, "strict");
	if (json_is(strict, JSON_BOOL))
		json_write_member_bool(&d->json, "strict", strict->truth);
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

static void write_choice(struct decoding *d)
{
	static const char *const carried[] = {"type", "name", "disable_parallel_tool_use", NULL};
	const struct json *choice = decode_field(d->root, "tool_choice");
	const struct json *one_only = decode_field(choice, "disable_parallel_tool_use");
	struct text type = type_of(choice);

	if (choice == NULL)
		return;
	decode_drop_others(d, choice, "tool_choice", carried);
	json_write_key(&d->json, "tool_choice");
	if (text_is(type, "tool")) {
		decode_write_named(d, json_string(choice, "name"));
	} else if (text_is(type, "any")) {
		json_write_c(&d->json, "required");
	} else if (text_is(type, "auto") || text_is(type, "none")) {
		json_write_string(&d->json, type);
	} else {
		json_write_null(&d->json);
		decode_refuse(d, "tool_choice", "tool_choice.type is auto, any, tool or none");
	}
	if (json_is(one_only, JSON_BOOL) && one_only->truth)
		json_write_member_bool(&d->json, "parallel_tool_calls", false);
}

static void write_tools(struct decoding *d)
{
	if (decode_tools(d, write_tool))
		write_choice(d);
	else if (decode_field(d->root, "tool_choice") != NULL)
		decode_drop(d, "tool_choice");
}

/* --- parameters --- */

static void write_effort(struct decoding *d)
{
	static const char *const of_thinking[] = {"type", "budget_tokens", NULL};
	const struct json *thinking = decode_field(d->root, "thinking");
	struct text effort = json_string(json_member(d->root, "output_config"), "effort");
	int64_t budget;

	if (effort.len > 0) {
		json_write_member(&d->json, "reasoning_effort", effort);
	} else if (json_integer(thinking, "budget_tokens", 0, INT32_MAX, &budget)) {
		json_write_member_c(&d->json, "reasoning_effort",
		                    budget < EFFORT_LOW_BELOW      ? "low"
		                    : budget < EFFORT_MEDIUM_BELOW ? "medium"
		                                                   : "high");
	} else if (thinking != NULL) {
		decode_drop(d, "thinking"); /* on or off, and nothing says how much */
	}
	decode_drop_others(d, thinking, "thinking", of_thinking);
}

static void write_format(struct decoding *d)
{
	const struct json *format = decode_field(json_member(d->root, "output_config"), "format");

	if (format == NULL)
		return;
	json_write_key(&d->json, "response_format");
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "json_schema");
	json_write_key(&d->json, "json_schema");
	json_write_object(&d->json);
	json_write_member_c(&d->json, "name", "output");
	json_write_member_bool(&d->json, "strict", true);
	json_write_key(&d->json, "schema");
	if (decode_field(format, "schema") != NULL)
		json_write_node(&d->json, json_member(format, "schema"));
	else
		json_write_null(&d->json);
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

static void check(struct decoding *d)
{
	static const char *const refused[] = {"container", "mcp_servers"};

	if (json_string(d->root, "model").data == NULL)
		decode_refuse(d, "model", "model is required");
	if (!json_is(json_member(d->root, "messages"), JSON_ARRAY))
		decode_refuse(d, "messages", "messages must be a list");
	if (decode_field(d->root, "max_tokens") == NULL)
		decode_refuse(d, "max_tokens", "max_tokens is required");
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
		if (decode_field(d->root, refused[i]) != NULL)
			decode_refuse(d, refused[i], "%s can't be carried", refused[i]);
}

static void drop_members(struct decoding *d)
{
	static const char *const carried[] = {
	    "model",       "messages",       "system",   "max_tokens",    "temperature",
	    "top_p",       "stream",         "tools",    "thinking",      "metadata",
	    "tool_choice", "stop_sequences", "provider", "output_config", NULL};
	static const char *const of_metadata[] = {"user_id", NULL};
	static const char *const of_output[] = {"effort", "format", NULL};
	static const char *const of_format[] = {"type", "schema", NULL};
	const struct json *output = decode_field(d->root, "output_config");

	decode_drop_others(d, d->root, NULL, carried);
	decode_drop_others(d, decode_field(d->root, "metadata"), "metadata", of_metadata);
	decode_drop_others(d, output, "output_config", of_output);
	decode_drop_others(d, json_member(output, "format"), "output_config.format", of_format);
}

static void write_request(struct decoding *d)
{
	struct text user = json_string(json_member(d->root, "metadata"), "user_id");

	check(d);
	drop_members(d);
	if (d->refused)
		return;
	json_write_object(&d->json);
	decode_copy(d, "model", "model");
	json_write_key(&d->json, "messages");
	json_write_array(&d->json);
	write_system(d);
	JSON_EACH(message, json_member(d->root, "messages"))
	{
		write_message(d, message);
	}
	json_write_array_end(&d->json);
	decode_copy(d, "max_tokens", "max_tokens");
	decode_copy(d, "temperature", "temperature");
	decode_copy(d, "top_p", "top_p");
	decode_copy(d, "stop_sequences", "stop");
	decode_copy(d, "stream", "stream");
	write_tools(d);
	write_effort(d);
	write_format(d);
	if (user.data != NULL)
		json_write_member(&d->json, "user", user);
	/* OpenRouter's object is understood here as well; see the contract. */
	decode_copy(d, "provider", "provider");
	json_write_object_end(&d->json);
}

bool decode_messages(const struct json *root, struct arena *arena, struct decoded *out,
                     struct decode_fault *fault)
{
	return decode_run(root, arena, write_request, out, fault);
}

int64_t decode_messages_tokens(const struct json *root, struct arena *arena)
{
	static const char *const counted[] = {"system", "messages", "tools"};
	int64_t bytes = 0;

	for (size_t i = 0; i < ARRAY_LENGTH(counted); i++)
		if (decode_field(root, counted[i]) != NULL)
			bytes += (int64_t)json_to_text(arena, json_member(root, counted[i])).len;
	return (bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
}
