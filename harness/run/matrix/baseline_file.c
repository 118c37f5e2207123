/*
 * The baseline as a file: what was accepted, with the outcomes of the last trials of each cell.
 *
 *   {"proviso_baseline":1,"digest":"...","blessed_at":"...","suite":"...","cells":[
 *   {"target":"lab/qwen","case":"TC-10","variant":"sync","verdict":"pass","trials":"ooomo", ...},
 *   ...
 *   ]}
 *
 * `trials` holds one letter a judged trial, oldest first, so that pooling forgets the oldest ones
 * and nothing else. The digest is over all bytes behind it: a baseline decides what CI lets
 * through, and a line changed by hand (or by a merge) must not do so unseen.
 */
#include "harness/run/matrix/baseline.h"

#include "harness/base/digest.h"
#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "harness/run/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

enum {
	BASELINE_VERSION = 1,
	BASELINE_MAX_NODES = 16 << 20, /* of a matrix, which may stand in its place: 60 a cell */
	BASELINE_MODE = 0644,
};

#define HEAD_START "{\"proviso_baseline\":1,\"digest\":\""

/* The letter of each outcome that counts; infrastructure and our own faults are no trials here. */
static const char trial_letters[OUTCOME_COUNT] = {
    [OUTCOME_OK] = 'o',      [OUTCOME_MISS] = 'm',    [OUTCOME_VIOLATION] = 'v',
    [OUTCOME_REFUSED] = 'r', [OUTCOME_IGNORED] = 'i',
};

/* --- trials as letters --- */

static bool tally_from_letters(struct text letters, struct tally *out)
{
	*out = (struct tally){0};
	for (size_t i = 0; i < letters.len; i++) {
		int outcome = 0;
		while (outcome < OUTCOME_COUNT && trial_letters[outcome] != letters.data[i])
			outcome++;
		if (outcome == OUTCOME_COUNT || letters.data[i] == '\0')
			return false;
		out->of[outcome]++;
	}
	return letters.len <= BASELINE_MAX_TRIALS;
}

/*
 * A run's tally knows no order: its outcomes are spread evenly, so that wherever the list is cut
 * later, what stays has the rate of the whole.
 */
static struct text letters_from_tally(const struct tally *tally, struct arena *arena)
{
	int64_t judged = tally_judged(tally);
	int64_t count = int64_min(judged, BASELINE_MAX_TRIALS);
	int64_t given[OUTCOME_COUNT] = {0};
	char *letters = arena_alloc_bytes(arena, (size_t)count + 1);

	for (int64_t at = 0; at < count; at++) {
		int next = OUTCOME_OK;
		int64_t most_due = INT64_MIN;
		for (int i = 0; i < OUTCOME_COUNT; i++) {
			if (trial_letters[i] == '\0' || tally->of[i] == 0)
				continue;
			int64_t due = tally->of[i] * (at + 1) - given[i] * judged;
			if (due > most_due) {
				most_due = due;
				next = i;
			}
		}
		given[next]++;
		letters[at] = trial_letters[next];
	}
	return (struct text){letters, (size_t)count};
}

/* --- writing --- */

struct blessed_cell {
	const struct matrix_cell *cell;
	struct text letters;
};

static void write_cell(const struct blessed_cell *blessed, struct arena *arena,
                       struct text_buf *out)
{
	const struct matrix_cell *cell = blessed->cell;
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member(&writer, "target", cell->target);
	json_write_member(&writer, "case", cell->case_id);
	json_write_member_c(&writer, "variant", case_variant_names[cell->variant]);
	json_write_member_c(&writer, "verdict", verdict_name(cell->verdict));
	json_write_member(&writer, "trials", blessed->letters);
	json_write_member(&writer, "case_hash", cell->case_hash);
	json_write_member(&writer, "capability", cell->capability);
	json_write_member_c(&writer, "class", case_class_names[cell->class_]);
	json_write_member_c(&writer, "severity", case_severity_names[cell->severity]);
	json_write_member(&writer, "run", cell->run_id);
	if (cell->tested_wall_ms > 0)
		json_write_member(&writer, "tested_at",
		                  wall_format(arena, cell->tested_wall_ms, true));
	json_write_object_end(&writer);
}

static bool write_baseline(const char *path, const struct blessed_cell *cells, size_t count,
                           struct text tail_head, struct fault *fault)
{
	struct text_buf tail;
	struct text_buf file;
	struct arena arena = {0};
	bool good;

	text_buf_init(&tail, BASELINE_MAX_BYTES);
	text_buf_init(&file, BASELINE_MAX_BYTES);
	(void)text_buf_add(&tail, tail_head);
	for (size_t i = 0; i < count; i++) {
		(void)text_buf_add_c(&tail, i == 0 ? "\n" : ",\n");
		write_cell(&cells[i], &arena, &tail);
		arena_reset(&arena);
	}
	(void)text_buf_add_c(&tail, "\n]}\n");
	(void)text_buf_add_c(&file, HEAD_START);
	(void)text_buf_add(&file, digest_hex(&arena, text_buf_view(&tail), DIGEST_HEX));
	(void)text_buf_add(&file, text_buf_view(&tail));
	if (tail.overflow || file.overflow)
		good = fault_set(fault, FAULT_INPUT, "a baseline of over %d MiB can't be read back",
		                 BASELINE_MAX_BYTES >> 20);
	else
		good = file_replace(path, text_buf_view(&file), BASELINE_MODE, fault);
	text_buf_done(&tail);
	text_buf_done(&file);
	arena_done(&arena);
	return good;
}

/* --- reading --- */

struct baseline_cell {
	const struct json *node, *tested_at;
	struct text target, case_id, case_hash, capability, run, trials;
	int variant, verdict, class_, severity;
};

/* The order of enum verdict; an index into it is a verdict. */
static const char *const verdict_choices[] = {
    "pass",         "fail",  "flaky",   "unsupported", "ignored",
    "inconclusive", "error", "skipped", "stale",       NULL,
};

/* clang-format off */
#define ROW_TEXT(key, field) \
	{.name = key, .type = SETTING_TEXT, .offset = offsetof(struct baseline_cell, field), \
	 .flags = SETTING_REQUIRED}
#define ROW_NAMES(key, field, all) \
	{.name = key, .type = SETTING_ENUM, .offset = offsetof(struct baseline_cell, field), \
	 .flags = SETTING_REQUIRED, .names = all}

static const struct setting cell_rows[] = {
	ROW_TEXT("target", target),
	ROW_TEXT("case", case_id),
	ROW_NAMES("variant", variant, case_variant_names),
	ROW_NAMES("verdict", verdict, verdict_choices),
	ROW_TEXT("trials", trials),
	ROW_TEXT("case_hash", case_hash),
	ROW_TEXT("capability", capability),
	ROW_NAMES("class", class_, case_class_names),
	ROW_NAMES("severity", severity, case_severity_names),
	ROW_TEXT("run", run),
	{.name = "tested_at", .type = SETTING_NODE,
	 .offset = offsetof(struct baseline_cell, tested_at)},
};
static const struct setting_table cell_table = {
	.what = "cell", .rows = cell_rows, .count = ARRAY_LENGTH(cell_rows),
	.node_offset = offsetof(struct baseline_cell, node) + 1,
};
/* clang-format on */

static bool read_cell(const struct json *node, struct arena *arena, struct matrix_cell *cell,
                      struct fault_list *faults)
{
	struct baseline_cell row = {0};

	if (!settings_read(&cell_table, node, &row, arena, faults))
		return false;
	size_t slash = text_find_byte(row.target, '/', 0);
	if (slash == TEXT_NOT_FOUND || row.case_id.len == 0) {
		(void)fault_list_at(faults, json_place(node),
		                    "a cell needs a target like provider/model and a case");
		return false;
	}
	*cell = (struct matrix_cell){
	    .target = row.target,
	    .provider = text_slice(row.target, 0, slash),
	    .model = text_slice(row.target, slash + 1, row.target.len),
	    .case_id = row.case_id,
	    .capability = row.capability,
	    .variant = (enum case_variant)row.variant,
	    .class_ = (enum case_class)row.class_,
	    .severity = (enum case_severity)row.severity,
	    .verdict = (enum verdict)row.verdict,
	    .run_id = row.run,
	    .case_hash = row.case_hash,
	    .rate = (double)NAN,
	    .rate_low = (double)NAN,
	    .rate_high = (double)NAN,
	    .prompt_tokens = -1,
	    .cached_tokens = -1,
	    .completion_tokens = -1,
	    .reasoning_tokens = -1,
	    .cost_pico_usd = -1,
	    .ttft_p50_us = -1,
	    .ttft_p90_us = -1,
	    .latency_p50_us = -1,
	    .latency_p90_us = -1,
	    .tokens_per_second = (double)NAN,
	};
	if (!tally_from_letters(row.trials, &cell->tally)) {
		(void)fault_list_at(
		    faults, json_place(node),
		    "trials is no list of at most %d outcomes (letters o, m, v, r, i)",
		    BASELINE_MAX_TRIALS);
		return false;
	}
	if (row.tested_at != NULL && !(json_is(row.tested_at, JSON_STRING) &&
	                               wall_parse(row.tested_at->text, &cell->tested_wall_ms))) {
		(void)fault_list_at(faults, json_place(row.tested_at), "tested_at is no time");
		return false;
	}
	int64_t judged = tally_judged(&cell->tally);
	if (judged > 0) {
		cell->rate = (double)cell->tally.of[OUTCOME_OK] / (double)judged;
		stats_wilson_interval(cell->tally.of[OUTCOME_OK], judged, &cell->rate_low,
		                      &cell->rate_high);
	}
	return true;
}

/* A baseline with the letters of its cells, which pooling goes on with. */
struct document {
	struct matrix matrix;
	struct text *letters; /* one a cell */
};

/* As they were written: sorted, and therefore each of them once. */
static bool is_sorted(const struct matrix *matrix)
{
	for (size_t i = 1; i < matrix->count; i++) {
		const struct matrix_cell *a = &matrix->cells[i - 1];
		const struct matrix_cell *b = &matrix->cells[i];
		int order = text_compare(a->target, b->target);
		if (order == 0)
			order = text_compare(a->case_id, b->case_id);
		if (order > 0 || (order == 0 && a->variant >= b->variant))
			return false;
	}
	return true;
}

/* What a digest was made of is there, byte for byte. */
static bool is_whole(struct text body, struct arena *arena)
{
	const size_t start = sizeof(HEAD_START) - 1;

	if (!text_starts(body, TEXT(HEAD_START)) || body.len < start + DIGEST_HEX)
		return false;
	return text_equal(
	    text_slice(body, start, start + DIGEST_HEX),
	    digest_hex(arena, text_slice(body, start + DIGEST_HEX, body.len), DIGEST_HEX));
}

static bool read_cells(const struct json *cells, struct arena *arena, struct document *out,
                       struct fault *fault)
{
	struct fault_list *faults = memory_new(sizeof(*faults));
	struct matrix *matrix = &out->matrix;
	bool good = true;

	matrix->cells = ARENA_NEW_ARRAY(arena, struct matrix_cell, cells->count);
	out->letters = ARENA_NEW_ARRAY(arena, struct text, cells->count);
	JSON_EACH(cell, cells)
	{
		out->letters[matrix->count] = json_string(cell, "trials");
		good = good && read_cell(cell, arena, &matrix->cells[matrix->count++], faults);
	}
	if (!good)
		*fault = faults->items[0];
	else if (!is_sorted(matrix))
		good = fault_at(fault, json_place(cells), "the cells are not in order");
	memory_free(faults);
	return good;
}

static bool read_document(const struct json *root, struct text body, struct arena *arena,
                          struct document *out, struct fault *fault)
{
	const struct json *version = json_member(root, "proviso_baseline");
	const struct json *cells = json_member(root, "cells");
	int64_t number;

	if (!json_node_integer(version, 0, INT64_MAX, &number) || number != BASELINE_VERSION)
		return fault_at(fault, json_place(version),
		                "a baseline of another version; this program reads %d",
		                BASELINE_VERSION);
	if (!is_whole(body, arena))
		return fault_at(fault, json_place(root),
		                "this baseline was edited since it was blessed (its digest does "
		                "not fit); bless the matrix again");
	if (!json_is(cells, JSON_ARRAY))
		return fault_at(fault, json_place(root), "this baseline has no cells");
	out->matrix.suite_hash = json_string(root, "suite");
	return read_cells(cells, arena, out, fault);
}

/* *is_baseline false: it is something else, and nothing was read. */
static bool read_if_baseline(const char *path, struct arena *arena, bool *is_baseline,
                             struct document *out, struct fault *fault)
{
	const struct json_limits limits = {MATRIX_MAX_BYTES, 16, BASELINE_MAX_NODES};
	struct source *source;
	struct json *root;

	*out = (struct document){0};
	if (strcmp(path, "-") != 0 && !file_exists(path) && errno == ENOENT)
		return fault_set(fault, FAULT_INPUT,
		                 "there is no baseline %s (`proviso bless` makes one of a matrix)",
		                 path);
	if (!file_read(path, MATRIX_MAX_BYTES, arena, &source, fault) ||
	    !json_read(source, &limits, arena, &root, fault))
		return fault_within(fault, "reading the baseline %s", path);
	*is_baseline = json_member(root, "proviso_baseline") != NULL;
	if (*is_baseline && !read_document(root, source->body, arena, out, fault))
		return fault_within(fault, "reading the baseline %s", path);
	return true;
}

bool baseline_read(const char *path, struct arena *arena, struct matrix *out, struct fault *fault)
{
	struct document document;
	bool is_baseline;

	if (file_is_directory(path))
		path = file_join(arena, path, "matrix.json");
	if (!read_if_baseline(path, arena, &is_baseline, &document, fault))
		return false;
	*out = document.matrix;
	return is_baseline || matrix_read(path, arena, out, fault);
}

/* --- blessing --- */

static bool is_sound(const struct matrix_cell *cell, struct fault *fault)
{
	int64_t judged = tally_judged(&cell->tally);
	int64_t ok = cell->tally.of[OUTCOME_OK];

	if ((cell->verdict == VERDICT_PASS && ok == 0) ||
	    (cell->verdict == VERDICT_FAIL && ok == judged))
		return fault_set(fault, FAULT_INPUT,
		                 "%.*s at %.*s is said to be %s with %lld of %lld ok: this matrix "
		                 "was edited; nothing was blessed",
		                 TEXT_ARG(cell->case_id), TEXT_ARG(cell->target),
		                 verdict_name(cell->verdict), (long long)ok, (long long)judged);
	return true;
}

static bool has_verdict(const struct matrix_cell *cell)
{
	return cell->verdict != VERDICT_ERROR && cell->verdict != VERDICT_SKIPPED &&
	       cell->verdict != VERDICT_STALE && tally_judged(&cell->tally) > 0;
}

/* From a pass to a failure or back: what was asked before that says nothing of how it is now. */
static bool has_turned(const struct matrix_cell *old, const struct matrix_cell *now)
{
	bool passed = old->verdict == VERDICT_PASS;
	bool passes = now->verdict == VERDICT_PASS;
	enum verdict other = passed ? now->verdict : old->verdict;

	return passed != passes &&
	       (other == VERDICT_FAIL || other == VERDICT_UNSUPPORTED || other == VERDICT_IGNORED);
}

/*
 * One cell over the one that was blessed before (or NULL). A run that is in there already adds
 * nothing; an older one than the last is a step back, and replaces.
 */
static struct blessed_cell bless_cell(const struct matrix_cell *cell,
                                      const struct blessed_cell *before, struct arena *arena,
                                      struct blessing *out)
{
	struct text fresh = letters_from_tally(&cell->tally, arena);
	struct blessed_cell blessed = {.cell = cell, .letters = fresh};
	const struct matrix_cell *old = before->cell;

	if (old == NULL || !text_equal(old->case_hash, cell->case_hash) || !has_verdict(old))
		return blessed;
	if (!has_verdict(cell)) {
		out->kept++;
		return *before;
	}
	if (text_equal(old->run_id, cell->run_id)) {
		if (before->letters.len >= fresh.len)
			blessed.letters = before->letters;
		return blessed;
	}
	if (cell->tested_wall_ms < old->tested_wall_ms || has_turned(old, cell))
		return blessed;
	struct text both =
	    text_format(arena, "%.*s%.*s", TEXT_ARG(before->letters), TEXT_ARG(fresh));
	size_t from = both.len - size_min(both.len, BASELINE_MAX_TRIALS);
	blessed.letters = text_slice(both, from, both.len);
	out->pooled++;
	return blessed;
}

static bool read_old(const char *path, struct arena *arena, struct document *out,
                     struct fault *fault)
{
	bool is_baseline;

	*out = (struct document){0};
	if (!file_exists(path))
		return true;
	if (!read_if_baseline(path, arena, &is_baseline, out, fault))
		return false;
	return is_baseline || fault_set(fault, FAULT_INPUT,
	                                "%s is there and is no baseline; it is not replaced", path);
}

static struct blessed_cell find_old(const struct document *old, const struct matrix_cell *cell)
{
	const struct matrix_cell *found =
	    matrix_find(&old->matrix, cell->target, cell->case_id, cell->variant);

	if (found == NULL)
		return (struct blessed_cell){0};
	return (struct blessed_cell){found, old->letters[found - old->matrix.cells]};
}

/* Everything behind the digest up to the cells. */
static struct text make_head(const struct matrix *matrix, int64_t now_wall_ms, struct arena *arena)
{
	struct text_buf suite;

	text_buf_init(&suite, BASELINE_MAX_BYTES);
	json_quote(&suite, matrix->suite_hash);
	struct text at = wall_format(arena, now_wall_ms, false);
	struct text head =
	    text_format(arena, "\",\"blessed_at\":\"%.*s\",\"suite\":%.*s,\"cells\":[",
	                TEXT_ARG(at), TEXT_ARG(text_buf_view(&suite)));
	text_buf_done(&suite);
	return head;
}

bool baseline_bless(const struct matrix *matrix, const char *path, int64_t now_wall_ms,
                    struct blessing *out, struct fault *fault)
{
	struct arena arena = {0};
	struct document old;
	size_t common = 0;

	*out = (struct blessing){.cells = matrix->count};
	bool good = read_old(path, &arena, &old, fault);
	struct blessed_cell *cells = ARENA_NEW_ARRAY(&arena, struct blessed_cell, matrix->count);
	for (size_t i = 0; i < matrix->count && good; i++) {
		struct blessed_cell before = find_old(&old, &matrix->cells[i]);
		good = is_sound(&matrix->cells[i], fault);
		cells[i] = bless_cell(&matrix->cells[i], &before, &arena, out);
		out->passing += cells[i].cell->verdict == VERDICT_PASS;
		common += before.cell != NULL;
	}
	out->gone = old.matrix.count - common;
	if (good)
		good = write_baseline(path, cells, matrix->count,
		                      make_head(matrix, now_wall_ms, &arena), fault);
	arena_done(&arena);
	return good;
}
