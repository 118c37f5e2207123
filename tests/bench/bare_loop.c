/* libcurl alone, as the floor to compare with. */
#include "tests/bench/bare_loop.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64 };

struct bare {
	int epoll;
	long timeout_ms;
	CURLM *multi;
	const struct bare_job *job;
	size_t begun, done, wanted;
	size_t bytes;
};

static void fail(const char *what)
{
	(void)fprintf(stderr, "libcurl alone: %s\n", what);
	exit(EXIT_FAILURE);
}

static size_t body_came(char *bytes UNUSED, size_t size, size_t count, void *context)
{
	struct bare *bare = context;

	bare->bytes += size * count;
	return size * count;
}

static int socket_wanted(CURL *easy UNUSED, curl_socket_t fd, int what, void *context, void *known)
{
	struct bare *bare = context;
	struct epoll_event event = {.data.fd = fd};

	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(bare->epoll, EPOLL_CTL_DEL, fd, NULL);
		(void)curl_multi_assign(bare->multi, fd, NULL);
		return 0;
	}
	event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
	               (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	(void)epoll_ctl(bare->epoll, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
	(void)curl_multi_assign(bare->multi, fd, bare);
	return 0;
}

static int timer_wanted(CURLM *multi UNUSED, long timeout_ms, void *context)
{
	struct bare *bare = context;

	bare->timeout_ms = timeout_ms;
	return 0;
}

static void ask(struct bare *bare, CURL *easy)
{
	if (bare->begun == bare->wanted)
		return;
	const struct bare_request *request = &bare->job->requests[bare->begun++ % bare->job->count];
	(void)curl_easy_setopt(easy, CURLOPT_URL, request->url);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.data);
	(void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
	if (curl_multi_add_handle(bare->multi, easy) != CURLM_OK)
		fail("takes no transfer");
}

static void harvest(struct bare *bare)
{
	CURLMsg *message;
	int queued;

	while ((message = curl_multi_info_read(bare->multi, &queued)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;
		long status = 0;

		(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (result != CURLE_OK)
			fail(curl_easy_strerror(result));
		if (status != 200)
			fail("not every answer is a 200");
		(void)curl_multi_remove_handle(bare->multi, easy);
		bare->done++;
		ask(bare, easy);
	}
}

static void turn(struct bare *bare)
{
	struct epoll_event events[EVENTS];
	int wait_ms = bare->timeout_ms < 0 ? 1000 : (int)bare->timeout_ms;
	int count = epoll_wait(bare->epoll, events, EVENTS, wait_ms), running;

	for (int i = 0; i < count; i++) {
		int flags = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
		            (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);

		(void)curl_multi_socket_action(bare->multi, events[i].data.fd, flags, &running);
	}
	if (bare->timeout_ms == 0 || count == 0)
		(void)curl_multi_socket_action(bare->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	harvest(bare);
}

static CURL *new_easy(struct bare *bare, struct curl_slist *headers)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		fail("no handle");
	(void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_came);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, bare);
	return easy;
}

/* The header lines that our own transport sends. */
static struct curl_slist *header_lines(void)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");

	headers = curl_slist_append(headers, "Accept: application/json");
	headers = curl_slist_append(headers, "Accept-Encoding: identity");
	return curl_slist_append(headers, "Authorization: Bearer " BENCH_KEY);
}

size_t bare_loop_run(const struct bare_job *job)
{
	struct bare bare = {
	    .epoll = epoll_create1(EPOLL_CLOEXEC),
	    .timeout_ms = -1,
	    .multi = curl_multi_init(),
	    .job = job,
	    .wanted = job->count * job->times,
	};
	struct curl_slist *headers = header_lines();
	CURL **handles = memory_new_array(job->parallel, sizeof(*handles));

	(void)curl_multi_setopt(bare.multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	(void)curl_multi_setopt(bare.multi, CURLMOPT_SOCKETDATA, &bare);
	(void)curl_multi_setopt(bare.multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	(void)curl_multi_setopt(bare.multi, CURLMOPT_TIMERDATA, &bare);
	(void)curl_multi_setopt(bare.multi, CURLMOPT_MAXCONNECTS, 1024L);
	for (size_t i = 0; i < job->parallel; i++) {
		handles[i] = new_easy(&bare, headers);
		ask(&bare, handles[i]);
	}
	while (bare.done < bare.wanted)
		turn(&bare);
	for (size_t i = 0; i < job->parallel; i++)
		curl_easy_cleanup(handles[i]);
	(void)curl_multi_cleanup(bare.multi);
	curl_slist_free_all(headers);
	memory_free(handles);
	(void)close(bare.epoll);
	return bare.bytes;
}
