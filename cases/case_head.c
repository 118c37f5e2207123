/* What a case says of itself, before its steps: id, kind, features, variants; see case_file.h. */
#include "cases/case_file.h"
#include "cases/case_keys.h"
#include "cases/feature.h"
#include "cases/rubric.h"

enum { USER_ID_MAX_BYTES = CASE_ID_BYTES - 1 };

static bool is_upper(char byte)
{
	return byte >= 'A' && byte <= 'Z';
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool is_lower(char byte)
{
	return byte >= 'a' && byte <= 'z';
}

/* TC-10 or TC-10.some_name */
static bool is_core_id(struct text id)
{
	if (id.len < 5 || id.len > USER_ID_MAX_BYTES || !is_upper(id.data[0]) ||
	    !is_upper(id.data[1]) || id.data[2] != '-' || !is_digit(id.data[3]) ||
	    !is_digit(id.data[4]))
		return false;
	if (id.len == 5)
		return true;
	for (size_t i = 6; i < id.len; i++)
		if (!is_lower(id.data[i]) && !is_digit(id.data[i]) && id.data[i] != '_')
			return false;
	return id.data[5] == '.' && id.len > 6;
}

static bool is_user_id(struct text id)
{
	if (id.len == 0 || id.len > USER_ID_MAX_BYTES)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char byte = id.data[i];
		if (!is_upper(byte) && !is_lower(byte) && !is_digit(byte) && byte != '.' &&
		    byte != '_' && byte != '-')
			return false;
	}
	return true;
}

static void check_id(const struct case_reader *reader, const struct case_keys *keys)
{
	const struct json *node = json_member(keys->node, "id");

	if (!json_is(node, JSON_STRING)) /* said already */
		return;
	if (reader->core ? is_core_id(keys->id) : is_user_id(keys->id))
		return;
	fault_list_at(reader->faults, json_place(node), "the id is \"%.*s\"; want %s",
	              TEXT_ARG(text_slice(keys->id, 0, CASE_ID_BYTES)),
	              reader->core ? "one like TC-10 or TC-10.some_name"
	                           : "1 to 63 letters, digits, dots, dashes and underscores");
}

static void check_vouches(const struct case_reader *reader, const struct case_keys *keys)
{
	const struct json *node = json_member(keys->node, "vouches");
	const struct json *item = json_is(node, JSON_ARRAY) ? node->first : node;
	size_t known = 0;

	while (feature_names[known] != NULL)
		known++;
	for (size_t i = 0; i < keys->vouches.count && item != NULL; i++, item = item->next) {
		struct text name = keys->vouches.items[i];
		if (name.data == NULL || feature_is_known(name)) /* none: said already */
			continue;
		const char *nearest = text_nearest(name, feature_names, known);
		if (!fault_list_at(reader->faults, json_place(item),
		                   "no feature is called '%.*s'%s%s%s", TEXT_ARG(name),
		                   nearest == NULL ? "" : " (did you mean '",
		                   nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?)"))
			return;
	}
}

static void read_variants(const struct case_reader *reader, const struct case_keys *keys,
                          struct eval_case *out)
{
	if (keys->variants.count == 0) {
		out->variants[CASE_SYNC] = true;
		return;
	}
	for (size_t i = 0; i < keys->variants.count; i++) {
		struct text name = keys->variants.items[i];
		if (text_is(name, case_variant_names[CASE_SYNC]))
			out->variants[CASE_SYNC] = true;
		else if (text_is(name, case_variant_names[CASE_STREAM]))
			out->variants[CASE_STREAM] = true;
		else
			fault_list_at(
			    reader->faults, json_place(json_member(keys->node, "variants")),
			    "there is no variant '%.*s'; want sync or stream", TEXT_ARG(name));
	}
}

static void read_needs(const struct case_reader *reader, const struct case_keys *keys,
                       struct eval_case *out)
{
	for (size_t i = 0; i < keys->needs.count; i++) {
		if (text_is(keys->needs.items[i], "context"))
			out->needs |= CASE_NEEDS_CONTEXT;
		else if (text_is(keys->needs.items[i], "reference_tokens"))
			out->needs |= CASE_NEEDS_REFERENCE;
		else if (text_is(keys->needs.items[i], "identity"))
			out->needs |= CASE_NEEDS_IDENTITY;
		else if (text_is(keys->needs.items[i], "price"))
			out->needs |= CASE_NEEDS_PRICE;
		else if (!fault_list_at(reader->faults,
		                        json_place(json_member(keys->node, "needs")),
		                        "no need is called '%.*s'; want context, "
		                        "reference_tokens, identity or price",
		                        TEXT_ARG(keys->needs.items[i])))
			return;
	}
}

static void read_critical(const struct case_reader *reader, const struct case_keys *keys,
                          struct eval_case *out)
{
	out->critical = keys->critical;
	if (out->critical && out->class_ != CASE_STOCHASTIC)
		fault_list_at(reader->faults, json_place(json_member(keys->node, "critical")),
		              "only a stochastic case has a rate to be critical about");
}

/*
 * A task is asked of everybody and held against nobody: what it tells is a rate. So much is said by
 * its kind; a case without one has to say it itself.
 */
static void read_kind(const struct case_reader *reader, const struct case_keys *keys,
                      struct eval_case *out)
{
	const struct json *node = keys->node;

	out->kind = (enum case_kind)keys->kind;
	out->class_ = keys->class_ < 0 ? CASE_STOCHASTIC : (enum case_class)keys->class_;
	out->severity = keys->severity < 0 ? CASE_ADVISORY : (enum case_severity)keys->severity;
	if (out->kind == CASE_KIND_NONE) {
		if (keys->class_ < 0 && json_member(node, "class") == NULL)
			fault_list_at(reader->faults, json_place(node), "this case has no 'class'");
		if (keys->severity < 0 && json_member(node, "severity") == NULL)
			fault_list_at(reader->faults, json_place(node),
			              "this case has no 'severity'");
		return;
	}
	if (out->class_ != CASE_STOCHASTIC)
		fault_list_at(reader->faults, json_place(json_member(node, "class")),
		              "a task of a kind is stochastic");
	if (out->severity != CASE_ADVISORY)
		fault_list_at(reader->faults, json_place(json_member(node, "severity")),
		              "a task of a kind gates nothing: its severity is advisory");
	if (out->vouches.count > 0)
		fault_list_at(reader->faults, json_place(json_member(node, "vouches")),
		              "a task of a kind vouches for nothing: quality is no gate");
}

/* What a judge model says gates nothing: it is only for what gates nothing anyway. */
static void read_rubric(const struct case_reader *reader, const struct case_keys *keys,
                        struct eval_case *out)
{
	struct place place = json_place(json_member(keys->node, "rubric"));

	out->rubric = keys->rubric;
	if (out->rubric.data == NULL)
		return;
	if (out->kind == CASE_KIND_NONE)
		fault_list_at(reader->faults, place,
		              "only a task of a kind has a rubric: a judge model decides no gate");
	if (text_trim(out->rubric).len == 0 || out->rubric.len > RUBRIC_MAX_BYTES)
		fault_list_at(reader->faults, place, "want a rubric of 1 to %d bytes",
		              RUBRIC_MAX_BYTES);
	if (text_find(out->rubric, TEXT("{{"), 0) != TEXT_NOT_FOUND)
		fault_list_at(reader->faults, place,
		              "nothing is filled into a rubric but columns of rows");
}

void case_read_head(const struct case_reader *reader, const struct case_keys *keys,
                    struct eval_case *out)
{
	out->id = keys->id;
	out->title = keys->title;
	out->vouches = keys->vouches;
	out->source = keys->source;
	out->like = keys->like;
	out->own = !reader->core;
	out->min_context = keys->min_context;
	if (out->min_context > 0)
		out->needs |= CASE_NEEDS_CONTEXT;
	check_id(reader, keys);
	check_vouches(reader, keys);
	read_kind(reader, keys, out);
	read_rubric(reader, keys, out);
	read_variants(reader, keys, out);
	read_needs(reader, keys, out);
	read_critical(reader, keys, out);
}
