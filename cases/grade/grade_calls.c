/*
 * Tool calls held against possible answers, as the Berkeley Function Calling Leaderboard writes
 * them: [{get_weather: {city: [Paris, "Paris, France"], unit: [c, ""]}}]. Every argument has the
 * values that are right; "" among them: it may be left out. Texts compare normalised, numbers by
 * value; an argument that is not named there is wrong, and the calls may come in any order.
 */
#include "cases/grade/grade.h"
#include "harness/base/text_fold.h"

struct grade_calls {
	const struct json *items[EXPECT_MAX_CALLS]; /* the member: its key is the name */
	size_t count;
};

static bool check_call(struct expect_reader *reader, const struct json *item)
{
	if (!json_is(item, JSON_OBJECT) || item->count != 1 || !json_is(item->first, JSON_OBJECT))
		return expect_fault(reader, item,
		                    "want one call, like {get_weather: {city: [Paris]}}");
	JSON_EACH(argument, item->first)
	if (!json_is(argument, JSON_ARRAY) || argument->count == 0)
		return expect_fault(reader, argument, "want a list of the values that are right");
	return true;
}

bool grade_read_calls(struct expect_reader *reader, const struct json *node,
                      const struct grade_calls **out)
{
	struct grade_calls *calls = ARENA_NEW(reader->arena, struct grade_calls);
	bool good = true;

	*out = calls;
	if (!json_is(node, JSON_ARRAY) || node->count == 0 || node->count > EXPECT_MAX_CALLS)
		return expect_fault(reader, node, "want a list of 1 to %d calls", EXPECT_MAX_CALLS);
	JSON_EACH(item, node)
	{
		good = check_call(reader, item) && good;
		if (good)
			calls->items[calls->count++] = item->first;
	}
	return good;
}

/* --- judging --- */

static bool text_fits(struct text a, struct text b, struct arena *arena)
{
	struct text x, y;

	return text_normalise(a, arena, &x) && text_normalise(b, arena, &y) && text_equal(x, y);
}

static bool value_fits(const struct json *value, const struct json *right, struct arena *arena);

static bool items_fit(const struct json *value, const struct json *right, struct arena *arena)
{
	const struct json *b = right->first;

	if (value->count != right->count)
		return false;
	for (const struct json *a = value->first; a != NULL; a = a->next, b = b->next)
		if (!value_fits(a, b, arena))
			return false;
	return true;
}

static bool members_fit(const struct json *value, const struct json *right, struct arena *arena)
{
	if (value->count != right->count || value->has_duplicate)
		return false;
	JSON_EACH(member, right)
	{
		const struct json *given = json_member_text(value, member->key);
		if (given == NULL || !value_fits(given, member, arena))
			return false;
	}
	return true;
}

static bool value_fits(const struct json *value, const struct json *right, struct arena *arena)
{
	if (value->type != right->type)
		return false;
	if (value->type == JSON_STRING)
		return text_fits(value->text, right->text, arena);
	if (value->type == JSON_ARRAY)
		return items_fit(value, right, arena);
	if (value->type == JSON_OBJECT)
		return members_fit(value, right, arena);
	return json_equal(value, right);
}

static bool may_be_left_out(const struct json *values)
{
	JSON_EACH(right, values)
	if (json_is(right, JSON_STRING) && right->text.len == 0)
		return true;
	return false;
}

static bool argument_fits(const struct json *value, const struct json *values, struct arena *arena)
{
	if (value == NULL)
		return may_be_left_out(values);
	JSON_EACH(right, values)
	if (value_fits(value, right, arena))
		return true;
	return false;
}

static bool call_fits(const struct chat_tool_call *call, const struct json *wanted,
                      struct arena *arena)
{
	struct json *arguments;
	struct fault fault;

	if (!text_equal(call->name, wanted->key) ||
	    !json_read_text(call->arguments, "arguments", arena, &arguments, &fault) ||
	    !json_is(arguments, JSON_OBJECT) || arguments->has_duplicate)
		return false;
	JSON_EACH(given, arguments)
	if (json_member_text(wanted, given->key) == NULL)
		return false;
	JSON_EACH(values, wanted)
	if (!argument_fits(json_member_text(arguments, values->key), values, arena))
		return false;
	return true;
}

struct grade grade_check_calls(const struct grade_calls *calls, const struct judgement *judgement)
{
	const struct chat_choice *choice = judgement->choice;
	bool taken[EXPECT_MAX_CALLS] = {false};
	size_t made = choice == NULL ? 0 : choice->tool_call_count;
	size_t right = 0;
	struct grade grade = {0};

	for (size_t i = 0; i < made; i++)
		for (size_t j = 0; j < calls->count; j++) {
			if (taken[j] ||
			    !call_fits(&choice->tool_calls[i], calls->items[j], judgement->arena))
				continue;
			taken[j] = true;
			right++;
			break;
		}
	grade.score = (double)right / (double)(made > calls->count ? made : calls->count);
	for (size_t j = 0; j < calls->count && grade.lack.data == NULL; j++)
		if (!taken[j])
			grade.lack =
			    text_format(judgement->arena, "it lacks the call %.*s(%.*s)",
			                TEXT_ARG(calls->items[j]->key),
			                TEXT_ARG(shown(judgement, json_to_text(judgement->arena,
			                                                       calls->items[j]))));
	if (grade.lack.data == NULL && made > right)
		grade.lack = text_format(judgement->arena, "%zu calls are made, want %zu", made,
		                         calls->count);
	return grade;
}
