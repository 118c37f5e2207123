/* The forecast for programs: CSV and JSON. Money is exact in both. */
#include "harness/base/csv.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "reports/report_forecast.h"

#include <math.h>

enum { MONTH_DAYS = 30, SHARE_DECIMALS = 6 };

/* The figures of a policy, in the order of the columns. */
enum figure_kind { FIGURE_COUNT, FIGURE_USD, FIGURE_SHARE, FIGURE_FLAG };

struct figure {
	const char *name;
	enum figure_kind kind;
	bool known;
	int64_t count;
	money usd;
	double share;
};

enum { FIGURES_MAX = 40 };

struct figures {
	struct figure items[FIGURES_MAX];
	size_t count;
};

static struct figure *add(struct figures *figures, const char *name, enum figure_kind kind)
{
	struct figure *figure = &figures->items[figures->count++];

	REQUIRE(figures->count <= FIGURES_MAX);
	*figure = (struct figure){.name = name, .kind = kind, .known = true};
	return figure;
}

static void add_count(struct figures *figures, const char *name, int64_t count)
{
	add(figures, name, FIGURE_COUNT)->count = count;
}

static void add_share(struct figures *figures, const char *name, double share)
{
	struct figure *figure = add(figures, name, FIGURE_SHARE);

	figure->share = share;
	figure->known = !isnan(share);
}

static void add_usd(struct figures *figures, const char *name, bool known, money usd)
{
	struct figure *figure = add(figures, name, FIGURE_USD);

	figure->known = known;
	figure->usd = usd;
}

static void add_sum(struct figures *figures, const char *const names[3], bool known,
                    const struct forecast_sum *sum, int64_t days, int64_t span_ms)
{
	const money parts[3] = {sum->expected, sum->low, sum->high};

	for (size_t i = 0; i < 3; i++)
		add_usd(figures, names[i], known && (days == 0 || span_ms > 0),
		        days == 0 || span_ms <= 0 ? parts[i]
		                                  : forecast_per_days(parts[i], days, span_ms));
}

static void add_costs(struct figures *figures, const struct forecast_report *report,
                      const struct forecast_policy *policy)
{
	static const char *const whole[] = {"cost_usd", "cost_low_usd", "cost_high_usd"};
	static const char *const day[] = {"cost_per_day_usd", "cost_per_day_low_usd",
	                                  "cost_per_day_high_usd"};
	static const char *const month[] = {"cost_per_30_days_usd", "cost_per_30_days_low_usd",
	                                    "cost_per_30_days_high_usd"};
	static const char *const saved[] = {"saving_usd", "saving_low_usd", "saving_high_usd"};
	bool priced = report_forecast_priced(policy);
	bool compared = report_forecast_compared(report, policy);
	int64_t span_ms = report->result->span_ms;
	struct forecast_sum saving = report_forecast_saving(policy);

	add_sum(figures, whole, priced, &policy->cost, 0, span_ms);
	add_sum(figures, day, priced, &policy->cost, 1, span_ms);
	add_sum(figures, month, priced, &policy->cost, MONTH_DAYS, span_ms);
	add_count(figures, "compared", policy->compared);
	add_usd(figures, "baseline_cost_usd", compared, policy->baseline_cost.expected);
	add_usd(figures, "compared_cost_usd", compared, policy->compared_cost.expected);
	add_sum(figures, saved, compared, &saving, 0, span_ms);
	add_share(figures, "saving_share",
	          compared ? report_forecast_saving_share(policy) : (double)NAN);
}

static void take_figures(const struct forecast_report *report, const struct forecast_policy *policy,
                         struct figures *out)
{
	out->count = 0;
	add_count(out, "requests", policy->requests);
	add_count(out, "served", policy->served);
	add_count(out, "unproven", policy->unproven);
	add_count(out, "open", policy->open);
	add_count(out, "unknown_route", policy->unknown);
	add_count(out, "unpriced", policy->unpriced);
	add_count(out, "estimated", policy->estimated);
	add_costs(out, report, policy);
	add_share(out, "quality", policy->quality);
	add_count(out, "quality_requests", policy->measured);
	add_share(out, "unproven_share", report_forecast_unproven(policy));
	add(out, "on_front", FIGURE_FLAG)->count = policy->on_front;
}

/* --- CSV -------------------------------------------------------------------------- */

static void write_figure_csv(struct csv_writer *writer, const struct figure *figure,
                             struct arena *arena)
{
	if (!figure->known) {
		csv_write_unknown(writer);
		return;
	}
	switch (figure->kind) {
	case FIGURE_COUNT:
		csv_write_int(writer, figure->count);
		break;
	case FIGURE_USD: {
		/* Numbers stand bare: a saving below 0 is no formula. */
		bool safe = writer->spreadsheet_safe;
		writer->spreadsheet_safe = false;
		csv_write_text(writer, money_text(figure->usd, arena));
		writer->spreadsheet_safe = safe;
		break;
	}
	case FIGURE_SHARE:
		csv_write_double(writer, figure->share, SHARE_DECIMALS);
		break;
	case FIGURE_FLAG:
		csv_write_text(writer, figure->count != 0 ? TEXT("true") : TEXT("false"));
		break;
	}
}

void report_forecast_csv(const struct forecast_report *report, struct text_buf *out)
{
	const struct forecast_result *result = report->result;
	struct arena arena = {0};
	struct csv_writer writer;
	struct figures figures;

	csv_writer_init(&writer, out, true);
	for (size_t i = 0; i < result->count; i++) {
		const struct forecast_policy *policy = &result->policies[i];
		take_figures(report, policy, &figures);
		if (i == 0) {
			csv_write_text(&writer, TEXT("policy"));
			csv_write_text(&writer, TEXT("kind"));
			for (size_t k = 0; k < figures.count; k++)
				csv_write_text(&writer, text_of(figures.items[k].name));
			csv_write_end_row(&writer);
		}
		csv_write_text(&writer, policy->name);
		csv_write_text(&writer, text_of(forecast_kind_name(policy->kind)));
		for (size_t k = 0; k < figures.count; k++)
			write_figure_csv(&writer, &figures.items[k], &arena);
		csv_write_end_row(&writer);
		arena_reset(&arena);
	}
	arena_done(&arena);
}

/* --- JSON --------------------------------------------------------------------------- */

static void write_figure_json(struct json_writer *writer, const struct figure *figure,
                              struct arena *arena)
{
	json_write_key(writer, figure->name);
	if (!figure->known) {
		json_write_null(writer);
		return;
	}
	switch (figure->kind) {
	case FIGURE_COUNT:
		json_write_int(writer, figure->count);
		break;
	case FIGURE_USD:
		json_write_raw(writer, money_text(figure->usd, arena));
		break;
	case FIGURE_SHARE:
		json_write_double(writer, figure->share, SHARE_DECIMALS);
		break;
	case FIGURE_FLAG:
		json_write_bool(writer, figure->count != 0);
		break;
	}
}

static void write_targets(struct json_writer *writer, const struct forecast_result *result,
                          const struct forecast_policy *policy)
{
	json_write_key(writer, "targets");
	json_write_array(writer);
	for (size_t i = 0; i < result->target_count; i++) {
		if (policy->targets[i] == 0)
			continue;
		json_write_object(writer);
		json_write_member(writer, "target", result->targets[i]);
		json_write_member_int(writer, "requests", policy->targets[i]);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_policies(struct json_writer *writer, const struct forecast_report *report,
                           struct arena *arena)
{
	const struct forecast_result *result = report->result;
	struct figures figures;

	json_write_key(writer, "policies");
	json_write_array(writer);
	for (size_t i = 0; i < result->count; i++) {
		const struct forecast_policy *policy = &result->policies[i];
		json_write_object(writer);
		json_write_member(writer, "policy", policy->name);
		json_write_member_c(writer, "kind", forecast_kind_name(policy->kind));
		take_figures(report, policy, &figures);
		for (size_t k = 0; k < figures.count; k++)
			write_figure_json(writer, &figures.items[k], arena);
		write_targets(writer, result, policy);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_traffic(struct json_writer *writer, const struct forecast_report *report,
                          struct arena *arena)
{
	const struct forecast_result *result = report->result;
	const struct traffic_counts *counts = report->counts;

	json_write_key(writer, "traffic");
	json_write_object(writer);
	json_write_member(writer, "file", report->traffic);
	json_write_member_c(writer, "format", traffic_format_name(counts->format));
	json_write_member_int(writer, "rows", counts->rows);
	json_write_member_int(writer, "refused", counts->refused);
	json_write_member_int(writer, "unserved", counts->unserved);
	json_write_member_int(writer, "outside", result->outside);
	json_write_member_int(writer, "requests", result->requests);
	json_write_member_int(writer, "kinds", (int64_t)result->groups);
	json_write_member(writer, "first", wall_format(arena, result->first_wall_ms, true));
	json_write_member(writer, "last", wall_format(arena, result->last_wall_ms, true));
	json_write_member_int(writer, "span_ms", result->span_ms);
	json_write_member_int(writer, "prices_shift_ms", result->shift_ms);
	json_write_member_int(writer, "input_tokens", result->input_tokens);
	json_write_member_int(writer, "cached_tokens", result->cached_tokens);
	json_write_member_int(writer, "output_tokens", result->output_tokens);
	json_write_member_int(writer, "missing_input", result->missing_input);
	json_write_member_int(writer, "missing_output", result->missing_output);
	json_write_object_end(writer);
}

static void write_gaps(struct json_writer *writer, const struct forecast_result *result)
{
	json_write_key(writer, "gaps");
	json_write_array(writer);
	for (size_t i = 0; i < result->gap_count; i++) {
		const struct forecast_gap *gap = &result->gaps[i];
		json_write_object(writer);
		json_write_member(writer, "asked", gap->asked);
		json_write_member(writer, "features", gap->features);
		json_write_member(writer, "task", gap->task);
		json_write_member_int(writer, "requests", gap->requests);
		json_write_member(writer, "reason", gap->reason);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_spend(struct json_writer *writer, const struct forecast_result *result,
                        struct arena *arena)
{
	json_write_key(writer, "spend");
	json_write_object(writer);
	json_write_member(writer, "from", wall_format(arena, result->bucket_first_ms, false));
	json_write_member_int(writer, "step_ms", result->bucket_ms);
	json_write_key(writer, "policies");
	json_write_array(writer);
	for (size_t i = 0; i < result->count; i++) {
		json_write_object(writer);
		json_write_member(writer, "policy", result->policies[i].name);
		json_write_key(writer, "usd");
		json_write_array(writer);
		for (size_t b = 0; b < result->bucket_count; b++)
			json_write_raw(writer, money_text(result->policies[i].spend[b], arena));
		json_write_array_end(writer);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
	json_write_object_end(writer);
}

void report_forecast_json(const struct forecast_report *report, struct text_buf *out)
{
	const struct forecast_result *result = report->result;
	struct arena arena = {0};
	struct json_writer writer;
	struct text_list notes = report_forecast_notes(report, &arena);

	json_writer_init(&writer, out, true);
	json_write_object(&writer);
	json_write_member_bool(&writer, "holds", report->holds);
	write_traffic(&writer, report, &arena);
	json_write_member_c(&writer, "matrix",
	                    report->matrix_hash[0] == '\0' ? NULL : report->matrix_hash);
	json_write_key(&writer, "baseline");
	if (result->baseline == SIZE_MAX)
		json_write_null(&writer);
	else
		json_write_string(&writer, result->policies[result->baseline].name);
	write_policies(&writer, report, &arena);
	write_gaps(&writer, result);
	write_spend(&writer, result, &arena);
	json_write_key(&writer, "notes");
	json_write_array(&writer);
	for (size_t i = 0; i < notes.count; i++)
		json_write_string(&writer, notes.items[i]);
	json_write_array_end(&writer);
	json_write_object_end(&writer);
	(void)text_buf_byte(out, '\n');
	arena_done(&arena);
}
