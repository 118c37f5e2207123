/*
 * libcurl's sockets on libuv's loop.
 *
 * libcurl forgets a socket after each transfer and asks for it again with the next
 * one. We keep it armed meanwhile: on a connection that is kept alive, a request
 * then costs no epoll_ctl at all. One that becomes readable while nobody wants it
 * is disarmed; and nothing is asked on it any more, unless it was only paused.
 *
 * A descriptor that is closed while libuv still has it in its books ends the
 * process, and of another of that number libuv wants to know nothing. So only those
 * are kept whose closing we are sure to be told: opened by us, and connected. One that
 * is still connecting libcurl 7.88 closes by itself, and forgets it only then; where its
 * rival was faster (IPv4 against IPv6), the transfer is connected by that time.
 */
#include "providers/wire/transport_private.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

struct transport_socket {
	uv_poll_t poll;
	struct shard *shard;
	curl_socket_t fd;
	int armed;   /* UV_READABLE, UV_WRITABLE: what epoll waits for */
	int wanted;  /* what libcurl waits for; 0: nothing, the connection is idle or paused */
	bool idle;   /* nothing is asked on it: what comes is nobody's answer */
	bool told;   /* connected: its closing goes through socket_close */
	ino_t inode; /* of one opened by us: does its number still mean this socket? else 0 */
};

struct transport_sockets {
	struct transport_socket **by_fd;
	size_t room;
};

enum { SOCKETS_FIRST = 64 };

struct transport_sockets *transport_sockets_new(void)
{
	return memory_new(sizeof(struct transport_sockets));
}

static struct transport_socket *find(const struct transport_sockets *sockets, curl_socket_t fd)
{
	REQUIRE(fd >= 0);
	return (size_t)fd < sockets->room ? sockets->by_fd[fd] : NULL;
}

static void put(struct transport_sockets *sockets, curl_socket_t fd,
                struct transport_socket *socket)
{
	size_t slot = (size_t)fd;

	if (slot >= sockets->room) {
		size_t room = sockets->room == 0 ? SOCKETS_FIRST : sockets->room;

		while (room <= slot)
			room = size_mul(room, 2);
		sockets->by_fd = memory_resize(sockets->by_fd, size_mul(room, sizeof(socket)));
		memset(sockets->by_fd + sockets->room, 0, (room - sockets->room) * sizeof(socket));
		sockets->room = room;
	}
	sockets->by_fd[slot] = socket;
}

static void closed(uv_handle_t *handle)
{
	memory_free(handle->data);
}

static void forget(struct transport_socket *socket)
{
	put(socket->shard->transport->sockets, socket->fd, NULL);
	uv_close((uv_handle_t *)&socket->poll, closed);
}

void transport_sockets_free(struct transport_sockets *sockets)
{
	for (size_t fd = 0; fd < sockets->room; fd++)
		if (sockets->by_fd[fd] != NULL)
			forget(sockets->by_fd[fd]);
	memory_free(sockets->by_fd);
	memory_free(sockets);
}

static ino_t inode_of(curl_socket_t fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

/* NULL where libuv can't watch it. */
static struct transport_socket *watch(struct shard *shard, curl_socket_t fd, bool ours)
{
	struct transport_socket *stale = find(shard->transport->sockets, fd);

	if (stale != NULL)
		forget(stale); /* the system gave its number away again, so it is closed */
	struct transport_socket *socket = memory_new(sizeof(*socket));
	if (uv_poll_init_socket(loop_uv(shard->transport->loop), &socket->poll, fd) != 0) {
		memory_free(socket);
		return NULL;
	}
	/* Only a socket that somebody waits for is a reason to keep running. */
	uv_unref((uv_handle_t *)&socket->poll);
	socket->poll.data = socket;
	socket->shard = shard;
	socket->fd = fd;
	socket->inode = ours ? inode_of(fd) : 0;
	put(shard->transport->sockets, fd, socket);
	return socket;
}

static void disarm(struct transport_socket *socket)
{
	(void)uv_poll_stop(&socket->poll);
	socket->armed = 0;
}

/*
 * libcurl takes what lies in a connection for the answer to what it asks next, and with it the
 * answers of all that follow: each client would get the one before's. Emptied and shut it looks
 * closed to libcurl, which then connects anew. What comes late is reset by the system.
 */
static void spoil(const struct transport_socket *socket)
{
	char bytes[4096];
	ssize_t got;

	(void)shutdown(socket->fd, SHUT_RDWR);
	do
		got = recv(socket->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	while (got > 0 || (got < 0 && errno == EINTR));
}

static void arm(struct transport_socket *socket);

static void ready(uv_poll_t *poll, int status, int events)
{
	struct transport_socket *socket = poll->data;
	struct shard *shard = socket->shard;
	curl_socket_t fd = socket->fd;
	int flags = 0, running;

	if (status < 0)
		socket->armed = 0; /* libuv has stopped it */
	if (socket->wanted == 0) {
		/* Closed by the provider while idle, or paused: libcurl looks when it returns. */
		disarm(socket);
		if (socket->idle && (status < 0 || (events & UV_READABLE) != 0))
			spoil(socket);
		return;
	}
	/*
	 * libuv says no more than "error" of a reset connection, but what came before
	 * the reset can still be read: libcurl shall try, and find the error itself.
	 */
	if (status < 0)
		events = socket->wanted;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	(void)curl_multi_socket_action(shard->multi, fd, flags, &running);
	/* Still there (its memory lives at least as long as this turn), and wanted as before. */
	if (find(shard->transport->sockets, fd) == socket)
		arm(socket);
	transport_harvest(shard);
}

static void arm(struct transport_socket *socket)
{
	if (socket->wanted != 0 && socket->armed != socket->wanted &&
	    uv_poll_start(&socket->poll, socket->wanted, ready) == 0)
		socket->armed = socket->wanted;
}

static void want(struct transport_socket *socket, int events)
{
	socket->wanted = events;
	socket->idle = false;
	if (events == 0) {
		uv_unref((uv_handle_t *)&socket->poll);
		return;
	}
	uv_ref((uv_handle_t *)&socket->poll);
	arm(socket);
}

/* NULL for a handle of libcurl's own. */
static struct transfer *transfer_of(CURL *easy)
{
	char *private = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	return (struct transfer *)(void *)private;
}

/* Asked when libcurl forgets it. */
static bool may_be_kept(struct transport_socket *socket, const struct transfer *transfer)
{
	if (socket->inode == 0 || transfer == NULL || transfer->phase == TRANSFER_CONNECTING)
		return false;
	if (!socket->told)
		socket->told = inode_of(socket->fd) == socket->inode;
	return socket->told;
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context,
                         void *assigned UNUSED)
{
	struct shard *shard = context;
	struct transfer *transfer = transfer_of(easy);
	struct transport_socket *socket = find(shard->transport->sockets, fd);
	int events = 0;

	if (what == CURL_POLL_REMOVE || what == CURL_POLL_NONE) {
		if (socket != NULL && may_be_kept(socket, transfer)) {
			transfer->left_fd = fd;
			transfer->left_inode = socket->inode;
			want(socket, 0);
		} else if (socket != NULL) {
			forget(socket);
		}
		return 0;
	}
	if (socket == NULL)
		socket = watch(shard, fd, false);
	if (socket == NULL)
		return -1;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= UV_READABLE;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= UV_WRITABLE;
	want(socket, events);
	return 0;
}

void transport_sockets_leave(struct transfer *transfer)
{
	struct transport_socket *socket = NULL;
	char byte;

	if (transfer->left_fd >= 0)
		socket = find(transfer->transport->sockets, transfer->left_fd);
	transfer->left_fd = -1;
	/* Closed, and perhaps another's by now. */
	if (socket == NULL || socket->inode != transfer->left_inode || socket->wanted != 0)
		return;
	socket->idle = true;
	/* Who asks next may do so before the loop has looked. */
	if (recv(socket->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		spoil(socket);
	else if (socket->armed == 0 && uv_poll_start(&socket->poll, UV_READABLE, ready) == 0)
		socket->armed = UV_READABLE; /* it was paused, and more came */
}

static curl_socket_t socket_open(void *context, curlsocktype purpose UNUSED,
                                 struct curl_sockaddr *address)
{
	int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	if (fd >= 0 && watch(context, fd, true) == NULL) {
		(void)close(fd);
		return CURL_SOCKET_BAD;
	}
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int socket_close(void *context, curl_socket_t fd)
{
	struct shard *shard = context;
	struct transport_socket *socket = find(shard->transport->sockets, fd);

	if (socket != NULL)
		forget(socket);
	return close(fd);
}

void transport_sockets_attach(struct shard *shard)
{
	(void)curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	(void)curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard);
}

void transport_sockets_adopt(struct shard *shard, CURL *easy)
{
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
	(void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, shard);
	(void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
	(void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, shard);
}
