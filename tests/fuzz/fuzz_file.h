/* For readers that want a path: the bytes at hand as a file that has no name and is used again. */
#ifndef PROVISO_TESTS_FUZZ_FILE_H
#define PROVISO_TESTS_FUZZ_FILE_H

#include "harness/base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A path that may be opened as often as wanted; its bytes are those of the last call. */
static inline const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		char name[] = "/tmp/proviso-fuzz-XXXXXX";
		fd = mkstemp(name);
		REQUIRE(fd >= 0 && unlink(name) == 0);
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	REQUIRE(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

#endif
