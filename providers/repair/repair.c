/* The names of the repairs, and those that change what is sent; see repair.h. */
#include "providers/repair/repair_private.h"

#include "harness/base/digest.h"

/* clang-format off */
static const struct {
	const char *name, *does;
} repairs[REPAIR_COUNT] = {
#define REPAIR_ROW(name, id, does) {id, does},
	REPAIR_TABLE(REPAIR_ROW)
#undef REPAIR_ROW
};
/* clang-format on */

const char *repair_name(enum repair repair)
{
	REQUIRE(repair < REPAIR_COUNT);
	return repairs[repair].name;
}

const char *repair_does(enum repair repair)
{
	REQUIRE(repair < REPAIR_COUNT);
	return repairs[repair].does;
}

bool repair_from_name(struct text name, enum repair *out)
{
	for (int i = 0; i < REPAIR_COUNT; i++) {
		if (!text_is(name, repairs[i].name))
			continue;
		*out = (enum repair)i;
		return true;
	}
	return false;
}

struct text repair_names(repair_bits bits, struct arena *arena)
{
	struct text names = {"", 0};

	for (int i = 0; i < REPAIR_COUNT; i++)
		if ((bits >> i & 1) != 0)
			names = text_format(arena, "%.*s%s%s", TEXT_ARG(names),
			                    names.len == 0 ? "" : " ", repairs[i].name);
	return names;
}

bool repair_bits_from_names(struct text names, repair_bits *out, struct text *bad)
{
	struct text rest = names, name;
	enum repair repair;

	*out = 0;
	while (names.len > 0 && text_next_field(&rest, ' ', &name)) {
		if (!repair_from_name(name, &repair)) {
			*bad = name;
			return false;
		}
		*out |= REPAIR_BIT(repair);
	}
	return true;
}

/* --- requests -------------------------------------------------------------------------------- */

/* A key's text stands before its node: the last string that ends in front of the colon. */
static void rename_member(struct edits *edits, const struct json *member, struct text name)
{
	struct text body = member->source->body;
	size_t colon = member->begin;

	/* Between key and value there are only white space and one colon. */
	while (colon > 0 && body.data[colon] != ':')
		colon--;
	size_t end = colon;
	while (end > 0 && body.data[end - 1] != '"')
		end--;
	/* A key that is written with escapes is no known name as written: left alone. */
	if (end < member->key.len + 2)
		return;
	size_t begin = end - member->key.len - 2;
	if (body.data[begin] != '"' ||
	    !text_equal(text_slice(body, begin + 1, end - 1), member->key))
		return;
	struct json key = {.begin = (uint32_t)begin, .end = (uint32_t)end};
	edits_replace(edits, &key, text_format(edits->arena, "\"%.*s\"", TEXT_ARG(name)));
}

static bool respell(const struct json *root, const char *from, const char *to, struct edits *edits)
{
	const struct json *member = json_member(root, from);
	size_t before = edits->count;

	/* Both given: which one is meant is the client's affair. */
	if (member == NULL || json_member(root, to) != NULL)
		return false;
	rename_member(edits, member, text_of(to));
	return edits->count > before;
}

static bool is_nine(struct text id)
{
	if (id.len != 9)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.data[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
			return false;
	}
	return true;
}

/* The same for the same id, wherever it stands: a call and its result stay a pair. */
static void shorten(struct edits *edits, const struct json *id)
{
	struct text hex = digest_hex(edits->arena, id->text, 9);

	edits_replace(edits, id, text_format(edits->arena, "\"%.*s\"", TEXT_ARG(hex)));
}

static bool mend_ids(const struct json *root, struct edits *edits)
{
	size_t before = edits->count;

	JSON_EACH(message, json_member(root, "messages"))
	{
		const struct json *answered = json_member(message, "tool_call_id");
		if (json_is(answered, JSON_STRING) && !is_nine(answered->text))
			shorten(edits, answered);
		JSON_EACH(call, json_member(message, "tool_calls"))
		{
			const struct json *id = json_member(call, "id");
			if (json_is(id, JSON_STRING) && !is_nine(id->text))
				shorten(edits, id);
		}
	}
	return edits->count > before;
}

struct text repair_request(repair_bits bits, struct text body, const struct json *root,
                           struct arena *arena, repair_bits *applied)
{
	struct text_buf out;
	struct edits edits;

	edits_init(&edits, arena);
	*applied = 0;
	if ((bits & REPAIR_BIT(REPAIR_PA_01)) != 0 &&
	    respell(root, "max_tokens", "max_completion_tokens", &edits))
		*applied |= REPAIR_BIT(REPAIR_PA_01);
	else if ((bits & REPAIR_BIT(REPAIR_PA_02)) != 0 &&
	         respell(root, "max_completion_tokens", "max_tokens", &edits))
		*applied |= REPAIR_BIT(REPAIR_PA_02);
	if ((bits & REPAIR_BIT(REPAIR_TR_03)) != 0 && mend_ids(root, &edits))
		*applied |= REPAIR_BIT(REPAIR_TR_03);
	if (*applied == 0)
		return body;
	text_buf_init(&out, REPAIR_BODY_MAX_BYTES);
	bool good = edits_apply(&edits, body, &out) && !out.overflow;
	struct text mended = good ? text_copy(arena, text_buf_view(&out)) : body;
	text_buf_done(&out);
	if (!good)
		*applied = 0;
	return mended;
}
