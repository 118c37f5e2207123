/*
 * The bytes behind a cell. Many cases are judged on one response, so an exchange is shown where
 * the worst of them stands, and linked from the others. What goes beyond the page's budget is
 * named and stays in the run's folder.
 */
#include "reports/html.h"

#include "providers/wire/recording.h"

#include <inttypes.h>
#include <stdlib.h>

static int compare_texts(const void *a, const void *b)
{
	return text_compare(*(const struct text *)a, *(const struct text *)b);
}

/* Made when the first cell asks. */
static void index_ids(struct html_page *page)
{
	const struct matrix *matrix = page->matrix;

	page->ids = ARENA_NEW_ARRAY(page->arena, struct text, matrix->count);
	page->shown = ARENA_NEW_ARRAY(page->arena, size_t, matrix->count);
	for (size_t i = 0; i < matrix->count; i++)
		page->ids[i] = matrix->cells[i].evidence;
	qsort(page->ids, matrix->count, sizeof(*page->ids), compare_texts);
	for (size_t i = 0; i < matrix->count; i++)
		if (i == 0 || !text_equal(page->ids[i], page->ids[page->id_count - 1]))
			page->ids[page->id_count++] = page->ids[i];
}

static size_t find_id(const struct html_page *page, struct text id)
{
	size_t low = 0;
	size_t high = page->id_count;

	while (low + 1 < high) {
		size_t middle = low + (high - low) / 2;
		if (text_compare(page->ids[middle], id) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* Cut on a character's border, with a word on what is missing. */
static void add_bytes(struct html_page *page, struct text bytes, size_t max)
{
	size_t end = size_min(bytes.len, max);

	while (end < bytes.len && end > 0 && ((unsigned char)bytes.data[end] & 0xc0) == 0x80)
		end--;
	(void)text_buf_add_c(page->out, "<pre>");
	html_add_block(page->out, text_slice(bytes, 0, end));
	(void)text_buf_add_c(page->out, "</pre>");
	if (end < bytes.len)
		(void)text_buf_format(page->out,
		                      "<p class=mute>%zu of %zu bytes; all of them are in the "
		                      "run&#39;s folder</p>",
		                      end, bytes.len);
}

static void add_request(struct html_page *page, const struct matrix_cell *cell,
                        const struct exchange *exchange, size_t max)
{
	const struct report_context *context = page->context;
	struct text_buf command;

	text_buf_init(&command, 1 << 20);
	report_curl(exchange, cell, context->keys != NULL ? context->keys : context->providers, max,
	            &command);
	(void)text_buf_add_c(page->out, "<h3>Request, to ask again</h3><pre>");
	html_add_block(page->out, text_buf_view(&command));
	(void)text_buf_add_c(page->out, "</pre>");
	text_buf_done(&command);
	if (exchange->request_body.len > max) {
		(void)text_buf_add_c(page->out, "<h3>Body of the request</h3>");
		add_bytes(page, exchange->request_body, max);
	}
}

static void add_response(struct html_page *page, const struct exchange *exchange, size_t max)
{
	struct text_buf head;

	(void)text_buf_add_c(page->out, "<h3>Response</h3><p class=mute>");
	(void)text_buf_format(page->out, "%zu bytes in %zu chunks, head after ", exchange->body.len,
	                      exchange->chunk_count);
	html_add_ms(page->out, exchange->head_us);
	(void)text_buf_add_c(page->out, ", end after ");
	html_add_ms(page->out, exchange->end_us);
	(void)text_buf_format(page->out, ", ended: %s", exchange_end_name(exchange->end));
	if (exchange->end_detail.len != 0) {
		(void)text_buf_add_c(page->out, " (");
		html_add_text(page->out, exchange->end_detail);
		(void)text_buf_byte(page->out, ')');
	}
	(void)text_buf_add_c(page->out, "</p>");
	text_buf_init(&head, REPORT_MAX_BYTES);
	if (exchange->status > 0)
		(void)text_buf_format(&head, "HTTP status %d\n", exchange->status);
	for (size_t i = 0; i < exchange->header_count; i++)
		(void)text_buf_format(&head, "%.*s: %.*s\n", TEXT_ARG(exchange->headers[i].name),
		                      TEXT_ARG(exchange->headers[i].value));
	if (head.len > 0)
		add_bytes(page, text_buf_view(&head), max);
	text_buf_done(&head);
	if (exchange->body.len > 0)
		add_bytes(page, exchange->body, max);
}

static void add_exchange(struct html_page *page, const struct matrix_cell *cell, size_t id)
{
	struct arena arena = {0};
	struct recording_label label;
	struct exchange exchange;
	struct fault fault;
	size_t max =
	    cell->verdict == VERDICT_PASS ? HTML_PASSING_EXCERPT_BYTES : HTML_EXCERPT_BYTES;
	size_t before = page->out->len;

	if (recording_read(page->context->folder, cell->evidence, &arena, &label, &exchange,
	                   &fault)) {
		page->shown[id] = 1;
		(void)text_buf_format(page->out, "<div id=e%zu>", id);
		add_request(page, cell, &exchange, max);
		add_response(page, &exchange, max);
		(void)text_buf_add_c(page->out, "</div>");
	} else {
		(void)text_buf_add_c(page->out, "<p class=why>The evidence can&#39;t be read: ");
		html_add_text(page->out, text_of(fault.message));
		(void)text_buf_add_c(page->out, "</p>");
	}
	page->evidence_bytes += page->out->len - before;
	arena_done(&arena);
}

void html_add_evidence(struct html_page *page, const struct matrix_cell *cell)
{
	if (page->context->folder == NULL || cell->evidence.len == 0)
		return;
	if (!text_equal(cell->run_id, page->context->run_id)) {
		(void)text_buf_add_c(page->out, "<p class=mute>Its bytes are in another run&#39;s "
		                                "folder.</p>");
		return;
	}
	if (page->ids == NULL)
		index_ids(page);
	size_t id = find_id(page, cell->evidence);
	if (page->shown[id] != 0)
		(void)text_buf_format(page->out,
		                      "<p><a href=\"#e%zu\">The request and the response</a> stand "
		                      "with another case that was judged on them.</p>",
		                      id);
	else if (page->evidence_bytes >= HTML_EVIDENCE_BYTES)
		(void)text_buf_add_c(page->out,
		                     "<p class=mute>Not shown: the page holds as much "
		                     "evidence as it may. The bytes are in the run&#39;s "
		                     "folder, under this id.</p>");
	else
		add_exchange(page, cell, id);
}
