/* What an error must say: code, type, param, message. */
#include "cases/expect/expect_private.h"

struct expect_error {
	const struct json *code, *type, *param; /* a value or a list; null: absent or null */
	struct matcher message;
	bool machine_code, or_refused;
};

struct error_keys {
	const struct json *code, *type, *param, *message;
	bool machine_code, or_refused;
};

/* clang-format off */
#define ROW(key, kind, about) \
	{.name = #key, .type = kind, .offset = offsetof(struct error_keys, key), .doc = about}
static const struct setting error_rows[] = {
	ROW(code, SETTING_NODE, "one of these; null: none"),
	ROW(type, SETTING_NODE, "one of these; null: none"),
	ROW(param, SETTING_NODE, "one of these; null: none"),
	ROW(message, SETTING_NODE, "the text, or a /pattern/"),
	ROW(machine_code, SETTING_BOOL, "code is a word, by which a program can tell errors apart"),
	ROW(or_refused, SETTING_BOOL,
	    "another message is a refusal of what the case is about; no error at all is to ignore it"),
};
#undef ROW
/* clang-format on */

static const struct setting_table error_table = {
    .what = "expected error", .rows = error_rows, .count = ARRAY_LENGTH(error_rows)};

/* settings_read skips null, which means something here. */
static bool read_values(struct expect_reader *reader, const struct json *node, const char *key,
                        const struct json **out)
{
	*out = json_member(node, key);
	if (json_is(*out, JSON_ARRAY) && (*out)->count == 0)
		return expect_fault(reader, *out, "an empty list can't be met");
	for (const struct json *item = expect_first(*out); item != NULL;
	     item = expect_next(*out, item))
		if (json_is(item, JSON_ARRAY) || json_is(item, JSON_OBJECT) ||
		    json_is(item, JSON_BOOL))
			return expect_fault(reader, item, "want a string, a number or null");
	return true;
}

bool expect_read_error(struct expect_reader *reader, const struct json *node,
                       const struct expect_error **out)
{
	struct error_keys keys = {0};
	struct expect_error *expect = ARENA_NEW(reader->arena, struct expect_error);
	bool good = settings_read(&error_table, node, &keys, reader->arena, reader->faults);

	*out = expect;
	if (good && (!json_is(node, JSON_OBJECT) || node->count == 0))
		return expect_fault(reader, node, "this says nothing about the error");
	expect->machine_code = keys.machine_code;
	expect->or_refused = keys.or_refused;
	if (keys.or_refused && keys.message == NULL)
		return expect_fault(reader, node, "or_refused needs the message that is none");
	good &= read_values(reader, node, "code", &expect->code);
	good &= read_values(reader, node, "type", &expect->type);
	good &= read_values(reader, node, "param", &expect->param);
	if (keys.message != NULL)
		good &= matcher_read(reader, keys.message, &expect->message);
	return good;
}

static void check_one_of(const struct judgement *judgement, const struct json *wanted,
                         const char *what, struct text value)
{
	struct text all = TEXT(""), text;

	if (wanted == NULL)
		return;
	for (const struct json *item = expect_first(wanted); item != NULL;
	     item = expect_next(wanted, item)) {
		bool null = json_is(item, JSON_NULL);
		if (null && value.data == NULL)
			return;
		if (!expect_fill(judgement, item->text, &text))
			return;
		if (!null && value.data != NULL && text_equal(text, value))
			return;
		all = text_format(judgement->arena, "%.*s%s%.*s", TEXT_ARG(all),
		                  all.len == 0 ? "" : " or ", TEXT_ARG(text));
	}
	if (value.data == NULL)
		judge(judgement, FINDING_VIOLATION, "the error has no %s, want %.*s", what,
		      TEXT_ARG(all));
	else
		judge(judgement, FINDING_VIOLATION, "the error's %s is \"%.*s\", want %.*s", what,
		      TEXT_ARG(shown(judgement, value)), TEXT_ARG(all));
}

/* A word, not a status in other clothes: "400" as a string tells a program nothing. */
static void check_machine_code(const struct judgement *judgement, const struct chat_error *error)
{
	int64_t number;

	if (error->code.len == 0)
		judge(judgement, FINDING_VIOLATION, "the error has no code");
	else if (error->code_is_number || text_to_int64(error->code, 0, INT64_MAX, &number))
		judge(judgement, FINDING_VIOLATION,
		      "the error's code is the number %.*s, want a word",
		      TEXT_ARG(shown(judgement, error->code)));
}

bool expect_error_is_ignored(const struct expect_error *expect, const struct judgement *judgement)
{
	int status = judgement->seen->exchange->status;

	if (!expect->or_refused || status < 200 || status > 299)
		return false;
	judge(judgement, FINDING_IGNORED, "status is %d, as if there were nothing to refuse",
	      status);
	return true;
}

void expect_check_error(const struct expect_error *expect, const struct judgement *judgement)
{
	const struct chat_reply *reply = judgement->seen->reply;

	if (reply->error_count == 0) {
		judge(judgement, FINDING_VIOLATION, "an error is due, and none is in %.*s",
		      TEXT_ARG(expect_error_text(judgement)));
		return;
	}
	const struct chat_error *error = &reply->errors[0];
	check_one_of(judgement, expect->code, "code", error->code);
	check_one_of(judgement, expect->type, "type", error->type);
	check_one_of(judgement, expect->param, "param", error->param);
	if (expect->or_refused && !matcher_matches(&expect->message, judgement, error->message))
		judge(judgement, FINDING_REFUSED, "status %d refuses it: %.*s",
		      judgement->seen->exchange->status, TEXT_ARG(expect_error_text(judgement)));
	else if (expect->message.node != NULL)
		matcher_check(&expect->message, judgement, FINDING_VIOLATION, "the error's message",
		              error->message);
	if (expect->machine_code)
		check_machine_code(judgement, error);
}
