/*
 * Preloaded by test_31_torture.py: lets one system call on files fail, the FAIL_AT-th of the kind
 * FAIL_CALL (write, sync, create, rename). FAIL_AS is an errno, or 0: a write takes half of its
 * bytes. Sockets, pipes and terminals are left alone. At the end it says in FAIL_COUNT how many
 * there were.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_int seen;

static int fails(const char *call)
{
	const char *wanted = getenv("FAIL_CALL"), *at = getenv("FAIL_AT");

	if (wanted == NULL || strcmp(wanted, call) != 0)
		return 0;
	return atomic_fetch_add(&seen, 1) + 1 == (at == NULL ? 0 : atoi(at));
}

static int as(void)
{
	const char *error = getenv("FAIL_AS");
	return error == NULL ? 0 : atoi(error);
}

static int is_file(int fd)
{
	struct stat status;
	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

__attribute__((destructor)) static void tell(void)
{
	const char *path = getenv("FAIL_COUNT");
	FILE *file = path == NULL ? NULL : fopen(path, "w");

	if (file == NULL)
		return;
	(void)fprintf(file, "%d\n", atomic_load(&seen));
	(void)fclose(file);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *bytes, size_t size)
{
	if (is_file(fd) && fails("write")) {
		if (as() == 0)
			return REAL(write)(fd, bytes, size > 1 ? size / 2 : size);
		errno = as();
		return -1;
	}
	return REAL(write)(fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
	if (is_file(fd) && fails("write")) {
		if (as() == 0)
			return REAL(pwrite)(fd, bytes, size > 1 ? size / 2 : size, at);
		errno = as();
		return -1;
	}
	return REAL(pwrite)(fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
	return pwrite(fd, bytes, size, at);
}

int fsync(int fd)
{
	if (fails("sync")) {
		errno = as();
		return -1;
	}
	return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	if (fails("sync")) {
		errno = as();
		return -1;
	}
	return REAL(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
	if (fails("rename")) {
		errno = as();
		return -1;
	}
	return REAL(rename)(from, to);
}

static int open_mode(const char *path, int flags, mode_t mode)
{
	if ((flags & O_CREAT) != 0 && fails("create")) {
		errno = as();
		return -1;
	}
	return REAL(open64)(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
	va_end(more);
	return open_mode(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list more;
	va_start(more, flags);
	mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
	va_end(more);
	return open_mode(path, flags, mode);
}
