/*
 * The body of a POST, read as OpenAI reads it: what is wrong is refused in the same
 * words, with the same `param` and `code`. Fields that nobody knows pass, as with
 * most providers.
 */
#include "providers/sim/sim_private.h"

bool sim_refuse(struct sim_error *error, const char *code, struct text param, struct text message)
{
	*error = (struct sim_error){
	    .status = 400,
	    .message = message,
	    .type = TEXT("invalid_request_error"),
	    .param = param,
	    .code = text_of(code),
	};
	return false;
}

int64_t sim_integer(const struct json *object, const char *name, const int64_t range[2],
                    int64_t fallback)
{
	int64_t value;

	return json_integer(object, name, range[0], range[1], &value) ? value : fallback;
}

/* A number parameter: its name and what it may be. `of_integer`: no fraction. */
struct number_rule {
	const char *name;
	bool of_integer;
	const char *min, *max; /* decimal texts; NULL: no bound */
};

static const struct number_rule chat_numbers[] = {
    {"temperature", false, "0", "2"},
    {"top_p", false, "0", "1"},
    {"presence_penalty", false, "-2", "2"},
    {"frequency_penalty", false, "-2", "2"},
    {"n", true, "1", "128"},
    {"max_tokens", true, "1", NULL},
    {"max_completion_tokens", true, "1", NULL},
    {"top_logprobs", true, "0", "20"},
    {"seed", true, "-9223372036854775808", "9223372036854775807"},
};

static const struct number_rule completion_numbers[] = {
    {"temperature", false, "0", "2"},
    {"top_p", false, "0", "1"},
    {"presence_penalty", false, "-2", "2"},
    {"frequency_penalty", false, "-2", "2"},
    {"n", true, "1", "128"},
    {"max_tokens", true, "0", NULL},
    {"logprobs", true, "0", "5"},
    {"seed", true, "-9223372036854775808", "9223372036854775807"},
};

struct type_rule {
	const char *name;
	enum json_type type;
	const char *article; /* "a boolean" */
};

static const struct type_rule field_types[] = {
    {"stream", JSON_BOOL, "a boolean"},
    {"stream_options", JSON_OBJECT, "an object"},
    {"user", JSON_STRING, "a string"},
    {"metadata", JSON_OBJECT, "an object"},
    {"store", JSON_BOOL, "a boolean"},
    {"service_tier", JSON_STRING, "a string"},
    {"reasoning_effort", JSON_STRING, "a string"},
    {"parallel_tool_calls", JSON_BOOL, "a boolean"},
    {"logit_bias", JSON_OBJECT, "an object"},
    {"echo", JSON_BOOL, "a boolean"},
};

/* Members that decide something: given twice, nobody could say which one holds. */
static const char *const acted_on[] = {
    "model",
    "messages",
    "prompt",
    "input",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "n",
    "stop",
    "response_format",
    "parallel_tool_calls",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "seed",
    "logprobs",
    "top_logprobs",
    "dimensions",
    "encoding_format",
};

static bool question_out_of_range(const struct sim_serving *serving, const struct number_rule *rule,
                                  struct text number, bool above, struct sim_error *error)
{
	const char *bound = above ? rule->max : rule->min;
	const char *word = rule->of_integer ? "integer" : "decimal";
	static const char *const codes[2][2] = {
	    {"decimal_below_min_value", "decimal_above_max_value"},
	    {"integer_below_min_value", "integer_above_max_value"},
	};

	return sim_refuse(
	    error, codes[rule->of_integer][above], text_of(rule->name),
	    text_format(serving->arena,
	                "Invalid '%s': %s %s value. Expected a value %s %s, but got %.*s instead.",
	                rule->name, word, above ? "above maximum" : "below minimum",
	                above ? "<=" : ">=", bound, TEXT_ARG(text_slice(number, 0, 40))));
}

/* As far as PA-11's provider goes. */
static const struct number_rule low_temperature = {"temperature", false, "0", "1"};

static bool question_check_number(const struct sim_serving *serving, const struct json *body,
                                  const struct number_rule *rule, struct sim_error *error)
{
	const struct json *node = json_member(body, rule->name);

	if (node == NULL || node->type == JSON_NULL)
		return true;
	if (node->type != JSON_NUMBER || (rule->of_integer && !json_number_is_integer(node->text)))
		return sim_refuse(
		    error, "invalid_type", text_of(rule->name),
		    text_format(
			serving->arena, "Invalid type for '%s': expected %s, but got %s instead.",
			rule->name, rule->of_integer ? "an integer" : "a decimal",
			node->type == JSON_NUMBER ? "a decimal number" : json_type_name(node)));
	if (strcmp(rule->name, "temperature") == 0) {
		if (sim_breaks(serving, SIM_ER_09))
			return true;
		if (sim_breaks(serving, SIM_PA_11))
			rule = &low_temperature;
	}
	if (rule->max != NULL && json_number_compare(node->text, text_of(rule->max)) > 0)
		return question_out_of_range(serving, rule, node->text, true, error);
	if (rule->min != NULL && json_number_compare(node->text, text_of(rule->min)) < 0)
		return question_out_of_range(serving, rule, node->text, false, error);
	return true;
}

static bool question_check_numbers(const struct sim_serving *serving, const struct json *body,
                                   enum endpoint endpoint, struct sim_error *error)
{
	bool chat = endpoint == ENDPOINT_CHAT;
	const struct number_rule *rules = chat ? chat_numbers : completion_numbers;
	size_t count = chat ? ARRAY_LENGTH(chat_numbers) : ARRAY_LENGTH(completion_numbers);

	for (size_t i = 0; i < count; i++)
		if (!question_check_number(serving, body, &rules[i], error))
			return false;
	return true;
}

static bool question_check_types(const struct sim_serving *serving, const struct json *body,
                                 struct sim_error *error)
{
	for (size_t i = 0; i < ARRAY_LENGTH(field_types); i++) {
		const struct type_rule *rule = &field_types[i];
		const struct json *node = json_member(body, rule->name);

		if (node == NULL || node->type == JSON_NULL || node->type == rule->type)
			continue;
		return sim_refuse(error, "invalid_type", text_of(rule->name),
		                  text_format(serving->arena,
		                              "Invalid type for '%s': expected %s, but got %s "
		                              "instead.",
		                              rule->name, rule->article, json_type_name(node)));
	}
	return true;
}

/* What OpenAI knows on these endpoints beside the acted-on members: for `refuse-unknown`. */
static const char *const known[] = {
    "audio",
    "best_of",
    "echo",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "metadata",
    "modalities",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "safety_identifier",
    "service_tier",
    "store",
    "suffix",
    "user",
    "verbosity",
    "web_search_options",
};

static bool question_is_named(struct text name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (text_is(name, names[i]))
			return true;
	return false;
}

static bool question_check_duplicates(const struct sim_serving *serving, const struct json *body,
                                      struct sim_error *error)
{
	if (!body->has_duplicate)
		return true;
	JSON_EACH(member, body)
	{
		for (size_t i = 0; member->duplicate && i < ARRAY_LENGTH(acted_on); i++)
			if (text_is(member->key, acted_on[i]))
				return sim_refuse(error, "duplicate_parameter", member->key,
				                  text_format(serving->arena,
				                              "Parameter '%s' is given twice.",
				                              acted_on[i]));
	}
	return true;
}

static bool question_check_known(const struct sim_serving *serving, const struct json *body,
                                 struct sim_error *error)
{
	bool streamed_only = sim_breaks(serving, SIM_HT_09) && serving->streamed;
	bool lacks_store = sim_breaks(serving, SIM_PA_14) && json_member(body, "store") != NULL;

	if (lacks_store)
		return sim_refuse(error, "unknown_parameter", TEXT("store"),
		                  TEXT("Unknown parameter: 'store'."));
	if (text_is(json_string(body, "reasoning_effort"), "high") &&
	    sim_breaks(serving, SIM_RE_03))
		return sim_refuse(error, "unsupported_value", TEXT("reasoning_effort"),
		                  TEXT("Unsupported value: 'reasoning_effort' does not support "
		                       "'high' with this model."));
	if (!sim_breaks(serving, SIM_REFUSE_UNKNOWN) && !streamed_only)
		return true;
	JSON_EACH(member, body)
	{
		if (!question_is_named(member->key, known, ARRAY_LENGTH(known)) &&
		    !question_is_named(member->key, acted_on, ARRAY_LENGTH(acted_on)))
			return sim_refuse(error, "unknown_parameter", member->key,
			                  text_format(serving->arena, "Unknown parameter: '%.*s'.",
			                              TEXT_ARG(member->key)));
	}
	return true;
}

static bool question_refuse_stop(const struct sim_serving *serving, const struct json *stop,
                                 struct sim_error *error)
{
	if (stop->type == JSON_ARRAY && stop->count > SIM_CHAT_STOPS_MAX)
		return sim_refuse(
		    error, "array_above_max_length", TEXT("stop"),
		    text_format(serving->arena,
		                "Invalid 'stop': array too long. Expected an array with maximum "
		                "length %d, but got an array with length %u instead.",
		                SIM_CHAT_STOPS_MAX, stop->count));
	return sim_refuse(error, "invalid_type", TEXT("stop"),
	                  TEXT("Invalid type for 'stop': expected a string or an array of "
	                       "strings."));
}

static bool question_read_stops(const struct sim_serving *serving, struct sim_ask *ask,
                                struct sim_error *error)
{
	const struct json *stop = json_member(ask->body, "stop");

	if (stop == NULL || stop->type == JSON_NULL)
		return true;
	if (stop->type == JSON_STRING) {
		if (stop->text.len > 0)
			ask->stops[ask->stop_count++] = stop->text;
		return true;
	}
	size_t most = serving->native != NULL ? SIM_STOPS_MAX : SIM_CHAT_STOPS_MAX;
	if (stop->type != JSON_ARRAY || stop->count > most)
		return question_refuse_stop(serving, stop, error);
	JSON_EACH(item, stop)
	{
		if (item->type != JSON_STRING)
			return question_refuse_stop(serving, item, error);
		if (item->text.len > 0)
			ask->stops[ask->stop_count++] = item->text;
	}
	return true;
}

static bool question_read_stream(const struct sim_serving *serving, struct sim_ask *ask,
                                 struct sim_error *error)
{
	const struct json *options = json_member(ask->body, "stream_options");

	ask->streamed = json_truth(ask->body, "stream", false);
	ask->usage_asked = json_truth(options, "include_usage", false);
	ask->cost_asked = json_truth(json_member(ask->body, "usage"), "include", false);
	ask->obfuscated = json_truth(options, "include_obfuscation", true);
	ask->extras = json_truth(options, "include_obfuscation", false);
	if (json_is(options, JSON_OBJECT) && sim_breaks(serving, SIM_SU_03))
		return sim_refuse(error, "unknown_parameter", TEXT("stream_options"),
		                  TEXT("Unknown parameter: 'stream_options'."));
	if (json_is(options, JSON_OBJECT) && !ask->streamed)
		return sim_refuse(error, NULL, TEXT("stream_options"),
		                  TEXT("The 'stream_options' parameter is only allowed when "
		                       "'stream' is enabled."));
	return true;
}

static bool question_read_logprobs(struct sim_ask *ask, struct sim_error *error)
{
	static const int64_t range[] = {0, SIM_TOP_LOGPROBS_MAX};
	const struct json *logprobs = json_member(ask->body, "logprobs");

	if (ask->endpoint != ENDPOINT_CHAT) {
		ask->logprobs = json_is(logprobs, JSON_NUMBER);
		ask->top_logprobs = sim_integer(ask->body, "logprobs", range, 0);
		return true;
	}
	if (logprobs != NULL && logprobs->type != JSON_NULL && logprobs->type != JSON_BOOL)
		return sim_refuse(error, "invalid_type", TEXT("logprobs"),
		                  TEXT("Invalid type for 'logprobs': expected a boolean."));
	ask->logprobs = json_truth(ask->body, "logprobs", false);
	ask->top_logprobs = sim_integer(ask->body, "top_logprobs", range, 0);
	if (json_is(json_member(ask->body, "top_logprobs"), JSON_NUMBER) && !ask->logprobs)
		return sim_refuse(error, NULL, TEXT("top_logprobs"),
		                  TEXT("The 'top_logprobs' parameter is only allowed when "
		                       "'logprobs' is enabled."));
	return true;
}

static bool question_read_limits(struct sim_ask *ask, struct sim_error *error)
{
	static const int64_t limits[] = {0, INT32_MAX}, choices[] = {1, SIM_CHOICES_MAX};
	int64_t old = sim_integer(ask->body, "max_tokens", limits, -1);
	int64_t new = sim_integer(ask->body, "max_completion_tokens", limits, -1);

	if (ask->endpoint == ENDPOINT_CHAT && old >= 0 && new >= 0)
		return sim_refuse(error, "invalid_parameter_combination", TEXT("max_tokens"),
		                  TEXT("Setting 'max_tokens' and 'max_completion_tokens' at the "
		                       "same time is not supported."));
	ask->max_tokens = new >= 0 ? new : old;
	if (ask->endpoint == ENDPOINT_COMPLETIONS && old < 0)
		ask->max_tokens = SIM_COMPLETION_TOKENS;
	ask->n = sim_integer(ask->body, "n", choices, 1);
	return true;
}

/* The model must be one of ours; what it is asked must fit it. */
static bool question_check_model(const struct sim_serving *serving, struct sim_ask *ask,
                                 struct sim_error *error)
{
	const struct sim_setup *setup = serving->setup;
	const struct json *model = json_member(ask->body, "model");

	if (model == NULL || model->type == JSON_NULL)
		return sim_refuse(error, NULL, (struct text){0},
		                  TEXT("you must provide a model parameter"));
	if (model->type != JSON_STRING)
		return sim_refuse(error, "invalid_type", TEXT("model"),
		                  text_format(serving->arena,
		                              "Invalid type for 'model': expected a string, but "
		                              "got %s instead.",
		                              json_type_name(model)));
	ask->model = model->text;
	for (size_t i = 0; i < setup->model_count; i++)
		if (text_equal(setup->models[i], model->text))
			return true;
	if (sim_breaks(serving, SIM_ER_03)) {
		ask->model = setup->models[0];
		return true;
	}
	(void)sim_refuse(error, "model_not_found", (struct text){0},
	                 text_format(serving->arena,
	                             "The model `%.*s` does not exist or you do not have access "
	                             "to it.",
	                             TEXT_ARG(text_slice(model->text, 0, 200))));
	error->status = 404;
	return false;
}

static bool question_check_context(const struct sim_serving *serving, struct sim_ask *ask,
                                   struct sim_error *error)
{
	int64_t context = serving->setup->context;

	ask->prompt_tokens = sim_tokens_prompt(ask);
	if (ask->prompt_tokens <= context)
		return true;
	if (sim_breaks(serving, SIM_ER_07)) {
		ask->prompt_tokens = context / 2;
		return true;
	}
	return sim_refuse(error, "context_length_exceeded",
	                  ask->endpoint == ENDPOINT_CHAT ? TEXT("messages") : TEXT("prompt"),
	                  text_format(serving->arena,
	                              "This model's maximum context length is %lld tokens. "
	                              "However, your messages resulted in %lld tokens. Please "
	                              "reduce the length of the messages.",
	                              (long long)context, (long long)ask->prompt_tokens));
}

static bool question_check_prompt(const struct sim_ask *ask, struct sim_error *error)
{
	const struct json *prompt = json_member(ask->body, "prompt");

	if (json_is(prompt, JSON_STRING) || (json_is(prompt, JSON_ARRAY) && prompt->count > 0))
		return true;
	return sim_refuse(error, prompt == NULL ? "missing_required_parameter" : "invalid_type",
	                  TEXT("prompt"),
	                  prompt == NULL ? TEXT("Missing required parameter: 'prompt'.")
	                                 : TEXT("Invalid type for 'prompt': expected a string or "
	                                        "an array of strings."));
}

/* The parts that only the chat endpoint has. */
static bool question_read_chat(const struct sim_serving *serving, struct sim_ask *ask,
                               struct sim_error *error)
{
	ask->messages = json_member(ask->body, "messages");
	if (!sim_messages_check(serving, ask->messages, error)) {
		if (sim_breaks(serving, SIM_ER_06)) {
			error->status = 500;
			error->type = TEXT("server_error");
		}
		return false;
	}
	if (sim_breaks(serving, SIM_CH_13) &&
	    text_is(json_string(ask->messages->last, "role"), "assistant")) {
		(void)sim_refuse(error, NULL, TEXT("messages"), TEXT("Internal error."));
		error->status = 500;
		return false;
	}
	return sim_tools_read(serving, ask, error) && sim_format_read(serving, ask, error);
}

bool sim_question_read(const struct sim_serving *serving, enum endpoint endpoint,
                       const struct json *body, struct sim_ask *ask, struct sim_error *error)
{
	*ask = (struct sim_ask){.endpoint = endpoint, .body = body, .parallel = true};
	if (!question_check_duplicates(serving, body, error) ||
	    !question_check_model(serving, ask, error) ||
	    !question_check_types(serving, body, error) ||
	    !question_check_known(serving, body, error))
		return false;
	if (endpoint == ENDPOINT_CHAT ? !question_read_chat(serving, ask, error)
	                              : !question_check_prompt(ask, error))
		return false;
	ask->echo = json_truth(body, "echo", false);
	return question_check_numbers(serving, body, endpoint, error) &&
	       question_read_limits(ask, error) && question_read_stops(serving, ask, error) &&
	       question_read_stream(serving, ask, error) && question_read_logprobs(ask, error) &&
	       question_check_context(serving, ask, error);
}
