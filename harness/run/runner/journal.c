/*
 * Writing the journal; see journal.h. Reading: journal_read.c; what a line is made
 * of: journal_line.c.
 */
#include "harness/run/runner/journal_private.h"

#include "providers/wire/exchange.h"

static void journal_init(struct journal *journal)
{
	*journal = (struct journal){.log = {.fd = -1}};
	text_buf_init(&journal->pending, JOURNAL_MAX_PENDING_BYTES);
	text_buf_init(&journal->sealed, JOURNAL_MAX_PENDING_BYTES);
}

bool journal_create(struct journal *journal, const char *path, const struct journal_head *head,
                    struct fault *fault)
{
	journal_init(journal);
	if (!file_log_open(&journal->log, path, fault))
		goto failed;
	/* Asked of the open and locked file: of two runs that start at once, one finds it empty. */
	if (journal->log.size != 0) {
		(void)fault_set(fault, FAULT_INPUT,
		                "%s is there already; resume it, or name "
		                "another folder",
		                path);
		goto failed;
	}
	journal_write_head(head, &journal->scratch, &journal->pending);
	if (journal->pending.len > JOURNAL_MAX_LINE_BYTES) {
		(void)fault_set(fault, FAULT_INPUT, "the options of this run are too long to keep");
		goto failed;
	}
	if (journal_flush(journal, fault))
		return true;
failed:
	journal_close(journal);
	return false;
}

bool journal_resume(struct journal *journal, const char *path, struct arena *arena,
                    struct journal_head *head, struct fault *fault)
{
	const struct journal_visitor none = {0};
	int64_t whole = 0;

	journal_init(journal);
	/* Opening makes a file where there is none, and an empty journal resumes nothing. */
	if (!file_exists(path)) {
		(void)fault_set(fault, FAULT_INPUT, "%s is not there: no run to resume", path);
		goto failed;
	}
	if (file_log_open(&journal->log, path, fault) &&
	    journal_read_head(path, arena, head, fault) &&
	    journal_scan(path, &none, &whole, fault) &&
	    (whole == journal->log.size || file_log_truncate(&journal->log, whole, fault)))
		return true;
failed:
	journal_close(journal);
	return false;
}

/* The server gave up on the request, or the reply broke off: what a feature can be the cause of. */
static bool may_be_broken(const struct journal_attempt *line)
{
	return line->outcome == OUTCOME_INFRA &&
	       (line->status >= 500 ||
	        text_is(line->end, exchange_end_name(EXCHANGE_FIRST_TIMEOUT)) ||
	        text_is(line->end, exchange_end_name(EXCHANGE_TOTAL_TIMEOUT)) ||
	        text_is(line->end, exchange_end_name(EXCHANGE_CUT)));
}

void journal_tally(const struct journal_attempt *line, struct tally *tally)
{
	if (line->control.data == NULL) {
		tally->of[line->outcome]++;
		tally->broken += may_be_broken(line);
	} else if (line->outcome == OUTCOME_OK) {
		tally->controls_ok++;
	} else if (line->outcome != OUTCOME_UNRUN) {
		tally->controls_bad++;
	}
}

void journal_mend(const struct journal_attempt *line, struct mend_tally *tally)
{
	struct journal_attempt repaired = *line;
	repair_bits bits;
	struct text bad;

	if (line->control.data != NULL)
		return;
	if (line->mendable.data != NULL && repair_bits_from_names(line->mendable, &bits, &bad))
		tally->mendable |= bits;
	if (line->repairs.data != NULL)
		repaired.outcome = line->repaired;
	journal_tally(&repaired, line->mended.data != NULL ? &tally->mended : &tally->plain);
	if (line->repairs.data != NULL && repair_bits_from_names(line->repairs, &bits, &bad))
		*(line->mended.data != NULL ? &tally->mended_repairs : &tally->plain_repairs) |=
		    bits;
	if (line->mended.data != NULL && repair_bits_from_names(line->mended, &bits, &bad))
		tally->mended_repairs |= bits;
}

const struct tally *journal_mended(const struct mend_tally *tally, repair_bits *repairs)
{
	bool mended = tally_trials(&tally->mended) > 0;

	*repairs = mended ? tally->mended_repairs : tally->plain_repairs;
	if (*repairs == 0)
		return NULL;
	return mended ? &tally->mended : &tally->plain;
}

void journal_add(struct journal *journal, const struct journal_attempt *attempt)
{
	journal_write_attempt(attempt, &journal->scratch, &journal->pending);
	arena_reset(&journal->scratch);
}

void journal_seal(struct journal *journal)
{
	struct text_buf empty = journal->sealed;

	REQUIRE(empty.len == 0 && !empty.overflow);
	journal->sealed = journal->pending;
	journal->pending = empty;
}

bool journal_write_sealed(struct journal *journal, struct fault *fault)
{
	if (journal->sealed.overflow)
		return fault_set(fault, FAULT_INTERNAL, "more than %d bytes of journal at once",
		                 JOURNAL_MAX_PENDING_BYTES);
	if (journal->sealed.len == 0)
		return true;
	if (!file_log_append(&journal->log, text_buf_view(&journal->sealed), fault) ||
	    !file_log_sync(&journal->log, fault))
		return fault_within(fault, "keeping what was paid for");
	text_buf_reset(&journal->sealed);
	return true;
}

bool journal_flush(struct journal *journal, struct fault *fault)
{
	journal_seal(journal);
	return journal_write_sealed(journal, fault);
}

void journal_close(struct journal *journal)
{
	file_log_close(&journal->log);
	text_buf_done(&journal->pending);
	text_buf_done(&journal->sealed);
	arena_done(&journal->scratch);
}
