/* See decode_private.h. */
#include "providers/client/decode_private.h"
#include "providers/reply/reply_state.h"

#include <stdio.h>

void decode_refuse(struct decoding *d, const char *param, const char *format, ...)
{
	va_list arguments;

	if (d->refused)
		return;
	d->refused = true;
	d->fault->param = param;
	va_start(arguments, format);
	(void)vsnprintf(d->fault->message, sizeof(d->fault->message), format, arguments);
	va_end(arguments);
}

const struct json *decode_field(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	return member == NULL || member->type == JSON_NULL ? NULL : member;
}

void decode_copy(struct decoding *d, const char *from, const char *to)
{
	const struct json *member = decode_field(d->root, from);

	if (member == NULL)
		return;
	json_write_key(&d->json, to);
	json_write_node(&d->json, member);
}

void decode_drop(struct decoding *d, const char *field)
{
	dropped_add(&d->dropped, d->arena, text_of(field));
}

void decode_drop_others(struct decoding *d, const struct json *object, const char *where,
                        const char *const *carried)
{
	dropped_add_others(&d->dropped, d->arena, object, where, carried);
}

bool decode_tools(struct decoding *d, void (*write)(struct decoding *d, const struct json *tool))
{
	const struct json *tools = decode_field(d->root, "tools");

	if (tools == NULL || tools->count == 0)
		return false;
	json_write_key(&d->json, "tools");
	json_write_array(&d->json);
	JSON_EACH(tool, tools)
	{
		write(d, tool);
	}
	json_write_array_end(&d->json);
	return true;
}

void decode_write_text(struct decoding *d, struct text text)
{
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "text");
	json_write_member(&d->json, "text", text);
	json_write_object_end(&d->json);
}

void decode_write_image(struct decoding *d, struct text url, struct text detail)
{
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "image_url");
	json_write_key(&d->json, "image_url");
	json_write_object(&d->json);
	json_write_member(&d->json, "url", url);
	if (detail.len > 0)
		json_write_member(&d->json, "detail", detail);
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

void decode_write_file(struct decoding *d, struct text name, struct text data)
{
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "file");
	json_write_key(&d->json, "file");
	json_write_object(&d->json);
	json_write_member(&d->json, "filename", name.len > 0 ? name : TEXT("document.pdf"));
	json_write_member(&d->json, "file_data", data);
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

void decode_write_call(struct decoding *d, struct text id, struct text name, struct text arguments,
                       const struct json *extra)
{
	json_write_object(&d->json);
	json_write_member(&d->json, "id", id);
	json_write_member_c(&d->json, "type", "function");
	json_write_key(&d->json, "function");
	json_write_object(&d->json);
	json_write_member(&d->json, "name", name);
	json_write_member(&d->json, "arguments", arguments);
	json_write_object_end(&d->json);
	if (json_is(extra, JSON_OBJECT)) {
		json_write_key(&d->json, "extra_content");
		json_write_node(&d->json, extra);
	}
	json_write_object_end(&d->json);
}

void decode_write_named(struct decoding *d, struct text name)
{
	json_write_object(&d->json);
	json_write_member_c(&d->json, "type", "function");
	json_write_key(&d->json, "function");
	json_write_object(&d->json);
	json_write_member(&d->json, "name", name);
	json_write_object_end(&d->json);
	json_write_object_end(&d->json);
}

/* --- thoughts that were signed for somebody else --- */

/* An object but for one of its members; true where it had that. */
static bool write_but(struct json_writer *json, const struct json *object, const char *name)
{
	bool found = false;

	json_write_object(json);
	JSON_EACH(member, object)
	{
		if (text_is(member->key, name)) {
			found = true;
			continue;
		}
		json_write_key_text(json, member->key);
		json_write_node(json, member);
	}
	json_write_object_end(json);
	return found;
}

/* The message without them; true where there were some. `extras`: those of Gemini stay. */
static bool write_message_without(struct json_writer *json, const struct json *message, bool extras)
{
	bool found = false;

	json_write_object(json);
	JSON_EACH(member, message)
	{
		if (text_is(member->key, "thinking_blocks") ||
		    (!extras && text_is(member->key, "extra_content"))) {
			found = true;
			continue;
		}
		json_write_key_text(json, member->key);
		if (extras || !text_is(member->key, "tool_calls") || !json_is(member, JSON_ARRAY)) {
			json_write_node(json, member);
			continue;
		}
		json_write_array(json);
		JSON_EACH(call, member)
		{
			found |= write_but(json, call, "extra_content");
		}
		json_write_array_end(json);
	}
	json_write_object_end(json);
	return found;
}

/* An item of a response's input, but for what we have closed; true where it was that. */
static bool write_item_without(struct json_writer *json, const struct json *item)
{
	if (text_is(json_string(item, "type"), "reasoning") &&
	    reply_state_is_ours(json_string(item, "encrypted_content")))
		return true;
	json_write_node(json, item);
	return false;
}

struct text decode_without_thoughts(struct text body, struct text model, struct arena *arena)
{
	bool extras = text_find(model, TEXT("gemini"), 0) != TEXT_NOT_FOUND;
	struct fault unread;
	struct json_writer json;
	struct text_buf buf;
	struct json *root;
	bool found = false;

	if ((text_find(body, TEXT("\"thinking_blocks\""), 0) == TEXT_NOT_FOUND &&
	     text_find(body, TEXT("\"extra_content\""), 0) == TEXT_NOT_FOUND &&
	     text_find(body, TEXT("\"encrypted_content\""), 0) == TEXT_NOT_FOUND) ||
	    !json_read_text(body, "request", arena, &root, &unread) || !json_is(root, JSON_OBJECT))
		return body;
	text_buf_init(&buf, DECODED_MAX_BYTES);
	json_writer_init(&json, &buf, false);
	json_write_object(&json);
	JSON_EACH(member, root)
	{
		bool messages = text_is(member->key, "messages");
		json_write_key_text(&json, member->key);
		if (!json_is(member, JSON_ARRAY) || (!messages && !text_is(member->key, "input"))) {
			json_write_node(&json, member);
			continue;
		}
		json_write_array(&json);
		JSON_EACH(item, member)
		{
			found |= messages ? write_message_without(&json, item, extras)
			                  : write_item_without(&json, item);
		}
		json_write_array_end(&json);
	}
	json_write_object_end(&json);
	struct text without = found && !buf.overflow ? text_copy(arena, text_buf_view(&buf)) : body;
	text_buf_done(&buf);
	return without;
}

bool decode_is_ours(const struct json *block)
{
	if (text_is(json_string(block, "type"), "thinking"))
		return reply_state_is_ours(json_string(block, "signature"));
	return text_is(json_string(block, "type"), "redacted_thinking") &&
	       reply_state_is_ours(json_string(block, "data"));
}

/* False where all of it would go: a message without content is refused. */
static bool write_blocks_without(struct json_writer *json, const struct json *message)
{
	const struct json *content = json_member(message, "content");
	size_t kept = 0;

	JSON_EACH(block, content)
	{
		kept += !decode_is_ours(block);
	}
	if (kept == 0 && json_is(content, JSON_ARRAY) && content->first != NULL)
		return false;
	json_write_object(json);
	JSON_EACH(member, message)
	{
		json_write_key_text(json, member->key);
		if (member != content || !json_is(content, JSON_ARRAY)) {
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

static bool has_ours(const struct json *messages)
{
	JSON_EACH(message, messages)
	{
		JSON_EACH(block, json_member(message, "content"))
		{
			if (decode_is_ours(block))
				return true;
		}
	}
	return false;
}

struct text decode_without_ours(struct text body, struct arena *arena)
{
	struct fault unread;
	struct json_writer json;
	struct text_buf buf;
	struct json *root;

	if (text_find(body, TEXT("proviso1."), 0) == TEXT_NOT_FOUND ||
	    !json_read_text(body, "request", arena, &root, &unread) ||
	    !has_ours(json_member(root, "messages")))
		return body;
	text_buf_init(&buf, DECODED_MAX_BYTES);
	json_writer_init(&json, &buf, false);
	json_write_object(&json);
	JSON_EACH(member, root)
	{
		json_write_key_text(&json, member->key);
		if (!text_is(member->key, "messages")) {
			json_write_node(&json, member);
			continue;
		}
		json_write_array(&json);
		JSON_EACH(message, member)
		{
			(void)write_blocks_without(&json, message);
		}
		json_write_array_end(&json);
	}
	json_write_object_end(&json);
	struct text without = buf.overflow ? body : text_copy(arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return without;
}

bool decode_run(const struct json *root, struct arena *arena, void (*write)(struct decoding *d),
                struct decoded *out, struct decode_fault *fault)
{
	struct decoding d = {.root = root, .arena = arena, .fault = fault};
	struct text_buf buf;

	*fault = (struct decode_fault){.param = NULL};
	text_buf_init(&buf, DECODED_MAX_BYTES);
	json_writer_init(&d.json, &buf, false);
	if (json_is(root, JSON_OBJECT))
		write(&d);
	else
		decode_refuse(&d, NULL, "the body must be a JSON object");
	if (buf.overflow)
		decode_refuse(&d, NULL, "the request is too large");
	out->body = d.refused ? TEXT("") : text_copy(arena, text_buf_view(&buf));
	out->dropped = dropped_list(&d.dropped, arena);
	text_buf_done(&buf);
	return !d.refused;
}
