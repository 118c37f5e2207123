/* Mending tool calls: indexes, arguments, the finish that belongs to them; see repair.h. */
#include "harness/base/json_write.h"
#include "providers/repair/repair_private.h"

enum { ID_MAX_BYTES = 512 };

/* --- which call a fragment belongs to ------------------------------------------------ */

static struct repaired_call *find_by_id(struct repairer *repairer, int64_t choice, struct text id,
                                        int64_t sent)
{
	for (size_t i = repairer->call_count; i > 0; i--) {
		struct repaired_call *call = &repairer->calls[i - 1];
		if (call->choice == choice && call->sent == sent && text_equal(call->id, id))
			return call;
	}
	return NULL;
}

static struct repaired_call *find_by_index(struct repairer *repairer, int64_t choice, int64_t sent)
{
	for (size_t i = repairer->call_count; i > 0; i--)
		if (repairer->calls[i - 1].choice == choice && repairer->calls[i - 1].sent == sent)
			return &repairer->calls[i - 1];
	return NULL;
}

/* The call whose fragment came last. */
static struct repaired_call *find_last(struct repairer *repairer, int64_t choice)
{
	struct repaired_call *last = NULL;

	for (size_t i = 0; i < repairer->call_count; i++) {
		struct repaired_call *call = &repairer->calls[i];
		if (call->choice == choice &&
		    (last == NULL || call->last_fragment > last->last_fragment))
			last = call;
	}
	return last;
}

static bool is_assigned(const struct repairer *repairer, int64_t choice, int64_t index)
{
	for (size_t i = 0; i < repairer->call_count; i++)
		if (repairer->calls[i].choice == choice && repairer->calls[i].assigned == index)
			return true;
	return false;
}

static int64_t next_index(const struct repairer *repairer, int64_t choice)
{
	int64_t next = 0;

	for (size_t i = 0; i < repairer->call_count; i++)
		if (repairer->calls[i].choice == choice)
			next = int64_max(next, repairer->calls[i].assigned + 1);
	return next;
}

static struct repaired_call *new_call(struct repairer *repairer, int64_t choice, int64_t sent,
                                      struct text id)
{
	struct repaired_call *call;
	bool keep = sent >= 0 && !is_assigned(repairer, choice, sent);

	if (repairer->call_count == REPAIR_MAX_CALLS)
		return NULL;
	if (repairer->calls == NULL)
		repairer->calls =
		    ARENA_NEW_ARRAY(&repairer->arena, struct repaired_call, REPAIR_MAX_CALLS);
	call = &repairer->calls[repairer->call_count];
	*call = (struct repaired_call){
	    .choice = choice,
	    .sent = sent,
	    .assigned = keep ? sent : next_index(repairer, choice),
	    .id = text_copy(&repairer->arena, text_slice(id, 0, ID_MAX_BYTES)),
	};
	repairer->call_count++;
	return call;
}

/* A new id is a new call; without one a fragment goes on with the call of its index, or the last.
 */
static struct repaired_call *call_of(struct repairer *repairer, int64_t choice,
                                     const struct json *fragment)
{
	struct text id = text_slice(json_string(fragment, "id"), 0, ID_MAX_BYTES);
	struct repaired_call *call = NULL;
	int64_t sent;

	if (!json_integer(fragment, "index", 0, INT32_MAX, &sent))
		sent = -1;
	if (id.len > 0)
		call = find_by_id(repairer, choice, id, sent);
	else if (sent >= 0)
		call = find_by_index(repairer, choice, sent);
	else
		call = find_last(repairer, choice);
	if (call == NULL)
		call = new_call(repairer, choice, sent, id);
	if (call != NULL)
		call->last_fragment = ++repairer->fragments;
	return call;
}

static void number_fragment(struct repairer *repairer, const struct json *fragment,
                            const struct repaired_call *call, struct edits *edits)
{
	enum repair repair = call->sent < 0 ? REPAIR_TS_01 : REPAIR_TS_02;
	const struct json *index = json_member(fragment, "index");

	if (call->sent == call->assigned || !repairer_wants(repairer, repair))
		return;
	repairer_note(repairer, repair);
	if (index != NULL)
		edits_replace(edits, index,
		              text_format(edits->arena, "%lld", (long long)call->assigned));
	else
		edits_insert_member(
		    edits, fragment,
		    text_format(edits->arena, "\"index\":%lld", (long long)call->assigned));
}

/* --- arguments ------------------------------------------------------------------------- */

static struct text quote(struct arena *arena, struct text value)
{
	struct text_buf out;

	text_buf_init(&out, REPAIR_EVENT_MAX_BYTES * 2);
	json_quote(&out, value);
	struct text quoted = text_copy(arena, text_buf_view(&out));
	text_buf_done(&out);
	return quoted;
}

/* An object where its text should stand. */
static bool stringify(struct repairer *repairer, const struct json *arguments, struct edits *edits)
{
	if (!json_is(arguments, JSON_OBJECT) || !repairer_wants(repairer, REPAIR_TC_03))
		return false;
	repairer_note(repairer, REPAIR_TC_03);
	edits_replace(edits, arguments, quote(edits->arena, arguments->text));
	return true;
}

void repair_fragment(struct repairer *repairer, int64_t choice, const struct json *fragment,
                     struct edits *edits)
{
	const struct json *arguments;
	struct repaired_call *call;

	if (!json_is(fragment, JSON_OBJECT))
		return;
	call = call_of(repairer, choice, fragment);
	if (call == NULL)
		return;
	if (call->first_here == NULL)
		call->first_here = fragment;
	number_fragment(repairer, fragment, call, edits);
	arguments = json_member(json_member(fragment, "function"), "arguments");
	if (stringify(repairer, arguments, edits) ||
	    (json_is(arguments, JSON_STRING) && arguments->text.len > 0))
		call->has_arguments = true;
}

static void put_arguments(struct repairer *repairer, const struct json *function,
                          struct edits *edits)
{
	const struct json *arguments = json_member(function, "arguments");

	repairer_note(repairer, REPAIR_TC_08);
	if (arguments == NULL)
		edits_insert_member(edits, function, TEXT("\"arguments\":\"{}\""));
	else
		edits_replace(edits, arguments, TEXT("\"{}\""));
}

static bool lacks_arguments(const struct json *function)
{
	const struct json *arguments = json_member(function, "arguments");

	return arguments == NULL || arguments->type == JSON_NULL ||
	       (json_is(arguments, JSON_STRING) && arguments->text.len == 0);
}

void repair_whole_call(struct repairer *repairer, const struct json *call, struct edits *edits)
{
	const struct json *function = json_member(call, "function");

	if (json_is(function, JSON_OBJECT) &&
	    !stringify(repairer, json_member(function, "arguments"), edits) &&
	    lacks_arguments(function) && repairer_wants(repairer, REPAIR_TC_08))
		put_arguments(repairer, function, edits);
}

void repair_begin_event(struct repairer *repairer)
{
	for (size_t i = 0; i < repairer->call_count; i++)
		repairer->calls[i].first_here = NULL;
}

/* By which a client tells it from all others: what is said of it now must not go to another. */
static bool has_own_index(const struct repairer *repairer, const struct repaired_call *call)
{
	if (call->sent < 0 && !repairer_wants(repairer, REPAIR_TS_01))
		return false;
	for (size_t i = 0; i < repairer->call_count; i++) {
		const struct repaired_call *other = &repairer->calls[i];
		if (other != call && other->choice == call->choice &&
		    other->assigned == call->assigned)
			return false;
	}
	return true;
}

static void write_arguments(struct repairer *repairer, const struct repaired_call *call)
{
	repairer_note(repairer, REPAIR_TC_08);
	repairer_write_chunk(
	    repairer,
	    text_format(&repairer->event_arena,
	                "\"choices\":[{\"index\":%lld,\"delta\":{\"tool_calls\":[{\"index\":"
	                "%lld,\"function\":{\"arguments\":\"{}\"}}]},\"finish_reason\":null}]",
	                (long long)call->choice, (long long)call->assigned));
}

void repair_missing_arguments(struct repairer *repairer, int64_t choice, struct edits *edits)
{
	for (size_t i = 0; i < repairer->call_count; i++) {
		struct repaired_call *call = &repairer->calls[i];
		if (call->choice != choice || call->has_arguments ||
		    !repairer_wants(repairer, REPAIR_TC_08) || !has_own_index(repairer, call))
			continue;
		const struct json *function = json_member(call->first_here, "function");
		call->has_arguments = true;
		/* A fragment in front of the call's own beginning would be nobody's. */
		if (call->first_here == NULL)
			write_arguments(repairer, call);
		else if (json_is(function, JSON_OBJECT) && lacks_arguments(function))
			put_arguments(repairer, function, edits);
	}
}

/* --- the finish ---------------------------------------------------------------------------- */

bool repair_has_calls(const struct repairer *repairer, int64_t choice)
{
	for (size_t i = 0; i < repairer->call_count; i++)
		if (repairer->calls[i].choice == choice)
			return true;
	return false;
}

void repair_finish(struct repairer *repairer, const struct json *choice, bool has_calls,
                   struct edits *edits)
{
	const struct json *finish = json_member(choice, "finish_reason");

	if (!has_calls || !json_is(finish, JSON_STRING) || !text_is(finish->text, "stop") ||
	    !repairer_wants(repairer, REPAIR_TC_20))
		return;
	repairer_note(repairer, REPAIR_TC_20);
	edits_replace(edits, finish, TEXT("\"tool_calls\""));
}
