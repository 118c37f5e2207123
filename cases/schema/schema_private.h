/*
 * What the files of the JSON Schema validator share. Nobody else includes this.
 *
 * Compiling turns each (sub)schema into a part: its keywords as clauses, in the order in which
 * they are checked. Parts stand in resources: what an $id or a document's root begins, with a
 * base URI and a dialect. Checking walks parts and instance side by side.
 *
 *   schema.c            new, check, free
 *   schema_compile.c    parts, clauses, keywords with schemas in them
 *   schema_keyword.c    the table of keywords, and how the plain ones are compiled
 *   schema_reference.c  resources, anchors, $ref; schema_dialect.c: drafts and vocabularies
 *   schema_uri.c        RFC 3986; schema_map.c: anything by a text
 *   schema_check.c      the walk, and keywords that apply schemas; schema_assert.c: all others
 *   schema_format.c     formats
 */
#ifndef PROVISO_CASES_SCHEMA_PRIVATE_H
#define PROVISO_CASES_SCHEMA_PRIVATE_H

#include "cases/schema/schema.h"

#include "harness/base/regex.h"

enum {
	SCHEMA_COMPILE_DEPTH_MAX = 300, /* schemas within schemas */
	SCHEMA_CHECK_DEPTH_MAX = 2000,  /* parts under way at once; each costs some stack */
	SCHEMA_DOCUMENTS_MAX = 200,
	SCHEMA_URI_MAX_BYTES = 4096,
	SCHEMA_POINTER_MAX_BYTES = 1 << 20,
	SCHEMA_SHOWN_BYTES = 100, /* of a name or number, in a message */
};

/* --- dialects ------------------------------------------------------------------- */

enum {
	DRAFT_7 = 1,
	DRAFT_2019 = 2,
	DRAFT_2020 = 4,
	DRAFT_ANY = DRAFT_7 | DRAFT_2019 | DRAFT_2020,
};

enum {
	VOCABULARY_CORE = 1,
	VOCABULARY_APPLICATOR = 2,
	VOCABULARY_UNEVALUATED = 4,
	VOCABULARY_VALIDATION = 8,
	VOCABULARY_NOTES = 16, /* titles, content, format as a note: nothing to check */
	VOCABULARY_FORMAT_ASSERTION = 32,
	VOCABULARY_ALL = VOCABULARY_CORE | VOCABULARY_APPLICATOR | VOCABULARY_UNEVALUATED |
	                 VOCABULARY_VALIDATION | VOCABULARY_NOTES,
};

struct schema_dialect {
	unsigned drafts; /* whose keywords count: one, or several where $schema does not say */
	unsigned vocabularies;
};

/* --- what a schema becomes ---------------------------------------------------------- */

/* The schema that a $dynamicAnchor names in its resource. */
struct schema_anchor {
	struct schema_anchor *next;
	struct text name;
	const struct schema_part *part;
};

struct schema_resource {
	struct text uri; /* the base; empty where the document has no name */
	struct schema_dialect dialect;
	struct schema_anchor *dynamic;
};

/* One schema. */
struct schema_part {
	const struct json *node;
	struct schema_resource *resource;
	struct schema_clause *clauses;
	struct schema_clause *last_clause;
	/* Where it stands, for messages: in the keyword of that part, there by key or index. */
	const struct schema_part *up;
	struct text keyword;
	int64_t index;     /* SCHEMA_NO_INDEX, SCHEMA_BY_KEY or the item's */
	struct text place; /* without `up`: the pointer in its document */
	bool never;        /* the schema `false` */
	bool unevaluated;  /* it must know what its neighbours looked at */
	uint8_t walk;      /* of the search for endless references */
};

enum {
	SCHEMA_NO_INDEX = -1,
	SCHEMA_BY_KEY = -2,
};

/* A schema under a name: of a property, a pattern, a dependency. */
struct schema_named {
	struct text name;
	struct schema_part *part;    /* NULL: `required` instead */
	const struct json *required; /* of a dependency */
	const struct regex *pattern;
};

/* One keyword, or some that only make sense together, of one schema. */
struct schema_clause {
	struct schema_clause *next;
	struct schema_part *owner;
	const struct schema_keyword *keyword;
	const struct json *value;
	struct schema_part *part; /* $ref, not, if, contains, propertyNames, items, additional... */
	struct schema_part *yes;  /* then */
	struct schema_part *no;   /* else */
	struct schema_part **parts; /* allOf, prefixItems ... */
	size_t part_count;
	struct schema_named *named; /* properties, sorted; dependencies */
	size_t named_count;
	struct schema_named *patterns; /* patternProperties */
	size_t pattern_count;
	const struct regex *pattern;
	struct text anchor; /* $dynamicRef: its name, where it may be overridden */
	int64_t least, most;
	unsigned types; /* bits of enum schema_type */
};

enum schema_type {
	SCHEMA_NULL = 1,
	SCHEMA_BOOLEAN = 2,
	SCHEMA_NUMBER = 4,
	SCHEMA_STRING = 8,
	SCHEMA_ARRAY = 16,
	SCHEMA_OBJECT = 32,
	SCHEMA_ANYTHING = 63,
	SCHEMA_INTEGER = 64,
};

struct schema_compiler;
struct schema_check;
struct schema_marks;

/* A row of the table of keywords. Its order is the order of checking. */
struct schema_keyword {
	const char *name;
	unsigned drafts;
	unsigned vocabulary;
	unsigned instances; /* enum schema_type: of other instances it says nothing */
	/* NULL: nothing to compile (a note, or compiled with another keyword). */
	bool (*compile)(struct schema_compiler *compiler, struct schema_part *part,
	                const struct json *value, struct fault *fault);
	bool (*check)(struct schema_check *check, const struct schema_clause *clause,
	              const struct json *instance, struct schema_marks *marks);
};

/* The fault that a keyword's value is of the wrong type: `"minimum" must be a number, not ...`. */
bool schema_fault_must(struct fault *fault, const struct json *value, const char *be);

struct schema_map {
	struct schema_map_slot *slots; /* arena */
	size_t room;
	size_t count;
	uint64_t seed[2];
};

/* A compiled pattern, to be freed. */
struct schema_pattern {
	struct schema_pattern *next;
	struct regex *regex;
};

struct schema {
	struct schema_part *root;
	struct schema_pattern *patterns;
};

/* A $ref whose goal is looked for once the whole document is known. */
struct schema_pending {
	struct schema_pending *next;
	struct schema_part *part;
	struct schema_clause *clause;
	bool dynamic;
};

struct schema_compiler {
	struct arena *arena;
	struct schema *schema;
	const struct schema_options *options;
	struct fault_list *warnings;
	struct schema_map parts;     /* struct schema_part by node */
	struct schema_map resources; /* struct schema_part (a root) by URI */
	struct schema_map anchors;   /* struct schema_part by URI#name */
	struct schema_pending *pending;
	unsigned depth;
	unsigned documents;
};

/* --- schema.c --- */

/* The nodes without members that a later one of the same key overrides; `node` where none is. */
MUST_CHECK const struct json *schema_clean(struct arena *arena, const struct json *node);

/* --- schema_map.c: anything by a text, in arena memory -------------------------------- */

void schema_map_init(struct schema_map *map);
MUST_CHECK void *schema_map_find(const struct schema_map *map, struct text key);
/* What the slot holds, for a walk over all `room` of them; NULL: nothing. */
MUST_CHECK void *schema_map_at(const struct schema_map *map, size_t index);
/* The key is borrowed. A key that is there already keeps its value. */
void schema_map_add(struct schema_map *map, struct arena *arena, struct text key, void *value);

/* --- schema_uri.c ----------------------------------------------------------------------- */

/* RFC 3986, 5.2: the reference as seen from the base; both may be relative. */
MUST_CHECK struct text schema_uri_resolve(struct arena *arena, struct text base,
                                          struct text reference);
/* Cuts "#..." off and hands it out percent-decoded, without the "#". */
MUST_CHECK struct text schema_uri_split(struct arena *arena, struct text uri,
                                        struct text *fragment);

/* --- schema_dialect.c ------------------------------------------------------------------- */

/* The dialect that `$schema` (a string) names. */
MUST_CHECK bool schema_dialect_find(struct schema_compiler *compiler, const struct json *value,
                                    struct schema_dialect *out, struct fault *fault);
/* --- schema_metaschema.c --- */

/* The official metaschema behind the URI (without "#"), or NULL. Arena memory. */
MUST_CHECK const struct json *schema_metaschema_find(struct arena *arena, struct text uri);

/* --- schema_reference.c -------------------------------------------------------------------- */

/* Reads $schema, $id and the anchors of a part just made; `inherited`: of where it stands. */
MUST_CHECK bool schema_reference_identify(struct schema_compiler *compiler,
                                          struct schema_part *part,
                                          const struct schema_resource *inherited,
                                          struct fault *fault);
/* Compiles a whole document found at `uri`. */
MUST_CHECK bool schema_reference_document(struct schema_compiler *compiler, const struct json *root,
                                          struct text uri, const struct schema_dialect *dialect,
                                          struct schema_part **out, struct fault *fault);
/* Finds the goals of all references, reading more documents where they lead. */
MUST_CHECK bool schema_reference_resolve(struct schema_compiler *compiler, struct fault *fault);
/* A fault where references lead back to where they began without reading anything. */
MUST_CHECK bool schema_reference_check_ends(struct schema_compiler *compiler, struct fault *fault);

/* --- schema_compile.c ------------------------------------------------------------------------ */

/* Where a schema stands: in this keyword of that part, alone, by key or by index. */
struct schema_where {
	struct schema_part *up;
	const struct json *keyword;
	int64_t index;
};

MUST_CHECK bool schema_compile_part(struct schema_compiler *compiler, const struct json *node,
                                    struct schema_where where, struct schema_part **out,
                                    struct fault *fault);
/* The same for a node found by a pointer from far away, or a document's root. */
MUST_CHECK bool schema_compile_far(struct schema_compiler *compiler, const struct json *node,
                                   struct text pointer, struct schema_resource *resource,
                                   struct schema_part **out, struct fault *fault);
/* The part already made for the node, or NULL. */
MUST_CHECK struct schema_part *schema_compile_find(const struct schema_compiler *compiler,
                                                   const struct json *node);
/* Whether the keyword counts in the dialect of the part. */
MUST_CHECK bool schema_compile_knows(const struct schema_part *part,
                                     const struct schema_keyword *keyword);
/* Appends a clause for the keyword that stands at `value`. */
struct schema_clause *schema_compile_clause(struct schema_compiler *compiler,
                                            struct schema_part *part, const struct json *value);

typedef bool schema_compile_function(struct schema_compiler *, struct schema_part *,
                                     const struct json *, struct fault *);
schema_compile_function schema_compile_schema, schema_compile_aside, schema_compile_unevaluated,
    schema_compile_reference, schema_compile_if, schema_compile_contains, schema_compile_list,
    schema_compile_prefix, schema_compile_items, schema_compile_additional_items,
    schema_compile_map, schema_compile_properties, schema_compile_patterns,
    schema_compile_additional, schema_compile_dependencies;

/* --- schema_keyword.c ---------------------------------------------------------------------- */

/* NULL where no draft we know has it. */
MUST_CHECK const struct schema_keyword *schema_keyword_find(struct text name);
MUST_CHECK const struct schema_keyword *schema_keyword_at(size_t index);
MUST_CHECK size_t schema_keyword_index(const struct schema_keyword *keyword);
enum { SCHEMA_KEYWORDS_MAX = 80 };
MUST_CHECK size_t schema_keyword_count(void);
/* The pattern compiled and held by the schema. */
MUST_CHECK bool schema_keyword_pattern(struct schema_compiler *compiler, struct text pattern,
                                       const struct json *node, const struct regex **out,
                                       struct fault *fault);
/* A whole number from 0 on; one too large for us is as good as no limit. */
MUST_CHECK bool schema_keyword_count_read(const struct json *value, int64_t *out,
                                          struct fault *fault);
/* The nearest keyword that is known, for a warning; or NULL. */
MUST_CHECK const char *schema_keyword_nearest(struct text name);

/* --- checking --------------------------------------------------------------------------------- */

/* Members or items that a schema looked at: a bit for each child of the instance. */
struct schema_marks {
	uint64_t *words;
	size_t count;
	uint64_t own[4]; /* enough for most */
};

/* --- schema_marks.c: `marks` NULL, where nobody asks, is fine for set and add --- */

void schema_marks_init(struct schema_marks *marks, const struct json *instance);
void schema_marks_done(struct schema_marks *marks);
void schema_marks_set(struct schema_marks *marks, uint32_t child);
MUST_CHECK bool schema_marks_has(const struct schema_marks *marks, uint32_t child);
void schema_marks_add(struct schema_marks *marks, const struct schema_marks *more);

/* The way from the root of the instance. */
struct schema_step {
	const struct schema_step *up;
	const struct json *child;
	uint32_t index;
	bool item;
};

/* The resources entered, innermost first. */
struct schema_scope {
	const struct schema_scope *outer;
	const struct schema_resource *resource;
};

struct schema_check {
	struct arena *arena;
	struct schema_error *error; /* NULL: nobody asks */
	const struct schema_scope *scope;
	const struct schema_step *path;
	uint64_t work_left;
	uint64_t pattern_work_left;
	unsigned depth;
	unsigned quiet; /* inside a branch that may fail */
	bool limit;     /* some limit was hit: no answer */
	bool failed;    /* the error is filled */
};

MUST_CHECK bool schema_check_part(struct schema_check *check, const struct schema_part *part,
                                  const struct json *instance, struct schema_marks *marks);
/* False where the work is used up. */
MUST_CHECK bool schema_check_spend(struct schema_check *check, uint64_t work);
/* Says why (the first time, where somebody asks); returns false. */
bool schema_check_fail(struct schema_check *check, const struct schema_clause *clause,
                       const char *format, ...) PRINTF_LIKE(3, 4);
MUST_CHECK bool schema_check_matches(struct schema_check *check, const struct regex *pattern,
                                     struct text subject);

typedef bool schema_check_function(struct schema_check *, const struct schema_clause *,
                                   const struct json *, struct schema_marks *);
schema_check_function schema_check_reference, schema_check_dynamic, schema_check_all,
    schema_check_any, schema_check_one, schema_check_not, schema_check_if, schema_check_properties,
    schema_check_names, schema_check_dependencies, schema_check_items, schema_check_contains,
    schema_check_unevaluated_properties, schema_check_unevaluated_items;

schema_check_function schema_assert_type, schema_assert_enum, schema_assert_const,
    schema_assert_minimum, schema_assert_maximum, schema_assert_exclusive_minimum,
    schema_assert_exclusive_maximum, schema_assert_multiple, schema_assert_length,
    schema_assert_pattern, schema_assert_format, schema_assert_count, schema_assert_required,
    schema_assert_unique;

/* Whether the text is of that format; true for formats we do not know. */
MUST_CHECK bool schema_format_holds(struct text format, struct text value);

#endif
