/*
 * Clients of a proxy, many streams at once on one thread: opens them all, measures for a while how
 * long each event took from the provider's write to here, and sees every stream end.
 *
 *   proxy_load PORT STREAMS WINDOW_MS HEADER_LINES
 *
 * Speaks with whoever started it: says "open", is told "measure", says the figures, is told
 * "finish" (the provider has been told to end its streams), says how they ended.
 */
#define _GNU_SOURCE /* memmem */
#include "harness/base/base.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TAIL = 64, EVENTS = 512, AT_ONCE = 64, LATENCIES = 1 << 22, OPEN_LIMIT_MS = 120000 };

struct client {
	int fd;
	bool open, done, over;
	size_t tail_len;
	char tail[TAIL]; /* what a stamp may have begun in */
};

static struct client *clients;
static size_t wanted, started, opened, over, done;
static uint32_t *latencies_us;
static size_t latency_count;
static bool measuring;
static int epoll_fd, port;
static char request[16384];
static size_t request_len;

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

/* Loopback connects at once or is refused. */
static void start_client(struct client *client)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
	                              .sin_port = htons((uint16_t)port),
	                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0 ||
	    connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		fail("connect");
	(void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (send(client->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len)
		fail("send");
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event) != 0)
		fail("epoll");
	started++;
}

static void end_client(struct client *client)
{
	(void)close(client->fd);
	client->over = true;
	over++;
	if (!client->open)
		opened++; /* counted, so that nobody waits for it; it is not done */
}

static void take_stamp(const char *digits, uint64_t now)
{
	uint64_t sent = strtoull(digits, NULL, 10);

	if (measuring && latency_count < LATENCIES && now > sent)
		latencies_us[latency_count++] = (uint32_t)((now - sent) / 1000);
}

/* Finds the stamps, " t=NANOSECONDS;"; one that is cut off is kept for the next piece. */
static void take_bytes(struct client *client, char *bytes, size_t len, uint64_t now)
{
	const char *at = bytes, *end = bytes + len, *stamp;

	while ((stamp = memmem(at, (size_t)(end - at), " t=", 3)) != NULL) {
		const char *close = memchr(stamp, ';', (size_t)(end - stamp));
		if (close == NULL)
			break;
		if (!client->open) {
			client->open = true;
			opened++;
		}
		take_stamp(stamp + 3, now);
		at = close + 1;
	}
	if (memmem(at, (size_t)(end - at), "data: [DONE]", 12) != NULL && !client->done) {
		client->done = true;
		done++;
		end_client(client);
		return;
	}
	size_t left = size_min((size_t)(end - at), TAIL);
	memcpy(client->tail, end - left, left);
	client->tail_len = left;
}

static void readable(struct client *client, uint64_t now)
{
	static char buffer[TAIL + 65536 + 1];

	memcpy(buffer, client->tail, client->tail_len);
	ssize_t got = recv(client->fd, buffer + client->tail_len, 65536, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		end_client(client);
		return;
	}
	size_t len = client->tail_len + (size_t)got;
	buffer[len] = '\0';
	take_bytes(client, buffer, len, now);
}

/* Until that many are over, or that time has come. */
static void turn(int timeout_ms)
{
	struct epoll_event ready[EVENTS];
	int count = epoll_wait(epoll_fd, ready, EVENTS, timeout_ms);

	for (int i = 0; i < count; i++) {
		struct client *client = ready[i].data.ptr;
		if (!client->over)
			readable(client, now_ns());
	}
}

static int compare(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

/* The streams are read meanwhile: what waits in a socket would look late. */
static void obey(const char *order)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[64];

	while (poll(&input, 1, 0) == 0)
		turn(5);
	if (fgets(line, sizeof(line), stdin) == NULL || strncmp(line, order, strlen(order)) != 0)
		exit(EXIT_FAILURE);
}

static void measure(uint64_t window_ns)
{
	uint64_t end = now_ns() + window_ns, now;

	measuring = true;
	while ((now = now_ns()) < end)
		turn((int)((end - now) / 1000000u) + 1);
	measuring = false;
	qsort(latencies_us, latency_count, sizeof(*latencies_us), compare);
	size_t last = latency_count == 0 ? 0 : latency_count - 1;
	(void)printf("{\"events\":%zu,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n", latency_count,
	             latencies_us[last / 2], latencies_us[last * 99 / 100], latencies_us[last]);
	(void)fflush(stdout);
}

static void open_all(void)
{
	uint64_t limit = now_ns() + (uint64_t)OPEN_LIMIT_MS * 1000000u;

	while (opened < wanted && now_ns() < limit) {
		while (started < wanted && started - opened < AT_ONCE)
			start_client(&clients[started]);
		turn(100);
	}
	(void)printf("open %zu\n", opened - over);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	static const char body[] =
	    "{\"model\":\"coder\",\"stream\":true,\"stream_options\":{\"include_usage\":true},"
	    "\"max_tokens\":400,\"temperature\":0.7,\"messages\":[{\"role\":\"system\",\"content\":"
	    "\"%s\"},{\"role\":\"user\",\"content\":\"Say something at length.\"}]}";
	static char text[1100], whole[2000];
	struct rlimit limit;

	if (argc != 5)
		return EXIT_FAILURE;
	port = atoi(argv[1]);
	wanted = strtoul(argv[2], NULL, 10);
	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 7; i < sizeof(text) - 1; i += 8)
		text[i] = ' ';
	int len = snprintf(whole, sizeof(whole), body, text);
	request_len =
	    (size_t)snprintf(request, sizeof(request),
	                     "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\n"
	                     "content-type: application/json\r\n%scontent-length: %d\r\n\r\n%s",
	                     argv[4], len, whole);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	clients = memory_new_array(wanted, sizeof(*clients));
	latencies_us = memory_new_array(LATENCIES, sizeof(*latencies_us));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	open_all();
	obey("measure");
	measure(strtoull(argv[3], NULL, 10) * 1000000u);
	obey("finish");
	uint64_t end = now_ns() + 60000000000u;
	while (over < wanted && now_ns() < end)
		turn(100);
	(void)printf("{\"done\":%zu,\"of\":%zu}\n", done, wanted);
	return EXIT_SUCCESS;
}
