/* `usage --budgets`: what is spent and left of each budget, as table, CSV or JSON. */
#include "harness/cli/usage_output.h"

#include "harness/base/csv.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "providers/price/money.h"

#include <math.h>

enum { NAME_COLUMNS = 40, SHARE_DECIMALS = 4 };
static const char *const per_names[] = {"hour", "day", "week", "month", "prepaid"};

static money left_of(const struct budget_state *state)
{
	return (money)state->limit_pico_usd - state->spent_pico_usd - state->reserved_pico_usd;
}

/* Nothing is left | its soft limit is passed | neither. */
static const char *standing(const struct budget_state *state)
{
	if (left_of(state) <= 0)
		return "full";
	if (state->soft_pico_usd >= 0 &&
	    (money)state->spent_pico_usd + state->reserved_pico_usd >= state->soft_pico_usd)
		return "soft";
	return "ok";
}

/* Of the limit; NaN of none, which a budget of 0 USD is. */
static double used_share(const struct budget_state *state)
{
	money used = (money)state->spent_pico_usd + state->reserved_pico_usd;

	return money_usd(used) / money_usd(state->limit_pico_usd);
}

/* --- CSV --- */

static void write_moment(struct csv_writer *writer, int64_t wall_ms, struct arena *arena)
{
	if (wall_ms < 0)
		csv_write_unknown(writer);
	else
		csv_write_text(writer, wall_format(arena, wall_ms, false));
}

void usage_budgets_csv(const struct budget_state *states, size_t count, struct text_buf *out)
{
	static const char *const columns[] = {
	    "budget",   "key_id",    "key_name",     "team",         "workflow",   "task",
	    "provider", "target",    "per",          "period_start", "period_end", "limit_usd",
	    "soft_usd", "spent_usd", "reserved_usd", "left_usd",     "used_share", "standing",
	};
	struct csv_writer writer;
	struct arena arena = {0};

	csv_writer_init(&writer, out, true);
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++)
		csv_write_text(&writer, text_of(columns[i]));
	csv_write_end_row(&writer);
	for (const struct budget_state *state = states; state < states + count; state++) {
		const struct text texts[] = {state->name,           state->scope.key,
		                             state->key_name,       state->scope.team,
		                             state->scope.workflow, state->scope.task,
		                             state->scope.provider, state->scope.target};
		for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
			csv_write_text(&writer, texts[i]);
		csv_write_text(&writer, text_of(per_names[state->per]));
		write_moment(&writer, state->from_wall_ms, &arena);
		write_moment(&writer, state->until_wall_ms, &arena);
		csv_write_usd(&writer, state->limit_pico_usd);
		csv_write_usd(&writer, state->soft_pico_usd);
		csv_write_usd(&writer, state->spent_pico_usd);
		csv_write_usd(&writer, state->reserved_pico_usd);
		csv_write_number(&writer, money_text(left_of(state), &arena));
		csv_write_double(&writer, used_share(state), SHARE_DECIMALS);
		csv_write_text(&writer, text_of(standing(state)));
		csv_write_end_row(&writer);
		arena_reset(&arena);
	}
	arena_done(&arena);
}

/* --- JSON --- */

static void member_or_null(struct json_writer *writer, const char *name, struct text value)
{
	if (value.data == NULL)
		json_write_member_c(writer, name, NULL);
	else
		json_write_member(writer, name, value);
}

static void member_usd(struct json_writer *writer, const char *name, money amount,
                       struct arena *arena)
{
	json_write_key(writer, name);
	json_write_raw(writer, money_text(amount, arena));
}

static void member_moment(struct json_writer *writer, const char *name, int64_t wall_ms,
                          struct arena *arena)
{
	if (wall_ms < 0)
		json_write_member_c(writer, name, NULL);
	else
		json_write_member(writer, name, wall_format(arena, wall_ms, false));
}

static void write_state(struct json_writer *writer, const struct budget_state *state,
                        struct arena *arena)
{
	json_write_object(writer);
	json_write_member(writer, "budget", state->name);
	member_or_null(writer, "key_id", state->scope.key);
	member_or_null(writer, "key_name", state->key_name);
	member_or_null(writer, "team", state->scope.team);
	member_or_null(writer, "workflow", state->scope.workflow);
	member_or_null(writer, "task", state->scope.task);
	member_or_null(writer, "provider", state->scope.provider);
	member_or_null(writer, "target", state->scope.target);
	json_write_member_c(writer, "per", per_names[state->per]);
	member_moment(writer, "period_start", state->from_wall_ms, arena);
	member_moment(writer, "period_end", state->until_wall_ms, arena);
	member_usd(writer, "limit_usd", state->limit_pico_usd, arena);
	if (state->soft_pico_usd < 0)
		json_write_member_c(writer, "soft_usd", NULL);
	else
		member_usd(writer, "soft_usd", state->soft_pico_usd, arena);
	member_usd(writer, "spent_usd", state->spent_pico_usd, arena);
	member_usd(writer, "reserved_usd", state->reserved_pico_usd, arena);
	member_usd(writer, "left_usd", left_of(state), arena);
	json_write_key(writer, "used_share");
	if (state->limit_pico_usd == 0)
		json_write_null(writer);
	else
		json_write_double(writer, used_share(state), SHARE_DECIMALS);
	json_write_member_c(writer, "standing", standing(state));
	json_write_object_end(writer);
}

void usage_budgets_json(const struct budget_state *states, size_t count, struct text_buf *out)
{
	struct json_writer writer;
	struct arena arena = {0};

	json_writer_init(&writer, out, true);
	json_write_array(&writer);
	for (size_t i = 0; i < count; i++) {
		write_state(&writer, &states[i], &arena);
		arena_reset(&arena);
	}
	json_write_array_end(&writer);
	(void)text_buf_byte(out, '\n');
	arena_done(&arena);
}

/* --- the table --- */

/* Of what is less than a dollar cents say too little: 0.003 would be nothing. */
static void add_usd(struct text_buf *out, money amount, struct arena *arena)
{
	double usd = fabs(money_usd(amount));
	struct text shown = money_text_rounded(amount, usd > 0 && usd < 1 ? 6 : 2, arena);

	(void)text_buf_format(out, "%12s  ", text_c(arena, shown));
}

void usage_budgets_table(const struct budget_state *states, size_t count, struct text_buf *out)
{
	struct arena arena = {0};

	(void)text_buf_format(out, "%-*s  %12s  %12s  %12s  %12s  %5s  %-4s  %s\n", NAME_COLUMNS,
	                      "budget", "limit USD", "spent", "reserved", "left", "used", "",
	                      "begins anew");
	for (const struct budget_state *state = states; state < states + count; state++) {
		struct text name = state->name;
		if (state->key_name.len > 0)
			name = text_format(&arena, "%.*s (%.*s)", TEXT_ARG(name),
			                   TEXT_ARG(state->key_name));
		name = text_visible(&arena, name, NAME_COLUMNS);
		(void)text_buf_format(out, "%.*s%*s  ", TEXT_ARG(name),
		                      NAME_COLUMNS - (int)text_columns(name), "");
		add_usd(out, state->limit_pico_usd, &arena);
		add_usd(out, state->spent_pico_usd, &arena);
		add_usd(out, state->reserved_pico_usd, &arena);
		add_usd(out, left_of(state), &arena);
		if (state->limit_pico_usd == 0)
			(void)text_buf_format(out, "%5s  ", "-");
		else
			(void)text_buf_format(out, "%4.0f%%  ", used_share(state) * 100);
		(void)text_buf_format(out, "%-4s  ", standing(state));
		if (state->until_wall_ms < 0)
			(void)text_buf_add_c(out, "never\n");
		else
			(void)text_buf_format(
			    out, "%s\n",
			    text_c(&arena, wall_format(&arena, state->until_wall_ms, false)));
		arena_reset(&arena);
	}
	arena_done(&arena);
}
