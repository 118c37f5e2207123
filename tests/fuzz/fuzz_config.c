/*
 * Configs: whatever a file holds, it is a config or there are mistakes, each with its place; what
 * it says of keys is never shown. Read twice it says the same.
 */
#include "harness/run/config/config.h"
#include "tests/fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool load(const char *path, struct fault_list *faults)
{
	struct config config = config_defaults;

	*faults = (struct fault_list){0};
	bool good = config_load(path, &config, faults);
	REQUIRE(good == (faults->errors == 0));
	for (size_t i = 0; i < faults->count; i++)
		REQUIRE(faults->items[i].message[0] != '\0');
	config_done(&config);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fault_list first, again;
	const char *path = fuzz_file(data, size);

	REQUIRE(load(path, &first) == load(path, &again));
	REQUIRE(first.count == again.count);
	for (size_t i = 0; i < first.count; i++)
		REQUIRE(strcmp(first.items[i].message, again.items[i].message) == 0 &&
		        first.items[i].line == again.items[i].line);
	return 0;
}
