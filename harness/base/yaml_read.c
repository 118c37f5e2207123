/*
 * YAML's events into JSON's nodes; see yaml.h. libyaml is asked for events only:
 * it expands nothing, and every limit is checked before a node is made.
 */
#include "harness/base/json_hash.h"
#include "harness/base/yaml_private.h"

struct anchor {
	struct anchor *older;
	struct text name;
	const struct json *node;
};

/* One open list or mapping. */
struct level {
	struct json *container;
	struct text key; /* of the value that comes next, in a mapping */
	bool has_key;
	bool flow;
	size_t least; /* spaces that a line going on within it begins with */
};

struct reader {
	yaml_parser_t parser;
	const struct source *source;
	const struct yaml_options *options;
	struct arena *arena;
	struct fault_list *warnings;
	struct fault *fault;
	struct yaml_cursor cursor;
	struct yaml_span span; /* of the event at hand */
	size_t gap_begin;      /* where the last event ended */
	struct level levels[YAML_MAX_DEPTH];
	unsigned depth;
	size_t nodes;
	size_t alias_nodes;
	size_t anchor_count;
	struct anchor *anchors; /* newest first: a name given again means the newer one */
	struct json *root;
	bool ended;
};

/* Where the event at hand begins. */
static struct place here(const struct reader *r)
{
	return (struct place){r->source, r->span.begin};
}

static struct level *top(struct reader *r)
{
	return r->depth == 0 ? NULL : &r->levels[r->depth - 1];
}

static bool in_flow(const struct reader *r)
{
	return r->depth != 0 && r->levels[r->depth - 1].flow;
}

static size_t least_spaces(const struct reader *r)
{
	return r->depth == 0 ? 0 : r->levels[r->depth - 1].least;
}

static bool wants_key(struct reader *r)
{
	const struct level *level = top(r);

	return level != NULL && level->container->type == JSON_OBJECT && !level->has_key;
}

/* A node at the event's place; NULL with a fault when there are too many. */
static struct json *make_node(struct reader *r, enum json_type type)
{
	struct place place = here(r);

	if (r->nodes++ == YAML_MAX_NODES) {
		(void)fault_at(r->fault, place, "more than %d values", YAML_MAX_NODES);
		return NULL;
	}
	struct json *node = ARENA_NEW(r->arena, struct json);
	node->source = r->source;
	node->type = (uint8_t)type;
	node->begin = (uint32_t)place.offset;
	node->end = (uint32_t)place.offset;
	return node;
}

/* Into the open list or mapping; what has no parent is the root. */
static void put(struct reader *r, struct json *node)
{
	struct level *level = top(r);

	if (level == NULL) {
		r->root = node;
	} else if (level->container->type == JSON_OBJECT) {
		json_append_member(level->container, level->key, node);
		level->has_key = false;
	} else {
		json_append(level->container, node);
	}
}

/* --- anchors and aliases --- */

static bool remember_anchor(struct reader *r, const yaml_char_t *name, const struct json *node)
{
	if (name == NULL)
		return true;
	if (!yaml_check_anchor(r->source, node->begin, (const char *)name, r->fault))
		return false;
	if (r->anchor_count++ == YAML_MAX_ANCHORS)
		return fault_at(r->fault, json_place(node), "more than %d anchors",
		                YAML_MAX_ANCHORS);
	struct anchor *anchor = ARENA_NEW(r->arena, struct anchor);
	anchor->name = text_copy(r->arena, text_of((const char *)name));
	anchor->node = node;
	anchor->older = r->anchors;
	r->anchors = anchor;
	return true;
}

/* Nodes below and with this one, counted a little past `limit`; `depth`: levels of lists and
 * mappings. */
static size_t count_nodes(const struct json *node, size_t limit, unsigned level, unsigned *depth)
{
	bool opens = node->type == JSON_ARRAY || node->type == JSON_OBJECT;
	size_t count = 1;

	if (opens && level + 1 > *depth)
		*depth = level + 1;
	JSON_EACH(child, node)
	{
		if (count > limit)
			break;
		count += count_nodes(child, limit - count, level + 1, depth);
	}
	return count;
}

static bool is_open(const struct reader *r, const struct json *node)
{
	for (unsigned i = 0; i < r->depth; i++)
		if (r->levels[i].container == node)
			return true;
	return false;
}

/* The alias as a copy of what its anchor names. Its places stay those of the anchor's text. */
static bool read_alias(struct reader *r, const yaml_event_t *event)
{
	struct place place = here(r);
	const char *name = (const char *)event->data.alias.anchor;
	const struct anchor *anchor = r->anchors;
	unsigned depth = 0;

	if (r->options == NULL || !r->options->aliases)
		return fault_at(r->fault, place,
		                "aliases are not allowed here; write the value out, or put it in "
		                "quotes");
	if (wants_key(r))
		return fault_at(r->fault, place, "an alias can't be a key");
	while (anchor != NULL && !text_is(anchor->name, name))
		anchor = anchor->older;
	if (anchor == NULL)
		return fault_at(r->fault, place, "no anchor &%s stands before this", name);
	if (is_open(r, anchor->node))
		return fault_at(r->fault, place, "the alias *%s stands within its own anchor",
		                name);
	size_t left = YAML_MAX_ALIAS_NODES - r->alias_nodes;
	size_t count = count_nodes(anchor->node, left, 0, &depth);
	if (count > left)
		return fault_at(r->fault, place, "aliases make more than %d values",
		                YAML_MAX_ALIAS_NODES);
	if (r->depth + depth > YAML_MAX_DEPTH)
		return fault_at(r->fault, place, "nested deeper than %d levels", YAML_MAX_DEPTH);
	r->alias_nodes += count;
	put(r, json_clone(r->arena, anchor->node));
	return true;
}

/* --- scalars --- */

/* A view into the source where it holds these bytes as they are, else a copy. */
static struct text keep_text(struct reader *r, const yaml_event_t *event, size_t begin)
{
	struct text value = {(const char *)event->data.scalar.value, event->data.scalar.length};
	bool quoted = event->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
	              event->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	size_t at = begin + (quoted ? 1 : 0);
	struct text written = text_slice(r->source->body, at, at + value.len);

	return text_equal(value, written) ? written : text_copy(r->arena, value);
}

static bool read_key(struct reader *r, const yaml_event_t *event)
{
	struct level *level = top(r);
	struct place place = here(r);
	const char *tag = (const char *)event->data.scalar.tag;
	struct text text = keep_text(r, event, place.offset);
	bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	REQUIRE(place.offset == 0 || r->source->body.data != NULL);
	/* libyaml takes the ? of {?x: 1} for the sign of a key, whatever stands behind it. */
	if (level->flow && place.offset > 0 && r->source->body.data[place.offset - 1] == '?')
		return fault_at(r->fault, (struct place){r->source, place.offset - 1},
		                "no key can start with '?' here; put it in quotes");
	if (plain && tag == NULL && text_is(text, "<<"))
		return fault_at(r->fault, place,
		                "merge keys (<<) are not part of YAML 1.2; write the members out");
	if (plain && text.len == 0)
		return fault_at(r->fault, place, "a key is missing before this ':'");
	if (tag != NULL && strcmp(tag, "!") != 0 && strcmp(yaml_tag_name(tag), "!!str") != 0)
		return fault_at(r->fault, place, "a key is a string; the tag %s does not fit it",
		                yaml_tag_name(tag));
	/* An anchor on a key is as harmless as one on a value. */
	if (event->data.scalar.anchor != NULL) {
		struct json *node = make_node(r, JSON_STRING);
		if (node == NULL)
			return false;
		node->text = text;
		if (!remember_anchor(r, event->data.scalar.anchor, node))
			return false;
	}
	level->key = text;
	level->has_key = true;
	return true;
}

/* What libyaml lets pass in the scalar's bytes. */
static bool check_scalar(struct reader *r, const yaml_event_t *event)
{
	yaml_scalar_style_t style = event->data.scalar.style;
	bool plain = style == YAML_PLAIN_SCALAR_STYLE;

	if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE)
		return yaml_check_block(r->source, r->span, least_spaces(r), r->fault);
	if (plain && in_flow(r) && event->data.scalar.length == 1 &&
	    event->data.scalar.value[0] == '-')
		return fault_at(r->fault, here(r), "a lone '-' between brackets wants quotes");
	return (plain && !in_flow(r)) ||
	       yaml_check_lines(r->source, r->span, least_spaces(r), r->fault);
}

static bool read_scalar(struct reader *r, const yaml_event_t *event)
{
	if (!check_scalar(r, event))
		return false;
	if (wants_key(r))
		return read_key(r, event);
	struct json *node = make_node(r, JSON_STRING);
	if (node == NULL)
		return false;
	struct yaml_scalar scalar = {
	    .text = keep_text(r, event, node->begin),
	    .tag = (const char *)event->data.scalar.tag,
	    .plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE,
	    .place = json_place(node),
	};
	node->end = (uint32_t)r->span.end;
	if (!yaml_resolve(&scalar, r->arena, node, r->warnings, r->fault))
		return false;
	if (!remember_anchor(r, event->data.scalar.anchor, node))
		return false;
	put(r, node);
	return true;
}

/* --- lists and mappings --- */

static bool check_container_tag(struct reader *r, const struct json *node, const yaml_char_t *tag)
{
	const char *name = (const char *)tag;
	const char *wanted = node->type == JSON_OBJECT ? "!!map" : "!!seq";

	if (name == NULL || strcmp(name, "!") == 0 || strcmp(yaml_tag_name(name), wanted) == 0)
		return true;
	return fault_at(r->fault, json_place(node), "the tag %s does not fit here; want %s or none",
	                yaml_tag_name(name), wanted);
}

static bool open_container(struct reader *r, const yaml_event_t *event, enum json_type type)
{
	bool list = type == JSON_ARRAY;
	const yaml_char_t *tag =
	    list ? event->data.sequence_start.tag : event->data.mapping_start.tag;
	const yaml_char_t *anchor =
	    list ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
	struct place place = here(r);

	if (wants_key(r))
		return fault_at(r->fault, place, "%s can't be a key; put it in quotes",
		                list ? "a list" : "a mapping");
	if (r->depth == YAML_MAX_DEPTH)
		return fault_at(r->fault, place, "nested deeper than %d levels", YAML_MAX_DEPTH);
	struct json *node = make_node(r, type);
	if (node == NULL || !check_container_tag(r, node, tag) || !remember_anchor(r, anchor, node))
		return false;
	put(r, node);
	bool flow = list ? event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
	                 : event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
	/* Behind an anchor or a tag the block's own column is not known: its parent's will do. */
	bool known = !flow && tag == NULL && anchor == NULL;
	size_t least = known ? event->start_mark.column + 1 : least_spaces(r);
	r->levels[r->depth++] = (struct level){.container = node, .flow = flow, .least = least};
	return true;
}

/* Names the second of two equal keys, and where the first stands. */
static bool fault_duplicate(const struct json *object, struct fault *fault)
{
	const struct json *second = object->first;
	const struct json *first = object->first;
	unsigned line;
	unsigned column;

	while (!second->duplicate)
		second = second->next;
	while (!text_equal(first->key, second->key))
		first = first->next;
	place_line_column(document_key_place(first), &line, &column);
	return fault_at(fault, document_key_place(second),
	                "the key \"%.*s\" stands here again; the first is at %u:%u",
	                TEXT_ARG(second->key), line, column);
}

static bool close_container(struct reader *r)
{
	struct level *level = top(r);

	REQUIRE(level != NULL); /* libyaml closes what it opened */
	struct json *node = level->container;
	/* A block ends with its last value; libyaml says so only when the next thing begins. */
	if (level->flow)
		node->end = (uint32_t)r->span.end;
	else if (node->last != NULL)
		node->end = node->last->end;
	node->end = node->end < node->begin ? node->begin : node->end;
	node->text = text_slice(r->source->body, node->begin, node->end);
	r->depth--;
	if (node->type == JSON_OBJECT)
		json_mark_duplicates(node);
	return !node->has_duplicate || fault_duplicate(node, r->fault);
}

/* --- the document --- */

static bool start_document(struct reader *r, const yaml_event_t *event)
{
	const yaml_version_directive_t *version = event->data.document_start.version_directive;
	struct place place = here(r);

	if (r->ended)
		return fault_at(r->fault, place,
		                "a second document starts here; one file holds one document");
	if (version != NULL && !yaml_check_version(r->source, place.offset, r->fault))
		return false;
	if (event->data.document_start.tag_directives.start !=
	    event->data.document_start.tag_directives.end)
		return fault_at(r->fault, place, "%%TAG has no use here: only core tags are read");
	if (version != NULL && version->minor == 1 && r->warnings != NULL)
		(void)fault_list_warn(r->warnings, place, "this is read as YAML 1.2, not 1.1");
	return true;
}

static bool read_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return start_document(r, event);
	case YAML_DOCUMENT_END_EVENT:
		r->ended = true;
		return true;
	case YAML_ALIAS_EVENT:
		return read_alias(r, event);
	case YAML_SCALAR_EVENT:
		return read_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_container(r, event, JSON_ARRAY);
	case YAML_MAPPING_START_EVENT:
		return open_container(r, event, JSON_OBJECT);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_container(r);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
		break;
	}
	return true;
}

/* Finds the event's bytes, and looks at those between the last event and it. */
static bool locate(struct reader *r, const yaml_event_t *event)
{
	r->span.begin = yaml_offset(&r->cursor, r->source, event->start_mark);
	r->span.end = yaml_offset(&r->cursor, r->source, event->end_mark);
	struct yaml_span gap = {r->gap_begin, r->span.begin};
	if (!yaml_check_gap(r->source, gap, in_flow(r), least_spaces(r), r->fault))
		return false;
	r->gap_begin = r->span.end > r->gap_begin ? r->span.end : r->gap_begin;
	return true;
}

static bool read_events(struct reader *r)
{
	yaml_event_t event;
	bool good = true;

	for (bool more = true; good && more;) {
		if (yaml_parser_parse(&r->parser, &event) == 0)
			return yaml_parser_fault(&r->parser, r->source, r->fault);
		good = locate(r, &event) && read_event(r, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	return good;
}

/*
 * libyaml compares each %TAG with all before it: 8 MB of them take minutes. One
 * or two are refused by start_document, which knows that they are directives.
 */
static bool check_directives(const struct source *source, struct fault *fault)
{
	enum { TAG_LINES_MAX = 16 };
	struct text body = source->body;
	struct text tag = TEXT("%TAG");
	size_t lines = 0;

	for (size_t at = text_find(body, tag, 1); at != TEXT_NOT_FOUND;
	     at = text_find(body, tag, at + tag.len)) {
		if (body.data[at - 1] != '\n' && body.data[at - 1] != '\r')
			continue;
		if (lines++ == TAG_LINES_MAX)
			return fault_at(fault, (struct place){source, at},
			                "more than %d lines begin with %%TAG", TAG_LINES_MAX);
	}
	return true;
}

/*
 * A last line of blanks alone belongs to a block scalar above it; libyaml reads
 * it rightly only where it ends with a line break.
 */
static struct text with_last_break(struct arena *arena, struct text body)
{
	size_t at = body.len;

	while (at > 0 && body.data[at - 1] == ' ')
		at--;
	if (at == body.len || at == 0 || (body.data[at - 1] != '\n' && body.data[at - 1] != '\r'))
		return body;
	return text_format(arena, "%.*s\n", TEXT_ARG(body));
}

bool yaml_read(const struct source *source, const struct yaml_options *options, struct arena *arena,
               struct json **root, struct fault_list *warnings, struct fault *fault)
{
	size_t bom = text_starts(source->body, TEXT("\xef\xbb\xbf")) ? 3 : 0;
	struct text body = text_slice(source->body, bom, source->body.len);

	if (source->body.len > YAML_MAX_BYTES)
		return fault_set(fault, FAULT_INPUT, "%.*s is larger than %d bytes",
		                 TEXT_ARG(source->name), YAML_MAX_BYTES);
	if (!yaml_check_bytes(source, fault) || !check_directives(source, fault))
		return false;
	struct reader *r = memory_new(sizeof(*r));
	r->source = source;
	r->options = options;
	r->arena = arena;
	r->warnings = warnings;
	r->fault = fault;
	r->cursor.offset = bom;
	REQUIRE(yaml_parser_initialize(&r->parser) == 1);
	body = with_last_break(arena, body);
	yaml_parser_set_input_string(
	    &r->parser, (const unsigned char *)(body.data == NULL ? "" : body.data), body.len);
	/* Said, not guessed: the BOM is gone, and no other encoding passed the check. */
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	bool good = read_events(r);
	yaml_parser_delete(&r->parser);
	if (good && r->root == NULL) { /* not even an empty document */
		r->root = json_new(arena, JSON_NULL);
		r->root->source = source;
	}
	if (good)
		*root = r->root;
	memory_free(r);
	return good;
}

/* --- either format --- */

struct place document_key_place(const struct json *member)
{
	struct place place = json_place(member);

	if (member == NULL || member->source == NULL || member->key.data == NULL)
		return place;
	struct text body = member->source->body;
	uintptr_t start = (uintptr_t)body.data;
	uintptr_t key = (uintptr_t)member->key.data;
	if (key < start || key - start >= body.len)
		return place;
	place.offset = (size_t)(key - start);
	size_t end = place.offset + member->key.len;
	if (place.offset > 0 && end < body.len &&
	    (body.data[end] == '"' || body.data[end] == '\'') &&
	    body.data[place.offset - 1] == body.data[end])
		place.offset--; /* a quoted key begins with its quote */
	return place;
}

static bool check_duplicates(const struct json *node, struct fault *fault)
{
	if (node->has_duplicate)
		return fault_duplicate(node, fault);
	JSON_EACH(child, node)
	{
		if (!check_duplicates(child, fault))
			return false;
	}
	return true;
}

bool document_read(const struct source *source, const struct yaml_options *options,
                   struct arena *arena, struct json **root, struct fault_list *warnings,
                   struct fault *fault)
{
	if (!text_ends(source->name, TEXT(".json")))
		return yaml_read(source, options, arena, root, warnings, fault);
	/* Depth is bounded by json_default_limits: the walk may recurse. */
	return json_read(source, NULL, arena, root, fault) && check_duplicates(*root, fault);
}
