/* The JSON scanner: whatever it takes, it can print, read again, and find equal. */
#include "harness/base/json_hash.h"
#include "harness/base/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each number against the first: comparing must not care for the order. */
static void compare_numbers(const struct json *node, const struct json *first)
{
	int64_t value;

	JSON_EACH(child, node)
	compare_numbers(child, first);
	if (!json_is(node, JSON_NUMBER) || !json_is(first, JSON_NUMBER))
		return;
	int order = json_number_compare(node->text, first->text);
	REQUIRE(json_number_compare(first->text, node->text) == -order);
	REQUIRE(order != 0 || json_number_hash(node->text) == json_number_hash(first->text));
	if (json_node_integer(node, INT64_MIN, INT64_MAX, &value))
		REQUIRE(json_number_is_integer(node->text));
	if (node->text.len < 100 && json_number_is_multiple(node->text, TEXT("1")))
		REQUIRE(json_number_is_integer(node->text));
}

static const struct json *first_number(const struct json *node)
{
	if (node->type == JSON_NUMBER)
		return node;
	JSON_EACH(child, node)
	{
		const struct json *found = first_number(child);
		if (found != NULL)
			return found;
	}
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source source = {TEXT("fuzz"), {(const char *)data, size}};
	struct arena arena = {0};
	struct fault fault = {0};
	struct json *root, *again;
	size_t end = 0;

	bool prefix = json_read_prefix(&source, NULL, &arena, &root, &end, &fault);
	REQUIRE(!prefix || end <= size);
	if (json_read(&source, NULL, &arena, &root, &fault)) {
		REQUIRE(prefix);
		struct text printed = json_to_text(&arena, root);
		REQUIRE(json_read_text(printed, "printed", &arena, &again, &fault));
		REQUIRE(json_equal(root, again));
		REQUIRE(json_hash(root) == json_hash(again));
		REQUIRE(text_equal(json_to_text(&arena, again), printed));
		REQUIRE(json_equal(json_clone(&arena, root), root));
		const struct json *number = first_number(root);
		if (number != NULL)
			compare_numbers(root, number);
	} else {
		REQUIRE(fault.kind == FAULT_INPUT && fault.line > 0);
	}
	arena_done(&arena);
	return 0;
}
