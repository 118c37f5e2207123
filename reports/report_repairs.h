/* Which repairs would make a target pass: from the cells that were judged behind them, too. */
#ifndef PROVISO_REPORTS_REPORT_REPAIRS_H
#define PROVISO_REPORTS_REPORT_REPAIRS_H

#include "reports/report.h"

struct json_writer;

/* What a route that allows `repairs` gains at a target. */
struct report_repair {
	struct text target;
	repair_bits repairs; /* all that a cell passes by */
	size_t mended;       /* cells that do not pass, and pass behind them */
	size_t left;         /* gate and required cells that do not pass behind them either */
};

struct report_repairs {
	const struct report_repair *items; /* by target; arena */
	size_t count;                      /* targets that a repair helps */
};

MUST_CHECK struct report_repairs report_repairs_of(const struct matrix *matrix,
                                                   struct arena *arena);
/* "PASS by TS-01 TC-20", "still FAIL by SU-01" of a cell; data NULL where no repair had anything to
 * mend. Arena. */
MUST_CHECK struct text report_repaired_words(const struct matrix_cell *cell, struct arena *arena);
/* "TS-01 TC-20 would mend 5 cells, and it would pass"; arena. */
MUST_CHECK struct text report_repair_words(const struct report_repair *repair, struct arena *arena);
/* A list of objects: target, repairs, mended, left. */
void report_repairs_write(const struct report_repairs *repairs, struct json_writer *writer);

#endif
