/* Inline SVG; see chart.h. Text goes through html_add_text, numbers are printed by us. */
#include "reports/chart.h"

#include "reports/html.h"

#include <math.h>

enum {
	WIDTH = 720,
	HEIGHT = 360,
	LEFT = 78,
	RIGHT = 16,
	TOP = 14,
	BOTTOM = 52,
	TICKS = 5,
	TIME_TICKS = 6,
	LABELS_MAX = 100,
	LABEL_CHARACTER = 7, /* about as wide as most, at 12 px */
	LABEL_GAP = 6,
	LABEL_HEIGHT = 13,
	NUMBER_BYTES = 32,
	DECIMALS_MAX = 12, /* money's own, and more than a score has */
	APART = 20,        /* more than so many times: a logarithmic axis */
};

struct scale {
	double low, high; /* of the values, or of their logarithms */
	bool logarithmic;
	double from, to; /* in the drawing */
};

static double place(const struct scale *scale, double value)
{
	double at = scale->logarithmic ? log10(value) : value;

	return scale->from +
	       (at - scale->low) / (scale->high - scale->low) * (scale->to - scale->from);
}

/* 1, 2 or 5 times a power of ten: about a fifth of the range. */
static double tick_step(double range)
{
	double rough = range / TICKS;
	double power = pow(10, floor(log10(rough)));
	double times = rough / power;

	return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static struct scale linear_scale(double low, double high, double from, double to)
{
	double pad = high > low ? (high - low) * 0.06 : fmax(fabs(high) * 0.1, 0.01);

	return (struct scale){low - pad, high + pad, false, from, to};
}

static struct scale x_scale(double low, double high)
{
	if (low > 0 && high / low > APART)
		return (struct scale){log10(low) - 0.1, log10(high) + 0.1, true, LEFT,
		                      WIDTH - RIGHT};
	struct scale scale = linear_scale(low, high, LEFT, WIDTH - RIGHT);
	if (low >= 0)
		scale.low = 0;
	return scale;
}

/* --- pieces ------------------------------------------------------------------------ */

static void begin(const struct chart_axes *axes, struct text_buf *out)
{
	(void)text_buf_format(
	    out, "<div class=scroll><svg class=chart viewBox=\"0 0 %d %d\" role=img aria-label=\"",
	    WIDTH, HEIGHT);
	html_add_text(out, text_of(axes->alt));
	(void)text_buf_format(out,
	                      "\">\n<path class=axis d=\"M%d %dV%dH%d\"/>\n"
	                      "<text x=\"%d\" y=\"%d\" text-anchor=middle>",
	                      LEFT, TOP, HEIGHT - BOTTOM, WIDTH - RIGHT, (LEFT + WIDTH) / 2,
	                      HEIGHT - 8);
	html_add_text(out, text_of(axes->x_title));
	(void)text_buf_format(
	    out, "</text>\n<text transform=\"translate(16 %d)rotate(-90)\" text-anchor=middle>",
	    (TOP + HEIGHT - BOTTOM) / 2);
	html_add_text(out, text_of(axes->y_title));
	(void)text_buf_add_c(out, "</text>\n");
}

static void add_x_tick(double at, struct text label, struct text_buf *out)
{
	(void)text_buf_format(out,
	                      "<path class=grid d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" "
	                      "text-anchor=middle>",
	                      at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 18);
	html_add_text(out, label);
	(void)text_buf_add_c(out, "</text>\n");
}

/* Four digits that say something, and never an exponent: 0.00002, 12500. */
static struct text number(double value, char bytes[NUMBER_BYTES])
{
	double size = fabs(value);
	int decimals = size > 0 ? 3 - (int)floor(log10(size)) : 0;
	int len;

	decimals = decimals < 0 ? 0 : decimals > DECIMALS_MAX ? DECIMALS_MAX : decimals;
	len = snprintf(bytes, NUMBER_BYTES, "%.*f", decimals, value);
	if (len >= NUMBER_BYTES)
		len = snprintf(bytes, NUMBER_BYTES, "%.4g", value);
	else if (decimals > 0) {
		while (bytes[len - 1] == '0')
			len--;
		len -= bytes[len - 1] == '.';
	}
	return (struct text){bytes, (size_t)len};
}

static void add_y_ticks(const struct scale *scale, double most, struct text_buf *out)
{
	double step = tick_step(scale->high - scale->low);
	char bytes[NUMBER_BYTES];

	for (double value = ceil(scale->low / step) * step;
	     value <= fmin(scale->high, most + step / 1e6); value += step) {
		double at = place(scale, value);
		(void)text_buf_format(out,
		                      "<path class=grid d=\"M%d %.1fH%d\"/><text x=\"%d\" "
		                      "y=\"%.1f\" text-anchor=end>",
		                      LEFT, at, WIDTH - RIGHT, LEFT - 6, at + 4);
		html_add_text(out, number(fabs(value) < step / 1e6 ? 0 : value, bytes));
		(void)text_buf_add_c(out, "</text>\n");
	}
}

static void add_x_ticks(const struct scale *scale, struct text_buf *out)
{
	static const double times[] = {1, 2, 5};
	double step = tick_step(scale->high - scale->low);
	char bytes[NUMBER_BYTES];

	if (!scale->logarithmic) {
		for (double value = ceil(scale->low / step) * step; value <= scale->high;
		     value += step)
			add_x_tick(place(scale, value),
			           number(fabs(value) < step / 1e6 ? 0 : value, bytes), out);
		return;
	}
	bool wide = scale->high - scale->low > 3;
	for (double power = floor(scale->low); power <= scale->high; power++)
		for (size_t i = 0; i < (wide ? 1 : ARRAY_LENGTH(times)); i++) {
			double value = times[i] * pow(10, power);
			if (log10(value) >= scale->low && log10(value) <= scale->high)
				add_x_tick(place(scale, value), number(value, bytes), out);
		}
}

/* --- points ------------------------------------------------------------------------- */

/* From the cheapest to the dearest of the front, by selection: they are few. */
static const struct chart_point *next_on_front(const struct chart_point *points, size_t count,
                                               const struct chart_point *before)
{
	const struct chart_point *next = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct chart_point *point = &points[i];
		bool behind = before == NULL || point->x > before->x ||
		              (point->x >= before->x && point > before);
		if (!point->on_front || !behind)
			continue;
		if (next == NULL || point->x < next->x)
			next = point;
	}
	return next;
}

static void add_front(const struct scale *x, const struct scale *y,
                      const struct chart_point *points, size_t count, struct text_buf *out)
{
	const struct chart_point *point = NULL;
	const char *separator = "";

	(void)text_buf_add_c(out, "<polyline class=front points=\"");
	while ((point = next_on_front(points, count, point)) != NULL) {
		(void)text_buf_format(out, "%s%.1f,%.1f", separator, place(x, point->x),
		                      place(y, point->y));
		separator = " ";
	}
	(void)text_buf_add_c(out, "\"/>\n");
}

static void add_point(const struct scale *x, const struct scale *y, const struct chart_point *point,
                      struct text_buf *out)
{
	(void)text_buf_format(out, "<circle class=%s cx=\"%.1f\" cy=\"%.1f\" r=5><title>",
	                      point->on_front ? "best" : "other", place(x, point->x),
	                      place(y, point->y));
	html_add_text(out, point->title);
	(void)text_buf_add_c(out, "</title></circle>\n");
}

/* Where a label stands: its left end and its line, and how far it reaches. */
struct label_box {
	double left, width, line;
};

struct labels {
	struct label_box boxes[LABELS_MAX];
	size_t count;
};

static bool is_free(const struct labels *labels, const struct label_box *box)
{
	for (size_t i = 0; i < labels->count; i++) {
		const struct label_box *other = &labels->boxes[i];
		if (fabs(other->line - box->line) < LABEL_HEIGHT &&
		    box->left < other->left + other->width && other->left < box->left + box->width)
			return false;
	}
	return labels->count < LABELS_MAX;
}

/* Above its point, else below, else not at all: two labels on each other are none. */
static void add_label(const struct scale *x, const struct scale *y, const struct chart_point *point,
                      struct labels *labels, struct text_buf *out)
{
	double at_x = place(x, point->x);
	double at_y = place(y, point->y);
	bool far_right = at_x > LEFT + (WIDTH - RIGHT - LEFT) * 0.7; /* else it runs out of sight */
	double width = LABEL_CHARACTER * (double)text_code_points(point->label) + LABEL_GAP;
	struct label_box box = {far_right ? at_x - 8 - width : at_x + 8, width, at_y - 6};

	if (!is_free(labels, &box))
		box.line = at_y + 16;
	if (!is_free(labels, &box))
		return;
	labels->boxes[labels->count++] = box;
	(void)text_buf_format(out, "<text x=\"%.1f\" y=\"%.1f\"%s>",
	                      far_right ? at_x - 8 : at_x + 8, box.line,
	                      far_right ? " text-anchor=end" : "");
	html_add_text(out, point->label);
	(void)text_buf_add_c(out, "</text>\n");
}

/* The best first: where there is no room for all, theirs stay. */
static void add_labels(const struct scale *x, const struct scale *y,
                       const struct chart_point *points, size_t count, struct text_buf *out)
{
	struct labels labels = {.count = 0};

	for (int best = 1; best >= 0; best--)
		for (size_t i = 0; i < count; i++)
			if (points[i].on_front == (best == 1))
				add_label(x, y, &points[i], &labels, out);
}

void chart_scatter(const struct chart_axes *axes, const struct chart_point *points, size_t count,
                   struct text_buf *out)
{
	double low_x = (double)INFINITY, high_x = -(double)INFINITY;
	double low_y = low_x, high_y = high_x;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		low_x = fmin(low_x, points[i].x);
		high_x = fmax(high_x, points[i].x);
		low_y = fmin(low_y, points[i].y);
		high_y = fmax(high_y, points[i].y);
	}
	struct scale x = x_scale(low_x, high_x);
	struct scale y = linear_scale(low_y, high_y, HEIGHT - BOTTOM, TOP);
	begin(axes, out);
	add_x_ticks(&x, out);
	add_y_ticks(&y, axes->y_most > 0 ? axes->y_most : (double)INFINITY, out);
	add_front(&x, &y, points, count, out);
	for (size_t i = 0; i < count; i++)
		add_point(&x, &y, &points[i], out);
	add_labels(&x, &y, points, count, out);
	(void)text_buf_add_c(out, "</svg></div>\n");
}

/* --- lines ---------------------------------------------------------------------------- */

static void add_legend(const struct chart_line *lines, size_t line_count, struct text_buf *out)
{
	for (size_t i = 0; i < line_count; i++) {
		int y = TOP + 12 + 18 * (int)i;
		(void)text_buf_format(
		    out,
		    "<path class=\"line line%zu\" d=\"M%d %dh34\"/><text x=\"%d\" "
		    "y=\"%d\">",
		    i, LEFT + 10, y, LEFT + 50, y + 4);
		html_add_text(out, lines[i].label);
		(void)text_buf_add_c(out, "</text>\n");
	}
}

void chart_lines(const struct chart_axes *axes, const struct chart_line *lines, size_t line_count,
                 const struct text *ticks, size_t count, struct text_buf *out)
{
	double most = 0;
	size_t every = count / TIME_TICKS + 1;

	if (count == 0 || line_count == 0)
		return;
	for (size_t l = 0; l < line_count; l++)
		for (size_t i = 0; i < count; i++)
			most = fmax(most, lines[l].values[i]);
	struct scale x = {-0.5, (double)count - 0.5, false, LEFT, WIDTH - RIGHT};
	/* Room above for the legend. */
	struct scale y = {0, most > 0 ? most * 1.3 : 1, false, HEIGHT - BOTTOM, TOP};
	begin(axes, out);
	add_y_ticks(&y, axes->y_most > 0 ? axes->y_most : (double)INFINITY, out);
	for (size_t i = 0; i < count; i += every)
		add_x_tick(place(&x, (double)i), ticks[i], out);
	for (size_t l = 0; l < line_count; l++) {
		(void)text_buf_format(out, "<polyline class=\"line line%zu\" points=\"", l);
		for (size_t i = 0; i < count; i++)
			(void)text_buf_format(out, "%s%.1f,%.1f", i == 0 ? "" : " ",
			                      place(&x, (double)i), place(&y, lines[l].values[i]));
		(void)text_buf_add_c(out, "\"/>\n");
	}
	add_legend(lines, line_count, out);
	(void)text_buf_add_c(out, "</svg></div>\n");
}
