/*
 * Real replies of real providers, read and held against an oracle that is not ours.
 * They live beside the repository, not in it: absent, this says so and proves nothing.
 *
 * Each reply is read whole, in pieces of random size and (small ones) byte by byte;
 * all must agree. Where we differ from the oracle on purpose, the reason stands below
 * and is printed.
 */
#include "harness/base/digest.h"
#include "harness/base/file.h"
#include "tests/unit/providers/reply_unit.h"

static const char folder[] = "../shared/corpora/recorded";

enum {
	FILE_MAX_BYTES = 8 << 20,
	BYTEWISE_MAX_BYTES =
	    20 << 10, /* larger ones only in pieces: the time of a test is limited */
};

/* Where we know better than the oracle, and why. */
static const struct {
	const char *file; /* a pattern */
	const char *field;
	const char *why;
} differences[] = {
    {"mistral/*", "cached_input", "num_cached_tokens is Mistral's name for them"},
    {"groq/*compound*", "usage", "x_groq.usage counts where there is no other"},
    {"groq/*compound*", "ids", "the oracle keeps three of 216 different ids"},
    {"azure/*deepseek-v4-pro*", "content", "a chat reply recorded as one of Responses"},
    {"azure/*deepseek-v4-pro*", "usage", "a chat reply recorded as one of Responses"},
    {"azure/*deepseek-v4-pro*", "api", "a chat reply recorded as one of Responses"},
    {"openai/*gpt-5.2-codex*", "tool_calls", "a custom tool call is a call, too"},
    {"openai/*gpt-5.1-codex-max*", "tool_calls",
     "four responses in one stream: the oracle keeps the calls of the last"},
};

struct tally {
	size_t files, fields, agreed, explained, unexplained;
};

struct recorded {
	const char *name; /* "openai/chat-..." */
	struct text body;
	const struct json *expect, *meta;
	const struct chat_reply *reply;
};

static void compare(struct tally *tally, const struct recorded *recorded, const char *field,
                    bool alike)
{
	tally->fields++;
	if (alike) {
		tally->agreed++;
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(differences); i++)
		if (strcmp(differences[i].field, field) == 0 &&
		    text_glob(text_of(differences[i].file), text_of(recorded->name))) {
			printf("# differs: %s %s: %s\n", recorded->name, field, differences[i].why);
			tally->explained++;
			return;
		}
	printf("# DIFFERS: %s %s: %.600s\n", recorded->name, field,
	       written_reply(recorded->reply).data);
	tally->unexplained++;
}

/* --- what the oracle says ------------------------------------------------------- */

static int64_t count_or_unknown(const struct json *object, const char *name)
{
	int64_t value;

	return json_integer(object, name, 0, INT64_MAX, &value) ? value : -1;
}

/* {"bytes", "sha256"} or null, which for a stream means nothing came. */
static bool same_text(const struct json *expected, struct text actual)
{
	if (json_string(expected, "sha256").data == NULL)
		return expected == NULL || json_member(expected, "non_string") != NULL ||
		       actual.len == 0;
	return text_equal(json_string(expected, "sha256"),
	                  digest_hex(&unit_arena, actual, DIGEST_HEX));
}

/* null and "" are one to the oracle here. */
static bool same_string(const struct json *object, const char *name, struct text actual)
{
	struct text expected = json_string(object, name);

	return expected.len == 0 ? actual.len == 0 : text_equal(expected, actual);
}

static bool same_calls(const struct json *expected, const struct chat_choice *choice)
{
	size_t at = 0;

	JSON_EACH(call, expected)
	{
		if (at == choice->tool_call_count)
			return false;
		const struct chat_tool_call *actual = &choice->tool_calls[at++];
		if (!same_string(call, "id", actual->id) ||
		    !same_string(call, "name", actual->name) ||
		    !same_string(call, "arguments", actual->arguments))
			return false;
	}
	return expected == NULL || at == choice->tool_call_count;
}

static void compare_choices(struct tally *tally, const struct recorded *recorded)
{
	const struct json *choices = json_member(recorded->expect, "choices");
	const struct chat_reply *reply = recorded->reply;
	size_t at = 0;

	if (choices == NULL)
		return;
	compare(tally, recorded, "choices", choices->count == reply->choice_count);
	JSON_EACH(expected, choices)
	{
		if (at == reply->choice_count)
			return;
		const struct chat_choice *choice = &reply->choices[at++];
		const struct json *text = json_member(expected, "text");
		compare(tally, recorded, "index",
		        count_or_unknown(expected, "index") == choice->index);
		compare(tally, recorded, "finish_reason",
		        same_string(expected, "finish_reason", choice->finish_reason));
		compare(tally, recorded, "content",
		        same_text(text != NULL ? text : json_member(expected, "content"),
		                  choice->content));
		if (text != NULL)
			continue;
		compare(tally, recorded, "reasoning",
		        same_text(json_member(expected, "reasoning"), choice->thoughts_elsewhere
		                                                          ? (struct text){NULL, 0}
		                                                          : choice->reasoning));
		compare(tally, recorded, "refusal",
		        same_string(expected, "refusal", choice->refusal));
		compare(tally, recorded, "tool_calls",
		        same_calls(json_member(expected, "tool_calls"), choice));
	}
}

static void compare_usage(struct tally *tally, const struct recorded *recorded,
                          const struct json *expected)
{
	const struct chat_usage *usage = &recorded->reply->usage;

	if (expected == NULL)
		return;
	compare(tally, recorded, "usage", json_is(expected, JSON_OBJECT) == usage->present);
	if (!json_is(expected, JSON_OBJECT) || !usage->present)
		return;
	compare(tally, recorded, "input", count_or_unknown(expected, "input") == usage->input);
	compare(tally, recorded, "output", count_or_unknown(expected, "output") == usage->output);
	compare(tally, recorded, "total", count_or_unknown(expected, "total") == usage->total);
	compare(tally, recorded, "cached_input",
	        count_or_unknown(expected, "cached_input") == usage->cached_input);
	compare(tally, recorded, "thoughts",
	        count_or_unknown(expected, "reasoning") == usage->reasoning);
}

static bool same_names(const struct json *expected, const struct text *names, size_t count)
{
	size_t at = 0;

	JSON_EACH(name, expected)
	{
		if (at == count || !text_equal(name->text, names[at++]))
			return false;
	}
	return at == count;
}

static void compare_names(struct tally *tally, const struct recorded *recorded)
{
	const struct chat_reply *reply = recorded->reply;
	const struct json *ids = json_member(recorded->expect, "ids");
	const struct json *models = json_member(recorded->expect, "models");

	if (ids != NULL)
		compare(tally, recorded, "ids", same_names(ids, reply->ids, reply->id_count));
	if (models != NULL)
		compare(tally, recorded, "models",
		        same_names(models, reply->models, reply->model_count));
	if (json_string(recorded->expect, "id").len > 0)
		compare(tally, recorded, "id",
		        reply->id_count == 1 && same_string(recorded->expect, "id", reply->ids[0]));
	if (json_string(recorded->expect, "model").len > 0)
		compare(tally, recorded, "model",
		        reply->model_count == 1 &&
		            same_string(recorded->expect, "model", reply->models[0]));
}

static void compare_errors(struct tally *tally, const struct recorded *recorded)
{
	const struct json *errors = json_member(recorded->expect, "errors");
	const struct json *error = json_member(recorded->expect, "error");
	const struct json *code = json_member(error, "code");
	const struct chat_reply *reply = recorded->reply;

	if (errors != NULL)
		compare(tally, recorded, "errors", errors->count == reply->error_count);
	if (!json_is(error, JSON_OBJECT))
		return;
	compare(tally, recorded, "errors", reply->error_count == 1);
	if (reply->error_count != 1)
		return;
	compare(tally, recorded, "message",
	        same_string(error, "message", reply->errors[0].message));
	compare(tally, recorded, "type", same_string(error, "type", reply->errors[0].type));
	compare(tally, recorded, "param", same_string(error, "param", reply->errors[0].param));
	compare(tally, recorded, "code",
	        json_is(code, JSON_NULL) ? reply->errors[0].code.data == NULL
	                                 : text_equal(code->text, reply->errors[0].code));
}

static void compare_responses(struct tally *tally, const struct recorded *recorded)
{
	const struct json *final = json_member(recorded->expect, "final");
	const struct json *whole = final != NULL ? final : recorded->expect;
	const struct json *text = json_member(recorded->expect, "text_from_deltas");
	static const struct chat_choice none;
	const struct chat_choice *choice =
	    recorded->reply->choice_count == 0 ? &none : &recorded->reply->choices[0];

	if (text == NULL)
		text = json_member(recorded->expect, "output_text");
	if (text == NULL)
		return;
	compare(tally, recorded, "content", same_text(text, choice->content));
	if (json_is(json_member(whole, "reasoning_summary"), JSON_OBJECT))
		compare(tally, recorded, "reasoning",
		        same_text(json_member(whole, "reasoning_summary"), choice->reasoning));
	if (json_member(whole, "function_calls") != NULL)
		compare(tally, recorded, "tool_calls",
		        same_calls(json_member(whole, "function_calls"), choice));
	compare_usage(tally, recorded, json_member(whole, "usage"));
}

static void compare_counts(struct tally *tally, const struct recorded *recorded)
{
	const struct json *expect = recorded->expect;
	const struct json *sse = json_member(expect, "sse");
	const struct chat_reply *reply = recorded->reply;

	compare(tally, recorded, "streamed", (sse != NULL) == reply->streamed);
	if (sse != NULL) {
		compare(tally, recorded, "events",
		        count_or_unknown(sse, "events") == reply->events);
		compare(tally, recorded, "comments",
		        count_or_unknown(sse, "comments") == reply->comments);
	}
	if (json_member(expect, "done") != NULL)
		compare(tally, recorded, "done", count_or_unknown(expect, "done") == reply->done);
	if (json_member(expect, "count") != NULL)
		compare(tally, recorded, "count",
		        count_or_unknown(expect, "count") == reply->item_count);
	const struct json *dims = json_at(json_member(expect, "dims"), 0);
	if (json_is(dims, JSON_NUMBER))
		compare(tally, recorded, "dimensions",
		        text_equal(dims->text,
		                   text_format(&unit_arena, "%lld", (long long)reply->dimensions)));
}

static void compare_api(struct tally *tally, const struct recorded *recorded)
{
	static const struct {
		const char *oracle, *ours;
	} names[] = {{"anthropic.messages", "anthropic"},
	             {"cohere.chat", "cohere"},
	             {"gemini.generateContent", "gemini"},
	             {"ollama.chat", "ollama"}};
	struct text api = json_string(recorded->expect, "api");

	if (recorded->reply->error_count > 0)
		return; /* an error alone has no shape */
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (text_is(api, names[i].oracle))
			api = text_of(names[i].ours);
	compare(tally, recorded, "api", text_is(api, chat_api_name(recorded->reply->api)));
}

/* Native formats: the oracle counts events only; the content must be there all the same. */
static void compare_native(struct tally *tally, const struct recorded *recorded)
{
	const struct chat_reply *reply = recorded->reply;

	if (reply->api < CHAT_API_ANTHROPIC || reply->error_count > 0)
		return;
	compare(tally, recorded, "native choices", reply->choice_count > 0);
	compare(tally, recorded, "native content",
	        reply->choices[0].content.len > 0 || reply->choices[0].tool_call_count > 0);
	compare(tally, recorded, "native complete", reply->complete);
	compare(tally, recorded, "native usage", reply->usage.present);
}

/* --- reading ----------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static const struct chat_reply *read_randomly(const struct recorded *recorded, uint32_t *random)
{
	struct reply_context context = {0};
	struct reply_reader *reader = reply_reader_new(&context, &unit_arena);

	for (size_t at = 0; at < recorded->body.len;) {
		size_t piece = 1 + next_random(random) % (next_random(random) % 2 == 0 ? 7 : 1400);
		reply_reader_feed(reader, text_slice(recorded->body, at, at + piece), 0);
		at += piece;
	}
	const struct chat_reply *reply = reply_reader_end(reader, false);
	reply_reader_done(reader);
	return reply;
}

static void assert_splits_agree(const struct recorded *recorded, uint32_t *random)
{
	struct reply_context context = {0};
	struct text written = written_reply(recorded->reply);
	struct text again = written_reply(read_randomly(recorded, random));

	ck_assert_msg(text_equal(written, again), "%s differs in random pieces", recorded->name);
	if (recorded->body.len > BYTEWISE_MAX_BYTES)
		return;
	again = written_reply(read_pieces(&context, recorded->body, 1));
	ck_assert_msg(text_equal(written, again), "%s differs byte by byte", recorded->name);
}

static const struct json *load_json(const char *path)
{
	struct source *source;
	struct json *root;
	struct fault fault;

	if (!file_exists(path))
		return NULL;
	ck_assert_msg(file_read(path, FILE_MAX_BYTES, &unit_arena, &source, &fault), "%s", path);
	ck_assert_msg(json_read(source, NULL, &unit_arena, &root, &fault), "%s", path);
	return root;
}

static const char *path_of(const char *name, const char *end)
{
	return text_c(&unit_arena, text_format(&unit_arena, "%s/%s.%s", folder, name, end));
}

static bool load(const char *name, struct recorded *out)
{
	static const char *const ends[] = {"response.json", "response.sse", "response.ndjson"};
	struct reply_context context = {0};
	struct source *source;
	struct fault fault;

	*out = (struct recorded){.name = name,
	                         .expect = load_json(path_of(name, "expect.json")),
	                         .meta = load_json(path_of(name, "meta.json"))};
	for (size_t i = 0; i < ARRAY_LENGTH(ends); i++) {
		const char *path = path_of(name, ends[i]);
		if (!file_exists(path))
			continue;
		ck_assert(file_read(path, FILE_MAX_BYTES, &unit_arena, &source, &fault));
		out->body = source->body;
		out->reply = reply_read(&context, out->body, &unit_arena);
		return true;
	}
	return false;
}

/* Calls `use` with each recorded reply; false where the corpus is not there. */
static bool each_recorded(void (*use)(struct recorded *recorded, void *context), void *context)
{
	struct arena names = {0};
	struct text *providers, *files;
	size_t provider_count, file_count;
	struct fault fault;

	if (!file_is_directory(folder)) {
		printf("# no recorded replies at %s: nothing was compared\n", folder);
		return false;
	}
	ck_assert(file_list(folder, &names, &providers, &provider_count, &fault));
	for (size_t i = 0; i < provider_count; i++) {
		const char *path = file_join(&names, folder, text_c(&names, providers[i]));
		if (!file_is_directory(path))
			continue;
		ck_assert(file_list(path, &names, &files, &file_count, &fault));
		for (size_t k = 0; k < file_count; k++) {
			struct text end = TEXT(".expect.json");
			struct recorded recorded;
			if (!text_ends(files[k], end))
				continue;
			struct text name =
			    text_format(&names, "%.*s/%.*s", TEXT_ARG(providers[i]),
			                TEXT_ARG(text_slice(files[k], 0, files[k].len - end.len)));
			if (load(text_c(&names, name), &recorded))
				use(&recorded, context);
			arena_reset(&unit_arena);
		}
	}
	arena_done(&names);
	return true;
}

/* --- the tests ------------------------------------------------------------------------ */

static void compare_all(struct recorded *recorded, void *context)
{
	struct tally *tally = context;

	tally->files++;
	ck_assert_msg(reply_is_readable(recorded->reply), "%s", recorded->name);
	compare_counts(tally, recorded);
	compare_choices(tally, recorded);
	if (!text_is(json_string(recorded->expect, "api"), "responses"))
		compare_usage(tally, recorded, json_member(recorded->expect, "usage"));
	compare_responses(tally, recorded);
	compare_names(tally, recorded);
	compare_errors(tally, recorded);
	compare_api(tally, recorded);
	compare_native(tally, recorded);
}

START_TEST(recorded_replies_are_read_as_the_oracle_reads_them)
{
	struct tally tally = {0};

	if (!each_recorded(compare_all, &tally))
		return;
	printf("# %zu replies, %zu facts: %zu agree, %zu differ for a reason, %zu without\n",
	       tally.files, tally.fields, tally.agreed, tally.explained, tally.unexplained);
	ck_assert_uint_ge(tally.files, 340);
	ck_assert_uint_eq(tally.unexplained, 0);
	ck_assert_uint_ge(tally.agreed * 100, tally.fields * 99);
}
END_TEST

static void split(struct recorded *recorded, void *context)
{
	assert_splits_agree(recorded, context);
}

START_TEST(recorded_replies_are_read_alike_however_they_are_cut)
{
	uint32_t random = 20261121;

	(void)each_recorded(split, &random);
}
END_TEST

/* Whether OpenAI's own models answered: others answer on its address in some recordings. */
static bool is_openai(const struct recorded *recorded)
{
	static const char *const models[] = {
	    "gpt*", "o1*", "o3*", "o4*", "text-embedding*", "davinci*", "babbage*", "codex*"};
	struct text provider = json_string(recorded->meta, "provider");
	struct text model = json_string(recorded->meta, "model_reported");

	if (!text_is(provider, "openai") && !text_is(provider, "azure"))
		return false;
	if (recorded->reply->id_count > 0 &&
	    text_starts(recorded->reply->ids[0], TEXT("gen-"))) /* OpenRouter's ids */
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(models); i++)
		if (text_glob(text_of(models[i]), model))
			return true;
	return false;
}

/* The reply again, with all that is known beside its bytes. */
static const struct chat_reply *read_fully(const struct recorded *recorded)
{
	const struct json *asked = load_json(path_of(recorded->name, "request.json"));
	const struct json *headers = json_member(recorded->meta, "response_headers");
	struct text api = json_string(recorded->meta, "api");
	struct chat_request request = {0};
	struct reply_context context = {.dialect = &dialect_openai,
	                                .content_type = json_string(headers, "content-type")};
	int64_t status;

	if (json_integer(recorded->meta, "status", 100, 599, &status))
		context.status = (int)status;
	if (asked != NULL && endpoint_from_name(api, &request.endpoint)) {
		request.body = json_to_text(&unit_arena, asked);
		request.streamed = json_truth(asked, "stream", false);
		request.usage_asked =
		    json_truth(json_member(asked, "stream_options"), "include_usage", false);
		context.request = &request;
	}
	return reply_read(&context, recorded->body, &unit_arena);
}

static void hold_openai(struct recorded *recorded, void *context)
{
	static const char *const gates[] = {
	    "ST-01", "ST-02", "ST-03", "ST-04", "ST-05", "ST-06", "SU-01", "SU-02",
	    "TS-01", "TS-02", "TS-03", "TS-04", "TS-07", "CH-01", "CH-02", "US-01",
	    "US-02", "US-07", "TC-03", "TC-04", "TC-20", "FR-01", "HT-01", "HT-02",
	    "EM-01", "MO-01", "CP-01", "RS-01", "RS-03", "RS-04", "RS-06"};
	size_t *count = context;

	if (!is_openai(recorded))
		return;
	(*count)++;
	const struct chat_reply *reply = read_fully(recorded);
	for (size_t i = 0; i < ARRAY_LENGTH(gates); i++)
		ck_assert_msg(!reply->broken[wire_rule_from_id(text_of(gates[i]))],
		              "%s breaks %s: %.*s", recorded->name, gates[i],
		              TEXT_ARG(written_reply(reply)));
}

START_TEST(openais_own_replies_break_no_gate_rule)
{
	size_t count = 0;

	if (!each_recorded(hold_openai, &count))
		return;
	printf("# %zu replies of OpenAI's own models\n", count);
	ck_assert_uint_ge(count, 60);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, recorded_replies_are_read_as_the_oracle_reads_them);
	tcase_add_test(cases, recorded_replies_are_read_alike_however_they_are_cut);
	tcase_add_test(cases, openais_own_replies_break_no_gate_rule);
}

int main(void)
{
	return unit_main("recorded", add);
}
