/*
 * Bedrock's Converse, the request: signed or with a bearer token, read as its API reads it (Amazon
 * Bedrock API reference, "Converse") and refused as a ValidationException.
 */
#include "providers/sim/sim_bedrock.h"

#include "harness/base/loop.h"
#include "providers/wire/aws_sigv4.h"

enum { SIGNATURE_GOOD_MS = 5 * 60 * 1000, BEDROCK_NAME_MAX = 64 };

static const char *const carried[] = {
    "max_tokens",      "temperature",      "top_p", "stop", "tools", "tool_choice",
    "response_format", "reasoning_effort", NULL};

/* --- where to ----------------------------------------------------------------------------- */

static struct text decoded(struct text coded, struct arena *arena)
{
	char *bytes = arena_alloc_bytes(arena, coded.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < coded.len; i++) {
		static const char digits[] = "0123456789ABCDEF";
		const char *high = NULL, *low = NULL;

		if (coded.data[i] == '%' && i + 2 < coded.len) {
			high = memchr(digits, coded.data[i + 1], 16);
			low = memchr(digits, coded.data[i + 2], 16);
		}
		if (high != NULL && low != NULL) {
			bytes[len++] = (char)((high - digits) * 16 + (low - digits));
			i += 2;
		} else {
			bytes[len++] = coded.data[i];
		}
	}
	return (struct text){bytes, len};
}

bool sim_bedrock_path(struct text path, struct arena *arena, struct text *model, bool *streamed)
{
	static const struct text prefix = TEXT_INIT("/model/");
	static const struct text whole = TEXT_INIT("/converse"),
				 framed = TEXT_INIT("/converse-stream");

	if (!text_starts(path, prefix))
		return false;
	struct text rest = text_slice(path, prefix.len, path.len);
	*streamed = text_ends(rest, framed);
	if (!*streamed && !text_ends(rest, whole))
		return false;
	rest.len -= *streamed ? framed.len : whole.len;
	*model = decoded(rest, arena);
	return rest.len > 0 && text_find_byte(rest, '/', 0) == TEXT_NOT_FOUND;
}

/* --- who asks ----------------------------------------------------------------------------- */

static bool deny(struct sim_error *error, const char *type, const char *message)
{
	(void)sim_refuse(error, "invalid_api_key", (struct text){0}, text_of(message));
	error->status = 401;
	error->type = text_of(type);
	return false;
}

static struct text header_of(const struct sim_request *request, struct text name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (text_equal_ignoring_case(request->headers[i].name, name))
			return request->headers[i].value;
	return (struct text){0};
}

/* "20150830T123600Z" is within minutes of now. */
static bool is_recent(struct text date, int64_t wall_ms, struct arena *arena)
{
	int64_t at_ms;

	if (date.len != AWS_SIGV4_DATE_BYTES - 1)
		return false;
	struct text written =
	    text_format(arena, "%.*s-%.*s-%.*s:%.*s:%.*s", 4, date.data, 2, date.data + 4, 5,
	                date.data + 6, 2, date.data + 11, 3, date.data + 13);
	return wall_parse(written, &at_ms) && at_ms <= wall_ms + SIGNATURE_GOOD_MS &&
	       at_ms >= wall_ms - SIGNATURE_GOOD_MS;
}

/* The key is the secret access key; of the ids and session tokens that go with it any is taken. */
static bool admit_signed(const struct sim_serving *serving, const struct sim_request *request,
                         struct sim_error *error)
{
	static const struct text lead = TEXT_INIT("Credential=");
	struct text id = request->authorization;
	size_t at = text_find(id, lead, 0);

	id = text_slice(id, at == TEXT_NOT_FOUND ? id.len : at + lead.len, id.len);
	const struct aws_signer signer = {
	    .access_key_id = text_slice(id, 0, text_find_byte(id, '/', 0)),
	    .secret_access_key = serving->setup->api_key,
	    .session_token = header_of(request, TEXT("x-amz-security-token")),
	    .service = TEXT("bedrock"),
	};
	const struct aws_request signed_request = {
	    .method = request->method,
	    .headers = request->headers,
	    .header_count = request->header_count,
	    .body = request->body,
	};

	if (!sim_breaks(serving, SIM_ER_01) &&
	    !aws_sigv4_verify(&signer, &signed_request, request->path, request->authorization))
		return deny(error, "InvalidSignatureException",
		            "The request signature we calculated does not match the signature you "
		            "provided. Check your AWS Secret Access Key and signing method.");
	if (!is_recent(header_of(request, TEXT("x-amz-date")), serving->wall_ms, serving->arena))
		return deny(error, "InvalidSignatureException", "Signature expired.");
	return true;
}

static bool admit(const struct sim_serving *serving, const struct sim_request *request,
                  struct sim_error *error)
{
	struct text key = http_bearer(request->authorization);

	if (sim_breaks(serving, SIM_DENY_401))
		return deny(error, "UnrecognizedClientException",
		            "The security token included in the request is invalid.");
	if (text_starts(request->authorization, TEXT("AWS4-HMAC-SHA256")))
		return admit_signed(serving, request, error);
	if (key.data == NULL)
		return sim_breaks(serving, SIM_ER_02) ||
		       deny(error, "MissingAuthenticationTokenException",
		            "Missing Authentication Token");
	return text_equal(key, serving->setup->api_key) || sim_breaks(serving, SIM_ER_01) ||
	       deny(error, "UnrecognizedClientException",
	            "Authentication failed: Please make sure your API Key is valid.");
}

static bool is_streamed(const struct sim_native_ask *ask)
{
	return ask->streamed_by_path;
}

/* --- content ------------------------------------------------------------------------------ */

static bool write_block(struct sim_native_ask *ask, const struct json *block)
{
	static const char *const formats[] = {"png", "jpeg", "gif", "webp"};
	const struct json *image = json_member(block, "image");
	struct text format = json_string(image, "format");
	struct text bytes = json_string(json_member(image, "source"), "bytes");
	size_t at = 0;

	if (json_string(block, "text").data != NULL) {
		if (json_string(block, "text").len == 0)
			return sim_native_refuse(ask, "The text field in the ContentBlock object "
			                              "is blank. Add text to the text field, and "
			                              "try again.");
		sim_native_text_part(ask, json_string(block, "text"));
		return true;
	}
	if (json_is(json_member(block, "document"), JSON_OBJECT)) {
		sim_native_text_part(ask, TEXT("[document]"));
		return true;
	}
	while (at < ARRAY_LENGTH(formats) && !text_is(format, formats[at]))
		at++;
	if (image == NULL || at == ARRAY_LENGTH(formats) || bytes.len == 0)
		return sim_native_refuse(ask, "The model returned the following errors: a content "
		                              "block is of no known kind");
	sim_native_image_part(ask, text_format(ask->serving->arena, "image/%s", formats[at]),
	                      bytes);
	return true;
}

static bool is_id(struct text id)
{
	for (size_t i = 0; i < id.len; i++) {
		char c = id.data[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      c == '_' || c == '-'))
			return false;
	}
	return id.len > 0 && id.len <= BEDROCK_NAME_MAX;
}

/* Whether the turn before holds the call that this result answers. */
static bool is_asked(const struct json *before, struct text id)
{
	JSON_EACH(block, json_member(before, "content"))
	{
		if (text_equal(json_string(json_member(block, "toolUse"), "toolUseId"), id))
			return true;
	}
	return false;
}

static bool write_result(struct sim_native_ask *ask, const struct json *result,
                         const struct json *before)
{
	struct text id = json_string(result, "toolUseId");

	if (!is_asked(before, id))
		return sim_native_refuse(ask, "The number of toolResult blocks exceeds the number "
		                              "of toolUse blocks of previous turn.");
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "role", "tool");
	json_write_member(ask->writer, "tool_call_id", id);
	json_write_key(ask->writer, "content");
	json_write_array(ask->writer);
	JSON_EACH(block, json_member(result, "content"))
	{
		const struct json *json = json_member(block, "json");

		if (json != NULL)
			sim_native_text_part(ask, json_to_text(ask->serving->arena, json));
		else if (json_member(block, "image") != NULL)
			sim_native_text_part(ask, TEXT("[image]"));
		else if (!write_block(ask, block))
			return false;
	}
	json_write_array_end(ask->writer);
	json_write_object_end(ask->writer);
	return true;
}

static bool write_user(struct sim_native_ask *ask, const struct json *content,
                       const struct json *before)
{
	size_t results = 0, calls = 0;

	JSON_EACH(block, content)
	{
		const struct json *result = json_member(block, "toolResult");

		results += result != NULL;
		if (result != NULL && !write_result(ask, result, before))
			return false;
	}
	JSON_EACH(block, json_member(before, "content"))
	{
		calls += json_member(block, "toolUse") != NULL;
	}
	if (calls > results)
		return sim_native_refuse(ask, "Expected toolResult blocks for each of the toolUse "
		                              "blocks of the previous turn.");
	if (results == content->count)
		return true;
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "role", "user");
	json_write_key(ask->writer, "content");
	json_write_array(ask->writer);
	JSON_EACH(block, content)
	{
		if (json_member(block, "toolResult") == NULL && !write_block(ask, block))
			return false;
	}
	json_write_array_end(ask->writer);
	json_write_object_end(ask->writer);
	return true;
}

/* --- the assistant's turns ---------------------------------------------------------------- */

static bool check_thoughts(struct sim_native_ask *ask, const struct json *reasoning)
{
	const struct json *said = json_member(reasoning, "reasoningText");
	struct text wanted =
	    sim_native_signature(ask->serving, SIM_BEDROCK_SIGNED, json_string(said, "text"));

	if (said == NULL || text_equal(json_string(said, "signature"), wanted))
		return true;
	return sim_native_refuse(ask, "The model returned the following errors: Invalid "
	                              "`signature` in `thinking` block");
}

static bool write_call(struct sim_native_ask *ask, const struct json *use)
{
	const struct json *input = json_member(use, "input");

	if (!is_id(json_string(use, "toolUseId")))
		return sim_native_refuse(ask,
		                         "Value at 'messages.content.toolUse.toolUseId' failed "
		                         "to satisfy constraint: Member must satisfy regular "
		                         "expression pattern: [a-zA-Z0-9_-]+");
	if (!json_is(input, JSON_OBJECT))
		return sim_native_refuse(ask, "The format of the value at "
		                              "messages.content.toolUse.input is invalid. Provide "
		                              "a json object for the field and try again.");
	sim_native_call(ask, json_string(use, "toolUseId"), json_string(use, "name"),
	                json_to_text(ask->serving->arena, input));
	return true;
}

static bool write_assistant(struct sim_native_ask *ask, const struct json *content)
{
	bool calls = false;

	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "role", "assistant");
	json_write_key(ask->writer, "content");
	json_write_array(ask->writer);
	JSON_EACH(block, content)
	{
		const struct json *reasoning = json_member(block, "reasoningContent");

		if (reasoning != NULL && !check_thoughts(ask, reasoning))
			return false;
		if (reasoning == NULL && json_member(block, "toolUse") == NULL &&
		    !write_block(ask, block))
			return false;
	}
	json_write_array_end(ask->writer);
	JSON_EACH(block, content)
	{
		const struct json *use = json_member(block, "toolUse");

		if (use == NULL)
			continue;
		if (!calls) {
			json_write_key(ask->writer, "tool_calls");
			json_write_array(ask->writer);
		}
		calls = true;
		if (!write_call(ask, use))
			return false;
	}
	if (calls)
		json_write_array_end(ask->writer);
	json_write_object_end(ask->writer);
	return true;
}

static bool write_system(struct sim_native_ask *ask)
{
	const struct json *system = sim_native_field(ask->body, "system", NULL);

	if (system == NULL)
		return true;
	json_write_object(ask->writer);
	json_write_member_c(ask->writer, "role", "system");
	json_write_key(ask->writer, "content");
	json_write_array(ask->writer);
	JSON_EACH(block, system)
	{
		if (!write_block(ask, block))
			return false;
	}
	json_write_array_end(ask->writer);
	json_write_object_end(ask->writer);
	return true;
}

static bool write_messages(struct sim_native_ask *ask)
{
	const struct json *messages = json_member(ask->body, "messages");
	const struct json *before = NULL;

	if (!json_is(messages, JSON_ARRAY) || messages->count == 0)
		return sim_native_refuse(ask, "A conversation must start with a user message. Try "
		                              "again with a conversation that starts with a user "
		                              "message.");
	json_write_key(ask->writer, "messages");
	json_write_array(ask->writer);
	if (!write_system(ask))
		return false;
	JSON_EACH(message, messages)
	{
		const struct json *content = json_member(message, "content");
		bool user = text_is(json_string(message, "role"), "user");

		if (!json_is(content, JSON_ARRAY) || content->count == 0)
			return sim_native_refuse(ask, "The content field in the Message object at "
			                              "messages is empty. Add a ContentBlock "
			                              "object to the content field and try again.");
		if (user == (before != NULL && text_is(json_string(before, "role"), "user")))
			return sim_native_refuse(ask, "A conversation must alternate between user "
			                              "and assistant roles. Make sure the "
			                              "conversation alternates between user and "
			                              "assistant roles and try again.");
		if (!(user ? write_user(ask, content, before) : write_assistant(ask, content)))
			return false;
		before = message;
	}
	json_write_array_end(ask->writer);
	return true;
}

/* --- beside messages ---------------------------------------------------------------------- */

static bool write_inference(struct sim_native_ask *ask)
{
	static const struct {
		const char *name, *chat, *min, *max;
	} numbers[] = {
	    {"maxTokens", "max_tokens", "1", NULL},
	    {"temperature", "temperature", "0", "1"},
	    {"topP", "top_p", "0", "1"},
	};
	const struct json *config = sim_native_field(ask->body, "inferenceConfig", NULL);
	const struct json *stops = sim_native_field(config, "stopSequences", NULL);

	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		const struct json *number = sim_native_field(config, numbers[i].name, NULL);
		if (number != NULL && !sim_native_within(number, numbers[i].min, numbers[i].max))
			return sim_native_refuse(
			    ask, "Value at 'inferenceConfig.%s' failed to satisfy constraint",
			    numbers[i].name);
		sim_native_copy(ask, config, numbers[i].name, numbers[i].chat);
	}
	if (stops != NULL && stops->count > 0)
		sim_native_copy(ask, config, "stopSequences", "stop");
	return true;
}

static bool uses_calls(const struct sim_native_ask *ask)
{
	JSON_EACH(message, json_member(ask->body, "messages"))
	{
		JSON_EACH(block, json_member(message, "content"))
		{
			if (json_member(block, "toolUse") != NULL ||
			    json_member(block, "toolResult") != NULL)
				return true;
		}
	}
	return false;
}

static bool write_tool(struct sim_native_ask *ask, const struct json *tool)
{
	const struct json *spec = json_member(tool, "toolSpec");
	const struct json *schema = json_member(json_member(spec, "inputSchema"), "json");

	if (!is_id(json_string(spec, "name")) || !json_is(schema, JSON_OBJECT) ||
	    !text_is(json_string(schema, "type"), "object"))
		return sim_native_refuse(ask,
		                         "The value at toolConfig.tools.toolSpec.inputSchema.json."
		                         "type must be one of the following: object.");
	sim_native_tool(ask, spec, schema);
	return true;
}

static bool write_tools(struct sim_native_ask *ask)
{
	const struct json *config = sim_native_field(ask->body, "toolConfig", NULL);
	const struct json *choice = sim_native_field(config, "toolChoice", NULL);
	const struct json *named = json_member(choice, "tool");

	if (config == NULL && uses_calls(ask))
		return sim_native_refuse(ask, "The toolConfig field must be defined when using "
		                              "toolUse and toolResult content blocks.");
	if (config == NULL)
		return true;
	json_write_key(ask->writer, "tools");
	json_write_array(ask->writer);
	JSON_EACH(tool, json_member(config, "tools"))
	{
		if (!write_tool(ask, tool))
			return false;
	}
	json_write_array_end(ask->writer);
	if (named != NULL)
		sim_native_named_choice(ask, json_string(named, "name"));
	else if (json_member(choice, "any") != NULL)
		json_write_member_c(ask->writer, "tool_choice", "required");
	else if (json_member(choice, "auto") != NULL)
		json_write_member_c(ask->writer, "tool_choice", "auto");
	else if (choice != NULL)
		return sim_native_refuse(ask, "toolConfig.toolChoice is of no known kind");
	return true;
}

static bool write_format(struct sim_native_ask *ask)
{
	const struct json *format =
	    json_member(sim_native_field(ask->body, "outputConfig", NULL), "textFormat");
	const struct json *wrapped = json_member(json_member(format, "structure"), "jsonSchema");
	struct fault fault;
	struct json *schema;

	if (format == NULL)
		return true;
	if (!text_is(json_string(format, "type"), "json_schema") ||
	    !json_read_text(json_string(wrapped, "schema"), "schema", ask->serving->arena, &schema,
	                    &fault) ||
	    !json_is(schema, JSON_OBJECT))
		return sim_native_refuse(ask, "outputConfig.textFormat holds no JSON schema");
	sim_native_format(ask, schema);
	return true;
}

static bool write_thinking(struct sim_native_ask *ask)
{
	const struct json *more = sim_native_field(ask->body, "additionalModelRequestFields", NULL);
	struct text type = json_string(json_member(more, "thinking"), "type");
	struct text effort = json_string(json_member(more, "output_config"), "effort");

	if (json_string(more, "reasoning_effort").data != NULL)
		effort = json_string(more, "reasoning_effort");
	if (json_string(json_member(more, "reasoningConfig"), "maxReasoningEffort").data != NULL)
		effort = json_string(json_member(more, "reasoningConfig"), "maxReasoningEffort");
	if (text_is(type, "disabled"))
		effort = TEXT("none");
	else if (type.data != NULL && effort.data == NULL)
		effort = TEXT("high");
	if (effort.data == NULL)
		return true;
	ask->thinks = !text_is(effort, "none");
	json_write_member(ask->writer, "reasoning_effort", effort);
	return true;
}

static bool read_request(struct sim_native_ask *ask)
{
	static const char *const known[] = {"messages",
	                                    "system",
	                                    "inferenceConfig",
	                                    "toolConfig",
	                                    "guardrailConfig",
	                                    "additionalModelRequestFields",
	                                    "additionalModelResponseFieldPaths",
	                                    "requestMetadata",
	                                    "performanceConfig",
	                                    "serviceTier",
	                                    "outputConfig",
	                                    NULL};
	const struct json *unknown = sim_native_unknown(ask->body, known);

	if (unknown != NULL)
		return sim_native_refuse(ask, "extraneous key [%.*s] is not permitted",
		                         TEXT_ARG(text_slice(unknown->key, 0, 80)));
	json_write_member(ask->writer, "model", ask->model);
	return write_messages(ask) && write_inference(ask) && write_tools(ask) &&
	       write_format(ask) && write_thinking(ask);
}

const struct sim_native sim_bedrock = {
    .name = "bedrock",
    .carried = carried,
    .stream_type = "application/vnd.amazon.eventstream",
    .admit = admit,
    .is_streamed = is_streamed,
    .read = read_request,
    .render = sim_bedrock_render,
    .stream = sim_bedrock_stream,
    .error = sim_bedrock_error,
};
