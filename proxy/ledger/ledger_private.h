/* The parts of the ledger; nobody else includes this. */
#ifndef PROVISO_PROXY_LEDGER_PRIVATE_H
#define PROVISO_PROXY_LEDGER_PRIVATE_H

#include "proxy/ledger/ledger.h"
#include "proxy/ledger/store_sqlite.h"

#include <pthread.h>
#include <stdatomic.h>

enum record_kind { RECORD_BEGIN, RECORD_ABANDON, RECORD_WRITE };

/* One block of memory: texts lie behind it. */
struct ledger_record {
	enum record_kind kind;
	struct ledger_record *next;
	struct ledger_port *port;     /* NULL: nobody waits (any more) */
	struct ledger_ticket *ticket; /* the same */
	struct ledger_row row;
	struct ledger_content content;
};

struct ledger_port {
	struct ledger *ledger;
	struct loop_wake *wake;
	struct ledger_ticket *told, **told_end; /* under the ledger's lock */
};

/* The writer's statements; the thread's alone. */
struct ledger_writer {
	char *path;          /* owned */
	struct store *store; /* NULL: not open */
	struct store_query *insert, *begin, *forget, *content, *start, *commit;
};

enum { LEDGER_REDACT_RULES = 7 };
struct regex;
struct ledger_redactor {
	struct regex *rules[LEDGER_REDACT_RULES];
};

struct ledger {
	pthread_mutex_t lock; /* of all below but the writer */
	pthread_cond_t changed;
	struct ledger_record *queue, **queue_end;
	struct ledger_record *batch; /* being written, or tried again */
	size_t queued;               /* both */
	bool stopping, failing;
	char why[FAULT_MESSAGE_BYTES];
	int64_t retain_ms;
	_Atomic int durability, content;
	_Atomic int64_t begun; /* attempts: the last one's number */
	pthread_t thread;
	int lock_fd;
	struct ledger_writer writer;
	struct ledger_redactor redactor;
};

/* ledger_write.c: the SQL */
MUST_CHECK bool ledger_writer_open(struct ledger_writer *writer, struct fault *fault);
void ledger_writer_close(struct ledger_writer *writer);
/* Settles what a crash left; *count rows were made of it. */
MUST_CHECK bool ledger_writer_recover(struct ledger_writer *writer, int64_t *count,
                                      struct fault *fault);
/* All of the list in one transaction, or nothing. */
MUST_CHECK bool ledger_writer_commit(struct ledger_writer *writer,
                                     const struct ledger_record *records, struct fault *fault);
/* Some rows older than that, contents first; *more: there may be others. */
MUST_CHECK bool ledger_writer_sweep(struct ledger_writer *writer, int64_t before_wall_ms,
                                    bool *more, struct fault *fault);

/* ledger_redact.c: done is needed either way */
MUST_CHECK bool ledger_redactor_open(struct ledger_redactor *redactor, struct fault *fault);
void ledger_redactor_close(struct ledger_redactor *redactor);
/* Stars what it finds, in place; a body that can't be searched becomes none. */
void ledger_redact(const struct ledger_redactor *redactor, struct text *body);

/* ledger.c: the lock, and under it: the ticket of a record is told. */
void ledger_hold(struct ledger *ledger);
void ledger_let_go(struct ledger *ledger);
void ledger_tell(struct ledger_record *record, bool on_disk);

/* ledger_thread.c */
void *ledger_thread(void *context); /* the ledger */

#endif
