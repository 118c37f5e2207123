/*
 * The tables of translation, row by row: translation.yaml says what each row promises, and here it
 * is held against the code. A row without a promise, or a promise that names a test which is not
 * there, fails: a field of a client that is lost in translation is lost silently.
 */
#include "harness/base/file.h"
#include "harness/base/http_parse.h"
#include "harness/base/json_write.h"
#include "harness/base/yaml.h"
#include "providers/client/decode.h"
#include "providers/client/reply_writer.h"
#include "providers/client/translate.h"
#include "providers/provider.h"
#include "tests/unit/unit.h"

#include <stdio.h>

enum { FILE_MAX = 4 << 20, OUT_MAX = 4 << 20, EVENTS_MAX = 200, SECTIONS_MAX = 40 };

static const char rows_file[] = "tests/unit/providers/translation.yaml";
/* The tables themselves, where they are at hand: not a part of this repository. */
static const char tables_file[] = "../shared/TRANSLATION.md";

static struct arena arena;
static struct json *rows;

static void load_rows(void)
{
	struct source *source;
	struct fault fault = {0};
	struct json *root;

	if (!file_read(rows_file, FILE_MAX, &arena, &source, &fault) ||
	    !yaml_read(source, NULL, &arena, &root, NULL, &fault)) {
		fault_print(&fault, stderr);
		exit(EXIT_FAILURE);
	}
	rows = json_member(root, "rows");
}

static const char *shown(const struct json *node)
{
	return node == NULL ? "nothing" : text_c(&arena, json_to_text(&arena, node));
}

/* --- what holds: each member that is wanted, all items of a list, "*" anything at all --- */

static bool holds(const struct json *want, const struct json *got)
{
	if (want->type == JSON_NULL)
		return got == NULL || got->type == JSON_NULL;
	if (json_is(want, JSON_STRING) && text_is(want->text, "*"))
		return got != NULL && got->type != JSON_NULL;
	if (got == NULL || want->type != got->type)
		return false;
	if (want->type == JSON_OBJECT) {
		JSON_EACH(member, want)
		{
			if (!holds(member, json_member_text(got, member->key)))
				return false;
		}
		return true;
	}
	if (want->type != JSON_ARRAY)
		return json_equal(want, got);
	if (want->count != got->count)
		return false;
	const struct json *item = got->first;
	JSON_EACH(wanted, want)
	{
		if (!holds(wanted, item))
			return false;
		item = item->next;
	}
	return true;
}

static void assert_holds(const char *what, const struct json *want, const struct json *got)
{
	ck_assert_msg(want == NULL || holds(want, got), "%s: %s\nwant: %s", what, shown(got),
	              shown(want));
}

/* "lacks": pointers to what must not be there. */
static void assert_lacks(const char *what, const struct json *row, const struct json *got)
{
	JSON_EACH(pointer, json_member(row, "lacks"))
	{
		const struct json *found = json_pointer(got, pointer->text);
		ck_assert_msg(found == NULL || found->type == JSON_NULL, "%s has %.*s: %s", what,
		              TEXT_ARG(pointer->text), shown(got));
	}
}

static struct json *read_json(struct text bytes)
{
	struct fault fault = {0};
	struct json *root = NULL;

	ck_assert_msg(json_read_text(bytes, "json", &arena, &root, &fault), "%s in %.*s",
	              fault.message, TEXT_ARG(bytes));
	return root;
}

/* --- requests ----------------------------------------------------------------------------- */

static const char default_messages[] = "[{\"role\":\"user\",\"content\":\"hi\"}]";

static const struct dialect *dialect_of(const struct json *row)
{
	const struct dialect *dialect = dialect_from_name(json_string(row, "as"));

	ck_assert_msg(dialect != NULL, "no dialect in %s", shown(row));
	return dialect;
}

/* The request of a row: what it asks, with a model and a message where it gives none. */
static struct text request_of(const struct json *row)
{
	struct json *body = json_new(&arena, JSON_OBJECT);
	const struct json *ask = json_member(row, "ask");
	const struct json *messages = json_member(row, "messages");
	struct text model = json_string(row, "model");

	json_append_member(body, TEXT("model"),
	                   json_new_string(&arena, model.len > 0 ? model : TEXT("m")));
	json_append_member(body, TEXT("messages"),
	                   messages != NULL ? json_clone(&arena, messages)
	                                    : read_json(text_of(default_messages)));
	JSON_EACH(member, ask)
	{
		json_append_member(body, member->key, json_clone(&arena, member));
	}
	return json_to_text(&arena, body);
}

static struct chat_request chat_request_of(const struct json *row, struct text body)
{
	bool streamed = json_truth(row, "streamed", false) || json_member(row, "events") != NULL;

	return (struct chat_request){
	    .endpoint = ENDPOINT_CHAT, .body = body, .streamed = streamed, .usage_asked = streamed};
}

static const char *list_of(struct text *items, size_t count)
{
	struct text all = TEXT("");

	for (size_t i = 0; i < count; i++)
		all = text_format(&arena, "%.*s%s%.*s", TEXT_ARG(all), i > 0 ? "," : "",
		                  TEXT_ARG(items[i]));
	return text_c(&arena, all);
}

static void assert_dropped(const char *what, const struct json *row, struct text *items,
                           size_t count)
{
	const struct json *want = json_member(row, "drops");
	struct text all = TEXT("");

	JSON_EACH(item, want)
	{
		all = text_format(&arena, "%.*s%s%.*s", TEXT_ARG(all), all.len > 0 ? "," : "",
		                  TEXT_ARG(item->text));
	}
	ck_assert_msg(text_is(all, list_of(items, count)), "%s drops %s, want %.*s", what,
	              list_of(items, count), TEXT_ARG(all));
}

static void assert_headers(const char *what, const struct json *row, const struct wire_request *out)
{
	JSON_EACH(want, json_member(row, "headers"))
	{
		bool found = false;
		for (size_t i = 0; i < out->header_count; i++)
			found |= text_equal_ignoring_case(out->headers[i].name, want->key) &&
			         text_equal(out->headers[i].value, want->text);
		found |= out->key_header != NULL && text_is(want->key, out->key_header) &&
		         text_is(want->text, out->key_prefix);
		ck_assert_msg(found, "%s lacks the header %.*s", what, TEXT_ARG(want->key));
	}
}

static void check_request(const char *what, const struct json *row)
{
	static struct provider_model models[] = {{.name = TEXT_INIT("limited"), .max_output = 77}};
	struct text base = json_string(row, "base");
	struct provider provider = {.name = TEXT_INIT("p"),
	                            .dialect = dialect_of(row),
	                            .base_url = base.len > 0 ? base : TEXT("http://host/v1"),
	                            .api_version = json_string(row, "version"),
	                            .models = models,
	                            .model_count = 1};
	struct chat_request request = chat_request_of(row, request_of(row));
	struct text refused = json_string(row, "refuses");
	struct wire_request out = {0};
	struct fault fault = {0};
	bool good = provider.dialect->encode(&provider, &request, &arena, &out, &fault);

	if (refused.data != NULL) {
		ck_assert_msg(!good && fault.kind == FAULT_REFUSED, "%s: not refused", what);
		ck_assert_msg(text_find(text_of(fault.message), refused, 0) != TEXT_NOT_FOUND,
		              "%s: %s", what, fault.message);
		return;
	}
	ck_assert_msg(good, "%s: %s", what, fault.message);
	struct json *body = read_json(out.body);
	assert_holds(what, json_member(row, "sends"), body);
	assert_lacks(what, row, body);
	assert_dropped(what, row, out.dropped.items, out.dropped.count);
	assert_headers(what, row, &out);
	struct text url = json_string(row, "url");
	ck_assert_msg(url.data == NULL || text_is(url, out.url), "%s: %s", what, out.url);
}

/* --- replies ------------------------------------------------------------------------------ */

/* The bytes of a row's answer: one body, or a stream in the dialect's own framing. */
static struct text answer_of(const struct json *row)
{
	const struct json *events = json_member(row, "events");
	bool lines = dialect_of(row)->lines;
	struct text_buf bytes;

	if (events == NULL)
		return json_to_text(&arena, json_member(row, "answers"));
	text_buf_init(&bytes, OUT_MAX);
	JSON_EACH(event, events)
	{
		struct text type = json_string(event, "type");
		if (json_is(event, JSON_STRING)) { /* as it is: [DONE], a comment */
			(void)text_buf_add(&bytes, event->text);
			(void)text_buf_add_c(&bytes, "\n\n");
			continue;
		}
		if (type.len > 0 && !lines) {
			(void)text_buf_add_c(&bytes, "event: ");
			(void)text_buf_add(&bytes, type);
			(void)text_buf_byte(&bytes, '\n');
		}
		(void)text_buf_add_c(&bytes, lines ? "" : "data: ");
		(void)text_buf_add(&bytes, json_to_text(&arena, event));
		(void)text_buf_add_c(&bytes, lines ? "\n" : "\n\n");
	}
	struct text whole = text_copy(&arena, text_buf_view(&bytes));
	text_buf_done(&bytes);
	return whole;
}

/* The data of each event of a stream that we wrote, in order; whether [DONE] ends it. */
static size_t events_of(struct text bytes, struct json *out[EVENTS_MAX], bool *done)
{
	struct text line, rest = bytes;
	size_t count = 0;

	*done = false;
	while (text_next_field(&rest, '\n', &line)) {
		if (!text_starts(line, TEXT("data: ")))
			continue;
		struct text data = text_slice(line, 6, line.len);
		*done = text_is(data, "[DONE]");
		ck_assert_uint_lt(count, EVENTS_MAX);
		if (!*done)
			out[count++] = read_json(data);
	}
	return count;
}

/* Each event that is wanted stands behind the one before it. */
static void assert_chunks(const char *what, const struct json *row, struct text bytes)
{
	struct json *events[EVENTS_MAX];
	bool done;
	size_t count = events_of(bytes, events, &done), at = 0;
	const struct json *ends = json_member(row, "ends");

	JSON_EACH(want, json_member(row, "chunks"))
	{
		while (at < count && !holds(want, events[at]))
			at++;
		ck_assert_msg(at < count, "%s: no %s in order in\n%.*s", what, shown(want),
		              TEXT_ARG(bytes));
		at++;
	}
	JSON_EACH(unwanted, json_member(row, "never"))
	{
		for (size_t i = 0; i < count; i++)
			ck_assert_msg(!holds(unwanted, events[i]), "%s: %s in\n%.*s", what,
			              shown(unwanted), TEXT_ARG(bytes));
	}
	ck_assert_msg(ends == NULL || ends->truth == done, "%s: %s[DONE] in\n%.*s", what,
	              done ? "" : "no ", TEXT_ARG(bytes));
}

static enum client_format client_of(const struct json *row)
{
	struct text client = json_string(row, "client");

	if (text_is(client, "messages"))
		return CLIENT_MESSAGES;
	return text_is(client, "responses") ? CLIENT_RESPONSES : CLIENT_CHAT;
}

static void check_reply(const char *what, const struct json *row)
{
	struct text bytes = answer_of(row);
	struct chat_request request = chat_request_of(row, request_of(row));
	bool cut = json_truth(row, "cut", false);
	int64_t status = 200, gives;
	(void)!json_integer(row, "status", 100, 599, &status);
	const struct reply_context context = {
	    .dialect = dialect_of(row), .request = &request, .status = (int)status};
	const struct reply_writer_options options = {
	    .format = client_of(row),
	    .streamed = request.streamed,
	    .usage_asked = request.usage_asked,
	    .created_s = 1700000000,
	    .model = TEXT_INIT("asked"),
	    .seed = TEXT_INIT("seed"),
	};
	struct reply_reader *reader = reply_reader_new(&context, &arena);
	struct reply_writer *writer = reply_writer_new(&options);
	struct text_buf out;

	text_buf_init(&out, OUT_MAX);
	for (size_t at = 0; at < bytes.len; at += 64) {
		reply_reader_feed(reader, text_slice(bytes, at, at + 64), 0);
		if (status < 400)
			reply_writer_update(writer, reply_reader_reply(reader), &out);
	}
	const struct chat_reply *reply = reply_reader_end(reader, cut);
	if (status >= 400)
		status = reply_write_error(reply, (int)status, options.format, &out);
	else
		reply_writer_end(writer, reply, cut, &out);
	struct text written = text_copy(&arena, text_buf_view(&out));
	text_buf_done(&out);
	reply_writer_free(writer);
	reply_reader_done(reader);
	if (json_integer(row, "gives", 100, 599, &gives))
		ck_assert_msg(gives == status, "%s: status %lld", what, (long long)status);
	if (json_member(row, "spent") != NULL)
		ck_assert_msg(json_truth(row, "spent", false) == chat_reply_quota_is_spent(reply),
		              "%s: is it final?", what);
	if (json_member(row, "becomes") != NULL) {
		struct json *body = read_json(written);
		assert_holds(what, json_member(row, "becomes"), body);
		assert_lacks(what, row, body);
	}
	assert_chunks(what, row, written);
}

/* --- requests of clients that speak another format ------------------------------------------ */

static void check_client(const char *what, const struct json *row)
{
	const struct json *asks = json_member(row, "asks");
	struct text refused = json_string(row, "refuses");
	struct decode_fault fault = {0};
	struct decoded decoded;
	bool good = client_of(row) == CLIENT_MESSAGES
	                ? decode_messages(asks, &arena, &decoded, &fault)
	                : decode_responses(asks, &arena, &decoded, &fault);

	if (refused.data != NULL) {
		ck_assert_msg(!good, "%s: not refused", what);
		ck_assert_msg(text_find(text_of(fault.message), refused, 0) != TEXT_NOT_FOUND,
		              "%s: %s", what, fault.message);
		return;
	}
	ck_assert_msg(good, "%s: %s", what, fault.message);
	struct json *root = read_json(decoded.body);
	assert_holds(what, json_member(row, "means"), root);
	assert_lacks(what, row, root);
	assert_dropped(what, row, decoded.dropped.items, decoded.dropped.count);
}

/* --- a test elsewhere ----------------------------------------------------------------------- */

/* "tests/unit/providers/test_call.c: name_of_the_test": it is there, and is run. */
static void check_test(const char *what, struct text named)
{
	size_t colon = text_find(named, TEXT(": "), 0);
	struct source *source;
	struct fault fault = {0};

	ck_assert_msg(colon != TEXT_NOT_FOUND, "%s: \"%.*s\"", what, TEXT_ARG(named));
	const char *path = text_c(&arena, text_slice(named, 0, colon));
	struct text name = text_slice(named, colon + 2, named.len);
	ck_assert_msg(file_read(path, FILE_MAX, &arena, &source, &fault), "%s: %s", what,
	              fault.message);
	bool python = text_ends(text_of(path), TEXT(".py"));
	struct text defined = python ? text_format(&arena, "def %.*s(", TEXT_ARG(name))
	                             : text_format(&arena, "START_TEST(%.*s)", TEXT_ARG(name));
	ck_assert_msg(text_find(source->body, defined, 0) != TEXT_NOT_FOUND, "%s: no %.*s in %s",
	              what, TEXT_ARG(name), path);
	/* Written down, and registered. */
	struct text run = text_format(&arena, "(cases, %.*s", TEXT_ARG(name));
	ck_assert_msg(python || text_find(source->body, run, 0) != TEXT_NOT_FOUND,
	              "%s: %.*s is not run", what, TEXT_ARG(name));
}

START_TEST(each_promise_is_kept)
{
	const struct json *row = json_at(rows, (size_t)_i);
	struct text says = json_string(row, "says");
	const char *what =
	    text_c(&arena, text_format(&arena, "%.*s (%.*s)", TEXT_ARG(json_string(row, "row")),
	                               TEXT_ARG(says)));

	ck_assert_msg(says.len > 0, "%s says nothing", what);
	if (json_string(row, "test").len > 0)
		check_test(what, json_string(row, "test"));
	else if (json_member(row, "asks") != NULL)
		check_client(what, row);
	else if (json_member(row, "answers") != NULL || json_member(row, "events") != NULL)
		check_reply(what, row);
	else
		check_request(what, row);
}
END_TEST

/* --- no row without one --------------------------------------------------------------------- */

struct section {
	struct text name;
	size_t rows;
};

static struct section *section_of(struct section *sections, size_t *count, struct text name)
{
	for (size_t i = 0; i < *count; i++)
		if (text_equal(sections[i].name, name))
			return &sections[i];
	ck_assert_uint_lt(*count, SECTIONS_MAX);
	sections[*count] = (struct section){name, 0};
	return &sections[(*count)++];
}

static bool is_promised(struct text section, size_t number)
{
	struct text id = text_format(&arena, "%.*s.%zu", TEXT_ARG(section), number);

	JSON_EACH(row, rows)
	{
		if (text_equal(json_string(row, "row"), id))
			return true;
	}
	return false;
}

/* The rows of each table, by the heading that it stands under. */
static size_t read_tables(struct text body, struct section *sections)
{
	struct text line, rest = body, name = TEXT("");
	size_t count = 0;
	bool table = false;

	while (text_next_field(&rest, '\n', &line)) {
		if (text_starts(line, TEXT("### "))) {
			struct text words = text_slice(line, 4, line.len);
			(void)!text_next_field(&words, ' ', &name);
		}
		if (!text_starts(line, TEXT("|"))) {
			table = false;
			continue;
		}
		struct section *section = section_of(sections, &count, name);
		if (text_starts(line, TEXT("|---")))
			table = true;
		else if (table)
			section->rows++;
	}
	return count;
}

/* How many rows each section has that we know of: all of them up to there are promised. */
static size_t read_promises(struct section *sections)
{
	size_t count = 0;

	JSON_EACH(row, rows)
	{
		struct text number = json_string(row, "row"), name;
		int64_t at;
		(void)!text_next_field(&number, '.', &name);
		ck_assert_msg(text_to_int64(number, 1, 1000, &at), "row \"%.*s\"",
		              TEXT_ARG(json_string(row, "row")));
		struct section *section = section_of(sections, &count, name);
		section->rows = section->rows > (size_t)at ? section->rows : (size_t)at;
	}
	return count;
}

START_TEST(no_row_is_without_a_promise)
{
	struct section sections[SECTIONS_MAX], tables[SECTIONS_MAX];
	struct source *source;
	struct fault fault = {0};
	size_t total = 0;

	size_t count = read_promises(sections);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 1; k <= sections[i].rows; k++, total++)
			ck_assert_msg(is_promised(sections[i].name, k), "%.*s.%zu is not promised",
			              TEXT_ARG(sections[i].name), k);
	printf("# %u promises for %zu rows of %zu tables\n", rows->count, total, count);
	if (!file_read(tables_file, FILE_MAX, &arena, &source, &fault)) {
		printf("# %s is not there: our rows were not held against it\n", tables_file);
		return;
	}
	size_t table_count = read_tables(source->body, tables);
	for (size_t i = 0; i < table_count; i++) {
		struct section *ours = section_of(sections, &count, tables[i].name);
		ck_assert_msg(ours->rows >= tables[i].rows, "%.*s has %zu rows, ours %zu",
		              TEXT_ARG(tables[i].name), tables[i].rows, ours->rows);
	}
}
END_TEST

static void add(TCase *cases)
{
	load_rows();
	tcase_add_loop_test(cases, each_promise_is_kept, 0, (int)rows->count);
	tcase_add_test(cases, no_row_is_without_a_promise);
}

int main(void)
{
	return unit_main("translation", add);
}
