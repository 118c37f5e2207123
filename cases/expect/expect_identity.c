/*
 * Who answered, and which answer it is: the model that a reply names is the one that was
 * asked, and its id is not that of an earlier one.
 */
#include "cases/expect/expect_private.h"

enum { VERSION_MIN_DIGITS = 3 }; /* -002, -0613, -2024-08-06; but not the -8 of an 8b model */

/* Without what aggregators put before and behind: "openai/gpt-4o:free", "x-latest". */
static struct text bare_name(struct text name)
{
	static const char latest[] = "-latest";
	size_t from = 0;

	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '/')
			from = i + 1;
	name = text_slice(name, from, name.len);
	size_t colon = text_find_byte(name, ':', 0);
	if (colon != TEXT_NOT_FOUND && colon > 0)
		name = text_slice(name, 0, colon);
	if (text_ends(name, text_of(latest)))
		name = text_slice(name, 0, name.len - strlen(latest));
	return name;
}

/* "-2024-08-06" or "@20241022": an alias answers by the name of its version. */
static bool is_version(struct text rest)
{
	size_t digits = 0;

	if (rest.len == 0)
		return true;
	if (rest.data[0] != '-' && rest.data[0] != '@')
		return false;
	for (size_t i = 1; i < rest.len; i++) {
		bool digit = rest.data[i] >= '0' && rest.data[i] <= '9';
		if (!digit && rest.data[i] != '-')
			return false;
		digits += digit;
	}
	return digits >= VERSION_MIN_DIGITS;
}

static bool is_version_of(struct text longer, struct text shorter)
{
	return longer.len >= shorter.len &&
	       text_equal_ignoring_case(text_slice(longer, 0, shorter.len), shorter) &&
	       is_version(text_slice(longer, shorter.len, longer.len));
}

/* The name that was asked, or one that the config says the model may answer by. */
static bool is_name_of(const struct judgement *judgement, struct text asked, struct text got)
{
	const struct text_list *aliases = &judgement->seen->values->aliases;
	struct text wanted = bare_name(asked);

	if (is_version_of(got, wanted) || is_version_of(wanted, got))
		return true;
	for (size_t i = 0; i < aliases->count; i++)
		if (is_version_of(got, bare_name(aliases->items[i])))
			return true;
	return false;
}

static void check_model(const struct judgement *judgement)
{
	const struct chat_reply *reply = judgement->seen->reply;
	struct text asked = json_string(judgement->seen->request, "model");
	bool named = false;

	for (size_t i = 0; i < reply->model_count; i++) {
		struct text got = bare_name(reply->models[i]);
		/* Azure opens its streams with an empty name. */
		if (got.len == 0)
			continue;
		named = true;
		if (!is_name_of(judgement, asked, got))
			judge(judgement, FINDING_VIOLATION,
			      "the model \"%.*s\" answered, want \"%.*s\" or a version of it",
			      TEXT_ARG(shown(judgement, reply->models[i])),
			      TEXT_ARG(shown(judgement, asked)));
	}
	if (!named)
		judge(judgement, FINDING_VIOLATION, "the reply does not say which model answered");
}

static bool has_id(const struct chat_reply *reply, struct text id)
{
	for (size_t i = 0; reply != NULL && i < reply->id_count; i++)
		if (text_equal(reply->ids[i], id))
			return true;
	return false;
}

/* How many replies came before this one; replay has the later ones at hand as well. */
static size_t replies_before(const struct observation *seen)
{
	size_t before = 0;

	while (before < seen->values->step_count && seen->values->steps[before] != seen->reply)
		before++;
	return before;
}

static void check_fresh_id(const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;
	struct text id = seen->reply->id_count > 0 ? seen->reply->ids[0] : (struct text){0};
	size_t before = replies_before(seen);

	if (id.len == 0) {
		judge(judgement, FINDING_VIOLATION, "the reply has no id");
		return;
	}
	for (size_t i = 0; i < before; i++)
		if (has_id(seen->values->steps[i], id))
			judge(judgement, FINDING_VIOLATION,
			      "the id \"%.*s\" is that of step %zu as well",
			      TEXT_ARG(shown(judgement, id)), i);
}

static void check_listed(const struct judgement *judgement)
{
	const struct json *root = judgement->seen->reply->body;
	const struct json *list = json_is(root, JSON_ARRAY) ? root : json_member(root, "data");
	struct text wanted = judgement->seen->values->model;

	JSON_EACH(item, json_is(list, JSON_ARRAY) ? list : NULL)
	{
		struct text id = json_string(item, "id");
		/* "models/gemini-2.5-flash" is asked by its last part as well. */
		if (id.len > 0 &&
		    (text_equal(id, wanted) || text_equal(bare_name(id), bare_name(wanted))))
			return;
	}
	judge(judgement, FINDING_VIOLATION, "the model \"%.*s\" is not on the list of %lld",
	      TEXT_ARG(shown(judgement, wanted)),
	      json_is(list, JSON_ARRAY) ? (long long)list->count : 0LL);
}

/* "identity 17 23 41 fingerprint fp_1": of this reply and all before it; data NULL: it was said. */
static struct text identity_of(const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;
	size_t before = replies_before(seen);
	struct text fingerprint = seen->reply->system_fingerprint;
	struct text told = TEXT("identity");

	for (size_t i = 0; i <= before; i++) {
		const struct chat_reply *reply = i < before ? seen->values->steps[i] : seen->reply;
		if (reply == NULL || reply->usage.input <= 0) {
			judge(judgement, FINDING_VIOLATION,
			      "step %zu does not tell its prompt tokens", i + 1);
			return (struct text){NULL, 0};
		}
		told = text_format(judgement->arena, "%.*s %lld", TEXT_ARG(told),
		                   (long long)reply->usage.input);
	}
	if (fingerprint.len == 0)
		return text_format(judgement->arena, "%.*s no fingerprint", TEXT_ARG(told));
	return text_format(judgement->arena, "%.*s fingerprint %.*s", TEXT_ARG(told),
	                   TEXT_ARG(shown(judgement, fingerprint)));
}

/* The first record stays: what has changed once is another one from then on, and not news once. */
static void check_recorded(const struct expectation *expect, const struct judgement *judgement)
{
	struct text recorded = judgement->seen->values->identity;
	struct text now = identity_of(judgement);

	if (now.data == NULL)
		return;
	if (expect->identity == IDENTITY_RECORD)
		judgement->findings->fates = recorded.data != NULL ? recorded : now;
	else if (recorded.data == NULL)
		judge(judgement, FINDING_HARNESS, "nothing is recorded of the model");
	else if (!text_equal(recorded, now))
		judge(judgement, FINDING_VIOLATION, "now it is \"%.*s\"; recorded was \"%.*s\"",
		      TEXT_ARG(now), TEXT_ARG(recorded));
}

void expect_check_identity(const struct expectation *expect, const struct judgement *judgement)
{
	if (expect->same_model)
		check_model(judgement);
	if (expect->lists_model)
		check_listed(judgement);
	if (expect->fresh_id)
		check_fresh_id(judgement);
	if (expect->identity != IDENTITY_UNASKED)
		check_recorded(expect, judgement);
}
