/* Splices into JSON bytes: what is not edited stays as it was written; see repair_private.h. */
#include "providers/repair/repair_private.h"

#include <stdlib.h>

void edits_init(struct edits *edits, struct arena *arena)
{
	*edits = (struct edits){.arena = arena};
}

static void add(struct edits *edits, const struct edit *edit)
{
	if (edits->count == EDITS_MAX) {
		edits->overflow = true;
		return;
	}
	if (edits->count == edits->room) {
		size_t room = edits->room == 0 ? 8 : edits->room * 2;
		struct edit *grown = ARENA_NEW_ARRAY(edits->arena, struct edit, room);
		if (edits->count > 0)
			memcpy(grown, edits->items, edits->count * sizeof(*grown));
		edits->items = grown;
		edits->room = room;
	}
	edits->items[edits->count++] = *edit;
}

void edits_replace(struct edits *edits, const struct json *node, struct text text)
{
	struct edit edit = {node->begin, node->end, text};

	add(edits, &edit);
}

void edits_insert_member(struct edits *edits, const struct json *object, struct text member)
{
	struct edit edit = {(size_t)object->begin + 1, (size_t)object->begin + 1, member};

	if (object->count > 0)
		edit.text = text_format(edits->arena, "%.*s,", TEXT_ARG(member));
	add(edits, &edit);
}

static int compare_edits(const void *a, const void *b)
{
	const struct edit *x = a;
	const struct edit *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

bool edits_apply(struct edits *edits, struct text source, struct text_buf *out)
{
	size_t at = 0;

	if (edits->overflow)
		return false;
	if (edits->count > 1)
		qsort(edits->items, edits->count, sizeof(*edits->items), compare_edits);
	for (size_t i = 0; i < edits->count; i++) {
		if (edits->items[i].begin < at || edits->items[i].end > source.len)
			return false;
		at = edits->items[i].end;
	}
	at = 0;
	for (size_t i = 0; i < edits->count; i++) {
		text_buf_add(out, text_slice(source, at, edits->items[i].begin));
		text_buf_add(out, edits->items[i].text);
		at = edits->items[i].end;
	}
	text_buf_add(out, text_slice(source, at, source.len));
	return true;
}
