/*
 * Content, thoughts and tool calls of chat completions, tolerant of every form
 * that was seen: what an SDK would lose is kept here, and told.
 */
#include "harness/base/json_write.h"
#include "providers/reply/read_chat.h"

/* Of a name that comes in pieces; four times what OpenAI allows a name to have. */
enum { JOINED_NAME_MAX_BYTES = 256 };

static struct text span_of(const struct json *node)
{
	return text_slice(node->source->body, node->begin, node->end);
}

void read_chat_envelope(struct reply_build *build, const struct json *root)
{
	struct chat_reply *reply = build->reply;
	struct text fingerprint = json_string(root, "system_fingerprint");
	struct text served_by = json_string(root, "provider");

	usage_note_service(build, json_string(root, "service_tier"));
	reply_build_id(build, json_string(root, "id"));
	reply_build_model(build, json_string(root, "model"));
	if (fingerprint.len > 0 && !text_equal(fingerprint, reply->system_fingerprint))
		reply->system_fingerprint = reply_build_name(build, fingerprint);
	if (served_by.len > 0 && !text_equal(served_by, reply->served_by))
		reply->served_by = reply_build_name(build, served_by);
}

/* --- thoughts ------------------------------------------------------------- */

static void add_thoughts(struct reply_build *build, struct build_choice *choice, struct text piece,
                         enum build_thoughts place)
{
	if (piece.len > 0) {
		reply_saw(build, WIRE_RE_01);
		reply_saw(build, WIRE_RE_02);
		if (choice->thoughts != 0 && choice->thoughts != (unsigned)place &&
		    !choice->moved_thoughts) {
			choice->moved_thoughts = true;
			reply_violates(build, WIRE_RE_02, WIRE_DEVIATES,
			               "thoughts of choice %lld move to another member%s",
			               (long long)choice->index, reply_build_where(build));
		}
		if (choice->content_begun && !choice->late_thoughts) {
			choice->late_thoughts = true;
			reply_violates(build, WIRE_RE_02, WIRE_DEVIATES,
			               "thoughts of choice %lld come after content%s",
			               (long long)choice->index, reply_build_where(build));
		}
		choice->thoughts |= (unsigned)place;
	}
	reply_build_reasoning(build, choice, piece);
}

/* OpenRouter's reasoning_details: text and summaries; the encrypted ones say nothing. */
static void add_details(struct reply_build *build, struct build_choice *choice,
                        const struct json *details)
{
	JSON_EACH(one, details)
	{
		struct text piece = json_string(one, "text");
		if (piece.data == NULL)
			piece = json_string(one, "summary");
		if (piece.data != NULL)
			add_thoughts(build, choice, piece, THOUGHTS_DETAILS);
	}
}

/* The same thoughts may stand in three members at once: the first that has some is read. */
void read_chat_thoughts(struct reply_build *build, struct build_choice *choice,
                        const struct json *delta)
{
	struct text content = json_string(delta, "reasoning_content");
	struct text reasoning = json_string(delta, "reasoning");
	const struct json *details = json_member(delta, "reasoning_details");

	if (content.len > 0)
		add_thoughts(build, choice, content, THOUGHTS_REASONING_CONTENT);
	else if (reasoning.len > 0)
		add_thoughts(build, choice, reasoning, THOUGHTS_REASONING);
	else if (json_is(details, JSON_ARRAY))
		add_details(build, choice, details);
	else if (content.data != NULL || reasoning.data != NULL)
		reply_build_reasoning(build, choice, TEXT(""));
}

/* --- content -------------------------------------------------------------- */

/* Mistral: {"type": "thinking", "thinking": [{"type": "text", "text": ...}]} */
static void add_thinking_part(struct reply_build *build, struct build_choice *choice,
                              const struct json *part)
{
	const struct json *inner = json_member(part, "thinking");

	if (json_is(inner, JSON_STRING))
		add_thoughts(build, choice, inner->text, THOUGHTS_PARTS);
	if (!json_is(inner, JSON_ARRAY))
		return;
	JSON_EACH(piece, inner)
	{
		add_thoughts(build, choice, json_string(piece, "text"), THOUGHTS_PARTS);
	}
}

static void add_part(struct reply_build *build, struct build_choice *choice,
                     const struct json *part)
{
	struct text type = json_string(part, "type");

	if (json_is(part, JSON_STRING))
		reply_build_content(build, choice, part->text);
	else if (text_is(type, "thinking"))
		add_thinking_part(build, choice, part);
	else if (text_is(type, "reasoning"))
		add_thoughts(build, choice, json_string(part, "text"), THOUGHTS_PARTS);
	else if (text_is(type, "refusal"))
		reply_build_refusal(build, choice, json_string(part, "refusal"));
	else if (json_string(part, "text").data != NULL)
		reply_build_content(build, choice, json_string(part, "text"));
}

void read_chat_content(struct reply_build *build, struct build_choice *choice,
                       const struct json *content, const struct read_chat_place *place)
{
	if (content == NULL || content->type == JSON_NULL)
		return;
	reply_saw(build, WIRE_CH_02);
	if (json_is(content, JSON_STRING)) {
		reply_build_content(build, choice, content->text);
		return;
	}
	reply_violates(build, WIRE_CH_02, WIRE_BREAKS,
	               "choices[%lld].%s.content%s is %s, no string", (long long)place->choice,
	               place->member, reply_build_where(build), json_type_name(content));
	if (json_is(content, JSON_ARRAY)) {
		JSON_EACH(part, content)
		{
			add_part(build, choice, part);
		}
		return;
	}
	reply_build_content(build, choice, span_of(content));
}

/* --- what goes back unread ------------------------------------------------ */

/* Blocks that come in pieces have no signature yet, and are not whole when they have. */
void read_chat_opaque(struct reply_build *build, struct build_choice *choice,
                      const struct json *delta)
{
	reply_build_extra(build, &choice->extra, json_member(delta, "extra_content"));
	JSON_EACH(block, json_member(delta, "thinking_blocks"))
	{
		bool signed_text = json_string(block, "signature").len > 0 &&
		                   json_string(block, "thinking").len > 0;
		if (signed_text || json_string(block, "data").len > 0)
			reply_build_thinking_block(build, choice,
			                           json_to_text(build->event_arena, block));
	}
}

/* --- streamed tool calls -------------------------------------------------- */

struct fragment {
	const struct json *node, *function;
	size_t position; /* in the delta's array */
	bool has_index;
	int64_t index;
	struct text id, name;
};

static void tell(struct reply_build *build, const struct build_choice *choice,
                 const struct fragment *fragment, enum wire_rule rule, enum wire_grade grade,
                 const char *what)
{
	struct build_kind kind = {rule, grade, what, 0};

	reply_build_violates(build, &kind, "choices[%lld].delta.tool_calls[%zu]%s %s",
	                     (long long)choice->index, fragment->position, reply_build_where(build),
	                     what);
}

/* The call of that index, or a new one where id or name say that it is another. */
static struct build_call *find_by_index(struct reply_build *build, struct build_choice *choice,
                                        const struct fragment *fragment)
{
	struct build_call *call = reply_build_call_of_index(choice, fragment->index);
	bool other_id, other_name;

	if (call == NULL)
		return NULL;
	other_id = fragment->id.len > 0 && call->id.len > 0;
	other_name = fragment->id.len == 0 && fragment->name.len > 0 && call->name.len > 0 &&
	             call->arguments.len > 0 && !text_equal(fragment->name, call->name);
	if (!other_id && !other_name)
		return call;
	tell(build, choice, fragment, WIRE_TS_02, WIRE_BREAKS,
	     "is another call with an index that is taken");
	return NULL;
}

/* Key by id, then index, then the most recent one. */
static struct build_call *find_call(struct reply_build *build, struct build_choice *choice,
                                    const struct fragment *fragment)
{
	struct build_call *recent =
	    choice->call_count == 0 ? NULL : choice->calls[choice->call_count - 1];

	if (fragment->id.len > 0) {
		struct build_call *call = reply_build_call_of_id(choice, fragment->id);
		if (call != NULL)
			return call;
	}
	if (fragment->has_index)
		return find_by_index(build, choice, fragment);
	if (recent == NULL || (fragment->id.len > 0 && recent->id.len > 0))
		return NULL;
	/* Nothing says which: a name begins a new call where the last one has its own. */
	if (fragment->name.len > 0 && recent->name.len > 0)
		return NULL;
	return recent;
}

static void judge_first(struct reply_build *build, const struct build_choice *choice,
                        const struct fragment *fragment, bool custom)
{
	reply_saw(build, WIRE_TS_03);
	if (fragment->id.len == 0)
		tell(build, choice, fragment, WIRE_TS_03, WIRE_DEVIATES,
		     "begins a call without id");
	if (json_string(fragment->node, "type").len == 0)
		tell(build, choice, fragment, WIRE_TS_03, WIRE_DEVIATES,
		     "begins a call without type");
	if (fragment->name.len == 0 && !custom)
		tell(build, choice, fragment, WIRE_TS_03, WIRE_DEVIATES,
		     "begins a call without name");
	/* The place of a content block, not of a call: lists that are filled by index get a gap. */
	if (fragment->has_index && fragment->index > 0 && choice->call_count == 1)
		tell(build, choice, fragment, WIRE_TS_01, WIRE_HARMLESS,
		     "begins the first call with an index that is not 0");
}

/* SDKs that join all strings of a fragment would double an id or name that is sent again. */
static void judge_later(struct reply_build *build, const struct build_choice *choice,
                        const struct fragment *fragment, const struct build_call *call)
{
	if (fragment->id.len > 0 && call->id.len > 0)
		tell(build, choice, fragment, WIRE_TS_03, WIRE_DEVIATES, "sends the id again");
	/* Whoever takes the last one is left without. */
	if (fragment->id.data != NULL && fragment->id.len == 0 && call->id.len > 0)
		tell(build, choice, fragment, WIRE_TS_03, WIRE_HARMLESS,
		     "sends an empty id behind the true one");
	if (fragment->name.data != NULL && fragment->name.len == 0 && call->name.len > 0)
		tell(build, choice, fragment, WIRE_TS_03, WIRE_HARMLESS,
		     "sends an empty name behind the true one");
	if (fragment->has_index && call->index >= 0 && fragment->index != call->index)
		tell(build, choice, fragment, WIRE_TS_03, WIRE_BREAKS, "changes the call's index");
	if (fragment->name.len == 0)
		return;
	if (call->name.len == 0)
		tell(build, choice, fragment, WIRE_TS_03, WIRE_DEVIATES, "brings the name late");
	else if (text_equal(fragment->name, call->name))
		tell(build, choice, fragment, WIRE_TS_03, WIRE_DEVIATES, "sends the name again");
	else
		tell(build, choice, fragment, WIRE_TS_03, WIRE_BREAKS, "changes the call's name");
}

/* A name comes once; where it comes in pieces before any argument, they are joined. */
static void take_name(struct reply_build *build, struct build_call *call, struct text name)
{
	if (name.len == 0 || text_equal(name, call->name))
		return;
	if (call->name.len == 0 || text_starts(name, call->name))
		call->name = reply_build_name(build, name);
	else if (call->arguments.len == 0 && call->name.len + name.len <= JOINED_NAME_MAX_BYTES)
		call->name =
		    reply_build_name(build, text_format(build->event_arena, "%.*s%.*s",
		                                        TEXT_ARG(call->name), TEXT_ARG(name)));
}

static void take_arguments(struct reply_build *build, const struct build_choice *choice,
                           const struct fragment *fragment, struct build_call *call)
{
	const struct json *arguments = json_member(fragment->function, "arguments");

	if (arguments == NULL && call->custom)
		arguments = json_member(fragment->function, "input");
	if (arguments == NULL)
		return;
	reply_saw(build, WIRE_TS_04);
	if (json_is(arguments, JSON_STRING)) {
		reply_build_arguments(build, call, arguments->text);
		return;
	}
	if (json_is(arguments, JSON_NULL)) {
		tell(build, choice, fragment, WIRE_TS_04, WIRE_DEVIATES, "has null as arguments");
		return;
	}
	tell(build, choice, fragment, WIRE_TS_04, WIRE_BREAKS, "has arguments that are no string");
	reply_build_arguments(build, call, span_of(arguments));
}

/* Most calls are functions; OpenAI's custom tools take free text. */
static struct fragment fragment_of(const struct json *node, size_t position)
{
	struct fragment fragment = {
	    .node = node,
	    .function = json_member(node, "function"),
	    .position = position,
	    .id = json_string(node, "id"),
	};

	if (text_is(json_string(node, "type"), "custom") ||
	    (fragment.function == NULL && json_member(node, "custom") != NULL))
		fragment.function = json_member(node, "custom");
	fragment.has_index = json_integer(node, "index", 0, INT32_MAX, &fragment.index);
	fragment.name = json_string(fragment.function, "name");
	return fragment;
}

void read_chat_fragment(struct reply_build *build, struct build_choice *choice,
                        const struct json *node, size_t position)
{
	struct fragment fragment = fragment_of(node, position);
	struct text type = json_string(node, "type");
	bool custom = json_is(fragment.function, JSON_OBJECT) &&
	              fragment.function == json_member(node, "custom");

	reply_saw(build, WIRE_TS_01);
	if (!fragment.has_index)
		tell(build, choice, &fragment, WIRE_TS_01, WIRE_BREAKS, "has no index");
	struct build_call *call = find_call(build, choice, &fragment);
	if (call == NULL) {
		call = reply_build_new_call(build, choice);
		if (call == NULL)
			return;
		if (choice->call_count > 1)
			reply_saw(build, WIRE_TS_02);
		call->custom = custom;
		judge_first(build, choice, &fragment, custom);
	} else {
		judge_later(build, choice, &fragment, call);
	}
	if (fragment.has_index && call->index < 0)
		call->index = fragment.index;
	if (fragment.id.data != NULL && call->id.len == 0)
		reply_build_call_id(build, call, fragment.id);
	if (type.len > 0 && call->type.len == 0)
		call->type = reply_build_name(build, type);
	reply_build_extra(build, &call->extra, json_member(node, "extra_content"));
	take_name(build, call, fragment.name);
	take_arguments(build, choice, &fragment, call);
}

void read_chat_function_call(struct reply_build *build, struct build_choice *choice,
                             const struct json *function)
{
	const struct json *arguments = json_member(function, "arguments");
	struct text name = json_string(function, "name");

	if (choice->function_call == NULL && name.len == 0)
		return; /* null, or empty beside real calls */
	if (choice->function_call == NULL)
		choice->function_call = reply_build_loose_call(build);
	take_name(build, choice->function_call, name);
	if (json_is(arguments, JSON_STRING))
		reply_build_arguments(build, choice->function_call, arguments->text);
}
