/*
 * The walk over schema and instance side by side, and the keywords that apply schemas.
 *
 * It recurses as deep as the instance and the schema's branches go, within a cap; every step
 * is paid from a budget, so that no pair of documents keeps us busy: then there is no answer.
 */
#include "cases/schema/schema_private.h"

#include <inttypes.h>

/* What starting a search costs, and how many bytes of the subject cost as much as one step. */
enum { PATTERN_STEPS = 10, SUBJECT_BYTES_A_STEP = 64 };

/* --- limits and errors --------------------------------------------------------------- */

bool schema_check_spend(struct schema_check *check, uint64_t work)
{
	if (check->limit || check->work_left < work) {
		check->limit = true;
		return false;
	}
	check->work_left -= work;
	return true;
}

bool schema_check_matches(struct schema_check *check, const struct regex *pattern,
                          struct text subject)
{
	if (!schema_check_spend(check, PATTERN_STEPS + subject.len / SUBJECT_BYTES_A_STEP))
		return false;
	enum regex_result result = regex_search_within(pattern, subject, &check->pattern_work_left);
	if (result == REGEX_LIMIT)
		check->limit = true;
	return result == REGEX_MATCH;
}

static void add_token(struct text_buf *out, struct text token)
{
	(void)text_buf_byte(out, '/');
	for (size_t i = 0; i < token.len; i++) {
		if (token.data[i] == '~')
			(void)text_buf_add(out, TEXT("~0"));
		else if (token.data[i] == '/')
			(void)text_buf_add(out, TEXT("~1"));
		else
			(void)text_buf_byte(out, token.data[i]);
	}
}

/* Both chains lead upwards, so they are turned round first. */
static struct text instance_pointer(const struct schema_check *check)
{
	const struct schema_step *steps[SCHEMA_CHECK_DEPTH_MAX + 1];
	struct text_buf out;
	size_t count = 0;

	text_buf_init(&out, SCHEMA_POINTER_MAX_BYTES);
	for (const struct schema_step *step = check->path; step != NULL; step = step->up)
		steps[count++] = step;
	while (count > 0) {
		const struct schema_step *step = steps[--count];
		if (step->item)
			(void)text_buf_format(&out, "/%" PRIu32, step->index);
		else
			add_token(&out, step->child->key);
	}
	struct text pointer = text_copy(check->arena, text_buf_view(&out));
	text_buf_done(&out);
	return pointer;
}

static struct text keyword_pointer(const struct schema_check *check, const struct schema_part *part,
                                   struct text keyword)
{
	const struct schema_part *parts[SCHEMA_COMPILE_DEPTH_MAX + 1];
	struct text_buf out;
	size_t count = 0;

	text_buf_init(&out, SCHEMA_POINTER_MAX_BYTES);
	for (; part->up != NULL && count < ARRAY_LENGTH(parts); part = part->up)
		parts[count++] = part;
	(void)text_buf_add(&out, part->place);
	while (count > 0) {
		part = parts[--count];
		add_token(&out, part->keyword);
		if (part->index >= 0)
			(void)text_buf_format(&out, "/%" PRId64, part->index);
		else if (part->index == SCHEMA_BY_KEY)
			add_token(&out, part->node->key);
	}
	if (keyword.data != NULL)
		add_token(&out, keyword);
	struct text pointer = text_copy(check->arena, text_buf_view(&out));
	text_buf_done(&out);
	return pointer;
}

static bool wants_error(const struct schema_check *check)
{
	return check->error != NULL && check->quiet == 0 && !check->failed && !check->limit;
}

bool schema_check_fail(struct schema_check *check, const struct schema_clause *clause,
                       const char *format, ...)
{
	va_list arguments;

	if (!wants_error(check))
		return false;
	check->failed = true;
	va_start(arguments, format);
	check->error->message = text_vformat(check->arena, format, arguments);
	va_end(arguments);
	check->error->instance = instance_pointer(check);
	check->error->keyword = keyword_pointer(check, clause->owner, clause->value->key);
	return false;
}

/* The schema `false`. */
static bool fail_never(struct schema_check *check, const struct schema_part *part)
{
	const char *what = "nothing is allowed here";

	if (!wants_error(check))
		return false;
	if (text_ends(part->keyword, TEXT("Properties")))
		what = "this property is not allowed";
	else if (text_ends(part->keyword, TEXT("tems")))
		what = "no item is allowed at this place";
	check->failed = true;
	check->error->message = text_of(what);
	check->error->instance = instance_pointer(check);
	check->error->keyword = keyword_pointer(check, part, (struct text){NULL, 0});
	return false;
}

/* --- the walk ---------------------------------------------------------------------------- */

static unsigned type_of(const struct json *instance)
{
	static const unsigned types[] = {
	    [JSON_NULL] = SCHEMA_NULL,     [JSON_BOOL] = SCHEMA_BOOLEAN,
	    [JSON_NUMBER] = SCHEMA_NUMBER, [JSON_STRING] = SCHEMA_STRING,
	    [JSON_ARRAY] = SCHEMA_ARRAY,   [JSON_OBJECT] = SCHEMA_OBJECT,
	};
	return types[instance->type];
}

static bool check_clauses(struct schema_check *check, const struct schema_part *part,
                          const struct json *instance, struct schema_marks *marks)
{
	unsigned type = type_of(instance);

	for (const struct schema_clause *clause = part->clauses; clause != NULL;
	     clause = clause->next) {
		if ((clause->keyword->instances & type) != 0 &&
		    !clause->keyword->check(check, clause, instance, marks))
			return false;
	}
	return true;
}

/* With marks of its own, handed up where the part holds. */
static bool check_marked(struct schema_check *check, const struct schema_part *part,
                         const struct json *instance, struct schema_marks *marks)
{
	struct schema_marks own;

	schema_marks_init(&own, instance);
	bool holds =
	    schema_check_spend(check, own.count) && check_clauses(check, part, instance, &own);
	if (holds)
		schema_marks_add(marks, &own);
	schema_marks_done(&own);
	return holds;
}

bool schema_check_part(struct schema_check *check, const struct schema_part *part,
                       const struct json *instance, struct schema_marks *marks)
{
	struct schema_scope scope = {check->scope, part->resource};

	if (!schema_check_spend(check, 1))
		return false;
	if (part->never)
		return fail_never(check, part);
	if (part->clauses == NULL)
		return true;
	if (check->depth == SCHEMA_CHECK_DEPTH_MAX) {
		check->limit = true;
		return false;
	}
	check->depth++;
	if (scope.outer == NULL || scope.outer->resource != part->resource)
		check->scope = &scope;
	bool holds = part->unevaluated ? check_marked(check, part, instance, marks)
	                               : check_clauses(check, part, instance, marks);
	check->scope = scope.outer;
	check->depth--;
	return holds && !check->limit;
}

/* A part that may fail without harm: what it marked counts only where it holds. */
static bool try_part(struct schema_check *check, const struct schema_part *part,
                     const struct json *instance, struct schema_marks *marks)
{
	struct schema_marks own;
	bool holds;

	check->quiet++;
	if (marks == NULL) {
		holds = schema_check_part(check, part, instance, NULL);
	} else {
		schema_marks_init(&own, instance);
		holds = schema_check_spend(check, own.count) &&
		        schema_check_part(check, part, instance, &own);
		if (holds)
			schema_marks_add(marks, &own);
		schema_marks_done(&own);
	}
	check->quiet--;
	return holds;
}

static bool check_child(struct schema_check *check, const struct schema_part *part,
                        const struct json *child, struct schema_step step)
{
	step.up = check->path;
	step.child = child;
	check->path = &step;
	bool holds = schema_check_part(check, part, child, NULL);
	check->path = step.up;
	return holds;
}

/* --- references --------------------------------------------------------------------------- */

bool schema_check_reference(struct schema_check *check, const struct schema_clause *clause,
                            const struct json *instance, struct schema_marks *marks)
{
	return schema_check_part(check, clause->part, instance, marks);
}

/* The outermost resource under way that has the anchor decides. */
bool schema_check_dynamic(struct schema_check *check, const struct schema_clause *clause,
                          const struct json *instance, struct schema_marks *marks)
{
	const struct schema_part *part = clause->part;

	if (clause->anchor.data == NULL)
		return schema_check_part(check, part, instance, marks);
	for (const struct schema_scope *scope = check->scope; scope != NULL; scope = scope->outer) {
		const struct schema_anchor *anchor = scope->resource->dynamic;
		for (; anchor != NULL; anchor = anchor->next) {
			if (!schema_check_spend(check, 1))
				return false;
			if (text_equal(anchor->name, clause->anchor))
				part = anchor->part;
		}
	}
	return schema_check_part(check, part, instance, marks);
}

/* --- all, any, one, not, if ------------------------------------------------------------------ */

bool schema_check_all(struct schema_check *check, const struct schema_clause *clause,
                      const struct json *instance, struct schema_marks *marks)
{
	for (size_t i = 0; i < clause->part_count; i++) {
		if (!schema_check_part(check, clause->parts[i], instance, marks))
			return false;
	}
	return true;
}

/* How many hold; not more than `enough` are looked for. */
static size_t count_holding(struct schema_check *check, const struct schema_clause *clause,
                            const struct json *instance, struct schema_marks *marks, size_t enough)
{
	size_t count = 0;

	for (size_t i = 0; i < clause->part_count && count < enough; i++)
		count += try_part(check, clause->parts[i], instance, marks);
	return count;
}

bool schema_check_any(struct schema_check *check, const struct schema_clause *clause,
                      const struct json *instance, struct schema_marks *marks)
{
	size_t enough = marks == NULL ? 1 : SIZE_MAX; /* each that holds marks */

	if (count_holding(check, clause, instance, marks, enough) > 0)
		return true;
	return schema_check_fail(check, clause, "this fits none of the %zu schemas of anyOf",
	                         clause->part_count);
}

bool schema_check_one(struct schema_check *check, const struct schema_clause *clause,
                      const struct json *instance, struct schema_marks *marks)
{
	size_t count = count_holding(check, clause, instance, marks, 2);

	if (count == 1)
		return true;
	return schema_check_fail(check, clause,
	                         count == 0 ? "this fits none of the %zu schemas of oneOf"
	                                    : "this fits more than one of the %zu schemas of oneOf",
	                         clause->part_count);
}

bool schema_check_not(struct schema_check *check, const struct schema_clause *clause,
                      const struct json *instance, struct schema_marks *marks UNUSED)
{
	if (try_part(check, clause->part, instance, NULL))
		return schema_check_fail(check, clause,
		                         "this fits the schema that it must not fit");
	return !check->limit;
}

bool schema_check_if(struct schema_check *check, const struct schema_clause *clause,
                     const struct json *instance, struct schema_marks *marks)
{
	bool holds = try_part(check, clause->part, instance, marks);
	const struct schema_part *part = holds ? clause->yes : clause->no;

	if (check->limit)
		return false;
	return part == NULL || schema_check_part(check, part, instance, marks);
}

/* --- objects -----------------------------------------------------------------------------------
 */

static const struct schema_part *find_property(const struct schema_clause *clause, struct text name)
{
	size_t low = 0, high = clause->named_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = text_compare(name, clause->named[middle].name);
		if (order == 0)
			return clause->named[middle].part;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* properties, patternProperties and additionalProperties, for one member. */
static bool check_member(struct schema_check *check, const struct schema_clause *clause,
                         const struct json *member, bool *seen)
{
	const struct schema_part *part = find_property(clause, member->key);
	struct schema_step step = {0};

	*seen = part != NULL;
	if (part != NULL && !check_child(check, part, member, step))
		return false;
	for (size_t i = 0; i < clause->pattern_count; i++) {
		const struct schema_named *named = &clause->patterns[i];
		if (!schema_check_matches(check, named->pattern, member->key)) {
			if (check->limit)
				return false;
			continue;
		}
		*seen = true;
		if (!check_child(check, named->part, member, step))
			return false;
	}
	if (*seen || clause->part == NULL)
		return true;
	*seen = true;
	return check_child(check, clause->part, member, step);
}

bool schema_check_properties(struct schema_check *check, const struct schema_clause *clause,
                             const struct json *instance, struct schema_marks *marks)
{
	uint32_t index = 0;

	JSON_EACH(member, instance)
	{
		bool seen;
		if (!schema_check_spend(check, 1) || !check_member(check, clause, member, &seen))
			return false;
		if (seen)
			schema_marks_set(marks, index);
		index++;
	}
	return true;
}

bool schema_check_names(struct schema_check *check, const struct schema_clause *clause,
                        const struct json *instance, struct schema_marks *marks UNUSED)
{
	JSON_EACH(member, instance)
	{
		struct json name = {
		    .type = JSON_STRING, .text = member->key, .source = member->source};
		name.key = member->key;
		if (!check_child(check, clause->part, &name, (struct schema_step){0}))
			return false;
	}
	return true;
}

bool schema_check_dependencies(struct schema_check *check, const struct schema_clause *clause,
                               const struct json *instance, struct schema_marks *marks)
{
	for (size_t i = 0; i < clause->named_count; i++) {
		const struct schema_named *named = &clause->named[i];
		if (!schema_check_spend(check, 1 + instance->count))
			return false;
		if (json_member_text(instance, named->name) == NULL)
			continue;
		if (named->part != NULL) {
			if (!schema_check_part(check, named->part, instance, marks))
				return false;
			continue;
		}
		JSON_EACH(name, named->required)
		{
			if (!schema_check_spend(check, 1 + instance->count))
				return false;
			if (json_member_text(instance, name->text) == NULL)
				return schema_check_fail(
				    check, clause, "\"%.*s\" is missing, which \"%.*s\" asks for",
				    TEXT_ARG(text_slice(name->text, 0, SCHEMA_SHOWN_BYTES)),
				    TEXT_ARG(text_slice(named->name, 0, SCHEMA_SHOWN_BYTES)));
		}
	}
	return true;
}

bool schema_check_unevaluated_properties(struct schema_check *check,
                                         const struct schema_clause *clause,
                                         const struct json *instance, struct schema_marks *marks)
{
	uint32_t index = 0;

	JSON_EACH(member, instance)
	{
		if (!schema_marks_has(marks, index)) {
			if (!check_child(check, clause->part, member, (struct schema_step){0}))
				return false;
			schema_marks_set(marks, index);
		}
		index++;
	}
	return true;
}

/* --- arrays
 * ---------------------------------------------------------------------------------------- */

static bool check_item(struct schema_check *check, const struct schema_part *part,
                       const struct json *item, uint32_t index)
{
	struct schema_step step = {.index = index, .item = true};

	return check_child(check, part, item, step);
}

/* prefixItems and items, or draft-07's items and additionalItems. */
bool schema_check_items(struct schema_check *check, const struct schema_clause *clause,
                        const struct json *instance, struct schema_marks *marks)
{
	uint32_t index = 0;

	JSON_EACH(item, instance)
	{
		const struct schema_part *part =
		    index < clause->part_count ? clause->parts[index] : clause->part;
		if (part == NULL)
			break;
		if (!check_item(check, part, item, index))
			return false;
		schema_marks_set(marks, index++);
	}
	return true;
}

bool schema_check_contains(struct schema_check *check, const struct schema_clause *clause,
                           const struct json *instance, struct schema_marks *marks)
{
	uint32_t index = 0;
	int64_t found = 0;

	JSON_EACH(item, instance)
	{
		if (marks == NULL && found >= clause->least && clause->most == INT64_MAX)
			break;
		check->quiet++;
		bool holds = check_item(check, clause->part, item, index);
		check->quiet--;
		if (check->limit)
			return false;
		if (holds) {
			schema_marks_set(marks, index);
			found++;
		}
		index++;
	}
	if (found < clause->least)
		return schema_check_fail(
		    check, clause,
		    "%" PRId64 " items fit the schema of contains; want %" PRId64 " or more", found,
		    clause->least);
	if (found > clause->most)
		return schema_check_fail(
		    check, clause,
		    "%" PRId64 " items fit the schema of contains; want %" PRId64 " at most", found,
		    clause->most);
	return true;
}

bool schema_check_unevaluated_items(struct schema_check *check, const struct schema_clause *clause,
                                    const struct json *instance, struct schema_marks *marks)
{
	uint32_t index = 0;

	JSON_EACH(item, instance)
	{
		if (!schema_marks_has(marks, index)) {
			if (!check_item(check, clause->part, item, index))
				return false;
			schema_marks_set(marks, index);
		}
		index++;
	}
	return true;
}
