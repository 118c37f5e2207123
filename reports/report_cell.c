/*
 * A cell and its evidence, as text or JSON. The bytes of a provider come to a terminal here: each
 * goes through report_add_log_text, line by line: no escape sequence and no CI command is one.
 */
#include "reports/report_cell.h"

#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "harness/run/route/live.h"
#include "reports/report_repairs.h"

#include <inttypes.h>
#include <math.h>

static void add_ms(struct text_buf *out, int64_t us)
{
	if (us < 0)
		(void)text_buf_add_c(out, "unknown");
	else
		(void)text_buf_format(out, "%.1f ms", (double)us / 1000.0);
}

/* Line feeds break lines and tabs become blanks; all else that is not printable is escaped. */
static void add_block(struct text_buf *out, struct text block)
{
	struct text line;

	while (block.len > 0) {
		size_t end = text_find_byte(block, '\n', 0);
		line = text_slice(block, 0, end == TEXT_NOT_FOUND ? block.len : end);
		block = text_slice(block, end == TEXT_NOT_FOUND ? block.len : end + 1, block.len);
		(void)text_buf_add_c(out, "  ");
		report_add_log_text(out, line);
		(void)text_buf_byte(out, '\n');
	}
}

static void add_fact(struct text_buf *out, const char *name, struct text value)
{
	if (value.len == 0)
		return;
	(void)text_buf_format(out, "%-10s", name);
	report_add_log_text(out, value);
	(void)text_buf_byte(out, '\n');
}

struct text report_rate_words(const struct matrix_cell *cell, struct arena *arena)
{
	struct text words = text_format(arena, "%" PRId64 " of %" PRId64 " ok",
	                                cell->tally.of[OUTCOME_OK], tally_judged(&cell->tally));
	double pass_hat = matrix_pass_hat(cell);

	if (!isnan(cell->rate_low) && !isnan(cell->rate_high))
		words = text_format(arena, "%.*s (%.0f to %.0f %%)", TEXT_ARG(words),
		                    cell->rate_low * 100, cell->rate_high * 100);
	if (pass_hat < 1 && cell->tally.of[OUTCOME_OK] > 0)
		words = text_format(arena, "%.*s, pass^%d %.0f %%", TEXT_ARG(words),
		                    MATRIX_PASS_HAT, pass_hat * 100);
	return words;
}

static void add_outcomes(const struct matrix_cell *cell, struct text_buf *out)
{
	struct arena arena = {0};
	struct text words = report_rate_words(cell, &arena);

	(void)text_buf_format(out, "%-10s%.*s", "rate", TEXT_ARG(words));
	arena_done(&arena);
	for (int i = OUTCOME_OK + 1; i < OUTCOME_COUNT; i++)
		if (cell->tally.of[i] > 0)
			(void)text_buf_format(out, ", %" PRId64 " %s", cell->tally.of[i],
			                      outcome_name((enum outcome)i));
	if (cell->retries > 0)
		(void)text_buf_format(out, ", %" PRId64 " %s", cell->retries,
		                      cell->retries == 1 ? "retry" : "retries");
	(void)text_buf_byte(out, '\n');
}

static void add_head(const struct report_cell *shown, struct text_buf *out)
{
	const struct matrix_cell *cell = shown->cell;
	struct arena arena = {0};
	struct text vouches = TEXT("");

	report_add_log_text(out, cell->target);
	(void)text_buf_byte(out, ' ');
	report_add_log_text(out, report_cell_label(cell, &arena));
	(void)text_buf_format(out, ": %s (%s, %s, ", report_verdict_word(cell->verdict),
	                      case_severity_names[cell->severity], case_class_names[cell->class_]);
	report_add_log_text(out, cell->capability);
	(void)text_buf_add_c(out, ")\n");
	add_fact(out, "asks", shown->title);
	add_outcomes(cell, out);
	add_fact(out, "why", cell->first_error);
	if (cell->quarantine != NULL)
		add_fact(out, "now",
		         text_format(&arena, "quarantined: %s", cell->quarantine->reason));
	add_fact(out, "repaired", report_repaired_words(cell, &arena));
	for (size_t i = 0; i < cell->vouches.count; i++)
		vouches = text_format(&arena, "%.*s%s%.*s", TEXT_ARG(vouches), i == 0 ? "" : ", ",
		                      TEXT_ARG(cell->vouches.items[i]));
	add_fact(out, "vouches", vouches);
	if (cell->tested_wall_ms > 0)
		add_fact(out, "asked", wall_format(&arena, cell->tested_wall_ms, false));
	add_fact(out, "model", cell->reported_model);
	add_fact(out, "served by", cell->served_by);
	add_fact(out, "fates", cell->fates);
	add_fact(out, "run", shown->run == NULL ? cell->run_id : text_of(shown->run));
	add_fact(out, "evidence", cell->evidence);
	arena_done(&arena);
}

static void add_attempts(const struct report_cell *shown, struct text_buf *out)
{
	if (shown->attempt_count > 0)
		(void)text_buf_add_c(out, "\nattempts (trial.step.attempt)\n");
	for (size_t i = 0; i < shown->attempt_count; i++) {
		const struct journal_attempt *attempt = &shown->attempts[i];
		(void)text_buf_format(out, "  %" PRId64 ".%" PRId64 ".%" PRId64 "  %-9s",
		                      attempt->trial, attempt->step, attempt->attempt,
		                      outcome_name(attempt->outcome));
		if (attempt->status > 0)
			(void)text_buf_format(out, "  %" PRId64, attempt->status);
		if (attempt->latency_us >= 0) {
			(void)text_buf_add_c(out, "  ");
			add_ms(out, attempt->latency_us);
		}
		(void)text_buf_add_c(out, "  ");
		report_add_log_text(out, attempt->evidence);
		if (!attempt->ends_trial)
			(void)text_buf_add_c(out, "  (goes on)");
		if (attempt->detail.len > 0) {
			(void)text_buf_add_c(out, "  ");
			report_add_log_text(out, attempt->detail);
		}
		(void)text_buf_byte(out, '\n');
	}
	if (shown->attempts_left_out > 0)
		(void)text_buf_format(out, "  and %zu more\n", shown->attempts_left_out);
}

static void add_curl(const struct report_cell *shown, size_t body_max_bytes, struct text_buf *out)
{
	report_curl(shown->exchange, shown->cell, shown->providers, body_max_bytes, out);
}

static void add_response(const struct exchange *exchange, struct text_buf *out)
{
	struct text body = exchange->body;
	size_t end = size_min(body.len, REPORT_CELL_EXCERPT_BYTES);

	while (end < body.len && end > 0 && ((unsigned char)body.data[end] & 0xc0) == 0x80)
		end--;
	(void)text_buf_format(out, "\nresponse: %zu bytes in %zu chunks, head after ", body.len,
	                      exchange->chunk_count);
	add_ms(out, exchange->head_us);
	(void)text_buf_add_c(out, ", end after ");
	add_ms(out, exchange->end_us);
	(void)text_buf_format(out, ", ended: %s", exchange_end_name(exchange->end));
	if (exchange->end_detail.len > 0) {
		(void)text_buf_add_c(out, " (");
		report_add_log_text(out, exchange->end_detail);
		(void)text_buf_byte(out, ')');
	}
	(void)text_buf_byte(out, '\n');
	if (exchange->status > 0)
		(void)text_buf_format(out, "  HTTP status %d\n", exchange->status);
	for (size_t i = 0; i < exchange->header_count; i++) {
		(void)text_buf_add_c(out, "  ");
		report_add_log_text(out, exchange->headers[i].name);
		(void)text_buf_add_c(out, ": ");
		report_add_log_text(out, exchange->headers[i].value);
		(void)text_buf_byte(out, '\n');
	}
	if (body.len > 0)
		(void)text_buf_byte(out, '\n');
	add_block(out, text_slice(body, 0, end));
	if (end < body.len)
		(void)text_buf_format(out, "  (%zu of %zu bytes; --format json has all)\n", end,
		                      body.len);
}

void report_cell_text(const struct report_cell *shown, struct text_buf *out)
{
	add_head(shown, out);
	add_attempts(shown, out);
	if (shown->exchange != NULL) {
		/* Shell text: every byte of it is printable, and none is changed. */
		(void)text_buf_add_c(out, "\nto ask again\n");
		add_curl(shown, REPORT_CELL_EXCERPT_BYTES, out);
		add_response(shown->exchange, out);
	} else if (shown->explanation.len > 0) {
		(void)text_buf_byte(out, '\n');
		report_add_log_text(out, shown->explanation);
		(void)text_buf_byte(out, '\n');
	}
}

/* --- JSON --- */

/* JSON has no bytes: what is no UTF-8 is written in hex, under another name. */
static void write_bytes(struct json_writer *writer, const char *name, const char *hex_name,
                        struct text bytes)
{
	struct text_buf hex;

	if (text_is_utf8(bytes)) {
		json_write_member(writer, name, bytes.data == NULL ? TEXT("") : bytes);
		return;
	}
	text_buf_init(&hex, REPORT_MAX_BYTES);
	for (size_t i = 0; i < bytes.len; i++)
		(void)text_buf_format(&hex, "%02x", (unsigned)(unsigned char)bytes.data[i]);
	json_write_member(writer, hex_name, text_buf_view(&hex));
	text_buf_done(&hex);
}

/* A header is no UTF-8 by right: it is shown as text shows it. */
static void write_headers(struct json_writer *writer, const char *name,
                          const struct http_header *headers, size_t count)
{
	struct text_buf visible;

	json_write_key(writer, name);
	json_write_array(writer);
	text_buf_init(&visible, REPORT_MAX_BYTES);
	for (size_t i = 0; i < count; i++) {
		text_buf_reset(&visible);
		text_buf_add_visible(&visible, headers[i].name);
		(void)text_buf_add_c(&visible, ": ");
		text_buf_add_visible(&visible, headers[i].value);
		json_write_string(writer, text_buf_view(&visible));
	}
	json_write_array_end(writer);
	text_buf_done(&visible);
}

static void write_exchange(struct json_writer *writer, const struct exchange *exchange)
{
	json_write_key(writer, "exchange");
	json_write_object(writer);
	json_write_member(writer, "method", exchange->method);
	json_write_member(writer, "url", exchange->url);
	write_headers(writer, "request_headers", exchange->request_headers,
	              exchange->request_header_count);
	write_bytes(writer, "request_body", "request_body_hex", exchange->request_body);
	json_write_member_int(writer, "status", exchange->status);
	write_headers(writer, "response_headers", exchange->headers, exchange->header_count);
	write_bytes(writer, "response_body", "response_body_hex", exchange->body);
	json_write_member_int(writer, "chunks", (int64_t)exchange->chunk_count);
	json_write_member_count(writer, "head_us", exchange->head_us);
	json_write_member_count(writer, "end_us", exchange->end_us);
	json_write_member_c(writer, "ended", exchange_end_name(exchange->end));
	json_write_object_end(writer);
}

static void write_attempt(struct json_writer *writer, const struct journal_attempt *attempt)
{
	json_write_object(writer);
	json_write_member_int(writer, "trial", attempt->trial);
	json_write_member_int(writer, "step", attempt->step);
	json_write_member_int(writer, "attempt", attempt->attempt);
	json_write_member_c(writer, "outcome", outcome_name(attempt->outcome));
	json_write_member_bool(writer, "ends_trial", attempt->ends_trial);
	json_write_member_int(writer, "status", attempt->status);
	json_write_member_count(writer, "latency_us", attempt->latency_us);
	json_write_member_count(writer, "ttft_us", attempt->ttft_us);
	if (attempt->evidence.len > 0)
		json_write_member(writer, "evidence", attempt->evidence);
	if (attempt->detail.len > 0)
		json_write_member(writer, "finding", attempt->detail);
	json_write_object_end(writer);
}

void report_cell_json(const struct report_cell *shown, struct text_buf *out)
{
	struct matrix alone = {.suite_hash = shown->cell->suite_hash, .count = 1};
	struct matrix_cell cell = *shown->cell;
	struct json_writer writer;
	struct text_buf part;

	text_buf_init(&part, REPORT_MAX_BYTES);
	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	if (shown->title.len > 0)
		json_write_member(&writer, "title", shown->title);
	/* The cell as its file has it: a matrix of one. */
	alone.cells = &cell;
	matrix_write_json(&alone, &part);
	json_write_key(&writer, "matrix");
	json_write_raw(&writer, text_trim(text_buf_view(&part)));
	if (cell.quarantine != NULL)
		json_write_member_c(&writer, "quarantine", cell.quarantine->reason);
	json_write_key(&writer, "attempts");
	json_write_array(&writer);
	for (size_t i = 0; i < shown->attempt_count; i++)
		write_attempt(&writer, &shown->attempts[i]);
	json_write_array_end(&writer);
	if (shown->exchange != NULL) {
		text_buf_reset(&part);
		add_curl(shown, REPORT_MAX_BYTES, &part);
		json_write_member(&writer, "curl", text_buf_view(&part));
		write_exchange(&writer, shown->exchange);
	} else if (shown->explanation.len > 0) {
		json_write_member(&writer, "no_exchange", shown->explanation);
	}
	json_write_object_end(&writer);
	(void)text_buf_byte(out, '\n');
	text_buf_done(&part);
}
