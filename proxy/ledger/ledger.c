/* The workers' side of the ledger: records, ports, tickets; see ledger.h. */
#include "proxy/ledger/ledger_private.h"

#include "harness/base/log.h"
#include "harness/base/redact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

void ledger_hold(struct ledger *ledger)
{
	int failed = pthread_mutex_lock(&ledger->lock);

	REQUIRE(failed == 0);
}

void ledger_let_go(struct ledger *ledger)
{
	int failed = pthread_mutex_unlock(&ledger->lock);

	REQUIRE(failed == 0);
}

/* --- open and close ------------------------------------------------------------------------ */

/* Two writers would each take the other's open attempts for what a crash left. */
static bool take_lock(struct ledger *ledger, struct fault *fault)
{
	char path[FAULT_MESSAGE_BYTES];
	int len = snprintf(path, sizeof(path), "%s.lock", ledger->writer.path);

	if (len < 0 || (size_t)len >= sizeof(path))
		return fault_set(fault, FAULT_INPUT, "the ledger's path is too long");
	ledger->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (ledger->lock_fd < 0)
		return fault_system(fault, errno, "%s can't be opened", path);
	if (flock(ledger->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return fault_set(fault, FAULT_SYSTEM, "%s: another proxy writes this ledger",
		                 ledger->writer.path);
	return true;
}

static void ledger_free(struct ledger *ledger)
{
	ledger_writer_close(&ledger->writer);
	ledger_redactor_close(&ledger->redactor);
	if (ledger->lock_fd >= 0)
		(void)close(ledger->lock_fd);
	memory_free(ledger->writer.path);
	(void)pthread_cond_destroy(&ledger->changed);
	(void)pthread_mutex_destroy(&ledger->lock);
	memory_free(ledger);
}

static void init_lock(struct ledger *ledger)
{
	pthread_condattr_t clock;

	int failed = pthread_mutex_init(&ledger->lock, NULL) | pthread_condattr_init(&clock) |
	             pthread_condattr_setclock(&clock, CLOCK_MONOTONIC) |
	             pthread_cond_init(&ledger->changed, &clock);
	REQUIRE(failed == 0);
	(void)pthread_condattr_destroy(&clock);
}

bool ledger_open(const struct config *config, struct ledger **out, struct fault *fault)
{
	struct ledger *ledger = memory_new(sizeof(*ledger));
	struct text path = config->ledger.path;
	int64_t recovered = 0;

	REQUIRE(path.data != NULL);
	init_lock(ledger);
	ledger->lock_fd = -1;
	ledger->queue_end = &ledger->queue;
	ledger->writer.path = memory_new(path.len + 1);
	memcpy(ledger->writer.path, path.data, path.len);
	ledger_reconfigure(ledger, &config->ledger);
	if (!ledger_redactor_open(&ledger->redactor, fault) || !take_lock(ledger, fault) ||
	    !ledger_writer_open(&ledger->writer, fault) ||
	    !ledger_writer_recover(&ledger->writer, &recovered, fault)) {
		ledger_free(ledger);
		return fault_within(fault, "opening the ledger");
	}
	if (recovered > 0)
		log_warn("ledger.recovered", "attempts=%lld outcome=cut cost=as_reserved",
		         (long long)recovered);
	int failed = pthread_create(&ledger->thread, NULL, ledger_thread, ledger);
	REQUIRE(failed == 0);
	*out = ledger;
	return true;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	ledger_hold(ledger);
	ledger->stopping = true;
	(void)pthread_cond_signal(&ledger->changed);
	ledger_let_go(ledger);
	int failed = pthread_join(ledger->thread, NULL);
	REQUIRE(failed == 0);
	ledger_free(ledger);
}

void ledger_reconfigure(struct ledger *ledger, const struct config_ledger *config)
{
	ledger_hold(ledger);
	ledger->retain_ms = config->retain_ms;
	ledger_let_go(ledger);
	atomic_store(&ledger->durability, config->durability);
	atomic_store(&ledger->content, config->content);
}

bool ledger_is_well(struct ledger *ledger, char *why, size_t size)
{
	ledger_hold(ledger);
	bool well = !ledger->failing;
	if (size > 0)
		(void)snprintf(why, size, "%s", well ? "" : ledger->why);
	ledger_let_go(ledger);
	return well;
}

size_t ledger_queued(struct ledger *ledger)
{
	ledger_hold(ledger);
	size_t queued = ledger->queued;
	ledger_let_go(ledger);
	return queued;
}

enum config_content ledger_content_kept(struct ledger *ledger)
{
	return (enum config_content)atomic_load(&ledger->content);
}

/* --- ports -------------------------------------------------------------------------------------
 */

/* One at a time: a callback may forget the ticket behind it. */
static void woken(void *context)
{
	struct ledger_port *port = context;
	struct ledger *ledger = port->ledger;

	for (;;) {
		ledger_hold(ledger);
		struct ledger_ticket *ticket = port->told;
		if (ticket != NULL) {
			port->told = ticket->next;
			if (port->told == NULL)
				port->told_end = &port->told;
			ticket->next = NULL;
			ticket->told = false;
		}
		ledger_let_go(ledger);
		if (ticket == NULL)
			return;
		ticket->done(ticket->context, ticket->on_disk);
	}
}

struct ledger_port *ledger_port_new(struct ledger *ledger, struct loop *loop)
{
	struct ledger_port *port = memory_new(sizeof(*port));

	port->ledger = ledger;
	port->told_end = &port->told;
	port->wake = loop_wake_new(loop, woken, port);
	return port;
}

static void forget_port(struct ledger_record *records, const struct ledger_port *port)
{
	for (struct ledger_record *record = records; record != NULL; record = record->next) {
		if (record->port == port) {
			record->port = NULL;
			record->ticket = NULL;
		}
	}
}

void ledger_port_free(struct ledger_port *port)
{
	if (port == NULL)
		return;
	ledger_hold(port->ledger);
	forget_port(port->ledger->queue, port);
	forget_port(port->ledger->batch, port);
	ledger_let_go(port->ledger);
	loop_wake_free(port->wake);
	memory_free(port);
}

void ledger_ticket_forget(struct ledger_port *port, struct ledger_ticket *ticket)
{
	ledger_hold(port->ledger);
	if (ticket->record != NULL) {
		ticket->record->port = NULL;
		ticket->record->ticket = NULL;
		ticket->record = NULL;
	}
	if (ticket->told) {
		struct ledger_ticket **link = &port->told;
		while (*link != ticket)
			link = &(*link)->next;
		*link = ticket->next;
		if (*link == NULL)
			port->told_end = link;
		ticket->told = false;
	}
	ledger_let_go(port->ledger);
}

void ledger_tell(struct ledger_record *record, bool on_disk)
{
	struct ledger_ticket *ticket = record->ticket;
	struct ledger_port *port = record->port;

	record->ticket = NULL;
	record->port = NULL;
	if (ticket == NULL)
		return;
	ticket->record = NULL;
	ticket->on_disk = on_disk;
	ticket->told = true;
	ticket->next = NULL;
	*port->told_end = ticket;
	port->told_end = &ticket->next;
	loop_wake_send(port->wake);
}

/* --- records ----------------------------------------------------------------------------------
 */

static struct text *text_of_row(struct ledger_row *row, size_t column)
{
	return (struct text *)(void *)((char *)row + ledger_columns[column].offset);
}

/* Cut to `max` bytes, between characters. */
static struct text cut(struct text view, size_t max)
{
	if (view.len <= max)
		return view;
	while (max > 0 && ((unsigned char)view.data[max] & 0xc0) == 0x80)
		max--;
	return text_slice(view, 0, max);
}

static void move_in(struct text *view, char **room)
{
	if (view->data == NULL)
		return;
	if (view->len > 0)
		memcpy(*room, view->data, view->len);
	view->data = *room;
	*room += view->len;
}

static struct ledger_record *record_new(enum record_kind kind, const struct ledger_row *row,
                                        const struct ledger_content *content)
{
	struct ledger_row cut_row = *row;
	struct ledger_content said = content == NULL ? (struct ledger_content){0} : *content;
	size_t size = sizeof(struct ledger_record);

	said.request = cut(said.request, LEDGER_CONTENT_MAX);
	said.response = cut(said.response, LEDGER_CONTENT_MAX);
	for (size_t i = 0; i < LEDGER_COLUMNS; i++) {
		if (ledger_columns[i].kind != LEDGER_TEXT)
			continue;
		struct text *field = text_of_row(&cut_row, i);
		*field = cut(*field, LEDGER_TEXT_MAX);
		size += field->len;
	}
	struct ledger_record *record = memory_new(size + said.request.len + said.response.len);
	char *room = (char *)(record + 1);
	*record = (struct ledger_record){.kind = kind, .row = cut_row, .content = said};
	for (size_t i = 0; i < LEDGER_COLUMNS; i++)
		if (ledger_columns[i].kind == LEDGER_TEXT)
			move_in(text_of_row(&record->row, i), &room);
	move_in(&record->content.request, &room);
	move_in(&record->content.response, &room);
	/* A key that a provider's error echoed must not be kept. */
	(void)redact_bytes((char *)(record + 1), (size_t)(room - (char *)(record + 1)));
	return record;
}

/* relaxed: whoever waits need not. A queue that is full takes nothing: said, never silent. */
static void submit(struct ledger_port *port, struct ledger_record *record,
                   struct ledger_ticket *ticket)
{
	struct ledger *ledger = port->ledger;

	if (ticket != NULL) {
		record->port = port;
		record->ticket = ticket;
		ticket->record = record;
		ticket->told = false;
	}
	ledger_hold(ledger);
	bool full = ledger->queued >= LEDGER_QUEUE_MAX;
	if (full || atomic_load(&ledger->durability) == CONFIG_RELAXED)
		ledger_tell(record, !full);
	if (!full) {
		*ledger->queue_end = record;
		ledger->queue_end = &record->next;
		ledger->queued++;
		(void)pthread_cond_signal(&ledger->changed);
	}
	ledger_let_go(ledger);
	if (!full)
		return;
	log_error("ledger.full", "lost_request=%.*s attempt=%lld target=%.*s cost_pico_usd=%lld",
	          TEXT_ARG(record->row.request_id), (long long)record->row.attempt,
	          TEXT_ARG(record->row.target), (long long)record->row.cost_pico_usd);
	memory_free(record);
}

void ledger_begin(struct ledger_port *port, struct ledger_row *row, struct ledger_ticket *ticket)
{
	row->begun = atomic_fetch_add(&port->ledger->begun, 1) + 1;
	submit(port, record_new(RECORD_BEGIN, row, NULL), ticket);
}

void ledger_abandon(struct ledger_port *port, const struct ledger_row *row)
{
	submit(port, record_new(RECORD_ABANDON, row, NULL), NULL);
}

void ledger_write(struct ledger_port *port, const struct ledger_row *row,
                  const struct ledger_content *content, struct ledger_ticket *ticket)
{
	submit(port, record_new(RECORD_WRITE, row, content), ticket);
}
