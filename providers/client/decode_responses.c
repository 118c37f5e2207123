/* OpenAI's responses as chat requests; see decode.h. */
#include "providers/client/decode_private.h"
#include "providers/reply/reply_state.h"

static struct text type_of(const struct json *item)
{
	return json_string(item, "type");
}

/* --- content --- */

/* Of what a server gave: it names the part, and nothing depends on it. */
#define GIVEN "type", "id", "status"

static void drop_rest(struct decoding *d, const struct json *part)
{
	static const char *const of_image[] = {GIVEN, "image_url", "detail", NULL};
	static const char *const of_others[] = {GIVEN,       "text",     "refusal",     "filename",
	                                        "file_data", "logprobs", "annotations", NULL};
	bool image = text_is(type_of(part), "input_image");

	decode_drop_others(d, part, "input.content", image ? of_image : of_others);
}

static void write_part(struct decoding *d, const struct json *part)
{
	struct text type = type_of(part);

	drop_rest(d, part);
	if (text_is(type, "input_text") || text_is(type, "output_text"))
		decode_write_text(d, json_string(part, "text"));
	else if (text_is(type, "refusal"))
		decode_write_text(d, json_string(part, "refusal"));
	else if (text_is(type, "input_image") && json_string(part, "image_url").len > 0)
		decode_write_image(d, json_string(part, "image_url"), json_string(part, "detail"));
	else if (text_is(type, "input_file") && json_string(part, "file_data").len > 0)
		decode_write_file(d, json_string(part, "filename"), json_string(part, "file_data"));
	else
		decode_refuse(d, "input", "a part of type '%.*s' can't be carried as it is",
		              TEXT_ARG(type));
}

static bool is_text(const struct json *part)
{
	return text_is(type_of(part), "input_text") || text_is(type_of(part), "output_text");
}

/* A list of text alone is one string, which every provider takes. */
static struct text joined(struct decoding *d, const struct json *content)
{
	struct text_buf buf;

	if (json_is(content, JSON_STRING))
		return content->text;
	text_buf_init(&buf, DECODED_MAX_BYTES);
	JSON_EACH(part, content)
	{
		if (!is_text(part)) {
			text_buf_done(&buf);
			return (struct text){NULL, 0};
		}
		drop_rest(d, part);
		(void)text_buf_add(&buf, json_string(part, "text"));
	}
	struct text whole = text_copy(d->arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return whole;
}

static void write_content(struct decoding *d, const struct json *content)
{
	struct text plain = joined(d, content);

	json_write_key(&d->json, "content");
	if (plain.data != NULL) {
		json_write_string(&d->json, plain);
		return;
	}
	json_write_array(&d->json);
	JSON_EACH(part, content)
	{
		write_part(d, part);
	}
	json_write_array_end(&d->json);
}

/* --- items --- */

static bool is_call(const struct json *item)
{
	return text_is(type_of(item), "function_call");
}

static bool is_message(const struct json *item)
{
	return text_is(type_of(item), "message") ||
	       (type_of(item).data == NULL && json_string(item, "role").data != NULL);
}

static bool is_assistant(const struct json *item)
{
	return is_message(item) && text_is(json_string(item, "role"), "assistant");
}

static void drop_item_rest(struct decoding *d, const struct json *item)
{
	static const char *const of_message[] = {GIVEN, "role", "content", NULL};
	static const char *const of_call[] = {GIVEN,       "call_id", "name",
	                                      "arguments", "output",  NULL};

	if (is_message(item))
		decode_drop_others(d, item, "input", of_message);
	else if (is_call(item) || text_is(type_of(item), "function_call_output"))
		decode_drop_others(d, item, "input", of_call);
}

/* The calls from `item` on, which belong to one message; the last of them. */
static const struct json *write_calls(struct decoding *d, const struct json *item)
{
	const struct json *last = item;

	json_write_key(&d->json, "tool_calls");
	json_write_array(&d->json);
	for (; item != NULL && is_call(item); item = item->next) {
		drop_item_rest(d, item);
		struct text id = json_string(item, "call_id");
		const struct json *extras = json_member(d->state, "calls");
		decode_write_call(d, id, json_string(item, "name"), json_string(item, "arguments"),
		                  json_member_text(extras, id));
		last = item;
	}
	json_write_array_end(&d->json);
	return last;
}

static void write_state(struct decoding *d, const char *name, enum json_type type)
{
	const struct json *kept = json_member(d->state, name);

	if (!json_is(kept, type))
		return;
	json_write_key(&d->json, name);
	json_write_node(&d->json, kept);
}

/* An assistant's words and the calls behind them are one message of a chat. */
static const struct json *write_turn(struct decoding *d, const struct json *item)
{
	const struct json *last = item;
	const struct json *calls = is_call(item) ? item : item->next;

	json_write_object(&d->json);
	json_write_member_c(&d->json, "role", "assistant");
	if (is_call(item))
		json_write_member_c(&d->json, "content", NULL);
	else
		write_content(d, json_member(item, "content"));
	if (calls != NULL && is_call(calls))
		last = write_calls(d, calls);
	write_state(d, "thinking_blocks", JSON_ARRAY);
	write_state(d, "extra_content", JSON_OBJECT);
	d->state = NULL;
	json_write_object_end(&d->json);
	return last;
}

static void write_message(struct decoding *d, const struct json *item)
{
	const struct json *content = decode_field(item, "content");

	if (!json_is(content, JSON_STRING) && !json_is(content, JSON_ARRAY))
		decode_refuse(d, "input",
		              "each message needs content: a string or a list of parts");
	json_write_object(&d->json);
	json_write_member(&d->json, "role", json_string(item, "role"));
	write_content(d, content);
	json_write_object_end(&d->json);
}

static void write_result(struct decoding *d, const struct json *item)
{
	struct text said = joined(d, decode_field(item, "output"));

	if (said.data == NULL)
		decode_refuse(d, "input", "a call's output may hold text alone for this target");
	json_write_object(&d->json);
	json_write_member_c(&d->json, "role", "tool");
	json_write_member(&d->json, "tool_call_id", json_string(item, "call_id"));
	json_write_member(&d->json, "content", said.data == NULL ? TEXT("") : said);
	json_write_object_end(&d->json);
}

/*
 * What it thought is told to people and to no model. What must come back unread is kept for the
 * turn that follows, where it went through here; what another server has closed is lost.
 */
static void take_reasoning(struct decoding *d, const struct json *item)
{
	const struct json *closed = decode_field(item, "encrypted_content");

	if (closed == NULL)
		return;
	d->state = json_is(closed, JSON_STRING) ? reply_state_unpack(closed->text, d->arena) : NULL;
	if (d->state == NULL)
		decode_drop(d, "input.encrypted_content");
}

static void write_items(struct decoding *d, const struct json *input)
{
	const struct json *item = json_is(input, JSON_ARRAY) ? input->first : NULL;

	for (; item != NULL; item = item->next) {
		drop_item_rest(d, item);
		if (is_call(item) || is_assistant(item))
			item = write_turn(d, item);
		else if (is_message(item))
			write_message(d, item);
		else if (text_is(type_of(item), "function_call_output"))
			write_result(d, item);
		else if (text_is(type_of(item), "reasoning"))
			take_reasoning(d, item);
		else
			decode_refuse(d, "input", "an item of type '%.*s' can't be carried",
			              TEXT_ARG(type_of(item)));
	}
}

static void write_messages(struct decoding *d)
{
	const struct json *input = decode_field(d->root, "input");
	struct text rules = json_string(d->root, "instructions");

	json_write_key(&d->json, "messages");
	json_write_array(&d->json);
	if (rules.data != NULL) {
		json_write_object(&d->json);
		json_write_member_c(&d->json, "role", "system");
		json_write_member(&d->json, "content", rules);
		json_write_object_end(&d->json);
	}
	if (json_is(input, JSON_STRING)) {
		json_write_object(&d->json);
		json_write_member_c(&d->json, "role", "user");
		json_write_member(&d->json, "content", input->text);
		json_write_object_end(&d->json);
	}
	write_items(d, input);
	json_write_array_end(&d->json);
}

/* --- tools and format --- */

static void write_tool(struct decoding *d, const struct json *tool)
{
	static const char *const members[] = {"name",   "description", "parameters",
	                                      "strict", "type",        NULL};

	if (!text_is(type_of(tool), "function")) {
		decode_refuse(d, "tools", "a tool of type '%.*s' can't be carried",
		              TEXT_ARG(type_of(tool)));
		return;
	}
	decode_drop_others(d, tool, "tools", members);
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "function");
	json_write_key(&d->json, "function");
	json_write_object(&d->json);
	for (size_t i = 0; i < ARRAY_LENGTH(members) - 2; i++) {
		if (decode_field(tool, members[i]) == NULL)
			continue;
		json_write_key(&d->json, members[i]);
		json_write_node(&d->json, json_member(tool, members[i]));
	}
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

static void write_tools(struct decoding *d)
{
	static const char *const of_choice[] = {"type", "name", NULL};
	const struct json *choice = decode_field(d->root, "tool_choice");

	if (!decode_tools(d, write_tool)) {
		if (choice != NULL &&
		    !(json_is(choice, JSON_STRING) && text_is(choice->text, "auto")))
			decode_drop(d, "tool_choice");
		return;
	}
	decode_drop_others(d, choice, "tool_choice", of_choice);
	if (json_is(choice, JSON_OBJECT) && text_is(type_of(choice), "function")) {
		json_write_key(&d->json, "tool_choice");
		decode_write_named(d, json_string(choice, "name"));
	} else if (json_is(choice, JSON_OBJECT)) {
		decode_refuse(d, "tool_choice", "a tool_choice of type '%.*s' can't be carried",
		              TEXT_ARG(type_of(choice)));
	} else {
		decode_copy(d, "tool_choice", "tool_choice");
	}
	decode_copy(d, "parallel_tool_calls", "parallel_tool_calls");
}

static void write_format(struct decoding *d)
{
	static const char *const members[] = {"name", "description", "schema", "strict"};
	static const char *const of_text[] = {"format", "verbosity", NULL};
	const struct json *text = decode_field(d->root, "text");
	const struct json *format = decode_field(text, "format");

	if (json_string(text, "verbosity").len > 0)
		json_write_member(&d->json, "verbosity", json_string(text, "verbosity"));
	decode_drop_others(d, text, "text", of_text);
	if (format == NULL || text_is(type_of(format), "text"))
		return;
	json_write_key(&d->json, "response_format");
	json_write_object(&d->json);
	json_write_member(&d->json, "type", type_of(format));
	if (text_is(type_of(format), "json_schema")) {
		json_write_key(&d->json, "json_schema");
		json_write_object(&d->json);
		for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
			if (decode_field(format, members[i]) == NULL)
				continue;
			json_write_key(&d->json, members[i]);
			json_write_node(&d->json, json_member(format, members[i]));
		}
		json_write_object_end(&d->json);
	}
	json_write_object_end(&d->json);
}

static void check(struct decoding *d)
{
	static const char *const kept[] = {"previous_response_id", "conversation", "prompt",
	                                   "top_logprobs"};
	const struct json *background = decode_field(d->root, "background");
	const struct json *input = decode_field(d->root, "input");

	if (!json_is(input, JSON_STRING) && !json_is(input, JSON_ARRAY))
		decode_refuse(d, "input", "input must be a string or a list of items");
	for (size_t i = 0; i < ARRAY_LENGTH(kept); i++)
		if (decode_field(d->root, kept[i]) != NULL)
			decode_refuse(d, kept[i],
			              "%s can't be carried: no target that serves "
			              "responses itself is proven for this request",
			              kept[i]);
	if (json_is(background, JSON_BOOL) && background->truth)
		decode_refuse(d, "background", "background can't be carried");
}

/* Members that say what a server of responses would do anyway, or need not do here. */
static bool says_nothing(const struct json *member)
{
	if (text_is(member->key, "store") || text_is(member->key, "background"))
		return json_is(member, JSON_BOOL) && !member->truth;
	return text_is(member->key, "truncation") && json_is(member, JSON_STRING) &&
	       text_is(member->text, "disabled");
}

static void drop_members(struct decoding *d)
{
	static const char *const carried[] = {"model",
	                                      "input",
	                                      "instructions",
	                                      "max_output_tokens",
	                                      "temperature",
	                                      "top_p",
	                                      "stream",
	                                      "user",
	                                      "tools",
	                                      "tool_choice",
	                                      "parallel_tool_calls",
	                                      "service_tier",
	                                      "text",
	                                      "reasoning",
	                                      "provider",
	                                      "safety_identifier",
	                                      "prompt_cache_key",
	                                      NULL};
	static const char *const named[] = {"store", "background", "truncation", NULL};
	static const char *const of_reasoning[] = {"effort", NULL};
	const char *all[ARRAY_LENGTH(carried) + ARRAY_LENGTH(named)];
	size_t count = 0;

	for (size_t i = 0; carried[i] != NULL; i++)
		all[count++] = carried[i];
	for (size_t i = 0; named[i] != NULL; i++) {
		const struct json *member = decode_field(d->root, named[i]);
		if (member != NULL && says_nothing(member))
			all[count++] = named[i];
	}
	all[count] = NULL;
	decode_drop_others(d, d->root, NULL, all);
	decode_drop_others(d, decode_field(d->root, "reasoning"), "reasoning", of_reasoning);
}

static void write_request(struct decoding *d)
{
	const struct json *effort = decode_field(json_member(d->root, "reasoning"), "effort");

	check(d);
	drop_members(d);
	if (d->refused)
		return;
	json_write_object(&d->json);
	decode_copy(d, "model", "model");
	write_messages(d);
	decode_copy(d, "max_output_tokens", "max_tokens");
	decode_copy(d, "temperature", "temperature");
	decode_copy(d, "top_p", "top_p");
	decode_copy(d, "stream", "stream");
	decode_copy(d, "user", "user");
	decode_copy(d, "safety_identifier", "safety_identifier");
	decode_copy(d, "prompt_cache_key", "prompt_cache_key");
	decode_copy(d, "service_tier", "service_tier");
	write_tools(d);
	write_format(d);
	if (json_is(effort, JSON_STRING))
		json_write_member(&d->json, "reasoning_effort", effort->text);
	/* OpenRouter's object is understood here as well; see the contract. */
	decode_copy(d, "provider", "provider");
	json_write_object_end(&d->json);
}

bool decode_responses(const struct json *root, struct arena *arena, struct decoded *out,
                      struct decode_fault *fault)
{
	return decode_run(root, arena, write_request, out, fault);
}
