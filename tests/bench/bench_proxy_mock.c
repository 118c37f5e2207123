/*
 * The provider behind the proxies that are compared: one thread on bare epoll, so that it costs
 * less than anything it is asked through. Plain requests get one fixed reply; streamed ones an
 * event each GAP ms, stamped with when it was written, until somebody posts to /finish.
 *
 *   proxy_mock GAP_MS        says its port on the first line; ends when its input is closed
 */
#define _GNU_SOURCE /* accept4, strcasestr */

#include "harness/base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 1 << 16, REQUEST_MAX = 8192, EVENTS = 512 };

struct connection {
	int fd;
	bool streaming;
	uint32_t len;
	uint64_t due_ns;
	struct connection *next; /* in the queue of those that stream, by when they are due */
	char request[REQUEST_MAX];
};

static struct connection *connections[CONNECTIONS]; /* by descriptor */
static struct connection *queue_first, **queue_end = &queue_first;
static uint64_t gap_ns;
static int epoll_fd;

static const char plain_body[] =
    "{\"id\":\"chatcmpl-0123456789abcdefghijklmnopqr\",\"object\":\"chat.completion\",\"created\":"
    "1767225600,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"A short reply of some thirty words, as a model gives it when it is asked to be "
    "brief and to the point, which it seldom is.\",\"refusal\":null},\"logprobs\":null,"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":23,\"completion_tokens\":27,"
    "\"total_tokens\":50,\"prompt_tokens_details\":{\"cached_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"system_fingerprint\":\"fp_1\"}";

static const char stream_head[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    "x-request-id: req_0123456789\r\n\r\n";

#define CHUNK_HEAD                                                                                 \
	"data: {\"id\":\"chatcmpl-0123456789abcdefghijklmnopqr\",\"object\":"                      \
	"\"chat.completion.chunk\",\"created\":1767225600,\"model\":\"m\","                        \
	"\"system_fingerprint\":\"fp_1\",\"choices\":"

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void queue_add(struct connection *connection, uint64_t due_ns)
{
	connection->due_ns = due_ns;
	connection->next = NULL;
	*queue_end = connection;
	queue_end = &connection->next;
}

static void queue_remove(struct connection *connection)
{
	for (struct connection **at = &queue_first; *at != NULL; at = &(*at)->next)
		if (*at == connection) {
			*at = connection->next;
			if (*at == NULL)
				queue_end = at;
			return;
		}
}

static void drop(struct connection *connection)
{
	if (connection->streaming)
		queue_remove(connection);
	connections[connection->fd] = NULL;
	(void)close(connection->fd);
	free(connection);
}

/* What the other side does not take at once is lost with the connection: it has to keep up. */
static bool send_all(struct connection *connection, const char *bytes, size_t len)
{
	return send(connection->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* One event as one chunk. */
static bool send_event(struct connection *connection, const char *choices, const char *rest)
{
	char event[1024], framed[1100];
	int len = snprintf(event, sizeof(event), CHUNK_HEAD "%s%s}\n\n", choices, rest);
	int total = snprintf(framed, sizeof(framed), "%x\r\n%s\r\n", (unsigned)len, event);

	return send_all(connection, framed, (size_t)total);
}

static bool send_word(struct connection *connection)
{
	char choices[400];

	(void)snprintf(choices, sizeof(choices),
	               "[{\"index\":0,\"delta\":{\"content\":\" word t=%" PRIu64
	               ";\"},\"logprobs\":null,\"finish_reason\":null}]",
	               now_ns());
	return send_event(connection, choices, "");
}

static void start_stream(struct connection *connection)
{
	if (!send_all(connection, stream_head, sizeof(stream_head) - 1) ||
	    !send_event(connection,
	                "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
	                "\"logprobs\":null,\"finish_reason\":null}]",
	                "") ||
	    !send_word(connection)) {
		drop(connection);
		return;
	}
	connection->streaming = true;
	queue_add(connection, now_ns() + gap_ns);
}

static void finish_streams(void)
{
	while (queue_first != NULL) {
		struct connection *connection = queue_first;

		queue_remove(connection);
		connection->streaming = false;
		static const char done[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
		if (!send_event(connection,
		                "[{\"index\":0,\"delta\":{},\"logprobs\":null,"
		                "\"finish_reason\":\"stop\"}]",
		                "") ||
		    !send_event(connection, "[]",
		                ",\"usage\":{\"prompt_tokens\":23,\"completion_tokens\":27,"
		                "\"total_tokens\":50}") ||
		    !send_all(connection, done, sizeof(done) - 1))
			drop(connection);
	}
}

static void send_due(void)
{
	uint64_t now = now_ns();

	while (queue_first != NULL && queue_first->due_ns <= now) {
		struct connection *connection = queue_first;

		queue_first = connection->next;
		if (queue_first == NULL)
			queue_end = &queue_first;
		if (send_word(connection)) {
			queue_add(connection, connection->due_ns + gap_ns);
		} else {
			connection->streaming = false;
			drop(connection);
		}
	}
}

static void answer(struct connection *connection, bool streamed)
{
	char head[256];
	int len;

	if (strncmp(connection->request, "POST /finish", 12) == 0) {
		static const char reply[] = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
		finish_streams();
		if (!send_all(connection, reply, sizeof(reply) - 1))
			drop(connection);
	} else if (streamed) {
		start_stream(connection);
	} else {
		char whole[sizeof(head) + sizeof(plain_body)];
		len = snprintf(whole, sizeof(whole),
		               "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
		               "x-request-id: req_0123456789\r\ncontent-length: %zu\r\n\r\n%s",
		               sizeof(plain_body) - 1, plain_body);
		if (!send_all(connection, whole, (size_t)len))
			drop(connection);
	}
}

/* One request at a time: all that are compared wait for the answer. */
static void readable(struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->request + connection->len,
	                   REQUEST_MAX - 1 - connection->len, 0);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || connection->streaming) {
		drop(connection);
		return;
	}
	connection->len += (uint32_t)got;
	connection->request[connection->len] = '\0';
	char *end = strstr(connection->request, "\r\n\r\n");
	if (end == NULL)
		return;
	char *length = strcasestr(connection->request, "\r\ncontent-length:");
	size_t body = length == NULL || length > end ? 0 : strtoul(length + 17, NULL, 10);
	if (connection->len < (size_t)(end + 4 - connection->request) + body)
		return;
	bool streamed = strstr(end, "\"stream\":true") != NULL;
	connection->len = 0;
	answer(connection, streamed);
}

static void accept_all(int listener)
{
	int fd, on = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		if (fd >= CONNECTIONS) {
			(void)close(fd);
			continue;
		}
		struct connection *connection = calloc(1, sizeof(*connection));
		if (connection == NULL)
			fail("memory");
		connection->fd = fd;
		connections[fd] = connection;
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
		(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
	}
}

static int listen_somewhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 4096) != 0 || getsockname(fd, (struct sockaddr *)&address, &size) != 0)
		fail("listen");
	(void)printf("%d\n", ntohs(address.sin_port));
	(void)fflush(stdout);
	return fd;
}

static int wait_ms(void)
{
	if (queue_first == NULL)
		return -1;
	uint64_t now = now_ns();
	return queue_first->due_ns <= now ? 0 : (int)((queue_first->due_ns - now) / 1000000u) + 1;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	struct epoll_event input = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
	struct epoll_event ready[EVENTS];

	gap_ns = (argc > 1 ? strtoul(argv[1], NULL, 10) : 200) * 1000000u;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	int listener = listen_somewhere();
	struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
	if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) != 0)
		fail("epoll");
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &input);
	for (;;) {
		int count = epoll_wait(epoll_fd, ready, EVENTS, wait_ms());
		char byte;
		for (int i = 0; i < count; i++) {
			int fd = ready[i].data.fd;
			if (fd == listener)
				accept_all(listener);
			else if (fd == STDIN_FILENO && read(STDIN_FILENO, &byte, 1) <= 0)
				return EXIT_SUCCESS;
			else if (connections[fd] != NULL)
				readable(connections[fd]);
		}
		send_due();
	}
}
