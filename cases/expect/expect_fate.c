/*
 * The fate of a parameter: honoured, refused by an error that names it, or ignored. To be
 * ignored is the worst of the three, for nobody is told.
 */
#include "cases/expect/expect_private.h"

struct expect_fate {
	struct text parameter;
	struct expectation *honoured;
	const struct json *node;
	const struct expect_fate *next;
};

struct fate_keys {
	struct text parameter;
	const struct json *honoured;
};

/* clang-format off */
static const struct setting fate_rows[] = {
	{.name = "parameter", .type = SETTING_TEXT,
	 .offset = offsetof(struct fate_keys, parameter), .flags = SETTING_REQUIRED,
	 .doc = "the request's field whose fate is asked"},
	{.name = "honoured", .type = SETTING_NODE,
	 .offset = offsetof(struct fate_keys, honoured), .flags = SETTING_REQUIRED,
	 .doc = "what holds of the reply where it is honoured"},
};
/* clang-format on */

static const struct setting_table fate_table = {
    .what = "fate", .rows = fate_rows, .count = ARRAY_LENGTH(fate_rows)};

static bool read_fate(struct expect_reader *reader, const struct json *node,
                      struct expect_fate *out)
{
	struct fate_keys keys = {0};

	if (!settings_read(&fate_table, node, &keys, reader->arena, reader->faults) ||
	    !json_is(node, JSON_OBJECT))
		return false;
	out->parameter = keys.parameter;
	out->node = node;
	if (json_is(keys.honoured, JSON_OBJECT) && keys.honoured->count == 0)
		return expect_fault(reader, keys.honoured, "this says nothing");
	if (!expect_read_block(reader, keys.honoured, &out->honoured))
		return false;
	if (out->honoured->status_count > 0 || out->honoured->error != NULL)
		return expect_fault(reader, keys.honoured,
		                    "a parameter that is honoured comes with status 200");
	return true;
}

bool expect_read_fates(struct expect_reader *reader, const struct json *node,
                       const struct expect_fate **out)
{
	const struct expect_fate **last = out;
	bool good = true;

	*out = NULL;
	if (json_is(node, JSON_ARRAY) && node->count == 0)
		return expect_fault(reader, node, "an empty list says nothing");
	for (const struct json *item = expect_first(node); item != NULL;
	     item = expect_next(node, item)) {
		struct expect_fate *fate = ARENA_NEW(reader->arena, struct expect_fate);
		good &= read_fate(reader, item, fate);
		*last = fate;
		last = &fate->next;
	}
	return good;
}

bool expect_fates_fit(const struct expect_fate *expect, const struct expect_step *step,
                      struct fault_list *faults)
{
	bool good = true;

	for (; expect != NULL; expect = expect->next) {
		if (json_member_text(step->request, expect->parameter) == NULL) {
			fault_list_at(faults, json_place(json_member(expect->node, "parameter")),
			              "the request has no %.*s whose fate could be asked",
			              TEXT_ARG(expect->parameter));
			good = false;
		}
		good &= expect_check_step(expect->honoured, step, faults);
	}
	return good;
}

static void note_fate(const struct judgement *judgement, struct text parameter, const char *fate)
{
	struct findings *findings = judgement->findings;

	findings->fates =
	    text_format(judgement->arena, "%.*s%s%.*s %s", TEXT_ARG(findings->fates),
	                findings->fates.len == 0 ? "" : ", ", TEXT_ARG(parameter), fate);
}

/* The provider never saw it, so whatever came is no answer to it. */
static void judge_left_out(const struct judgement *judgement, struct text parameter)
{
	const char *format = judgement->seen->exchange->translated_from;

	note_fate(judgement, parameter, "left out");
	judgement->findings->left_out++;
	judge(judgement, FINDING_REFUSED, "%.*s has no place in the dialect%s%s, and is left out",
	      TEXT_ARG(parameter), format == NULL ? "" : " ", format == NULL ? "" : format);
}

void expect_check_left_out(const struct observation *observation, struct arena *arena,
                           struct findings *findings)
{
	const struct judgement judgement = {
	    .seen = observation, .arena = arena, .findings = findings};

	if (findings->left_out > 0 || observation->features == NULL)
		return; /* said of a fate already */
	for (size_t i = 0; i < observation->features->count; i++) {
		struct text name = observation->features->items[i];
		/* A dialect without tool_choice none says it by offering no tools. */
		if (exchange_dropped(observation->exchange, name) && !text_is(name, "tools"))
			judge_left_out(&judgement, name);
	}
}

bool expect_fates_refused(const struct expect_fate *expect, const struct judgement *judgement)
{
	bool refused = false;

	for (; expect != NULL; expect = expect->next) {
		if (expect_refused(judgement->seen, expect->parameter).data == NULL)
			continue;
		note_fate(judgement, expect->parameter, "refused");
		judge(judgement, FINDING_REFUSED, "%.*s is refused by %d: %.*s",
		      TEXT_ARG(expect->parameter), judgement->seen->exchange->status,
		      TEXT_ARG(expect_error_text(judgement)));
		refused = true;
	}
	return refused;
}

/* Ours stays ours: what could not be judged was not ignored. */
static void judge_dishonoured(const struct judgement *judgement, struct text parameter,
                              const struct findings *found)
{
	for (size_t i = 0; i < found->count; i++)
		if (found->items[i].kind == FINDING_HARNESS) {
			judge(judgement, FINDING_HARNESS, "%.*s", TEXT_ARG(found->items[i].text));
			return;
		}
	note_fate(judgement, parameter, "ignored");
	judge(judgement, FINDING_IGNORED, "%.*s is ignored: %.*s", TEXT_ARG(parameter),
	      TEXT_ARG(found->items[0].text));
}

void expect_check_fates(const struct expect_fate *expect, const struct judgement *judgement)
{
	for (; expect != NULL; expect = expect->next) {
		if (exchange_dropped(judgement->seen->exchange, expect->parameter)) {
			judge_left_out(judgement, expect->parameter);
			continue;
		}
		struct findings *found = ARENA_NEW(judgement->arena, struct findings);
		struct judgement beside = *judgement;
		beside.findings = found;
		beside.choice_index = expect->honoured->choice;
		beside.choice = chat_reply_choice(judgement->seen->reply, expect->honoured->choice);
		expect_check_body(expect->honoured, &beside);
		if (found->gravest == FINDING_NONE)
			note_fate(judgement, expect->parameter, "honoured");
		else
			judge_dishonoured(judgement, expect->parameter, found);
	}
}
