/* A block of expectations: reading its parts and judging them in order; see expect.h. */
#include "cases/expect/expect.h"

#include "cases/expect/expect_private.h"

enum {
	CHOICE_MAX = CHAT_MAX_CHOICES - 1,
	FINDING_MAX_BYTES = 2000, /* a finding is a sentence */
};

/* --- findings --------------------------------------------------------------------------- */

static void PRINTF_LIKE(4, 0)
    add_finding(struct findings *findings, struct arena *arena, enum finding_kind kind,
                const char *format, va_list arguments)
{
	if (kind > findings->gravest)
		findings->gravest = kind;
	if (findings->count == FINDINGS_MAX) {
		findings->dropped++;
		return;
	}
	struct text text = text_vformat(arena, format, arguments);
	findings->items[findings->count++] =
	    (struct finding){kind, text_slice(text, 0, FINDING_MAX_BYTES)};
}

void judge(const struct judgement *judgement, enum finding_kind kind, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_finding(judgement->findings, judgement->arena, kind, format, arguments);
	va_end(arguments);
}

struct text shown(const struct judgement *judgement, struct text value)
{
	return text_visible(judgement->arena, value, EXPECT_SHOWN_COLUMNS);
}

void expect_add_fate(const struct judgement *judgement, struct text said)
{
	struct text *fates = &judgement->findings->fates;

	*fates = fates->len == 0 ? said
	                         : text_format(judgement->arena, "%.*s, %.*s", TEXT_ARG(*fates),
	                                       TEXT_ARG(said));
}

bool expect_fill(const struct judgement *judgement, struct text template_text, struct text *out)
{
	struct fault fault;

	if (template_fill_text(template_text, judgement->seen->values, judgement->arena, out,
	                       &fault))
		return true;
	judge(judgement, FINDING_HARNESS, "the expectation can't be filled: %s", fault.message);
	return false;
}

/* --- reading ---------------------------------------------------------------------------- */

bool expect_fault(struct expect_reader *reader, const struct json *node, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	struct text message = text_vformat(reader->arena, format, arguments);
	va_end(arguments);
	fault_list_at(reader->faults, json_place(node), "%.*s", TEXT_ARG(message));
	return false;
}

const struct json *expect_first(const struct json *node)
{
	return json_is(node, JSON_ARRAY) ? node->first : node;
}

const struct json *expect_next(const struct json *node, const struct json *item)
{
	return json_is(node, JSON_ARRAY) ? item->next : NULL;
}

struct block_keys {
	const struct json *status, *headers, *content, *reasoning, *refusal, *tool_calls, *usage;
	const struct json *wire, *error, *pointers, *fate, *any_of, *same, *incremental;
	const struct json *embeddings, *group, *speed, *occasion, *grade, *pass;
	const struct json *times;
	int64_t first_delta_ms, gap_ms;
	struct text_list finish_reasons;
	int64_t choices, choice;
	bool distinct_ids, same_model, fresh_id, lists_model;
	int identity;
	bool steady_hours;
};

static const char *const identity_names[] = {"unasked", "record", "unchanged", NULL};

/* clang-format off */
#define ROW(key, kind, field, about) \
	{.name = key, .type = kind, .offset = offsetof(struct block_keys, field), .doc = about}
static const struct setting block_rows[] = {
	ROW("status", SETTING_NODE, status, "200 (default), a list, or a range like 4xx"),
	ROW("headers", SETTING_NODE, headers, "header names with a value or /pattern/"),
	ROW("content", SETTING_NODE, content, "what the text must be"),
	ROW("reasoning", SETTING_NODE, reasoning, "what the thoughts must be"),
	ROW("refusal", SETTING_NODE, refusal, "what the refusal must be"),
	ROW("finish_reason", SETTING_TEXTS, finish_reasons, "one of these"),
	ROW("tool_calls", SETTING_NODE, tool_calls, "none, a list, or {min, max, names, schema}"),
	ROW("usage", SETTING_NODE, usage, "bounds of the token counts"),
	ROW("wire", SETTING_NODE, wire, "rules of the wire that must be exercised and hold"),
	ROW("error", SETTING_NODE, error, "what the error must say"),
	ROW("json", SETTING_NODE, pointers, "pointers into the raw body"),
	ROW("fate", SETTING_NODE, fate, "whether a parameter is honoured, refused or ignored"),
	ROW("any_of", SETTING_NODE, any_of, "blocks of which one must hold"),
	ROW("same", SETTING_NODE, same, "what must be as in an earlier step"),
	ROW("embeddings", SETTING_NODE, embeddings, "what the vectors must be"),
	ROW("incremental", SETTING_NODE, incremental, "how the stream must arrive"),
	ROW("speed", SETTING_NODE, speed, "how fast a long stream must come"),
	ROW("grade", SETTING_NODE, grade, "how good the answer is, as a score from 0 to 1"),
	ROW("pass", SETTING_NODE, pass, "the score from which on it passes (default 1)"),
	ROW("times", SETTING_NODE, times, "by how much an earlier step may have taken longer"),
	ROW("group", SETTING_NODE, group, "what must hold of all copies asked at_once"),
	ROW("first_delta", SETTING_DURATION, first_delta_ms, "the first text came within this"),
	ROW("gap", SETTING_DURATION, gap_ms, "between two pieces of a stream, at most"),
	ROW("occasion", SETTING_NODE, occasion, "answers that must come for it to be judged"),
	ROW("distinct_ids", SETTING_BOOL, distinct_ids, "tool call ids differ and are not empty"),
	ROW("same_model", SETTING_BOOL, same_model, "the model that was asked answered"),
	ROW("lists_model", SETTING_BOOL, lists_model, "the model that is asked is on the list"),
	{.name = "steady_hours", .type = SETTING_BOOL, .offset = offsetof(struct block_keys, steady_hours),
	 .doc = "it takes about as long at other times of day"},
	{.name = "identity", .type = SETTING_ENUM, .offset = offsetof(struct block_keys, identity),
	 .names = identity_names, .doc = "record or unchanged: prompt tokens of all steps, fingerprint"},
	ROW("fresh_id", SETTING_BOOL, fresh_id, "no earlier step's reply had its id"),
	{.name = "choices", .type = SETTING_INT, .offset = offsetof(struct block_keys, choices),
	 .min = 0, .max = CHAT_MAX_CHOICES, .doc = "how many choices there are"},
	{.name = "choice", .type = SETTING_INT, .offset = offsetof(struct block_keys, choice),
	 .min = 0, .max = CHOICE_MAX, .doc = "whose content and calls are meant (default 0)"},
};
#undef ROW
/* clang-format on */

static const struct setting_table block_table = {
    .what = "expectation",
    .rows = block_rows,
    .count = ARRAY_LENGTH(block_rows),
};

static bool read_any_of(struct expect_reader *reader, const struct json *node,
                        struct expectation *out)
{
	bool good = true;

	if (!json_is(node, JSON_ARRAY) || node->count < 2)
		return expect_fault(reader, node, "any_of wants a list of at least two blocks");
	out->any_of = ARENA_NEW_ARRAY(reader->arena, struct expectation *, node->count);
	JSON_EACH(block, node)
	{
		if (!expect_read_block(reader, block, &out->any_of[out->any_of_count]))
			good = false;
		else
			out->any_of_count++;
	}
	return good;
}

/* The families that have one member of the block each. */
static bool read_families(struct expect_reader *reader, const struct block_keys *keys,
                          struct expectation *out)
{
	bool good = true;

	if (keys->status != NULL)
		good &= expect_read_status(reader, keys->status, out);
	if (keys->headers != NULL)
		good &= expect_read_headers(reader, keys->headers, &out->headers);
	if (keys->content != NULL)
		good &= expect_read_text(reader, keys->content, &out->content);
	if (keys->reasoning != NULL)
		good &= expect_read_text(reader, keys->reasoning, &out->reasoning);
	if (keys->refusal != NULL)
		good &= expect_read_text(reader, keys->refusal, &out->refusal);
	if (keys->tool_calls != NULL)
		good &= expect_read_calls(reader, keys->tool_calls, &out->calls);
	if (keys->usage != NULL)
		good &= expect_read_usage(reader, keys->usage, &out->usage);
	if (keys->wire != NULL)
		good &= expect_read_rules(reader, keys->wire, out);
	if (keys->error != NULL)
		good &= expect_read_error(reader, keys->error, &out->error);
	if (keys->pointers != NULL)
		good &= expect_read_pointers(reader, keys->pointers, &out->pointers);
	if (keys->fate != NULL)
		good &= expect_read_fates(reader, keys->fate, &out->fates);
	if (keys->any_of != NULL)
		good &= read_any_of(reader, keys->any_of, out);
	if (keys->same != NULL)
		good &= expect_read_same(reader, keys->same, &out->same);
	if (keys->embeddings != NULL)
		good &= expect_read_embeddings(reader, keys->embeddings, &out->embeddings);
	if (keys->incremental != NULL)
		good &= expect_read_incremental(reader, keys->incremental, &out->incremental);
	if (keys->speed != NULL)
		good &= expect_read_speed(reader, keys->speed, &out->speed);
	if (keys->times != NULL)
		good &= expect_read_times(reader, keys->times, &out->times);
	if (keys->group != NULL)
		good &= expect_read_group(reader, keys->group, &out->group);
	if (keys->grade != NULL)
		good &= expect_read_grade(reader, keys->grade, keys->pass, &out->grade);
	else if (keys->pass != NULL)
		good = expect_fault(reader, keys->pass, "there is no grade that could pass");
	if (keys->occasion != NULL)
		good &= expect_read_occasions(reader, keys->occasion, &out->occasions);
	return good;
}

bool expect_read_block(struct expect_reader *reader, const struct json *node,
                       struct expectation **out)
{
	struct block_keys keys = {.choices = -1};
	struct expectation *expect = ARENA_NEW(reader->arena, struct expectation);
	const struct json *reasons = json_member(node, "finish_reason");

	if (!settings_read(&block_table, node, &keys, reader->arena, reader->faults) ||
	    !json_is(node, JSON_OBJECT))
		return false;
	*expect = (struct expectation){.node = node,
	                               .choice = keys.choice,
	                               .choices = keys.choices,
	                               .finish_reasons = keys.finish_reasons,
	                               .first_delta_ms = keys.first_delta_ms,
	                               .gap_ms = keys.gap_ms,
	                               .distinct_ids = keys.distinct_ids,
	                               .same_model = keys.same_model,
	                               .fresh_id = keys.fresh_id,
	                               .identity = keys.identity,
	                               .steady_hours = keys.steady_hours,
	                               .lists_model = keys.lists_model};
	if (json_is(reasons, JSON_ARRAY) && reasons->count == 0)
		return expect_fault(reader, reasons, "an empty list can't be met");
	*out = expect;
	return read_families(reader, &keys, expect);
}

bool expect_read(const struct json *node, struct arena *arena, struct suite_resources *resources,
                 struct expectation **out, struct fault_list *faults)
{
	struct expect_reader reader = {arena, resources, faults};

	if (node != NULL)
		return expect_read_block(&reader, node, out);
	*out = ARENA_NEW(arena, struct expectation);
	**out = (struct expectation){.choices = -1};
	return true;
}

void expect_add_variant(struct expectation *expect, bool streamed, struct expectation *added)
{
	expect->added[streamed] = added;
}

/* --- beside the request ------------------------------------------------------------------ */

/* Whether the block judges an error's body, which is JSON also where a stream was asked for. */
static bool is_about_errors(const struct expectation *expect)
{
	if (expect->error != NULL)
		return true;
	for (size_t i = 0; i < expect->status_count; i++)
		if (expect->statuses[i].low < 400)
			return false;
	return expect->status_count > 0;
}

static bool block_fits(const struct expectation *expect, const struct expect_step *step,
                       struct fault_list *faults)
{
	bool good = true;

	if (expect->pointers != NULL && step->may_stream && !is_about_errors(expect)) {
		fault_list_at(faults, json_place(json_member(expect->node, "json")),
		              "a stream has no body for json pointers: put them into "
		              "variant_expect: {sync: ...}");
		good = false;
	}
	if (expect->content != NULL)
		good &= expect_text_fits(expect->content, step, faults);
	if (expect->calls != NULL)
		good &= expect_calls_fit(expect->calls, step, faults);
	if (expect->same != NULL)
		good &= expect_same_fits(expect->same, step, faults);
	if (expect->embeddings != NULL)
		good &= expect_embeddings_fit(expect->embeddings, step, faults);
	if (expect->times != NULL)
		good &= expect_times_fits(expect->times, step, faults);
	if (expect->grade != NULL)
		good &= expect_grade_fits(expect->grade, step, faults);
	if (expect->group != NULL)
		good &= expect_group_fits(expect->group, step, faults);
	if (expect->fates != NULL)
		good &= expect_fates_fit(expect->fates, step, faults);
	for (size_t i = 0; i < expect->any_of_count; i++)
		good &= expect_check_step(expect->any_of[i], step, faults);
	return good;
}

bool expect_grades(const struct expectation *expect)
{
	return expect->grade != NULL;
}

bool expect_check_step(const struct expectation *expect, const struct expect_step *step,
                       struct fault_list *faults)
{
	bool good = block_fits(expect, step, faults);

	for (int streamed = 0; streamed < 2; streamed++) {
		struct expect_step variant = *step;
		variant.may_stream = streamed == 1;
		if (expect->added[streamed] != NULL)
			good &= block_fits(expect->added[streamed], &variant, faults);
	}
	return good;
}

/* --- judging ----------------------------------------------------------------------------- */

static struct judgement judgement_of(const struct expectation *expect,
                                     const struct observation *seen, struct arena *arena,
                                     struct findings *findings)
{
	return (struct judgement){.seen = seen,
	                          .choice_index = expect->choice,
	                          .choice = chat_reply_choice(seen->reply, expect->choice),
	                          .arena = arena,
	                          .findings = findings};
}

static void check_finish_reason(const struct expectation *expect, const struct judgement *judgement)
{
	const struct text_list *wanted = &expect->finish_reasons;
	struct text reason = judgement->choice->finish_reason;
	struct text all = TEXT("");

	for (size_t i = 0; i < wanted->count; i++) {
		if (reason.data != NULL && text_equal(reason, wanted->items[i]))
			return;
		all = text_format(judgement->arena, "%.*s%s%.*s", TEXT_ARG(all),
		                  i == 0 ? "" : " or ", TEXT_ARG(wanted->items[i]));
	}
	if (reason.data == NULL)
		judge(judgement, FINDING_VIOLATION, "there is no finish_reason, want %.*s",
		      TEXT_ARG(all));
	else
		judge(judgement, FINDING_MISS, "finish_reason is \"%.*s\", want %.*s",
		      TEXT_ARG(shown(judgement, reason)), TEXT_ARG(all));
}

/* What stands in one choice. */
static void check_choice(const struct expectation *expect, const struct judgement *judgement)
{
	const struct chat_choice *choice = judgement->choice;
	bool asked = expect->finish_reasons.count > 0 || expect->content != NULL ||
	             expect->reasoning != NULL || expect->refusal != NULL || expect->calls != NULL;

	if (choice == NULL && asked) {
		judge(judgement, FINDING_VIOLATION, "there is no choice %lld",
		      (long long)judgement->choice_index);
		return;
	}
	if (expect->finish_reasons.count > 0)
		check_finish_reason(expect, judgement);
	if (expect->content != NULL)
		expect_check_text(expect->content, judgement, "content", choice->content);
	if (expect->reasoning != NULL)
		expect_check_text(expect->reasoning, judgement, "reasoning", choice->reasoning);
	if (expect->refusal != NULL)
		expect_check_text(expect->refusal, judgement, "refusal", choice->refusal);
	if (expect->calls != NULL)
		expect_check_calls(expect->calls, judgement);
}

static bool is_milder(const struct findings *a, const struct findings *b)
{
	if (a->gravest != b->gravest)
		return a->gravest < b->gravest;
	return a->count + a->dropped < b->count + b->dropped;
}

static void take_findings(const struct judgement *judgement, const struct findings *from)
{
	struct findings *to = judgement->findings;

	for (size_t i = 0; i < from->count; i++)
		judge(judgement, from->items[i].kind, "%.*s", TEXT_ARG(from->items[i].text));
	to->dropped += from->dropped;
	to->left_out += from->left_out;
	if (from->gravest > to->gravest)
		to->gravest = from->gravest;
	to->graded = to->graded || from->graded;
	to->score = from->graded ? from->score : to->score;
	if (from->fates.len > 0)
		expect_add_fate(judgement, from->fates);
}

static void check_any_of(const struct expectation *expect, const struct judgement *judgement)
{
	struct findings *best = ARENA_NEW(judgement->arena, struct findings);

	for (size_t i = 0; i < expect->any_of_count; i++) {
		struct findings *tried = ARENA_NEW(judgement->arena, struct findings);
		expect_check(expect->any_of[i], judgement->seen, judgement->arena, tried);
		if (i == 0 || is_milder(tried, best))
			best = tried;
		if (best->gravest == FINDING_NONE)
			break;
	}
	take_findings(judgement, best);
}

void expect_check_body(const struct expectation *expect, const struct judgement *judgement)
{
	const struct chat_reply *reply = judgement->seen->reply;

	if (expect->headers != NULL)
		expect_check_headers(expect->headers, judgement);
	expect_check_rules(expect, judgement);
	if (expect->choices >= 0 && (size_t)expect->choices != reply->choice_count)
		judge(judgement, FINDING_VIOLATION, "there are %zu choices, want %lld",
		      reply->choice_count, (long long)expect->choices);
	check_choice(expect, judgement);
	expect_check_identity(expect, judgement);
	if (expect->steady_hours)
		expect_check_hours(judgement);
	if (expect->distinct_ids)
		expect_check_distinct_ids(judgement);
	if (expect->usage != NULL)
		expect_check_usage(expect->usage, judgement);
	if (expect->error != NULL)
		expect_check_error(expect->error, judgement);
	if (expect->pointers != NULL)
		expect_check_pointers(expect->pointers, judgement);
	if (expect->same != NULL)
		expect_check_same(expect->same, judgement);
	if (expect->embeddings != NULL)
		expect_check_embeddings(expect->embeddings, judgement);
	if (expect->incremental != NULL)
		expect_check_incremental(expect->incremental, judgement);
	if (expect->first_delta_ms > 0)
		expect_check_first_delta(expect->first_delta_ms, judgement);
	if (expect->gap_ms > 0)
		expect_check_gap(expect->gap_ms, judgement);
	if (expect->speed != NULL)
		expect_check_speed(expect->speed, judgement);
	if (expect->times != NULL)
		expect_check_times(expect->times, judgement);
	if (expect->any_of_count > 0)
		check_any_of(expect, judgement);
	if (expect->fates != NULL)
		expect_check_fates(expect->fates, judgement);
	const struct expectation *added = expect->added[judgement->seen->streamed];
	if (added != NULL) {
		struct judgement beside =
		    judgement_of(added, judgement->seen, judgement->arena, judgement->findings);
		expect_check_body(added, &beside);
	}
	if (expect->grade != NULL)
		expect_check_grade(expect->grade, judgement);
}

bool expect_measures_load(const struct expectation *expect)
{
	return expect->group != NULL && expect_group_counts(expect->group);
}

void expect_check(const struct expectation *expect, const struct observation *observation,
                  struct arena *arena, struct findings *findings)
{
	static const struct chat_reply nothing; /* where no answer came, nothing was read */
	struct observation seen = *observation;

	if (seen.reply == NULL)
		seen.reply = &nothing;
	struct judgement judgement = judgement_of(expect, &seen, arena, findings);
	if (expect->group != NULL)
		expect_check_group(expect->group, &judgement);
	if (expect_measures_load(expect) && exchange_is_infra(seen.exchange))
		return; /* counted with the group */
	if (expect->occasions != NULL && !expect_check_occasions(expect->occasions, &judgement))
		return;
	expect_check_travel(&judgement);
	if (expect_check_status(expect, &judgement))
		expect_check_body(expect, &judgement);
}
