/*
 * Reading a journal line by line: what is held is one line, however long the
 * run was.
 */
#include "harness/run/runner/journal_private.h"

#include <errno.h>

enum { READ_BYTES = 64 << 10 };

struct scan {
	const char *path;
	const struct journal_visitor *visitor;
	struct arena arena; /* one line */
	unsigned line;
	int64_t whole_bytes;
	bool head_only; /* stop after the first line */
	bool done;
};

/* A line's nodes know only that line: its faults are put where the line stands in the file. */
static bool place_fault(const struct scan *scan, struct fault *fault)
{
	if (fault->line > 0)
		fault->line = scan->line;
	return fault_within(fault, "reading the journal of a run");
}

static bool read_line(struct scan *scan, struct text line, struct fault *fault)
{
	const struct journal_visitor *visitor = scan->visitor;
	struct journal_head head;
	struct journal_attempt attempt;
	struct json *node;

	arena_reset(&scan->arena);
	if (!json_read_text(line, scan->path, &scan->arena, &node, fault))
		return place_fault(scan, fault);
	if (scan->line == 1) {
		if (!journal_head_from(node, &scan->arena, &head, fault))
			return place_fault(scan, fault);
		scan->done = scan->head_only;
		return visitor->head == NULL || visitor->head(visitor->context, &head, fault);
	}
	if (!journal_attempt_from(node, &attempt, fault))
		return place_fault(scan, fault);
	return visitor->attempt == NULL || visitor->attempt(visitor->context, &attempt, fault);
}

/* All whole lines of the buffer; what is left of it is the start of the next one. */
static bool read_lines(struct scan *scan, struct text_buf *buffer, struct fault *fault)
{
	size_t from = 0;
	size_t end;

	while (!scan->done &&
	       (end = text_find_byte(text_buf_view(buffer), '\n', from)) != TEXT_NOT_FOUND) {
		scan->line++;
		if (!read_line(scan, text_slice(text_buf_view(buffer), from, end), fault))
			return false;
		scan->whole_bytes += (int64_t)(end + 1 - from);
		from = end + 1;
	}
	text_buf_consume(buffer, from);
	return true;
}

static bool scan_stream(struct scan *scan, FILE *stream, struct text_buf *buffer,
                        struct fault *fault)
{
	while (!scan->done) {
		char *room = text_buf_reserve(buffer, READ_BYTES);
		if (room == NULL)
			return fault_set(fault, FAULT_INPUT, "%s: line %u is over %d bytes long",
			                 scan->path, scan->line + 1, JOURNAL_MAX_LINE_BYTES);
		size_t got = fread(room, 1, READ_BYTES, stream);
		if (got == 0)
			break;
		buffer->len += got;
		if (!read_lines(scan, buffer, fault))
			return false;
	}
	if (ferror(stream))
		return fault_system(fault, errno, "can't read %s", scan->path);
	return scan->line > 0 ||
	       fault_set(fault, FAULT_INPUT, "%s holds no run: its first line is not whole",
	                 scan->path);
}

static bool scan_path(struct scan *scan, struct fault *fault)
{
	struct text_buf buffer;
	FILE *stream = fopen(scan->path, "rbe");

	if (stream == NULL)
		return fault_set(fault, FAULT_INPUT, "can't open %s: %s", scan->path,
		                 strerror(errno));
	text_buf_init(&buffer, JOURNAL_MAX_LINE_BYTES + READ_BYTES);
	bool good = scan_stream(scan, stream, &buffer, fault);
	text_buf_done(&buffer);
	arena_done(&scan->arena);
	(void)fclose(stream);
	return good;
}

bool journal_scan(const char *path, const struct journal_visitor *visitor, int64_t *whole_bytes,
                  struct fault *fault)
{
	struct scan scan = {.path = path, .visitor = visitor};

	if (!scan_path(&scan, fault))
		return false;
	if (whole_bytes != NULL)
		*whole_bytes = scan.whole_bytes;
	return true;
}

struct head_copy {
	struct arena *arena;
	struct journal_head *out;
};

static bool keep_head(void *context, const struct journal_head *head, struct fault *fault UNUSED)
{
	struct head_copy *copy = context;

	journal_copy_head(head, copy->arena, copy->out);
	return true;
}

bool journal_read_head(const char *path, struct arena *arena, struct journal_head *head,
                       struct fault *fault)
{
	struct head_copy copy = {arena, head};
	const struct journal_visitor visitor = {.head = keep_head, .context = &copy};
	struct scan scan = {.path = path, .visitor = &visitor, .head_only = true};

	return scan_path(&scan, fault);
}

/* Nodes are kept as text and read again: they point into the line they came from. */
static const struct json *copy_node(const struct json *node, struct arena *arena)
{
	struct json *copy;
	struct fault fault;

	if (node == NULL)
		return NULL;
	struct text text = json_to_text(arena, node);
	return text.data != NULL && json_read_text(text, "head", arena, &copy, &fault) ? copy
	                                                                               : NULL;
}

static const struct price *copy_prices(const struct price *prices, struct arena *arena)
{
	const struct json *kept = copy_node(price_keep(prices, arena), arena);
	struct price *copy = ARENA_NEW(arena, struct price);
	struct fault fault;

	return kept != NULL && price_recall(kept, arena, copy, &fault) ? copy : NULL;
}

static struct text_list copy_names(const struct text_list *names, struct arena *arena)
{
	struct text_list copy = {.items = ARENA_NEW_ARRAY(arena, struct text, names->count)};

	while (copy.count < names->count) {
		copy.items[copy.count] = text_copy(arena, names->items[copy.count]);
		copy.count++;
	}
	return copy;
}

void journal_copy_head(const struct journal_head *head, struct arena *arena,
                       struct journal_head *out)
{
	*out = *head;
	out->run_id = text_copy(arena, head->run_id);
	out->suite_hash = text_copy(arena, head->suite_hash);
	out->seed = text_copy(arena, head->seed);
	out->version = text_copy(arena, head->version);
	out->options = copy_node(head->options, arena);
	out->targets = ARENA_NEW_ARRAY(arena, struct journal_target, head->target_count);
	for (size_t i = 0; i < head->target_count; i++)
		out->targets[i] = (struct journal_target){
		    .name = text_copy(arena, head->targets[i].name),
		    .dialect = text_copy(arena, head->targets[i].dialect),
		    .context = head->targets[i].context,
		    .max_output = head->targets[i].max_output,
		    .aliases = copy_names(&head->targets[i].aliases, arena),
		    .reference_tokens = head->targets[i].reference_tokens,
		    .hours = head->targets[i].hours.data == NULL
		                 ? (struct text){NULL, 0}
		                 : text_copy(arena, head->targets[i].hours),
		    .identity = head->targets[i].identity.data == NULL
		                    ? (struct text){NULL, 0}
		                    : text_copy(arena, head->targets[i].identity),
		    .prices = copy_prices(head->targets[i].prices, arena),
		};
}
