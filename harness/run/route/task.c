/* Which task a request belongs to; see task.h. */
#include "harness/run/route/task.h"

#include "harness/base/regex.h"

#define TASK_HEADER "x-proviso-task"

struct task_table {
	const struct config_task *tasks;
	size_t count;
	struct regex **prompts; /* owned; one a task, NULL where it has no pattern */
};

static const char *const risk_names[] = {"low", "medium", "high"};

const char *task_risk_name(int risk)
{
	REQUIRE(risk >= 0 && (size_t)risk < ARRAY_LENGTH(risk_names));
	return risk_names[risk];
}

enum case_kind task_kind(const struct config_task *task)
{
	if (task == NULL)
		return CASE_KIND_NONE;
	return task->kind != CASE_KIND_NONE ? (enum case_kind)task->kind
	                                    : case_kind_from_name(task->name);
}

void task_table_free(struct task_table *table)
{
	if (table == NULL)
		return;
	for (size_t i = 0; i < table->count; i++)
		regex_free(table->prompts[i]);
	memory_free(table->prompts);
	memory_free(table);
}

bool task_table_new(const struct config *config, struct task_table **out, struct fault *fault)
{
	struct task_table *table = memory_new(sizeof(*table));

	table->tasks = config->tasks.items;
	table->count = config->tasks.count;
	table->prompts = memory_new_array(table->count, sizeof(struct regex *));
	for (size_t i = 0; i < table->count; i++) {
		const struct config_match *match = &table->tasks[i].match;
		if (match->prompt.data == NULL)
			continue;
		if (!regex_new(match->prompt, 0, json_place(json_member(match->node, "prompt")),
		               &table->prompts[i], fault)) {
			task_table_free(table);
			return false;
		}
		regex_prepare(table->prompts[i]); /* no request shall wait for it */
	}
	*out = table;
	return true;
}

/* --- what a request says --------------------------------------------------------- */

static struct text header_value(const struct task_request *request, struct text name)
{
	for (size_t i = 0; i < request->header_count; i++)
		if (text_equal_ignoring_case(request->headers[i].name, name))
			return request->headers[i].value;
	return (struct text){NULL, 0};
}

/* The beginning of it that fits; a character that is cut is no match and stops none. */
static void add_piece(struct text_buf *out, struct text piece)
{
	text_buf_add(out, text_slice(piece, 0, TASK_PROMPT_MAX_BYTES - out->len));
	if (out->len < TASK_PROMPT_MAX_BYTES)
		text_buf_byte(out, '\n');
}

static void add_prompt(struct text_buf *out, const struct json *value)
{
	if (out->len == TASK_PROMPT_MAX_BYTES)
		return;
	if (json_is(value, JSON_STRING)) {
		add_piece(out, value->text);
		return;
	}
	JSON_EACH(item, value)
	{
		if (json_is(item, JSON_STRING))
			add_prompt(out, item);
		else if (json_is(item, JSON_OBJECT)) {
			add_prompt(out, json_member(item, "text"));
			add_prompt(out, json_member(item, "content"));
		}
	}
}

/* All text that people or programs wrote to the model, in order, a line between two pieces. */
static struct text collect_prompt(const struct json *body, struct arena *scratch)
{
	static const char *const members[] = {"instructions", "system", "messages", "input",
	                                      "prompt"};
	struct text_buf out;

	text_buf_init(&out, TASK_PROMPT_MAX_BYTES);
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		if (json_is(body, JSON_OBJECT))
			add_prompt(&out, json_member(body, members[i]));
	struct text prompt = text_copy(scratch, text_buf_view(&out));
	text_buf_done(&out);
	return prompt;
}

static bool offers_tool(const struct json *body, struct text name)
{
	JSON_EACH(tool, json_member(body, "tools"))
	{
		const struct json *function = json_member(tool, "function");
		if (text_equal(json_string(function == NULL ? tool : function, "name"), name))
			return true;
	}
	return false;
}

/* --- matching ----------------------------------------------------------------------- */

static bool is_one_of(const struct text_list *list, struct text value)
{
	if (list->count == 0)
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (value.data != NULL && text_equal(list->items[i], value))
			return true;
	return false;
}

static bool tools_fit(const struct config_match *match, const struct json *body)
{
	if (match->tools.count == 0)
		return true;
	for (size_t i = 0; i < match->tools.count; i++)
		if (offers_tool(body, match->tools.items[i]))
			return true;
	return false;
}

static bool headers_fit(const struct config_match *match, const struct task_request *request)
{
	for (size_t i = 0; i < match->header_count; i++) {
		struct text value = header_value(request, match->headers[i].name);
		if (value.data == NULL || !text_equal(value, match->headers[i].value))
			return false;
	}
	return true;
}

static bool size_fits(const struct config_match *match, int64_t bytes)
{
	return bytes >= match->prompt_bytes_min &&
	       (match->prompt_bytes_max == 0 || bytes <= match->prompt_bytes_max);
}

/* Cheap ones first: the prompt is searched only where all else fits. */
static bool facts_fit(const struct config_match *match, const struct task_request *request)
{
	return is_one_of(&match->key, request->key_id) &&
	       is_one_of(&match->workflow, request->workflow) && headers_fit(match, request) &&
	       size_fits(match, request->shape->prompt_bytes) && tools_fit(match, request->body);
}

static const struct config_task *find_named(const struct task_table *table, struct text name)
{
	for (size_t i = 0; name.data != NULL && i < table->count; i++)
		if (text_equal(table->tasks[i].name, name))
			return &table->tasks[i];
	return NULL;
}

const struct config_task *task_find(const struct task_table *table,
                                    const struct task_request *request, struct arena *scratch,
                                    bool *limited)
{
	const struct config_task *named =
	    find_named(table, header_value(request, TEXT(TASK_HEADER)));
	struct text prompt = {NULL, 0};
	uint64_t steps_left = TASK_SEARCH_STEPS;

	if (named != NULL)
		return named;
	for (size_t i = 0; i < table->count; i++) {
		if (!facts_fit(&table->tasks[i].match, request))
			continue;
		if (table->prompts[i] == NULL)
			return &table->tasks[i];
		if (prompt.data == NULL)
			prompt = collect_prompt(request->body, scratch);
		enum regex_result result =
		    regex_search_within(table->prompts[i], prompt, &steps_left);
		if (result == REGEX_MATCH)
			return &table->tasks[i];
		if (result == REGEX_LIMIT && limited != NULL)
			*limited = true;
	}
	return NULL;
}
