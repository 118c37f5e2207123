/* The decision as JSON, and the client's own wishes read from JSON; see router.h. */
#include "harness/run/route/router_private.h"

#include "harness/base/http_parse.h"
#include "harness/base/json_write.h"

#include <math.h>
#include <stdio.h>

/* --- OpenRouter's `provider` object --------------------------------------------------- */

static bool complain(struct shape_fault *fault, const char *what)
{
	fault->param = "provider";
	(void)snprintf(fault->message, sizeof(fault->message), "%s", what);
	return false;
}

static bool read_names(const struct json *node, const char *name, struct arena *arena,
                       struct text_list *out, struct shape_fault *fault)
{
	const struct json *list = json_member(node, name);

	if (list == NULL || list->type == JSON_NULL)
		return true;
	if (!json_is(list, JSON_ARRAY))
		return complain(fault, "provider.order, only and ignore must be lists of names");
	out->items = ARENA_NEW_ARRAY(arena, struct text, list->count);
	JSON_EACH(item, list)
	{
		if (!json_is(item, JSON_STRING))
			return complain(fault,
			                "provider.order, only and ignore must be lists of names");
		out->items[out->count++] = item->text;
	}
	return true;
}

static bool read_flag(const struct json *node, const char *name, bool *out,
                      struct shape_fault *fault)
{
	const struct json *flag = json_member(node, name);

	if (flag == NULL || flag->type == JSON_NULL)
		return true;
	if (!json_is(flag, JSON_BOOL))
		return complain(fault, "provider.allow_fallbacks and require_parameters must be "
		                       "true or false");
	*out = flag->truth;
	return true;
}

/* USD per million tokens, as number or string. */
static bool read_price(const struct json *prices, const char *name, int64_t *out)
{
	const struct json *price = json_member(prices, name);

	if (price == NULL || price->type == JSON_NULL)
		return true;
	return (json_is(price, JSON_NUMBER) || json_is(price, JSON_STRING)) &&
	       setting_parse_usd(price->text, out);
}

static bool read_prices(const struct json *node, struct router_preferences *out,
                        struct shape_fault *fault)
{
	const struct json *prices = json_member(node, "max_price");

	if (prices == NULL || prices->type == JSON_NULL)
		return true;
	if (json_is(prices, JSON_OBJECT) &&
	    read_price(prices, "prompt", &out->max_input_pico_usd) &&
	    read_price(prices, "completion", &out->max_output_pico_usd))
		return true;
	return complain(fault, "provider.max_price must hold USD per million tokens");
}

static bool read_sort(const struct json *node, struct text *out, struct shape_fault *fault)
{
	const struct json *sort = json_member(node, "sort");

	if (sort == NULL || sort->type == JSON_NULL)
		return true;
	*out = json_is(sort, JSON_STRING) ? sort->text : json_string(sort, "by");
	if (text_is(*out, "price") || text_is(*out, "latency") || text_is(*out, "throughput"))
		return true;
	return complain(fault, "provider.sort must be price, latency or throughput");
}

bool router_preferences_read(const struct json *node, struct arena *arena,
                             struct router_preferences *out, struct shape_fault *fault)
{
	*out = (struct router_preferences){
	    .allow_fallbacks = true, .max_input_pico_usd = -1, .max_output_pico_usd = -1};
	if (node == NULL || node->type == JSON_NULL)
		return true;
	if (!json_is(node, JSON_OBJECT))
		return complain(fault, "provider must be an object");
	return read_names(node, "order", arena, &out->order, fault) &&
	       read_names(node, "only", arena, &out->only, fault) &&
	       read_names(node, "ignore", arena, &out->ignore, fault) &&
	       read_flag(node, "allow_fallbacks", &out->allow_fallbacks, fault) &&
	       read_flag(node, "require_parameters", &out->require_parameters, fault) &&
	       read_prices(node, out, fault) && read_sort(node, &out->sort, fault);
}

/* --- headers ------------------------------------------------------------------------------ */

static bool complain_header(struct shape_fault *fault, const char *name, const char *what)
{
	fault->param = name;
	(void)snprintf(fault->message, sizeof(fault->message), "%s %s", name, what);
	return false;
}

bool router_read_headers(const struct http_header *headers, size_t count,
                         struct router_request *request, struct shape_fault *fault)
{
	request->headers = headers;
	request->header_count = count;
	for (size_t i = 0; i < count; i++) {
		struct text name = headers[i].name;
		struct text value = headers[i].value;
		double quality;
		if (text_equal_ignoring_case(name, TEXT("x-proviso-max-cost")) &&
		    !setting_parse_usd(value, &request->max_cost_pico_usd))
			return complain_header(fault, "x-proviso-max-cost",
			                       "must be USD like 0.05");
		if (text_equal_ignoring_case(name, TEXT("x-proviso-min-quality"))) {
			if (!text_to_double(value, &quality) || !(quality >= 0 && quality <= 1))
				return complain_header(fault, "x-proviso-min-quality",
				                       "must be a number from 0 to 1");
			request->min_quality = quality;
		}
		if (text_equal_ignoring_case(name, TEXT("x-proviso-workflow")) &&
		    request->workflow.data == NULL)
			request->workflow = value;
	}
	return true;
}

/* --- writing ------------------------------------------------------------------------------ */

static const char *const mode_names[] = {"enforce", "warn", "shadow"};

static void write_texts(struct json_writer *writer, const char *name, struct text_list list)
{
	json_write_key(writer, name);
	json_write_array(writer);
	for (size_t i = 0; i < list.count; i++)
		json_write_string(writer, list.items[i]);
	json_write_array_end(writer);
}

static void write_text_or_null(struct json_writer *writer, const char *name, struct text value)
{
	json_write_key(writer, name);
	if (value.data == NULL)
		json_write_null(writer);
	else
		json_write_string(writer, value);
}

static void write_number_or_null(struct json_writer *writer, const char *name, double value,
                                 int decimals)
{
	json_write_key(writer, name);
	if (isfinite(value))
		json_write_double(writer, value, decimals);
	else
		json_write_null(writer);
}

/* Pico-USD as an exact decimal number: no double stands between. */
void router_write_usd(struct json_writer *writer, const char *name, int64_t pico_usd)
{
	char digits[40];

	json_write_key(writer, name);
	if (pico_usd < 0) {
		json_write_null(writer);
		return;
	}
	int length =
	    snprintf(digits, sizeof(digits), "%lld.%012lld", (long long)(pico_usd / 1000000000000),
	             (long long)(pico_usd % 1000000000000));
	while (digits[length - 1] == '0' && digits[length - 2] != '.')
		length--;
	json_write_raw(writer, (struct text){digits, (size_t)length});
}

static void write_repairs(struct json_writer *writer, repair_bits repairs)
{
	json_write_key(writer, "repairs");
	json_write_array(writer);
	for (int i = 0; i < REPAIR_COUNT; i++)
		if ((repairs & REPAIR_BIT(i)) != 0)
			json_write_string(writer, text_of(repair_name((enum repair)i)));
	json_write_array_end(writer);
}

/* By which tasks; not there where it is the rate of the stochastic cells. */
static void write_quality(struct json_writer *writer, const struct router_candidate *candidate)
{
	if (candidate->quality_kind == CASE_KIND_NONE)
		return;
	json_write_member_c(writer, "quality_kind", case_kind_names[candidate->quality_kind]);
	write_number_or_null(writer, "quality_low", candidate->quality_low, 4);
	write_number_or_null(writer, "quality_high", candidate->quality_high, 4);
	write_number_or_null(writer, "pass_rate", candidate->pass_rate, 4);
}

static void write_candidate(struct json_writer *writer, const struct router *router,
                            const struct router_request *request,
                            const struct router_candidate *candidate, struct arena *arena)
{
	const struct evidence_question question = {
	    .shape = request->shape,
	    .repairs = candidate->repairs,
	    .demand = request->demand,
	    .now_wall_ms = request->now_wall_ms,
	};
	struct evidence_proof proof;

	evidence_prove(router->evidence, candidate->number, &question, arena, &proof);
	json_write_object(writer);
	json_write_member(writer, "target", candidate->target->name);
	router_write_usd(writer, "expected_cost_usd", candidate->expected_cost_pico_usd);
	write_number_or_null(writer, "quality", candidate->quality, 4);
	write_quality(writer, candidate);
	write_number_or_null(
	    writer, "latency_ms",
	    candidate->latency_us < 0 ? (double)NAN : (double)candidate->latency_us / 1000, 3);
	write_number_or_null(writer, "score", candidate->score, 6);
	write_texts(writer, "cells", proof.cells);
	json_write_member_bool(writer, "proven", candidate->proven);
	router_write_usd(writer, "bound_usd", candidate->bound_pico_usd);
	write_texts(writer, "unproven", candidate->unproven);
	write_repairs(writer, candidate->repairs);
	json_write_member_int(writer, "expected_input_tokens", candidate->input_tokens);
	json_write_member_int(writer, "expected_output_tokens", candidate->output_tokens);
	write_text_or_null(
	    writer, "price_version",
	    price_at(&candidate->target->model->price, router_price_moment(request))->version);
	write_text_or_null(writer, "price_note",
	                   provider_price_note(candidate->target->provider,
	                                       candidate->target->model,
	                                       router_price_moment(request), arena));
	json_write_object_end(writer);
}

void router_write_exclusion(struct json_writer *writer, const struct router_exclusion *exclusion)
{
	json_write_object(writer);
	json_write_member(writer, "target", exclusion->target->name);
	write_text_or_null(writer, "case", exclusion->case_id);
	json_write_member_c(writer, "variant", exclusion->variant);
	json_write_member_c(writer, "verdict", exclusion->verdict);
	json_write_member(writer, "reason", exclusion->reason);
	json_write_object_end(writer);
}

void router_write_json(const struct router *router, const struct router_request *request,
                       const struct router_decision *decision, struct arena *arena,
                       struct json_writer *writer)
{
	json_write_object(writer);
	write_texts(writer, "shape", shape_names(request->shape, arena));
	write_text_or_null(writer, "task", decision->task);
	write_text_or_null(writer, "risk", decision->risk);
	write_text_or_null(writer, "route", decision->route);
	json_write_member_c(writer, "mode", mode_names[decision->mode]);
	json_write_member_c(writer, "matrix", router->matrix_hash);
	json_write_member_c(writer, "strategy", config_strategy_names[decision->strategy]);
	write_texts(writer, "unknown_fields", decision->unknown_fields);
	json_write_key(writer, "candidates");
	json_write_array(writer);
	for (size_t i = 0; i < decision->count; i++)
		write_candidate(writer, router, request, &decision->candidates[i], arena);
	json_write_array_end(writer);
	json_write_key(writer, "excluded");
	json_write_array(writer);
	for (size_t i = 0; i < decision->exclusion_count; i++)
		router_write_exclusion(writer, &decision->exclusions[i]);
	json_write_array_end(writer);
	json_write_object_end(writer);
}
