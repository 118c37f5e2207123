/*
 * Files read whole and capped, replaced whole or not at all; folders made and
 * listed. The append-only file: file_log.c.
 */
#include "harness/base/file.h"

#include "harness/base/digest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_READ_STEP = 64 * 1024 };

/* An unreadable file is the user's input gone wrong, not the system's failure. */
static bool fault_unreadable(struct fault *fault, int error_number, const char *path)
{
	(void)fault_system(fault, error_number, "can't read %s", path);
	fault->kind = FAULT_INPUT;
	return false;
}

/* All that the descriptor gives, up to `max_bytes`, into the buffer. */
static bool read_to_end(int fd, const char *name, size_t max_bytes, struct text_buf *buf,
                        struct fault *fault)
{
	for (;;) {
		/* One byte past the cap tells a full file from one that is too large. */
		size_t step = size_min(FILE_READ_STEP, max_bytes + 1 - buf->len);
		char *end = text_buf_reserve(buf, step);
		REQUIRE(end != NULL);
		ssize_t got = read(fd, end, step);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fault_unreadable(fault, errno, name);
		if (got == 0)
			return true;
		buf->len += (size_t)got;
		if (buf->len > max_bytes)
			return fault_set(fault, FAULT_INPUT, "%s is larger than %zu bytes", name,
			                 max_bytes);
	}
}

/*
 * A file that says how large it is, straight into the arena: copying a large one costs as much as
 * reading it. False, and rewound, where it is not so (a pipe, /proc, one that is growing).
 */
static bool read_at_once(int fd, size_t max_bytes, struct arena *arena, struct text *out)
{
	struct stat status;
	size_t len = 0;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size <= 0 ||
	    (uintmax_t)status.st_size > max_bytes)
		return false;
	/* One byte more tells that it has grown. */
	size_t room = (size_t)status.st_size + 1;
	char *bytes = arena_alloc_bytes(arena, room);
	ssize_t got = 1;
	while (got > 0 && len < room) {
		got = read(fd, bytes + len, room - len);
		if (got < 0 && errno == EINTR)
			got = 1;
		else if (got > 0)
			len += (size_t)got;
	}
	*out = (struct text){bytes, len};
	if (got == 0 && len < room)
		return true;
	(void)!lseek(fd, 0, SEEK_SET);
	return false;
}

bool file_read(const char *path, size_t max_bytes, struct arena *arena, struct source **out,
               struct fault *fault)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "stdin" : path;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct text_buf buf;

	if (fd < 0)
		return fault_unreadable(fault, errno, name);
	struct text body;
	bool at_once = !is_stdin && read_at_once(fd, max_bytes, arena, &body);
	bool good = at_once;
	text_buf_init(&buf, max_bytes + 1);
	if (!at_once) {
		good = read_to_end(fd, name, max_bytes, &buf, fault);
		body = text_copy(arena, text_buf_view(&buf));
	}
	text_buf_done(&buf);
	if (!is_stdin)
		(void)close(fd); /* nothing was written: nothing can be lost */
	if (!good)
		return false;
	*out = ARENA_NEW(arena, struct source);
	(*out)->name = text_copy(arena, text_of(name));
	(*out)->body = body;
	return true;
}

bool file_exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0;
}

bool file_is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* --- replacing --- */

static bool write_all(int fd, struct text bytes)
{
	for (size_t done = 0; done < bytes.len;) {
		ssize_t put = write(fd, bytes.data + done, bytes.len - done);
		if (put < 0 && errno != EINTR)
			return false;
		if (put > 0)
			done += (size_t)put;
	}
	return true;
}

static bool sync_all(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result != 0 && errno == EINTR);
	return result == 0;
}

/* "a/b/" of "a/b/c", "" of "c": what a neighbour's name is put behind. */
static struct text folder_prefix(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (struct text){path, slash == NULL ? 0 : (size_t)(slash - path) + 1};
}

bool file_sync_folder(const char *path, struct fault *fault)
{
	struct arena arena = {0};
	struct text prefix = folder_prefix(path);
	const char *folder = prefix.len == 0 ? "." : text_c(&arena, prefix);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = true;

	/* EINVAL: a file system that can't sync folders; there is nothing more to be done. */
	if (fd < 0 || (!sync_all(fd) && errno != EINVAL))
		good = fault_system(fault, errno, "can't make %s durable", folder);
	if (fd >= 0)
		(void)close(fd);
	arena_done(&arena);
	return good;
}

/* Writes, syncs and closes. False with errno set. */
static bool fill(int fd, struct text body, const struct stat *old)
{
	bool good = write_all(fd, body);

	if (good && old != NULL)
		good = fchmod(fd, old->st_mode & 07777) == 0;
	good = good && sync_all(fd);
	int error_number = errno;
	if (close(fd) != 0 && good) {
		good = false;
		error_number = errno;
	}
	errno = error_number;
	return good;
}

/* `old`: the regular file that stands there, or NULL. */
static bool replace_regular(const char *path, struct text body, unsigned mode,
                            const struct stat *old, struct fault *fault)
{
	struct arena arena = {0};
	unsigned char random[8];
	struct text prefix = folder_prefix(path);
	bool good = false;

	random_bytes(random, sizeof(random));
	/* Short, whatever the file's own name: it must fit where the other one fits. */
	struct text temporary = text_format(
	    &arena, "%.*s.proviso-%02x%02x%02x%02x%02x%02x%02x%02x.tmp", TEXT_ARG(prefix),
	    random[0], random[1], random[2], random[3], random[4], random[5], random[6], random[7]);
	int fd = open(temporary.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0) {
		(void)fault_system(fault, errno, "can't write %s", path);
		goto out;
	}
	if (!fill(fd, body, old) || rename(temporary.data, path) != 0) {
		(void)fault_system(fault, errno, "can't write %s", path);
		(void)unlink(temporary.data);
		goto out;
	}
	good = file_sync_folder(path, fault);
out:
	arena_done(&arena);
	return good;
}

/* Renaming over /dev/null would destroy it; what is no regular file is written to. */
static bool write_device(const char *path, struct text body, struct fault *fault)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fault_system(fault, errno, "can't write %s", path);
	bool good = write_all(fd, body);
	int error_number = errno;
	if (close(fd) != 0 && good) {
		good = false;
		error_number = errno;
	}
	return good || fault_system(fault, error_number, "can't write %s", path);
}

bool file_replace(const char *path, struct text body, unsigned mode, struct fault *fault)
{
	struct stat status;

	if (lstat(path, &status) != 0) {
		if (errno != ENOENT)
			return fault_system(fault, errno, "can't write %s", path);
		return replace_regular(path, body, mode, NULL, fault);
	}
	char *resolved = realpath(path, NULL); /* heap, libc's */
	bool good;
	if (resolved == NULL || stat(resolved, &status) != 0) {
		/* Pipes and sockets behind /dev/stdout have no path, and can be opened all the
		 * same. */
		if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
			good = write_device(path, body, fault);
		else
			good = fault_system(fault, errno, "can't write %s", path);
	} else if (S_ISDIR(status.st_mode)) {
		good = fault_set(fault, FAULT_SYSTEM, "can't write %s: it is a folder", path);
	} else if (!S_ISREG(status.st_mode)) {
		good = write_device(path, body, fault);
	} else {
		good = replace_regular(resolved, body, mode, &status, fault);
	}
	memory_free(resolved); /* realpath took it from the same heap */
	return good;
}

/* --- folders --- */

bool file_make_directories(const char *path, struct fault *fault)
{
	struct arena arena = {0};
	char *partial = arena_alloc_bytes(&arena, strlen(path) + 1);
	bool good = true;

	for (size_t at = 0; good && path[at] != '\0';) {
		do
			at++;
		while (path[at] != '\0' && path[at] != '/');
		memcpy(partial, path, at);
		partial[at] = '\0';
		if (mkdir(partial, 0777) == 0)
			continue;
		int error_number = errno == EEXIST ? ENOTDIR : errno;
		if (!file_is_directory(partial))
			good =
			    fault_system(fault, error_number, "can't make the folder %s", partial);
	}
	arena_done(&arena);
	return good;
}

static int compare_names(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

static bool is_dot_name(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* The names as they come; `names` is heap memory that the caller frees. */
static bool read_names(DIR *folder, const char *path, struct arena *arena, struct text **names,
                       size_t *count, struct fault *fault)
{
	size_t room = 0;

	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (entry == NULL)
			return errno == 0 || fault_unreadable(fault, errno, path);
		if (is_dot_name(entry->d_name))
			continue;
		if (*count == FILE_LIST_MAX)
			return fault_set(fault, FAULT_INPUT, "%s holds more than %d names", path,
			                 FILE_LIST_MAX);
		if (*count == room) {
			room = room == 0 ? 64 : room * 2;
			*names = memory_resize(*names, size_mul(room, sizeof(**names)));
		}
		(*names)[(*count)++] = text_copy(arena, text_of(entry->d_name));
	}
}

bool file_list(const char *path, struct arena *arena, struct text **names, size_t *count,
               struct fault *fault)
{
	DIR *folder = opendir(path);
	struct text *found = NULL;
	size_t found_count = 0;

	if (folder == NULL)
		return fault_unreadable(fault, errno, path);
	bool good = read_names(folder, path, arena, &found, &found_count, fault);
	(void)closedir(folder);
	if (good) {
		*names = ARENA_NEW_ARRAY(arena, struct text, found_count);
		*count = found_count;
		if (found_count != 0) {
			qsort(found, found_count, sizeof(*found), compare_names);
			memcpy(*names, found, found_count * sizeof(*found));
		}
	}
	memory_free(found);
	return good;
}

const char *file_join(struct arena *arena, const char *folder, const char *name)
{
	struct text start = text_of(folder);
	struct text end = text_of(name);

	while (start.len > 1 && start.data[start.len - 1] == '/')
		start.len--;
	while (end.len > 0 && end.data[0] == '/')
		end = text_slice(end, 1, end.len);
	if (start.len == 0)
		return text_c(arena, end);
	bool root = start.len == 1 && start.data[0] == '/';
	return text_format(arena, "%.*s%s%.*s", TEXT_ARG(start), root ? "" : "/", TEXT_ARG(end))
	    .data;
}
