/*
 * Runs a fuzzer's entry point over files and folders given: how `make test` replays
 * the corpora, with any compiler. Prints a TAP-like closing count; a finding ends the
 * process by sanitizer or REQUIRE.
 */
#include "harness/base/file.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPLAY_MAX_BYTES = 16 << 20 };

static size_t replay_file(const char *path)
{
	struct arena arena = {0};
	struct source *source;
	struct fault fault;

	if (!file_read(path, REPLAY_MAX_BYTES, &arena, &source, &fault)) {
		fault_print(&fault, stderr);
		exit(EXIT_FAILURE);
	}
	/* A copy of exactly this size, so that the sanitizer sees a read past its end. */
	uint8_t *exact = memory_new(source->body.len);
	if (source->body.len != 0)
		memcpy(exact, source->body.data, source->body.len);
	(void)LLVMFuzzerTestOneInput(exact, source->body.len);
	memory_free(exact);
	arena_done(&arena);
	return 1;
}

int main(int argc, char **argv)
{
	size_t count = 0;

	for (int i = 1; i < argc; i++) {
		struct arena arena = {0};
		struct fault fault;
		struct text *names;
		size_t name_count;

		if (!file_is_directory(argv[i])) {
			count += replay_file(argv[i]);
			continue;
		}
		if (!file_list(argv[i], &arena, &names, &name_count, &fault)) {
			fault_print(&fault, stderr);
			return EXIT_FAILURE;
		}
		for (size_t n = 0; n < name_count; n++)
			count += replay_file(file_join(&arena, argv[i], text_c(&arena, names[n])));
		arena_done(&arena);
	}
	(void)printf("%s: %zu passed, 0 failed\n", argc > 1 ? argv[1] : "nothing", count);
	return count == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
