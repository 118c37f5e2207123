/* What the two readers of CSV share; nobody else includes this. */
#ifndef PROVISO_BASE_CSV_PRIVATE_H
#define PROVISO_BASE_CSV_PRIVATE_H

#include "harness/base/csv.h"

struct csv_reader;

MUST_CHECK struct csv_reader *csv_reader_new(void);
void csv_reader_free(struct csv_reader *reader);
/*
 * All rows of that source from `at` on; the reader can be used again afterwards, also where it
 * failed. row_number: of rows before these.
 */
MUST_CHECK bool csv_reader_read(struct csv_reader *reader, const struct source *source, size_t at,
                                size_t row_number,
                                bool (*row)(void *context, const struct csv_row *row,
                                            struct fault *fault),
                                void *context, struct fault *fault);

#endif
