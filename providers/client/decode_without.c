/*
 * Conversations without what the target would refuse: thoughts and signatures that another one
 * wrote, and what was written here to hold them (reply_state.h). All else stays as it was written.
 */
#include "providers/client/decode_private.h"
#include "providers/reply/reply_state.h"

/* Writes one item of the list `messages` or `input`, or leaves it out; true where something of it
 * went. */
typedef bool write_item(struct json_writer *json, const struct json *list, const struct json *item,
                        bool signatures);

/* `body` itself where nothing went, and where it is no JSON object. */
static struct text rewritten(struct text body, struct arena *arena, write_item *write,
                             bool signatures)
{
	struct fault unread;
	struct json_writer json;
	struct text_buf buf;
	struct json *root;
	bool found = false;

	if (!json_read_text(body, "request", arena, &root, &unread) || !json_is(root, JSON_OBJECT))
		return body;
	text_buf_init(&buf, DECODED_MAX_BYTES);
	json_writer_init(&json, &buf, false);
	json_write_object(&json);
	JSON_EACH(member, root)
	{
		json_write_key_text(&json, member->key);
		if (!json_is(member, JSON_ARRAY) ||
		    (!text_is(member->key, "messages") && !text_is(member->key, "input"))) {
			json_write_node(&json, member);
			continue;
		}
		json_write_array(&json);
		JSON_EACH(item, member)
		{
			found |= write(&json, member, item, signatures);
		}
		json_write_array_end(&json);
	}
	json_write_object_end(&json);
	struct text rest = found && !buf.overflow ? text_copy(arena, text_buf_view(&buf)) : body;
	text_buf_done(&buf);
	return rest;
}

/* --- of a chat request, or one for a response --- */

/* A message, or a call within one, without signed thoughts; `signatures`: those of calls stay. */
static bool write_unsigned(struct json_writer *json, const struct json *object, bool signatures)
{
	bool found = false;

	if (!json_is(object, JSON_OBJECT)) {
		json_write_node(json, object);
		return false;
	}
	json_write_object(json);
	JSON_EACH(member, object)
	{
		if (text_is(member->key, "thinking_blocks") ||
		    (!signatures && text_is(member->key, "extra_content"))) {
			found = true;
			continue;
		}
		json_write_key_text(json, member->key);
		if (!text_is(member->key, "tool_calls") || !json_is(member, JSON_ARRAY)) {
			json_write_node(json, member);
			continue;
		}
		json_write_array(json);
		JSON_EACH(call, member)
		{
			found |= write_unsigned(json, call, signatures);
		}
		json_write_array_end(json);
	}
	json_write_object_end(json);
	return found;
}

static bool write_without_thoughts(struct json_writer *json, const struct json *list,
                                   const struct json *item, bool signatures)
{
	if (text_is(list->key, "messages"))
		return write_unsigned(json, item, signatures);
	if (text_is(json_string(item, "type"), "reasoning") &&
	    reply_state_is_ours(json_string(item, "encrypted_content")))
		return true;
	json_write_node(json, item);
	return false;
}

static bool holds(struct text body, const char *name)
{
	return text_find(body, text_of(name), 0) != TEXT_NOT_FOUND;
}

struct text decode_without_thoughts(struct text body, struct text model, struct arena *arena)
{
	/* Most conversations have none: they need not be read once more. */
	if (!holds(body, "\"thinking_blocks\"") && !holds(body, "\"extra_content\"") &&
	    !holds(body, "\"encrypted_content\""))
		return body;
	return rewritten(body, arena, write_without_thoughts, holds(model, "gemini"));
}

/* --- of a request for Anthropic's messages --- */

bool decode_is_ours(const struct json *block)
{
	if (text_is(json_string(block, "type"), "thinking"))
		return reply_state_is_ours(json_string(block, "signature"));
	return text_is(json_string(block, "type"), "redacted_thinking") &&
	       reply_state_is_ours(json_string(block, "data"));
}

/* A message all of whose blocks go is left out: one without content is refused. */
static bool write_without_ours(struct json_writer *json, const struct json *list,
                               const struct json *message, bool signatures UNUSED)
{
	const struct json *content = json_member(message, "content");
	size_t ours = 0;

	JSON_EACH(block, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		ours += decode_is_ours(block);
	}
	if (ours == 0 || !text_is(list->key, "messages")) {
		json_write_node(json, message);
		return false;
	}
	if (ours == content->count)
		return true;
	json_write_object(json);
	JSON_EACH(member, message)
	{
		json_write_key_text(json, member->key);
		if (member != content) {
			json_write_node(json, member);
			continue;
		}
		json_write_array(json);
		JSON_EACH(block, content)
		{
			if (!decode_is_ours(block))
				json_write_node(json, block);
		}
		json_write_array_end(json);
	}
	json_write_object_end(json);
	return true;
}

struct text decode_without_ours(struct text body, struct arena *arena)
{
	if (text_find(body, reply_state_mark, 0) == TEXT_NOT_FOUND)
		return body;
	return rewritten(body, arena, write_without_ours, false);
}
