/* Records of quarantines and probes, their file, and how they change a matrix; see live.h. */
#include "harness/run/route/live.h"

#include "harness/base/csv.h"
#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "harness/base/settings.h"

#include <stdlib.h>

/* --- the file ------------------------------------------------------------------------ */

static const char *const cause_names[] = {"traffic", "probe", NULL};

/* As it stands in the file: times are text there. */
struct file_cell {
	struct text target, case_id, case_hash, quarantined, detail, run, probed, passed;
	int variant, cause;
	int64_t occasions, violations;
	const struct json *node;
};

struct file_probes {
	struct text day;
	int64_t usd, requests;
};

struct file {
	int64_t version;
	struct file_probes probes;
	struct setting_list cells;
	const struct json *node;
};

/* clang-format off */
#define ROW(struct_name, key, kind, field, ...) \
	{.name = key, .type = kind, .offset = offsetof(struct struct_name, field), __VA_ARGS__}

static const struct setting cell_rows[] = {
	ROW(file_cell, "target", SETTING_TEXT, target, .flags = SETTING_REQUIRED),
	ROW(file_cell, "case", SETTING_TEXT, case_id, .flags = SETTING_REQUIRED),
	ROW(file_cell, "variant", SETTING_ENUM, variant, .flags = SETTING_REQUIRED,
	    .names = case_variant_names),
	ROW(file_cell, "case_hash", SETTING_TEXT, case_hash, .flags = SETTING_REQUIRED),
	ROW(file_cell, "quarantined", SETTING_TEXT, quarantined, .flags = 0),
	ROW(file_cell, "cause", SETTING_ENUM, cause, .names = cause_names),
	ROW(file_cell, "occasions", SETTING_INT, occasions, .flags = 0),
	ROW(file_cell, "violations", SETTING_INT, violations, .flags = 0),
	ROW(file_cell, "detail", SETTING_TEXT, detail, .flags = 0),
	ROW(file_cell, "run", SETTING_TEXT, run, .flags = 0),
	ROW(file_cell, "probed", SETTING_TEXT, probed, .flags = 0),
	ROW(file_cell, "passed", SETTING_TEXT, passed, .flags = 0),
};
static const struct setting_table cell_table = {
	.what = "cell", .rows = cell_rows, .count = ARRAY_LENGTH(cell_rows),
	.node_offset = offsetof(struct file_cell, node) + 1,
};

static const struct setting probes_rows[] = {
	ROW(file_probes, "day", SETTING_TEXT, day, .flags = 0),
	ROW(file_probes, "usd", SETTING_USD, usd, .flags = 0),
	ROW(file_probes, "requests", SETTING_INT, requests, .flags = 0),
};
static const struct setting_table probes_table = {
	.what = "probes", .rows = probes_rows, .count = ARRAY_LENGTH(probes_rows),
};

static const struct setting file_rows[] = {
	ROW(file, "proviso_live", SETTING_INT, version, .flags = SETTING_REQUIRED, .min = 1,
	    .max = 1),
	ROW(file, "probes", SETTING_STRUCT, probes, .table = &probes_table),
	ROW(file, "cells", SETTING_LIST, cells, .table = &cell_table,
	    .item_size = sizeof(struct file_cell)),
};
static const struct setting_table file_table = {
	.what = "live evidence", .rows = file_rows, .count = ARRAY_LENGTH(file_rows),
	.node_offset = offsetof(struct file, node) + 1,
};
/* clang-format on */

const char *live_path(struct text path, const char *matrix, struct arena *arena)
{
	struct text base = text_of(matrix);

	if (path.data != NULL)
		return text_c(arena, path);
	if (text_ends(base, TEXT(".json")))
		base = text_slice(base, 0, base.len - 5);
	return text_c(arena, text_format(arena, "%.*s.live.json", TEXT_ARG(base)));
}

/* -1 where it is not given. */
static bool read_time(const struct json *node, const char *name, struct text value, int64_t *out,
                      struct fault *fault)
{
	*out = -1;
	if (value.data == NULL || wall_parse(value, out))
		return true;
	return fault_at(fault, json_place(json_member(node, name)), "%s is no time", name);
}

static bool read_cell(const struct file_cell *stored, struct live_cell *out, struct fault *fault)
{
	*out = (struct live_cell){
	    .target = stored->target,
	    .case_id = stored->case_id,
	    .case_hash = stored->case_hash,
	    .variant = (enum case_variant)stored->variant,
	    .cause = stored->cause,
	    .occasions = json_member(stored->node, "occasions") == NULL ? -1 : stored->occasions,
	    .violations = json_member(stored->node, "violations") == NULL ? -1 : stored->violations,
	    .detail = stored->detail,
	    .run = stored->run,
	};
	return read_time(stored->node, "quarantined", stored->quarantined,
	                 &out->quarantined_wall_ms, fault) &&
	       read_time(stored->node, "probed", stored->probed, &out->probed_wall_ms, fault) &&
	       read_time(stored->node, "passed", stored->passed, &out->passed_wall_ms, fault);
}

static int compare(const struct live_cell *a, struct text target, struct text case_id,
                   enum case_variant variant)
{
	int order = text_compare(a->target, target);

	if (order == 0)
		order = text_compare(a->case_id, case_id);
	return order != 0 ? order : (int)a->variant - (int)variant;
}

static int by_cell(const void *a, const void *b)
{
	const struct live_cell *other = b;

	return compare(a, other->target, other->case_id, other->variant);
}

static bool read_root(const struct json *root, struct arena *arena, struct live *out,
                      struct fault *fault)
{
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);
	struct file file = {.probes = {.usd = 0}};

	if (!settings_read(&file_table, root, &file, arena, faults)) {
		*fault = faults->items[0];
		return false;
	}
	if (file.cells.count > LIVE_MAX_CELLS)
		return fault_at(fault, json_place(root), "more than %d cells", LIVE_MAX_CELLS);
	out->cells = ARENA_NEW_ARRAY(arena, struct live_cell, file.cells.count);
	out->count = file.cells.count;
	for (size_t i = 0; i < out->count; i++)
		if (!read_cell((const struct file_cell *)file.cells.items + i, &out->cells[i],
		               fault))
			return false;
	if (out->count > 0)
		qsort(out->cells, out->count, sizeof(out->cells[0]), by_cell);
	for (size_t i = 1; i < out->count; i++)
		if (by_cell(&out->cells[i - 1], &out->cells[i]) == 0)
			return fault_at(
			    fault, json_place(root), "the cell %.*s of %.*s stands twice",
			    TEXT_ARG(out->cells[i].case_id), TEXT_ARG(out->cells[i].target));
	out->spent_pico_usd = file.probes.usd;
	out->requests = file.probes.requests;
	return read_time(json_member(root, "probes"), "day", file.probes.day, &out->day_wall_ms,
	                 fault);
}

bool live_read(const char *path, struct arena *arena, struct live *out, struct fault *fault)
{
	struct source *source;
	struct json *root;

	*out = (struct live){.day_wall_ms = -1};
	if (!file_exists(path))
		return true;
	if (file_read(path, LIVE_MAX_BYTES, arena, &source, fault) &&
	    json_read(source, NULL, arena, &root, fault) && read_root(root, arena, out, fault))
		return true;
	return fault_within(fault, "reading the live evidence %s", path);
}

static void write_time(struct json_writer *writer, struct arena *arena, const char *name,
                       int64_t wall_ms)
{
	if (wall_ms >= 0)
		json_write_member(writer, name, wall_format(arena, wall_ms, true));
}

static void write_text(struct json_writer *writer, const char *name, struct text value)
{
	if (value.data != NULL)
		json_write_member(writer, name, value);
}

static void write_cell(struct text_buf *out, const struct live_cell *cell, struct arena *arena)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member(&writer, "target", cell->target);
	json_write_member(&writer, "case", cell->case_id);
	json_write_member_c(&writer, "variant", case_variant_names[cell->variant]);
	json_write_member(&writer, "case_hash", cell->case_hash);
	if (cell->quarantined_wall_ms >= 0) {
		write_time(&writer, arena, "quarantined", cell->quarantined_wall_ms);
		json_write_member_c(&writer, "cause", cause_names[cell->cause]);
		if (cell->occasions >= 0)
			json_write_member_int(&writer, "occasions", cell->occasions);
		if (cell->violations >= 0)
			json_write_member_int(&writer, "violations", cell->violations);
		write_text(&writer, "detail", cell->detail);
		write_text(&writer, "run", cell->run);
	}
	write_time(&writer, arena, "probed", cell->probed_wall_ms);
	write_time(&writer, arena, "passed", cell->passed_wall_ms);
	json_write_object_end(&writer);
}

bool live_write(const struct live *live, const char *path, struct fault *fault)
{
	struct arena arena = {0};
	struct text_buf out;
	struct csv_writer usd;

	text_buf_init(&out, LIVE_MAX_BYTES);
	(void)text_buf_add(&out, TEXT("{\"proviso_live\":1"));
	if (live->day_wall_ms >= 0) {
		(void)text_buf_format(&out, ",\n\"probes\":{\"day\":\"%.*s\",\"usd\":\"",
		                      TEXT_ARG(wall_format(&arena, live->day_wall_ms, false)));
		csv_writer_init(&usd, &out, false);
		csv_write_usd(&usd, live->spent_pico_usd);
		(void)text_buf_format(&out, "\",\"requests\":%lld}", (long long)live->requests);
	}
	(void)text_buf_add(&out, TEXT(",\n\"cells\":["));
	for (size_t i = 0; i < live->count; i++) {
		(void)text_buf_add(&out, i == 0 ? TEXT("\n") : TEXT(",\n"));
		write_cell(&out, &live->cells[i], &arena);
	}
	bool good =
	    text_buf_add(&out, TEXT("\n]}\n"))
		? file_replace(path, text_buf_view(&out), 0644, fault)
		: fault_set(fault, FAULT_INPUT, "the live evidence is too large for %s", path);
	text_buf_done(&out);
	arena_done(&arena);
	return good;
}

/* --- records ----------------------------------------------------------------------------- */

static struct text keep(struct arena *arena, struct text view)
{
	return view.data == NULL ? view : text_copy(arena, view);
}

void live_copy(const struct live *live, struct arena *arena, struct live *out)
{
	*out = *live;
	out->cells = ARENA_NEW_ARRAY(arena, struct live_cell, live->count);
	for (size_t i = 0; i < live->count; i++) {
		struct live_cell *cell = &out->cells[i];
		*cell = live->cells[i];
		cell->target = keep(arena, cell->target);
		cell->case_id = keep(arena, cell->case_id);
		cell->case_hash = keep(arena, cell->case_hash);
		cell->detail = keep(arena, cell->detail);
		cell->run = keep(arena, cell->run);
		cell->reason = NULL;
	}
}

/* Where it stands, or would stand. */
static size_t place_of(const struct live *live, const struct matrix_cell *cell)
{
	size_t low = 0;
	size_t high = live->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(&live->cells[middle], cell->target, cell->case_id, cell->variant) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct live_cell *live_find(const struct live *live, const struct matrix_cell *cell)
{
	size_t at = place_of(live, cell);

	if (at == live->count ||
	    compare(&live->cells[at], cell->target, cell->case_id, cell->variant) != 0)
		return NULL;
	return &live->cells[at];
}

struct live_cell *live_take(struct live *live, const struct matrix_cell *cell, struct arena *arena)
{
	struct live_cell *found = live_find(live, cell);
	size_t at = place_of(live, cell);

	if (found == NULL) {
		struct live_cell *grown = ARENA_NEW_ARRAY(arena, struct live_cell, live->count + 1);
		if (live->count > 0) {
			memcpy(grown, live->cells, at * sizeof(*grown));
			memcpy(grown + at + 1, live->cells + at,
			       (live->count - at) * sizeof(*grown));
		}
		live->cells = grown;
		live->count++;
		found = &grown[at];
	} else if (text_equal(found->case_hash, cell->case_hash)) {
		return found;
	}
	/* New, or what was seen of another question. */
	*found = (struct live_cell){
	    .target = text_copy(arena, cell->target),
	    .case_id = text_copy(arena, cell->case_id),
	    .case_hash = text_copy(arena, cell->case_hash),
	    .variant = cell->variant,
	    .quarantined_wall_ms = -1,
	    .occasions = -1,
	    .violations = -1,
	    .probed_wall_ms = -1,
	    .passed_wall_ms = -1,
	};
	return found;
}

static void merge_cell(struct live_cell *into, const struct live_cell *other, struct arena *arena)
{
	if (other->quarantined_wall_ms > into->quarantined_wall_ms) {
		into->quarantined_wall_ms = other->quarantined_wall_ms;
		into->cause = other->cause;
		into->occasions = other->occasions;
		into->violations = other->violations;
		into->detail = keep(arena, other->detail);
		into->run = keep(arena, other->run);
	}
	into->probed_wall_ms = int64_max(into->probed_wall_ms, other->probed_wall_ms);
	into->passed_wall_ms = int64_max(into->passed_wall_ms, other->passed_wall_ms);
}

void live_merge(struct live *live, const struct live *other, struct arena *arena)
{
	for (size_t i = 0; i < other->count; i++) {
		const struct live_cell *cell = &other->cells[i];
		const struct matrix_cell key = {.target = cell->target,
		                                .case_id = cell->case_id,
		                                .variant = cell->variant,
		                                .case_hash = cell->case_hash};
		merge_cell(live_take(live, &key, arena), cell, arena);
	}
	if (other->day_wall_ms > live->day_wall_ms) {
		live->day_wall_ms = other->day_wall_ms;
		live->spent_pico_usd = other->spent_pico_usd;
		live->requests = other->requests;
	} else if (other->day_wall_ms == live->day_wall_ms && live->day_wall_ms >= 0) {
		live->spent_pico_usd = int64_max(live->spent_pico_usd, other->spent_pico_usd);
		live->requests = int64_max(live->requests, other->requests);
	}
}

/* --- over the matrix ------------------------------------------------------------------------ */

bool live_holds(const struct live_cell *record, const struct matrix_cell *cell)
{
	return record->quarantined_wall_ms >= 0 &&
	       record->passed_wall_ms <= record->quarantined_wall_ms &&
	       cell->tested_wall_ms <= record->quarantined_wall_ms &&
	       text_equal(record->case_hash, cell->case_hash);
}

static const char *reason_of(const struct live_cell *record, struct arena *arena)
{
	struct text when = wall_format(arena, record->quarantined_wall_ms, false);
	struct text reason;

	if (record->cause == LIVE_PROBE)
		reason = text_format(arena, "did not pass when it was asked again at %.*s",
		                     TEXT_ARG(when));
	else
		reason = text_format(
		    arena, "broke its rule in live traffic, %lld of %lld times, by %.*s",
		    (long long)record->violations, (long long)record->occasions, TEXT_ARG(when));
	return text_c(arena, reason);
}

void live_apply(struct live *live, struct matrix *matrix, struct arena *arena)
{
	for (size_t i = 0; live->count > 0 && i < matrix->count; i++) {
		struct matrix_cell *cell = &matrix->cells[i];
		struct live_cell *record = live_find(live, cell);
		if (record == NULL || !text_equal(record->case_hash, cell->case_hash))
			continue;
		if (live_holds(record, cell)) {
			record->reason = reason_of(record, arena);
			cell->quarantine = record;
		}
		/* Asked again and passed: as good as asked then. Of another verdict it says too
		 * little. */
		if (cell->verdict == VERDICT_PASS)
			cell->tested_wall_ms =
			    int64_max(cell->tested_wall_ms, record->passed_wall_ms);
	}
}
