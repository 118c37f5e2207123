/*
 * `bless [MATRIX]`: accept a matrix as the baseline; `bless --waive`: print the waiver that
 * excuses one cell for a while. Waivers live in the config alone, where a review sees them beside
 * the routes they are for, so this prints the line and edits no file.
 */
#include "harness/cli/command.h"

#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "harness/run/matrix/baseline.h"

struct bless {
	struct text out, waive, owner, until, why;
	struct text_list operands;
};

static const struct option bless_rows[] = {
    {.name = "out",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .offset = offsetof(struct bless, out),
     .value = "FILE",
     .help = "the baseline (default proviso-baseline.json)"},
    {.name = "waive",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct bless, waive),
     .value = "TARGET:CASE",
     .help = "bless nothing; print a waiver for the config's policy"},
    {.name = "owner",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct bless, owner),
     .value = "NAME",
     .help = "with --waive: who answers for it"},
    {.name = "until",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct bless, until),
     .value = "DATE",
     .help = "with --waive: the last day on which it holds, like 2026-12-31"},
    {.name = "why",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct bless, why),
     .value = "TEXT",
     .help = "with --waive: the reason"},
};

static const struct option_table bless_options = {
    .rows = bless_rows,
    .count = ARRAY_LENGTH(bless_rows),
    .operands = offsetof(struct bless, operands),
    .operands_max = 1,
};

static void set_defaults(void *state)
{
	struct bless *bless = state;

	bless->out = TEXT("proviso-baseline.json");
}

/* --- waivers --- */

/* "lab/qwen:7b:TC-10": a model's name may hold colons, a case's id does not. */
static bool split_waived(struct text waived, struct text *target, struct text *case_id)
{
	size_t colon = waived.len;

	while (colon > 0 && waived.data[colon - 1] != ':')
		colon--;
	if (colon == 0)
		return false;
	*target = text_slice(waived, 0, colon - 1);
	*case_id = text_slice(waived, colon, waived.len);
	return case_id->len > 0 && text_find_byte(*target, '/', 0) != TEXT_NOT_FOUND;
}

static bool check_waiver(const struct bless *bless, struct text *target, struct text *case_id,
                         struct fault *fault)
{
	const int64_t day_ms = (int64_t)24 * 60 * 60 * 1000;
	int64_t until_wall_ms;

	if (!split_waived(bless->waive, target, case_id))
		return fault_set(fault, FAULT_USAGE,
		                 "--waive is \"%.*s\"; want TARGET:CASE like lab/qwen3:TC-10",
		                 TEXT_ARG(bless->waive));
	if (bless->owner.len == 0 || bless->until.len == 0 || bless->why.len == 0)
		return fault_set(fault, FAULT_USAGE,
		                 "a waiver needs --owner, --until and --why: who answers for it, "
		                 "to which day, and the reason");
	if (bless->until.len != sizeof("2026-12-31") - 1 ||
	    !wall_parse(bless->until, &until_wall_ms))
		return fault_set(fault, FAULT_USAGE,
		                 "--until is \"%.*s\"; want a date like 2026-12-31",
		                 TEXT_ARG(bless->until));
	if (until_wall_ms + day_ms <= command_now_wall_ms())
		return fault_set(fault, FAULT_USAGE, "--until is %.*s, which is over",
		                 TEXT_ARG(bless->until));
	return true;
}

/* JSON strings are YAML strings: whatever stands in them stays a string. */
static void add_quoted(struct text_buf *out, const char *key, struct text value)
{
	(void)text_buf_add_c(out, key);
	json_quote(out, value);
}

static int print_waiver(const struct bless *bless)
{
	enum { WAIVER_MAX_BYTES = 1 << 20 };
	struct text target;
	struct text case_id;
	struct text_buf out;
	struct fault fault;

	if (!check_waiver(bless, &target, &case_id, &fault))
		return command_fail(&fault);
	text_buf_init(&out, WAIVER_MAX_BYTES);
	(void)text_buf_add_c(&out, "policy:\n  waivers:\n");
	add_quoted(&out, "    - {target: ", target);
	add_quoted(&out, ", case: ", case_id);
	add_quoted(&out, ", owner: ", bless->owner);
	(void)text_buf_format(&out, ", until: %.*s", TEXT_ARG(bless->until));
	add_quoted(&out, ", why: ", bless->why);
	(void)text_buf_add_c(&out, "}\n");
	bool written = command_write((struct text){NULL, 0}, text_buf_view(&out), &fault);
	text_buf_done(&out);
	if (!written)
		return command_fail(&fault);
	(void)fprintf(stderr, "proviso: put this into proviso.yaml; nothing was blessed\n");
	return EXIT_HOLDS;
}

/* --- the baseline --- */

static int bless_matrix(const struct bless *bless, struct arena *arena)
{
	const char *path = bless->operands.count == 1 ? text_c(arena, bless->operands.items[0])
	                                              : "proviso-matrix.json";
	const char *out = text_c(arena, bless->out);
	struct matrix matrix;
	struct blessing blessing;
	struct fault fault;

	if (file_is_directory(path))
		path = file_join(arena, path, "matrix.json");
	if (!matrix_read(path, arena, &matrix, &fault) ||
	    !baseline_bless(&matrix, out, command_now_wall_ms(), &blessing, &fault))
		return command_fail(&fault);
	(void)printf("%s: %zu cells, %zu pass", out, blessing.cells, blessing.passing);
	if (blessing.pooled > 0)
		(void)printf(", %zu pooled with earlier trials", blessing.pooled);
	if (blessing.kept > 0)
		(void)printf(", %zu kept from before (no verdict now)", blessing.kept);
	if (blessing.gone > 0)
		(void)printf(", %zu no longer there", blessing.gone);
	(void)printf("\n");
	return EXIT_HOLDS;
}

static int bless_run(void *state, struct arena *arena)
{
	struct bless *bless = state;
	struct fault fault;

	if (bless->waive.data != NULL) {
		if (bless->operands.count == 0)
			return print_waiver(bless);
		(void)fault_set(&fault, FAULT_USAGE, "give a MATRIX to bless or --waive, not both");
		return command_fail(&fault);
	}
	if (bless->owner.data != NULL || bless->until.data != NULL || bless->why.data != NULL) {
		(void)fault_set(&fault, FAULT_USAGE, "--owner, --until and --why go with --waive");
		return command_fail(&fault);
	}
	return bless_matrix(bless, arena);
}

const struct command command_bless = {
    .name = "bless",
    .summary = "accept a matrix as the baseline; print a waiver",
    .operands = "[MATRIX]",
    .about =
	"Accepts MATRIX (default proviso-matrix.json; or a run's folder) as the baseline that\n"
	"`check --baseline` and `diff` compare with. Where a baseline is there already, trials\n"
	"of unchanged cases are pooled, at most 200 a cell. With --waive it prints the line for\n"
	"the config that excuses one cell until a day.",
    .options = &bless_options,
    .state_bytes = sizeof(struct bless),
    .defaults = set_defaults,
    .run = bless_run,
};
