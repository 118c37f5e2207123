/*
 * Loading keys. Whatever is wrong with one is said without a byte of it: also the
 * source line that a fault shows is left out, for a pasted key stands in that line.
 */
#include "providers/secret/secret.h"

#include "harness/base/log.h"
#include "harness/base/redact.h"
#include "providers/secret/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SECRET_MAGIC = 0x5ec4e701,
	SECRET_NAME_MAX_BYTES = 256, /* of a variable */
	SECRET_PATH_MAX_BYTES = 4096,
};

struct secret {
	uint32_t magic;
	size_t len;
	char *bytes; /* owned */
};

enum secret_kind { SECRET_FROM_ENV, SECRET_FROM_FILE, SECRET_FROM_VAULT, SECRET_BAD };

/* Splits "env:NAME", "file:PATH" and "vault:MOUNT/PATH#FIELD"; the rest goes NUL-terminated into
 * `name`. */
static enum secret_kind reference_split(struct text reference, char name[SECRET_PATH_MAX_BYTES])
{
	enum secret_kind kind;
	struct text rest;
	size_t max;

	if (text_starts(reference, TEXT("env:"))) {
		kind = SECRET_FROM_ENV;
		rest = text_slice(reference, 4, reference.len);
		max = SECRET_NAME_MAX_BYTES;
	} else if (text_starts(reference, TEXT("file:"))) {
		kind = SECRET_FROM_FILE;
		rest = text_slice(reference, 5, reference.len);
		max = SECRET_PATH_MAX_BYTES;
	} else if (text_starts(reference, TEXT("vault:"))) {
		kind = SECRET_FROM_VAULT;
		rest = text_slice(reference, 6, reference.len);
		max = SECRET_PATH_MAX_BYTES;
		if (!vault_is_reference(rest))
			return SECRET_BAD;
	} else {
		return SECRET_BAD;
	}
	if (rest.len == 0 || rest.len >= max || memchr(rest.data, '\0', rest.len) != NULL)
		return SECRET_BAD;
	if (kind == SECRET_FROM_ENV) {
		/* "env:sk-..." is a key in the wrong place: it must not be named as a variable. */
		for (size_t i = 0; i < rest.len; i++) {
			char c = rest.data[i];
			bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

			if (!letter && (i == 0 || c < '0' || c > '9'))
				return SECRET_BAD;
		}
	}
	memcpy(name, rest.data, rest.len);
	name[rest.len] = '\0';
	return kind;
}

/*
 * Some providers' keys are letters and digits only, and somebody will write one
 * behind "env:". Variables are hardly ever long and in lower case.
 */
static bool name_may_be_key(const char *name)
{
	enum { KEYS_ARE_LONG = 20 };

	return strlen(name) >= KEYS_ARE_LONG && strpbrk(name, "abcdefghijklmnopqrstuvwxyz") != NULL;
}

/* A fault at the reference without its line. */
static bool refuse(struct fault *fault, struct place place, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool refuse(struct fault *fault, struct place place, const char *format, ...)
{
	char message[FAULT_MESSAGE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	int len = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	REQUIRE(len >= 0);
	(void)fault_at(fault, place, "%s", message);
	memset(fault->excerpt, 0, sizeof(fault->excerpt));
	fault->caret = 0;
	return false;
}

static struct secret *secret_keep(struct text bytes)
{
	struct secret *secret = memory_new(sizeof(*secret));

	secret->magic = SECRET_MAGIC;
	secret->len = bytes.len;
	secret->bytes = memory_new(bytes.len);
	memcpy(secret->bytes, bytes.data, bytes.len);
	return secret;
}

/* Checks and keeps what was found. `what` names where, for people. */
static bool secret_accept(struct text bytes, const char *what, struct place place,
                          struct secret **out, struct fault *fault)
{
	if (bytes.len == 0)
		return refuse(fault, place, "%s is empty: no key there", what);
	for (size_t i = 0; i < bytes.len; i++) {
		/* It goes into a header line: a line break in it would be a second header. */
		if (bytes.data[i] <= 0x20 || bytes.data[i] >= 0x7f)
			return refuse(fault, place,
			              "the key in %s holds a blank, a line break or another byte "
			              "that no key has",
			              what);
	}
	if (!redact_remember(bytes))
		log_warn("secret.short", "source=%s min_bytes=%d masked=no", what,
		         REDACT_MIN_BYTES);
	*out = secret_keep(bytes);
	return true;
}

/* Reads up to `size` bytes; -1 with errno. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, bytes + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

static bool load_from_fd(int fd, const char *path, struct place place, struct secret **out,
                         struct fault *fault)
{
	struct stat facts;
	char bytes[SECRET_MAX_BYTES + 2]; /* one for a newline, one to see that there is more */

	if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode))
		return refuse(fault, place, "key file %s is no regular file", path);
	/* systemd's credentials are root's, and readable by a group of one user. */
	bool given = facts.st_uid == 0 && geteuid() != 0;
	if ((facts.st_mode & (given ? 037 : 077)) != 0)
		return refuse(fault, place,
		              "key file %s may be read by others; make it private: chmod 600",
		              path);
	ssize_t got = read_all(fd, bytes, sizeof(bytes));
	if (got < 0)
		return refuse(fault, place, "key file %s can't be read", path);
	struct text key = {bytes, (size_t)got};
	if (text_ends(key, TEXT("\r\n")))
		key.len -= 2;
	else if (text_ends(key, TEXT("\n")))
		key.len -= 1;
	bool good = key.len <= SECRET_MAX_BYTES
	                ? secret_accept(key, path, place, out, fault)
	                : refuse(fault, place, "key file %s is too large for a key", path);
	explicit_bzero(bytes, sizeof(bytes));
	return good;
}

static bool load_from_file(const char *path, struct place place, struct secret **out,
                           struct fault *fault)
{
	/* NONBLOCK: a pipe of that name must not hold us before it is refused. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0) {
		if (errno == ENOENT)
			return refuse(fault, place, "there is no key file %s", path);
		return refuse(fault, place, "key file %s can't be opened", path);
	}
	bool good = load_from_fd(fd, path, place, out, fault);
	(void)close(fd);
	return good;
}

static bool load_from_vault(const char *reference, struct place place, struct secret **out,
                            struct fault *fault)
{
	struct fault unread;
	struct text_buf value;

	text_buf_init(&value, SECRET_MAX_BYTES);
	bool good = text_buf_reserve(&value, SECRET_MAX_BYTES - 1) != NULL; /* no copy is left */
	REQUIRE(good);
	good = vault_read(text_of(reference), &value, &unread)
	           ? secret_accept(text_buf_view(&value), "Vault", place, out, fault)
	           : refuse(fault, place, "the key vault:%s can't be had: %s", reference,
	                    unread.message);
	explicit_bzero(value.data, value.len);
	text_buf_done(&value);
	return good;
}

/* What stands there may be a key: from now on it is masked wherever it shows up. */
static bool refuse_reference(struct text reference, struct place place, struct fault *fault)
{
	(void)redact_remember(reference);
	return refuse(fault, place,
	              "a key is given by where it is, never itself: want env:NAME, file:PATH or "
	              "vault:MOUNT/PATH#FIELD");
}

bool secret_load(struct text reference, struct place place, struct secret **out,
                 struct fault *fault)
{
	char name[SECRET_PATH_MAX_BYTES];

	switch (reference_split(reference, name)) {
	case SECRET_FROM_FILE:
		return load_from_file(name, place, out, fault);
	case SECRET_FROM_ENV: {
		const char *value = getenv(name);

		if (value == NULL && name_may_be_key(name))
			(void)redact_remember(text_of(name));
		if (value == NULL)
			return refuse(fault, place,
			              "the environment variable %s, which should hold the key, "
			              "is not set",
			              name_may_be_key(name) ? "named there" : name);
		if (strlen(value) > SECRET_MAX_BYTES)
			return refuse(fault, place, "%s is too long for a key", name);
		return secret_accept(text_of(value), name, place, out, fault);
	}
	case SECRET_FROM_VAULT:
		return load_from_vault(name, place, out, fault);
	case SECRET_BAD:
		break;
	}
	return refuse_reference(reference, place, fault);
}

bool secret_check_reference(struct text reference, struct place place, struct fault *fault)
{
	char name[SECRET_PATH_MAX_BYTES];

	return reference_split(reference, name) != SECRET_BAD ||
	       refuse_reference(reference, place, fault);
}

bool secret_is_available(struct text reference)
{
	char name[SECRET_PATH_MAX_BYTES];

	switch (reference_split(reference, name)) {
	case SECRET_FROM_ENV: {
		const char *value = getenv(name);

		return value != NULL && value[0] != '\0';
	}
	case SECRET_FROM_FILE:
		return access(name, R_OK) == 0;
	case SECRET_FROM_VAULT:
		return vault_may_have(text_of(name));
	case SECRET_BAD:
		break;
	}
	return false;
}

struct secret *secret_from_bytes(struct text bytes)
{
	(void)redact_remember(bytes);
	return secret_keep(bytes);
}

void secret_free(struct secret *secret)
{
	if (secret == NULL)
		return;
	REQUIRE(secret->magic == SECRET_MAGIC);
	explicit_bzero(secret->bytes, secret->len);
	memory_free(secret->bytes);
	secret->magic = 0;
	memory_free(secret);
}

struct text secret_reveal(const struct secret *secret)
{
	REQUIRE(secret->magic == SECRET_MAGIC);
	return (struct text){secret->bytes, secret->len};
}
