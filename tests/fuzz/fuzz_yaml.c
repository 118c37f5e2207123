/*
 * Any bytes as YAML: read or refused with a place, never harmed by. What was
 * read is well-formed (spans within the source, limits kept) and, printed as
 * JSON, comes back equal.
 */
#include "harness/base/json_write.h"
#include "harness/base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t check_node(const struct json *node, size_t size, unsigned depth)
{
	uint32_t children = 0;
	uint32_t nodes = 1;

	REQUIRE(node->begin <= node->end && node->end <= size);
	REQUIRE(depth <= YAML_MAX_DEPTH);
	REQUIRE(!node->duplicate && !node->has_duplicate);
	JSON_EACH(child, node)
	{
		REQUIRE(document_key_place(child).offset <= size);
		nodes += check_node(child, size, depth + 1);
		children++;
	}
	REQUIRE(children == node->count);
	return nodes;
}

static void check_root(const struct json *root, size_t size, struct arena *arena)
{
	struct json *again = NULL;
	struct fault fault;

	REQUIRE(check_node(root, size, 0) <= YAML_MAX_NODES + YAML_MAX_ALIAS_NODES);
	struct text printed = json_to_text(arena, root);
	if (printed.data == NULL)
		return; /* larger than json_to_text writes */
	REQUIRE(json_read_text(printed, "printed", arena, &again, &fault));
	REQUIRE(json_equal(root, again));
}

static void read_as(const char *name, const uint8_t *data, size_t size, bool aliases)
{
	struct arena arena = {0};
	struct source source = {text_of(name), {(const char *)data, size}};
	struct yaml_options options = {.aliases = aliases};
	struct fault_list *warnings = memory_new(sizeof(*warnings));
	struct fault fault = {0};
	struct json *root = NULL;

	if (document_read(&source, &options, &arena, &root, warnings, &fault))
		check_root(root, size, &arena);
	else
		REQUIRE(fault.kind == FAULT_INPUT && fault.message[0] != '\0');
	REQUIRE(warnings->errors == 0);
	memory_free(warnings);
	arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_as("fuzz.yaml", data, size, true);
	read_as("fuzz.yaml", data, size, false);
	return 0;
}
