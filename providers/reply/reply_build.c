/*
 * The reply under construction: growth with caps, facts folded in, and the move
 * to the arena at the end; see reply_build.h. Tool calls: reply_calls.c; events: reply_event.c.
 */
#include "providers/reply/reply_build.h"
#include "harness/base/json_write.h"

#include <stdio.h>

void reply_build_init(struct reply_build *build, const struct reply_context *context,
                      struct arena *arena)
{
	*build = (struct reply_build){.arena = arena, .context = *context, .sequence = -1};
	build->usage_output_before = -1;
	build->event_arena = context->scratch != NULL ? context->scratch : &build->own_scratch;

	struct chat_reply *reply = ARENA_NEW(arena, struct chat_reply);
	reply->usage = chat_usage_unknown;
	reply->item_count = -1;
	reply->dimensions = -1;
	reply->first_delta_us = -1;
	reply->first_content_us = -1;
	reply->last_event_us = -1;
	build->reply = reply;
}

void reply_build_done(struct reply_build *build)
{
	for (size_t i = 0; i < build->choice_count; i++) {
		struct build_choice *choice = build->choices[i];
		text_buf_done(&choice->content);
		text_buf_done(&choice->reasoning);
		text_buf_done(&choice->refusal);
		for (size_t k = 0; k < choice->call_count; k++)
			text_buf_done(&choice->calls[k]->arguments);
		if (choice->function_call != NULL)
			text_buf_done(&choice->function_call->arguments);
	}
	build->choice_count = 0;
	arena_done(&build->own_scratch);
}

const char *reply_build_where(struct reply_build *build)
{
	build->where[0] = '\0';
	if (build->event > 0)
		(void)snprintf(build->where, sizeof(build->where), " of event %lld",
		               (long long)build->event);
	return build->where;
}

/* --- judgement ------------------------------------------------------------ */

void reply_saw(struct reply_build *build, enum wire_rule rule)
{
	build->reply->saw[rule] = true;
}

/* One more kind; false past BUILD_MAX_KINDS. */
static bool add_kind(struct reply_build *build, const struct build_kind *kind)
{
	if (build->kind_count == BUILD_MAX_KINDS)
		return false;
	if (build->kind_count == build->kind_room) {
		size_t room = build->kind_room == 0 ? BUILD_FIRST_KINDS : build->kind_room * 2;
		struct build_kind *grown = ARENA_NEW_ARRAY(build->arena, struct build_kind, room);
		if (build->kind_count > 0)
			memcpy(grown, build->kinds, build->kind_count * sizeof(*grown));
		build->kinds = grown;
		build->kind_room = room;
	}
	build->kinds[build->kind_count++] =
	    (struct build_kind){kind->rule, kind->grade, kind->what, 1};
	return true;
}

/* Counts one more of that kind; false where it would only repeat or flood. */
static bool is_worth_keeping(struct reply_build *build, const struct build_kind *kind)
{
	if (build->reply->violation_count == CHAT_MAX_VIOLATIONS)
		return false;
	for (size_t i = 0; i < build->kind_count; i++) {
		struct build_kind *known = &build->kinds[i];
		if (known->what == kind->what && known->rule == kind->rule &&
		    known->grade == kind->grade)
			return known->count++ < BUILD_SAME_VIOLATIONS;
	}
	return add_kind(build, kind);
}

static void PRINTF_LIKE(3, 0)
    add_violation(struct reply_build *build, const struct build_kind *kind, const char *format,
                  va_list arguments)
{
	struct chat_reply *reply = build->reply;

	reply->saw[kind->rule] = true;
	if (kind->grade != WIRE_HARMLESS)
		reply->broken[kind->rule] = true;
	if (!is_worth_keeping(build, kind)) {
		reply->violations_dropped++;
		return;
	}
	if (reply->violation_count == build->violation_room) {
		size_t room = build->violation_room == 0 ? 8 : build->violation_room * 2;
		struct chat_violation *grown =
		    ARENA_NEW_ARRAY(build->arena, struct chat_violation, room);
		if (reply->violation_count > 0)
			memcpy(grown, reply->violations, reply->violation_count * sizeof(*grown));
		reply->violations = grown;
		build->violation_room = room;
	}
	reply->violations[reply->violation_count++] = (struct chat_violation){
	    .rule = kind->rule,
	    .grade = kind->grade,
	    .detail = text_vformat(build->arena, format, arguments),
	};
}

void reply_build_violates(struct reply_build *build, const struct build_kind *kind,
                          const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_violation(build, kind, format, arguments);
	va_end(arguments);
}

void reply_violates(struct reply_build *build, enum wire_rule rule, enum wire_grade grade,
                    const char *format, ...)
{
	struct build_kind kind = {rule, grade, format, 0};
	va_list arguments;

	va_start(arguments, format);
	add_violation(build, &kind, format, arguments);
	va_end(arguments);
}

/* --- facts ---------------------------------------------------------------- */

struct build_choice *reply_build_choice(struct reply_build *build, int64_t index)
{
	for (size_t i = 0; i < build->choice_count; i++)
		if (build->choices[i]->index == index)
			return build->choices[i];
	if (build->choice_count == CHAT_MAX_CHOICES) {
		build->overflow = true;
		return NULL;
	}
	if (build->choice_count == build->choice_room) {
		size_t room = build->choice_room == 0 ? 2 : build->choice_room * 2;
		struct build_choice **grown =
		    ARENA_NEW_ARRAY(build->arena, struct build_choice *, room);
		if (build->choice_count > 0)
			memcpy(grown, build->choices,
			       build->choice_count * sizeof(struct build_choice *));
		build->choices = grown;
		build->choice_room = room;
	}
	struct build_choice *choice = ARENA_NEW(build->arena, struct build_choice);
	choice->index = index;
	text_buf_init(&choice->content, REPLY_MAX_BYTES);
	text_buf_init(&choice->reasoning, REPLY_MAX_BYTES);
	text_buf_init(&choice->refusal, REPLY_MAX_BYTES);
	build->choices[build->choice_count++] = choice;
	return choice;
}

static void touch_delta(struct reply_build *build, bool content)
{
	struct chat_reply *reply = build->reply;

	if (reply->first_delta_us < 0)
		reply->first_delta_us = build->now_us;
	if (content && reply->first_content_us < 0)
		reply->first_content_us = build->now_us;
}

static void add_whole(struct reply_build *build, struct text_buf *joined, struct text piece)
{
	build->reply->text_bytes += (int64_t)piece.len;
	if (!text_buf_add(joined, piece))
		build->overflow = true;
}

/* Of a relayed stream only the beginning is kept, in whole characters. */
static void add_piece(struct reply_build *build, struct text_buf *joined, struct text piece)
{
	size_t kept = build->context.text_kept_bytes;

	if (kept == 0 || joined->len + piece.len <= kept) {
		add_whole(build, joined, piece);
		return;
	}
	size_t room = kept - size_min(kept, joined->len);
	while (room > 0 && ((unsigned char)piece.data[room] & 0xc0) == 0x80)
		room--;
	add_whole(build, joined, text_slice(piece, 0, room));
	build->reply->text_bytes += (int64_t)(piece.len - room);
}

void reply_build_content(struct reply_build *build, struct build_choice *choice, struct text piece)
{
	choice->content_sent = true;
	if (piece.len == 0)
		return;
	choice->content_begun = true;
	choice->content_bytes += piece.len;
	touch_delta(build, true);
	add_piece(build, &choice->content, piece);
}

void reply_build_reasoning(struct reply_build *build, struct build_choice *choice,
                           struct text piece)
{
	choice->reasoning_sent = true;
	if (piece.len == 0)
		return;
	touch_delta(build, false);
	add_piece(build, &choice->reasoning, piece);
}

void reply_build_refusal(struct reply_build *build, struct build_choice *choice, struct text piece)
{
	choice->refusal_sent = true;
	if (piece.len == 0)
		return;
	touch_delta(build, true);
	add_piece(build, &choice->refusal, piece);
}

void reply_build_arguments(struct reply_build *build, struct build_call *call, struct text piece)
{
	call->arguments_sent = true;
	if (piece.len > 0)
		call->fragments++;
	touch_delta(build, true);
	add_whole(build, &call->arguments, piece);
}

struct text reply_build_name(struct reply_build *build, struct text view)
{
	if (view.data == NULL)
		return view;
	return text_copy(build->arena, text_slice(view, 0, BUILD_MAX_NAME_BYTES));
}

void reply_build_finish_reason(struct reply_build *build, struct build_choice *choice,
                               struct text reason)
{
	if (reason.len > 0 || choice->finish_reason.data == NULL) {
		if (!text_equal(choice->finish_reason, reason) ||
		    choice->finish_reason.data == NULL)
			choice->finish_reason = reply_build_name(build, reason);
	}
	if (reason.len == 0)
		return;
	choice->finish_count++;
	choice->finish_event = build->event;
}

/* The list, with room for one more; arena. */
static struct text *room_for_one(struct reply_build *build, struct text *list, size_t count,
                                 size_t *room)
{
	if (count < *room)
		return list;
	*room = *room == 0 ? 4 : *room * 2;
	struct text *grown = ARENA_NEW_ARRAY(build->arena, struct text, *room);
	if (count > 0)
		memcpy(grown, list, count * sizeof(*grown));
	return grown;
}

void reply_build_thinking_block(struct reply_build *build, struct build_choice *choice,
                                struct text json)
{
	if (choice->thinking_block_count == CHAT_MAX_THINKING_BLOCKS) {
		build->overflow = true;
		return;
	}
	choice->thinking_blocks =
	    room_for_one(build, choice->thinking_blocks, choice->thinking_block_count,
	                 &choice->thinking_block_room);
	choice->thinking_blocks[choice->thinking_block_count++] = text_copy(build->arena, json);
}

/* Only who writes the whole reply in another format looks at them. */
static bool keeps_parts(struct reply_build *build, struct build_choice *choice, struct text json)
{
	size_t most = build->context.text_kept_bytes == 0 ? CHAT_MAX_PART_BYTES
	                                                  : build->context.text_kept_bytes;

	if (choice->part_bytes + json.len > size_min(most, CHAT_MAX_PART_BYTES))
		return false;
	choice->part_bytes += json.len;
	return true;
}

void reply_build_part(struct reply_build *build, struct build_choice *choice,
                      const struct json *part)
{
	/* An event that lacks the member it is named for says nothing. */
	if (part == NULL)
		return;
	struct text json = json_to_text(build->event_arena, part);

	if (choice->part_count == CHAT_MAX_PARTS || !keeps_parts(build, choice, json))
		return;
	choice->parts = room_for_one(build, choice->parts, choice->part_count, &choice->part_room);
	choice->parts[choice->part_count++] = text_copy(build->arena, json);
}

void reply_build_logprob(struct reply_build *build, struct build_choice *choice, struct text json)
{
	if (choice->logprob_count == CHAT_MAX_PARTS || !keeps_parts(build, choice, json))
		return;
	choice->logprob_items = room_for_one(build, choice->logprob_items, choice->logprob_count,
	                                     &choice->logprob_room);
	choice->logprob_items[choice->logprob_count++] = text_copy(build->arena, json);
}

void reply_build_extra(struct reply_build *build, struct text *extra, const struct json *node)
{
	if (json_is(node, JSON_OBJECT))
		*extra = text_copy(build->arena, json_to_text(build->event_arena, node));
}

struct text reply_build_signature(struct reply_build *build, struct text signature)
{
	struct text_buf quoted;

	text_buf_init(&quoted, REPLY_MAX_BYTES);
	json_quote(&quoted, signature);
	struct text json = text_format(build->arena, "{\"google\":{\"thought_signature\":%.*s}}",
	                               TEXT_ARG(text_buf_view(&quoted)));
	text_buf_done(&quoted);
	return json;
}

void reply_build_role(struct reply_build *build, struct build_choice *choice, struct text role)
{
	if (choice->role.len == 0 && role.data != NULL)
		choice->role = reply_build_name(build, role);
}

/* Adds a name that is not there yet; the last one is looked at first, as it mostly is the same. */
static void add_name(struct reply_build *build, struct text **names, size_t *count,
                     struct text name)
{
	if (name.len == 0 || (*count > 0 && text_equal((*names)[*count - 1], name)) ||
	    *count == CHAT_MAX_NAMES)
		return;
	name = text_slice(name, 0, BUILD_MAX_NAME_BYTES);
	for (size_t i = 0; i < *count; i++)
		if (text_equal((*names)[i], name))
			return;
	if ((*count & (*count - 1)) == 0) { /* full at every power of two */
		struct text *grown =
		    ARENA_NEW_ARRAY(build->arena, struct text, *count == 0 ? 1 : *count * 2);
		if (*count > 0)
			memcpy(grown, *names, *count * sizeof(**names));
		*names = grown;
	}
	(*names)[(*count)++] = text_copy(build->arena, name);
}

void reply_build_id(struct reply_build *build, struct text id)
{
	add_name(build, &build->reply->ids, &build->reply->id_count, id);
}

void reply_build_model(struct reply_build *build, struct text model)
{
	add_name(build, &build->reply->models, &build->reply->model_count, model);
}

/* --- publishing ----------------------------------------------------------- */

static struct text joined_view(const struct text_buf *joined, bool sent)
{
	return sent ? text_buf_view(joined) : (struct text){NULL, 0};
}

static struct chat_tool_call published_call(const struct build_call *call)
{
	return (struct chat_tool_call){
	    .index = call->index,
	    .id = call->id,
	    .type = call->type,
	    .name = call->name,
	    .arguments = joined_view(&call->arguments, call->arguments_sent),
	    .fragments = call->fragments,
	    .extra = call->extra,
	};
}

static void publish_calls(struct reply_build *build, struct build_choice *from,
                          struct chat_choice *to)
{
	if (from->published_room < from->call_count) {
		from->published_room = from->call_room;
		to->tool_calls =
		    ARENA_NEW_ARRAY(build->arena, struct chat_tool_call, from->call_room);
	}
	to->tool_call_count = from->call_count;
	for (size_t i = 0; i < from->call_count; i++)
		to->tool_calls[i] = published_call(from->calls[i]);
	if (from->function_call == NULL)
		return;
	if (from->published_function == NULL)
		from->published_function = ARENA_NEW(build->arena, struct chat_tool_call);
	*from->published_function = published_call(from->function_call);
	to->function_call = from->published_function;
}

void reply_build_publish(struct reply_build *build)
{
	struct chat_reply *reply = build->reply;

	if (build->published_room < build->choice_count) {
		struct chat_choice *grown =
		    ARENA_NEW_ARRAY(build->arena, struct chat_choice, build->choice_room);
		if (reply->choice_count > 0)
			memcpy(grown, reply->choices, reply->choice_count * sizeof(*grown));
		reply->choices = grown;
		build->published_room = build->choice_room;
	}
	reply->choice_count = build->choice_count;
	reply->stop = build->stop;
	for (size_t i = 0; i < build->choice_count; i++) {
		struct build_choice *from = build->choices[i];
		struct chat_choice *to = &reply->choices[i];
		to->index = from->index;
		to->role = from->role;
		to->finish_reason = from->finish_reason;
		to->content = joined_view(&from->content, from->content_sent);
		to->reasoning = joined_view(&from->reasoning, from->reasoning_sent);
		to->thoughts_elsewhere =
		    from->thoughts != 0 &&
		    (from->thoughts & (THOUGHTS_REASONING_CONTENT | THOUGHTS_REASONING)) == 0;
		to->refusal = joined_view(&from->refusal, from->refusal_sent);
		to->logprobs = from->logprobs;
		to->message = from->message;
		to->extra = from->extra;
		to->thinking_blocks = from->thinking_blocks;
		to->thinking_block_count = from->thinking_block_count;
		to->parts = from->parts;
		to->part_count = from->part_count;
		to->logprob_items = from->logprob_items;
		to->logprob_count = from->logprob_count;
		publish_calls(build, from, to);
	}
}

static struct text moved(struct reply_build *build, struct text view)
{
	return view.data == NULL ? view : text_copy(build->arena, view);
}

static void sort_choices(struct chat_reply *reply)
{
	for (size_t i = 1; i < reply->choice_count; i++) {
		struct chat_choice choice = reply->choices[i];
		size_t to = i;
		for (; to > 0 && reply->choices[to - 1].index > choice.index; to--)
			reply->choices[to] = reply->choices[to - 1];
		reply->choices[to] = choice;
	}
}

void reply_build_finish(struct reply_build *build)
{
	struct chat_reply *reply = build->reply;

	reply_build_publish(build);
	for (size_t i = 0; i < reply->choice_count; i++) {
		struct chat_choice *choice = &reply->choices[i];
		choice->content = moved(build, choice->content);
		choice->reasoning = moved(build, choice->reasoning);
		choice->refusal = moved(build, choice->refusal);
		for (size_t k = 0; k < choice->tool_call_count; k++)
			choice->tool_calls[k].arguments =
			    moved(build, choice->tool_calls[k].arguments);
		struct chat_tool_call *function = build->choices[i]->published_function;
		if (function != NULL)
			function->arguments = moved(build, function->arguments);
	}
	sort_choices(reply);
	reply_build_done(build);
}
