/* LiteLLM's price file (model_prices_and_context_window.json) as providers of a config. */
#ifndef PROVISO_CLI_IMPORT_PRICES_H
#define PROVISO_CLI_IMPORT_PRICES_H

#include "harness/base/json.h"

#include <stdio.h>

enum { IMPORT_MAX_BYTES = 32 << 20 };

/*
 * Writes YAML to `out`, and to `report` what was not understood, counted, each with its first
 * place: nothing is left out silently. False for what is no such file, with the place.
 */
MUST_CHECK bool import_prices(const struct json *root, struct arena *arena, struct text_buf *out,
                              FILE *report, struct fault *fault);

#endif
