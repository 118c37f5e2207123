/*
 * Arguments of a call that come as paths and values: Vertex streams them so (Gemini API reference,
 * "PartialArg"). {"jsonPath":"$.a.b[0]","stringValue":"x"} appends to a string where there is one;
 * other values come whole.
 */
#include "harness/base/json_write.h"
#include "providers/reply/reply_build.h"

enum { PATH_MAX_STEPS = 64, LIST_MAX_INDEX = 10000 };

/* One step of a path: a member's name, or an item's place (then name.data is NULL). */
struct step {
	struct text name;
	int64_t at;
};

/* "a" of ".a", "['a']" or "[0]"; false at the end, or where it can't be read. */
static bool next_step(struct text *rest, struct step *out)
{
	size_t end;

	if (text_starts(*rest, TEXT("['"))) {
		end = text_find(*rest, TEXT("']"), 2);
		if (end == TEXT_NOT_FOUND)
			return false;
		*out = (struct step){text_slice(*rest, 2, end), -1};
		*rest = text_slice(*rest, end + 2, rest->len);
		return true;
	}
	if (text_starts(*rest, TEXT("["))) {
		end = text_find_byte(*rest, ']', 0);
		if (end == TEXT_NOT_FOUND)
			return false;
		*out = (struct step){{NULL, 0}, 0};
		bool good = text_to_int64(text_slice(*rest, 1, end), 0, LIST_MAX_INDEX, &out->at);
		*rest = text_slice(*rest, end + 1, rest->len);
		return good;
	}
	if (!text_starts(*rest, TEXT(".")))
		return false;
	for (end = 1; end < rest->len && rest->data[end] != '.' && rest->data[end] != '['; end++)
		;
	*out = (struct step){text_slice(*rest, 1, end), -1};
	*rest = text_slice(*rest, end, rest->len);
	return out->name.len > 0;
}

/* The child that the step leads to, made where it is new. */
static struct json *child_of(struct reply_build *build, struct json *parent,
                             const struct step *step)
{
	struct json *child;

	if (parent->count == 0)
		parent->type = step->name.data == NULL ? JSON_ARRAY : JSON_OBJECT;
	if (step->name.data == NULL) {
		if (parent->type != JSON_ARRAY)
			return NULL;
		while ((int64_t)parent->count <= step->at)
			json_append(parent, json_new(build->arena, JSON_NULL));
		return json_at(parent, (size_t)step->at);
	}
	if (parent->type != JSON_OBJECT)
		return NULL;
	child = json_member_text(parent, step->name);
	if (child != NULL)
		return child;
	child = json_new(build->arena, JSON_NULL);
	json_append_member(parent, text_copy(build->arena, step->name), child);
	return child;
}

/* Pieces of a string stand below its node until all are there. */
static void set_value(struct reply_build *build, struct json *node, const struct json *piece)
{
	const struct json *number = json_member(piece, "numberValue");
	const struct json *truth = json_member(piece, "boolValue");
	struct text said = json_string(piece, "stringValue");

	if (said.data != NULL && (node->type == JSON_STRING || node->count == 0)) {
		node->type = JSON_STRING;
		json_append(node, json_new_string(build->arena, text_copy(build->arena, said)));
	} else if (json_is(number, JSON_NUMBER) && node->count == 0) {
		node->type = JSON_NUMBER;
		node->text = text_copy(build->arena, number->text);
	} else if (json_is(truth, JSON_BOOL) && node->count == 0) {
		node->type = JSON_BOOL;
		node->truth = truth->truth;
		node->text = truth->truth ? TEXT("true") : TEXT("false");
	}
}

void partial_arguments_take(struct reply_build *build, struct build_call *call,
                            const struct json *pieces)
{
	if (call->partial == NULL)
		call->partial = json_new(build->arena, JSON_OBJECT);
	JSON_EACH(piece, pieces)
	{
		struct text path = json_string(piece, "jsonPath");
		struct json *node = call->partial;
		struct step step;
		size_t steps = 0;
		path = text_slice(path, text_starts(path, TEXT("$")) ? 1 : 0, path.len);
		while (node != NULL && steps++ < PATH_MAX_STEPS && next_step(&path, &step))
			node = child_of(build, node, &step);
		if (node == NULL || node == call->partial || path.len > 0)
			reply_violates(build, WIRE_TC_03, WIRE_DEVIATES,
			               "a piece of arguments%s has no place",
			               reply_build_where(build));
		else
			set_value(build, node, piece);
	}
}

static void join_strings(struct reply_build *build, struct json *node)
{
	struct text_buf joined;

	if (node->type != JSON_STRING) {
		JSON_EACH(child, node)
		{
			join_strings(build, child);
		}
		return;
	}
	text_buf_init(&joined, REPLY_MAX_BYTES);
	JSON_EACH(piece, node)
	{
		(void)text_buf_add(&joined, piece->text);
	}
	node->text = text_copy(build->arena, text_buf_view(&joined));
	text_buf_done(&joined);
	node->first = node->last = NULL;
	node->count = 0;
}

struct text partial_arguments_text(struct reply_build *build, struct build_call *call)
{
	if (call->partial == NULL)
		return TEXT("{}");
	join_strings(build, call->partial);
	return json_to_text(build->arena, call->partial);
}
