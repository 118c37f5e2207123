/*
 * Names and references: $id begins a resource, anchors name places in it, $ref leads to one.
 *
 * References are followed once all of a document is known, since they may lead forward; a goal
 * at a place that is no schema by the keywords around it is compiled when it is met.
 */
#include "cases/schema/schema_private.h"

enum { ENDLESS_DEPTH_MAX = 1000 };

/* Values of schema_part.walk. */
enum { UNSEEN, UNDER_WAY, ENDS };

static struct text anchor_key(struct arena *arena, struct text uri, struct text name)
{
	return text_format(arena, "%.*s#%.*s", TEXT_ARG(uri), TEXT_ARG(name));
}

static bool check_length(const struct json *value, struct fault *fault)
{
	if (value->text.len <= SCHEMA_URI_MAX_BYTES)
		return true;
	return fault_at(fault, json_place(value), "\"%.*s\" of %zu bytes; at most %d are taken",
	                TEXT_ARG(value->key), value->text.len, SCHEMA_URI_MAX_BYTES);
}

/* --- names -------------------------------------------------------------------------- */

static bool is_root(const struct schema_part *part)
{
	return part->up == NULL && part->place.data == NULL;
}

static struct schema_resource *resource_new(struct schema_compiler *compiler, struct text uri,
                                            struct schema_dialect dialect)
{
	struct schema_resource *resource = ARENA_NEW(compiler->arena, struct schema_resource);

	resource->uri = uri;
	resource->dialect = dialect;
	return resource;
}

static bool read_id(struct schema_compiler *compiler, struct schema_part *part,
                    const struct json *id, struct schema_dialect dialect, struct fault *fault)
{
	struct arena *arena = compiler->arena;
	struct text name;
	struct text own = schema_uri_split(arena, id->text, &name);

	if (!check_length(id, fault))
		return false;
	if (own.len > 0) {
		struct text uri = schema_uri_resolve(arena, part->resource->uri, own);
		part->resource = resource_new(compiler, uri, dialect);
		schema_map_add(&compiler->resources, arena, uri, part);
	}
	if (name.len == 0)
		return true;
	if ((dialect.drafts & DRAFT_7) == 0)
		return fault_at(fault, json_place(id),
		                "an \"$id\" may have no fragment; want an \"$anchor\"");
	schema_map_add(&compiler->anchors, arena, anchor_key(arena, part->resource->uri, name),
	               part);
	return true;
}

static bool read_anchor(struct schema_compiler *compiler, struct schema_part *part,
                        const char *keyword, struct fault *fault)
{
	struct schema_resource *resource = part->resource;
	const struct json *value = json_member(part->node, keyword);
	struct text key;

	if (!json_is(value, JSON_STRING) ||
	    !schema_compile_knows(part, schema_keyword_find(value->key)))
		return true;
	if (!check_length(value, fault))
		return false;
	key = anchor_key(compiler->arena, resource->uri, value->text);
	schema_map_add(&compiler->anchors, compiler->arena, key, part);
	if (text_is(value->key, "$dynamicAnchor")) {
		struct schema_anchor *anchor = ARENA_NEW(compiler->arena, struct schema_anchor);
		*anchor = (struct schema_anchor){resource->dynamic, value->text, part};
		resource->dynamic = anchor;
	}
	return true;
}

bool schema_reference_identify(struct schema_compiler *compiler, struct schema_part *part,
                               const struct schema_resource *inherited, struct fault *fault)
{
	const struct json *draft = json_member(part->node, "$schema");
	const struct json *id = json_member(part->node, "$id");
	struct schema_dialect dialect = inherited->dialect;
	bool named = json_is(id, JSON_STRING);

	if (json_is(draft, JSON_STRING) && (is_root(part) || named) &&
	    !schema_dialect_find(compiler, draft, &dialect, fault))
		return false;
	if (is_root(part))
		part->resource->dialect = dialect;
	/* draft-07: what stands beside a $ref does not count. */
	if (dialect.drafts == DRAFT_7 && json_member(part->node, "$ref") != NULL)
		return true;
	if (named && !read_id(compiler, part, id, dialect, fault))
		return false;
	return read_anchor(compiler, part, "$anchor", fault) &&
	       read_anchor(compiler, part, "$dynamicAnchor", fault);
}

bool schema_reference_document(struct schema_compiler *compiler, const struct json *root,
                               struct text uri, const struct schema_dialect *dialect,
                               struct schema_part **out, struct fault *fault)
{
	struct schema_resource *resource = resource_new(compiler, uri, *dialect);

	if (!schema_compile_far(compiler, schema_clean(compiler->arena, root),
	                        (struct text){NULL, 0}, resource, out, fault))
		return false;
	schema_map_add(&compiler->resources, compiler->arena, uri, *out);
	return true;
}

/* --- goals -------------------------------------------------------------------------------- */

static bool fault_lost(struct fault *fault, const struct json *value, const char *why)
{
	return fault_at(fault, json_place(value), "\"%.*s\" leads to \"%.*s\", %s",
	                TEXT_ARG(value->key), TEXT_ARG(text_slice(value->text, 0, 200)), why);
}

/* The document behind a URI that nothing read so far has. */
static bool read_document(struct schema_compiler *compiler, const struct schema_pending *pending,
                          struct text uri, struct schema_part **out, struct fault *fault)
{
	const struct schema_options *options = compiler->options;
	const struct json *value = pending->clause->value;
	const struct json *root = NULL;

	if (options->resolve != NULL)
		root = options->resolve(options->resolve_context, uri);
	if (root == NULL)
		root = schema_metaschema_find(compiler->arena, uri);
	if (root == NULL)
		return fault_lost(fault, value, "which is in no schema read here");
	if (compiler->documents++ == SCHEMA_DOCUMENTS_MAX)
		return fault_lost(fault, value, "one document too many");
	*out = schema_compile_find(compiler, root);
	if (*out != NULL) {
		schema_map_add(&compiler->resources, compiler->arena, uri, *out);
		return true;
	}
	return schema_reference_document(compiler, root, uri, &pending->part->resource->dialect,
	                                 out, fault);
}

/* The schema at a JSON pointer below the root of a resource. */
static bool follow_pointer(struct schema_compiler *compiler, struct schema_part *root,
                           struct text pointer, const struct json *value, struct schema_part **out,
                           struct fault *fault)
{
	struct schema_resource *resource = root->resource;
	const struct json *node = root->node;

	for (size_t at = 0; at < pointer.len;) {
		size_t end = text_find_byte(pointer, '/', at + 1);
		end = end == TEXT_NOT_FOUND ? pointer.len : end;
		node = json_pointer(node, text_slice(pointer, at, end));
		if (node == NULL)
			return fault_lost(fault, value, "where nothing is");
		*out = schema_compile_find(compiler, node);
		if (*out != NULL)
			resource = (*out)->resource;
		at = end;
	}
	*out = schema_compile_find(compiler, node);
	if (*out != NULL)
		return true;
	struct text place = anchor_key(compiler->arena, resource->uri, pointer);
	return schema_compile_far(compiler, node, place, resource, out, fault);
}

/* A dynamic anchor at the goal may be overridden by resources entered before. */
static void note_dynamic(struct schema_clause *clause, struct text name)
{
	for (const struct schema_anchor *anchor = clause->part->resource->dynamic; anchor != NULL;
	     anchor = anchor->next) {
		if (anchor->part == clause->part && text_equal(anchor->name, name))
			clause->anchor = name;
	}
}

static bool resolve_one(struct schema_compiler *compiler, const struct schema_pending *pending,
                        struct fault *fault)
{
	struct schema_clause *clause = pending->clause;
	const struct json *value = clause->value;
	struct arena *arena = compiler->arena;
	struct text fragment;

	if (!check_length(value, fault))
		return false;
	struct text goal = schema_uri_resolve(arena, pending->part->resource->uri, value->text);
	struct text uri = schema_uri_split(arena, goal, &fragment);
	struct schema_part *root = schema_map_find(&compiler->resources, uri);
	if (root == NULL && !read_document(compiler, pending, uri, &root, fault))
		return false;
	if (fragment.len == 0) {
		clause->part = root;
	} else if (fragment.data[0] == '/') {
		if (!follow_pointer(compiler, root, fragment, value, &clause->part, fault))
			return false;
	} else {
		struct text key = anchor_key(arena, root->resource->uri, fragment);
		clause->part = schema_map_find(&compiler->anchors, key);
		if (clause->part == NULL)
			return fault_lost(fault, value, "an anchor that nothing has");
		if (pending->dynamic)
			note_dynamic(clause, fragment);
	}
	return true;
}

bool schema_reference_resolve(struct schema_compiler *compiler, struct fault *fault)
{
	while (compiler->pending != NULL) {
		struct schema_pending *pending = compiler->pending;
		compiler->pending = pending->next;
		if (!resolve_one(compiler, pending, fault))
			return false;
	}
	return true;
}

/* --- references without end --------------------------------------------------------------------
 */

/* Along $ref and allOf: both are always followed, and neither goes on in the instance. */
static bool walk(struct schema_part *part, unsigned depth, struct fault *fault)
{
	bool good = true;

	if (part->walk == ENDS)
		return true;
	if (part->walk == UNDER_WAY)
		return fault_at(fault, json_place(part->node),
		                "references lead back to this schema without end");
	if (depth == ENDLESS_DEPTH_MAX)
		return fault_at(fault, json_place(part->node),
		                "more than %d references lead from one to the next", depth);
	part->walk = UNDER_WAY;
	for (struct schema_clause *clause = part->clauses; good && clause != NULL;
	     clause = clause->next) {
		if (clause->keyword->check == schema_check_reference)
			good = walk(clause->part, depth + 1, fault);
		if (clause->keyword->check != schema_check_all)
			continue;
		for (size_t i = 0; good && i < clause->part_count; i++)
			good = walk(clause->parts[i], depth + 1, fault);
	}
	part->walk = ENDS;
	return good;
}

bool schema_reference_check_ends(struct schema_compiler *compiler, struct fault *fault)
{
	for (size_t i = 0; i < compiler->parts.room; i++) {
		struct schema_part *part = schema_map_at(&compiler->parts, i);
		if (part != NULL && !walk(part, 0, fault))
			return false;
	}
	return true;
}
