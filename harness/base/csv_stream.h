/*
 * CSV of any length in constant memory: logs, exports. What csv_read refuses as a whole is refused
 * here row by row, each with its place, and reading goes on behind it.
 */
#ifndef PROVISO_BASE_CSV_STREAM_H
#define PROVISO_BASE_CSV_STREAM_H

#include "harness/base/csv.h"

struct csv_stream_row {
	struct csv_row row; /* as csv_read gives it; number counts the rows that were read */
	const struct source *source; /* this row's bytes: places are taken in it */
	unsigned line;               /* in the whole input, where the row begins; from 1 */
};

struct csv_stream_events {
	/*
	 * False: the row is refused by its fault, which may have a place in row->source; it is
	 * shown as one in the whole input.
	 */
	bool (*row)(void *context, const struct csv_stream_row *row, struct fault *fault);
	/* A row was refused: by its own syntax, or by `row`. False ends the reading: the fault
	 * stands. */
	bool (*refused)(void *context, const struct fault *fault);
	void *context;
};

/*
 * The file, or stdin for "-". Rules are those of csv_read: RFC 4180, UTF-8, a BOM is skipped,
 * fields of 1 MiB, rows of 8 MiB and 256 columns at most. A row ends at the first line break
 * outside of quotes; a quote that is never closed takes the rest of the input with it, in one
 * refused row. False: it can't be opened or read, or `refused` ended it.
 */
MUST_CHECK bool csv_stream(const char *path, const struct csv_stream_events *events,
                           struct fault *fault);

#endif
