/*
 * YAML into the same nodes as JSON, by libyaml's events and with rules that keep
 * it safe (see yaml_read). Nodes carry the places of the YAML text, so whatever
 * is wrong later with a value can be shown where the user wrote it.
 */
#ifndef PROVISO_BASE_YAML_H
#define PROVISO_BASE_YAML_H

#include "harness/base/json.h"

struct yaml_options {
	bool aliases; /* allow aliases to earlier anchors (at most 1,000 nodes made by them) */
};

enum {
	YAML_MAX_BYTES = 8 << 20,
	YAML_MAX_DEPTH = 64,
	YAML_MAX_ALIAS_NODES = 1000,
};

/*
 * One document. Refused, each with its place: bytes over YAML_MAX_BYTES, nesting
 * over YAML_MAX_DEPTH, duplicate keys (both places are named), keys that are no scalars,
 * tags but the core ones, merge keys, a second document, aliases unless allowed.
 * Plain scalars follow the 1.2 core schema: `no`, `on`, `off` are strings, and a
 * warning says so. An empty document is null. Warnings go to `warnings` (may be NULL).
 */
MUST_CHECK bool yaml_read(const struct source *source, const struct yaml_options *options,
                          struct arena *arena, struct json **root, struct fault_list *warnings,
                          struct fault *fault);

/* By the name's end: ".json" is read as JSON, all else as YAML. */
MUST_CHECK bool document_read(const struct source *source, const struct yaml_options *options,
                              struct arena *arena, struct json **root, struct fault_list *warnings,
                              struct fault *fault);

#endif
