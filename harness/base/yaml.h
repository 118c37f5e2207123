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
	YAML_MAX_NODES = 1 << 20, /* 80 MiB of nodes, from a file of 2 MB at least */
	YAML_MAX_ANCHORS = 1000,
	YAML_MAX_ALIAS_NODES = 1000,
};

/*
 * One document. Refused, each with its place: bytes over YAML_MAX_BYTES, nesting
 * over YAML_MAX_DEPTH, duplicate keys (both places are named), keys that are no scalars,
 * tags but the core ones, merge keys, a second document, aliases unless allowed;
 * control characters and the line breaks that only YAML 1.1 has (U+0085, U+2028, U+2029).
 * Plain scalars follow the 1.2 core schema: `no`, `on`, `off` are strings, and a
 * warning says so; 0x10 and 0o20 become the number 16, .5 becomes 0.5; .inf and .nan, which no
 * JSON number can say, stay strings with a warning. An empty document is null.
 * `options` NULL: no aliases. Warnings go to `warnings` (may be NULL).
 *
 * A node's place is its first byte (an anchor or tag in front counts). The views of a key and
 * a string point into the source wherever it holds them as they are.
 */
MUST_CHECK bool yaml_read(const struct source *source, const struct yaml_options *options,
                          struct arena *arena, struct json **root, struct fault_list *warnings,
                          struct fault *fault);

/* By the name's end: ".json" is read as JSON, all else as YAML. Duplicate keys: refused in both. */
MUST_CHECK bool document_read(const struct source *source, const struct yaml_options *options,
                              struct arena *arena, struct json **root, struct fault_list *warnings,
                              struct fault *fault);

/*
 * Where the member's key stands, for complaints about the name; the place of its
 * value where that can't be known (a key with escapes). For JSON and YAML nodes.
 */
struct place document_key_place(const struct json *member);

#endif
