/*
 * The validator against what others wrote, where it lies beside the repository: the official
 * JSON Schema suite, schemas that a provider must accept, and tool calls with their verdicts.
 */
#include "tests/unit/unit.h"

#include "cases/schema/schema.h"

#include <dirent.h>

#define CORPORA "../shared/corpora/"

enum { PATH_BYTES = 1024, FILE_MAX_BYTES = 16 << 20 };

/* The file in arena memory; data NULL where there is none. */
static struct text read_whole(struct arena *arena, const char *path)
{
	FILE *file = fopen(path, "rb");

	if (file == NULL)
		return (struct text){NULL, 0};
	fseek(file, 0, SEEK_END);
	size_t size = (size_t)ftell(file);
	ck_assert_uint_le(size, FILE_MAX_BYTES);
	rewind(file);
	char *bytes = arena_alloc_bytes(arena, size + 1);
	ck_assert_uint_eq(fread(bytes, 1, size, file), size);
	fclose(file);
	return (struct text){bytes, size};
}

static struct json *read_json(struct arena *arena, const char *path)
{
	struct fault fault = {0};
	struct json *root = NULL;
	struct text body = read_whole(arena, path);

	if (body.data == NULL)
		return NULL;
	ck_assert_msg(json_read_text(body, path, arena, &root, &fault), "%s: %s", path,
	              fault.message);
	return root;
}

static bool is_there(const char *path)
{
	DIR *listing = opendir(path);

	if (listing == NULL) {
		printf("# %s is not there: skipped\n", path);
		return false;
	}
	closedir(listing);
	return true;
}

/* What the suite serves at localhost:1234, without a network. */
static const struct json *resolve(void *context, struct text uri)
{
	static const char server[] = "http://localhost:1234/";
	char path[PATH_BYTES];

	if (!text_starts(uri, text_of(server)))
		return NULL;
	snprintf(path, sizeof(path), CORPORA "json-schema/remotes/%.*s",
	         TEXT_ARG(text_slice(uri, sizeof(server) - 1, uri.len)));
	return read_json(context, path);
}

struct tally {
	unsigned passed, failed, groups;
};

static void run_group(struct arena *arena, const char *path, const struct json *group,
                      const struct schema_options *options, struct tally *tally)
{
	struct fault fault = {0};
	struct schema *schema = NULL;
	struct text about = json_string(group, "description");
	bool compiled =
	    schema_new(json_member(group, "schema"), options, arena, &schema, NULL, &fault);

	tally->groups++;
	if (!compiled)
		printf("# %s: %.*s: %s\n", path, TEXT_ARG(about), fault.message);
	JSON_EACH(test, json_member(group, "tests"))
	{
		bool valid = json_truth(test, "valid", false);
		struct schema_error error;
		enum schema_result result = SCHEMA_LIMIT;
		if (compiled)
			result = schema_check(schema, json_member(test, "data"), arena, &error);
		if (result == (valid ? SCHEMA_VALID : SCHEMA_INVALID)) {
			tally->passed++;
			continue;
		}
		tally->failed++;
		if (compiled)
			printf("# %s: %.*s: %.*s: want %s; %.*s\n", path, TEXT_ARG(about),
			       TEXT_ARG(json_string(test, "description")),
			       valid ? "valid" : "invalid", TEXT_ARG(error.message));
	}
	schema_free(schema);
}

static void run_folder(const char *folder, const struct schema_options *options,
                       struct tally *tally)
{
	char path[PATH_BYTES];
	DIR *listing = opendir(folder);

	if (listing == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
		struct arena arena = {0};
		struct schema_options with_arena = *options;
		if (!text_ends(text_of(entry->d_name), TEXT(".json")))
			continue;
		with_arena.resolve = resolve;
		with_arena.resolve_context = &arena;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		JSON_EACH(group, read_json(&arena, path))
		run_group(&arena, path, group, &with_arena, tally);
		arena_done(&arena);
	}
	closedir(listing);
}

static struct tally run_draft(const char *draft, const char *part, enum schema_draft keywords,
                              bool formats)
{
	char folder[PATH_BYTES / 2];
	struct tally tally = {0};
	struct schema_options options = {.draft = keywords, .format_assert = formats};

	snprintf(folder, sizeof(folder), CORPORA "json-schema/tests/%s%s", draft, part);
	run_folder(folder, &options, &tally);
	printf("# JSON Schema suite %s%s: %u groups, %u passed, %u failed\n", draft, part,
	       tally.groups, tally.passed, tally.failed);
	return tally;
}

START_TEST(the_official_suite_agrees)
{
	if (!is_there(CORPORA "json-schema"))
		return;
	struct tally latest = run_draft("draft2020-12", "", SCHEMA_DRAFT_ANY, false);
	struct tally seven = run_draft("draft7", "", SCHEMA_DRAFT_7, false);
	ck_assert_uint_eq(latest.failed, 0);
	ck_assert_uint_eq(seven.failed, 0);
	ck_assert(latest.passed > 0 && seven.passed > 0);
}
END_TEST

/* What nobody must pass: counted, so that a change shows. */
START_TEST(the_optional_parts_are_counted)
{
	if (!is_there(CORPORA "json-schema"))
		return;
	(void)run_draft("draft2020-12", "/optional", SCHEMA_DRAFT_ANY, false);
	(void)run_draft("draft2020-12", "/optional/format", SCHEMA_DRAFT_ANY, true);
	(void)run_draft("draft7", "/optional", SCHEMA_DRAFT_7, false);
	(void)run_draft("draft7", "/optional/format", SCHEMA_DRAFT_7, true);
}
END_TEST

static unsigned compile_lines(struct arena *arena, const char *path)
{
	unsigned compiled = 0;
	struct text body = read_whole(arena, path);
	struct text line;

	while (text_next_field(&body, '\n', &line)) {
		struct fault fault = {0};
		struct json *root = NULL;
		struct schema *schema = NULL;
		if (line.len == 0)
			continue;
		ck_assert_msg(json_read_text(line, path, arena, &root, &fault), "%s: %s", path,
		              fault.message);
		ck_assert_msg(schema_new(root, NULL, arena, &schema, NULL, &fault), "%s: %.*s: %s",
		              path, TEXT_ARG(line), fault.message);
		schema_free(schema);
		compiled++;
	}
	return compiled;
}

START_TEST(schemas_that_a_provider_takes_compile)
{
	static const char folder[] = CORPORA "kimi-schema-cases/validator_cases";
	char path[PATH_BYTES];
	unsigned compiled = 0;

	if (!is_there(folder))
		return;
	DIR *listing = opendir(folder);
	for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
		struct arena arena = {0};
		snprintf(path, sizeof(path), "%s/%s/valid.jsonl", folder, entry->d_name);
		compiled += compile_lines(&arena, path);
		arena_done(&arena);
	}
	closedir(listing);
	printf("# schemas of a provider's verifier: %u compiled\n", compiled);
	ck_assert_uint_gt(compiled, 0);
}
END_TEST

static const struct json *find_parameters(const struct json *tools, struct text name)
{
	JSON_EACH(tool, tools)
	{
		const struct json *function = json_member(tool, "function");
		if (text_equal(json_string(function, "name"), name))
			return json_member(function, "parameters");
	}
	return NULL;
}

/* Whether arguments are JSON and fit the tool's schema. */
static bool judge_call(struct arena *arena, const struct json *tools, const struct json *call)
{
	struct fault fault = {0};
	struct json *arguments = NULL;
	struct schema *schema = NULL;
	const struct json *parameters = find_parameters(tools, json_string(call, "name"));

	if (parameters == NULL ||
	    !json_read_text(json_string(call, "arguments"), "arguments", arena, &arguments, &fault))
		return false;
	ck_assert_msg(schema_new(parameters, NULL, arena, &schema, NULL, &fault), "%s",
	              fault.message);
	bool valid = schema_check(schema, arguments, arena, NULL) == SCHEMA_VALID;
	schema_free(schema);
	return valid;
}

START_TEST(tool_calls_get_the_verdict_of_others)
{
	static const char path[] = CORPORA "bfcl/dev.jsonl";
	struct arena file = {0};
	unsigned agreed = 0, differed = 0;
	struct text body = read_whole(&file, path);
	struct text line;

	if (body.data == NULL) {
		printf("# %s is not there: skipped\n", path);
		return;
	}
	while (text_next_field(&body, '\n', &line)) {
		struct arena arena = {0};
		struct fault fault = {0};
		struct json *item = NULL;
		if (line.len == 0)
			continue;
		ck_assert(json_read_text(line, path, &arena, &item, &fault));
		JSON_EACH(call, json_member(item, "calls"))
		{
			bool same = judge_call(&arena, json_member(item, "tools"), call) ==
			            json_truth(call, "valid", false);
			agreed += same;
			differed += !same;
			if (!same)
				printf("# %.*s: we differ on %.*s\n",
				       TEXT_ARG(json_string(item, "id")),
				       TEXT_ARG(json_string(call, "arguments")));
		}
		arena_done(&arena);
	}
	arena_done(&file);
	printf("# tool calls: %u verdicts agree, %u differ\n", agreed, differed);
	ck_assert_uint_gt(agreed, 0);
	ck_assert_uint_eq(differed, 0);
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, the_official_suite_agrees);
	tcase_add_test(cases, the_optional_parts_are_counted);
	tcase_add_test(cases, schemas_that_a_provider_takes_compile);
	tcase_add_test(cases, tool_calls_get_the_verdict_of_others);
}

int main(void)
{
	return unit_main("schema_suite", add);
}
