/*
 * Recognising a filled template: the way back from a request to what stood in
 * its placeholders. Nonces are captured, filler and earlier replies match anything.
 */
#include "cases/picture.h"
#include "cases/template_private.h"

struct matching {
	struct template_values *captured;
	struct arena *arena;
};

static bool is_nonce(const char *bytes)
{
	if (bytes[0] < 'a' || bytes[0] > 'z')
		return false;
	for (size_t i = 1; i < TEMPLATE_NONCE_BYTES; i++)
		if (!(bytes[i] >= 'a' && bytes[i] <= 'z') && !(bytes[i] >= '0' && bytes[i] <= '9'))
			return false;
	return true;
}

/* One nonce at the start of `text`: the one captured before, or a new one. */
static bool take_nonce(struct text text, size_t which, struct template_values *captured)
{
	struct text *nonce = &captured->nonces[which];

	if (text.len < TEMPLATE_NONCE_BYTES)
		return false;
	struct text here = text_slice(text, 0, TEMPLATE_NONCE_BYTES);
	if (nonce->data != NULL)
		return text_equal(*nonce, here);
	if (!is_nonce(here.data))
		return false;
	*nonce = here;
	return true;
}

static bool is_wild(const struct template_piece *piece)
{
	return piece->kind != PIECE_LITERAL &&
	       (piece->kind != PIECE_SLOT || piece->slot.kind != SLOT_NONCE);
}

/*
 * Takes literals and nonces from the start of both until the next wildcard or the pattern's
 * end. On success `pattern` and `text` stand behind what was taken; wild says what comes.
 */
static bool take_run(struct text *pattern, struct text *text, bool *wild,
                     struct template_values *captured)
{
	struct template_piece piece;

	*wild = false;
	for (struct text rest = *pattern; template_next(&rest, &piece); *pattern = rest) {
		size_t len = TEMPLATE_NONCE_BYTES;
		if (is_wild(&piece)) {
			*wild = true;
			*pattern = rest;
			return true;
		}
		if (piece.kind == PIECE_LITERAL) {
			if (!text_starts(*text, piece.text))
				return false;
			len = piece.text.len;
		} else if (!take_nonce(*text, piece.slot.nonce, captured)) {
			return false;
		}
		*text = text_slice(*text, len, text->len);
	}
	return true;
}

/* Bytes of the pattern's fixed part before its next wildcard, for the anchored end. */
static size_t fixed_length(struct text pattern, bool *wild)
{
	struct template_piece piece;
	size_t len = 0;

	*wild = false;
	while (template_next(&pattern, &piece)) {
		if (is_wild(&piece)) {
			*wild = true;
			break;
		}
		len += piece.kind == PIECE_LITERAL ? piece.text.len : TEMPLATE_NONCE_BYTES;
	}
	return len;
}

/* Offset from `at` on where the pattern's first piece, if it is a literal, stands next. */
static size_t next_start(struct text pattern, struct text text, size_t at)
{
	struct template_piece piece;

	if (!template_next(&pattern, &piece) || piece.kind != PIECE_LITERAL)
		return at;
	return text_find(text, piece.text, at);
}

/* Takes the next fixed run at the first place of `text` that suits it. */
static bool skip_to_run(struct text *pattern, struct text *text, bool *wild,
                        struct template_values *captured)
{
	bool more;
	size_t fixed = fixed_length(*pattern, &more);

	if (fixed > text->len)
		return false;
	/* The last run has to end where the text ends. */
	size_t at = more ? 0 : text->len - fixed;
	while ((at = next_start(*pattern, *text, at)) <= text->len - fixed) {
		struct template_values tried = *captured;
		struct text pattern_here = *pattern;
		struct text text_here = text_slice(*text, at, text->len);
		if (take_run(&pattern_here, &text_here, wild, &tried)) {
			*captured = tried;
			*pattern = pattern_here;
			*text = text_here;
			return true;
		}
		at++;
	}
	return false;
}

/* Greedy like a shell pattern: behind a wildcard each run is taken where it first fits. */
bool template_text_matches(struct text pattern, struct text text, struct template_values *captured)
{
	bool wild;

	if (!take_run(&pattern, &text, &wild, captured))
		return false;
	while (wild)
		if (!skip_to_run(&pattern, &text, &wild, captured))
			return false;
	return text.len == 0;
}

/* A picture of the nonce that was captured before, or of a new one. */
static bool image_matches(size_t nonce, struct text url, const struct matching *on)
{
	struct text word;

	return picture_read(url, on->arena, &word) && word.len == TEMPLATE_NONCE_BYTES &&
	       take_nonce(word, nonce, on->captured);
}

static bool string_matches(const struct json *pattern, const struct json *actual,
                           const struct matching *on)
{
	struct template_slot slot;
	bool lone = template_is_lone(pattern->text, &slot);

	if (lone && slot.kind == SLOT_STEP && slot.field == STEP_MESSAGE)
		return json_is(actual, JSON_OBJECT);
	if (!json_is(actual, JSON_STRING))
		return false;
	if (lone && slot.kind == SLOT_IMAGE)
		return image_matches(slot.nonce, actual->text, on);
	if (text_find(pattern->text, TEXT("{{"), 0) == TEXT_NOT_FOUND)
		return text_equal(pattern->text, actual->text);
	return template_text_matches(pattern->text, actual->text, on->captured);
}

static bool node_matches(const struct json *pattern, const struct json *actual,
                         const struct matching *on);

static bool array_matches(const struct json *pattern, const struct json *actual,
                          const struct matching *on)
{
	const struct json *item = actual->first;

	if (pattern->count != actual->count)
		return false;
	JSON_EACH(wanted, pattern)
	{
		if (!node_matches(wanted, item, on))
			return false;
		item = item->next;
	}
	return true;
}

static bool object_matches(const struct json *pattern, const struct json *actual,
                           const struct matching *on)
{
	if (actual->has_duplicate)
		return false;
	JSON_EACH(wanted, pattern)
	{
		const struct json *member = json_member_text(actual, wanted->key);
		if (member == NULL || !node_matches(wanted, member, on))
			return false;
	}
	return true;
}

static bool node_matches(const struct json *pattern, const struct json *actual,
                         const struct matching *on)
{
	if (json_is(pattern, JSON_STRING))
		return string_matches(pattern, actual, on);
	if (pattern->type != actual->type)
		return false;
	if (json_is(pattern, JSON_ARRAY))
		return array_matches(pattern, actual, on);
	if (json_is(pattern, JSON_OBJECT))
		return pattern->count == actual->count && object_matches(pattern, actual, on);
	return json_equal(pattern, actual);
}

static bool is_ignored(struct text key, const char *const *ignore)
{
	for (; ignore != NULL && *ignore != NULL; ignore++)
		if (text_is(key, *ignore))
			return true;
	return false;
}

bool template_matches(const struct json *pattern, const struct json *actual,
                      const char *const *ignore, struct arena *arena,
                      struct template_values *captured)
{
	const struct matching matching = {captured, arena};
	const struct matching *on = &matching;

	if (!json_is(pattern, JSON_OBJECT) || !json_is(actual, JSON_OBJECT))
		return pattern != NULL && actual != NULL && node_matches(pattern, actual, on);
	JSON_EACH(member, actual)
	{
		/* Named by the pattern itself, it counts like any other. */
		if (json_member_text(pattern, member->key) == NULL &&
		    !is_ignored(member->key, ignore))
			return false;
	}
	return object_matches(pattern, actual, on);
}
