/* Spans of a body replaced, all other bytes as they came; see splice.h. */
#include "proxy/relay/splice.h"

#include "harness/base/json_write.h"

enum { EDITS_MAX = 8 };

struct edit {
	size_t from, to; /* of the source */
	struct text with;
};

struct edits {
	struct edit items[EDITS_MAX]; /* in order of their place */
	size_t count;
};

static void add_edit(struct edits *edits, size_t from, size_t to, struct text with)
{
	size_t at = edits->count++;

	REQUIRE(edits->count <= EDITS_MAX);
	while (at > 0 && edits->items[at - 1].from > from) {
		edits->items[at] = edits->items[at - 1];
		at--;
	}
	edits->items[at] = (struct edit){from, to, with};
}

/* The member with its key and one of the commas beside it. */
static void remove_member(struct edits *edits, const struct json *root, const struct json *gone)
{
	struct text body = root->source->body;
	const struct json *before = NULL;

	JSON_EACH(member, root)
	{
		if (member == gone)
			break;
		before = member;
	}
	if (before != NULL) {
		add_edit(edits, before->end, gone->end, TEXT(""));
	} else if (gone->next != NULL) {
		/* The first: up to its comma, and the comma. */
		size_t comma = text_find_byte(body, ',', gone->end);
		REQUIRE(comma != TEXT_NOT_FOUND);
		add_edit(edits, root->begin + 1, comma + 1, TEXT(""));
	} else {
		add_edit(edits, root->begin + 1, root->end - 1, TEXT(""));
	}
}

static void ask_usage(struct edits *edits, const struct json *root)
{
	const struct json *options = json_member(root, "stream_options");
	const struct json *asked = json_member(options, "include_usage");

	if (asked != NULL)
		add_edit(edits, asked->begin, asked->end, TEXT("true"));
	else if (json_is(options, JSON_OBJECT))
		add_edit(edits, options->begin + 1, options->begin + 1,
		         options->count == 0 ? TEXT("\"include_usage\":true")
		                             : TEXT("\"include_usage\":true,"));
	else if (options != NULL) /* null, which counts as absent */
		add_edit(edits, options->begin, options->end, TEXT("{\"include_usage\":true}"));
	else
		add_edit(edits, root->end - 1, root->end - 1,
		         TEXT(",\"stream_options\":{\"include_usage\":true}"));
}

static struct text apply(const struct edits *edits, struct text body, struct arena *arena)
{
	size_t size = body.len;
	size_t taken = 0;
	size_t at = 0;

	for (size_t i = 0; i < edits->count; i++)
		size += edits->items[i].with.len;
	char *bytes = arena_alloc_bytes(arena, size + 1);
	for (size_t i = 0; i < edits->count; i++) {
		const struct edit *edit = &edits->items[i];
		REQUIRE(edit->from >= at && edit->to >= edit->from);
		memcpy(bytes + taken, body.data + at, edit->from - at);
		taken += edit->from - at;
		if (edit->with.len > 0)
			memcpy(bytes + taken, edit->with.data, edit->with.len);
		taken += edit->with.len;
		at = edit->to;
	}
	memcpy(bytes + taken, body.data + at, body.len - at);
	taken += body.len - at;
	return (struct text){bytes, taken};
}

struct text splice_body(const struct splice *splice, struct arena *arena)
{
	const struct json *root = splice->root;
	struct text body = root->source->body;
	struct edits edits = {.count = 0};

	if (splice->model != NULL && !text_equal(splice->model->text, splice->model_name)) {
		struct text_buf name;
		text_buf_init(&name, splice->model_name.len * 6 + 2);
		json_quote(&name, splice->model_name);
		add_edit(&edits, splice->model->begin, splice->model->end,
		         text_copy(arena, text_buf_view(&name)));
		text_buf_done(&name);
	}
	if (splice->removed != NULL)
		remove_member(&edits, root, splice->removed);
	if (splice->ask_usage)
		ask_usage(&edits, root);
	return edits.count == 0 ? body : apply(&edits, body, arena);
}
