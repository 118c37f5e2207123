/* `import`: an existing setup as a config. */
#include "harness/cli/command.h"

#include "harness/base/file.h"
#include "harness/base/yaml.h"
#include "harness/cli/import_config.h"
#include "harness/cli/import_prices.h"

struct import {
	struct text out;
	struct text_list operands;
};

static const struct option import_rows[] = {
    {.name = "out",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct import, out),
     .value = "FILE",
     .help = "write there instead of stdout"},
};

static const struct option_table import_options = {
    .rows = import_rows,
    .count = ARRAY_LENGTH(import_rows),
    .operands = offsetof(struct import, operands),
    .operands_max = 2,
};

enum { OUTPUT_MAX_BYTES = 64 << 20 };

static bool read_prices(const struct source *source, struct arena *arena, struct text_buf *out,
                        struct fault *fault)
{
	struct json *root;

	return json_read(source, NULL, arena, &root, fault) &&
	       import_prices(root, arena, out, stderr, fault);
}

static bool read_config(const struct source *source, struct arena *arena, struct text_buf *out,
                        struct fault *fault)
{
	static const struct yaml_options aliases = {.aliases = true};
	struct fault_list *warnings = ARENA_NEW(arena, struct fault_list);
	struct json *root;

	bool good = document_read(source, &aliases, arena, &root, warnings, fault) &&
	            import_config(root, arena, out, stderr, fault);
	/* The line may hold a key in the clear. */
	for (size_t i = 0; i < warnings->count; i++)
		warnings->items[i].excerpt[0] = '\0';
	if (!good)
		fault->excerpt[0] = '\0';
	fault_list_print(warnings, stderr);
	return good;
}

static const struct {
	const char *name;
	bool (*read)(const struct source *source, struct arena *arena, struct text_buf *out,
	             struct fault *fault);
} formats[] = {{"litellm-config", read_config}, {"litellm-prices", read_prices}};

static int import_run(void *state, struct arena *arena)
{
	struct import *import = state;
	struct text_buf out;
	struct source *source;
	struct fault fault;
	size_t i = 0;

	while (i < ARRAY_LENGTH(formats) && import->operands.count == 2 &&
	       !text_is(import->operands.items[0], formats[i].name))
		i++;
	if (import->operands.count != 2 || i == ARRAY_LENGTH(formats)) {
		const char *const names[] = {formats[0].name, formats[1].name, NULL};
		struct text near = TEXT("");
		if (import->operands.count > 0)
			near = command_suggestion(import->operands.items[0], names, arena);
		(void)fault_set(&fault, FAULT_USAGE,
		                "want what to import and its file: litellm-config FILE or "
		                "litellm-prices FILE%.*s",
		                TEXT_ARG(near));
		return command_fail(&fault);
	}
	text_buf_init(&out, OUTPUT_MAX_BYTES);
	if (!file_read(text_c(arena, import->operands.items[1]), IMPORT_MAX_BYTES, arena, &source,
	               &fault) ||
	    !formats[i].read(source, arena, &out, &fault)) {
		text_buf_done(&out);
		return command_fail(&fault);
	}
	return command_write_report(import->out, &out, &fault) ? EXIT_HOLDS : command_fail(&fault);
}

const struct command command_import = {
    .name = "import",
    .summary = "bring an existing setup in: LiteLLM's config or prices as a config",
    .operands = "litellm-config|litellm-prices FILE",
    .about = "Reads LiteLLM's proxy config, or its model_prices_and_context_window.json, and\n"
	     "prints a config with its providers, models, routes and prices. What was not\n"
	     "carried over is told on stderr, counted, with the first place of each kind. Keys\n"
	     "stay names of variables: one that stands there in the clear is never written.",
    .options = &import_options,
    .state_bytes = sizeof(struct import),
    .run = import_run,
};
