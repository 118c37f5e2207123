/*
 * An external grader: a program of the user's own that gets request, reply and reference as JSON
 * on its standard input and says by its exit status whether the answer passes (0) or not (1), and
 * by {"score": 0.7} on its output how good it is.
 *
 * Its limits (grade_process.c) keep a slip from doing harm; they are no prison: who writes a case
 * file says what is run.
 */
#include "cases/grade/grade.h"
#include "harness/base/json_write.h"

#include <string.h>

enum {
	COMMAND_MAX_WORDS = 64,
	COMMAND_TIMEOUT_MS = 10000,
	COMMAND_MAX_TIMEOUT_MS = 60000,
	COMMAND_MEMORY_BYTES = 512 << 20,
	COMMAND_MIN_MEMORY_BYTES = 16 << 20,
	COMMAND_OUTPUT_BYTES = 64 << 10,
	COMMAND_MAX_OUTPUT_BYTES = 1 << 20,
	COMMAND_INPUT_BYTES = 64 << 20,
};

/* --- reading --- */

struct command_keys {
	struct text_list run;
	int64_t timeout_ms, memory_bytes, output_bytes;
};

/* clang-format off */
static const struct setting command_rows[] = {
	{.name = "run", .type = SETTING_TEXTS, .offset = offsetof(struct command_keys, run),
	 .flags = SETTING_REQUIRED, .doc = "the program and its arguments, in the case file's folder"},
	{.name = "timeout", .type = SETTING_DURATION,
	 .offset = offsetof(struct command_keys, timeout_ms), .min = 1, .max = COMMAND_MAX_TIMEOUT_MS,
	 .doc = "how long it may take (default 10s, at most 60s)"},
	{.name = "memory", .type = SETTING_BYTES, .offset = offsetof(struct command_keys, memory_bytes),
	 .min = COMMAND_MIN_MEMORY_BYTES, .doc = "address space of each of its processes (default 512m)"},
	{.name = "output", .type = SETTING_BYTES, .offset = offsetof(struct command_keys, output_bytes),
	 .min = 1, .max = COMMAND_MAX_OUTPUT_BYTES, .doc = "what it may print (default 64k)"},
};
/* clang-format on */
static const struct setting_table command_table = {
    .what = "grading command", .rows = command_rows, .count = ARRAY_LENGTH(command_rows)};

/* The case file's folder; "." where it has none. */
static const char *folder_of(struct expect_reader *reader, const struct json *node)
{
	struct place place = json_place(node);
	struct text file = place.source == NULL ? TEXT("") : place.source->name;
	size_t slash = file.len;

	while (slash > 0 && file.data[slash - 1] != '/')
		slash--;
	return slash == 0 ? "." : text_c(reader->arena, text_slice(file, 0, slash));
}

bool grade_read_command(struct expect_reader *reader, const struct json *node,
                        const struct grade_command **out)
{
	struct grade_command *command = ARENA_NEW(reader->arena, struct grade_command);
	struct command_keys keys = {.timeout_ms = COMMAND_TIMEOUT_MS,
	                            .memory_bytes = COMMAND_MEMORY_BYTES,
	                            .output_bytes = COMMAND_OUTPUT_BYTES};

	*out = command;
	if (json_is(node, JSON_ARRAY)) {
		keys.run.items = ARENA_NEW_ARRAY(reader->arena, struct text, node->count);
		JSON_EACH(word, node)
		{
			if (!json_is(word, JSON_STRING))
				return expect_fault(reader, word,
				                    "a word of a command is a string");
			keys.run.items[keys.run.count++] = word->text;
		}
	} else if (!settings_read(&command_table, node, &keys, reader->arena, reader->faults) ||
	           !json_is(node, JSON_OBJECT)) {
		return false;
	}
	if (keys.run.count == 0 || keys.run.count > COMMAND_MAX_WORDS || keys.run.items[0].len == 0)
		return expect_fault(reader, node,
		                    "want a program and its arguments, at most %d words",
		                    COMMAND_MAX_WORDS);
	for (size_t i = 0; i < keys.run.count; i++)
		if (text_find_byte(keys.run.items[i], '\0', 0) != TEXT_NOT_FOUND)
			return expect_fault(reader, node, "a word of a command holds a NUL");
	*command = (struct grade_command){.words = keys.run,
	                                  .folder = folder_of(reader, node),
	                                  .timeout_ms = keys.timeout_ms,
	                                  .memory_bytes = keys.memory_bytes,
	                                  .output_bytes = keys.output_bytes};
	return true;
}

/* --- what it is told --- */

static void write_reply(struct json_writer *writer, const struct judgement *judgement)
{
	const struct chat_choice *choice = judgement->choice;

	json_write_key(writer, "reply");
	json_write_object(writer);
	json_write_key(writer, "content");
	if (choice->content.data == NULL)
		json_write_null(writer);
	else
		json_write_string(writer, choice->content);
	if (choice->finish_reason.data != NULL)
		json_write_member(writer, "finish_reason", choice->finish_reason);
	json_write_key(writer, "tool_calls");
	json_write_array(writer);
	for (size_t i = 0; i < choice->tool_call_count; i++) {
		json_write_object(writer);
		json_write_member(writer, "name", choice->tool_calls[i].name);
		json_write_member(writer, "arguments", choice->tool_calls[i].arguments);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
	json_write_object_end(writer);
}

static void write_node(struct json_writer *writer, const char *name, const struct json *node)
{
	json_write_key(writer, name);
	if (node == NULL)
		json_write_null(writer);
	else
		json_write_node(writer, node);
}

static void write_input(const struct judgement *judgement, struct text_buf *out)
{
	struct json_writer writer;

	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	write_node(&writer, "request", judgement->seen->request);
	write_reply(&writer, judgement);
	write_node(&writer, "reference", judgement->seen->reference);
	json_write_object_end(&writer);
	text_buf_byte(out, '\n');
}

/* --- what came of it --- */

static bool fail(const struct judgement *judgement, const char *what,
                 const struct grade_result *result)
{
	struct text said = text_trim(text_buf_view(&result->complaint));

	judge(judgement, FINDING_HARNESS, "the grading command %s%s%.*s", what,
	      said.len == 0 ? "" : ": ", TEXT_ARG(shown(judgement, said)));
	return false;
}

/* {"score": 0.7}; nothing printed: by the exit status alone. */
static bool read_score(const struct judgement *judgement, const struct grade_result *result,
                       struct grade *out)
{
	struct text said = text_trim(text_buf_view(&result->said));
	const struct json *score;
	struct json *root;
	struct fault fault;

	if (said.len == 0)
		return true;
	if (!json_read_text(said, "output", judgement->arena, &root, &fault) ||
	    !json_is(root, JSON_OBJECT))
		return fail(judgement, "prints something that is no JSON object", result);
	score = json_member(root, "score");
	if (score != NULL &&
	    (!json_is(score, JSON_NUMBER) || !text_to_double(score->text, &out->score) ||
	     !(out->score >= 0 && out->score <= 1)))
		return fail(judgement, "gives a score that is not from 0 to 1", result);
	struct text why = json_string(root, "why");
	if (why.len > 0)
		out->lack = text_copy(judgement->arena, shown(judgement, why));
	return true;
}

/* Why there is no verdict; NULL where there is one. */
static const char *complaint_of(const struct grade_command *command,
                                const struct judgement *judgement,
                                const struct grade_result *result)
{
	struct arena *arena = judgement->arena;

	switch (result->end) {
	case GRADE_EXITED:
		return result->code > 1 ? text_format(arena, "exits with %d", result->code).data
		                        : NULL;
	case GRADE_SIGNALLED:
		return text_format(arena, "was ended by signal %d", result->code).data;
	case GRADE_LATE:
		return text_format(arena, "took longer than %lld ms",
		                   (long long)command->timeout_ms)
		    .data;
	case GRADE_FLOODED:
		return text_format(arena, "printed more than %lld bytes",
		                   (long long)command->output_bytes)
		    .data;
	case GRADE_UNSTARTED:
		return text_format(arena, "\"%.*s\" can't be started: %s",
		                   TEXT_ARG(command->words.items[0]), strerror(result->code))
		    .data;
	case GRADE_STOPPED:
		break;
	}
	return "was stopped";
}

static bool conclude(const struct grade_command *command, const struct judgement *judgement,
                     const struct grade_result *result, struct grade *out)
{
	const char *complaint = complaint_of(command, judgement, result);
	bool passed = result->code == 0;

	if (complaint != NULL)
		return fail(judgement, complaint, result);
	*out = (struct grade){.score = passed ? 1 : 0, .refused = !passed};
	if (!read_score(judgement, result, out))
		return false;
	if (out->lack.data == NULL && !passed)
		out->lack = TEXT("the grading command does not let it pass");
	return true;
}

/* --- asking it --- */

static bool run_at_once(const struct grade_command *command, const struct judgement *judgement,
                        struct text input, struct grade *out)
{
	static const atomic_bool never = false;
	struct grade_result result;

	grade_process(command, input, &never, &result);
	bool good = conclude(command, judgement, &result, out);
	grade_result_done(&result);
	return good;
}

bool grade_run_command(const struct grade_command *command, const struct judgement *judgement,
                       struct grade *out)
{
	struct grading *grading = judgement->seen->grading;
	const struct grade_result *result;
	struct text_buf input;
	bool good = false;

	text_buf_init(&input, COMMAND_INPUT_BYTES);
	write_input(judgement, &input);
	if (grading == NULL)
		good = run_at_once(command, judgement, text_buf_view(&input), out);
	else if (grading_find(grading, command, text_buf_view(&input), &result))
		good = conclude(command, judgement, result, out);
	else
		judge(judgement, FINDING_HARNESS, "the grading command has not been run yet");
	text_buf_done(&input);
	return good;
}
