/*
 * Drawings for the HTML reports: inline SVG without script or style of its own, in the page's
 * colours, whose text says all that colour does. Beside each stands a table with its numbers.
 */
#ifndef PROVISO_REPORTS_CHART_H
#define PROVISO_REPORTS_CHART_H

#include "harness/base/text.h"

struct chart_point {
	struct text
	    label; /* short: a number that the table explains; not shown where there is no room */
	struct text title; /* shown by a pointer that rests on it; data NULL: none */
	double x, y;       /* finite */
	bool on_front;     /* filled, and a line leads from one such point to the next */
};

struct chart_axes {
	const char *x_title, *y_title;
	const char *alt; /* what the drawing shows, for those who do not see it */
	double y_most;   /* no value can be above it, so no mark is; 0: nothing bounds them */
};

/* Points by two measures; the x axis is logarithmic where values are far apart and above 0. */
void chart_scatter(const struct chart_axes *axes, const struct chart_point *points, size_t count,
                   struct text_buf *out);

struct chart_line {
	struct text label;
	const double *values; /* `count` of chart_lines; finite, at least 0 */
};

enum { CHART_LINES_MAX = 4 }; /* told apart by their dashes */

/* Lines over time; ticks: a text for each value's place, of which some are shown. */
void chart_lines(const struct chart_axes *axes, const struct chart_line *lines, size_t line_count,
                 const struct text *ticks, size_t count, struct text_buf *out);

#endif
