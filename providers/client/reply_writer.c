/* What all formats of clients share: what was written so far, ids, events, errors' names. */
#include "providers/client/reply_writer_private.h"

#include "harness/base/digest.h"
#include "providers/reply/reply_reader.h"

enum { MADE_ID_DIGITS = 24 };

static const struct reply_format *const formats[CLIENT_FORMATS] = {
    [CLIENT_CHAT] = &reply_format_chat,
    [CLIENT_MESSAGES] = &reply_format_messages,
    [CLIENT_RESPONSES] = &reply_format_responses,
};

struct reply_writer *reply_writer_new(const struct reply_writer_options *options)
{
	struct reply_writer *writer = memory_new(sizeof(*writer));

	REQUIRE(formats[options->format] != NULL);
	writer->options = *options;
	writer->options.seed = text_copy(&writer->arena, options->seed);
	writer->options.model = text_copy(&writer->arena, options->model);
	writer->format = formats[options->format];
	writer->choices = ARENA_NEW_ARRAY(&writer->arena, struct written_choice, CHAT_MAX_CHOICES);
	return writer;
}

void reply_writer_free(struct reply_writer *writer)
{
	if (writer == NULL)
		return;
	arena_done(&writer->scratch);
	arena_done(&writer->arena);
	memory_free(writer);
}

const char *reply_writer_content_type(const struct reply_writer *writer)
{
	return writer->options.streamed ? "text/event-stream" : "application/json";
}

void reply_writer_update(struct reply_writer *writer, const struct chat_reply *reply,
                         struct text_buf *out)
{
	writer->out = out;
	/* Until something is said the reply may yet turn out to be an error. */
	if (!writer->options.streamed || reply->error_count > 0 || reply->choice_count == 0)
		return;
	writer->format->update(writer, reply);
	arena_reset(&writer->scratch);
}

void reply_writer_end(struct reply_writer *writer, const struct chat_reply *reply, bool cut,
                      struct text_buf *out)
{
	/* The framing is whole and the reply is not: said, for it would look like an end. */
	static const struct chat_error truncated = {
	    .message = TEXT_INIT("the provider's stream ended before its reply did"),
	    .type = TEXT_INIT("stream_truncated"),
	};

	writer->out = out;
	reply_writer_update(writer, reply, out);
	if (reply->error_count > 0 && !writer->options.streamed)
		writer->format->error_body(&reply->errors[0], 0, out);
	else if (reply->error_count > 0)
		writer->format->error(writer, &reply->errors[0]);
	else if (!writer->options.streamed && reply->complete && !cut)
		writer->format->body(writer, reply);
	else if (writer->options.streamed && reply->complete && !cut)
		writer->format->end(writer, reply);
	else if (writer->options.streamed && !cut && reply->streamed)
		writer->format->error(writer, &truncated);
	arena_reset(&writer->scratch);
}

/* --- what was written --- */

struct written_choice *written_choice_of(struct reply_writer *writer, int64_t index)
{
	for (size_t i = 0; i < writer->choice_count; i++)
		if (writer->choices[i].index == index)
			return &writer->choices[i];
	REQUIRE(writer->choice_count < CHAT_MAX_CHOICES);
	struct written_choice *choice = &writer->choices[writer->choice_count++];
	choice->index = index;
	return choice;
}

struct written_call *written_call_of(struct reply_writer *writer, struct written_choice *choice,
                                     size_t call)
{
	if (call >= choice->call_room) {
		size_t room = call < 4 ? 4 : call * 2;
		struct written_call *grown =
		    ARENA_NEW_ARRAY(&writer->arena, struct written_call, room);
		if (choice->call_room > 0)
			memcpy(grown, choice->calls, choice->call_room * sizeof(*grown));
		choice->calls = grown;
		choice->call_room = room;
	}
	return &choice->calls[call];
}

struct text written_rest(struct text whole, size_t *written)
{
	struct text rest = text_slice(whole, *written, whole.len);

	if (whole.len > *written)
		*written = whole.len;
	return rest;
}

/* --- ids and names --- */

struct text writer_model(const struct reply_writer *writer, const struct chat_reply *reply)
{
	return reply->model_count > 0 ? reply->models[0] : writer->options.model;
}

static struct text made_id(struct reply_writer *writer, const char *prefix, const char *what)
{
	struct text from =
	    text_format(&writer->arena, "%.*s %s", TEXT_ARG(writer->options.seed), what);
	struct text hex = digest_hex(&writer->arena, from, MADE_ID_DIGITS);

	return text_format(&writer->arena, "%s%.*s", prefix, TEXT_ARG(hex));
}

struct text writer_reply_id(struct reply_writer *writer, const struct chat_reply *reply,
                            const char *prefix)
{
	if (writer->id.len == 0)
		writer->id = reply->id_count > 0 ? text_copy(&writer->arena, reply->ids[0])
		                                 : made_id(writer, prefix, "reply");
	return writer->id;
}

struct text writer_call_id(struct reply_writer *writer, const struct chat_tool_call *call,
                           int64_t choice, size_t at)
{
	if (call->id.len > 0)
		return call->id;
	struct text what = text_format(&writer->arena, "call %lld %zu", (long long)choice, at);
	return made_id(writer, "call_", text_c(&writer->arena, what));
}

/* --- events --- */

void writer_event(struct reply_writer *writer, const char *name, struct text json)
{
	if (name != NULL) {
		(void)text_buf_add_c(writer->out, "event: ");
		(void)text_buf_add_c(writer->out, name);
		(void)text_buf_byte(writer->out, '\n');
	}
	(void)text_buf_add_c(writer->out, "data: ");
	(void)text_buf_add(writer->out, json);
	(void)text_buf_add_c(writer->out, "\n\n");
}

void writer_cache_creation(struct json_writer *json, const struct chat_usage *usage)
{
	json_write_key(json, "cache_creation");
	json_write_object(json);
	json_write_member_int(json, "ephemeral_5m_input_tokens",
	                      usage->cache_write - usage->cache_write_1h);
	json_write_member_int(json, "ephemeral_1h_input_tokens", usage->cache_write_1h);
	json_write_object_end(json);
}

/* --- errors --- */

static bool says(struct text message, const char *words)
{
	return text_find(message, text_of(words), 0) != TEXT_NOT_FOUND;
}

/*
 * Statuses that OpenAI's clients know nothing of: 529 is overloaded, like 503; and to Google a bad
 * key is a bad request (its API_KEY_INVALID).
 */
static int openai_status(int status, const struct chat_error *error)
{
	/* AWS forbids whom it does not know. */
	static const char *const unknown_keys[] = {
	    "UnrecognizedClientException", "InvalidSignatureException",
	    "InvalidClientTokenId",        "IncompleteSignatureException",
	    "ExpiredTokenException",       "MissingAuthenticationTokenException",
	};

	for (size_t i = 0; status == 403 && i < ARRAY_LENGTH(unknown_keys); i++)
		if (text_is(error->type, unknown_keys[i]))
			return 401;
	if (status == 400 && says(error->message, "API key not valid"))
		return 401;
	return status >= 520 ? 503 : status;
}

static const struct {
	int status;
	const char *type, *code;
} openai_errors[] = {
    {400, "invalid_request_error", NULL},
    {401, "authentication_error", "invalid_api_key"},
    {402, "insufficient_quota", "insufficient_quota"},
    {403, "permission_error", NULL},
    {404, "invalid_request_error", "model_not_found"},
    {408, "timeout", NULL},
    {409, "conflict", NULL},
    {413, "invalid_request_error", "request_too_large"},
    {422, "invalid_request_error", NULL},
    {429, "rate_limit_error", "rate_limit_exceeded"},
    {504, "timeout", NULL},
};

/* The money or a quota is gone, whatever status says so: never "slow down". */
static bool is_spent(const struct chat_error *error)
{
	struct chat_error errors[] = {*error};
	const struct chat_reply reply = {.errors = errors, .error_count = 1};

	return chat_reply_quota_is_spent(&reply);
}

/* Also of errors within a stream, which have no status: by the provider's word for it. */
static int status_of(int status, const struct chat_error *error)
{
	static const struct {
		const char *word;
		int status;
	} words[] = {
	    {"invalid_request_error", 400},
	    {"authentication_error", 401},
	    {"billing_error", 402},
	    {"permission_error", 403},
	    {"not_found_error", 404},
	    {"conflict_error", 409},
	    {"request_too_large", 413},
	    {"rate_limit_error", 429},
	    {"timeout_error", 504},
	    {"overloaded_error", 503},
	    {"INVALID_ARGUMENT", 400},
	    {"FAILED_PRECONDITION", 400},
	    {"OUT_OF_RANGE", 400},
	    {"UNAUTHENTICATED", 401},
	    {"PERMISSION_DENIED", 403},
	    {"NOT_FOUND", 404},
	    {"RESOURCE_EXHAUSTED", 429},
	    {"UNAVAILABLE", 503},
	    {"CANCELLED", 499},
	    {"DEADLINE_EXCEEDED", 504},
	    /* Exceptions within Bedrock's streams. */
	    {"validationException", 400},
	    {"throttlingException", 429},
	    {"internalServerException", 500},
	    {"modelStreamErrorException", 500},
	    {"serviceUnavailableException", 503},
	    {"modelTimeoutException", 504},
	};

	for (size_t i = 0; status < 400 && i < ARRAY_LENGTH(words); i++)
		if (text_is(error->type, words[i].word) || text_is(error->status, words[i].word))
			return words[i].status;
	return status;
}

const char *openai_error_type(int status, const struct chat_error *error)
{
	status = is_spent(error) ? 402 : status_of(status, error);
	for (size_t i = 0; i < ARRAY_LENGTH(openai_errors); i++)
		if (openai_errors[i].status == status)
			return openai_errors[i].type;
	return status >= 400 && status < 500 ? "invalid_request_error" : "server_error";
}

/* How Anthropic, Google, Cohere and AWS say that a prompt is too long (their error documents). */
static bool is_over_context(const struct chat_error *error)
{
	return says(error->message, "prompt is too long") ||
	       says(error->message, "exceed context limit") ||
	       says(error->message, "exceeds the maximum number of tokens") ||
	       says(error->message, "too many tokens") ||
	       says(error->message, "Input is too long") || says(error->message, "context length");
}

struct text openai_error_code(int status, const struct chat_error *error)
{
	status = is_spent(error) ? 402 : status_of(status, error);
	if ((status == 400 || status == 413) && is_over_context(error))
		return TEXT("context_length_exceeded");
	if ((status >= 503 && status != 504) || text_is(error->type, "overloaded_error"))
		return TEXT("overloaded");
	for (size_t i = 0; i < ARRAY_LENGTH(openai_errors); i++)
		if (openai_errors[i].status == status && openai_errors[i].code != NULL)
			return text_of(openai_errors[i].code);
	/* Google's word, where OpenAI's has none. */
	return error->status.len > 0 ? error->status : (struct text){NULL, 0};
}

int reply_write_error(const struct chat_reply *reply, int status, enum client_format format,
                      struct text_buf *out)
{
	static const struct chat_error none = {.message = TEXT_INIT("the provider gave no reason")};

	const struct chat_error *error = reply->error_count > 0 ? &reply->errors[0] : &none;

	REQUIRE(formats[format] != NULL);
	status = openai_status(status, error);
	formats[format]->error_body(error, status, out);
	return status;
}
