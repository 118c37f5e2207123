/*
 * The simulator against the Open Responses specification, where it lies beside the repository:
 * the compliance requests are answered, and every resource and event conforms to its schema.
 */
#include "cases/schema/schema.h"
#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "tests/unit/providers/sim_desk.h"

#define CORPUS "../shared/corpora/openresponses/"

enum { FILE_BYTES = 4 << 20 };

static struct arena arena;
static struct text components; /* the schemas of the specification, as written */
static const struct json *schemas;

static void tear_down(void)
{
	arena_done(&arena);
}

static const struct json *load(const char *path)
{
	struct source *source;
	struct json *root;
	struct fault fault;

	ck_assert_msg(file_read(path, FILE_BYTES, &arena, &source, &fault), "%s", fault.message);
	ck_assert_msg(json_read_text(source->body, path, &arena, &root, &fault), "%s",
	              fault.message);
	return root;
}

static bool open_corpus(void)
{
	if (!file_exists(CORPUS "compliance.json")) {
		printf("# %s is not there: skipped\n", CORPUS);
		return false;
	}
	const struct json *root = load(CORPUS "openapi-2026-04-24.json");
	const struct json *node = json_member(root, "components");
	components = text_slice(node->source->body, node->begin, node->end);
	schemas = json_member(node, "schemas");
	return true;
}

static void assert_conforms(struct text name, const struct json *value)
{
	struct text body =
	    text_format(&arena, "{\"$ref\":\"#/components/schemas/%.*s\",\"components\":%.*s}",
	                TEXT_ARG(name), TEXT_ARG(components));
	struct schema_error error = {0};
	struct schema *schema;
	struct json *root;
	struct fault fault;

	ck_assert_msg(json_read_text(body, "schema", &arena, &root, &fault), "%s", fault.message);
	ck_assert_msg(schema_new(root, NULL, &arena, &schema, NULL, &fault), "%s", fault.message);
	enum schema_result result = schema_check(schema, value, &arena, &error);
	schema_free(schema);
	ck_assert_msg(result == SCHEMA_VALID, "%.*s at %.*s: %.*s\n%.*s", TEXT_ARG(name),
	              TEXT_ARG(error.instance), TEXT_ARG(error.message),
	              TEXT_ARG(json_to_text(&arena, value)));
}

/* The schema of the event of that type. */
static struct text event_schema(struct text type)
{
	JSON_EACH(schema, schemas)
	{
		const struct json *names = json_pointer(schema, TEXT("/properties/type/enum"));
		if (text_ends(schema->key, TEXT("StreamingEvent")) && names != NULL &&
		    text_equal(names->first->text, type))
			return schema->key;
	}
	ck_abort_msg("the specification has no event %.*s", TEXT_ARG(type));
	return (struct text){0};
}

/* Returns the events of the stream. */
static size_t check_stream(const struct desk *desk)
{
	struct text rest = desk->bytes, line;
	struct json *event;
	struct fault fault;
	size_t count = 0;

	while (text_next_field(&rest, '\n', &line)) {
		if (!text_starts(line, TEXT("data: ")))
			continue;
		ck_assert(
		    json_read_text(text_slice(line, 6, line.len), "event", &arena, &event, &fault));
		assert_conforms(event_schema(json_string(event, "type")), event);
		count++;
	}
	return count;
}

static void ask(struct desk *desk, const struct json *request, bool streamed)
{
	struct json *body = json_clone(&arena, request);

	json_member(body, "model")->text = TEXT("sim-small");
	if (streamed)
		json_append_member(body, TEXT("stream"), json_new_bool(&arena, true));
	desk_send(desk, "POST", "/v1/responses", "Bearer sim-key", json_to_text(&arena, body));
	ck_assert_msg(desk->output.status == 200, "%.*s", TEXT_ARG(desk->bytes));
}

static void hold_request(const struct json *row)
{
	const struct json *request = json_member(row, "request");
	struct desk desk;

	desk_open(&desk, NULL);
	ask(&desk, request, false);
	assert_conforms(TEXT("ResponseResource"), desk.body);
	ck_assert_uint_gt(json_member(desk.body, "output")->count, 0);
	assert_text(desk_at(&desk, "/status"), "completed");
	if (text_is(json_string(row, "id"), "tool-calling"))
		assert_text(desk_at(&desk, "/output/0/type"), "function_call");
	ask(&desk, request, true);
	ck_assert_uint_gt(check_stream(&desk), 5);
	desk_close(&desk);
}

START_TEST(the_compliance_requests_are_answered_by_the_specification)
{
	size_t count = 0;

	if (!open_corpus())
		return;
	JSON_EACH(row, load(CORPUS "compliance.json"))
	{
		if (!text_is(json_string(row, "endpoint"), "/responses"))
			continue;
		hold_request(row);
		count++;
	}
	printf("# %zu compliance requests, whole and streamed\n", count);
	ck_assert_uint_ge(count, 7);
}
END_TEST

START_TEST(what_is_cut_or_fails_conforms_as_well)
{
	static const char limited[] =
	    "{\"model\":\"m\",\"input\":\"Write 50 words\",\"max_output_tokens\":9}";
	struct json *request;
	struct fault fault;
	struct desk desk;

	if (!open_corpus())
		return;
	ck_assert(json_read_text(text_of(limited), "request", &arena, &request, &fault));
	desk_open(&desk, NULL);
	ask(&desk, request, false);
	assert_conforms(TEXT("ResponseResource"), desk.body);
	ask(&desk, request, true);
	ck_assert_uint_gt(check_stream(&desk), 5);
	desk_close(&desk);
	desk_open(&desk, "inband-error");
	ask(&desk, request, true);
	ck_assert_uint_gt(check_stream(&desk), 3);
	desk_close(&desk);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, the_compliance_requests_are_answered_by_the_specification);
	tcase_add_test(cases, what_is_cut_or_fails_conforms_as_well);
}

int main(void)
{
	return unit_main("open_responses", add);
}
