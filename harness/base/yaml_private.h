/*
 * What the YAML files share among themselves: yaml_read.c (events into nodes),
 * yaml_scalar.c (what a scalar means), yaml_fault.c (what a mistake is called),
 * yaml_strict.c (what libyaml lets pass).
 */
#ifndef PROVISO_BASE_YAML_PRIVATE_H
#define PROVISO_BASE_YAML_PRIVATE_H

#include "harness/base/yaml.h"

#include <yaml.h>

/* A position as libyaml counts (lines and code points from 0) and as bytes. */
struct yaml_cursor {
	size_t line, column, offset;
};

/* The byte that a mark of libyaml means; the cursor moves there. */
size_t yaml_offset(struct yaml_cursor *cursor, const struct source *source, yaml_mark_t mark);

/* Bytes that libyaml refuses in fewer words, or reads as YAML 1.1 does. */
MUST_CHECK bool yaml_check_bytes(const struct source *source, struct fault *fault);

/* Sets the fault that the parser's error means; returns false. */
bool yaml_parser_fault(const yaml_parser_t *parser, const struct source *source,
                       struct fault *fault);

/* A scalar as the reader met it. */
struct yaml_scalar {
	struct text text; /* decoded; lives with the nodes */
	const char *tag;  /* NULL: none */
	bool plain;
	struct place place;
};

/*
 * Gives the node its type and text by the core schema. False: the tag does not
 * fit, or a number that is too large.
 */
MUST_CHECK bool yaml_resolve(const struct yaml_scalar *scalar, struct arena *arena,
                             struct json *node, struct fault_list *warnings, struct fault *fault);

/* "!!str" for messages, or the tag as it is. */
const char *yaml_tag_name(const char *tag);
/* "str" of "tag:yaml.org,2002:str"; NULL for tags of any other kind. */
const char *yaml_core_tag(const char *tag);

/* --- yaml_strict.c --- */

/* Bytes [begin, end) of the source. */
struct yaml_span {
	size_t begin, end;
};

/* A quoted text, or any within brackets: its further lines are indented by `least` spaces. */
MUST_CHECK bool yaml_check_lines(const struct source *source, struct yaml_span span, size_t least,
                                 struct fault *fault);
/*
 * What stands between two events: comments have a blank before them, and within
 * brackets (`flow`) each line is indented by `least` spaces.
 */
MUST_CHECK bool yaml_check_gap(const struct source *source, struct yaml_span gap, bool flow,
                               size_t least, struct fault *fault);
/* A block scalar's first line and the blank lines below it. */
MUST_CHECK bool yaml_check_block(const struct source *source, struct yaml_span span, size_t least,
                                 struct fault *fault);
/* The anchor in the properties at `begin` has the name that libyaml saw. */
MUST_CHECK bool yaml_check_anchor(const struct source *source, size_t begin, const char *name,
                                  struct fault *fault);
/* The line "%YAML 1.2" at `begin`. */
MUST_CHECK bool yaml_check_version(const struct source *source, size_t begin, struct fault *fault);

#endif
