/*
 * Writing evidence: one exchange is one buffer and one write, secrets masked on
 * the way in. What an exchange proves is not known here.
 *
 * Values are masked before they are escaped and put into the line: masking the
 * finished line could hit its own syntax. Masking keeps lengths, so the chunks'
 * offsets into the body stay true.
 */
#include "providers/wire/recording_private.h"

#include "harness/base/json_write.h"
#include "harness/base/log.h"
#include "harness/base/redact.h"

enum {
	RECORDING_MAGIC = 0x2ec02d01,
	BUFFER_KEPT_BYTES = 4 << 20, /* a larger one is given back after its record */
};

struct recording {
	uint32_t magic;
	const char *folder; /* arena of the recording */
	int64_t segment;
	struct file_log log;
	bool unsynced;
	struct text_buf buffer;
	struct arena names;
	struct arena masked; /* copies without secrets, until the record is built */
};

/* --- the record --- */

static void write_masked(struct json_writer *writer, struct text value, struct arena *arena)
{
	json_write_string(writer, redact_text(arena, value));
}

static void write_headers(struct json_writer *writer, const char *name,
                          const struct http_header *headers, size_t count, struct arena *arena)
{
	json_write_key(writer, name);
	json_write_array(writer);
	for (size_t i = 0; i < count; i++) {
		json_write_array(writer);
		write_masked(writer, headers[i].name, arena);
		write_masked(writer, headers[i].value, arena);
		json_write_array_end(writer);
	}
	json_write_array_end(writer);
}

static void write_line(struct json_writer *writer, const struct recording_label *label,
                       const struct exchange *exchange, struct arena *arena)
{
	json_write_object(writer);
	/* These two first: recording_line_lengths relies on it. */
	json_write_member_int(writer, "request_bytes", (int64_t)exchange->request_body.len);
	json_write_member_int(writer, "response_bytes", (int64_t)exchange->body.len);
	json_write_member(writer, "target", label->target);
	json_write_member(writer, "case", label->case_id);
	json_write_member(writer, "variant", label->variant);
	json_write_member_int(writer, "trial", label->trial);
	json_write_member_int(writer, "step", label->step);
	json_write_member_int(writer, "attempt", label->attempt);
	json_write_member_int(writer, "started_wall_ms", exchange->started_wall_ms);
	json_write_member(writer, "method", exchange->method);
	json_write_key(writer, "url");
	write_masked(writer, exchange->url, arena);
	write_headers(writer, "request_headers", exchange->request_headers,
	              exchange->request_header_count, arena);
	if (exchange->wrong_key || exchange->no_key)
		json_write_member_c(writer, "key", exchange->no_key ? "none" : "wrong");
	if (exchange->dropped_count > 0) {
		json_write_key(writer, "dropped");
		json_write_array(writer);
		for (size_t i = 0; i < exchange->dropped_count; i++)
			write_masked(writer, exchange->dropped[i], arena);
		json_write_array_end(writer);
	}
	json_write_member_int(writer, "status", exchange->status);
	json_write_member_int(writer, "http_version", exchange->http_version);
	if (exchange->reused)
		json_write_member_bool(writer, "reused", true);
	write_headers(writer, "headers", exchange->headers, exchange->header_count, arena);
	json_write_key(writer, "chunks"); /* at_us, end, at_us, end ... */
	json_write_array(writer);
	for (size_t i = 0; i < exchange->chunk_count; i++) {
		json_write_int(writer, exchange->chunks[i].at_us);
		json_write_int(writer, (int64_t)exchange->chunks[i].end);
	}
	json_write_array_end(writer);
	json_write_member_c(writer, "end", exchange_end_name(exchange->end));
	json_write_key(writer, "end_detail");
	write_masked(writer, exchange->end_detail, arena);
	json_write_member_int(writer, "head_us", exchange->head_us);
	json_write_member_int(writer, "end_us", exchange->end_us);
	json_write_object_end(writer);
}

static void add_body(struct text_buf *buffer, struct text body)
{
	size_t at = buffer->len;

	if (text_buf_add(buffer, body) && body.len > 0)
		(void)redact_bytes(buffer->data + at, body.len);
	(void)text_buf_byte(buffer, '\n');
}

static bool build_record(struct recording *recording, const struct recording_label *label,
                         const struct exchange *exchange, struct fault *fault)
{
	struct text_buf *buffer = &recording->buffer;
	struct json_writer writer;

	text_buf_reset(buffer);
	json_writer_init(&writer, buffer, false);
	write_line(&writer, label, exchange, &recording->masked);
	bool fits = buffer->len < RECORDING_LINE_MAX_BYTES;
	(void)text_buf_byte(buffer, '\n');
	add_body(buffer, exchange->request_body);
	add_body(buffer, exchange->body);
	if (!fits || buffer->overflow)
		return fault_set(fault, FAULT_INPUT, "an exchange is too large to be recorded");
	return true;
}

/* --- segments --- */

const char *recording_segment_path(struct arena *arena, const char *folder, int64_t number)
{
	struct text name = text_format(arena, "%06lld.rec", (long long)number);

	return file_join(arena, folder, text_c(arena, name));
}

static bool open_segment(struct recording *recording, int64_t number, struct fault *fault)
{
	struct arena arena = {0};

	if (number > RECORDING_SEGMENTS_MAX)
		return fault_set(fault, FAULT_SYSTEM, "%s holds as many segments as it may",
		                 recording->folder);
	recording->segment = number;
	bool good = file_log_open(&recording->log,
	                          recording_segment_path(&arena, recording->folder, number), fault);
	arena_done(&arena);
	return good;
}

static bool next_segment(struct recording *recording, struct fault *fault)
{
	if (!recording_sync(recording, fault))
		return false;
	file_log_close(&recording->log);
	return open_segment(recording, recording->segment + 1, fault);
}

/* The highest number of a segment in the folder; 0 where there is none. */
static bool last_segment(const char *folder, int64_t *out, struct fault *fault)
{
	struct arena arena = {0};
	struct text *names;
	size_t count;

	*out = 0;
	bool good = file_list(folder, &arena, &names, &count, fault);
	for (size_t i = 0; good && i < count; i++) {
		int64_t number;

		if (names[i].len == 10 && text_ends(names[i], TEXT(".rec")) &&
		    text_to_int64(text_slice(names[i], 0, 6), 1, RECORDING_SEGMENTS_MAX, &number))
			*out = int64_max(*out, number);
	}
	arena_done(&arena);
	return good;
}

/* Makes the open segment one that can be written behind. */
static bool mend_tail(struct recording *recording, struct fault *fault)
{
	struct file_log *log = &recording->log;
	enum recording_tail tail;
	int64_t good_end;

	if (!recording_check(log->fd, log->size, &tail, &good_end, fault))
		return false;
	switch (tail) {
	case RECORDING_TAIL_WHOLE:
		return true;
	case RECORDING_TAIL_TORN:
		log_warn("recording.torn", "file=%s dropped_bytes=%lld", log->path,
		         (long long)(log->size - good_end));
		return file_log_truncate(log, good_end, fault);
	case RECORDING_TAIL_STRANGE:
		break;
	}
	log_warn("recording.strange", "file=%s offset=%lld kept=yes", log->path,
	         (long long)good_end);
	return next_segment(recording, fault);
}

/* --- the public verbs --- */

bool recording_open(const char *folder, struct recording **out, struct fault *fault)
{
	int64_t last;

	if (!file_make_directories(folder, fault) || !last_segment(folder, &last, fault))
		return false;
	struct recording *recording = memory_new(sizeof(*recording));
	recording->magic = RECORDING_MAGIC;
	recording->folder = text_c(&recording->names, text_of(folder));
	recording->log.fd = -1;
	text_buf_init(&recording->buffer, RECORDING_RECORD_MAX_BYTES);
	if (!open_segment(recording, int64_max(last, 1), fault) || !mend_tail(recording, fault)) {
		recording_close(recording);
		return false;
	}
	*out = recording;
	return true;
}

bool recording_add(struct recording *recording, const struct recording_label *label,
                   const struct exchange *exchange, struct arena *arena, struct text *id,
                   struct fault *fault)
{
	REQUIRE(recording->magic == RECORDING_MAGIC);
	struct text_buf *buffer = &recording->buffer;

	bool good = build_record(recording, label, exchange, fault);
	arena_reset(&recording->masked);
	if (!good)
		return false;
	if (recording->log.size > 0 &&
	    recording->log.size + (int64_t)buffer->len > RECORDING_SEGMENT_BYTES &&
	    !next_segment(recording, fault))
		return false;
	int64_t offset = recording->log.size;
	if (!file_log_append(&recording->log, text_buf_view(buffer), fault))
		return false;
	recording->unsynced = true;
	if (buffer->room > BUFFER_KEPT_BYTES) {
		text_buf_done(buffer);
		text_buf_init(buffer, RECORDING_RECORD_MAX_BYTES);
	}
	*id = text_format(arena, "%06lld:%lld", (long long)recording->segment, (long long)offset);
	return true;
}

bool recording_sync(struct recording *recording, struct fault *fault)
{
	REQUIRE(recording->magic == RECORDING_MAGIC);
	if (!recording->unsynced)
		return true;
	if (!file_log_sync(&recording->log, fault))
		return false;
	recording->unsynced = false;
	return true;
}

bool recording_hand_out(struct recording *recording, struct file_log *out, struct fault *fault)
{
	REQUIRE(recording->magic == RECORDING_MAGIC);
	out->fd = -1;
	if (!recording->unsynced)
		return true;
	if (!file_log_share(&recording->log, out, fault))
		return false;
	recording->unsynced = false;
	return true;
}

void recording_close(struct recording *recording)
{
	if (recording == NULL)
		return;
	REQUIRE(recording->magic == RECORDING_MAGIC);
	file_log_close(&recording->log);
	text_buf_done(&recording->buffer);
	arena_done(&recording->masked);
	arena_done(&recording->names);
	recording->magic = 0;
	memory_free(recording);
}
