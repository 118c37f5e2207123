/* JSON Schema: a schema and, behind it, an instance. Any two must end, and without a fault of ours.
 */
#include "cases/schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct json *root, const struct json *instance,
                  const struct schema_options *options, struct arena *arena)
{
	struct fault fault = {0};
	struct fault_list warnings = {0};
	struct schema *schema = NULL;
	struct schema_error error;

	if (!schema_new(root, options, arena, &schema, &warnings, &fault)) {
		REQUIRE(fault.kind == FAULT_INPUT);
		return;
	}
	enum schema_result result = schema_check(schema, instance, arena, &error);
	if (result != SCHEMA_VALID)
		REQUIRE(error.message.len > 0);
	/* Who asks for the reason gets the same answer. */
	REQUIRE(schema_check(schema, instance, arena, NULL) == result);
	schema_free(schema);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct schema_options options = {.format_assert = true};
	struct source source = {TEXT("schema"), {(const char *)data, size}};
	struct arena arena = {0};
	struct fault fault = {0};
	struct json *root, *instance;
	size_t end;

	if (json_read_prefix(&source, NULL, &arena, &root, &end, &fault)) {
		struct text rest = {source.body.data + end, size - end};
		if (!json_read_text(rest, "instance", &arena, &instance, &fault))
			instance = root;
		check(root, instance, &options, &arena);
	}
	arena_done(&arena);
	return 0;
}
