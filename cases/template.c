/* Filling templates: nonces, filler, and what earlier steps were answered. */
#include "cases/picture.h"
#include "cases/template_private.h"
#include "harness/base/digest.h"

enum {
	MESSAGE_MAX_DEPTH = 32, /* of an assistant message that is sent back */
};

/* --- nonces ----------------------------------------------------------------------- */

/*
 * Syllables with digits between them: easy to repeat, and never a word that a model
 * would think of by itself. What looks alike (0 o, 1 l) is left out.
 */
static void spell_nonce(const unsigned char *bytes, char out[TEMPLATE_NONCE_BYTES])
{
	static const char consonants[] = "bcdfghjkmnprtvwz";
	static const char vowels[] = "aeiu";
	static const char digits[] = "23456789";
	static const char shape[] = "cvdcvdcd";

	for (size_t i = 0; i < TEMPLATE_NONCE_BYTES; i++) {
		if (shape[i] == 'c')
			out[i] = consonants[bytes[i] % 16];
		else if (shape[i] == 'v')
			out[i] = vowels[bytes[i] % 4];
		else
			out[i] = digits[bytes[i] % 8];
	}
}

static bool nonce_is_taken(const struct template_values *values, size_t count, const char *nonce)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(values->nonces[i].data, nonce, TEMPLATE_NONCE_BYTES) == 0)
			return true;
	return false;
}

void template_nonces(struct template_values *values, struct text seed, struct text target,
                     struct text probe, int64_t trial, struct arena *arena)
{
	unsigned char bytes[DIGEST_BYTES];
	struct text trial_text = text_format(arena, "%lld", (long long)trial);
	int64_t round = 0;

	for (size_t i = 0; i < TEMPLATE_NONCES; round++) {
		struct digest digest;
		char *nonce = arena_alloc_bytes(arena, TEMPLATE_NONCE_BYTES);
		digest_init(&digest);
		digest_add_field(&digest, seed);
		digest_add_field(&digest, target);
		digest_add_field(&digest, probe);
		digest_add_field(&digest, trial_text);
		digest_add_field(&digest, text_format(arena, "%lld", (long long)round));
		digest_done(&digest, bytes);
		spell_nonce(bytes, nonce);
		if (nonce_is_taken(values, i, nonce))
			continue;
		values->nonces[i++] = (struct text){nonce, TEMPLATE_NONCE_BYTES};
	}
}

void template_copy_values(const struct template_values *values, size_t copy, struct arena *arena,
                          struct template_values *out)
{
	*out = *values;
	for (size_t i = 0; copy > 0 && i < TEMPLATE_NONCES; i++) {
		unsigned char bytes[DIGEST_BYTES];
		struct digest digest;
		if (values->nonces[i].data == NULL)
			continue;
		char *nonce = arena_alloc_bytes(arena, TEMPLATE_NONCE_BYTES);
		digest_init(&digest);
		digest_add_field(&digest, values->nonces[i]);
		digest_add_field(&digest, text_format(arena, "copy %zu", copy));
		digest_done(&digest, bytes);
		spell_nonce(bytes, nonce);
		out->nonces[i] = (struct text){nonce, TEMPLATE_NONCE_BYTES};
	}
}

/* --- filling ---------------------------------------------------------------------- */

struct filler {
	const struct template_values *values;
	struct arena *arena;
	size_t bytes_left; /* of all strings together: one hostile case must not eat the memory */
	struct fault *fault;
};

/* Short words that every tokenizer knows: at least a token each. */
static void add_words(struct text_buf *out, int64_t count)
{
	static const char *const words[] = {"one", "two",   "three", "four", "five",
	                                    "six", "seven", "eight", "nine", "ten"};

	for (int64_t i = 0; i < count; i++) {
		if (i > 0)
			text_buf_byte(out, ' ');
		text_buf_add_c(out, words[i % (int64_t)ARRAY_LENGTH(words)]);
	}
}

static bool add_window(struct filler *filler, struct text_buf *out, int64_t percent)
{
	int64_t context = filler->values->context_tokens;

	if (context < 0)
		return fault_set(filler->fault, FAULT_INPUT,
		                 "{{window:%lld}} needs the model's context length, and the config "
		                 "does not say it",
		                 (long long)percent);
	if (context > TEMPLATE_MAX_WORDS)
		return fault_set(
		    filler->fault, FAULT_INPUT,
		    "{{window:%lld}} would be over %d MiB for a context of %lld tokens",
		    (long long)percent, TEMPLATE_MAX_FILLER_BYTES >> 20, (long long)context);
	add_words(out, context * percent / 100);
	return true;
}

static bool add_overflow(struct filler *filler, struct text_buf *out)
{
	int64_t context = filler->values->context_tokens;

	if (context < 0)
		return fault_set(filler->fault, FAULT_INPUT,
		                 "{{overflow}} needs the model's context length, and the config "
		                 "does not say it");
	if (context > TEMPLATE_MAX_OVERFLOWN)
		return fault_set(filler->fault, FAULT_INPUT,
		                 "{{overflow}} would be over %d MiB for a context of %lld tokens",
		                 TEMPLATE_MAX_FILLER_BYTES >> 20, (long long)context);
	add_words(out, context + context * 3 / 10 + 64);
	return true;
}

static const struct chat_choice *step_choice(const struct filler *filler, size_t step)
{
	const struct chat_reply *reply =
	    step < filler->values->step_count ? filler->values->steps[step] : NULL;

	if (reply == NULL)
		return NULL;
	const struct chat_choice *choice = chat_reply_choice(reply, 0);
	return choice == NULL && reply->choice_count > 0 ? &reply->choices[0] : choice;
}

/* The wanted text of an earlier reply; data NULL where it said nothing of the kind. */
static struct text step_text(const struct filler *filler, const struct template_slot *slot)
{
	const struct chat_choice *choice = step_choice(filler, slot->step);
	const struct chat_reply *reply = filler->values->steps[slot->step];
	const struct chat_tool_call *call = NULL;

	if (choice == NULL)
		return (struct text){NULL, 0};
	if (slot->call < choice->tool_call_count)
		call = &choice->tool_calls[slot->call];
	switch (slot->field) {
	case STEP_CONTENT:
		return choice->content;
	case STEP_REASONING:
		return choice->reasoning;
	case STEP_ID:
		return reply->id_count > 0 ? reply->ids[0] : (struct text){NULL, 0};
	case STEP_MESSAGE:
		break;
	case STEP_CALL_ID:
		return call == NULL ? (struct text){NULL, 0} : call->id;
	case STEP_CALL_NAME:
		return call == NULL ? (struct text){NULL, 0} : call->name;
	case STEP_CALL_ARGUMENTS:
		return call == NULL ? (struct text){NULL, 0} : call->arguments;
	}
	return (struct text){NULL, 0};
}

static bool add_slot(struct filler *filler, const struct template_piece *piece,
                     struct text_buf *out)
{
	struct text value = {NULL, 0};

	switch (piece->slot.kind) {
	case SLOT_NONCE:
		value = filler->values->nonces[piece->slot.nonce];
		break;
	case SLOT_IMAGE:
		value = filler->values->nonces[piece->slot.nonce];
		if (value.data != NULL)
			value = picture_url(filler->arena, value);
		break;
	case SLOT_MODEL:
		value = filler->values->model;
		break;
	case SLOT_WORDS:
		add_words(out, piece->slot.words);
		return true;
	case SLOT_OVERFLOW:
		return add_overflow(filler, out);
	case SLOT_WINDOW:
		return add_window(filler, out, piece->slot.words);
	case SLOT_STEP:
		value = step_text(filler, &piece->slot);
		break;
	}
	if (value.data == NULL)
		return fault_set(filler->fault, FAULT_INPUT, "{{%.*s}} has no value here",
		                 TEXT_ARG(piece->text));
	text_buf_add(out, value);
	return true;
}

static bool fill_text(struct filler *filler, struct text text, struct text *out)
{
	struct template_piece piece;
	struct text_buf buf;
	bool good = true;

	*out = text;
	if (text_find(text, TEXT("{{"), 0) == TEXT_NOT_FOUND)
		return true;
	text_buf_init(&buf, filler->bytes_left);
	while (good && template_next(&text, &piece)) {
		if (piece.kind == PIECE_LITERAL)
			text_buf_add(&buf, piece.text);
		else if (piece.kind == PIECE_SLOT)
			good = add_slot(filler, &piece, &buf);
		else
			good = fault_set(filler->fault, FAULT_INPUT, "{{%.*s is no placeholder",
			                 TEXT_ARG(text_slice(piece.text, 0, 40)));
	}
	if (good && buf.overflow)
		good = fault_set(filler->fault, FAULT_INPUT, "the filled template is over %d MiB",
		                 TEMPLATE_MAX_BODY >> 20);
	if (good) {
		filler->bytes_left -= buf.len;
		*out = text_copy(filler->arena, text_buf_view(&buf));
	}
	text_buf_done(&buf);
	return good;
}

bool template_fill_text(struct text text, const struct template_values *values, struct arena *arena,
                        struct text *out, struct fault *fault)
{
	struct filler filler = {values, arena, TEMPLATE_MAX_BODY, fault};

	return fill_text(&filler, text, out);
}

/* --- whole messages ---------------------------------------------------------------- */

static bool is_deeper(const struct json *node, unsigned levels)
{
	JSON_EACH(child, node)
	if (levels == 0 || is_deeper(child, levels - 1))
		return true;
	return false;
}

static struct json *string_or_null(struct arena *arena, struct text text)
{
	return text.data == NULL ? json_new(arena, JSON_NULL) : json_new_string(arena, text);
}

/* What a streamed reply amounts to, as the official SDKs put it together. */
static struct json *message_of(struct arena *arena, const struct chat_choice *choice)
{
	struct json *message = json_new(arena, JSON_OBJECT);

	json_append_member(message, TEXT("role"), json_new_string(arena, TEXT("assistant")));
	json_append_member(message, TEXT("content"), string_or_null(arena, choice->content));
	if (choice->refusal.data != NULL)
		json_append_member(message, TEXT("refusal"),
		                   json_new_string(arena, choice->refusal));
	if (choice->tool_call_count == 0)
		return message;
	struct json *calls = json_new(arena, JSON_ARRAY);
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		const struct chat_tool_call *from = &choice->tool_calls[i];
		struct json *call = json_new(arena, JSON_OBJECT);
		struct json *function = json_new(arena, JSON_OBJECT);
		json_append_member(call, TEXT("id"), string_or_null(arena, from->id));
		json_append_member(call, TEXT("type"), json_new_string(arena, TEXT("function")));
		json_append_member(function, TEXT("name"), string_or_null(arena, from->name));
		json_append_member(function, TEXT("arguments"),
		                   json_new_string(arena, from->arguments.data == NULL
		                                              ? TEXT("")
		                                              : from->arguments));
		json_append_member(call, TEXT("function"), function);
		json_append(calls, call);
	}
	json_append_member(message, TEXT("tool_calls"), calls);
	return message;
}

static bool fill_message(struct filler *filler, const struct template_slot *slot, struct json **out)
{
	const struct chat_choice *choice = step_choice(filler, slot->step);

	if (choice == NULL)
		return fault_set(filler->fault, FAULT_INPUT,
		                 "{{steps.%zu.message}} has no value: that reply had no choice",
		                 slot->step);
	if (choice->message == NULL) {
		*out = message_of(filler->arena, choice);
		return true;
	}
	if (!json_is(choice->message, JSON_OBJECT) || is_deeper(choice->message, MESSAGE_MAX_DEPTH))
		return fault_set(filler->fault, FAULT_INPUT,
		                 "the message of step %zu can't be sent back: it is no object, or "
		                 "nested over %d levels",
		                 slot->step, MESSAGE_MAX_DEPTH);
	*out = json_clone(filler->arena, choice->message);
	return true;
}

static bool fill_node(struct filler *filler, const struct json *node, struct json **out)
{
	struct template_slot slot;

	if (json_is(node, JSON_STRING) && template_is_lone(node->text, &slot) &&
	    slot.kind == SLOT_STEP && slot.field == STEP_MESSAGE) {
		if (!fill_message(filler, &slot, out))
			return false;
		(*out)->key = node->key;
		return true;
	}
	struct json *copy = ARENA_NEW(filler->arena, struct json);
	*copy = *node;
	copy->first = copy->last = copy->next = NULL;
	copy->count = 0;
	*out = copy;
	if (json_is(node, JSON_STRING))
		return fill_text(filler, node->text, &copy->text);
	JSON_EACH(child, node)
	{
		struct json *filled;
		if (!fill_node(filler, child, &filled))
			return false;
		json_append(copy, filled);
	}
	return true;
}

bool template_fill(const struct json *node, const struct template_values *values,
                   struct arena *arena, struct json **out, struct fault *fault)
{
	struct filler filler = {values, arena, TEMPLATE_MAX_BODY, fault};

	return fill_node(&filler, node, out);
}

bool template_body(const struct json *request, const struct template_values *values,
                   const struct template_target *target, struct arena *arena, struct text *body,
                   struct fault *fault)
{
	struct json_writer writer;
	struct text_buf buf;
	struct json *filled;

	if (!template_fill(request, values, arena, &filled, fault))
		return false;
	text_buf_init(&buf, TEMPLATE_MAX_BODY);
	json_writer_init(&writer, &buf, false);
	json_write_object(&writer);
	/* What the case itself says about model and stream stands: it asks about just that. */
	if (json_member(filled, "model") == NULL)
		json_write_member(&writer, "model", target->model);
	JSON_EACH(member, filled)
	{
		json_write_key_text(&writer, member->key);
		json_write_node(&writer, member);
	}
	if (target->streamed && json_member(filled, "stream") == NULL)
		json_write_member_bool(&writer, "stream", true);
	if (target->streamed && target->usage_asked &&
	    json_member(filled, "stream_options") == NULL) {
		json_write_key(&writer, "stream_options");
		json_write_object(&writer);
		json_write_member_bool(&writer, "include_usage", true);
		json_write_object_end(&writer);
	}
	json_write_object_end(&writer);
	bool fits = !buf.overflow;
	if (fits)
		*body = text_copy(arena, text_buf_view(&buf));
	text_buf_done(&buf);
	return fits || fault_set(fault, FAULT_INPUT, "the request body is over %d MiB",
	                         TEMPLATE_MAX_BODY >> 20);
}
