/*
 * A matrix as we write it, one cell a line: the nodes of one cell at a time, where those of all
 * cells cost more time and memory than everything else. Nothing that reading as a whole would
 * refuse is taken: the head with no cells is a matrix, each line is a cell, commas stand between.
 */
#include "harness/run/matrix/matrix_private.h"

enum { MATRIX_MAX_HEAD_BYTES = 1 << 20 };

/* What was decoded lives in the scratch arena; what was not, in the source, which stays. */
static void keep_text(struct text *text, struct text body, struct arena *arena)
{
	if (text->data != NULL && (text->data < body.data || text->data >= body.data + body.len))
		*text = text_copy(arena, *text);
}

static void keep_cell(struct matrix_cell *cell, struct text body, struct arena *arena)
{
	struct text *texts[] = {
	    &cell->dialect,  &cell->case_id,        &cell->capability,  &cell->run_id,
	    &cell->evidence, &cell->suite_hash,     &cell->case_hash,   &cell->first_error,
	    &cell->fates,    &cell->reported_model, &cell->cost_source, &cell->usage_source,
	    &cell->target,   &cell->price_version,  &cell->served_by,
	};
	struct text *vouches = ARENA_NEW_ARRAY(arena, struct text, cell->vouches.count);

	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		keep_text(texts[i], body, arena);
	cell->provider = text_slice(cell->target, 0, cell->provider.len);
	cell->model =
	    text_slice(cell->target, cell->target.len - cell->model.len, cell->target.len);
	for (size_t i = 0; i < cell->vouches.count; i++) {
		vouches[i] = cell->vouches.items[i];
		keep_text(&vouches[i], body, arena);
	}
	cell->vouches.items = vouches;
}

/* One line of a cell; *more: a comma says that another follows. */
static bool read_line(struct text line, struct text body, struct arena *arena,
                      struct arena *scratch, struct matrix *out, struct fault_list *faults,
                      bool *more)
{
	const struct json_limits limits = {MATRIX_MAX_BYTES, 16, 1 << 16};
	struct fault fault;
	struct json *node;

	*more = text_ends(line, TEXT(","));
	struct source source = {TEXT("cell"), text_slice(line, 0, line.len - (*more ? 1 : 0))};
	if (!json_read(&source, &limits, scratch, &node, &fault) ||
	    !matrix_read_cell(node, scratch, &out->cells[out->count], faults))
		return false;
	keep_cell(&out->cells[out->count++], body, arena);
	return true;
}

/* From the first line behind the head to "]}". */
static bool read_body(struct text body, size_t at, struct arena *arena, struct matrix *out,
                      struct fault_list *faults)
{
	struct arena scratch = {0};
	struct text rest = text_slice(body, at, body.len);
	struct text line;
	size_t lines = 0;
	bool more = false;
	bool good = true;

	for (size_t i = at; (i = text_find_byte(body, '\n', i)) != TEXT_NOT_FOUND; i++)
		lines++;
	out->cells = ARENA_NEW_ARRAY(arena, struct matrix_cell, lines);
	while (good && text_next_field(&rest, '\n', &line) && !text_is(line, "]}")) {
		good = (more || out->count == 0) && out->count < lines &&
		       read_line(line, body, arena, &scratch, out, faults, &more);
		arena_reset(&scratch);
	}
	arena_done(&scratch);
	return good && !more && text_is(line, "]}") && rest.len == 0 &&
	       matrix_sort_strictly(out) == NULL;
}

bool matrix_read_lines(const struct source *source, struct arena *arena, struct matrix *out,
                       struct fault_list *faults)
{
	size_t end = text_find_byte(source->body, '\n', 0);
	struct text head = text_slice(source->body, 0, end);
	struct fault fault;
	struct json *root;

	if (end == TEXT_NOT_FOUND || head.len > MATRIX_MAX_HEAD_BYTES ||
	    !text_ends(head, TEXT("\"cells\":[")))
		return false;
	struct text whole = text_format(arena, "%.*s]}", TEXT_ARG(head));
	return json_read_text(whole, "matrix", arena, &root, &fault) &&
	       json_is(root->last, JSON_ARRAY) && text_is(root->last->key, "cells") &&
	       matrix_read_root(root, arena, out, faults) && out->count == 0 &&
	       read_body(source->body, end + 1, arena, out, faults);
}
