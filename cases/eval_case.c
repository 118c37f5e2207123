/* What every case has in common: its names, its label, and the hash of all that decides it. */
#include "cases/eval_case.h"

#include "cases/expect/expect.h"
#include "harness/base/digest.h"
#include "harness/base/json_write.h"

#include <stdlib.h>

const char *const case_class_names[] = {"deterministic", "stochastic", "negative", "timing", NULL};
const char *const case_severity_names[] = {"gate", "required", "advisory", NULL};
const char *const case_kind_names[] = {"none",           "code",        "review",     "extraction",
                                       "classification", "summarising", "formatting", "reasoning",
                                       "documentation",  NULL};
const char *const case_variant_names[] = {"sync", "stream", NULL};
const char *const case_auth_names[] = {"key", "wrong", "none", NULL};

enum case_kind case_kind_from_name(struct text name)
{
	for (int i = CASE_KIND_NONE + 1; i < CASE_KINDS; i++)
		if (text_is(name, case_kind_names[i]))
			return (enum case_kind)i;
	return CASE_KIND_NONE;
}

void case_group(const struct eval_case *eval_case, size_t step, size_t *first, size_t *end)
{
	const struct case_step *asked = &eval_case->steps[step];

	*first = step - asked->copy;
	*end = *first + asked->copies;
}

struct text case_label(const struct eval_case *eval_case, enum case_variant variant,
                       struct arena *arena)
{
	if (variant == CASE_SYNC)
		return eval_case->id;
	return text_format(arena, "%.*s~%s", TEXT_ARG(eval_case->id), case_variant_names[variant]);
}

struct text case_step_pad(const struct case_step *step, struct text body, struct arena *arena,
                          size_t *padding)
{
	size_t wanted = (size_t)step->body_bytes;

	*padding = 0;
	if (body.len == 0 || wanted <= body.len)
		return body;
	size_t end = body.data[body.len - 1] == '}' ? body.len - 1 : body.len;
	char *bytes = arena_alloc_bytes(arena, wanted + 1);
	*padding = wanted - body.len;
	memcpy(bytes, body.data, end);
	memset(bytes + end, ' ', *padding);
	memcpy(bytes + end + *padding, body.data + end, body.len - end);
	bytes[wanted] = '\0';
	return (struct text){bytes, wanted};
}

/* --- canonical JSON: members sorted, no blanks, numbers as written --- */

static int compare_keys(const void *a, const void *b)
{
	const struct json *const *left = a;
	const struct json *const *right = b;

	return text_compare((*left)->key, (*right)->key);
}

static void add_canonical(struct text_buf *out, const struct json *node, struct arena *arena);

static void add_canonical_object(struct text_buf *out, const struct json *node, struct arena *arena)
{
	const struct json **members =
	    ARENA_NEW_ARRAY(arena, const struct json *, (size_t)node->count + 1);
	size_t count = 0;

	JSON_EACH(member, node)
	members[count++] = member;
	qsort(members, count, sizeof(struct json *), compare_keys);
	text_buf_byte(out, '{');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			text_buf_byte(out, ',');
		json_quote(out, members[i]->key);
		text_buf_byte(out, ':');
		add_canonical(out, members[i], arena);
	}
	text_buf_byte(out, '}');
}

static void add_canonical(struct text_buf *out, const struct json *node, struct arena *arena)
{
	const char *separator = "";

	if (node == NULL) {
		text_buf_add_c(out, "null");
		return;
	}
	switch ((enum json_type)node->type) {
	case JSON_NULL:
		text_buf_add_c(out, "null");
		break;
	case JSON_BOOL:
		text_buf_add_c(out, node->truth ? "true" : "false");
		break;
	case JSON_NUMBER:
		text_buf_add(out, node->text);
		break;
	case JSON_STRING:
		json_quote(out, node->text);
		break;
	case JSON_ARRAY:
		text_buf_byte(out, '[');
		JSON_EACH(item, node)
		{
			text_buf_add_c(out, separator);
			add_canonical(out, item, arena);
			separator = ",";
		}
		text_buf_byte(out, ']');
		break;
	case JSON_OBJECT:
		add_canonical_object(out, node, arena);
		break;
	}
}

/* --- the hash --- */

/* How it travels; nothing where it travels as always: cases without such keys keep their hash. */
static void add_wire(struct text_buf *out, const struct case_step *step)
{
	const struct chat_wire *wire = &step->wire;

	if (wire->accept_encoding.data != NULL) {
		text_buf_add_c(out, ",\"accept_encoding\":");
		json_quote(out, wire->accept_encoding);
	}
	if (wire->kept)
		text_buf_format(out, ",\"connection\":\"%s\"", wire->same ? "same" : "kept");
	if (wire->http2)
		text_buf_add_c(out, ",\"http\":2");
	if (wire->expect_continue)
		text_buf_add_c(out, ",\"expect_continue\":true");
	if (wire->leave_after_events > 0)
		text_buf_format(out, ",\"cancel_after\":%lld", (long long)wire->leave_after_events);
	if (step->body_bytes > 0)
		text_buf_format(out, ",\"body_bytes\":%lld", (long long)step->body_bytes);
}

static void add_step(struct text_buf *out, const struct case_step *step, struct arena *arena)
{
	text_buf_byte(out, '{');
	if (step->copies > 1)
		text_buf_format(out, "\"at_once\":%zu,", step->copies);
	text_buf_format(out, "\"auth\":\"%s\",\"endpoint\":\"%s\",\"expect\":",
	                case_auth_names[step->auth], endpoint_name(step->endpoint));
	add_canonical(out, json_member(step->node, "expect"), arena);
	text_buf_add_c(out, ",\"method\":");
	if (step->method == NULL)
		text_buf_add_c(out, "null");
	else
		json_quote(out, text_of(step->method));
	text_buf_add_c(out, ",\"raw\":");
	if (step->raw.data == NULL)
		text_buf_add_c(out, "null");
	else
		json_quote(out, step->raw);
	text_buf_add_c(out, ",\"request\":");
	add_canonical(out, step->request, arena);
	text_buf_format(out,
	                ",\"streams\":%d,\"usage_asked\":%s,\"variant_expect\":", step->streams,
	                step->usage_asked ? "true" : "false");
	add_canonical(out, json_member(step->node, "variant_expect"), arena);
	add_wire(out, step);
	text_buf_byte(out, '}');
}

void case_hash(struct eval_case *eval_case, struct arena *arena)
{
	struct text_buf text;

	text_buf_init(&text, CASE_MAX_TEXT_BYTES);
	text_buf_format(&text, "{\"class\":\"%s\",%s\"steps\":[",
	                case_class_names[eval_case->class_],
	                eval_case->critical ? "\"critical\":true," : "");
	for (size_t i = 0; i < eval_case->step_count; i++) {
		if (i > 0)
			text_buf_byte(&text, ',');
		add_step(&text, &eval_case->steps[i], arena);
	}
	text_buf_format(&text, "],\"variants\":[%s,%s]}",
	                eval_case->variants[CASE_SYNC] ? "true" : "false",
	                eval_case->variants[CASE_STREAM] ? "true" : "false");
	struct text hex = digest_hex(arena, text_buf_view(&text), DIGEST_SHORT);
	memcpy(eval_case->hash, hex.data, DIGEST_SHORT);
	eval_case->hash[DIGEST_SHORT] = '\0';
	text_buf_done(&text);
}
