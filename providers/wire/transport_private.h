/* The parts of the transport: shards, sockets and transfers; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_TRANSPORT_PRIVATE_H
#define PROVISO_PROVIDERS_TRANSPORT_PRIVATE_H

#include "providers/wire/transport.h"

#include <curl/curl.h>
#include <sys/types.h>

struct transport_sockets;

/*
 * One of libcurl's multi handles. There are several, because libcurl looks at all
 * connections of a handle to the same host whenever a transfer starts.
 */
struct shard {
	struct transport *transport;
	CURLM *multi;
	size_t active;
	struct loop_timer timer; /* what libcurl asked to be woken for */
	bool kick_deferred;
};

enum {
	TRANSPORT_MAGIC = 0x7a4590a7,
	TRANSFER_MAGIC = 0x7a45fe30,
	TRANSPORT_SHARDS = 16,
	TRANSPORT_KEPT_SHARD =
	    TRANSPORT_SHARDS, /* for `kept` requests: nobody else's connections */
	TRANSPORT_ALL_SHARDS,
	TRANSPORT_HEAD_MAX_BYTES = 64 << 10, /* twice what any provider was seen to send */
	TRANSPORT_HEAD_MAX_FIELDS = 256,
};

struct transport {
	uint32_t magic;
	struct loop *loop;
	struct shard shards[TRANSPORT_ALL_SHARDS];
	struct transport_sockets *sockets;
	const char *ca_file; /* NULL: the system's, or SSL_CERT_FILE's */
	/* Ready to be used again, with their easy handles; apart, those that read in small pieces.
	 */
	struct transfer_pool {
		struct transfer *first;
		size_t count;
	} idle[2];
	size_t in_flight;
	bool freed; /* by its owner; nothing is started any more */
};

enum transfer_phase {
	TRANSFER_CONNECTING, /* resolving, TCP, TLS */
	TRANSFER_WAITING,    /* connected; no byte of the body yet */
	TRANSFER_READING,
};

struct transfer {
	uint32_t magic;
	struct transport *transport;
	struct shard *shard;
	struct transfer *next; /* while idle */
	CURL *easy;
	CURLU *url; /* where the handle's last request went, taken apart; NULL: none */
	struct text_buf url_text; /* the same as it was given */
	bool trickles; /* for its life: libcurl keeps a handle's buffer, whatever is asked next */
	struct transport_sink sink;
	struct transport_limits limits;

	/* The request's header lines, the key among them: overwritten at the end. */
	struct text_buf header_bytes;
	struct curl_slist *header_nodes; /* owned array */
	size_t header_room;
	bool other_encoding; /* than identity was asked for */
	bool other_version;  /* than HTTP/1.1, on a connection of its own */
	bool expects;        /* 100 Continue */
	bool resent;         /* kept open from before, the connection broke without an answer */

	struct text_buf head; /* raw lines of the response's header section */
	bool head_done;
	size_t body_len;
	char error[CURL_ERROR_SIZE];

	enum transfer_phase phase;
	struct loop_timer timer;
	int64_t started_us;
	int64_t phase_end_us; /* INT64_MAX: none */
	int64_t total_end_us;

	int left_fd;      /* the connection that libcurl waits for no more; -1: none yet */
	ino_t left_inode; /* whether that number still means it */

	bool running;   /* between start and end */
	bool cancelled; /* no callbacks but the end from now on */
	bool paused;    /* by our user */
	bool held;      /* by libcurl, because a write was answered with "pause" */
	bool resume;    /* to be done by the deferred work */
	bool deferred;  /* work is queued; the transfer can't be reused before it ran */

	/* What we decided ourselves, before libcurl could say anything; detail NULL: nothing. */
	enum exchange_end failed;
	const char *failed_detail;
};

/* --- transport_socket.c: libcurl's sockets on the loop --- */

MUST_CHECK struct transport_sockets *transport_sockets_new(void);
/* All connections are closed before. */
void transport_sockets_free(struct transport_sockets *sockets);
/* Lets libcurl ask this shard's loop for its sockets. */
void transport_sockets_attach(struct shard *shard);
/* Makes the easy handle open and close its sockets by us. */
void transport_sockets_adopt(struct shard *shard, CURL *easy);

/* The transfer has ended: its connection, where it is kept, is idle from here on. */
void transport_sockets_leave(struct transfer *transfer);

/* --- transport.c --- */

/* Ends what libcurl says is done. After every call into libcurl that may get on with transfers. */
void transport_harvest(struct shard *shard);

/* --- transport_transfer.c: one transfer --- */

MUST_CHECK struct transfer *transfer_new(struct transport *transport, bool trickles);
void transfer_free(struct transfer *transfer);
/* Ready for the next request; what was secret is overwritten. */
void transfer_reset(struct transfer *transfer);
/* `from` and so long, or INT64_MAX for 0 (no limit) and where it does not fit. */
MUST_CHECK int64_t transfer_deadline_us(int64_t from_us, int64_t timeout_ms);
/* Starts the clock of that phase. */
void transfer_enter(struct transfer *transfer, enum transfer_phase phase);
/* Takes it out of libcurl, tells the end, and gives it back. Never within a callback of libcurl. */
void transfer_finish(struct transfer *transfer, enum exchange_end end, const char *detail);

/* How it ends, whatever libcurl says when it returns; `detail` outlives the transfer. */
void transfer_fail(struct transfer *transfer, enum exchange_end end, const char *detail);

/* --- transport_request.c: a request as libcurl wants it --- */

/* Sets the request; false where libcurl refuses it (`failed` says why). */
MUST_CHECK bool transfer_prepare(struct transfer *transfer, const struct wire_request *request,
                                 const struct secret *key);
/* HTTP/2 on a connection of its own, or HTTP/1.1 as all others. */
CURLcode transfer_set_version(struct transfer *transfer, bool http2);

/* --- transport_end.c --- */

/* What libcurl's verdict means. */
MUST_CHECK enum exchange_end transport_end(const struct transfer *transfer, CURLcode code);

#endif
