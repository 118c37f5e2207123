/*
 * The ledger: one row an attempt, in SQLite. Workers submit from their threads; one thread writes,
 * many rows a commit, and tells each worker on its own loop what became of its row.
 *
 * Promises: a row that was told `true` survives kill -9 and (synchronous FULL) a power cut. A row
 * is never there twice: (request_id, attempt) is unique, and writing it again changes nothing. A
 * row that can't be written now (disk full, database locked or broken) stays queued and is tried
 * again until it is written or the process ends; what is lost then is logged, row by row.
 */
#ifndef PROVISO_PROXY_LEDGER_H
#define PROVISO_PROXY_LEDGER_H

#include "harness/base/loop.h"
#include "harness/run/config/config.h"
#include "proxy/ledger/ledger_row.h"

struct ledger;

enum {
	LEDGER_BATCH_MAX = 200,    /* rows of one commit */
	LEDGER_QUEUE_MAX = 100000, /* records that wait; more are refused and logged */
	LEDGER_RELAXED_MS = 50,    /* `relaxed`: a row is on disk after so long at most */
	LEDGER_TEXT_MAX = 4096,    /* of one text column; longer ones are cut between characters */
};

/*
 * Opens or makes the database (mode 0600), takes it for this process (a second proxy on the same
 * file is refused), settles what a crash left open, and starts the thread. config.ledger.path must
 * be there; nothing of the config is kept. Main thread.
 */
MUST_CHECK bool ledger_open(const struct config *config, struct ledger **out, struct fault *fault);
/*
 * Writes what is queued (a database that fails is tried for five seconds more), ends the thread.
 * Every port must be freed before. NULL is fine.
 */
void ledger_close(struct ledger *ledger);
/* Durability, retention and content of a new config; its path can't change while it runs. */
void ledger_reconfigure(struct ledger *ledger, const struct config_ledger *config);

/*
 * Any thread: whether the last commit went well. False: why, for /readyz and the log, cut to
 * `size` bytes. A strict proxy refuses new requests then (503).
 */
MUST_CHECK bool ledger_is_well(struct ledger *ledger, char *why, size_t size);
/* Records that wait, for /metrics. */
MUST_CHECK size_t ledger_queued(struct ledger *ledger);

/* A worker's door to the ledger; made and freed on the worker's thread. */
struct ledger_port;
MUST_CHECK struct ledger_port *ledger_port_new(struct ledger *ledger, struct loop *loop);
/* Tickets that are still out are told nothing any more. NULL is fine. */
void ledger_port_free(struct ledger_port *port);

/*
 * Embedded in whoever waits, zeroed but for the first two. `done` is called once, on the port's
 * loop, never from within ledger_begin or ledger_write; until then the ticket must stay where it
 * is, unless forgotten.
 */
struct ledger_ticket {
	void (*done)(void *context, bool on_disk);
	void *context;
	/* the ledger's */
	struct ledger_record *record; /* NULL: written, or told at once */
	struct ledger_ticket *next;
	bool told, on_disk; /* told: it waits in its port */
};
/* done will not be called; the row is written all the same. Worker's thread. */
void ledger_ticket_forget(struct ledger_port *port, struct ledger_ticket *ticket);

/*
 * Before an attempt under a budget is sent: what is known of it, with charged_pico_usd what was
 * reserved. `done(true)`: it may be sent. A crash from here on leaves a row with that cost
 * (cost_source "estimated", outcome "cut"): the next ledger_open writes it. `relaxed` does not
 * wait: done comes at once. row->begun names it from now on, for ledger_write or ledger_abandon.
 *
 * All texts are copied; ticket NULL: nobody waits. Worker's thread.
 */
void ledger_begin(struct ledger_port *port, struct ledger_row *row, struct ledger_ticket *ticket);
/* The attempt that was begun is not sent after all: forgets it. */
void ledger_abandon(struct ledger_port *port, const struct ledger_row *row);

/* What was said, where the config keeps it; data NULL: nothing. */
struct ledger_content {
	struct text request, response; /* bodies as the client sent and got them */
	bool redact;                   /* by the rules, before it is on disk */
};
enum { LEDGER_CONTENT_MAX = 1 << 20 }; /* of each; the rest is cut */
/* What the config says of requests whose key says nothing of it; any thread. */
MUST_CHECK enum config_content ledger_content_kept(struct ledger *ledger);

/*
 * The attempt is over. strict: done(true) once the row is on disk; done(false) where the commit
 * failed (it stays queued). relaxed: done(true) in the next turn. Content: NULL for none; copied.
 */
void ledger_write(struct ledger_port *port, const struct ledger_row *row,
                  const struct ledger_content *content, struct ledger_ticket *ticket);

#endif
