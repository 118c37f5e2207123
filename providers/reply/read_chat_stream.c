/* Streamed chat completions: chunk by chunk, and what only the end can tell. */
#include "providers/reply/read_chat.h"

/* --- the envelope of a chunk ---------------------------------------------- */

/* ST-03: what must not change from one chunk to the next. */
static void judge_constant(struct reply_build *build, struct text *first, struct text now,
                           const char *name)
{
	if (first->data == NULL && now.data != NULL)
		*first = reply_build_name(build, now);
	else if (now.data != NULL && !text_equal(*first, text_slice(now, 0, BUILD_MAX_NAME_BYTES)))
		reply_violates(build, WIRE_ST_03, WIRE_DEVIATES, "%s%s differs from the first one",
		               name, reply_build_where(build));
	else if (now.len == 0)
		reply_violates(build, WIRE_ST_03, WIRE_DEVIATES, "the chunk%s has no %s",
		               reply_build_where(build), name);
}

static struct text number_text(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	return json_is(member, JSON_NUMBER) ? member->text : (struct text){NULL, 0};
}

static void judge_envelope(struct reply_build *build, const struct json *root)
{
	struct text object = json_string(root, "object");

	reply_saw(build, WIRE_ST_03);
	judge_constant(build, &build->first_id, json_string(root, "id"), "id");
	judge_constant(build, &build->first_model, json_string(root, "model"), "model");
	judge_constant(build, &build->first_created, number_text(root, "created"), "created");
	if (!text_is(object, "chat.completion.chunk"))
		reply_violates(build, WIRE_ST_03, WIRE_DEVIATES,
		               "object%s is \"%.*s\", not chat.completion.chunk",
		               reply_build_where(build),
		               TEXT_ARG(text_visible(build->event_arena, object, 60)));
}

/* Azure opens with what its filter said of the prompt: no id, no model, no choice. */
static bool is_filter_chunk(const struct json *root, const struct json *choices)
{
	return json_is(choices, JSON_ARRAY) && choices->count == 0 &&
	       json_member(root, "prompt_filter_results") != NULL;
}

static void judge_choices(struct reply_build *build, const struct json *root,
                          const struct json *choices)
{
	bool usage = json_is(json_member(root, "usage"), JSON_OBJECT);
	bool error = json_member(root, "error") != NULL;

	if (!json_is(choices, JSON_ARRAY)) {
		if (!error)
			reply_violates(build, WIRE_ST_08, WIRE_BREAKS, "choices%s is %s, no array",
			               reply_build_where(build), json_type_name(choices));
		return;
	}
	reply_saw(build, WIRE_ST_08);
	if (choices->count == 0 && !usage && !error)
		reply_violates(build, WIRE_ST_08, WIRE_DEVIATES,
		               "choices%s is empty, and the chunk brings no usage",
		               reply_build_where(build));
}

/* --- one choice of a chunk ------------------------------------------------ */

static void judge_finish_member(struct reply_build *build, const struct build_choice *choice,
                                const struct json *member)
{
	reply_saw(build, WIRE_ST_05);
	if (member == NULL)
		reply_violates(build, WIRE_ST_05, WIRE_DEVIATES,
		               "choices[%lld]%s has no finish_reason", (long long)choice->index,
		               reply_build_where(build));
	else if (json_is(member, JSON_STRING) && member->text.len == 0)
		reply_violates(build, WIRE_ST_05, WIRE_DEVIATES,
		               "choices[%lld].finish_reason%s is \"\", not null",
		               (long long)choice->index, reply_build_where(build));
	else if (!json_is(member, JSON_STRING) && !json_is(member, JSON_NULL))
		reply_violates(build, WIRE_ST_05, WIRE_DEVIATES,
		               "choices[%lld].finish_reason%s is %s", (long long)choice->index,
		               reply_build_where(build), json_type_name(member));
}

static void read_finish(struct reply_build *build, struct build_choice *choice,
                        const struct json *node)
{
	const struct json *member = json_member(node, "finish_reason");

	judge_finish_member(build, choice, member);
	if (!json_is(member, JSON_STRING))
		return;
	if (member->text.len > 0 && choice->finish_count > 0)
		reply_violates(build, WIRE_ST_06, WIRE_DEVIATES,
		               "choice %lld finishes again in event %lld", (long long)choice->index,
		               (long long)build->event);
	reply_build_finish_reason(build, choice, member->text);
}

static void read_role(struct reply_build *build, struct build_choice *choice,
                      const struct json *delta)
{
	struct text role = json_string(delta, "role");

	if (!choice->begun) {
		reply_saw(build, WIRE_ST_04);
		choice->begun = true;
		choice->first_without_role = role.len == 0;
		if (role.len > 0 && !text_is(role, "assistant"))
			reply_violates(build, WIRE_ST_04, WIRE_DEVIATES,
			               "the role of choice %lld%s is \"%.*s\", not assistant",
			               (long long)choice->index, reply_build_where(build),
			               TEXT_ARG(text_visible(build->event_arena, role, 40)));
	} else if (role.len == 0 && json_member(delta, "role") != NULL) {
		reply_violates(build, WIRE_ST_04, WIRE_HARMLESS,
		               "a later delta of choice %lld has a role of no meaning%s",
		               (long long)choice->index, reply_build_where(build));
	}
	reply_build_role(build, choice, role);
}

static void read_fragments(struct reply_build *build, struct build_choice *choice,
                           const struct json *delta)
{
	const struct json *calls = json_member(delta, "tool_calls");
	size_t position = 0;

	if (json_is(calls, JSON_OBJECT)) { /* one call without its array */
		reply_violates(build, WIRE_TS_01, WIRE_BREAKS,
		               "choices[%lld].delta.tool_calls%s is an object, no array",
		               (long long)choice->index, reply_build_where(build));
		read_chat_fragment(build, choice, calls, 0);
		return;
	}
	if (!json_is(calls, JSON_ARRAY) || calls->count == 0)
		return;
	if (choice->finish_count > 0)
		reply_violates(build, WIRE_TS_07, WIRE_DEVIATES,
		               "a fragment of choice %lld comes after its finish%s",
		               (long long)choice->index, reply_build_where(build));
	JSON_EACH(fragment, calls)
	{
		read_chat_fragment(build, choice, fragment, position++);
	}
}

static void read_delta(struct reply_build *build, struct build_choice *choice,
                       const struct json *delta)
{
	struct read_chat_place place = {choice->index, "delta"};
	const struct json *refusal = json_member(delta, "refusal");
	bool finished = choice->finish_count > 0;
	size_t before = choice->content_bytes;

	read_role(build, choice, delta);
	read_chat_thoughts(build, choice, delta);
	read_chat_opaque(build, choice, delta);
	read_chat_content(build, choice, json_member(delta, "content"), &place);
	if (finished && choice->content_bytes > before)
		reply_violates(build, WIRE_ST_06, WIRE_DEVIATES,
		               "content of choice %lld comes after its finish%s",
		               (long long)choice->index, reply_build_where(build));
	if (json_is(refusal, JSON_STRING) && refusal->text.len > 0)
		reply_build_refusal(build, choice, refusal->text);
	read_fragments(build, choice, delta);
	read_chat_function_call(build, choice, json_member(delta, "function_call"));
}

static void read_choice(struct reply_build *build, const struct json *node, size_t position)
{
	const struct json *delta = json_member(node, "delta");
	int64_t index;

	if (!json_integer(node, "index", 0, INT32_MAX, &index)) {
		index = (int64_t)position;
		reply_violates(build, WIRE_ST_08, WIRE_BREAKS, "choices[%zu]%s has no index",
		               position, reply_build_where(build));
	}
	struct build_choice *choice = reply_build_choice(build, index);
	if (choice == NULL)
		return;
	if (!json_is(delta, JSON_OBJECT)) {
		reply_violates(build, WIRE_ST_08, WIRE_DEVIATES, "choices[%lld]%s has no delta",
		               (long long)index, reply_build_where(build));
		delta = json_member(node, "message"); /* some send a whole message as one chunk */
	}
	if (json_is(delta, JSON_OBJECT))
		read_delta(build, choice, delta);
	read_finish(build, choice, node);
}

/* --- usage of a chunk ----------------------------------------------------- */

static void read_usage(struct reply_build *build, const struct json *root,
                       const struct json *choices)
{
	const struct json *usage = json_member(root, "usage");
	const char *place = "usage";

	if (!json_is(usage, JSON_OBJECT) && json_is(choices, JSON_ARRAY) &&
	    choices->first != NULL) {
		usage = json_member(choices->first, "usage"); /* Moonshot */
		place = "choices[0].usage";
	}
	if (!json_is(usage, JSON_OBJECT)) {
		usage = json_member(json_member(root, "x_groq"), "usage");
		place = "x_groq.usage";
	}
	if (!json_is(usage, JSON_OBJECT))
		return;
	usage_read_openai(build, usage, place);
	build->usage_had_choices = !json_is(choices, JSON_ARRAY) || choices->count > 0;
	if (build->usage_had_choices)
		return;
	build->usage_only_chunks++;
	for (size_t i = 0; i < build->choice_count; i++)
		if (build->choices[i]->call_count > 0 && build->choices[i]->finish_count == 0)
			reply_violates(build, WIRE_TS_07, WIRE_DEVIATES,
			               "usage%s comes before choice %lld finishes",
			               reply_build_where(build),
			               (long long)build->choices[i]->index);
}

void read_chat_event(struct reply_build *build, const struct sse_event *event,
                     const struct json *root)
{
	const struct json *choices = json_member(root, "choices");
	size_t position = 0;

	if (build->done_event > 0)
		reply_violates(build, WIRE_ST_02, WIRE_DEVIATES, "a chunk follows [DONE]%s",
		               reply_build_where(build));
	bool error = (json_member(root, "error") != NULL || !json_is(choices, JSON_ARRAY)) &&
	             error_shape_read(build, root, true);
	if (error && !json_is(choices, JSON_ARRAY))
		return;
	if (event->name.len > 0 && !error)
		reply_violates(build, WIRE_ST_01, WIRE_DEVIATES,
		               "an event: line names the chunk%s \"%.*s\"",
		               reply_build_where(build),
		               TEXT_ARG(text_visible(build->event_arena, event->name, 40)));
	read_chat_envelope(build, root);
	if (is_filter_chunk(root, choices)) {
		reply_saw(build, WIRE_ST_08);
		return;
	}
	if (!error)
		judge_envelope(build, root);
	judge_choices(build, root, choices);
	if (json_is(choices, JSON_ARRAY) && choices->count > 0) {
		build->choices_event = build->event;
		JSON_EACH(choice, choices)
		{
			read_choice(build, choice, position++);
		}
	}
	read_usage(build, root, choices);
}

/* --- the end -------------------------------------------------------------- */

/* Whether a choice said anything at all: an end of its own, text, thoughts, a call. */
static bool is_empty(const struct build_choice *choice)
{
	return choice->finish_count == 0 && choice->content.len == 0 &&
	       choice->reasoning.len == 0 && choice->refusal.len == 0 && choice->call_count == 0;
}

/*
 * ER-20. Every stream could fail after its first byte, so every stream is an
 * occasion: one that ends cleanly must have said something, if only what went wrong.
 */
static void judge_silence(struct reply_build *build, bool cut)
{
	bool empty = true;

	reply_saw(build, WIRE_ER_20);
	for (size_t i = 0; i < build->choice_count; i++)
		empty = empty && is_empty(build->choices[i]);
	if (empty && !cut && build->reply->error_count == 0)
		reply_violates(build, WIRE_ER_20, WIRE_BREAKS,
		               "an empty stream ends as if all were well");
}

static void judge_ends(struct reply_build *build, bool cut)
{
	struct chat_reply *reply = build->reply;

	if (cut)
		reply_saw(build, WIRE_ER_20);
	reply_saw(build, WIRE_ST_02);
	if (reply->done == 0 && !cut)
		reply_violates(build, WIRE_ST_02, WIRE_DEVIATES, "no [DONE] ends the stream");
	if (reply->done > 1)
		reply_violates(build, WIRE_ST_02, WIRE_DEVIATES, "[DONE] comes %lld times",
		               (long long)reply->done);
	for (size_t i = 0; i < build->choice_count; i++) {
		const struct build_choice *choice = build->choices[i];
		reply_saw(build, WIRE_ST_06);
		if (choice->call_count > 0 && choice->finish_count > 0)
			reply_saw(build, WIRE_TS_07);
		if (choice->finish_count == 0)
			reply_violates(build, WIRE_ST_06, WIRE_BREAKS,
			               "choice %lld never finishes%s", (long long)choice->index,
			               cut ? ": the stream was cut" : "");
	}
	if (build->choice_count == 0)
		reply_violates(build, WIRE_ST_06, WIRE_BREAKS, "the stream brought no choice");
	judge_silence(build, cut);
}

static void judge_roles(struct reply_build *build)
{
	for (size_t i = 0; i < build->choice_count; i++) {
		const struct build_choice *choice = build->choices[i];
		if (!choice->begun || !choice->first_without_role)
			continue;
		reply_violates(build, WIRE_ST_04,
		               choice->role.len == 0 ? WIRE_BREAKS : WIRE_DEVIATES,
		               choice->role.len == 0 ? "no delta of choice %lld has a role"
		                                     : "the first delta of choice %lld has no role",
		               (long long)choice->index);
	}
}

/* SU-01: how usage came that was asked for. */
static void judge_usage_asked(struct reply_build *build)
{
	const struct chat_usage *usage = &build->reply->usage;

	if (build->reply->usage_seen == 0)
		reply_violates(build, WIRE_SU_01, WIRE_BREAKS,
		               "usage was asked for and never came");
	else if (usage->input < 0 && usage->output < 0 && usage->total < 0)
		reply_violates(build, WIRE_SU_01, WIRE_BREAKS, "%s of event %lld counts nothing",
		               build->usage_place, (long long)build->usage_event);
	else if (build->usage_only_chunks == 0)
		reply_violates(build, WIRE_SU_01, WIRE_DEVIATES,
		               "usage came as %s of event %lld, beside choices", build->usage_place,
		               (long long)build->usage_event);
	else if (build->usage_only_chunks > 1 || build->usage_had_choices)
		reply_violates(build, WIRE_SU_01, WIRE_DEVIATES,
		               "%lld chunks bring usage alone; one, the last, should",
		               (long long)build->usage_only_chunks);
	else if (build->done_event > 0 && build->usage_event > build->done_event)
		reply_violates(build, WIRE_SU_01, WIRE_DEVIATES, "usage came after [DONE]");
	else if (build->choices_event > build->usage_event)
		reply_violates(build, WIRE_SU_01, WIRE_DEVIATES,
		               "usage came in event %lld, before the choices of event %lld",
		               (long long)build->usage_event, (long long)build->choices_event);
}

/* SU-01 and SU-02: only the request says what should have been there. */
static void judge_usage(struct reply_build *build, bool cut)
{
	const struct chat_request *request = build->context.request;

	if (request == NULL || !request->streamed || cut)
		return;
	if (!request->usage_asked) {
		reply_saw(build, WIRE_SU_02);
		if (build->usage_only_chunks > 0)
			reply_violates(build, WIRE_SU_02, WIRE_DEVIATES,
			               "a chunk is there for usage alone, and nobody asked for it");
		return;
	}
	reply_saw(build, WIRE_SU_01);
	judge_usage_asked(build);
}

static bool every_choice_finished(const struct reply_build *build)
{
	for (size_t i = 0; i < build->choice_count; i++)
		if (build->choices[i]->finish_count == 0)
			return false;
	return build->choice_count > 0;
}

void read_chat_end(struct reply_build *build, bool cut)
{
	struct chat_reply *reply = build->reply;

	if (!reply->streamed)
		return;
	for (size_t i = 0; i < build->choice_count; i++)
		reply_judge_choice(build, build->choices[i]);
	if (reply->error_count == 0) {
		judge_ends(build, cut);
		judge_roles(build);
		judge_usage(build, cut);
	}
	reply->complete = every_choice_finished(build);
}
