/*
 * The only way out of the process: libcurl's multi_socket interface on the loop.
 * This file drives libcurl; sockets, single transfers and the meaning of their ends
 * have files of their own.
 *
 * HTTP/1.1 also where HTTP/2 could be had: a paused stream then stops at its own
 * socket, and the failure of a connection is the failure of one exchange.
 */
#include "providers/wire/transport_private.h"

enum {
	/* A shard takes this many at once before the next one is opened, so that few
	 * requests share few connections, and many do not wait for each other. */
	SHARD_COMFORTABLE = 64,
	SHARD_CONNECTIONS_KEPT = 1024,
	TRANSFERS_KEPT = 256,
	LIBCURL_OLDEST = 0x075500, /* 7.85: CURLOPT_PROTOCOLS_STR */
};

static const char CANCELLED[] = "cancelled by us";

/* --- driving libcurl --- */

static const char *detail_of(const struct transfer *transfer, CURLcode code)
{
	if (transfer->cancelled)
		return CANCELLED;
	if (transfer->failed_detail != NULL)
		return transfer->failed_detail;
	if (transfer->error[0] != '\0')
		return transfer->error;
	if (code != CURLE_OK)
		return curl_easy_strerror(code);
	return transfer->head_done ? "" : "closed within the header section";
}

void transport_harvest(struct shard *shard)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(shard->multi, &left)) != NULL) {
		char *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		struct transfer *transfer = (struct transfer *)(void *)private;
		REQUIRE(transfer != NULL && transfer->magic == TRANSFER_MAGIC);
		transfer_finish(transfer, transport_end(transfer, code), detail_of(transfer, code));
	}
}

static void shard_timeout(struct shard *shard)
{
	int running;

	(void)curl_multi_socket_action(shard->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	transport_harvest(shard);
}

static void shard_timer_fired(void *context)
{
	shard_timeout(context);
}

static void shard_kicked(void *context)
{
	struct shard *shard = context;

	shard->kick_deferred = false;
	shard_timeout(shard);
}

/*
 * libcurl asks for a timeout of 0 whenever it has more to do. Serving that at once,
 * as often as it asks, would never let the loop get to anything else: once a turn
 * it is, at the end, for which deferring takes care.
 */
static int shard_timer_wanted(CURLM *multi UNUSED, long timeout_ms, void *context)
{
	struct shard *shard = context;
	struct loop *loop = shard->transport->loop;

	if (shard->transport->freed)
		return 0;
	if (timeout_ms > 0) {
		loop_timer_start(loop, &shard->timer, timeout_ms, shard_timer_fired, shard);
		return 0;
	}
	loop_timer_stop(loop, &shard->timer);
	if (timeout_ms == 0 && !shard->kick_deferred) {
		shard->kick_deferred = true;
		loop_defer(loop, shard_kicked, shard);
	}
	return 0;
}

static bool shard_open(struct shard *shard, struct transport *transport)
{
	shard->transport = transport;
	shard->multi = curl_multi_init();
	if (shard->multi == NULL)
		return false;
	transport_sockets_attach(shard);
	(void)curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, shard_timer_wanted);
	(void)curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard);
	/* The default shrinks the pool to four times what happens to be alive. */
	(void)curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, (long)SHARD_CONNECTIONS_KEPT);
	return true;
}

/* The first with room; above that the one that has least to do. */
static struct shard *shard_choose(struct transport *transport)
{
	struct shard *least = &transport->shards[0];

	for (size_t i = 0; i < TRANSPORT_SHARDS; i++) {
		struct shard *shard = &transport->shards[i];

		if (shard->active < SHARD_COMFORTABLE)
			return shard;
		if (shard->active < least->active)
			least = shard;
	}
	return least;
}

static struct shard *shard_for(struct transport *transport, const struct wire_request *request)
{
	if (request->wire != NULL && request->wire->kept)
		return &transport->shards[TRANSPORT_KEPT_SHARD];
	return shard_choose(transport);
}

/* --- the transport --- */

static void transport_close(void *context)
{
	struct transport *transport = context;

	for (size_t i = 0; i < ARRAY_LENGTH(transport->idle); i++) {
		struct transfer *next;

		for (struct transfer *one = transport->idle[i].first; one != NULL; one = next) {
			next = one->next;
			transfer_free(one);
		}
	}
	for (size_t i = 0; i < TRANSPORT_ALL_SHARDS; i++) {
		struct shard *shard = &transport->shards[i];

		if (shard->multi != NULL)
			(void)curl_multi_cleanup(shard->multi);
	}
	/* Closing may have asked for timers once more. */
	for (size_t i = 0; i < TRANSPORT_ALL_SHARDS; i++)
		loop_timer_stop(transport->loop, &transport->shards[i].timer);
	transport_sockets_free(transport->sockets);
	transport->magic = 0;
	memory_free(transport);
	curl_global_cleanup();
}

bool transport_new(struct loop *loop, struct transport **out, struct fault *fault)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fault_set(fault, FAULT_SYSTEM, "libcurl can't be started");
	const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
	if (version->version_num < LIBCURL_OLDEST) {
		curl_global_cleanup();
		return fault_set(fault, FAULT_SYSTEM, "libcurl %s is too old; want 7.85 or newer",
		                 version->version);
	}
	struct transport *transport = memory_new(sizeof(*transport));
	transport->magic = TRANSPORT_MAGIC;
	transport->loop = loop;
	transport->sockets = transport_sockets_new();
	for (size_t i = 0; i < TRANSPORT_ALL_SHARDS; i++) {
		if (!shard_open(&transport->shards[i], transport)) {
			transport->freed = true;
			transport_close(transport);
			return fault_set(fault, FAULT_SYSTEM, "libcurl has no memory");
		}
	}
	*out = transport;
	return true;
}

void transport_trust(struct transport *transport, const char *ca_file)
{
	REQUIRE(transport->magic == TRANSPORT_MAGIC);
	transport->ca_file = ca_file;
}

void transport_free(struct transport *transport)
{
	if (transport == NULL)
		return;
	REQUIRE(transport->magic == TRANSPORT_MAGIC);
	REQUIRE(transport->in_flight == 0 && !transport->freed);
	transport->freed = true;
	/* We may stand within transport_harvest, and kicks may be queued before this. */
	loop_defer(transport->loop, transport_close, transport);
}

/* --- transfers --- */

static void transfer_recycle(struct transfer *transfer)
{
	struct transport *transport = transfer->transport;

	transfer_reset(transfer);
	struct transfer_pool *idle = &transport->idle[transfer->trickles];
	if (idle->count >= TRANSFERS_KEPT) {
		transfer_free(transfer);
		return;
	}
	transfer->next = idle->first;
	idle->first = transfer;
	idle->count++;
}

void transfer_finish(struct transfer *transfer, enum exchange_end end, const char *detail)
{
	struct transport *transport = transfer->transport;

	REQUIRE(transfer->running);
	loop_timer_stop(transport->loop, &transfer->timer);
	(void)curl_multi_remove_handle(transfer->shard->multi, transfer->easy);
	transport_sockets_leave(transfer);
	transfer->shard->active--;
	transfer->running = false;
	transport->in_flight--;
	transfer->sink.end(transfer->sink.context, end, text_of(detail));
	if (!transfer->deferred)
		transfer_recycle(transfer);
}

/* What may not be done within libcurl's callbacks. */
static void transfer_work(void *context)
{
	struct transfer *transfer = context;

	transfer->deferred = false;
	if (!transfer->running) {
		transfer_recycle(transfer);
		return;
	}
	if (transfer->cancelled) {
		transfer_finish(transfer, EXCHANGE_CANCELLED, CANCELLED);
		return;
	}
	if (transfer->failed_detail != NULL) {
		transfer_finish(transfer, transfer->failed, transfer->failed_detail);
		return;
	}
	if (transfer->resume && !transfer->paused) {
		struct shard *shard = transfer->shard;

		transfer->resume = false;
		transfer->held = false;
		/* Hands out what was held back, from within this call. Where that fails (it is
		 * too large) libcurl says so here, and does nothing more for the transfer. */
		CURLcode code = curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
		if (code != CURLE_OK)
			transfer_finish(transfer, transport_end(transfer, code),
			                detail_of(transfer, code));
		transport_harvest(shard);
	}
}

static void transfer_work_later(struct transfer *transfer)
{
	if (transfer->deferred)
		return;
	transfer->deferred = true;
	loop_defer(transfer->transport->loop, transfer_work, transfer);
}

static struct transfer *transfer_take(struct transport *transport, bool trickles)
{
	struct transfer_pool *idle = &transport->idle[trickles];
	struct transfer *transfer = idle->first;

	if (transfer == NULL)
		return transfer_new(transport, trickles);
	idle->first = transfer->next;
	idle->count--;
	transfer->next = NULL;
	return transfer;
}

struct transfer *transport_start(struct transport *transport, const struct wire_request *request,
                                 const struct secret *key, const struct transport_limits *limits,
                                 const struct transport_sink *sink)
{
	REQUIRE(transport->magic == TRANSPORT_MAGIC && !transport->freed);
	struct transfer *transfer = transfer_take(transport, limits->trickles);

	transfer->shard = shard_for(transport, request);
	transfer->sink = *sink;
	transfer->limits = *limits;
	transfer->running = true;
	transfer->started_us = loop_now_us(transport->loop);
	transfer->total_end_us =
	    transfer_deadline_us(transfer->started_us, limits->timeouts.total_ms);
	transport->in_flight++;
	transfer->shard->active++;
	transfer_enter(transfer, TRANSFER_CONNECTING);
	transport_sockets_adopt(transfer->shard, transfer->easy);
	bool good = transfer_prepare(transfer, request, key);
	if (good && curl_multi_add_handle(transfer->shard->multi, transfer->easy) != CURLM_OK) {
		transfer->failed = EXCHANGE_CONNECT_FAILED;
		transfer->failed_detail = "libcurl takes no more transfers";
		good = false;
	}
	if (!good)
		transfer_work_later(transfer);
	return transfer;
}

bool transport_reused(const struct transfer *transfer)
{
	long made = 1;

	REQUIRE(transfer->magic == TRANSFER_MAGIC);
	/* Where libcurl was about to send again it has connected anew by now. */
	return transfer->resent ||
	       (curl_easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &made) == CURLE_OK &&
	        made == 0);
}

void transport_cancel(struct transfer *transfer)
{
	REQUIRE(transfer->magic == TRANSFER_MAGIC && transfer->running);
	transfer->cancelled = true;
	transfer_work_later(transfer);
}

void transport_pause(struct transfer *transfer)
{
	REQUIRE(transfer->magic == TRANSFER_MAGIC && transfer->running);
	transfer->paused = true;
}

void transport_resume(struct transfer *transfer)
{
	REQUIRE(transfer->magic == TRANSFER_MAGIC && transfer->running);
	if (!transfer->paused)
		return;
	transfer->paused = false;
	/* The provider could not send while we did not read. */
	transfer_enter(transfer, transfer->phase);
	if (transfer->held) {
		transfer->resume = true;
		transfer_work_later(transfer);
	}
}
