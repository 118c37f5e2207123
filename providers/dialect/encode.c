/* See encode.h; what stands in messages is encode_message.c's. */
#include "providers/dialect/encode.h"

#include <stdio.h>

void encode_refuse(struct encoding *encoding, const char *format, ...)
{
	char message[FAULT_MESSAGE_BYTES];
	va_list arguments;

	if (encoding->refused)
		return;
	encoding->refused = true;
	va_start(arguments, format);
	(void)vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	(void)fault_set(encoding->fault, FAULT_REFUSED, "%s", message);
}

void encode_drop(struct encoding *encoding, const char *field)
{
	dropped_add(&encoding->dropped, encoding->arena, text_of(field));
}

const struct json *encode_field(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	return member == NULL || member->type == JSON_NULL ? NULL : member;
}

static bool is_listed(const char *const *names, struct text name)
{
	for (; *names != NULL; names++)
		if (text_is(name, *names))
			return true;
	return false;
}

/* More answers than one, and what each of them was chosen from. */
static bool asks_for_more(const struct json *member)
{
	if (text_is(member->key, "n"))
		return !json_is(member, JSON_NUMBER) || !text_is(member->text, "1");
	return !json_is(member, JSON_BOOL) || member->truth;
}

static void check_members(struct encoding *encoding, const char *const *carried)
{
	static const char *const by_all[] = {"model",
	                                     "messages",
	                                     "max_tokens",
	                                     "max_completion_tokens",
	                                     "temperature",
	                                     "top_p",
	                                     "stop",
	                                     "stream",
	                                     "stream_options",
	                                     "tools",
	                                     "tool_choice",
	                                     "response_format",
	                                     "reasoning_effort",
	                                     NULL};
	static const char *const of_stream[] = {"include_usage", NULL};
	static const char *const bounded[] = {"n", "logprobs", NULL};
	static const char *const refused[] = {"top_logprobs", "audio",         "modalities",
	                                      "functions",    "function_call", NULL};

	encode_drop_others(encoding, encode_field(encoding->root, "stream_options"),
	                   "stream_options", of_stream);
	JSON_EACH(member, encoding->root)
	{
		const char *name =
		    text_c(encoding->arena, text_visible(encoding->arena, member->key, 64));
		if (member->type == JSON_NULL || is_listed(by_all, member->key) ||
		    is_listed(carried, member->key))
			continue;
		bool more = is_listed(bounded, member->key) && asks_for_more(member);
		if (more && *name == 'n')
			encode_refuse(encoding, "n other than 1 can't be carried");
		else if (more || is_listed(refused, member->key))
			encode_refuse(encoding, "%s is not supported by the %s dialect", name,
			              encoding->provider->dialect->name);
		else if (!is_listed(bounded, member->key))
			encode_drop(encoding, name);
	}
}

bool encode_begin(struct encoding *encoding, const struct provider *provider,
                  const struct chat_request *request, const char *const *carried,
                  struct arena *arena, struct fault *fault)
{
	struct fault unread;
	struct json *root = NULL;

	*encoding = (struct encoding){
	    .provider = provider, .request = request, .arena = arena, .fault = fault};
	text_buf_init(&encoding->body, ENCODE_MAX_BODY_BYTES);
	json_writer_init(&encoding->json, &encoding->body, false);
	if (request->endpoint != ENDPOINT_CHAT)
		encode_refuse(encoding, "the %s dialect has no endpoint for %s",
		              provider->dialect->name, endpoint_name(request->endpoint));
	else if (!json_read_text(request->body, "request", arena, &root, &unread) ||
	         !json_is(root, JSON_OBJECT))
		encode_refuse(encoding, "the request is no JSON object");
	else if (!json_is(json_member(root, "messages"), JSON_ARRAY))
		encode_refuse(encoding, "the request has no list of messages");
	encoding->root = root;
	if (encoding->refused) {
		text_buf_done(&encoding->body);
		return false;
	}
	check_members(encoding, carried);
	json_write_object(&encoding->json);
	return true;
}

bool encode_end(struct encoding *encoding, const struct encode_door *door, struct text path,
                struct wire_request *out)
{
	bool good = encode_wire(encoding, door, path, out);

	json_write_object_end(&encoding->json);
	if (encoding->body.overflow)
		encode_refuse(encoding, "the request is too large");
	out->body = text_copy(encoding->arena, text_buf_view(&encoding->body));
	text_buf_done(&encoding->body);
	out->dropped = dropped_list(&encoding->dropped, encoding->arena);
	return good && !encoding->refused;
}

void encode_copy(struct encoding *encoding, const char *field, const char *native)
{
	const struct json *member = encode_field(encoding->root, field);

	if (member == NULL)
		return;
	json_write_key(&encoding->json, native);
	json_write_node(&encoding->json, member);
}

const struct provider_model *encode_model(const struct encoding *encoding)
{
	const struct provider *provider = encoding->provider;
	struct text name = json_string(encoding->root, "model");

	for (size_t i = 0; i < provider->model_count; i++)
		if (text_equal(provider->models[i].name, name))
			return &provider->models[i];
	return NULL;
}

void encode_drop_others(struct encoding *encoding, const struct json *object, const char *where,
                        const char *const *carried)
{
	dropped_add_others(&encoding->dropped, encoding->arena, object, where, carried);
}

/* "4", "5" of "opus-4-5": the next part that is a number of up to two digits; -1: none. */
static int64_t next_number(struct text *rest, bool only_next)
{
	int64_t value;

	while (rest->len > 0) {
		size_t end = 0;
		while (end < rest->len && strchr("-._@:/", rest->data[end]) == NULL)
			end++;
		struct text part = text_slice(*rest, 0, end);
		*rest = text_slice(*rest, size_min(end + 1, rest->len), rest->len);
		if (part.len <= 2 && text_to_int64(part, 0, 99, &value))
			return value;
		if (only_next && part.len > 0)
			break;
	}
	return -1;
}

int64_t encode_version(const struct encoding *encoding, const char *family)
{
	struct text model = json_string(encoding->root, "model");
	struct text name = text_of(family);
	size_t at = text_find(model, name, 0);

	if (at == TEXT_NOT_FOUND)
		return 0;
	struct text rest = text_slice(model, at + name.len, model.len);
	int64_t whole = next_number(&rest, false);
	if (whole < 0)
		return 0;
	int64_t tenth = next_number(&rest, true);
	return whole * 10 + (tenth < 0 || tenth > 9 ? 0 : tenth);
}

void encode_limit(struct encoding *encoding, const char *native)
{
	bool newer = encode_field(encoding->root, "max_completion_tokens") != NULL;

	encode_copy(encoding, newer ? "max_completion_tokens" : "max_tokens", native);
}

int64_t encode_max_tokens(const struct encoding *encoding)
{
	const struct provider_model *model = encode_model(encoding);
	int64_t tokens;

	if (json_integer(encoding->root, "max_completion_tokens", 0, INT32_MAX, &tokens) ||
	    json_integer(encoding->root, "max_tokens", 0, INT32_MAX, &tokens))
		return tokens;
	return model != NULL && model->max_output > 0 ? model->max_output : -1;
}

enum encode_choice encode_choice_of(struct encoding *encoding, struct text *name)
{
	static const char *const words[] = {
	    [ENCODE_CHOICE_AUTO] = "auto",
	    [ENCODE_CHOICE_NONE] = "none",
	    [ENCODE_CHOICE_REQUIRED] = "required",
	};
	const struct json *choice = encode_field(encoding->root, "tool_choice");

	*name = json_string(json_member(choice, "function"), "name");
	if (choice == NULL)
		return ENCODE_CHOICE_ABSENT;
	if (json_is(choice, JSON_OBJECT) && name->len > 0)
		return ENCODE_CHOICE_NAMED;
	for (size_t i = ENCODE_CHOICE_AUTO; i < ARRAY_LENGTH(words); i++)
		if (json_is(choice, JSON_STRING) && text_is(choice->text, words[i]))
			return (enum encode_choice)i;
	encode_refuse(encoding, "tool_choice is none of auto, none, required or a function");
	return ENCODE_CHOICE_ABSENT;
}

const struct json *encode_tools(struct encoding *encoding, bool *strict)
{
	static const char *const of_tool[] = {"type", "function", NULL};
	static const char *const of_function[] = {"name", "description", "parameters", "strict",
	                                          NULL};
	const struct json *tools = encode_field(encoding->root, "tools");

	*strict = false;
	if (tools == NULL || tools->count == 0) {
		struct text name;
		enum encode_choice choice = encode_choice_of(encoding, &name);
		if (choice == ENCODE_CHOICE_REQUIRED || choice == ENCODE_CHOICE_NAMED)
			encode_refuse(encoding, "a tool_choice that forces a call needs tools");
		return NULL;
	}
	JSON_EACH(tool, tools)
	{
		if (!text_is(json_string(tool, "type"), "function"))
			encode_refuse(encoding, "only tools of type function can be carried");
		encode_drop_others(encoding, tool, "tools", of_tool);
		encode_drop_others(encoding, json_member(tool, "function"), "tools.function",
		                   of_function);
		*strict |= json_truth(json_member(tool, "function"), "strict", false);
	}
	return tools;
}

void encode_function(struct encoding *encoding, const struct json *tool, const char *parameters)
{
	const struct json *function = json_member(tool, "function");
	const struct json *schema = encode_field(function, "parameters");

	json_write_member(&encoding->json, "name", json_string(function, "name"));
	if (json_string(function, "description").len > 0)
		json_write_member(&encoding->json, "description",
		                  json_string(function, "description"));
	json_write_key(&encoding->json, parameters);
	if (schema != NULL)
		json_write_node(&encoding->json, schema);
	else
		json_write_raw(&encoding->json, TEXT("{\"type\":\"object\",\"properties\":{}}"));
}

/* What OpenAI refuses is no better for going elsewhere: a client learns of its slip in any dialect.
 */
static bool is_whole_format(struct encoding *encoding, const struct json *format)
{
	const struct json *strict = encode_field(format, "strict");

	if (json_string(format, "name").len == 0)
		encode_refuse(encoding, "response_format json_schema has no name");
	else if (strict != NULL && !json_is(strict, JSON_BOOL))
		encode_refuse(encoding, "response_format json_schema: strict is true or false");
	else
		return true;
	return false;
}

enum encode_format encode_format_of(struct encoding *encoding, const struct json **schema)
{
	/* Of its name nothing depends, and the native formats always keep to a schema. */
	static const char *const carried[] = {"name", "strict", "schema", NULL};
	const struct json *format = encode_field(encoding->root, "response_format");
	struct text type = json_string(format, "type");

	*schema = NULL;
	if (format == NULL || text_is(type, "text"))
		return ENCODE_FORMAT_TEXT;
	if (text_is(type, "json_object"))
		return ENCODE_FORMAT_JSON;
	if (!text_is(type, "json_schema")) {
		encode_refuse(encoding, "response_format %.*s can't be carried",
		              TEXT_ARG(text_visible(encoding->arena, type, 40)));
		return ENCODE_FORMAT_TEXT;
	}
	encode_drop_others(encoding, json_member(format, "json_schema"),
	                   "response_format.json_schema", carried);
	*schema = json_member(json_member(format, "json_schema"), "schema");
	if (json_is(*schema, JSON_OBJECT) &&
	    is_whole_format(encoding, json_member(format, "json_schema")))
		return ENCODE_FORMAT_SCHEMA;
	encode_refuse(encoding, "response_format json_schema has no schema");
	*schema = NULL;
	return ENCODE_FORMAT_TEXT;
}

struct text encode_effort(const struct encoding *encoding)
{
	return json_string(encoding->root, "reasoning_effort");
}

void encode_stop(struct encoding *encoding, const char *native, uint32_t most)
{
	const struct json *stop = encode_field(encoding->root, "stop");

	if (stop == NULL)
		return;
	if (most > 0 && stop->count > most)
		encode_refuse(encoding, "more than %u stop sequences can't be carried", most);
	json_write_key(&encoding->json, native);
	json_write_array(&encoding->json);
	if (json_is(stop, JSON_STRING))
		json_write_string(&encoding->json, stop->text);
	JSON_EACH(word, json_is(stop, JSON_ARRAY) ? stop : NULL)
	{
		json_write_string(&encoding->json, word->text);
	}
	json_write_array_end(&encoding->json);
}

struct text encode_path(struct encoding *encoding, struct text name, bool slashes)
{
	struct text_buf path;

	text_buf_init(&path, ENCODE_MAX_BODY_BYTES);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.data[i];
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c != 0 && strchr("-._~:@", c) != NULL) || (slashes && c == '/'))
			(void)text_buf_byte(&path, (char)c);
		else
			(void)text_buf_format(&path, "%%%02X", c);
	}
	struct text whole = text_copy(encoding->arena, text_buf_view(&path));
	text_buf_done(&path);
	return whole;
}

bool encode_data_url(struct text url, struct text *type, struct text *base64)
{
	struct text rest;
	size_t comma = text_find_byte(url, ',', 0);

	if (!text_starts(url, TEXT("data:")) || comma == TEXT_NOT_FOUND)
		return false;
	rest = text_slice(url, sizeof("data:") - 1, comma);
	if (!text_ends(rest, TEXT(";base64")))
		return false;
	*type = text_slice(rest, 0, rest.len - (sizeof(";base64") - 1));
	*base64 = text_slice(url, comma + 1, url.len);
	return true;
}

bool encode_wire(struct encoding *encoding, const struct encode_door *door, struct text path,
                 struct wire_request *out)
{
	const struct provider *provider = encoding->provider;
	struct arena *arena = encoding->arena;
	struct text base = provider->base_url;

	if (base.len == 0)
		return fault_set(encoding->fault, FAULT_INPUT, "provider %.*s has no base_url",
		                 TEXT_ARG(provider->name));
	while (text_ends(base, TEXT("/")))
		base.len--;
	*out = (struct wire_request){
	    .method = "POST",
	    .url = text_c(arena, text_format(arena, "%.*s%.*s", TEXT_ARG(base), TEXT_ARG(path))),
	    .headers = ARENA_NEW_ARRAY(arena, struct http_header, door->header_count + 2),
	    .key_header = encoding->request->auth == AUTH_NONE ? NULL : door->key_header,
	    .key_prefix = door->key_prefix,
	};
	out->headers[out->header_count++] =
	    (struct http_header){TEXT("Content-Type"), TEXT("application/json")};
	out->headers[out->header_count++] = (struct http_header){
	    TEXT("Accept"),
	    encoding->request->streamed ? TEXT("text/event-stream") : TEXT("application/json")};
	for (size_t i = 0; i < door->header_count; i++)
		out->headers[out->header_count++] = door->headers[i];
	return true;
}
