/* The grid, and the events in its place; see progress.h. */
#include "harness/cli/progress.h"

#include "harness/base/csv.h"
#include "harness/base/log.h"
#include "harness/cli/command.h"

enum {
	REDRAW_MS = 100,
	LOG_MS = 30000,
	LOG_PERCENT = 10,
	GRID_MAX_BYTES = 1 << 20,
	NAME_COLUMNS = 32,
};

/* One square of the grid: a target's cells of one capability. */
struct square {
	size_t decided, total, bad;
};

struct progress {
	struct loop *loop;
	const struct plan *plan;
	const struct runner *runner; /* NULL until watched */
	bool terminal;
	bool priced; /* some target has a price: spend can be told */
	bool dirty;
	struct arena arena;
	struct text *capabilities;
	size_t capability_count;
	struct square *squares; /* target * capability_count + capability */
	size_t decided, bad;
	int64_t percent_said;
	size_t lines_drawn;
	struct loop_timer timer;
	struct text_buf out;
};

static size_t capability_index(const struct progress *progress, struct text capability)
{
	size_t i = 0;

	while (i < progress->capability_count && !text_equal(progress->capabilities[i], capability))
		i++;
	return i;
}

static struct square *square_of(const struct progress *progress, const struct plan_cell *cell)
{
	size_t target = (size_t)(cell->target - progress->plan->targets);
	size_t capability = capability_index(progress, cell->eval_case->capability);

	return &progress->squares[target * progress->capability_count + capability];
}

static void erase(struct progress *progress)
{
	/* To the grid's first line, then clear to the end of the screen. */
	if (progress->lines_drawn != 0)
		(void)fprintf(stderr, "\x1b[%zuA\r\x1b[J", progress->lines_drawn);
	progress->lines_drawn = 0;
}

static void add_usd(struct text_buf *out, int64_t pico_usd)
{
	struct csv_writer writer;

	csv_writer_init(&writer, out, false);
	csv_write_usd(&writer, pico_usd);
}

static void add_figures(struct progress *progress)
{
	struct text_buf *out = &progress->out;

	(void)text_buf_format(out, "%zu of %zu cells decided, %zu not passing", progress->decided,
	                      progress->plan->cell_count, progress->bad);
	if (progress->runner == NULL)
		return;
	struct runner_progress now = runner_progress(progress->runner);
	(void)text_buf_format(out, "; %lld requests; ", (long long)now.attempts);
	if (progress->priced) {
		(void)text_buf_add_c(out, "spent ");
		add_usd(out, now.spent_pico_usd);
		(void)text_buf_add_c(out, " USD");
	} else {
		(void)text_buf_add_c(out, "spend unknown, no price is given");
	}
	if (progress->priced && now.reserved_pico_usd > 0) {
		(void)text_buf_add_c(out, " (at most ");
		add_usd(out, now.reserved_pico_usd);
		(void)text_buf_add_c(out, " more in flight)");
	}
	if (now.eta_ms >= 0)
		(void)text_buf_format(out, "; about %lld s left",
		                      (long long)((now.eta_ms + 999) / 1000));
}

/* "tools 3/20" with a ! behind where something does not pass: no meaning in colour alone. */
static void add_target_line(struct progress *progress, size_t target, size_t width)
{
	struct arena arena = {0};
	struct text name = text_visible(&arena, progress->plan->targets[target].name, NAME_COLUMNS);
	size_t used = text_columns(name);

	(void)text_buf_add(&progress->out, name);
	for (size_t c = 0; c < progress->capability_count; c++) {
		const struct square *square =
		    &progress->squares[target * progress->capability_count + c];
		if (square->total == 0)
			continue;
		struct text item =
		    text_format(&arena, "  %.*s %zu/%zu%s", TEXT_ARG(progress->capabilities[c]),
		                square->decided, square->total, square->bad != 0 ? "!" : "");
		if (used + item.len > width) {
			(void)text_buf_add_c(&progress->out, "\n   ");
			progress->lines_drawn++;
			used = 3;
		}
		(void)text_buf_add(&progress->out, item);
		used += item.len;
	}
	(void)text_buf_byte(&progress->out, '\n');
	progress->lines_drawn++;
	arena_done(&arena);
}

static void draw(struct progress *progress)
{
	size_t width = terminal_width();

	erase(progress);
	text_buf_reset(&progress->out);
	for (size_t target = 0; target < progress->plan->target_count; target++)
		add_target_line(progress, target, width - 1);
	size_t before = progress->out.len;
	add_figures(progress);
	(void)text_buf_byte(&progress->out, '\n');
	progress->lines_drawn += 1 + (progress->out.len - before - 1) / width;
	(void)fwrite(progress->out.data, 1, progress->out.len, stderr);
	(void)fflush(stderr);
	progress->dirty = false;
}

/* Where no terminal is there: an event of the log, which is silent at its usual level. */
static void log_figures(struct progress *progress)
{
	struct runner_progress now = {.eta_ms = -1};

	if (progress->runner != NULL)
		now = runner_progress(progress->runner);
	log_info("check.progress",
	         "decided=%zu cells=%zu not_passing=%zu requests=%lld left_ms=%lld",
	         progress->decided, progress->plan->cell_count, progress->bad,
	         (long long)now.attempts, (long long)now.eta_ms);
	progress->dirty = false;
}

static void on_timer(void *context)
{
	struct progress *progress = context;

	if (progress->terminal)
		draw(progress);
	else if (progress->dirty)
		log_figures(progress);
	loop_timer_start(progress->loop, &progress->timer, progress->terminal ? REDRAW_MS : LOG_MS,
	                 on_timer, progress);
}

struct progress *progress_new(struct loop *loop, const struct plan *plan, bool terminal)
{
	struct progress *progress = memory_new(sizeof(*progress));

	*progress = (struct progress){.loop = loop, .plan = plan, .terminal = terminal};
	text_buf_init(&progress->out, GRID_MAX_BYTES);
	progress->capabilities =
	    ARENA_NEW_ARRAY(&progress->arena, struct text, plan->cell_count + 1);
	for (size_t i = 0; i < plan->cell_count; i++) {
		struct text capability = plan->cells[i].eval_case->capability;
		size_t at = capability_index(progress, capability);
		if (at == progress->capability_count)
			progress->capabilities[progress->capability_count++] = capability;
	}
	progress->squares =
	    ARENA_NEW_ARRAY(&progress->arena, struct square,
	                    size_mul(plan->target_count, progress->capability_count) + 1);
	for (size_t i = 0; i < plan->cell_count; i++)
		square_of(progress, &plan->cells[i])->total++;
	for (size_t i = 0; i < plan->target_count; i++)
		progress->priced = progress->priced || plan->targets[i].model->price.known;
	loop_timer_start(loop, &progress->timer, terminal ? REDRAW_MS : LOG_MS, on_timer, progress);
	return progress;
}

void progress_watch(struct progress *progress, const struct runner *runner)
{
	progress->runner = runner;
}

void progress_cell(struct progress *progress, const struct plan_cell *cell, enum verdict verdict)
{
	struct square *square = square_of(progress, cell);

	square->decided++;
	progress->decided++;
	if (verdict != VERDICT_PASS && verdict != VERDICT_SKIPPED) {
		square->bad++;
		progress->bad++;
	}
	progress->dirty = true;
	int64_t percent = (int64_t)(progress->decided * 100 / progress->plan->cell_count);
	if (!progress->terminal && percent >= progress->percent_said + LOG_PERCENT) {
		progress->percent_said = percent - percent % LOG_PERCENT;
		log_figures(progress);
	}
}

void progress_say(struct progress *progress, struct text line)
{
	struct text_buf shown;

	if (progress->terminal)
		erase(progress);
	text_buf_init(&shown, GRID_MAX_BYTES);
	text_buf_add_visible(&shown, line);
	(void)fprintf(stderr, "proviso: %s\n", text_buf_view(&shown).data);
	text_buf_done(&shown);
	progress->dirty = true;
}

void progress_free(struct progress *progress)
{
	if (progress == NULL)
		return;
	if (progress->terminal)
		erase(progress);
	loop_timer_stop(progress->loop, &progress->timer);
	text_buf_done(&progress->out);
	arena_done(&progress->arena);
	memory_free(progress);
}
