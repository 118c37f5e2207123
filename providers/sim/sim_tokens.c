/*
 * A token count that is simple, stated and the same everywhere: what usage
 * says, where max_tokens cuts and where a stream is split are one rule.
 */
#include "providers/sim/sim_private.h"

enum {
	TOKEN_WORD_MAX = 32,  /* code points: a longer run is several tokens */
	TOKEN_SPACE_MAX = 16, /* bytes */
	/* What OpenAI adds around messages; the counts are of its own recipe for chat models. */
	TOKENS_PER_MESSAGE = 3,
	TOKENS_PER_REPLY = 3,
	TOKENS_PER_IMAGE = 85,
	TOKENS_PER_TOOL = 7,
};

enum token_class {
	TOKEN_WORD,
	TOKEN_SPACE,
	TOKEN_OTHER,
};

/* The class of the first code point and its bytes; bytes of bad UTF-8 count one by one. */
static enum token_class token_class_of(struct text view, size_t *bytes)
{
	unsigned char c = (unsigned char)view.data[0];

	*bytes = 1;
	if (c < 0x80) {
		if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
			return TOKEN_SPACE;
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		return letter || (c >= '0' && c <= '9') || c == '_' ? TOKEN_WORD : TOKEN_OTHER;
	}
	uint32_t code_point = 0;
	size_t sequence = text_utf8_sequence(view, &code_point);
	if (sequence == 0)
		return TOKEN_OTHER;
	*bytes = sequence;
	/* Alphabets below the CJK blocks make words; punctuation and symbols do not. */
	bool punctuation = code_point < 0xc0 || (code_point >= 0x2000 && code_point < 0x2c00);
	return !punctuation && code_point < 0x2e80 ? TOKEN_WORD : TOKEN_OTHER;
}

static size_t token_word(struct text view, size_t at)
{
	for (int i = 0; i < TOKEN_WORD_MAX && at < view.len; i++) {
		size_t bytes;
		struct text rest = text_slice(view, at, view.len);

		if (token_class_of(rest, &bytes) != TOKEN_WORD)
			break;
		at += bytes;
	}
	return at;
}

static bool token_word_begins(struct text view, size_t at)
{
	size_t bytes;

	return at < view.len &&
	       token_class_of(text_slice(view, at, view.len), &bytes) == TOKEN_WORD;
}

/* White space up to the single space that belongs to the word behind it. */
static size_t token_space(struct text view)
{
	size_t at = 0;

	while (at < view.len && at < TOKEN_SPACE_MAX) {
		char c = view.data[at];
		bool leads_word = c == ' ' && token_word_begins(view, at + 1);

		if ((c != ' ' && c != '\n' && c != '\t' && c != '\r') || (leads_word && at > 0))
			break;
		at++;
	}
	return at;
}

size_t sim_tokens_next(struct text view)
{
	size_t bytes;

	if (view.len == 0)
		return 0;
	enum token_class class = token_class_of(view, &bytes);
	if (class == TOKEN_WORD)
		return token_word(view, 0);
	if (class == TOKEN_OTHER)
		return bytes;
	return view.data[0] == ' ' && token_word_begins(view, 1) ? token_word(view, 1)
	                                                         : token_space(view);
}

int64_t sim_tokens_count(struct text view)
{
	int64_t count = 0;

	for (size_t at = 0; at < view.len; count++)
		at += sim_tokens_next(text_slice(view, at, view.len));
	return count;
}

size_t sim_tokens_prefix(struct text view, int64_t count)
{
	size_t at = 0;

	for (int64_t i = 0; i < count && at < view.len; i++)
		at += sim_tokens_next(text_slice(view, at, view.len));
	return at;
}

/* Every string, number and key within. The reader's limit bounds the depth. */
static int64_t tokens_of_node(const struct json *node)
{
	if (node == NULL || node->type == JSON_NULL)
		return 0;
	if (node->type != JSON_ARRAY && node->type != JSON_OBJECT)
		return node->type == JSON_STRING ? sim_tokens_count(node->text) : 1;
	int64_t count = 0;
	JSON_EACH(child, node)
	count += sim_tokens_count(child->key) + tokens_of_node(child);
	return count;
}

static int64_t tokens_of_content(const struct json *content)
{
	int64_t count = 0;

	if (!json_is(content, JSON_ARRAY))
		return tokens_of_node(content);
	JSON_EACH(part, content)
	{
		struct text type = json_string(part, "type");

		if (text_is(type, "text") || text_is(type, "refusal"))
			count += tokens_of_node(json_member_text(part, type));
		else
			count += TOKENS_PER_IMAGE;
	}
	return count;
}

static int64_t tokens_of_messages(const struct json *messages)
{
	int64_t count = TOKENS_PER_REPLY;

	JSON_EACH(message, messages)
	{
		count += TOKENS_PER_MESSAGE;
		JSON_EACH(member, message)
		count += text_is(member->key, "content") ? tokens_of_content(member)
		                                         : tokens_of_node(member);
	}
	return count;
}

int64_t sim_tokens_images(const struct sim_ask *ask)
{
	int64_t count = 0;

	JSON_EACH(message, ask->messages)
	{
		const struct json *content = json_member(message, "content");
		if (!json_is(content, JSON_ARRAY))
			continue;
		JSON_EACH(part, content)
		{
			if (text_is(json_string(part, "type"), "image_url"))
				count += TOKENS_PER_IMAGE;
		}
	}
	return count;
}

int64_t sim_tokens_prompt(const struct sim_ask *ask)
{
	if (ask->endpoint != ENDPOINT_CHAT)
		return tokens_of_node(json_member(ask->body, "prompt"));

	int64_t count = tokens_of_messages(ask->messages);
	JSON_EACH(tool, ask->tools)
	count += TOKENS_PER_TOOL + tokens_of_node(tool);
	return count + tokens_of_node(ask->schema);
}
