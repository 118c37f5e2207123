/*
 * The matrix as a file: one cell a line, sorted, so that a diff in git reads well; read back
 * strictly, every mistake with its place.
 *
 *   {"proviso":1,"suite":{"hash":"...","cases":195},"runs":["..."],"availability":[...],"cells":[
 *   {"target":"lab/qwen","case":"TC-10","variant":"sync","verdict":"pass", ...},
 *   ...
 *   ]}
 *
 * What is unknown is left out. Times are UTC, latencies milliseconds to the microsecond, money
 * an exact decimal. Rate and interval stand there for the reader of the file; they follow from
 * the outcomes and are computed anew when it is read.
 */
#include "harness/run/matrix/matrix_private.h"

#include "harness/base/digest.h"
#include "harness/base/loop.h"
#include "harness/base/settings.h"
#include "harness/run/stats.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

enum {
	MATRIX_MAX_NODES = 16 << 20, /* about 60 a cell */
	MATRIX_MAX_COUNT = 1 << 30,  /* trials of a cell: sums of them stay far from overflow */
};

/* A cell as it stands in the file; see the tables. */
struct cell_row {
	const struct json *node;
	struct text target, case_id, run, suite, case_hash, capability, dialect, evidence;
	struct text reported_model, served_by, first_error, fates, usage_source, cost_source,
	    price_version;
	int variant, verdict, class_, severity, kind;
	int64_t trials, outcomes[OUTCOME_COUNT];
	const struct json *quality, *rate, *rate_low, *rate_high, *pass_hat, *tested_at;
	const struct json *tokens_per_second;
	const struct json *latency[4];
	struct text_list vouches;
	int64_t tokens[4];
	int64_t cost_pico_usd, retries;
	int64_t told_pico_usd, computed_pico_usd;
	bool optional;
	struct text judge;
	int64_t judged_answers, judge_pico_usd;
	const struct json *judge_score;
	struct text repairs;
	int repaired_verdict;
	int64_t repaired[OUTCOME_COUNT];
};

/* clang-format off */
#define ROW_TEXT(key, field) \
	{.name = key, .type = SETTING_TEXT, .offset = offsetof(struct cell_row, field)}
#define ROW_NAMES(key, field, all) \
	{.name = key, .type = SETTING_ENUM, .offset = offsetof(struct cell_row, field), \
	 .flags = SETTING_REQUIRED, .names = all}
#define ROW_NODE(key, field) \
	{.name = key, .type = SETTING_NODE, .offset = offsetof(struct cell_row, field)}
#define ROW_COUNT(key, field) \
	{.name = key, .type = SETTING_INT, .offset = offsetof(struct cell_row, field), \
	 .max = MATRIX_MAX_COUNT}
#define ROW_TOKENS(key, field) \
	{.name = key, .type = SETTING_INT, .offset = offsetof(struct cell_row, field)}

#define ROW_OUTCOMES(field) \
	ROW_COUNT("ok", field[OUTCOME_OK]), ROW_COUNT("miss", field[OUTCOME_MISS]), \
	ROW_COUNT("violation", field[OUTCOME_VIOLATION]), ROW_COUNT("refused", field[OUTCOME_REFUSED]), \
	ROW_COUNT("ignored", field[OUTCOME_IGNORED]), ROW_COUNT("infra", field[OUTCOME_INFRA]), \
	ROW_COUNT("harness", field[OUTCOME_HARNESS]), ROW_COUNT("unrun", field[OUTCOME_UNRUN])
static const struct setting outcome_rows[] = {ROW_OUTCOMES(outcomes)};
static const struct setting repaired_outcome_rows[] = {ROW_OUTCOMES(repaired)};
static const struct setting latency_rows[] = {
	ROW_NODE("ttft_p50_ms", latency[0]),
	ROW_NODE("ttft_p90_ms", latency[1]),
	ROW_NODE("total_p50_ms", latency[2]),
	ROW_NODE("total_p90_ms", latency[3]),
};
static const struct setting token_rows[] = {
	ROW_TOKENS("prompt", tokens[0]),
	ROW_TOKENS("cached", tokens[1]),
	ROW_TOKENS("completion", tokens[2]),
	ROW_TOKENS("reasoning", tokens[3]),
};
#define TABLE(key, table_rows) {.what = key, .rows = table_rows, .count = ARRAY_LENGTH(table_rows)}
static const struct setting compared_rows[] = {
	{.name = "reported_usd", .type = SETTING_USD,
	 .offset = offsetof(struct cell_row, told_pico_usd), .flags = SETTING_REQUIRED},
	{.name = "computed_usd", .type = SETTING_USD,
	 .offset = offsetof(struct cell_row, computed_pico_usd), .flags = SETTING_REQUIRED},
};
static const struct setting_table compared_table = TABLE("cost_compared", compared_rows);
static const struct setting judged_rows[] = {
	{.name = "by", .type = SETTING_TEXT, .offset = offsetof(struct cell_row, judge),
	 .flags = SETTING_REQUIRED},
	ROW_COUNT("answers", judged_answers),
	ROW_NODE("score", judge_score),
	{.name = "cost_usd", .type = SETTING_USD, .offset = offsetof(struct cell_row, judge_pico_usd)},
};
static const struct setting_table judged_table = TABLE("judged", judged_rows);
static const struct setting_table outcome_table = TABLE("outcomes", outcome_rows);
static const struct setting_table latency_table = TABLE("latency", latency_rows);
static const struct setting_table token_table = TABLE("tokens", token_rows);

static const struct setting_table repaired_outcome_table = TABLE("outcomes", repaired_outcome_rows);

/* The order of enum verdict; an index into it is a verdict. */
static const char *const verdict_choices[] = {
	"pass", "fail", "flaky", "unsupported", "ignored", "inconclusive", "error", "skipped", "stale",
	NULL,
};

static const struct setting repaired_rows[] = {
	{.name = "repairs", .type = SETTING_TEXT, .offset = offsetof(struct cell_row, repairs),
	 .flags = SETTING_REQUIRED},
	ROW_NAMES("verdict", repaired_verdict, verdict_choices),
	{.name = "outcomes", .type = SETTING_STRUCT, .table = &repaired_outcome_table},
};
static const struct setting_table repaired_table = TABLE("repaired", repaired_rows);

static const struct setting cell_rows[] = {
	{.name = "target", .type = SETTING_TEXT, .offset = offsetof(struct cell_row, target),
	 .flags = SETTING_REQUIRED},
	{.name = "case", .type = SETTING_TEXT, .offset = offsetof(struct cell_row, case_id),
	 .flags = SETTING_REQUIRED},
	ROW_NAMES("variant", variant, case_variant_names),
	ROW_NAMES("verdict", verdict, verdict_choices),
	ROW_COUNT("trials", trials),
	{.name = "outcomes", .type = SETTING_STRUCT, .table = &outcome_table},
	ROW_NODE("rate", rate),
	ROW_NODE("rate_low", rate_low),
	ROW_NODE("rate_high", rate_high),
	ROW_NODE("pass_hat_3", pass_hat),
	{.name = "kind", .type = SETTING_ENUM, .offset = offsetof(struct cell_row, kind),
	 .names = case_kind_names},
	ROW_NODE("quality", quality),
	ROW_NODE("tested_at", tested_at),
	ROW_TEXT("run", run),
	ROW_TEXT("suite", suite),
	ROW_TEXT("case_hash", case_hash),
	ROW_TEXT("capability", capability),
	ROW_NAMES("class", class_, case_class_names),
	ROW_NAMES("severity", severity, case_severity_names),
	{.name = "vouches", .type = SETTING_TEXTS, .offset = offsetof(struct cell_row, vouches)},
	ROW_TEXT("dialect", dialect),
	ROW_TEXT("evidence", evidence),
	ROW_TEXT("reported_model", reported_model),
	ROW_TEXT("served_by", served_by),
	ROW_TEXT("first_error", first_error),
	ROW_TEXT("fates", fates),
	{.name = "latency", .type = SETTING_STRUCT, .table = &latency_table},
	{.name = "tokens", .type = SETTING_STRUCT, .table = &token_table},
	ROW_TEXT("usage_source", usage_source),
	{.name = "cost_usd", .type = SETTING_USD, .offset = offsetof(struct cell_row, cost_pico_usd)},
	ROW_TEXT("cost_source", cost_source),
	ROW_TEXT("price_version", price_version),
	ROW_NODE("tokens_per_second", tokens_per_second),
	ROW_COUNT("retries", retries),
	{.name = "optional", .type = SETTING_BOOL, .offset = offsetof(struct cell_row, optional)},
	{.name = "repaired", .type = SETTING_STRUCT, .table = &repaired_table},
	{.name = "judged", .type = SETTING_STRUCT, .table = &judged_table},
	{.name = "cost_compared", .type = SETTING_STRUCT, .table = &compared_table},
};
static const struct setting_table cell_table = {
	.what = "cell",
	.rows = cell_rows,
	.count = ARRAY_LENGTH(cell_rows),
	.node_offset = offsetof(struct cell_row, node) + 1,
};

struct matrix_row {
	int64_t version, cases;
	struct text hash;
	struct text_list runs;
	const struct json *availability, *cells;
	const struct json *beside; /* told from the cells: not read back */
};
static const struct setting suite_rows[] = {
	{.name = "hash", .type = SETTING_TEXT, .offset = offsetof(struct matrix_row, hash),
	 .flags = SETTING_REQUIRED},
	{.name = "cases", .type = SETTING_INT, .offset = offsetof(struct matrix_row, cases)},
};
static const struct setting_table suite_table = TABLE("suite", suite_rows);
#define ROW_BESIDE(key) \
	{.name = key, .type = SETTING_NODE, .offset = offsetof(struct matrix_row, beside)}
static const struct setting matrix_rows[] = {
	{.name = "proviso", .type = SETTING_INT, .offset = offsetof(struct matrix_row, version),
	 .flags = SETTING_REQUIRED},
	{.name = "suite", .type = SETTING_STRUCT, .table = &suite_table, .flags = SETTING_REQUIRED},
	{.name = "runs", .type = SETTING_TEXTS, .offset = offsetof(struct matrix_row, runs)},
	{.name = "availability", .type = SETTING_NODE,
	 .offset = offsetof(struct matrix_row, availability)},
	{.name = "cells", .type = SETTING_NODE, .offset = offsetof(struct matrix_row, cells),
	 .flags = SETTING_REQUIRED},
	/* What a JSON report has besides: it is a matrix, too. */
	ROW_BESIDE("capabilities"),
	ROW_BESIDE("quality"),
	ROW_BESIDE("baseline"),
	ROW_BESIDE("claims"),
	ROW_BESIDE("repairs"),
};
struct availability_row {
	const struct json *node;
	struct availability counts;
	int64_t attempts;
};
#define ROW_ANSWERS(key, field) \
	{.name = key, .type = SETTING_INT, .offset = offsetof(struct availability_row, field), \
	 .max = MATRIX_MAX_COUNT}
static const struct setting infra_rows[] = {
	ROW_ANSWERS("unreachable", counts.infra[INFRA_UNREACHABLE]),
	ROW_ANSWERS("timeout", counts.infra[INFRA_TIMEOUT]),
	ROW_ANSWERS("cut", counts.infra[INFRA_CUT]),
	ROW_ANSWERS("429", counts.infra[INFRA_RATE_LIMIT]),
	ROW_ANSWERS("5xx", counts.infra[INFRA_SERVER_ERROR]),
	ROW_ANSWERS("other", counts.infra[INFRA_OTHER]),
};
static const struct setting_table infra_table = TABLE("infra", infra_rows);
static const struct setting availability_rows[] = {
	{.name = "target", .type = SETTING_TEXT,
	 .offset = offsetof(struct availability_row, counts.target), .flags = SETTING_REQUIRED},
	{.name = "run", .type = SETTING_TEXT,
	 .offset = offsetof(struct availability_row, counts.run_id)},
	ROW_ANSWERS("attempts", attempts),
	ROW_ANSWERS("answered", counts.answered),
	{.name = "infra", .type = SETTING_STRUCT, .table = &infra_table},
};
static const struct setting_table availability_table = TABLE("availability", availability_rows);
static const struct setting_table matrix_table = TABLE("matrix", matrix_rows);
/* clang-format on */

/* A number of at least 0 times `scale`, or `unknown` where there is none. */
static bool read_number(const struct json *node, const char *name, double *out,
                        struct fault_list *faults)
{
	*out = (double)NAN;
	if (node == NULL)
		return true;
	if (json_is(node, JSON_NUMBER) && text_to_double(node->text, out) && *out >= 0 &&
	    *out <= 1e12)
		return true;
	(void)fault_list_at(faults, json_place(node), "%s is %s; want a number of at least 0", name,
	                    json_type_name(node));
	return false;
}

static bool read_us(const struct json *node, const char *name, int64_t *out_us,
                    struct fault_list *faults)
{
	double value_ms;

	if (!read_number(node, name, &value_ms, faults))
		return false;
	*out_us = isnan(value_ms) ? -1 : (int64_t)llround(value_ms * 1e3);
	return true;
}

static bool read_measures(const struct cell_row *row, struct matrix_cell *cell,
                          struct fault_list *faults)
{
	double shown;

	cell->tested_wall_ms = 0;
	if (row->tested_at != NULL && !(json_is(row->tested_at, JSON_STRING) &&
	                                wall_parse(row->tested_at->text, &cell->tested_wall_ms))) {
		(void)fault_list_at(faults, json_place(row->tested_at),
		                    "tested_at is no time; want one like 2026-11-21T10:00:00Z");
		return false;
	}
	return read_number(row->rate, "rate", &shown, faults) &&
	       read_number(row->rate_low, "rate_low", &shown, faults) &&
	       read_number(row->rate_high, "rate_high", &shown, faults) &&
	       read_number(row->pass_hat, "pass_hat_3", &shown, faults) &&
	       read_number(row->tokens_per_second, "tokens_per_second", &cell->tokens_per_second,
	                   faults) &&
	       read_us(row->latency[0], "ttft_p50_ms", &cell->ttft_p50_us, faults) &&
	       read_us(row->latency[1], "ttft_p90_ms", &cell->ttft_p90_us, faults) &&
	       read_us(row->latency[2], "total_p50_ms", &cell->latency_p50_us, faults) &&
	       read_us(row->latency[3], "total_p90_ms", &cell->latency_p90_us, faults);
}

static bool read_tally(const struct cell_row *row, struct matrix_cell *cell,
                       struct fault_list *faults)
{
	for (int i = 0; i < OUTCOME_COUNT; i++)
		cell->tally.of[i] = row->outcomes[i];
	int64_t judged = tally_judged(&cell->tally);
	if (row->trials != tally_trials(&cell->tally)) {
		(void)fault_list_at(faults, json_place(row->node),
		                    "trials is %" PRId64 ", but the outcomes add up to %" PRId64,
		                    row->trials, tally_trials(&cell->tally));
		return false;
	}
	cell->rate = cell->rate_low = cell->rate_high = (double)NAN;
	if (judged > 0) {
		cell->rate = (double)cell->tally.of[OUTCOME_OK] / (double)judged;
		stats_wilson_interval(cell->tally.of[OUTCOME_OK], judged, &cell->rate_low,
		                      &cell->rate_high);
	}
	return true;
}

static bool read_repaired(const struct cell_row *row, struct matrix_cell *cell,
                          struct fault_list *faults)
{
	struct text bad;

	for (int i = 0; i < OUTCOME_COUNT; i++)
		cell->repaired.of[i] = row->repaired[i];
	cell->repaired_verdict = (enum verdict)row->repaired_verdict;
	if (row->repairs.data == NULL || repair_bits_from_names(row->repairs, &cell->repairs, &bad))
		return true;
	(void)fault_list_at(faults, json_place(row->node), "there is no repair \"%.*s\"",
	                    TEXT_ARG(bad));
	return false;
}

static bool read_quality(const struct cell_row *row, struct matrix_cell *cell,
                         struct fault_list *faults)
{
	if (!read_number(row->quality, "quality", &cell->quality, faults))
		return false;
	if (isnan(cell->quality) ||
	    (cell->quality <= 1 && cell->kind != CASE_KIND_NONE && tally_judged(&cell->tally) > 0))
		return true;
	(void)fault_list_at(faults, json_place(row->quality),
	                    "quality is a score from 0 to 1 of a task that was judged");
	return false;
}

static bool read_judged(const struct cell_row *row, struct matrix_cell *cell,
                        struct fault_list *faults)
{
	double score;

	cell->judged = (struct matrix_judged){
	    .by = row->judge, .answers = row->judged_answers, .cost_pico_usd = row->judge_pico_usd};
	if (!read_number(row->judge_score, "score", &score, faults))
		return false;
	if (isnan(score) == (cell->judged.answers == 0) && !(score > 1)) {
		cell->judged.score = isnan(score) ? 0 : score;
		return true;
	}
	(void)fault_list_at(faults, json_place(row->node),
	                    "a judge's score is from 0 to 1, of one answer or more");
	return false;
}

static void take_texts(const struct cell_row *row, struct matrix_cell *cell)
{
	size_t slash = text_find_byte(row->target, '/', 0);

	cell->target = row->target;
	cell->provider = text_slice(row->target, 0, slash);
	cell->model = text_slice(row->target, slash + 1, row->target.len);
	cell->dialect = row->dialect;
	cell->case_id = row->case_id;
	cell->capability = row->capability;
	cell->vouches = row->vouches;
	cell->run_id = row->run;
	cell->suite_hash = row->suite;
	cell->case_hash = row->case_hash;
	cell->evidence = row->evidence;
	cell->reported_model = row->reported_model;
	cell->served_by = row->served_by;
	cell->first_error = row->first_error;
	cell->fates = row->fates;
	cell->usage_source = row->usage_source;
	cell->cost_source = row->cost_source;
	cell->price_version = row->price_version;
}

bool matrix_read_cell(const struct json *node, struct arena *arena, struct matrix_cell *cell,
                      struct fault_list *faults)
{
	struct cell_row row = {.cost_pico_usd = -1,
	                       .told_pico_usd = -1,
	                       .judge_pico_usd = -1,
	                       .computed_pico_usd = -1,
	                       .tokens = {-1, -1, -1, -1}};

	if (!settings_read(&cell_table, node, &row, arena, faults))
		return false;
	if (text_find_byte(row.target, '/', 0) == TEXT_NOT_FOUND || row.case_id.len == 0) {
		(void)fault_list_at(faults, json_place(node),
		                    "a cell needs a target like provider/model and a case");
		return false;
	}
	*cell = (struct matrix_cell){
	    .variant = (enum case_variant)row.variant,
	    .class_ = (enum case_class)row.class_,
	    .severity = (enum case_severity)row.severity,
	    .verdict = (enum verdict)row.verdict,
	    .kind = (enum case_kind)row.kind,
	    .prompt_tokens = row.tokens[0],
	    .cached_tokens = row.tokens[1],
	    .completion_tokens = row.tokens[2],
	    .reasoning_tokens = row.tokens[3],
	    .cost_pico_usd = row.cost_pico_usd,
	    .compared = row.told_pico_usd >= 0,
	    .told_pico_usd = int64_max(row.told_pico_usd, 0),
	    .computed_pico_usd = int64_max(row.computed_pico_usd, 0),
	    .retries = row.retries,
	    .optional = row.optional,
	};
	take_texts(&row, cell);
	return read_tally(&row, cell, faults) && read_measures(&row, cell, faults) &&
	       read_quality(&row, cell, faults) && read_judged(&row, cell, faults) &&
	       read_repaired(&row, cell, faults);
}

const struct matrix_cell *matrix_sort_strictly(struct matrix *matrix)
{
	matrix_sort(matrix);
	for (size_t i = 1; i < matrix->count; i++) {
		const struct matrix_cell *a = &matrix->cells[i - 1];
		const struct matrix_cell *b = &matrix->cells[i];
		if (a->variant == b->variant && text_equal(a->case_id, b->case_id) &&
		    text_equal(a->target, b->target))
			return b;
	}
	return NULL;
}

static bool read_cells(const struct json *cells, struct arena *arena, struct matrix *out,
                       struct fault_list *faults)
{
	if (!json_is(cells, JSON_ARRAY)) {
		(void)fault_list_at(faults, json_place(cells), "cells is %s; want a list",
		                    json_type_name(cells));
		return false;
	}
	out->cells = ARENA_NEW_ARRAY(arena, struct matrix_cell, cells->count);
	JSON_EACH(cell, cells)
	if (!matrix_read_cell(cell, arena, &out->cells[out->count++], faults))
		return false;
	const struct matrix_cell *twice = matrix_sort_strictly(out);
	if (twice != NULL)
		(void)fault_list_at(faults, json_place(cells), "%.*s stands twice for %.*s",
		                    TEXT_ARG(twice->case_id), TEXT_ARG(twice->target));
	return twice == NULL;
}

static int compare_availability(const void *a, const void *b)
{
	const struct availability *x = a;
	const struct availability *y = b;

	return text_compare(x->target, y->target);
}

static bool read_availability(const struct json *list, struct arena *arena, struct matrix *out,
                              struct fault_list *faults)
{
	if (list == NULL)
		return true;
	if (!json_is(list, JSON_ARRAY)) {
		(void)fault_list_at(faults, json_place(list), "availability is %s; want a list",
		                    json_type_name(list));
		return false;
	}
	out->availability = ARENA_NEW_ARRAY(arena, struct availability, list->count + 1);
	JSON_EACH(item, list)
	{
		struct availability_row row = {0};
		if (!settings_read(&availability_table, item, &row, arena, faults))
			return false;
		if (text_find_byte(row.counts.target, '/', 0) == TEXT_NOT_FOUND) {
			(void)fault_list_at(faults, json_place(item),
			                    "availability needs a target like provider/model");
			return false;
		}
		if (row.attempts != availability_attempts(&row.counts)) {
			(void)fault_list_at(faults, json_place(item),
			                    "attempts is %" PRId64
			                    ", but answered and infra add up to %" PRId64,
			                    row.attempts, availability_attempts(&row.counts));
			return false;
		}
		out->availability[out->availability_count++] = row.counts;
	}
	matrix_sort_availability(out);
	for (size_t i = 1; i < out->availability_count; i++)
		if (compare_availability(&out->availability[i - 1], &out->availability[i]) == 0) {
			(void)fault_list_at(faults, json_place(list),
			                    "the availability of %.*s stands twice",
			                    TEXT_ARG(out->availability[i].target));
			return false;
		}
	return true;
}

void matrix_sort_availability(struct matrix *matrix)
{
	if (matrix->availability_count > 1)
		qsort(matrix->availability, matrix->availability_count,
		      sizeof(*matrix->availability), compare_availability);
}

bool matrix_read_root(const struct json *root, struct arena *arena, struct matrix *out,
                      struct fault_list *faults)
{
	struct matrix_row row = {0};
	int64_t version;

	/* First of all: another version may have keys that would only look like mistakes. */
	if (!json_integer(root, "proviso", 0, INT64_MAX, &version) || version != MATRIX_VERSION) {
		const struct json *said = json_member(root, "proviso");
		(void)fault_list_at(faults, json_place(said == NULL ? root : said),
		                    said == NULL
		                        ? "this is no matrix: it has no \"proviso\""
		                        : "a matrix of another version; this program reads %d",
		                    MATRIX_VERSION);
		return false;
	}
	if (!settings_read(&matrix_table, root, &row, arena, faults))
		return false;
	*out = (struct matrix){.suite_hash = row.hash, .suite_cases = row.cases, .runs = row.runs};
	return read_availability(row.availability, arena, out, faults) &&
	       read_cells(row.cells, arena, out, faults);
}

/* The first that is no warning. */
static void take_fault(const struct fault_list *faults, struct fault *fault)
{
	size_t first = 0;

	while (first + 1 < faults->count && faults->items[first].kind == FAULT_WARNING)
		first++;
	*fault = faults->items[first];
}

bool matrix_read(const char *path, struct arena *arena, struct matrix *out, struct fault *fault)
{
	const struct json_limits limits = {MATRIX_MAX_BYTES, 16, MATRIX_MAX_NODES};
	struct source *source;
	struct json *root;
	bool good;

	if (strcmp(path, "-") != 0 && !file_exists(path) && errno == ENOENT)
		return fault_set(fault, FAULT_INPUT,
		                 "there is no matrix %s (`proviso check` makes one)", path);
	if (!file_read(path, MATRIX_MAX_BYTES, arena, &source, fault))
		return fault_within(fault, "reading the matrix %s", path);
	struct fault_list *faults = memory_new(sizeof(*faults));
	good = matrix_read_lines(source, arena, out, faults);
	if (!good) {
		*faults = (struct fault_list){0};
		if (!json_read(source, &limits, arena, &root, fault)) {
			memory_free(faults);
			return fault_within(fault, "reading the matrix %s", path);
		}
		good = matrix_read_root(root, arena, out, faults);
		if (!good)
			take_fault(faults, fault);
	}
	memory_free(faults);
	if (good) {
		struct text hash = digest_hex(arena, source->body, DIGEST_SHORT);
		memcpy(out->file_hash, hash.data, DIGEST_SHORT);
	}
	return good;
}
