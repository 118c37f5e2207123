/*
 * Status and completeness, judged first: where they are wrong, the rest is not judged, for
 * one mistake is one finding. Here a 4xx is told apart: a refusal that names what the case
 * is about, or an error that has no business here.
 */
#include "cases/expect/expect_private.h"

/* --- reading ------------------------------------------------------------------------------ */

static bool read_range(const struct json *node, struct status_range *out)
{
	struct text text = node->text;
	int64_t status;

	if (json_is(node, JSON_STRING) && text.len == 3 && text_is(text_slice(text, 1, 3), "xx") &&
	    text.data[0] >= '1' && text.data[0] <= '5') {
		int low = (text.data[0] - '0') * 100;
		*out = (struct status_range){low, low + 99};
		return true;
	}
	if (!json_node_integer(node, 100, 599, &status))
		return false;
	*out = (struct status_range){(int)status, (int)status};
	return true;
}

bool expect_read_status(struct expect_reader *reader, const struct json *node,
                        struct expectation *out)
{
	if (json_is(node, JSON_ARRAY) && (node->count == 0 || node->count > EXPECT_MAX_STATUSES))
		return expect_fault(reader, node, "want 1 to %d statuses", EXPECT_MAX_STATUSES);
	for (const struct json *item = expect_first(node); item != NULL;
	     item = expect_next(node, item)) {
		if (!read_range(item, &out->statuses[out->status_count]))
			return expect_fault(reader, item,
			                    "want a status like 200, a range like 4xx, or a list");
		out->status_count++;
	}
	return true;
}

/* --- who is named by an error --------------------------------------------------------------- */

/* Other words for a feature, as providers put it. */
static const struct {
	const char *feature;
	const char *words[5];
} synonyms[] = {
    {"tools", {"tool", "function calling", "function call", "function calls", "functions"}},
    {"functions", {"tool", "tools", "function calling", "function call", "function calls"}},
    {"tool_choice", {"tool choice", NULL}},
    {"tool_messages", {"tool", NULL}},
    {"stream", {"streaming", NULL}},
    {"response_format",
     {"structured output", "structured outputs", "json mode", "json_schema", "json_object"}},
    {"images", {"image", "image_url", "image input", "vision", "multimodal"}},
    {"audio", {"input_audio", NULL}},
    {"logprobs", {"top_logprobs", NULL}},
    {"user", {"safety_identifier", "metadata", NULL}},
    {"message_name", {"name", NULL}},
    {"content_parts", {"content", NULL}},
};

/* Words of everyday language: they name something only in quotes, or in a path. */
static const char *const everyday[] = {"user",  "system", "messages", "message",
                                       "input", "prompt", "content",  "role",
                                       "name",  "store",  "files",    "responses"};

/* Features that every request has: to name one says nothing. */
static const char *const unspecific[] = {"chat",  "completions", "embeddings",
                                         "model", "multi_turn",  "long_context"};

static bool is_one_of(struct text name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, names[i]))
			return true;
	return false;
}

static char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static bool is_word_byte(char byte)
{
	return (lower(byte) >= 'a' && lower(byte) <= 'z') || (byte >= '0' && byte <= '9') ||
	       byte == '_';
}

static bool same_letter(char wanted, char byte)
{
	if (wanted == '_' || wanted == ' ')
		return byte == '_' || byte == ' ' || byte == '-';
	return lower(wanted) == lower(byte);
}

/* The byte at `at`, or 0 outside. */
static char byte_at(struct text text, size_t at)
{
	return at < text.len ? text.data[at] : '\0';
}

/* 'messages', "messages", `messages`, messages[0], body.messages */
static bool is_marked(struct text text, size_t from, size_t to)
{
	char before = from > 0 ? text.data[from - 1] : '\0';
	char after = byte_at(text, to);

	if (before != '\0' && strchr("'\"`[.", before) != NULL)
		return true;
	if (after == '.')
		return is_word_byte(byte_at(text, to + 1));
	return after != '\0' && strchr("'\"`][", after) != NULL;
}

/* The parameter n, and not the N of N/A or the escape \\n. */
static bool is_letter_alone(struct text text, size_t at, struct text word)
{
	return text.data[at] == word.data[0] && (at == 0 || text.data[at - 1] != '\\');
}

static bool says_word(struct text text, struct text word)
{
	bool everyday_word = is_one_of(word, everyday, ARRAY_LENGTH(everyday));

	for (size_t at = 0; word.len > 0 && at + word.len <= text.len; at++) {
		size_t i = 0;
		while (i < word.len && same_letter(word.data[i], text.data[at + i]))
			i++;
		if (i < word.len || (at > 0 && is_word_byte(text.data[at - 1])) ||
		    is_word_byte(byte_at(text, at + word.len)) ||
		    (word.len == 1 && !is_letter_alone(text, at, word)))
			continue;
		if (!everyday_word || is_marked(text, at, at + word.len))
			return true;
	}
	return false;
}

/* A feature by its own name, its parts (response_format, json_schema), or another word for it. */
static bool says_feature(struct text text, struct text feature)
{
	struct text rest = feature, head;

	if (says_word(text, feature))
		return true;
	if (!text_next_field(&rest, '.', &head))
		return false;
	if (says_word(text, head))
		return true;
	if (rest.data != NULL && text_find_byte(rest, '_', 0) != TEXT_NOT_FOUND &&
	    says_word(text, rest))
		return true;
	for (size_t i = 0; i < ARRAY_LENGTH(synonyms); i++) {
		if (!text_is(head, synonyms[i].feature))
			continue;
		for (size_t j = 0; j < ARRAY_LENGTH(synonyms[i].words); j++)
			if (synonyms[i].words[j] != NULL &&
			    says_word(text, text_of(synonyms[i].words[j])))
				return true;
	}
	return false;
}

/* "tools[0].function.strict" is about tools. */
static bool param_is_about(struct text param, struct text feature)
{
	size_t end = 0;
	struct text rest = feature, head;

	while (end < param.len && is_word_byte(param.data[end]))
		end++;
	return end > 0 && text_next_field(&rest, '.', &head) &&
	       text_equal(text_slice(param, 0, end), head);
}

static bool is_named(const struct observation *seen, struct text feature)
{
	enum { LOOKED_AT = 4096 }; /* an error that says it later says it to nobody */
	const struct chat_reply *reply = seen->reply;

	if (is_one_of(feature, unspecific, ARRAY_LENGTH(unspecific)))
		return false;
	for (size_t i = 0; i < reply->error_count; i++)
		if (param_is_about(reply->errors[i].param, feature) ||
		    says_feature(text_slice(reply->errors[i].message, 0, LOOKED_AT), feature))
			return true;
	return reply->error_count == 0 &&
	       says_feature(text_slice(seen->exchange->body, 0, LOOKED_AT), feature);
}

/* A 4xx that may speak about the request's features, not about keys, quotas or models. */
static bool may_refuse(const struct observation *seen)
{
	static const int others[] = {401, 402, 403, 408, 409, 425, 429};
	const struct chat_reply *reply = seen->reply;
	int status = seen->exchange->status;

	if (status < 400 || status > 499)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		if (status == others[i])
			return false;
	for (size_t i = 0; status == 404 && i < reply->error_count; i++)
		if (text_find(reply->errors[i].code, TEXT("model"), 0) != TEXT_NOT_FOUND ||
		    text_is(reply->errors[i].param, "model"))
			return false;
	return true;
}

struct text expect_refused(const struct observation *seen, struct text parameter)
{
	struct text none = {NULL, 0};

	if (!may_refuse(seen))
		return none;
	if (parameter.data != NULL)
		return is_named(seen, parameter) ? parameter : none;
	for (size_t i = 0; seen->features != NULL && i < seen->features->count; i++)
		if (is_named(seen, seen->features->items[i]))
			return seen->features->items[i];
	if (request_has_image(seen->request) && is_named(seen, TEXT("images")))
		return TEXT("images");
	JSON_EACH(member, json_is(seen->request, JSON_OBJECT) ? seen->request : NULL)
	if (is_named(seen, member->key))
		return member->key;
	return none;
}

struct text expect_error_text(const struct judgement *judgement)
{
	const struct chat_reply *reply = judgement->seen->reply;
	struct text message =
	    reply->error_count > 0 ? reply->errors[0].message : judgement->seen->exchange->body;

	if (message.len == 0)
		return TEXT("nothing was said");
	return text_format(judgement->arena, "\"%.*s\"", TEXT_ARG(shown(judgement, message)));
}

/* --- the status ------------------------------------------------------------------------------ */

static const struct status_range plain_success = {200, 200};
static const struct status_range client_errors = {400, 499};

/* What is wanted of the status; count 0: nothing, the blocks of any_of say it. */
static const struct status_range *wanted_of(const struct expectation *expect, bool streamed,
                                            size_t *count)
{
	const struct expectation *added = expect->added[streamed];

	*count = 1;
	if (expect->status_count == 0 && added != NULL &&
	    (added->status_count > 0 || added->error != NULL))
		expect = added;
	if (expect->status_count > 0) {
		*count = expect->status_count;
		return expect->statuses;
	}
	if (expect->error != NULL)
		return &client_errors;
	if (expect->any_of_count > 0)
		*count = 0;
	return &plain_success;
}

static bool is_success(int status)
{
	return status >= 200 && status <= 299;
}

static struct text wanted_text(const struct judgement *judgement, const struct status_range *wanted,
                               size_t count)
{
	struct text text = TEXT("");

	for (size_t i = 0; i < count; i++) {
		const char *separator = i == 0 ? "" : " or ";
		if (wanted[i].low == wanted[i].high)
			text = text_format(judgement->arena, "%.*s%s%d", TEXT_ARG(text), separator,
			                   wanted[i].low);
		else
			text = text_format(judgement->arena, "%.*s%s%dxx", TEXT_ARG(text),
			                   separator, wanted[i].low / 100);
	}
	return text;
}

static void judge_wrong_status(const struct expectation *expect, const struct judgement *judgement,
                               const struct status_range *wanted, size_t count)
{
	const struct exchange *exchange = judgement->seen->exchange;
	struct text refused = {NULL, 0};
	bool success = false;

	for (size_t i = 0; i < count; i++)
		success = success || (wanted[i].low <= 299 && wanted[i].high >= 200);
	if (success && expect->fates != NULL && expect_fates_refused(expect->fates, judgement))
		return;
	if (success)
		refused = expect_refused(judgement->seen, (struct text){NULL, 0});
	if (refused.data != NULL)
		judge(judgement, FINDING_REFUSED, "status %d refuses %.*s: %.*s", exchange->status,
		      TEXT_ARG(refused), TEXT_ARG(expect_error_text(judgement)));
	else if (exchange->status == 0)
		judge(judgement, FINDING_VIOLATION, "no answer came: %s %.*s",
		      exchange_end_name(exchange->end),
		      TEXT_ARG(shown(judgement, exchange->end_detail)));
	else
		judge(judgement, FINDING_VIOLATION, "status is %d, want %.*s: %.*s",
		      exchange->status, TEXT_ARG(wanted_text(judgement, wanted, count)),
		      TEXT_ARG(expect_error_text(judgement)));
}

/* --- completeness ------------------------------------------------------------------------------
 */

static struct text incomplete_reason(const struct judgement *judgement)
{
	const struct exchange *exchange = judgement->seen->exchange;
	const struct chat_reply *reply = judgement->seen->reply;

	if (exchange->end != EXCHANGE_COMPLETE)
		return text_format(judgement->arena, "it ended by %s",
		                   exchange_end_name(exchange->end));
	if (!reply->streamed && !reply->is_json)
		return TEXT("its body is not one JSON value");
	if (reply->error_count > 0)
		return text_format(judgement->arena, "it holds an error: %.*s",
		                   TEXT_ARG(expect_error_text(judgement)));
	for (size_t i = 0; i < reply->choice_count; i++)
		if (reply->choices[i].finish_reason.len == 0)
			return text_format(judgement->arena, "choice %lld has no finish_reason",
			                   (long long)reply->choices[i].index);
	if (reply->choice_count == 0)
		return TEXT("it has no choice");
	return TEXT("it has no usable end");
}

/* Rules of the wire and headers, and nothing that needs the whole answer. */
static bool judges_bytes_only(const struct expectation *expect)
{
	return expect->rule_count > 0 && expect->content == NULL && expect->reasoning == NULL &&
	       expect->refusal == NULL && expect->calls == NULL && expect->usage == NULL &&
	       expect->error == NULL && expect->pointers == NULL && expect->fates == NULL &&
	       expect->same == NULL && expect->embeddings == NULL && expect->incremental == NULL &&
	       expect->first_delta_ms == 0 && expect->gap_ms == 0 && !expect->distinct_ids &&
	       !expect->same_model && !expect->fresh_id && !expect->lists_model &&
	       expect->finish_reasons.count == 0 && expect->any_of_count == 0 &&
	       expect->choices < 0 && expect->speed == NULL && expect->times == NULL &&
	       expect->group == NULL && expect->grade == NULL && !expect->steady_hours &&
	       expect->identity == IDENTITY_UNASKED;
}

/*
 * A stream that ended as its framing says, but without a finish: whoever only asks whether its
 * events are well formed has all the bytes there are. What is missing is another case's (ST-06).
 */
static bool has_all_bytes(const struct expectation *expect, const struct judgement *judgement)
{
	const struct expectation *added = expect->added[judgement->seen->streamed];
	const struct chat_reply *reply = judgement->seen->reply;

	return judges_bytes_only(expect) && (added == NULL || judges_bytes_only(added)) &&
	       judgement->seen->exchange->end == EXCHANGE_COMPLETE && reply->streamed &&
	       reply->error_count == 0 && reply->choice_count > 0;
}

/*
 * One finding where a success is no whole answer: that of the rule that the case is
 * about, where that rule says it, else this.
 */
static bool check_complete(const struct expectation *expect, const struct judgement *judgement)
{
	const struct expectation *added = expect->added[judgement->seen->streamed];

	if (judgement->seen->reply->complete || has_all_bytes(expect, judgement))
		return true;
	/* Nobody waited for the rest. */
	if (judgement->seen->exchange->end == EXCHANGE_LEFT)
		return true;
	expect_check_rules(expect, judgement);
	if (added != NULL)
		expect_check_rules(added, judgement);
	if (judgement->findings->gravest < FINDING_VIOLATION)
		judge(judgement, FINDING_VIOLATION, "the reply is not complete: %.*s",
		      TEXT_ARG(incomplete_reason(judgement)));
	return false;
}

/* Before all else: where there is no such route, a 404 is no answer to any question. */
static bool check_endpoint(const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;

	if (!expect_endpoint_is_missing(seen->endpoint, seen->exchange, seen->reply))
		return true;
	judge(judgement, FINDING_REFUSED, "%s is not offered: status %d, %.*s",
	      endpoint_name(seen->endpoint), seen->exchange->status,
	      TEXT_ARG(expect_error_text(judgement)));
	return false;
}

bool expect_check_status(const struct expectation *expect, const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;
	int status = seen->exchange->status;
	bool good = false;
	size_t count;
	const struct status_range *wanted = wanted_of(expect, seen->streamed, &count);

	if (!check_endpoint(judgement))
		return false;

	for (size_t i = 0; i < count; i++)
		good = good || (status >= wanted[i].low && status <= wanted[i].high);
	/* An error in band is an error as well, where the case does not ask for the status. */
	if (wanted == &client_errors && is_success(status) && seen->reply->error_count > 0)
		return true;
	if (count == 0)
		return true;
	if (!good && expect->error != NULL && expect_error_is_ignored(expect->error, judgement))
		return false;
	if (!good) {
		judge_wrong_status(expect, judgement, wanted, count);
		return false;
	}
	return !is_success(status) || expect->error != NULL || check_complete(expect, judgement);
}
