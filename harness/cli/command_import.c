/* `import litellm-prices FILE`: an existing price table as a config. */
#include "harness/cli/command.h"

#include "harness/base/file.h"
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

static int import_run(void *state, struct arena *arena)
{
	struct import *import = state;
	struct text_buf out;
	struct source *source;
	struct json *root;
	struct fault fault;

	if (import->operands.count != 2 || !text_is(import->operands.items[0], "litellm-prices")) {
		(void)fault_set(&fault, FAULT_USAGE,
		                "want what to import and its file: litellm-prices FILE");
		return command_fail(&fault);
	}
	text_buf_init(&out, OUTPUT_MAX_BYTES);
	bool good = file_read(text_c(arena, import->operands.items[1]), IMPORT_MAX_BYTES, arena,
	                      &source, &fault) &&
	            json_read(source, NULL, arena, &root, &fault) &&
	            import_prices(root, arena, &out, stderr, &fault);
	if (!good) {
		text_buf_done(&out);
		return command_fail(&fault);
	}
	return command_write_report(import->out, &out, &fault) ? EXIT_HOLDS : command_fail(&fault);
}

const struct command command_import = {
    .name = "import",
    .summary = "bring an existing setup in: LiteLLM's prices as a config",
    .operands = "litellm-prices FILE",
    .about = "Reads LiteLLM's model_prices_and_context_window.json and prints a config with its\n"
	     "models and their prices. What was not understood is told on stderr, counted, with\n"
	     "the first place of each kind; a file that is no price table is refused.",
    .options = &import_options,
    .state_bytes = sizeof(struct import),
    .run = import_run,
};
