/*
 * Recognising the suite's own questions behind a translation, for the simulator's native dialects:
 * what a dialect has no place for is gone, messages of one role have run together, and ids may be
 * others. What is compared is what was said, by whom, and the members that did come through.
 *
 * A conversation is one text here: marks for roles, calls and pictures, and between them what was
 * said. A template's is a pattern of the same form.
 */
#include "cases/picture.h"
#include "cases/suite_private.h"
#include "cases/template_private.h"

enum { CARRIED_MAX_BYTES = 64 << 20 };

/* What begins: none of them is in anybody's text. */
#define MARK_ROLE '\x01'
#define MARK_CALL '\x02'
#define MARK_IMAGE '\x03'

/* One step of one case. */
struct carried_entry {
	const struct eval_case *eval_case;
	size_t step;
	struct text said; /* its conversation as a pattern */
};

struct carried_index {
	struct carried_entry *entries;
	size_t count;
};

/* --- a conversation as one text --- */

struct flattening {
	struct text_buf out;
	struct arena *arena;
	char role; /* under whose mark the text stands; '\0': nobody's */
};

static void speak(struct flattening *on, char role)
{
	if (on->role == role)
		return;
	on->role = role;
	(void)text_buf_byte(&on->out, MARK_ROLE);
	(void)text_buf_byte(&on->out, role);
}

static void say(struct flattening *on, char role, struct text text)
{
	if (text.len == 0)
		return;
	speak(on, role);
	(void)text_buf_add(&on->out, text);
}

/* A picture of ours is the word in it; in a template, its placeholder. */
static void show(struct flattening *on, char role, struct text url)
{
	struct text placeholder = TEXT("{{image:");
	struct text word;

	speak(on, role);
	(void)text_buf_byte(&on->out, MARK_IMAGE);
	if (text_starts(url, placeholder)) {
		(void)text_buf_add_c(&on->out, "{{");
		(void)text_buf_add(&on->out, text_slice(url, placeholder.len, url.len));
	} else if (picture_read(url, on->arena, &word)) {
		(void)text_buf_add(&on->out, word);
	} else {
		(void)text_buf_add(&on->out, url);
	}
}

static void say_content(struct flattening *on, char role, const struct json *content)
{
	if (json_is(content, JSON_STRING))
		say(on, role, content->text);
	JSON_EACH(part, json_is(content, JSON_ARRAY) ? content : NULL)
	{
		struct text url = json_string(json_member(part, "image_url"), "url");
		if (url.data != NULL)
			show(on, role, url);
		else
			say(on, role, json_string(part, "text"));
	}
}

/* A result that is JSON in one spelling, and without the object that some dialects put around it.
 */
static void say_result(struct flattening *on, const struct json *message)
{
	struct flattening whole = {.arena = on->arena, .role = 't'};
	struct json *object;
	struct fault fault;

	text_buf_init(&whole.out, CARRIED_MAX_BYTES);
	say_content(&whole, 't', json_member(message, "content"));
	struct text text = text_copy(on->arena, text_buf_view(&whole.out));
	text_buf_done(&whole.out);
	if (json_read_text(text, "result", on->arena, &object, &fault) &&
	    json_is(object, JSON_OBJECT))
		text = object->count == 1 && json_is(object->first, JSON_STRING) &&
		               text_is(object->first->key, "result")
		           ? object->first->text
		           : json_to_text(on->arena, object);
	/* Each result for itself, also an empty one. */
	on->role = '\0';
	speak(on, 't');
	(void)text_buf_add(&on->out, text);
}

static bool is_result(const struct json *message)
{
	return text_is(json_string(message, "role"), "tool");
}

/* Results that stand together, in the order of their calls, for some dialects give them no ids. */
static const struct json *say_results(struct flattening *on, const struct json *calls,
                                      const struct json *first)
{
	const struct json *last = first;

	while (last->next != NULL && is_result(last->next))
		last = last->next;
	JSON_EACH(call, calls)
	{
		for (const struct json *m = first; m != last->next; m = m->next)
			if (text_equal(json_string(m, "tool_call_id"), json_string(call, "id")))
				say_result(on, m);
	}
	for (const struct json *m = first; m != last->next; m = m->next) {
		bool said = false;
		JSON_EACH(call, calls)
		{
			said |= text_equal(json_string(m, "tool_call_id"), json_string(call, "id"));
		}
		if (!said)
			say_result(on, m);
	}
	return last;
}

static void say_message(struct flattening *on, const struct json *message)
{
	struct text role = json_string(message, "role");
	char mark = text_is(role, "user") ? 'u' : text_is(role, "assistant") ? 'a' : 's';

	/* An earlier reply, in a template. */
	if (json_is(message, JSON_STRING)) {
		say(on, 'a', message->text);
		return;
	}
	say_content(on, mark, json_member(message, "content"));
	say(on, mark, json_string(message, "refusal"));
	JSON_EACH(call, json_member(message, "tool_calls"))
	{
		speak(on, mark);
		(void)text_buf_byte(&on->out, MARK_CALL);
		(void)text_buf_add(&on->out, json_string(json_member(call, "function"), "name"));
	}
}

static struct text flatten(const struct json *messages, struct arena *arena)
{
	struct flattening on = {.arena = arena};
	const struct json *calls = NULL;

	if (!json_is(messages, JSON_ARRAY))
		return TEXT("");
	text_buf_init(&on.out, CARRIED_MAX_BYTES);
	for (const struct json *m = messages->first; m != NULL; m = m->next) {
		if (is_result(m)) {
			m = say_results(&on, calls, m);
			continue;
		}
		say_message(&on, m);
		calls = json_member(m, "tool_calls");
	}
	struct text said = text_copy(arena, text_buf_view(&on.out));
	text_buf_done(&on.out);
	return said;
}

/* --- members --- */

static const struct json *field(const struct json *object, const char *name)
{
	const struct json *member = json_member(object, name);

	return member == NULL || member->type == JSON_NULL ? NULL : member;
}

static bool is_word(const struct json *node, const char *word)
{
	return json_is(node, JSON_STRING) && text_is(node->text, word);
}

static bool limit_agrees(const struct json *wanted, const struct json *actual)
{
	const struct json *limit = field(wanted, "max_completion_tokens");

	if (limit == NULL)
		limit = field(wanted, "max_tokens");
	/* Some dialects want one always. */
	return limit == NULL || (field(actual, "max_tokens") != NULL &&
	                         json_equal(limit, field(actual, "max_tokens")));
}

/* One text or a list of them; what is a placeholder there, is filled here. */
static bool stop_agrees(const struct json *wanted, const struct json *actual)
{
	const struct json *pattern = json_is(wanted, JSON_ARRAY) ? wanted->first : wanted;
	const struct json *stop = json_is(actual, JSON_ARRAY) ? actual->first : actual;

	while (pattern != NULL && stop != NULL) {
		struct template_values tried = {.context_tokens = -1};
		if (!json_is(pattern, JSON_STRING) || !json_is(stop, JSON_STRING) ||
		    !template_text_matches(pattern->text, stop->text, &tried))
			return false;
		pattern = json_is(wanted, JSON_ARRAY) ? pattern->next : NULL;
		stop = json_is(actual, JSON_ARRAY) ? stop->next : NULL;
	}
	return pattern == NULL && stop == NULL;
}

static bool tools_agree(const struct json *wanted, const struct json *actual)
{
	const struct json *tool = json_first(actual);

	JSON_EACH(pattern, wanted)
	{
		if (tool == NULL ||
		    !text_equal(json_string(json_member(pattern, "function"), "name"),
		                json_string(json_member(tool, "function"), "name")))
			return false;
		tool = tool->next;
	}
	return tool == NULL;
}

/* What is said where nothing is said. */
static const struct {
	const char *name, *word;
} defaults[] = {{"tool_choice", "auto"}, {"parallel_tool_calls", "true"}, {"n", "1"}};

static const struct json *but_default(const struct json *object, const char *name)
{
	const struct json *member = field(object, name);

	for (size_t i = 0; member != NULL && i < ARRAY_LENGTH(defaults); i++) {
		bool truth = member->type == JSON_BOOL && member->truth &&
		             strcmp(defaults[i].word, "true") == 0;
		if (strcmp(name, defaults[i].name) == 0 &&
		    (truth ||
		     (member->type != JSON_BOOL && text_is(member->text, defaults[i].word))))
			return NULL;
	}
	return member;
}

static bool format_agrees(const struct json *wanted, const struct json *actual)
{
	struct text type = json_string(wanted, "type");

	if (type.data == NULL || text_is(type, "text"))
		return actual == NULL;
	return text_equal(type, json_string(actual, "type"));
}

static bool member_agrees(const struct json *wanted, const struct json *actual, const char *name)
{
	const struct json *here = but_default(wanted, name);
	const struct json *there = but_default(actual, name);

	if (strcmp(name, "max_tokens") == 0)
		return limit_agrees(wanted, actual);
	if (strcmp(name, "stop") == 0)
		return stop_agrees(here, there);
	if (strcmp(name, "tools") == 0)
		/* Who has no choice of none is given no tools instead. */
		return tools_agree(here, there) ||
		       (there == NULL && is_word(field(wanted, "tool_choice"), "none"));
	if (strcmp(name, "response_format") == 0)
		return format_agrees(here, there);
	/* Levels differ from one to the other. */
	if (strcmp(name, "reasoning_effort") == 0)
		return (here == NULL) == (there == NULL) &&
		       is_word(here, "none") == is_word(there, "none");
	return here == NULL ? there == NULL : there != NULL && json_equal(here, there);
}

/* How many of the members came through as they are; -1: one of them is another. */
static int64_t agreement(const struct json *wanted, const struct json *actual,
                         const char *const *carried)
{
	int64_t same = 0;

	for (; *carried != NULL; carried++) {
		const struct json *here = field(wanted, *carried);
		const struct json *there = field(actual, *carried);
		if (!member_agrees(wanted, actual, *carried))
			return -1;
		same += here != NULL && there != NULL && json_equal(here, there);
	}
	return same;
}

/* --- the index and the search --- */

static bool is_chat(const struct suite *suite, size_t at, size_t step)
{
	const struct eval_case *eval_case = &suite->cases[at];

	return eval_case->probe == at && eval_case->steps[step].endpoint == ENDPOINT_CHAT &&
	       json_is(field(eval_case->steps[step].request, "messages"), JSON_ARRAY);
}

const struct carried_index *carried_index_new(const struct suite *suite, struct arena *arena)
{
	struct carried_index *index = ARENA_NEW(arena, struct carried_index);
	size_t count = 0;

	for (size_t i = 0; i < suite->count; i++)
		for (size_t j = 0; j < suite->cases[i].step_count; j++)
			count += is_chat(suite, i, j);
	index->entries = ARENA_NEW_ARRAY(arena, struct carried_entry, count + 1);
	for (size_t i = 0; i < suite->count; i++)
		for (size_t j = 0; j < suite->cases[i].step_count; j++)
			if (is_chat(suite, i, j))
				index->entries[index->count++] = (struct carried_entry){
				    &suite->cases[i], j,
				    flatten(field(suite->cases[i].steps[j].request, "messages"),
				            arena)};
	return index;
}

bool suite_recognise_carried(const struct suite *suite, const struct json *request,
                             const char *const *carried, struct arena *arena,
                             struct suite_match *out)
{
	const struct carried_entry *best = NULL;
	int64_t best_same = -1;
	struct template_values values = {.context_tokens = -1};

	if (!suite->complete || !json_is(request, JSON_OBJECT))
		return false;
	const struct carried_index *index = suite->index->carried;
	struct text said = flatten(field(request, "messages"), arena);
	for (size_t i = 0; i < index->count; i++) {
		const struct carried_entry *entry = &index->entries[i];
		struct template_values tried = {.context_tokens = -1};
		if (!template_text_matches(entry->said, said, &tried))
			continue;
		int64_t same =
		    agreement(entry->eval_case->steps[entry->step].request, request, carried);
		if (same <= best_same)
			continue;
		best = entry;
		best_same = same;
		values = tried;
	}
	if (best == NULL)
		return false;
	out->eval_case = best->eval_case;
	out->step = best->step;
	out->values = ARENA_NEW(arena, struct template_values);
	*out->values = values;
	return true;
}
