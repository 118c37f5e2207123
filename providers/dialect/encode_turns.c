/*
 * See encode.h: a history as turns that alternate between user and assistant and hold blocks, as
 * Anthropic's Messages and Bedrock's Converse want it.
 */
#include "providers/dialect/encode.h"

enum turn { TURN_NONE, TURN_USER, TURN_ASSISTANT };

static const char *const nothing_more[] = {NULL};

/* --- contents ----------------------------------------------------------------------------- */

static void write_part(struct encoding *e, const struct encode_blocks *blocks,
                       const struct json *part)
{
	struct text type = json_string(part, "type");

	encode_check_part(e, part, text_c(e->arena, type));
	if (text_is(type, "text") || text_is(type, "refusal"))
		blocks->text(e, json_string(part, text_is(type, "text") ? "text" : "refusal"));
	else if (text_is(type, "image_url"))
		blocks->image(e, json_member(part, "image_url"));
	else if (text_is(type, "file"))
		blocks->file(e, json_member(part, "file"));
	else
		encode_refuse_part(e, type);
}

static void write_content(struct encoding *e, const struct encode_blocks *blocks,
                          const struct json *content)
{
	if (json_is(content, JSON_STRING))
		blocks->text(e, content->text);
	JSON_EACH(part, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		write_part(e, blocks, part);
	}
}

static void write_system(struct encoding *e, const struct encode_blocks *blocks)
{
	if (!encode_has_system(e))
		return;
	json_write_key(&e->json, "system");
	json_write_array(&e->json);
	JSON_EACH(message, json_member(e->root, "messages"))
	{
		if (!encode_is_system(message))
			continue;
		encode_check_message(e, message, nothing_more);
		blocks->text(e, encode_text(e, json_member(message, "content"), NULL));
	}
	json_write_array_end(&e->json);
}

/* --- messages ----------------------------------------------------------------------------- */

static bool is_result(const struct json *message)
{
	return text_is(json_string(message, "role"), "tool");
}

/* An answer of which no block would come, or a blank one: both providers refuse such a turn. */
static bool says_nothing(const struct json *message)
{
	const struct json *content = json_member(message, "content");
	const struct json *calls = encode_field(message, "tool_calls");

	if (json_is(content, JSON_STRING) && text_trim(content->text).len > 0)
		return false;
	JSON_EACH(part, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		if (!text_is(json_string(part, "type"), "text") ||
		    text_trim(json_string(part, "text")).len > 0)
			return false;
	}
	return (calls == NULL || calls->count == 0) && json_string(message, "refusal").len == 0 &&
	       encode_field(message, "thinking_blocks") == NULL;
}

static enum turn turn_of(struct encoding *e, const struct json *message)
{
	struct text role = encode_role(e, message);

	if (text_is(role, "assistant"))
		return says_nothing(message) ? TURN_NONE : TURN_ASSISTANT;
	return text_is(role, "system") ? TURN_NONE : TURN_USER;
}

static void write_result(struct encoding *e, const struct encode_blocks *blocks,
                         const struct json *message)
{
	encode_check_message(e, message, nothing_more);
	blocks->begin_result(e, message);
	json_write_key(&e->json, "content");
	json_write_array(&e->json);
	write_content(e, blocks, json_member(message, "content"));
	json_write_array_end(&e->json);
	for (int i = 0; i < blocks->result_depth; i++)
		json_write_object_end(&e->json);
}

/* An answer that is begun for the model is the last message. */
static void write_said(struct encoding *e, const struct encode_blocks *blocks,
                       const struct json *message)
{
	const struct json *content = json_member(message, "content");

	if (!blocks->begun_is_trimmed || message->next != NULL ||
	    !text_is(json_string(message, "role"), "assistant") || !json_is(content, JSON_STRING)) {
		write_content(e, blocks, content);
		return;
	}
	struct text said = content->text;
	while (said.len > 0 &&
	       text_find_byte(TEXT(" \t\r\n"), said.data[said.len - 1], 0) != TEXT_NOT_FOUND)
		said.len--;
	blocks->text(e, said);
}

/* Signed thoughts stand in front of all else; unsigned ones are of no use. */
static void write_message(struct encoding *e, const struct encode_blocks *blocks,
                          const struct json *message)
{
	static const char *const carried[] = {"thinking_blocks", NULL};
	static const char *const with_blocks[] = {"thinking_blocks", "reasoning_content", NULL};
	bool signed_too = encode_field(message, "thinking_blocks") != NULL;

	JSON_EACH(block, json_member(message, "thinking_blocks"))
	{
		blocks->thought(e, block);
	}
	write_said(e, blocks, message);
	blocks->text(e, json_string(message, "refusal"));
	JSON_EACH(call, json_member(message, "tool_calls"))
	{
		blocks->call(e, call);
	}
	/* Signed thoughts say what the unsigned ones do. */
	encode_check_message(e, message, signed_too ? with_blocks : carried);
}

/* What is lost with a message that makes no turn is told, or refused. */
static void check_silent(struct encoding *e, const struct json *message)
{
	if (!encode_is_system(message))
		encode_check_message(e, message, nothing_more);
}

/* --- turns -------------------------------------------------------------------------------- */

/* What stands behind the turn that begins with `first`. */
static const struct json *write_turn(struct encoding *e, const struct encode_blocks *blocks,
                                     const struct json *first, enum turn whose)
{
	const struct json *end = first;

	json_write_object(&e->json);
	json_write_member_c(&e->json, "role", whose == TURN_USER ? "user" : "assistant");
	json_write_key(&e->json, "content");
	json_write_array(&e->json);
	for (; end != NULL; end = end->next) {
		enum turn next = turn_of(e, end);
		if (next != TURN_NONE && next != whose)
			break;
		if (is_result(end))
			write_result(e, blocks, end);
	}
	for (const struct json *m = first; m != end; m = m->next)
		if (turn_of(e, m) == TURN_NONE)
			check_silent(e, m);
		else if (!is_result(m))
			write_message(e, blocks, m);
	json_write_array_end(&e->json);
	json_write_object_end(&e->json);
	return end;
}

void encode_turns(struct encoding *encoding, const struct encode_blocks *blocks)
{
	const struct json *messages = json_member(encoding->root, "messages");
	const struct json *message = json_first(messages);
	bool begun = false;

	write_system(encoding, blocks);
	json_write_key(&encoding->json, "messages");
	json_write_array(&encoding->json);
	while (message != NULL) {
		enum turn whose = turn_of(encoding, message);
		if (whose == TURN_NONE) {
			check_silent(encoding, message);
			message = message->next;
			continue;
		}
		if (!begun && whose == TURN_ASSISTANT)
			encode_refuse(encoding, "the first message must be the user's");
		begun = true;
		message = write_turn(encoding, blocks, message, whose);
	}
	json_write_array_end(&encoding->json);
}
