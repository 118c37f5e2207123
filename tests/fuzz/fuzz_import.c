/*
 * LiteLLM's config and price file: whatever they hold, what comes out is YAML that can be read, or
 * there is a fault. The first byte says which of the two it is.
 */
#include "harness/base/yaml.h"
#include "harness/cli/import_config.h"
#include "harness/cli/import_prices.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct yaml_options aliases = {.aliases = true};
	static FILE *nowhere;
	struct arena arena = {0};
	struct fault fault = {0};
	struct text_buf out;
	struct json *root;

	if (nowhere == NULL)
		nowhere = fopen("/dev/null", "w");
	if (size < 1 || nowhere == NULL)
		return 0;
	struct source source = {TEXT("theirs"), {(const char *)data + 1, size - 1}};
	text_buf_init(&out, IMPORT_MAX_BYTES);
	if (yaml_read(&source, &aliases, &arena, &root, NULL, &fault)) {
		bool good = data[0] % 2 == 0 ? import_config(root, &arena, &out, nowhere, &fault)
		                             : import_prices(root, &arena, &out, nowhere, &fault);
		struct source made = {TEXT("ours"), text_buf_view(&out)};
		if (good)
			REQUIRE(yaml_read(&made, NULL, &arena, &root, NULL, &fault));
		else
			REQUIRE(fault.kind != FAULT_NONE);
	}
	text_buf_done(&out);
	arena_done(&arena);
	return 0;
}
