/*
 * One line of a journal, written and read by one table of members.
 *
 * What is unknown is left out: a text without data, a count of -1, a bool that is false.
 */
#include "harness/run/runner/journal_private.h"

#include "harness/base/loop.h"

enum {
	JOURNAL_VERSION = 1,
	JOURNAL_MAX_NUMBER = 1 << 30,
};

enum member_type {
	MEMBER_TEXT,     /* struct text */
	MEMBER_NUMBER,   /* int64_t up to JOURNAL_MAX_NUMBER: there is always one more */
	MEMBER_COUNT,    /* int64_t, -1: unknown */
	MEMBER_BOOL,     /* bool */
	MEMBER_TIME,     /* int64_t wall_ms */
	MEMBER_OUTCOME,  /* enum outcome */
	MEMBER_REPAIRED, /* the same, where there are repairs */
	MEMBER_REPAIRS,  /* struct text, names of repairs */
};

struct member {
	const char *name;
	enum member_type type;
	size_t offset;
	bool required;
};

/* clang-format off */
#define MEMBER(name, type, field, required) \
	{name, type, offsetof(struct journal_attempt, field), required}
static const struct member members[] = {
	MEMBER("target", MEMBER_TEXT, target, true),
	MEMBER("case", MEMBER_TEXT, case_id, true),
	MEMBER("variant", MEMBER_TEXT, variant, true),
	MEMBER("case_hash", MEMBER_TEXT, case_hash, true),
	MEMBER("control", MEMBER_TEXT, control, false),
	MEMBER("trial", MEMBER_NUMBER, trial, true),
	MEMBER("step", MEMBER_NUMBER, step, true),
	MEMBER("attempt", MEMBER_NUMBER, attempt, true),
	MEMBER("outcome", MEMBER_OUTCOME, outcome, true),
	MEMBER("ends_trial", MEMBER_BOOL, ends_trial, false),
	MEMBER("skipped", MEMBER_BOOL, skipped, false),
	MEMBER("uncarried", MEMBER_BOOL, uncarried, false),
	MEMBER("owner", MEMBER_BOOL, owner, false),
	MEMBER("at", MEMBER_TIME, at_wall_ms, true),
	MEMBER("end", MEMBER_TEXT, end, false),
	MEMBER("status", MEMBER_COUNT, status, false),
	MEMBER("detail", MEMBER_TEXT, detail, false),
	MEMBER("fates", MEMBER_TEXT, fates, false),
	MEMBER("score_ppm", MEMBER_COUNT, score_ppm, false),
	MEMBER("repairs", MEMBER_REPAIRS, repairs, false),
	MEMBER("repaired", MEMBER_REPAIRED, repaired, false),
	MEMBER("mended", MEMBER_REPAIRS, mended, false),
	MEMBER("mendable", MEMBER_REPAIRS, mendable, false),
	MEMBER("evidence", MEMBER_TEXT, evidence, false),
	MEMBER("reported_model", MEMBER_TEXT, reported_model, false),
	MEMBER("served_by", MEMBER_TEXT, served_by, false),
	MEMBER("prompt_tokens", MEMBER_COUNT, prompt_tokens, false),
	MEMBER("cached_tokens", MEMBER_COUNT, cached_tokens, false),
	MEMBER("completion_tokens", MEMBER_COUNT, completion_tokens, false),
	MEMBER("reasoning_tokens", MEMBER_COUNT, reasoning_tokens, false),
	MEMBER("usage_source", MEMBER_TEXT, usage_source, false),
	MEMBER("cost_pico_usd", MEMBER_COUNT, cost_pico_usd, false),
	MEMBER("cost_source", MEMBER_TEXT, cost_source, false),
	MEMBER("price_version", MEMBER_TEXT, price_version, false),
	MEMBER("computed_cost_pico_usd", MEMBER_COUNT, computed_cost_pico_usd, false),
	MEMBER("ttft_us", MEMBER_COUNT, ttft_us, false),
	MEMBER("latency_us", MEMBER_COUNT, latency_us, false),
};
/* clang-format on */

void journal_copy_attempt(const struct journal_attempt *attempt, struct arena *arena,
                          struct journal_attempt *out)
{
	*out = *attempt;
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		struct text *text = (struct text *)(void *)((char *)out + members[i].offset);
		if ((members[i].type == MEMBER_TEXT || members[i].type == MEMBER_REPAIRS) &&
		    text->data != NULL)
			*text = text_copy(arena, *text);
	}
}

/* --- writing --- */

static void write_time(struct json_writer *writer, const char *name, int64_t wall_ms,
                       struct arena *arena)
{
	json_write_member(writer, name, wall_format(arena, wall_ms, true));
}

static void write_member(struct json_writer *writer, const struct member *member,
                         const struct journal_attempt *attempt, struct arena *arena)
{
	const void *field = (const char *)attempt + member->offset;

	switch (member->type) {
	case MEMBER_TEXT:
	case MEMBER_REPAIRS:
		if (((const struct text *)field)->data != NULL)
			json_write_member(writer, member->name, *(const struct text *)field);
		break;
	case MEMBER_NUMBER:
	case MEMBER_COUNT:
		if (*(const int64_t *)field >= 0)
			json_write_member_int(writer, member->name, *(const int64_t *)field);
		break;
	case MEMBER_BOOL:
		if (*(const bool *)field)
			json_write_member_bool(writer, member->name, true);
		break;
	case MEMBER_TIME:
		write_time(writer, member->name, *(const int64_t *)field, arena);
		break;
	case MEMBER_REPAIRED:
	case MEMBER_OUTCOME:
		if (member->type == MEMBER_OUTCOME || attempt->repairs.data != NULL)
			json_write_member_c(writer, member->name,
			                    outcome_name(*(const enum outcome *)field));
		break;
	}
}

void journal_write_attempt(const struct journal_attempt *attempt, struct arena *arena,
                           struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		write_member(&writer, &members[i], attempt, arena);
	json_write_object_end(&writer);
	(void)text_buf_byte(out, '\n');
}

/* What a verdict may rest on, beside the context window. */
static void write_facts(struct json_writer *writer, const struct journal_target *target,
                        struct arena *arena)
{
	const struct json *prices = price_keep(target->prices, arena);

	if (prices != NULL) {
		json_write_key(writer, "prices");
		json_write_node(writer, prices);
	}
	if (target->reference_tokens > 0)
		json_write_member_int(writer, "reference_tokens", target->reference_tokens);
	if (target->identity.data != NULL)
		json_write_member(writer, "identity", target->identity);
	if (target->hours.data != NULL)
		json_write_member(writer, "hours", target->hours);
	if (target->aliases.count == 0)
		return;
	json_write_key(writer, "aliases");
	json_write_array(writer);
	for (size_t i = 0; i < target->aliases.count; i++)
		json_write_string(writer, target->aliases.items[i]);
	json_write_array_end(writer);
}

void journal_write_head(const struct journal_head *head, struct arena *arena, struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member_int(&writer, "proviso", JOURNAL_VERSION);
	json_write_member(&writer, "run", head->run_id);
	json_write_member(&writer, "suite", head->suite_hash);
	json_write_member(&writer, "seed", head->seed);
	json_write_member(&writer, "version", head->version);
	write_time(&writer, "started_at", head->started_wall_ms, arena);
	json_write_key(&writer, "targets");
	json_write_array(&writer);
	for (size_t i = 0; i < head->target_count; i++) {
		json_write_object(&writer);
		json_write_member(&writer, "target", head->targets[i].name);
		json_write_member(&writer, "dialect", head->targets[i].dialect);
		if (head->targets[i].context >= 0)
			json_write_member_int(&writer, "context", head->targets[i].context);
		if (head->targets[i].max_output >= 0)
			json_write_member_int(&writer, "max_output", head->targets[i].max_output);
		write_facts(&writer, &head->targets[i], arena);
		json_write_object_end(&writer);
	}
	json_write_array_end(&writer);
	if (head->options != NULL) {
		json_write_key(&writer, "options");
		json_write_node(&writer, head->options);
	}
	json_write_object_end(&writer);
	(void)text_buf_byte(out, '\n');
}

/* --- reading --- */

static bool wants(const struct json *node, const char *name, const char *want, struct fault *fault)
{
	return fault_at(fault, json_place(node), "%s is %s; want %s", name, json_type_name(node),
	                want);
}

static bool read_time(const struct json *node, const char *name, int64_t *out, struct fault *fault)
{
	if (json_is(node, JSON_STRING) && wall_parse(node->text, out))
		return true;
	return wants(node, name, "a time like 2026-11-21T10:00:00Z", fault);
}

static bool read_repairs(const struct json *node, const char *name, struct text *out,
                         struct fault *fault)
{
	repair_bits bits;
	struct text bad;

	if (!json_is(node, JSON_STRING) || node->text.len == 0)
		return wants(node, name, "names of repairs", fault);
	if (!repair_bits_from_names(node->text, &bits, &bad))
		return fault_at(fault, json_place(node), "there is no repair \"%.*s\"",
		                TEXT_ARG(bad));
	*out = node->text;
	return true;
}

static bool read_member(const struct json *node, const struct member *member, void *attempt,
                        struct fault *fault)
{
	void *field = (char *)attempt + member->offset;

	switch (member->type) {
	case MEMBER_TEXT:
		if (!json_is(node, JSON_STRING))
			return wants(node, member->name, "a string", fault);
		*(struct text *)field = node->text;
		return true;
	case MEMBER_NUMBER:
		return json_node_integer(node, 0, JOURNAL_MAX_NUMBER, field) ||
		       wants(node, member->name, "a whole number that a run can reach", fault);
	case MEMBER_COUNT:
		return json_node_integer(node, 0, INT64_MAX, field) ||
		       wants(node, member->name, "a whole number of at least 0", fault);
	case MEMBER_BOOL:
		if (!json_is(node, JSON_BOOL))
			return wants(node, member->name, "true or false", fault);
		*(bool *)field = node->truth;
		return true;
	case MEMBER_TIME:
		return read_time(node, member->name, field, fault);
	case MEMBER_REPAIRS:
		return read_repairs(node, member->name, field, fault);
	case MEMBER_REPAIRED:
	case MEMBER_OUTCOME:
		return (json_is(node, JSON_STRING) && outcome_from_name(node->text, field)) ||
		       wants(node, member->name, "ok, miss, violation ...", fault);
	}
	return false;
}

/* The row of that name; lines are written in the table's order, so `likely` is nearly always it. */
static size_t find_member(struct text name, size_t likely)
{
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		size_t at = (likely + i) % ARRAY_LENGTH(members);
		if (text_is(name, members[at].name))
			return at;
	}
	return ARRAY_LENGTH(members);
}

static size_t repaired_at(void)
{
	return find_member(TEXT("repaired"), 0);
}

bool journal_attempt_from(const struct json *node, struct journal_attempt *out, struct fault *fault)
{
	uint64_t seen = 0;
	size_t next = 0;

	_Static_assert(ARRAY_LENGTH(members) <= 64, "one bit a member");
	*out = (struct journal_attempt){0};
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		if (members[i].type == MEMBER_COUNT)
			*(int64_t *)(void *)((char *)out + members[i].offset) = -1;
	if (!json_is(node, JSON_OBJECT))
		return wants(node, "an attempt", "an object", fault);
	JSON_EACH(child, node)
	{
		size_t at = find_member(child->key, next);
		if (at == ARRAY_LENGTH(members))
			return fault_at(fault, json_place(child), "unknown member \"%.*s\"",
			                TEXT_ARG(child->key));
		if ((seen & UINT64_C(1) << at) != 0)
			return fault_at(fault, json_place(child), "\"%s\" stands twice",
			                members[at].name);
		if (!read_member(child, &members[at], out, fault))
			return false;
		seen |= UINT64_C(1) << at;
		next = at + 1;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		if (members[i].required && (seen & UINT64_C(1) << i) == 0)
			return fault_at(fault, json_place(node), "this attempt has no \"%s\"",
			                members[i].name);
	if ((out->repairs.data != NULL) != ((seen & UINT64_C(1) << repaired_at()) != 0))
		return fault_at(fault, json_place(node),
		                "\"repairs\" and \"repaired\" stand together or not at all");
	return true;
}

static bool read_tokens(const struct json *node, const char *name, int64_t *out,
                        struct fault *fault)
{
	return json_member(node, name) == NULL || json_integer(node, name, 0, INT64_MAX, out) ||
	       wants(json_member(node, name), name, "a number of tokens", fault);
}

static bool read_aliases(const struct json *node, struct arena *arena, struct text_list *out,
                         struct fault *fault)
{
	if (node == NULL)
		return true;
	if (!json_is(node, JSON_ARRAY))
		return wants(node, "aliases", "a list of names", fault);
	out->items = ARENA_NEW_ARRAY(arena, struct text, node->count);
	JSON_EACH(alias, node)
	{
		if (!json_is(alias, JSON_STRING))
			return wants(alias, "aliases", "a list of names", fault);
		out->items[out->count++] = alias->text;
	}
	return true;
}

static bool read_prices(const struct json *node, struct arena *arena, const struct price **out,
                        struct fault *fault)
{
	struct price *prices;

	if (node == NULL)
		return true;
	prices = ARENA_NEW(arena, struct price);
	*out = prices;
	return price_recall(node, arena, prices, fault);
}

static bool read_target(const struct json *node, struct arena *arena, struct journal_target *out,
                        struct fault *fault)
{
	out->name = json_string(node, "target");
	out->dialect = json_string(node, "dialect");
	*out = (struct journal_target){
	    .name = out->name, .dialect = out->dialect, .context = -1, .max_output = -1};
	if (out->name.data == NULL || out->dialect.data == NULL)
		return fault_at(fault, json_place(node), "a target needs a name and a dialect");
	out->identity = json_string(node, "identity");
	out->hours = json_string(node, "hours");
	if (!read_aliases(json_member(node, "aliases"), arena, &out->aliases, fault) ||
	    !read_prices(json_member(node, "prices"), arena, &out->prices, fault))
		return false;
	return read_tokens(node, "context", &out->context, fault) &&
	       read_tokens(node, "max_output", &out->max_output, fault) &&
	       read_tokens(node, "reference_tokens", &out->reference_tokens, fault);
}

bool journal_head_from(const struct json *node, struct arena *arena, struct journal_head *out,
                       struct fault *fault)
{
	int64_t version;
	const struct json *targets = json_member(node, "targets");

	if (!json_integer(node, "proviso", 0, INT64_MAX, &version))
		return fault_at(fault, json_place(node), "this is no journal of a run");
	if (version != JOURNAL_VERSION)
		return fault_at(fault, json_place(json_member(node, "proviso")),
		                "a journal of version %lld; this program reads version %d",
		                (long long)version, JOURNAL_VERSION);
	*out = (struct journal_head){
	    .run_id = json_string(node, "run"),
	    .suite_hash = json_string(node, "suite"),
	    .seed = json_string(node, "seed"),
	    .version = json_string(node, "version"),
	    .options = json_member(node, "options"),
	};
	if (out->run_id.data == NULL || out->suite_hash.data == NULL || out->seed.data == NULL)
		return fault_at(fault, json_place(node),
		                "the head of the journal lacks run, suite or seed");
	if (!read_time(json_member(node, "started_at"), "started_at", &out->started_wall_ms, fault))
		return false;
	if (!json_is(targets, JSON_ARRAY))
		return wants(targets == NULL ? node : targets, "targets", "a list", fault);
	out->targets = ARENA_NEW_ARRAY(arena, struct journal_target, targets->count);
	JSON_EACH(target, targets)
	if (!read_target(target, arena, &out->targets[out->target_count++], fault))
		return false;
	return true;
}
