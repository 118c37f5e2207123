/* How good an answer is: graders, each with a score from 0 to 1, and their weighted mean. */
#include "cases/grade/grade.h"
#include "harness/base/text_fold.h"

#include <math.h>

enum grader_kind {
	GRADER_EXACT,
	GRADER_NORMALISED,
	GRADER_MATCHES,
	GRADER_NUMBER,
	GRADER_JSON,
	GRADER_SCHEMA,
	GRADER_CALLS,
	GRADER_CONTAINS,
	GRADER_COMMAND,
	GRADER_KINDS,
};

enum grader_part { PART_CONTENT, PART_CODE, PART_LAST_LINE };
static const char *const part_names[] = {"content", "code", "last_line", NULL};

struct grader {
	enum grader_kind kind;
	int part; /* enum grader_part */
	double weight;
	struct text exact;
	const struct json *node; /* what the answer is held against */
	const struct regex *regex;
	const struct schema *schema;
	const struct grade_calls *calls;
	const struct grade_command *command;
	double value, absolute, relative;
};

struct expect_grade {
	struct grader *graders;
	size_t count;
	double pass; /* a score from here on passes */
};

/* --- reading --- */

struct grader_keys {
	const struct json *kinds[GRADER_KINDS];
	const struct json *weight;
	int of;
};

/* clang-format off */
#define ROW(key, kind, about) \
	{.name = key, .type = SETTING_NODE, .offset = offsetof(struct grader_keys, kinds[kind]), \
	 .doc = about}
static const struct setting grader_rows[] = {
	ROW("exact", GRADER_EXACT, "this text, blanks at the ends apart"),
	ROW("normalised", GRADER_NORMALISED, "this text or one of these, but for case, blanks and punctuation"),
	ROW("matches", GRADER_MATCHES, "a /pattern/ (PCRE2)"),
	ROW("number", GRADER_NUMBER, "this number: {value, absolute, relative} gives a tolerance"),
	ROW("json", GRADER_JSON, "this value, as JSON compares"),
	ROW("schema", GRADER_SCHEMA, "JSON that is valid against this schema"),
	ROW("calls", GRADER_CALLS, "tool calls with the possible values of their arguments"),
	ROW("contains", GRADER_CONTAINS, "all of these; a list among them: one of it"),
	ROW("command", GRADER_COMMAND, "an external program says"),
	{.name = "weight", .type = SETTING_NODE, .offset = offsetof(struct grader_keys, weight),
	 .doc = "what it counts beside the others (default 1)"},
	{.name = "of", .type = SETTING_ENUM, .offset = offsetof(struct grader_keys, of),
	 .names = part_names, .doc = "content (default), code or last_line: which part of the answer"},
};
#undef ROW
static const struct setting_table grader_table = {
	.what = "grader", .rows = grader_rows, .count = ARRAY_LENGTH(grader_rows)};

struct number_keys {
	const struct json *value, *absolute, *relative;
};
static const struct setting number_rows[] = {
	{.name = "value", .type = SETTING_NODE, .offset = offsetof(struct number_keys, value),
	 .flags = SETTING_REQUIRED, .doc = "the number"},
	{.name = "absolute", .type = SETTING_NODE, .offset = offsetof(struct number_keys, absolute),
	 .doc = "it may be off by so much"},
	{.name = "relative", .type = SETTING_NODE, .offset = offsetof(struct number_keys, relative),
	 .doc = "it may be off by this share of it, 0.01 is a hundredth"},
};
/* clang-format on */
static const struct setting_table number_table = {
    .what = "expected number", .rows = number_rows, .count = ARRAY_LENGTH(number_rows)};

/* A number within [min, max]; a string that is one counts, as CSV rows have them. */
static bool read_double(struct expect_reader *reader, const struct json *node, double min,
                        double max, double *out)
{
	if ((json_is(node, JSON_NUMBER) || json_is(node, JSON_STRING)) &&
	    text_to_double(node->text, out) && *out >= min && *out <= max)
		return true;
	return expect_fault(reader, node, "want a number from %g to %g", min, max);
}

static bool read_number(struct expect_reader *reader, const struct json *node, struct grader *out)
{
	struct number_keys keys = {0};

	if (!json_is(node, JSON_OBJECT))
		return read_double(reader, node, -1e300, 1e300, &out->value);
	if (!settings_read(&number_table, node, &keys, reader->arena, reader->faults))
		return false;
	return read_double(reader, keys.value, -1e300, 1e300, &out->value) &&
	       (keys.absolute == NULL ||
	        read_double(reader, keys.absolute, 0, 1e300, &out->absolute)) &&
	       (keys.relative == NULL || read_double(reader, keys.relative, 0, 1, &out->relative));
}

/* Strings, or lists of them where `nested`; none of them empty once blanks are gone. */
static bool check_texts(struct expect_reader *reader, const struct json *node, bool nested)
{
	if (json_is(node, JSON_ARRAY) && node->count == 0)
		return expect_fault(reader, node, "an empty list says nothing");
	for (const struct json *item = expect_first(node); item != NULL;
	     item = expect_next(node, item)) {
		struct text folded;
		if (nested && json_is(item, JSON_ARRAY)) {
			if (!check_texts(reader, item, false))
				return false;
		} else if (!json_is(item, JSON_STRING)) {
			return expect_fault(reader, item, "this is %s; want a text",
			                    json_type_name(item));
		} else if (!text_normalise(item->text, reader->arena, &folded) || folded.len == 0) {
			return expect_fault(reader, item,
			                    "there is nothing in this text to compare");
		}
	}
	return true;
}

static bool read_exact(struct expect_reader *reader, const struct json *node, struct grader *out)
{
	if (!json_is(node, JSON_STRING) || text_trim(node->text).len == 0)
		return expect_fault(reader, node, "want a text that is not empty");
	out->exact = node->text;
	return true;
}

static bool read_kind(struct expect_reader *reader, const struct json *node, struct grader *out)
{
	out->node = node;
	switch (out->kind) {
	case GRADER_EXACT:
		return read_exact(reader, node, out);
	case GRADER_NORMALISED:
		return check_texts(reader, node, false);
	case GRADER_MATCHES:
		return resources_regex(reader->resources, node, &out->regex, reader->faults);
	case GRADER_NUMBER:
		return read_number(reader, node, out);
	case GRADER_JSON:
		return true;
	case GRADER_SCHEMA:
		return resources_schema(reader->resources, node, reader->arena, &out->schema,
		                        reader->faults);
	case GRADER_CALLS:
		return grade_read_calls(reader, node, &out->calls);
	case GRADER_CONTAINS:
		return check_texts(reader, node, true);
	case GRADER_COMMAND:
		return grade_read_command(reader, node, &out->command);
	case GRADER_KINDS:
		break;
	}
	return false;
}

static bool read_grader(struct expect_reader *reader, const struct json *node, struct grader *out)
{
	struct grader_keys keys = {0};
	const struct json *said = NULL;
	size_t count = 0;

	if (!settings_read(&grader_table, node, &keys, reader->arena, reader->faults) ||
	    !json_is(node, JSON_OBJECT))
		return false;
	*out = (struct grader){.part = keys.of, .weight = 1};
	for (int kind = 0; kind < GRADER_KINDS; kind++) {
		if (keys.kinds[kind] == NULL)
			continue;
		said = keys.kinds[kind];
		out->kind = (enum grader_kind)kind;
		count++;
	}
	if (count != 1)
		return expect_fault(reader, node,
		                    "a grader is one of exact, normalised, matches, number, json, "
		                    "schema, calls, contains and command");
	return (keys.weight == NULL ||
	        read_double(reader, keys.weight, 0.001, 1000, &out->weight)) &&
	       read_kind(reader, said, out);
}

bool expect_read_grade(struct expect_reader *reader, const struct json *node,
                       const struct json *pass, const struct expect_grade **out)
{
	enum { GRADERS_MAX = 16 };
	struct expect_grade *grade = ARENA_NEW(reader->arena, struct expect_grade);
	size_t count = json_is(node, JSON_ARRAY) ? node->count : 1;
	bool good = true;

	*out = grade;
	grade->pass = 1;
	if (count == 0 || count > GRADERS_MAX)
		return expect_fault(reader, node, "want 1 to %d graders", GRADERS_MAX);
	grade->graders = ARENA_NEW_ARRAY(reader->arena, struct grader, count);
	for (const struct json *item = expect_first(node); item != NULL;
	     item = expect_next(node, item))
		good &= read_grader(reader, item, &grade->graders[grade->count++]);
	return good && (pass == NULL || read_double(reader, pass, 0.01, 1, &grade->pass));
}

/* An answer of a group is told of before the others have come: there is no waiting for a program.
 */
bool expect_grade_fits(const struct expect_grade *expect, const struct expect_step *step,
                       struct fault_list *faults)
{
	bool good = true;

	for (size_t i = 0; i < expect->count && step->copies > 1; i++) {
		if (expect->graders[i].kind != GRADER_COMMAND)
			continue;
		fault_list_at(faults, json_place(expect->graders[i].node),
		              "a command can't grade copies that are asked at_once");
		good = false;
	}
	return good;
}

/* --- judging --- */

static struct text answer_of(const struct grader *grader, const struct judgement *judgement)
{
	struct text content = judgement->choice->content;

	switch ((enum grader_part)grader->part) {
	case PART_CONTENT:
		break;
	case PART_CODE:
		return grade_code(content);
	case PART_LAST_LINE:
		return grade_last_line(content);
	}
	return content;
}

static struct grade all_or_nothing(bool good, struct text lack)
{
	return good ? (struct grade){.score = 1} : (struct grade){.score = 0, .lack = lack};
}

static struct text differs(const struct judgement *judgement, struct text answer,
                           struct text wanted)
{
	return text_format(judgement->arena, "it is \"%.*s\", want %.*s",
	                   TEXT_ARG(shown(judgement, text_trim(answer))),
	                   TEXT_ARG(shown(judgement, wanted)));
}

static struct grade grade_exact(const struct grader *grader, const struct judgement *judgement,
                                struct text answer)
{
	struct text wanted;

	if (!expect_fill(judgement, grader->exact, &wanted))
		return (struct grade){0};
	return all_or_nothing(text_equal(text_trim(answer), text_trim(wanted)),
	                      differs(judgement, answer, wanted));
}

static struct grade grade_normalised(const struct grader *grader, const struct judgement *judgement,
                                     struct text answer)
{
	struct text given, filled, wanted;
	bool same = false;

	if (!text_normalise(answer, judgement->arena, &given))
		return all_or_nothing(false, TEXT("it is no text, or too long to be compared"));
	for (const struct json *item = expect_first(grader->node); item != NULL && !same;
	     item = expect_next(grader->node, item))
		same = expect_fill(judgement, item->text, &filled) &&
		       text_normalise(filled, judgement->arena, &wanted) &&
		       text_equal(given, wanted);
	return all_or_nothing(
	    same, differs(judgement, answer, json_to_text(judgement->arena, grader->node)));
}

static struct grade grade_by_number(const struct grader *grader, const struct judgement *judgement,
                                    struct text answer)
{
	/* What binary fractions lose of a decimal one is no difference. */
	double allowed = fmax(grader->absolute, grader->relative * fabs(grader->value)) +
	                 1e-9 * fabs(grader->value);
	double given;

	if (!grade_number(answer, &given))
		return all_or_nothing(
		    false,
		    text_format(judgement->arena, "there is no number, want %g", grader->value));
	return all_or_nothing(
	    fabs(given - grader->value) <= allowed,
	    text_format(judgement->arena, "the number is %.10g, want %.10g", given, grader->value));
}

static struct grade grade_by_json(const struct grader *grader, const struct judgement *judgement,
                                  struct text answer)
{
	const struct json *given = grade_json(answer, judgement->arena);
	struct json *wanted;
	struct fault fault;

	if (given == NULL)
		return all_or_nothing(false, differs(judgement, answer, TEXT("JSON")));
	if (grader->kind == GRADER_SCHEMA) {
		struct text wrong = schema_complaint(judgement, grader->schema, NULL, given);
		return all_or_nothing(wrong.data == NULL, wrong);
	}
	if (!template_fill(grader->node, judgement->seen->values, judgement->arena, &wanted,
	                   &fault)) {
		judge(judgement, FINDING_HARNESS, "the expectation can't be filled: %s",
		      fault.message);
		return (struct grade){0};
	}
	return all_or_nothing(json_equal(given, wanted),
	                      differs(judgement, json_to_text(judgement->arena, given),
	                              json_to_text(judgement->arena, wanted)));
}

/* Whether the text stands there, by itself: "cat" is not in "concatenate". */
static bool stands_in(struct text whole, struct text part)
{
	for (size_t at = text_find(whole, part, 0); at != TEXT_NOT_FOUND;
	     at = text_find(whole, part, at + 1))
		if ((at == 0 || whole.data[at - 1] == ' ') &&
		    (at + part.len == whole.len || whole.data[at + part.len] == ' '))
			return true;
	return false;
}

static bool has_one_of(const struct json *node, const struct judgement *judgement,
                       struct text folded)
{
	struct text filled, part;

	for (const struct json *item = expect_first(node); item != NULL;
	     item = expect_next(node, item))
		if (expect_fill(judgement, item->text, &filled) &&
		    text_normalise(filled, judgement->arena, &part) && stands_in(folded, part))
			return true;
	return false;
}

static struct grade grade_contains(const struct grader *grader, const struct judgement *judgement,
                                   struct text answer)
{
	struct text folded, lack = {NULL, 0};
	size_t count = 0, found = 0;

	if (!text_normalise(answer, judgement->arena, &folded))
		return all_or_nothing(false, TEXT("it is no text, or too long to be compared"));
	for (const struct json *item = expect_first(grader->node); item != NULL;
	     item = expect_next(grader->node, item)) {
		count++;
		if (has_one_of(item, judgement, folded))
			found++;
		else if (lack.data == NULL)
			lack = text_format(
			    judgement->arena, "it lacks %.*s",
			    TEXT_ARG(shown(judgement, json_to_text(judgement->arena, item))));
	}
	return (struct grade){.score = (double)found / (double)count, .lack = lack};
}

static struct grade grade_by(const struct grader *grader, const struct judgement *judgement,
                             struct text answer)
{
	struct grade grade = {0};

	switch (grader->kind) {
	case GRADER_EXACT:
		return grade_exact(grader, judgement, answer);
	case GRADER_NORMALISED:
		return grade_normalised(grader, judgement, answer);
	case GRADER_MATCHES:
		return all_or_nothing(expect_search(judgement, grader->regex, answer),
		                      differs(judgement, answer, grader->node->text));
	case GRADER_NUMBER:
		return grade_by_number(grader, judgement, answer);
	case GRADER_JSON:
	case GRADER_SCHEMA:
		return grade_by_json(grader, judgement, answer);
	case GRADER_CALLS:
		return grade_check_calls(grader->calls, judgement);
	case GRADER_CONTAINS:
		return grade_contains(grader, judgement, answer);
	case GRADER_COMMAND:
		(void)!grade_run_command(grader->command, judgement, &grade);
		break;
	case GRADER_KINDS:
		break;
	}
	return grade;
}

void expect_check_grade(const struct expect_grade *expect, const struct judgement *judgement)
{
	double sum = 0, weights = 0;
	bool refused = false;
	struct text lack = {NULL, 0};

	/* An answer that is wrong in another way is worth nothing; no program need be asked. */
	judgement->findings->graded = true;
	judgement->findings->score = 0;
	if (judgement->findings->gravest != FINDING_NONE || judgement->choice == NULL) {
		if (judgement->choice == NULL)
			judge(judgement, FINDING_VIOLATION, "there is no choice to be graded");
		return;
	}
	for (size_t i = 0; i < expect->count; i++) {
		const struct grader *grader = &expect->graders[i];
		struct grade grade = grade_by(grader, judgement, answer_of(grader, judgement));
		sum += grader->weight * grade.score;
		weights += grader->weight;
		refused = refused || grade.refused;
		if (lack.data == NULL)
			lack = grade.lack;
	}
	/* In millionths, as it is kept: what is shown and what is compared is one number. */
	double score = round(sum / weights * 1e6) / 1e6;
	if (judgement->findings->gravest == FINDING_HARNESS)
		return;
	judgement->findings->score = score;
	if (refused || score < expect->pass)
		judge(judgement, FINDING_MISS, "scores %g of 1: %.*s", score, TEXT_ARG(lack));
}
