/*
 * Tables of cases: one case per row of a CSV file. {{column}} in any string of the
 * case is replaced by that row's field; a string that is only {{column:json}} becomes
 * the value that the field is as JSON.
 *
 * The id: as its template says where that names a column; else the column `id`, behind
 * the case's own id and a dot where it has one.
 */
#ifndef PROVISO_CASES_CASE_TABLE_H
#define PROVISO_CASES_CASE_TABLE_H

#include "harness/base/csv.h"
#include "harness/base/json.h"

enum {
	CASE_TABLE_MAX_BYTES = 8 << 20,
	CASE_TABLE_MAX_EXPANSION = 64 << 20, /* of all rows together in memory */
};

/*
 * Calls `each` with a copy of `node` for every row, filled. Mistakes go to `faults`, those of
 * the table with their place in it; true when there was none and `each` never failed.
 */
MUST_CHECK bool case_table_expand(const struct json *node, const struct source *csv,
                                  struct arena *arena, struct fault_list *faults,
                                  bool (*each)(void *context, const struct json *node),
                                  void *context);

#endif
