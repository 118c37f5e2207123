/*
 * Nothing that a client can say is lost without a word: each field of client_fields.yaml changes
 * what goes out to a provider of each native format, or is refused, or is told as dropped.
 */
#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "harness/base/yaml.h"
#include "providers/client/decode.h"
#include "providers/provider.h"
#include "tests/unit/unit.h"

#include <stdio.h>

enum { FILE_MAX = 1 << 20 };

static const char fields_file[] = "tests/unit/providers/client_fields.yaml";
static struct arena arena;
static struct json *apis;

/* What became of a request: all that a provider and a client hear of it. */
struct outcome {
	bool refused;
	struct text said; /* url and body, or the refusal */
	size_t dropped;
};

static void load(void)
{
	struct source *source;
	struct fault fault = {0};

	if (!file_read(fields_file, FILE_MAX, &arena, &source, &fault) ||
	    !yaml_read(source, NULL, &arena, &apis, NULL, &fault)) {
		fault_print(&fault, stderr);
		exit(EXIT_FAILURE);
	}
}

/* The request with the value at that place, where there was another or none. */
static struct json *patched(const struct json *request, struct text at, const struct json *value)
{
	struct json *copy = json_clone(&arena, request);
	struct json *patch = json_clone(&arena, value);
	size_t slash = at.len;

	while (slash > 0 && at.data[slash - 1] != '/')
		slash--;
	ck_assert_uint_gt(slash, 0);
	struct text name = text_slice(at, slash, at.len);
	struct json *parent = json_pointer(copy, text_slice(at, 0, slash - 1));
	struct json *old = json_pointer(copy, at);
	ck_assert_msg(parent != NULL, "nothing at %.*s", TEXT_ARG(at));
	if (old == NULL) {
		json_append_member(parent, name, patch);
		return copy;
	}
	patch->key = old->key;
	patch->next = old->next;
	*old = *patch;
	return copy;
}

static struct outcome encoded(const struct dialect *dialect, const struct json *request)
{
	struct provider provider = {
	    .name = TEXT_INIT("p"), .dialect = dialect, .base_url = TEXT_INIT("http://host/v1")};
	struct chat_request asked = {.endpoint = ENDPOINT_CHAT,
	                             .body = json_to_text(&arena, request)};
	struct wire_request out = {0};
	struct fault fault = {0};

	if (!dialect->encode(&provider, &asked, &arena, &out, &fault))
		return (struct outcome){.refused = true,
		                        .said = text_copy(&arena, text_of(fault.message))};
	return (struct outcome){.said = text_format(&arena, "%s %.*s", out.url, TEXT_ARG(out.body)),
	                        .dropped = out.dropped.count};
}

static struct outcome decoded(bool messages, const struct json *request)
{
	struct decoded out;
	struct decode_fault fault;

	if (!(messages ? decode_messages : decode_responses)(request, &arena, &out, &fault))
		return (struct outcome){.refused = true,
		                        .said = text_copy(&arena, text_of(fault.message))};
	return (struct outcome){.said = out.body, .dropped = out.dropped.count};
}

static bool is_heard(const struct outcome *before, const struct outcome *after)
{
	return after->refused || after->dropped > before->dropped ||
	       !text_equal(before->said, after->said);
}

/* A field that does nothing says why; one that does something has no excuse. How many don't hold.
 */
static unsigned judge(const char *where, const struct json *field, const struct outcome *before,
                      const struct outcome *after)
{
	struct text at = json_string(field, "at");
	bool excused = json_string(field, "nothing").len > 0;
	bool heard = is_heard(before, after);

	if (heard != excused)
		return 0;
	printf("# %s: %.*s %s\n", where, TEXT_ARG(at),
	       heard ? "is heard, and is said to mean nothing" : "is lost");
	return 1;
}

static const struct dialect *const natives[] = {&dialect_anthropic, &dialect_gemini,
                                                &dialect_cohere, &dialect_ollama, &dialect_bedrock};

START_TEST(no_field_of_a_chat_request_is_lost)
{
	const struct json *api = json_member(apis, "chat");
	const struct json *request = json_member(api, "request");
	const struct dialect *dialect = natives[_i];
	struct outcome before = encoded(dialect, request);
	unsigned wrong = 0;

	ck_assert_msg(!before.refused, "%s: %.*s", dialect->name, TEXT_ARG(before.said));
	JSON_EACH(field, json_member(api, "fields"))
	{
		const struct json *with =
		    patched(request, json_string(field, "at"), json_member(field, "value"));
		struct outcome after = encoded(dialect, with);
		wrong += judge(dialect->name, field, &before, &after);
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

START_TEST(no_field_of_another_format_is_lost)
{
	static const char *const names[] = {"messages", "responses"};
	const struct json *api = json_member(apis, names[_i]);
	const struct json *request = json_member(api, "request");
	struct outcome before = decoded(_i == 0, request);
	unsigned wrong = 0;

	ck_assert_msg(!before.refused, "%s: %.*s", names[_i], TEXT_ARG(before.said));
	ck_assert_uint_eq(before.dropped, 0);
	JSON_EACH(field, json_member(api, "fields"))
	{
		const struct json *with =
		    patched(request, json_string(field, "at"), json_member(field, "value"));
		struct outcome after = decoded(_i == 0, with);
		wrong += judge(names[_i], field, &before, &after);
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

static void add(TCase *cases)
{
	load();
	tcase_add_loop_test(cases, no_field_of_a_chat_request_is_lost, 0, ARRAY_LENGTH(natives));
	tcase_add_loop_test(cases, no_field_of_another_format_is_lost, 0, 2);
}

int main(void)
{
	return unit_main("client_fields", add);
}
