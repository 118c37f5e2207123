/* See reply_state.h. */
#include "providers/reply/reply_state.h"

#include "harness/base/base64.h"
#include "harness/base/json_write.h"

enum { STATE_MAX_BYTES = 16 << 20 };

const struct text reply_state_mark = TEXT_INIT("proviso1.");
const struct text reply_state_unsigned = TEXT_INIT("proviso1.unsigned");

static bool has_extras(const struct chat_choice *choice)
{
	for (size_t i = 0; i < choice->tool_call_count; i++)
		if (choice->tool_calls[i].extra.data != NULL)
			return true;
	return false;
}

static void write_extras(struct json_writer *json, const struct chat_choice *choice,
                         const struct text *ids)
{
	json_write_key(json, "calls");
	json_write_object(json);
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		if (choice->tool_calls[i].extra.data == NULL)
			continue;
		json_write_key_text(json, ids[i]);
		json_write_raw(json, choice->tool_calls[i].extra);
	}
	json_write_object_end(json);
}

struct text reply_state_pack(const struct chat_choice *choice, const struct text *ids,
                             struct arena *arena)
{
	bool extras = has_extras(choice);
	struct text packed = {NULL, 0};
	struct json_writer json;
	struct text_buf text;

	if (choice->thinking_block_count == 0 && choice->extra.data == NULL && !extras)
		return packed;
	text_buf_init(&text, STATE_MAX_BYTES);
	json_writer_init(&json, &text, false);
	json_write_object(&json);
	if (choice->thinking_block_count > 0) {
		json_write_key(&json, "thinking_blocks");
		json_write_array(&json);
		for (size_t i = 0; i < choice->thinking_block_count; i++)
			json_write_raw(&json, choice->thinking_blocks[i]);
		json_write_array_end(&json);
	}
	if (choice->extra.data != NULL) {
		json_write_key(&json, "extra_content");
		json_write_raw(&json, choice->extra);
	}
	if (extras)
		write_extras(&json, choice, ids);
	json_write_object_end(&json);
	if (!text.overflow)
		packed = text_format(arena, "%.*s%.*s", TEXT_ARG(reply_state_mark),
		                     TEXT_ARG(base64_encode(arena, text_buf_view(&text))));
	text_buf_done(&text);
	return packed;
}

bool reply_state_is_ours(struct text packed)
{
	return text_starts(packed, reply_state_mark);
}

const struct json *reply_state_unpack(struct text packed, struct arena *arena)
{
	struct fault unread;
	struct json *root;
	struct text bytes;

	if (!text_starts(packed, reply_state_mark) || packed.len > 2 * (size_t)STATE_MAX_BYTES ||
	    !base64_decode(text_slice(packed, reply_state_mark.len, packed.len), arena, &bytes) ||
	    !json_read_text(bytes, "state", arena, &root, &unread) || !json_is(root, JSON_OBJECT))
		return NULL;
	return root;
}
