/*
 * A matrix is read line by line where it is as we write it, and as a whole where it is not: both
 * ways take the same files and say the same of them. A blank line in front makes any file one that
 * is read as a whole.
 */
#include "harness/base/digest.h"
#include "tests/unit/run/routing.h"

#include <stdio.h>
#include <unistd.h>

static char path[] = "/tmp/proviso-lines-XXXXXX";
static struct routing rig;
static struct arena arena;

static void set_up(void)
{
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
	arena = (struct arena){0};
	routing_init(&rig);
	rig.matrix.runs = routing_names(&rig, "run-1 run-2");
	rig.matrix.suite_cases = 7;
	const char *const targets[] = {"lab/a", "lab/b\"\\\n"};
	for (size_t i = 0; i < 2; i++) {
		struct matrix_cell *cell = routing_cell(&rig, targets[i], "CH-01", VERDICT_PASS);
		cell->vouches = routing_names(&rig, "chat stop");
		cell->first_error = TEXT("a \"quoted\"\tthing \xc3\xa4");
		cell->tally.of[OUTCOME_OK] = 3;
		cell->suite_hash = rig.matrix.suite_hash;
		cell->cost_pico_usd = 1234567;
		cell->latency_p50_us = 1500;
		(void)routing_cell(&rig, targets[i], "TC-10~stream", VERDICT_SKIPPED);
	}
	matrix_sort(&rig.matrix);
}

static void tear_down(void)
{
	(void)unlink(path);
	arena_done(&arena);
	arena_done(&rig.arena);
}

/* Not synced: this is done thousands of times. */
static void write_bytes(struct text bytes)
{
	FILE *file = fopen(path, "wb");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
	ck_assert_int_eq(fclose(file), 0);
}

/* What the bytes are read as, written again; data NULL and the fault's words where they are not. */
static struct text read_bytes(struct text bytes, struct text *said)
{
	struct matrix matrix;
	struct fault fault;
	struct text_buf out;

	write_bytes(bytes);
	*said = (struct text){NULL, 0};
	if (!matrix_read(path, &arena, &matrix, &fault)) {
		*said = text_copy(&arena, text_of(fault.message));
		return (struct text){NULL, 0};
	}
	text_buf_init(&out, 1 << 20);
	matrix_write_json(&matrix, &out);
	struct text again = text_copy(&arena, text_buf_view(&out));
	text_buf_done(&out);
	return again;
}

static struct text written(void)
{
	struct text_buf out;

	text_buf_init(&out, 1 << 20);
	matrix_write_json(&rig.matrix, &out);
	struct text bytes = text_copy(&rig.arena, text_buf_view(&out));
	text_buf_done(&out);
	return bytes;
}

START_TEST(what_is_written_is_read_the_same_both_ways)
{
	struct text bytes = written();
	struct text said;

	struct text read = read_bytes(bytes, &said);
	ck_assert_ptr_nonnull(read.data);
	struct text whole = text_format(&arena, "\n%.*s", TEXT_ARG(bytes));
	assert_text(read_bytes(whole, &said), text_c(&arena, read));
	assert_text(read_bytes(read, &said), text_c(&arena, read));
	rig.matrix.count = 0;
	bytes = written();
	assert_text(read_bytes(bytes, &said), text_c(&arena, bytes));
}
END_TEST

START_TEST(a_matrix_that_was_read_knows_the_hash_of_its_file)
{
	struct matrix matrix;
	struct fault fault;
	struct text bytes = written();

	write_bytes(bytes);
	ck_assert(matrix_read(path, &arena, &matrix, &fault));
	assert_text(digest_hex(&arena, bytes, DIGEST_SHORT), matrix.file_hash);
}
END_TEST

/* A byte taken out, or another in its place: no damage is taken by one way alone. */
static void damage(struct text bytes, size_t at, const char *instead)
{
	struct text damaged = text_format(&arena, "%.*s%s%.*s", (int)at, bytes.data, instead,
	                                  (int)(bytes.len - at - 1), bytes.data + at + 1);
	struct text said, said_whole;
	struct text lines = read_bytes(damaged, &said);
	struct text whole =
	    read_bytes(text_format(&arena, "\n%.*s", TEXT_ARG(damaged)), &said_whole);

	ck_assert_msg(text_equal(lines, whole), "byte %zu as \"%s\": \"%.*s\" and \"%.*s\"", at,
	              instead, TEXT_ARG(said), TEXT_ARG(said_whole));
	ck_assert_msg(text_equal(said, said_whole), "byte %zu as \"%s\": \"%.*s\" and \"%.*s\"", at,
	              instead, TEXT_ARG(said), TEXT_ARG(said_whole));
}

/* `tail` stands where "\n]}\n" did. */
START_TEST(the_end_is_the_end)
{
	static const struct {
		const char *tail;
		bool whole;
	} rows[] = {
	    {"\n]}\n", true},    {"\n]}", true},       {" ]}\n", true},    {"\n]}\n\n", true},
	    {"\n]} \n", true},   {",\n]}\n", false},   {"\n\n]}\n", true}, {"\n]}\n]}\n", false},
	    {"\n]}\n1", false},  {"\n]},\n", false},   {"\n,]}\n", false}, {"\n{}\n]}\n", false},
	    {"\n]}\n{}", false}, {",\n{}\n]}", false}, {"\n]\n", false},   {"\n", false},
	    {",\n", false},      {"", false},
	};
	struct text bytes = written();
	struct text head = text_slice(bytes, 0, bytes.len - 4);
	struct text said;

	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct text lines = text_format(&arena, "%.*s%s", TEXT_ARG(head), rows[i].tail);
		struct text whole = text_format(&arena, "\n%.*s", TEXT_ARG(lines));
		ck_assert_msg((read_bytes(lines, &said).data != NULL) == rows[i].whole, "%zu: %.*s",
		              i, TEXT_ARG(said));
		ck_assert_msg((read_bytes(whole, &said).data != NULL) == rows[i].whole,
		              "%zu as a whole: %.*s", i, TEXT_ARG(said));
	}
}
END_TEST

static const char *const instead[] = {"", "]", "}", ",", "\n", "{", "\"", "1", "]}\n"};

START_TEST(no_damage_is_taken_by_one_way_alone)
{
	struct text bytes = written();

	for (size_t at = (size_t)_i % 3; at < bytes.len; at += 3) {
		damage(bytes, at, instead[_i]);
		arena_reset(&arena);
	}
}
END_TEST

START_TEST(no_cut_is_taken)
{
	struct text bytes = written();
	struct text said;

	for (size_t len = 0; len + 1 < bytes.len; len++) {
		ck_assert_msg(read_bytes(text_slice(bytes, 0, len), &said).data == NULL,
		              "the first %zu bytes are taken", len);
		arena_reset(&arena);
	}
	/* The line break at the end is no part of the document. */
	ck_assert_ptr_nonnull(read_bytes(text_slice(bytes, 0, bytes.len - 1), &said).data);
}
END_TEST

static void add_tests(TCase *cases)
{
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_is_written_is_read_the_same_both_ways);
	tcase_add_test(cases, a_matrix_that_was_read_knows_the_hash_of_its_file);
	tcase_add_loop_test(cases, no_damage_is_taken_by_one_way_alone, 0, ARRAY_LENGTH(instead));
	tcase_add_test(cases, the_end_is_the_end);
	tcase_add_test(cases, no_cut_is_taken);
}

int main(void)
{
	return unit_main("matrix_lines", add_tests);
}
