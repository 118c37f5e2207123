/* The gate for programs: JSON, and the annotations of a GitHub job. */
#include "harness/base/json_write.h"
#include "reports/report_gate.h"

#include <inttypes.h>
#include <math.h>

/* --- annotations ------------------------------------------------------------------- */

static void add_annotation(const struct gate_check *check, const char *kind, struct arena *arena,
                           struct text_buf *out)
{
	struct text_buf message;

	text_buf_init(&message, REPORT_MAX_BYTES);
	(void)text_buf_format(&message, "%zu proven of %" PRId64 " wanted", check->proven,
	                      check->wanted);
	if (check->error != NULL)
		(void)text_buf_format(&message, "; %s", check->error);
	for (size_t i = 0; i < check->decision.exclusion_count; i++) {
		const struct router_exclusion *exclusion = &check->decision.exclusions[i];
		struct text reason = report_gate_reason(exclusion, arena);
		(void)text_buf_format(&message, "; %.*s: %.*s", TEXT_ARG(exclusion->target->name),
		                      TEXT_ARG(reason));
	}
	struct text title = text_format(arena, "%s %.*s: %.*s", gate_state_name(check->state),
	                                TEXT_ARG(check->demand->route),
	                                TEXT_ARG(report_gate_shape(check->demand, arena)));
	report_add_annotation(out, kind, title, text_buf_view(&message));
	text_buf_done(&message);
}

void report_gate_github(const struct gate_report *report, struct text_buf *out)
{
	static const char *const kinds[] = {"", "warning", "error"};
	struct arena arena = {0};

	for (int state = GATE_REFUSED; state > GATE_HOLDS; state--) {
		size_t seen = 0;
		for (size_t i = 0; i < report->result->count; i++) {
			const struct gate_check *check = &report->result->checks[i];
			if ((int)check->state == state && seen++ < REPORT_MAX_ANNOTATIONS)
				add_annotation(check, kinds[state], &arena, out);
		}
		if (seen > REPORT_MAX_ANNOTATIONS)
			report_add_annotation(out, kinds[state], TEXT("proviso"),
			                      text_format(&arena,
			                                  "and %zu more; the summary lists them",
			                                  seen - REPORT_MAX_ANNOTATIONS));
	}
	arena_done(&arena);
}

/* --- JSON ----------------------------------------------------------------------------- */

static void write_share(struct json_writer *writer, const char *name, double share)
{
	json_write_key(writer, name);
	if (isnan(share))
		json_write_null(writer);
	else
		json_write_double(writer, share, 6);
}

static void write_exclusions(struct json_writer *writer, const struct gate_check *check)
{
	json_write_key(writer, "excluded");
	json_write_array(writer);
	for (size_t i = 0; i < check->decision.exclusion_count; i++)
		router_write_exclusion(writer, &check->decision.exclusions[i]);
	json_write_array_end(writer);
}

static void write_proven(struct json_writer *writer, const char *name,
                         const struct gate_check *check)
{
	json_write_key(writer, name);
	json_write_array(writer);
	for (size_t i = 0; i < check->decision.count; i++)
		if (check->decision.candidates[i].eligible)
			json_write_string(writer, check->decision.candidates[i].target->name);
	json_write_array_end(writer);
}

static void write_demand(struct json_writer *writer, const struct gate_demand *demand,
                         struct arena *arena)
{
	struct text_list names = shape_names(&demand->shape, arena);

	json_write_member(writer, "route", demand->route);
	json_write_key(writer, "shape");
	json_write_array(writer);
	for (size_t i = 0; i < names.count; i++)
		json_write_string(writer, names.items[i]);
	json_write_array_end(writer);
}

static void write_check(struct json_writer *writer, const struct gate_check *check,
                        struct arena *arena)
{
	json_write_object(writer);
	write_demand(writer, check->demand, arena);
	json_write_member_c(writer, "shape_from", gate_source_name(check->demand->source));
	json_write_member_count(writer, "requests", check->demand->requests);
	json_write_member_count(writer, "prompt_tokens", check->demand->prompt_tokens);
	json_write_member_count(writer, "completion_tokens", check->demand->completion_tokens);
	router_write_usd(writer, "cost_usd", check->demand->cost_pico_usd);
	json_write_member_c(writer, "state", gate_state_name(check->state));
	json_write_member_int(writer, "wanted", check->wanted);
	write_proven(writer, "proven", check);
	router_write_usd(writer, "expected_cost_usd", check->expected_cost_pico_usd);
	json_write_member_c(writer, "error", check->error);
	write_exclusions(writer, check);
	json_write_object_end(writer);
}

static void write_first(struct json_writer *writer, const char *name,
                        const struct gate_check *check)
{
	json_write_key(writer, name);
	if (check->decision.count == 0)
		json_write_null(writer);
	else
		json_write_string(writer, check->decision.candidates[0].target->name);
}

static void write_moves(struct json_writer *writer, const struct gate_report *report,
                        struct arena *arena)
{
	json_write_key(writer, "moves");
	json_write_array(writer);
	for (size_t i = 0; i < report->result->count; i++) {
		const struct gate_check *is = &report->result->checks[i];
		if (report->comparison->moved_of[i] <= 0)
			continue;
		json_write_object(writer);
		write_demand(writer, is->demand, arena);
		write_first(writer, "from", &report->base->checks[i]);
		write_first(writer, "to", is);
		write_share(writer, "share", report->comparison->moved_of[i]);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_losses(struct json_writer *writer, const struct gate_report *report,
                         struct arena *arena)
{
	json_write_key(writer, "losses");
	json_write_array(writer);
	for (size_t i = 0; i < report->comparison->loss_count; i++) {
		const struct gate_loss *loss = &report->comparison->losses[i];
		const struct gate_check *is = &report->result->checks[loss->check];
		json_write_object(writer);
		write_demand(writer, is->demand, arena);
		json_write_member_int(writer, "before", (int64_t)loss->before);
		json_write_member_int(writer, "after", (int64_t)loss->after);
		write_proven(writer, "proven_before", &report->base->checks[loss->check]);
		write_proven(writer, "proven_after", is);
		write_exclusions(writer, is);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static void write_base(struct json_writer *writer, const struct gate_report *report,
                       struct arena *arena)
{
	const struct gate_comparison *comparison = report->comparison;

	json_write_key(writer, "base");
	if (comparison == NULL) {
		json_write_null(writer);
		return;
	}
	json_write_object(writer);
	json_write_key(writer, "moved");
	json_write_object(writer);
	write_share(writer, "requests", comparison->moved.requests);
	write_share(writer, "prompt_tokens", comparison->moved.prompt_tokens);
	write_share(writer, "completion_tokens", comparison->moved.completion_tokens);
	write_share(writer, "cost", comparison->moved.cost);
	json_write_object_end(writer);
	router_write_usd(writer, "cost_before_usd", comparison->cost_before_pico_usd);
	router_write_usd(writer, "cost_after_usd", comparison->cost_after_pico_usd);
	json_write_member_int(writer, "cost_unknown", (int64_t)comparison->cost_unknown);
	write_moves(writer, report, arena);
	write_losses(writer, report, arena);
	json_write_object_end(writer);
}

void report_gate_json(const struct gate_report *report, struct text_buf *out)
{
	static const char *const modes[] = {"enforce", "warn", "shadow"};
	struct arena arena = {0};
	struct json_writer writer;

	json_writer_init(&writer, out, true);
	json_write_object(&writer);
	json_write_member_bool(&writer, "holds", report->result->state == GATE_HOLDS);
	json_write_member_c(&writer, "state", gate_state_name(report->result->state));
	json_write_member_c(&writer, "mode", modes[router_config(report->router)->policy.mode]);
	json_write_member_c(&writer, "matrix", router_matrix_hash(report->router));
	json_write_member_c(&writer, "suite", report->suite->hash);
	json_write_key(&writer, "counts");
	json_write_object(&writer);
	for (int state = GATE_HOLDS; state <= GATE_REFUSED; state++)
		json_write_member_int(&writer, gate_state_name((enum gate_state)state),
		                      (int64_t)report->result->of[state]);
	json_write_object_end(&writer);
	json_write_member_int(&writer, "without_shape", report->demands->without_shape);
	json_write_member(&writer, "notes", report_gate_notes(report, &arena));
	json_write_key(&writer, "checks");
	json_write_array(&writer);
	for (size_t i = 0; i < report->result->count; i++)
		write_check(&writer, &report->result->checks[i], &arena);
	json_write_array_end(&writer);
	write_base(&writer, report, &arena);
	json_write_object_end(&writer);
	(void)text_buf_byte(out, '\n');
	arena_done(&arena);
}
