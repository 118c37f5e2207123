/* Cutting a string into literal text and placeholders; see template_private.h. */
#include "cases/eval_case.h"
#include "cases/template_private.h"

static bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Offset of the next {{ that stands before a letter, or the text's length. */
static size_t find_open(struct text text)
{
	for (size_t at = 0;;) {
		size_t found = text_find(text, TEXT("{{"), at);
		if (found == TEXT_NOT_FOUND)
			return text.len;
		size_t next = found + 2;
		while (next < text.len && text.data[next] == ' ')
			next++;
		if (next < text.len && is_letter(text.data[next]))
			return found;
		at = found + 1;
	}
}

static bool parse_nonce(struct text name, struct template_slot *slot)
{
	static const char *const names[TEMPLATE_NONCES] = {"nonce", "nonce2", "nonce3"};

	for (size_t i = 0; i < TEMPLATE_NONCES; i++) {
		if (!text_is(name, names[i]))
			continue;
		*slot = (struct template_slot){.kind = SLOT_NONCE, .nonce = i};
		return true;
	}
	return false;
}

static bool parse_image(struct text name, struct template_slot *slot)
{
	if (!text_starts(name, TEXT("image:")) ||
	    !parse_nonce(text_slice(name, strlen("image:"), name.len), slot))
		return false;
	slot->kind = SLOT_IMAGE;
	return true;
}

static bool parse_words(struct text name, struct template_slot *slot)
{
	*slot = (struct template_slot){.kind = SLOT_WORDS};
	return text_starts(name, TEXT("words:")) &&
	       text_to_int64(text_slice(name, strlen("words:"), name.len), 1, TEMPLATE_MAX_WORDS,
	                     &slot->words);
}

static bool parse_window(struct text name, struct template_slot *slot)
{
	*slot = (struct template_slot){.kind = SLOT_WINDOW};
	return text_starts(name, TEXT("window:")) &&
	       text_to_int64(text_slice(name, strlen("window:"), name.len), 1, 100, &slot->words);
}

static bool parse_call_field(struct text rest, struct template_slot *slot)
{
	static const struct {
		const char *name;
		enum template_step_field field;
	} fields[] = {
	    {"id", STEP_CALL_ID}, {"name", STEP_CALL_NAME}, {"arguments", STEP_CALL_ARGUMENTS}};
	struct text field;
	int64_t call;

	if (!text_next_field(&rest, '.', &field) ||
	    !text_to_int64(field, 0, CHAT_MAX_TOOL_CALLS - 1, &call))
		return false;
	slot->call = (size_t)call;
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		if (rest.data == NULL || !text_is(rest, fields[i].name))
			continue;
		slot->field = fields[i].field;
		return true;
	}
	return false;
}

/* steps.N.content, .reasoning, .message, .tool_calls.K.id and so on. */
static bool parse_step(struct text name, struct template_slot *slot)
{
	struct text rest = name, field;
	int64_t step;

	*slot = (struct template_slot){.kind = SLOT_STEP};
	if (!text_next_field(&rest, '.', &field) || !text_is(field, "steps") ||
	    !text_next_field(&rest, '.', &field) ||
	    !text_to_int64(field, 0, CASE_MAX_STEPS - 1, &step) || rest.data == NULL)
		return false;
	slot->step = (size_t)step;
	if (text_is(rest, "content"))
		slot->field = STEP_CONTENT;
	else if (text_is(rest, "reasoning"))
		slot->field = STEP_REASONING;
	else if (text_is(rest, "id"))
		slot->field = STEP_ID;
	else if (text_is(rest, "message"))
		slot->field = STEP_MESSAGE;
	else
		return text_next_field(&rest, '.', &field) && text_is(field, "tool_calls") &&
		       rest.data != NULL && parse_call_field(rest, slot);
	return true;
}

static bool parse_slot(struct text name, struct template_slot *slot)
{
	if (text_is(name, "overflow") || text_is(name, "model")) {
		*slot = (struct template_slot){.kind = text_is(name, "model") ? SLOT_MODEL
		                                                              : SLOT_OVERFLOW};
		return true;
	}
	return parse_nonce(name, slot) || parse_image(name, slot) || parse_words(name, slot) ||
	       parse_window(name, slot) || parse_step(name, slot);
}

bool template_next(struct text *rest, struct template_piece *piece)
{
	if (rest->len == 0)
		return false;
	*piece = (struct template_piece){.kind = PIECE_LITERAL};
	size_t open = find_open(*rest);
	if (open > 0) {
		piece->text = text_slice(*rest, 0, open);
		*rest = text_slice(*rest, open, rest->len);
		return true;
	}
	size_t close = text_find(*rest, TEXT("}}"), 2);
	if (close == TEXT_NOT_FOUND) {
		piece->kind = PIECE_OPEN;
		piece->text = *rest;
		*rest = text_slice(*rest, rest->len, rest->len);
		return true;
	}
	piece->text = text_trim(text_slice(*rest, 2, close));
	piece->kind = parse_slot(piece->text, &piece->slot) ? PIECE_SLOT : PIECE_UNKNOWN;
	*rest = text_slice(*rest, close + 2, rest->len);
	return true;
}

bool template_is_lone(struct text text, struct template_slot *slot)
{
	struct template_piece piece;

	if (!template_next(&text, &piece) || piece.kind != PIECE_SLOT || text.len != 0)
		return false;
	*slot = piece.slot;
	return true;
}

/* --- checks at loading ------------------------------------------------------------ */

static void check_piece(const struct json *node, const struct template_piece *piece, bool lone,
                        size_t steps_before, struct fault_list *faults)
{
	static const char *const names[] = {"nonce",    "nonce2",      "nonce3", "words:100",
	                                    "overflow", "image:nonce", "model",  "window:95"};

	switch (piece->kind) {
	case PIECE_LITERAL:
		return;
	case PIECE_OPEN:
		fault_list_at(faults, json_place(node), "a {{ here has no }}");
		return;
	case PIECE_UNKNOWN: {
		const char *nearest = text_nearest(piece->text, names, ARRAY_LENGTH(names));
		fault_list_at(faults, json_place(node), "{{%.*s}} is no placeholder; %s%s%s",
		              TEXT_ARG(piece->text),
		              nearest == NULL ? "there are {{nonce}}, {{image:nonce}}, "
		                                "{{words:N}}, {{window:P}}, {{overflow}}, "
		                                "{{model}} and "
		                                "{{steps.N...}}"
		                              : "did you mean {{",
		              nearest == NULL ? "" : nearest, nearest == NULL ? "" : "}}?");
		return;
	}
	case PIECE_SLOT:
		break;
	}
	if (piece->slot.kind == SLOT_IMAGE && !lone)
		fault_list_at(faults, json_place(node),
		              "{{%.*s}} is a whole URL and can only stand alone in its string",
		              TEXT_ARG(piece->text));
	if (piece->slot.kind != SLOT_STEP)
		return;
	if (piece->slot.step >= steps_before)
		fault_list_at(faults, json_place(node),
		              "{{%.*s}} asks for a step that has not been yet",
		              TEXT_ARG(piece->text));
	else if (piece->slot.field == STEP_MESSAGE && !lone)
		fault_list_at(faults, json_place(node),
		              "{{%.*s}} is a whole message and can only stand alone in its string",
		              TEXT_ARG(piece->text));
}

bool template_check(const struct json *node, size_t steps_before, struct fault_list *faults)
{
	size_t errors = faults->errors;
	struct template_slot slot;
	struct template_piece piece;

	if (json_is(node, JSON_STRING)) {
		bool lone = template_is_lone(node->text, &slot);
		for (struct text rest = node->text; template_next(&rest, &piece);)
			check_piece(node, &piece, lone, steps_before, faults);
	}
	JSON_EACH(child, node)
	{
		if (fault_list_is_full(faults) && faults->errors > errors)
			break;
		(void)!template_check(child, steps_before, faults);
	}
	return faults->errors == errors;
}

unsigned template_needs(const struct json *node)
{
	struct template_piece piece;
	unsigned needs = 0;

	if (json_is(node, JSON_STRING)) {
		for (struct text rest = node->text; template_next(&rest, &piece);)
			if (piece.kind == PIECE_SLOT &&
			    (piece.slot.kind == SLOT_OVERFLOW || piece.slot.kind == SLOT_WINDOW))
				needs |= CASE_NEEDS_CONTEXT;
	}
	JSON_EACH(child, node)
	needs |= template_needs(child);
	return needs;
}

int64_t template_most_context(const struct json *node)
{
	struct template_piece piece;
	int64_t most = INT64_MAX;

	if (json_is(node, JSON_STRING)) {
		for (struct text rest = node->text; template_next(&rest, &piece);) {
			if (piece.kind == PIECE_SLOT && piece.slot.kind == SLOT_OVERFLOW)
				most = int64_min(most, TEMPLATE_MAX_OVERFLOWN);
			else if (piece.kind == PIECE_SLOT && piece.slot.kind == SLOT_WINDOW)
				most = int64_min(most, TEMPLATE_MAX_WORDS);
		}
	}
	JSON_EACH(child, node)
	most = int64_min(most, template_most_context(child));
	return most;
}
