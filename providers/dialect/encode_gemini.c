/*
 * OpenAI's chat request as Gemini's generateContent (TRANSLATION.md B1 to B4; Gemini API reference,
 * v1beta).
 */
#include "providers/dialect/encode_gemini.h"

enum { GEMINI_MAX_STOPS = 5, GEMINI_MAX_NAME_BYTES = 64 };

/* --- models ------------------------------------------------------------------------------- */

static int64_t version(const struct encoding *e)
{
	return encode_version(e, "gemini-");
}

static struct text path_of(struct encoding *e)
{
	struct text model = json_string(e->root, "model");
	bool whole =
	    text_starts(model, TEXT("models/")) || text_starts(model, TEXT("tunedModels/"));

	if (model.len == 0)
		encode_refuse(e, "the request names no model");
	if (text_find(model, TEXT(".."), 0) != TEXT_NOT_FOUND)
		encode_refuse(e, "the model's name can't stand in a path");
	return text_format(
	    e->arena, "%s%.*s%s", whole ? "/" : "/models/", TEXT_ARG(encode_path(e, model, whole)),
	    e->request->streamed ? ":streamGenerateContent?alt=sse" : ":generateContent");
}

/* --- names -------------------------------------------------------------------------------- */

static const struct text name_mark = TEXT_INIT("_x_");

struct text encode_gemini_name(struct encoding *encoding, struct text name)
{
	char c = name.len > 0 ? name.data[0] : '-';
	bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

	if (!letter || text_starts(name, name_mark))
		name =
		    text_format(encoding->arena, "%.*s%.*s", TEXT_ARG(name_mark), TEXT_ARG(name));
	if (name.len > GEMINI_MAX_NAME_BYTES)
		encode_refuse(encoding, "a tool's name is too long for this provider: %.*s",
		              TEXT_ARG(text_visible(encoding->arena, name, 64)));
	return name;
}

struct text encode_gemini_name_back(struct text name)
{
	return text_starts(name, name_mark) ? text_slice(name, name_mark.len, name.len) : name;
}

static void write_name(struct encoding *e, const struct json *call)
{
	struct text name = json_string(json_member(call, "function"), "name");

	json_write_member(&e->json, "name", encode_gemini_name(e, name));
}

/* --- parts -------------------------------------------------------------------------------- */

static void write_text_part(struct encoding *e, struct text text, struct text signature)
{
	json_write_object(&e->json);
	json_write_member(&e->json, "text", text);
	if (signature.len > 0)
		json_write_member(&e->json, "thoughtSignature", signature);
	json_write_object_end(&e->json);
}

static void write_inline(struct encoding *e, struct text type, struct text base64)
{
	json_write_object(&e->json);
	json_write_key(&e->json, "inlineData");
	json_write_object(&e->json);
	json_write_member(&e->json, "mimeType", type);
	json_write_member(&e->json, "data", base64);
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
}

static void write_url(struct encoding *e, const char *what, struct text url)
{
	static const struct text files = TEXT_INIT("https://generativelanguage.googleapis.com/");
	struct text type, base64;

	if (encode_data_url(url, &type, &base64)) {
		write_inline(e, type, base64);
	} else if (text_starts(url, files) || text_starts(url, TEXT("gs://"))) {
		json_write_object(&e->json);
		json_write_key(&e->json, "fileData");
		json_write_object(&e->json);
		json_write_member(&e->json, "fileUri", url);
		json_write_object_end(&e->json);
		json_write_object_end(&e->json);
	} else {
		/* It reads no other place of the web, and we fetch nothing for a client. */
		encode_refuse(e, "%s must be a data URL or a file of Google's for this provider",
		              what);
	}
}

static void write_part(struct encoding *e, const struct json *part)
{
	struct text type = json_string(part, "type");

	encode_check_part(e, part, text_c(e->arena, type));
	if (text_is(type, "text")) {
		write_text_part(e, json_string(part, "text"), TEXT(""));
	} else if (text_is(type, "refusal")) {
		write_text_part(e, json_string(part, "refusal"), TEXT(""));
	} else if (text_is(type, "image_url")) {
		const struct json *image = json_member(part, "image_url");
		if (encode_field(image, "detail") != NULL)
			encode_drop(e, "image_url.detail");
		write_url(e, "an image", json_string(image, "url"));
	} else if (text_is(type, "input_audio")) {
		const struct json *audio = json_member(part, "input_audio");
		struct text format = json_string(audio, "format");
		write_inline(e, text_format(e->arena, "audio/%.*s", TEXT_ARG(format)),
		             json_string(audio, "data"));
	} else if (text_is(type, "file")) {
		const struct json *file = json_member(part, "file");
		if (encode_field(file, "filename") != NULL)
			encode_drop(e, "file.filename");
		write_url(e, "a file", json_string(file, "file_data"));
	} else {
		encode_refuse_part(e, type);
	}
}

/* --- turns -------------------------------------------------------------------------------- */

struct turns {
	struct encoding *e;
	const char *role;         /* of the turn that is open; NULL: none */
	bool parts;               /* it holds some */
	const struct json *asked; /* the last assistant's message with calls */
};

static void close_turn(struct turns *turns)
{
	struct encoding *e = turns->e;

	if (turns->role == NULL)
		return;
	if (!turns->parts) /* no turn may be without parts */
		write_text_part(e, TEXT(""), TEXT(""));
	json_write_array_end(&e->json);
	json_write_object_end(&e->json);
	turns->role = NULL;
}

/* Neighbours of one role are one turn. */
static void open_turn(struct turns *turns, const char *role)
{
	struct encoding *e = turns->e;

	if (turns->role != NULL && *turns->role == *role)
		return;
	close_turn(turns);
	turns->role = role;
	turns->parts = false;
	json_write_object(&e->json);
	json_write_member_c(&e->json, "role", role);
	json_write_key(&e->json, "parts");
	json_write_array(&e->json);
}

static struct text signature_of(const struct json *holder)
{
	return json_string(json_member(json_member(holder, "extra_content"), "google"),
	                   "thought_signature");
}

/* Gemini 3 takes a turn only if its first call is signed. */
static void write_call(struct encoding *e, const struct json *call, bool first)
{
	struct text signature = signature_of(call);
	const struct json *args = encode_arguments(e, call);

	if (args == NULL)
		return;
	if (signature.len == 0 && first && version(e) >= 30) {
		signature = TEXT(ENCODE_GEMINI_UNSIGNED);
		encode_drop(e, "tool_calls.extra_content.google.thought_signature");
	}
	json_write_object(&e->json);
	json_write_key(&e->json, "functionCall");
	json_write_object(&e->json);
	if (json_string(call, "id").len > 0)
		json_write_member(&e->json, "id", json_string(call, "id"));
	write_name(e, call);
	json_write_key(&e->json, "args");
	json_write_node(&e->json, args);
	json_write_object_end(&e->json);
	if (signature.len > 0)
		json_write_member(&e->json, "thoughtSignature", signature);
	json_write_object_end(&e->json);
}

static const char *const nothing_more[] = {NULL};

static void write_result(struct turns *turns, const struct json *message)
{
	struct encoding *e = turns->e;
	struct text id = json_string(message, "tool_call_id");
	const struct json *call = encode_call_of(e, message);
	struct text said = encode_text(e, json_member(message, "content"), NULL);
	struct fault unread;
	struct json *object = NULL;

	if (call == NULL)
		return;
	encode_check_message(e, message, nothing_more);
	json_write_object(&e->json);
	json_write_key(&e->json, "functionResponse");
	json_write_object(&e->json);
	if (id.len > 0)
		json_write_member(&e->json, "id", id);
	write_name(e, call);
	json_write_key(&e->json, "response");
	if (json_read_text(said, "result", e->arena, &object, &unread) &&
	    json_is(object, JSON_OBJECT)) {
		json_write_node(&e->json, object);
	} else {
		json_write_object(&e->json);
		json_write_member(&e->json, "result", said);
		json_write_object_end(&e->json);
	}
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
	turns->parts = true;
}

static bool is_result(const struct json *message)
{
	return message != NULL && text_is(json_string(message, "role"), "tool");
}

/* Results that stand together, in the order of their calls; returns the last of them. */
static const struct json *write_results(struct turns *turns, const struct json *first)
{
	const struct json *last = first;

	open_turn(turns, "user");
	while (is_result(last->next))
		last = last->next;
	JSON_EACH(call, json_member(turns->asked, "tool_calls"))
	{
		for (const struct json *m = first; m != last->next; m = m->next)
			if (text_equal(json_string(m, "tool_call_id"), json_string(call, "id")))
				write_result(turns, m);
	}
	/* And those of no call of that turn: refused, or of an earlier one. */
	for (const struct json *m = first; m != last->next; m = m->next) {
		bool written = false;
		JSON_EACH(call, json_member(turns->asked, "tool_calls"))
		{
			written |=
			    text_equal(json_string(m, "tool_call_id"), json_string(call, "id"));
		}
		if (!written)
			write_result(turns, m);
	}
	return last;
}

static void write_said(struct turns *turns, const struct json *message)
{
	struct encoding *e = turns->e;
	const struct json *content = json_member(message, "content");
	struct text signature = signature_of(message);

	if (json_is(content, JSON_STRING) && (content->text.len > 0 || signature.len > 0)) {
		write_text_part(e, content->text, signature);
		turns->parts = true;
	}
	JSON_EACH(part, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		write_part(e, part);
		turns->parts = true;
	}
	if (json_string(message, "refusal").len > 0) {
		write_text_part(e, json_string(message, "refusal"), TEXT(""));
		turns->parts = true;
	}
}

static void write_message(struct turns *turns, const struct json *message)
{
	static const char *const carried[] = {"extra_content", NULL};
	struct encoding *e = turns->e;
	struct text role = encode_role(e, message);
	const struct json *calls = json_member(message, "tool_calls");
	bool first = true;

	open_turn(turns, text_is(role, "assistant") ? "model" : "user");
	write_said(turns, message);
	JSON_EACH(call, calls)
	{
		write_call(e, call, first);
		first = false;
		turns->asked = message;
		turns->parts = true;
	}
	encode_check_message(e, message, carried);
}

static void write_contents(struct encoding *e)
{
	const struct json *messages = json_member(e->root, "messages");
	struct turns turns = {.e = e};

	json_write_key(&e->json, "contents");
	json_write_array(&e->json);
	for (const struct json *m = json_first(messages); m != NULL; m = m->next) {
		if (encode_is_system(m))
			continue;
		if (is_result(m))
			m = write_results(&turns, m);
		else
			write_message(&turns, m);
	}
	close_turn(&turns);
	json_write_array_end(&e->json);
}

static void write_system(struct encoding *e)
{
	if (!encode_has_system(e))
		return;
	json_write_key(&e->json, "systemInstruction");
	json_write_object(&e->json);
	json_write_key(&e->json, "parts");
	json_write_array(&e->json);
	JSON_EACH(message, json_member(e->root, "messages"))
	{
		if (!encode_is_system(message))
			continue;
		encode_check_message(e, message, nothing_more);
		write_text_part(e, encode_text(e, json_member(message, "content"), NULL), TEXT(""));
	}
	json_write_array_end(&e->json);
	json_write_object_end(&e->json);
}

/* --- tools -------------------------------------------------------------------------------- */

static void write_tool(struct encoding *e, const struct json *tool)
{
	const struct json *function = json_member(tool, "function");
	const struct json *parameters = encode_field(function, "parameters");
	const struct json *properties = json_member(parameters, "properties");

	json_write_object(&e->json);
	json_write_member(&e->json, "name", encode_gemini_name(e, json_string(function, "name")));
	if (json_string(function, "description").len > 0)
		json_write_member(&e->json, "description", json_string(function, "description"));
	/* An object without members is refused where it is all there is. */
	if (parameters != NULL &&
	    (parameters->type != JSON_OBJECT || (properties != NULL && properties->count > 0) ||
	     json_member(parameters, "$ref") != NULL)) {
		json_write_key(&e->json, "parameters");
		encode_schema(e, parameters);
	}
	json_write_object_end(&e->json);
}

static void write_choice(struct encoding *e, bool strict)
{
	static const char *const modes[] = {
	    [ENCODE_CHOICE_ABSENT] = "AUTO", [ENCODE_CHOICE_AUTO] = "AUTO",
	    [ENCODE_CHOICE_NONE] = "NONE",   [ENCODE_CHOICE_REQUIRED] = "ANY",
	    [ENCODE_CHOICE_NAMED] = "ANY",
	};
	struct text named;
	enum encode_choice choice = encode_choice_of(e, &named);
	const char *mode = strict && choice <= ENCODE_CHOICE_AUTO ? "VALIDATED" : modes[choice];

	if (choice == ENCODE_CHOICE_ABSENT && !strict)
		return;
	json_write_key(&e->json, "toolConfig");
	json_write_object(&e->json);
	json_write_key(&e->json, "functionCallingConfig");
	json_write_object(&e->json);
	json_write_member_c(&e->json, "mode", mode);
	if (named.len > 0) {
		json_write_key(&e->json, "allowedFunctionNames");
		json_write_array(&e->json);
		json_write_string(&e->json, encode_gemini_name(e, named));
		json_write_array_end(&e->json);
	}
	json_write_object_end(&e->json);
	json_write_object_end(&e->json);
}

static void write_tools(struct encoding *e)
{
	bool strict;
	const struct json *tools = encode_tools(e, &strict);

	if (tools == NULL)
		return;
	json_write_key(&e->json, "tools");
	json_write_array(&e->json);
	json_write_object(&e->json);
	json_write_key(&e->json, "functionDeclarations");
	json_write_array(&e->json);
	JSON_EACH(tool, tools)
	{
		write_tool(e, tool);
	}
	json_write_array_end(&e->json);
	json_write_object_end(&e->json);
	json_write_array_end(&e->json);
	write_choice(e, strict);
}

/* --- parameters --------------------------------------------------------------------------- */

static void write_format(struct encoding *e)
{
	const struct json *schema;

	if (encode_format_of(e, &schema) == ENCODE_FORMAT_TEXT)
		return;
	json_write_member_c(&e->json, "responseMimeType", "application/json");
	if (schema == NULL)
		return;
	json_write_key(&e->json, "responseSchema");
	encode_schema(e, schema);
}

/* Gemini 3 thinks by level, 2.5 by a budget of tokens (Google's page on OpenAI compatibility). */
static void write_thinking(struct encoding *e)
{
	static const struct {
		const char *effort;
		int64_t budget;
	} budgets[] = {
	    {"none", 0}, {"minimal", 1024}, {"low", 1024}, {"medium", 8192}, {"high", 24576}};
	struct text effort = encode_effort(e);
	size_t at = 0;

	if (effort.data == NULL)
		return;
	while (at < ARRAY_LENGTH(budgets) && !text_is(effort, budgets[at].effort))
		at++;
	if (at == ARRAY_LENGTH(budgets) || (at == 0 && version(e) >= 30)) {
		encode_refuse(e, "reasoning_effort '%.*s' can't be had with this model",
		              TEXT_ARG(text_visible(e->arena, effort, 40)));
		return;
	}
	json_write_key(&e->json, "thinkingConfig");
	json_write_object(&e->json);
	if (version(e) >= 30)
		json_write_member(&e->json, "thinkingLevel", effort);
	else
		json_write_member_int(&e->json, "thinkingBudget", budgets[at].budget);
	if (at > 0)
		json_write_member_bool(&e->json, "includeThoughts", true);
	json_write_object_end(&e->json);
}

static void write_modalities(struct encoding *e)
{
	const struct json *modalities = encode_field(e->root, "modalities");

	JSON_EACH(word, modalities)
	{
		if (!text_is(word->text, "text"))
			encode_refuse(e, "of modalities only text can be carried");
	}
	if (modalities == NULL)
		return;
	json_write_key(&e->json, "responseModalities");
	json_write_raw(&e->json, TEXT("[\"TEXT\"]"));
}

static void write_logprobs(struct encoding *e)
{
	const struct json *wanted = encode_field(e->root, "logprobs");

	if (json_is(wanted, JSON_BOOL))
		json_write_member_bool(&e->json, "responseLogprobs", wanted->truth);
	encode_copy(e, "top_logprobs", "logprobs");
}

static void write_generation(struct encoding *e)
{
	json_write_key(&e->json, "generationConfig");
	json_write_object(&e->json);
	encode_limit(e, "maxOutputTokens");
	encode_copy(e, "temperature", "temperature");
	encode_copy(e, "top_p", "topP");
	encode_copy(e, "n", "candidateCount");
	encode_copy(e, "seed", "seed");
	encode_copy(e, "presence_penalty", "presencePenalty");
	encode_copy(e, "frequency_penalty", "frequencyPenalty");
	encode_stop(e, "stopSequences", GEMINI_MAX_STOPS);
	write_format(e);
	write_thinking(e);
	write_modalities(e);
	write_logprobs(e);
	json_write_object_end(&e->json);
}

static void write_tier(struct encoding *e)
{
	struct text tier = json_string(e->root, "service_tier");

	if (text_is(tier, "flex") || text_is(tier, "priority"))
		json_write_member(&e->json, "serviceTier", tier);
	else if (tier.data != NULL)
		encode_drop(e, "service_tier");
}

bool encode_gemini(const struct provider *provider, const struct chat_request *request,
                   struct arena *arena, struct wire_request *out, struct fault *fault)
{
	static const char *const carried[] = {"n",          "logprobs",         "top_logprobs",
	                                      "seed",       "presence_penalty", "frequency_penalty",
	                                      "modalities", "service_tier",     NULL};
	static const struct encode_door door = {"x-goog-api-key", "", NULL, 0};
	struct encoding encoding;
	struct encoding *e = &encoding;

	if (!encode_begin(e, provider, request, carried, arena, fault))
		return false;
	write_system(e);
	write_contents(e);
	write_tools(e);
	write_generation(e);
	write_tier(e);
	return encode_end(e, &door, path_of(e), out);
}
