/* LiteLLM's proxy config (config.yaml) as a proviso.yaml. */
#ifndef PROVISO_CLI_IMPORT_CONFIG_H
#define PROVISO_CLI_IMPORT_CONFIG_H

#include "harness/base/json.h"

#include <stdio.h>

enum {
	IMPORT_DEPLOYMENTS_MAX = 10000,
	IMPORT_ROUTE_TARGETS_MAX = 1000, /* fallbacks of one group, its own deployments counted */
};

/*
 * Writes YAML to `out` that `validate` takes, and to `report` whatever was not carried over, each
 * kind with its first place. A key that stands there in the clear is never written anywhere: a
 * variable is named instead. False for what is no such file, with the place; no line of the source
 * is quoted.
 */
MUST_CHECK bool import_config(const struct json *root, struct arena *arena, struct text_buf *out,
                              FILE *report, struct fault *fault);

#endif
