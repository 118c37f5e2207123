/*
 * The files that a run leaves: matrix, baseline, live evidence, journal. Whatever they hold they
 * are read or refused with a place; a matrix that was read is the same when written and read
 * again. The first byte says which file it is.
 */
#include "harness/run/matrix/baseline.h"
#include "harness/run/route/live.h"
#include "harness/run/runner/journal.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_OUTPUT_MAX_BYTES = 64 << 20 };

static struct text written(const struct matrix *matrix, struct arena *arena)
{
	struct text_buf out;

	text_buf_init(&out, FUZZ_OUTPUT_MAX_BYTES);
	matrix_write_json(matrix, &out);
	REQUIRE(!out.overflow);
	struct text text = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return text;
}

static void check_matrix(const char *path, struct arena *arena)
{
	struct matrix first, again;
	struct fault fault = {0};

	if (!matrix_read(path, arena, &first, &fault)) {
		REQUIRE(fault.kind != FAULT_NONE && fault.message[0] != '\0');
		return;
	}
	struct text once = written(&first, arena);
	REQUIRE(
	    matrix_read(fuzz_file((const uint8_t *)once.data, once.len), arena, &again, &fault));
	REQUIRE(text_equal(once, written(&again, arena)));
	REQUIRE(matrix_exit_code(&first) >= 0);
}

static bool see_head(void *context, const struct journal_head *head, struct fault *fault)
{
	(void)fault;
	journal_copy_head(head, context, ARENA_NEW((struct arena *)context, struct journal_head));
	return true;
}

static bool see_attempt(void *context, const struct journal_attempt *attempt, struct fault *fault)
{
	struct tally tally = {0};

	(void)fault;
	journal_tally(attempt, &tally);
	journal_copy_attempt(attempt, context,
	                     ARENA_NEW((struct arena *)context, struct journal_attempt));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct journal_visitor visitor = {see_head, see_attempt, &arena};
	struct fault fault = {0};
	struct matrix matrix;
	struct live live;
	int64_t whole = 0;

	if (size == 0)
		return 0;
	const char *path = fuzz_file(data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		check_matrix(path, &arena);
		break;
	case 1:
		REQUIRE(baseline_read(path, &arena, &matrix, &fault) || fault.kind != FAULT_NONE);
		break;
	case 2:
		REQUIRE(live_read(path, &arena, &live, &fault) || fault.kind != FAULT_NONE);
		break;
	case 3:
		if (journal_scan(path, &visitor, &whole, &fault))
			REQUIRE(whole >= 0 && (size_t)whole <= size - 1);
		else
			REQUIRE(fault.kind != FAULT_NONE);
		break;
	}
	arena_done(&arena);
	return 0;
}
