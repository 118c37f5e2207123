/*
 * Evidence: a segment of records as somebody else may have cut or edited it. A record is read or
 * refused, with lengths and times that can be; what was read is stepped over when the folder is
 * opened for writing. The first byte says where else in the file a record is looked for.
 */
#include "providers/wire/recording_private.h"
#include "tests/fuzz/fuzz_file.h"

#include <fcntl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/proviso-fuzz-evidence-XXXXXX";

static void remove_folder(void)
{
	struct arena arena = {0};

	(void)unlink(recording_segment_path(&arena, folder, 1));
	(void)rmdir(folder);
	arena_done(&arena);
}

/* A folder whose first segment is that file. */
static void make_folder(const char *path, struct arena *arena)
{
	static bool made;

	if (made)
		return;
	made = true;
	REQUIRE(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
	REQUIRE(symlink(path, recording_segment_path(arena, folder, 1)) == 0);
}

static bool read_at(size_t offset, size_t size, struct arena *arena)
{
	struct text id = text_format(arena, "000001:%zu", offset);
	struct recording_label label;
	struct exchange exchange;
	struct fault fault = {0};

	if (!recording_read(folder, id, arena, &label, &exchange, &fault)) {
		REQUIRE(fault.kind != FAULT_NONE && fault.message[0] != '\0');
		return false;
	}
	REQUIRE(exchange.body.len + exchange.request_body.len < size);
	for (size_t i = 0; i < exchange.chunk_count; i++)
		REQUIRE(exchange.chunks[i].end <= exchange.body.len &&
		        (i == 0 || exchange.chunks[i - 1].end <= exchange.chunks[i].end));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {0};
	struct fault fault = {0};
	enum recording_tail tail;
	int64_t good_end;

	if (size < 2)
		return 0;
	size--;
	const char *path = fuzz_file(data + 1, size);
	make_folder(path, &arena);
	bool first = read_at(0, size, &arena);
	(void)read_at((size_t)data[0] * size / 256, size, &arena);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	REQUIRE(fd >= 0 && recording_check(fd, (int64_t)size, &tail, &good_end, &fault));
	(void)close(fd);
	REQUIRE(good_end >= 0 && good_end <= (int64_t)size);
	REQUIRE((tail == RECORDING_TAIL_WHOLE) == (good_end == (int64_t)size));
	REQUIRE(!first || good_end > 0);
	arena_done(&arena);
	return 0;
}
