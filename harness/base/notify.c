/* Datagrams to the service manager; see notify.h. */
#include "harness/base/notify.h"

#include "harness/base/log.h"
#include "harness/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 512 };

/* A path, or "@name" for one in the abstract namespace. False: there is none, or it can't be. */
static bool find_socket(struct sockaddr_un *address, socklen_t *size)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL || (path[0] != '/' && path[0] != '@'))
		return false;
	size_t len = strlen(path);
	if (len >= sizeof(address->sun_path))
		return false;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, len);
	if (path[0] == '@')
		address->sun_path[0] = '\0';
	*size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	return true;
}

static void send_message(const char *format, ...) PRINTF_LIKE(1, 2);

static void send_message(const char *format, ...)
{
	struct sockaddr_un address;
	socklen_t size;
	char message[MESSAGE_MAX];
	va_list arguments;

	if (!find_socket(&address, &size))
		return;
	va_start(arguments, format);
	int len = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	REQUIRE(len >= 0);
	size_t bytes = size_min((size_t)len, sizeof(message) - 1);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
	    sendto(fd, message, bytes, MSG_NOSIGNAL, (const struct sockaddr *)&address, size) < 0)
		log_warn("notify.failed", "the service manager can't be told: %s", strerror(errno));
	if (fd >= 0)
		(void)close(fd);
}

void notify_ready(const char *status)
{
	send_message("READY=1\nSTATUS=%s", status);
}

void notify_reloading(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	send_message("RELOADING=1\nMONOTONIC_USEC=%lld",
	             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void notify_stopping(const char *status)
{
	send_message("STOPPING=1\nSTATUS=%s", status);
}

void notify_alive(void)
{
	send_message("WATCHDOG=1");
}

int64_t notify_watchdog_ms(void)
{
	const char *pid = getenv("WATCHDOG_PID"), *usec = getenv("WATCHDOG_USEC");
	int64_t number;

	if (usec == NULL || getenv("NOTIFY_SOCKET") == NULL)
		return 0;
	if (pid != NULL &&
	    (!text_to_int64(text_of(pid), 1, INT32_MAX, &number) || number != (int64_t)getpid()))
		return 0;
	if (!text_to_int64(text_of(usec), 1, INT64_MAX, &number))
		return 0;
	return number / 1000;
}
