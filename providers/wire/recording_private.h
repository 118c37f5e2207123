/* What writing and reading evidence share; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_RECORDING_PRIVATE_H
#define PROVISO_PROVIDERS_RECORDING_PRIVATE_H

#include "providers/wire/recording.h"

enum {
	/* Both headers escaped, and 65,536 chunks, stay below it. */
	RECORDING_LINE_MAX_BYTES = 16 << 20,
	/* A request and a reply at their caps, and the line. */
	RECORDING_RECORD_MAX_BYTES = 160 << 20,
	RECORDING_SEGMENTS_MAX = 999999,
};

/* "000001.rec" of the folder; arena. */
MUST_CHECK const char *recording_segment_path(struct arena *arena, const char *folder,
                                              int64_t number);

/*
 * The lengths of the two bodies, which every record's line begins with, so that
 * records can be stepped over without reading them. False where `line` begins otherwise.
 */
MUST_CHECK bool recording_line_lengths(struct text line, int64_t *request_bytes,
                                       int64_t *response_bytes);

/* How a segment ends. */
enum recording_tail {
	RECORDING_TAIL_WHOLE,
	RECORDING_TAIL_TORN,    /* the last record was never finished */
	RECORDING_TAIL_STRANGE, /* something that is no record of ours: kept, never written behind
	                         */
};

/* Steps over all records; *good_end is behind the last whole one. */
MUST_CHECK bool recording_check(int fd, int64_t size, enum recording_tail *tail, int64_t *good_end,
                                struct fault *fault);

/* Up to `size` bytes from `offset`; *got is less only at the end of the file. */
MUST_CHECK bool recording_pread(int fd, int64_t offset, char *bytes, size_t size, size_t *got,
                                struct fault *fault);

#endif
