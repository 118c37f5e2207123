/*
 * The append-only file behind the journal and the evidence: one writer, whole
 * records or none. What a record means is not known here.
 */
#include "harness/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool prepare(struct file_log *log, struct fault *fault)
{
	struct stat status;

	/* The lock goes with the process, however it ends. */
	if (flock(log->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return fault_set(fault, FAULT_SYSTEM,
			                 "%s is being written by another process", log->path);
		return fault_system(fault, errno, "can't lock %s", log->path);
	}
	if (fstat(log->fd, &status) != 0)
		return fault_system(fault, errno, "can't open %s", log->path);
	if (!S_ISREG(status.st_mode))
		return fault_set(fault, FAULT_SYSTEM, "can't append to %s: it is no regular file",
		                 log->path);
	log->size = status.st_size;
	/* A new file's name must outlive a crash too, or its records are lost with it. */
	return status.st_size != 0 || file_sync_folder(log->path, fault);
}

bool file_log_open(struct file_log *log, const char *path, struct fault *fault)
{
	*log = (struct file_log){.fd = -1};
	if (strlen(path) >= sizeof(log->path))
		return fault_set(fault, FAULT_SYSTEM, "a path longer than %zu bytes: %s",
		                 sizeof(log->path) - 1, path);
	memcpy(log->path, path, strlen(path) + 1);
	/* O_NONBLOCK: a pipe of that name is refused, not waited for. */
	log->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NONBLOCK | O_CLOEXEC, 0666);
	if (log->fd < 0)
		return fault_system(fault, errno, "can't open %s", path);
	if (prepare(log, fault))
		return true;
	file_log_close(log);
	return false;
}

static bool cut(struct file_log *log, int64_t size)
{
	int result;

	do
		result = ftruncate(log->fd, size);
	while (result != 0 && errno == EINTR);
	return result == 0;
}

bool file_log_append(struct file_log *log, struct text bytes, struct fault *fault)
{
	if (log->fd < 0)
		return fault_set(fault, FAULT_SYSTEM, "can't write %s: it is closed", log->path);
	for (size_t done = 0; done < bytes.len;) {
		ssize_t put = write(log->fd, bytes.data + done, bytes.len - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			int error_number = errno;
			if (!cut(log, log->size))
				file_log_close(log);
			return fault_system(fault, error_number, "can't write %s", log->path);
		}
		done += (size_t)put;
	}
	log->size += (int64_t)bytes.len;
	return true;
}

bool file_log_share(const struct file_log *log, struct file_log *out, struct fault *fault)
{
	*out = *log;
	if (log->fd < 0)
		return fault_set(fault, FAULT_SYSTEM, "can't sync %s: it is closed", log->path);
	out->fd = fcntl(log->fd, F_DUPFD_CLOEXEC, 0);
	return out->fd >= 0 || fault_system(fault, errno, "can't open %s once more", log->path);
}

bool file_log_sync(struct file_log *log, struct fault *fault)
{
	int result;

	if (log->fd < 0)
		return fault_set(fault, FAULT_SYSTEM, "can't sync %s: it is closed", log->path);
	do
		result = fdatasync(log->fd);
	while (result != 0 && errno == EINTR);
	return result == 0 || fault_system(fault, errno, "can't sync %s", log->path);
}

bool file_log_truncate(struct file_log *log, int64_t size, struct fault *fault)
{
	REQUIRE(size >= 0 && size <= log->size);
	if (log->fd < 0)
		return fault_set(fault, FAULT_SYSTEM, "can't cut %s: it is closed", log->path);
	if (!cut(log, size))
		return fault_system(fault, errno, "can't cut %s", log->path);
	log->size = size;
	return true;
}

void file_log_close(struct file_log *log)
{
	if (log->fd >= 0)
		(void)close(log->fd); /* what had to be on disk was synced */
	log->fd = -1;
}
