/*
 * The transport where the system is slow: a name that is looked up for long, an address that never
 * answers. Names, and what connects to IPv6, are this program's own.
 */
#include "tests/unit/providers/transport_rig.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

enum { LOOKUP_GUARD_S = 20 }; /* so that what waits for a lookup fails instead of hanging */

static pthread_mutex_t lookup_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t lookup_changed = PTHREAD_COND_INITIALIZER;
static unsigned lookups_begun, lookups_ended;
static bool lookup_may_end;
static int silent_fd; /* the last one that never connects */

static int look_up_slowly(void)
{
	struct timespec end;

	(void)clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += LOOKUP_GUARD_S;
	(void)pthread_mutex_lock(&lookup_lock);
	lookups_begun++;
	while (!lookup_may_end &&
	       pthread_cond_timedwait(&lookup_changed, &lookup_lock, &end) != ETIMEDOUT) {
	}
	lookups_ended++;
	(void)pthread_cond_broadcast(&lookup_changed);
	(void)pthread_mutex_unlock(&lookup_lock);
	return EAI_AGAIN;
}

static struct addrinfo *address_new(const void *bytes, socklen_t size, int family)
{
	struct addrinfo *made = calloc(1, sizeof(*made));

	made->ai_family = family;
	made->ai_socktype = SOCK_STREAM;
	made->ai_protocol = IPPROTO_TCP;
	made->ai_addrlen = size;
	made->ai_addr = calloc(1, size);
	memcpy(made->ai_addr, bytes, size);
	return made;
}

/* "slow.test" is not found, late; any other name has an address of each family. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints UNUSED,
                struct addrinfo **out)
{
	uint16_t port = htons((uint16_t)atoi(service == NULL ? "0" : service));
	struct sockaddr_in6 v6 = {AF_INET6, port, 0, IN6ADDR_LOOPBACK_INIT, 0};
	struct sockaddr_in v4 = {AF_INET, port, {htonl(INADDR_LOOPBACK)}, {0}};

	if (strcmp(name, "slow.test") == 0)
		return look_up_slowly();
	*out = address_new(&v6, sizeof(v6), AF_INET6);
	(*out)->ai_next = address_new(&v4, sizeof(v4), AF_INET);
	return 0;
}

void freeaddrinfo(struct addrinfo *first)
{
	for (struct addrinfo *next; first != NULL; first = next) {
		next = first->ai_next;
		free(first->ai_addr);
		free(first);
	}
}

/* Of IPv6: something that is never writable, as a socket whose SYN nobody answers. */
int socket(int family, int type, int protocol)
{
	const uint64_t full = UINT64_MAX - 1;

	if (family != AF_INET6)
		return (int)syscall(SYS_socket, family, type, protocol);
	silent_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_eq(write(silent_fd, &full, sizeof(full)), sizeof(full));
	return silent_fd;
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	if (address->sa_family != AF_INET6)
		return (int)syscall(SYS_connect, fd, address, size);
	errno = EINPROGRESS;
	return -1;
}

static unsigned locked(const unsigned *count)
{
	(void)pthread_mutex_lock(&lookup_lock);
	unsigned now = *count;
	(void)pthread_mutex_unlock(&lookup_lock);
	return now;
}

static void begin_get_of(struct seen *seen, const char *host)
{
	struct wire_request *request = ARENA_NEW(&arena, struct wire_request);

	request->method = "GET";
	request->url = text_c(&arena, text_format(&arena, "http://%s:%d/", host, server->port));
	begin(seen, request, NULL);
}

/* Whoever leaves does not wait for the system's answer, and nor does anybody else of the loop. */
START_TEST(a_cancelled_transfer_does_not_wait_for_its_name)
{
	struct seen seen = {0};

	lookup_may_end = false;
	lookups_begun = lookups_ended = 0;
	begin_get_of(&seen, "slow.test");
	while (locked(&lookups_begun) == 0)
		(void)loop_turn(loop, false);
	transport_cancel(seen.transfer);
	wait_for_end(&seen);
	ck_assert_uint_eq(locked(&lookups_ended), 0);
	expect_end(&seen, EXCHANGE_CANCELLED);

	(void)pthread_mutex_lock(&lookup_lock);
	lookup_may_end = true;
	(void)pthread_cond_broadcast(&lookup_changed);
	while (lookups_ended == 0)
		(void)pthread_cond_wait(&lookup_changed, &lookup_lock);
	(void)pthread_mutex_unlock(&lookup_lock);
	forget(&seen);
}
END_TEST

/*
 * The address that did not answer is given up when the other one did, and its descriptor's number
 * is the next that the system gives away: to a client of the proxy, which libuv must take.
 */
START_TEST(an_address_that_loses_leaves_nothing_behind)
{
	struct seen seen = {0};
	uv_poll_t poll;

	silent_fd = -1;
	script_server_answer(server, TEXT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
	                     SCRIPT_KEEP);
	begin_get_of(&seen, "two.test");
	wait_for_end(&seen);
	expect_end(&seen, EXCHANGE_COMPLETE);
	ck_assert_int_ge(silent_fd, 0);
	int next = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(next, silent_fd);
	ck_assert_int_eq(uv_poll_init_socket(loop_uv(loop), &poll, next), 0);
	uv_close((uv_handle_t *)&poll, NULL);
	(void)loop_turn(loop, false);
	(void)close(next);
	forget(&seen);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_cancelled_transfer_does_not_wait_for_its_name);
	tcase_add_test(cases, an_address_that_loses_leaves_nothing_behind);
}

int main(void)
{
	return unit_main_apart("transport_system", add);
}
