/*
 * Token counts, wherever and under whatever name a provider puts them, in one
 * convention: input includes cached reads and writes, -1 is unknown.
 *
 * What each place and name means, and who uses it: PROVIDERS.md, 0.2 and 0.3.
 */
#include "providers/reply/reply_build.h"

enum {
	USD_DECIMALS = 12,         /* a pico-USD */
	PICO_USD_PER_TICK = 100,   /* xAI: one tick is 1e-10 USD */
	USD_MAX_EXPONENT = 30,     /* beyond: no amount of money */
	USD_MAX_DIGITS = 19 + 200, /* more digits than any cost has */
	/* The largest context that a config may give a model. More is no count: one such answer
	 * would spend a budget for ever. */
	TOKENS_MAX = 1000000000,
};

/* A member as a count, or -1. */
static int64_t count_of(const struct json *object, const char *name)
{
	int64_t value;

	return json_integer(object, name, 0, TOKENS_MAX, &value) ? value : -1;
}

static int64_t first_known(int64_t a, int64_t b)
{
	return a >= 0 ? a : b;
}

/* a + b where both are known. */
static int64_t known_sum(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

static int64_t or_zero(int64_t count)
{
	return int64_max(count, 0);
}

/* --- money ---------------------------------------------------------------- */

/* Digits and exponent of a JSON number that is at least 0: value = digits * 10^exponent. */
struct decimal {
	char digits[USD_MAX_DIGITS];
	size_t len;
	int64_t exponent;
};

static bool read_decimal(struct text number, struct decimal *out)
{
	size_t at = 0;
	bool fraction = false;

	*out = (struct decimal){.len = 0};
	for (; at < number.len; at++) {
		char c = number.data[at];
		if (c == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		if (out->len == USD_MAX_DIGITS)
			return false;
		if (out->len > 0 || c != '0')
			out->digits[out->len++] = c;
		if (fraction)
			out->exponent--;
	}
	if (at == 0)
		return false;
	if (at < number.len) {
		int64_t exponent;
		struct text rest = text_slice(number, at + 1, number.len);
		if ((number.data[at] != 'e' && number.data[at] != 'E') || rest.len == 0)
			return false;
		if (rest.data[0] == '+')
			rest = text_slice(rest, 1, rest.len);
		if (!text_to_int64(rest, -1000, USD_MAX_EXPONENT, &exponent))
			return false;
		out->exponent += exponent;
	}
	return true;
}

bool usage_parse_usd(struct text number, int64_t *out_pico_usd)
{
	struct decimal decimal;
	int64_t value = 0;

	if (!read_decimal(number, &decimal))
		return false;
	/* digits that stand left of the last pico-USD, zeros added where there are none */
	int64_t wanted = (int64_t)decimal.len + decimal.exponent + USD_DECIMALS;
	for (int64_t i = 0; i < wanted; i++) {
		int digit = i < (int64_t)decimal.len ? decimal.digits[i] - '0' : 0;
		if (value == 0 && i >= (int64_t)decimal.len)
			break;
		if (value > (INT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (wanted >= 0 && wanted < (int64_t)decimal.len && decimal.digits[wanted] >= '5' &&
	    value < INT64_MAX)
		value++;
	*out_pico_usd = value;
	return true;
}

static int64_t cost_of(const struct json *usage)
{
	const struct json *cost = json_member(usage, "cost");
	int64_t pico_usd;
	int64_t ticks;

	if (json_is(cost, JSON_OBJECT)) /* Perplexity */
		cost = json_member(cost, "total_cost");
	if (json_is(cost, JSON_NUMBER) && usage_parse_usd(cost->text, &pico_usd))
		return pico_usd;
	if (json_integer(usage, "cost_in_usd_ticks", 0, INT64_MAX / PICO_USD_PER_TICK, &ticks))
		return ticks * PICO_USD_PER_TICK;
	return -1;
}

/* --- what the price depends on beside tokens -------------------------------------- */

/* Names of what is not the standard: OpenAI, Anthropic, Gemini, Groq (performance), Fireworks. */
static const struct {
	const char *name;
	enum chat_service service;
} service_tiers[] = {
    {"batch", CHAT_SERVICE_BATCH},
    {"flex", CHAT_SERVICE_FLEX},
    {"priority", CHAT_SERVICE_PRIORITY},
    {"fast", CHAT_SERVICE_PRIORITY},
    {"performance", CHAT_SERVICE_PRIORITY},
    {"ON_DEMAND_FLEX", CHAT_SERVICE_FLEX},
    {"ON_DEMAND_PRIORITY", CHAT_SERVICE_PRIORITY},
};

void usage_note_service(struct reply_build *build, struct text tier)
{
	if (tier.len == 0)
		return;
	build->reply->usage.service = CHAT_SERVICE_STANDARD;
	for (size_t i = 0; i < ARRAY_LENGTH(service_tiers); i++)
		if (text_equal_ignoring_case(tier, text_of(service_tiers[i].name)))
			build->reply->usage.service = service_tiers[i].service;
}

/* Anthropic says where it ran; "not_available" and what does not fit are no region. */
static void note_region(struct reply_build *build, const struct json *usage)
{
	struct text region = json_string(usage, "inference_geo");
	char *kept = build->reply->usage.region;

	if (region.len == 0 || region.len >= CHAT_REGION_BYTES || text_is(region, "not_available"))
		return;
	memcpy(kept, region.data, region.len);
	kept[region.len] = '\0';
}

/* Perplexity's usage.search_context_size. */
static enum chat_search search_of(const struct json *usage)
{
	struct text size = json_string(usage, "search_context_size");

	if (text_is(size, "low"))
		return CHAT_SEARCH_LOW;
	if (text_is(size, "medium"))
		return CHAT_SEARCH_MEDIUM;
	return text_is(size, "high") ? CHAT_SEARCH_HIGH : CHAT_SEARCH_UNKNOWN;
}

/* Nothing known, but for what stands beside the counts. */
static void forget_counts(struct chat_usage *usage)
{
	struct chat_usage fresh = chat_usage_unknown;

	fresh.service = usage->service;
	memcpy(fresh.region, usage->region, sizeof(fresh.region));
	*usage = fresh;
}

/* --- OpenAI's names, and those beside them -------------------------------- */

/* US-01: one of the integers that must be there. */
static bool judge_count(struct reply_build *build, const struct json *usage, const char *name)
{
	const struct json *member = json_member(usage, name);
	int64_t value;

	if (json_node_integer(member, 0, TOKENS_MAX, &value))
		return true;
	if (member == NULL || member->type == JSON_NULL)
		reply_violates(build, WIRE_US_01, WIRE_DEVIATES, "usage%s has no %s",
		               reply_build_where(build), name);
	else
		reply_violates(build, WIRE_US_01, WIRE_DEVIATES,
		               "usage.%s%s is %.*s, no count of tokens", name,
		               reply_build_where(build),
		               TEXT_ARG(text_visible(build->event_arena, member->text, 40)));
	return false;
}

static void judge_openai(struct reply_build *build, const struct json *usage,
                         const struct chat_usage *read)
{
	bool responses = json_member(usage, "input_tokens") != NULL &&
	                 json_member(usage, "prompt_tokens") == NULL;
	bool embeddings = build->reply->api == CHAT_API_EMBEDDINGS;
	bool whole;

	reply_saw(build, WIRE_US_01);
	whole = judge_count(build, usage, responses ? "input_tokens" : "prompt_tokens");
	if (!embeddings)
		whole &=
		    judge_count(build, usage, responses ? "output_tokens" : "completion_tokens");
	whole &= judge_count(build, usage, "total_tokens");
	if (whole) {
		reply_saw(build, WIRE_US_02);
		if (read->total != read->input + or_zero(read->output))
			reply_violates(build, WIRE_US_02, WIRE_DEVIATES,
			               "total_tokens is %lld%s, and %lld + %lld are %lld",
			               (long long)read->total, reply_build_where(build),
			               (long long)read->input, (long long)or_zero(read->output),
			               (long long)(read->input + or_zero(read->output)));
	}
	if (read->reasoning >= 0 && read->output >= 0) {
		reply_saw(build, WIRE_US_07);
		if (read->reasoning > read->output)
			reply_violates(build, WIRE_US_07, WIRE_DEVIATES,
			               "reasoning_tokens are %lld%s, more than the %lld of "
			               "completion_tokens",
			               (long long)read->reasoning, reply_build_where(build),
			               (long long)read->output);
	}
}

/* Usage that comes several times must grow, or a client that keeps the last one loses some. */
static void judge_repeated(struct reply_build *build, const struct chat_usage *read)
{
	if (build->reply->usage_seen > 0) {
		reply_saw(build, WIRE_SU_04);
		if (read->output >= 0 && read->output < build->usage_output_before)
			reply_violates(build, WIRE_SU_04, WIRE_DEVIATES,
			               "output tokens fall from %lld to %lld%s",
			               (long long)build->usage_output_before,
			               (long long)read->output, reply_build_where(build));
	}
	build->usage_output_before = read->output;
}

static const struct json *either(const struct json *object, const char *a, const char *b)
{
	const struct json *member = json_member(object, a);

	return json_is(member, JSON_OBJECT) ? member : json_member(object, b);
}

static int64_t cached_of(const struct json *usage, const struct json *details)
{
	int64_t cached = count_of(details, "cached_tokens");

	if (cached < 0) /* Mistral's third name, spelt so */
		cached = count_of(json_member(usage, "prompt_token_details"), "cached_tokens");
	cached = first_known(cached, count_of(usage, "prompt_cache_hit_tokens")); /* DeepSeek */
	cached = first_known(cached, count_of(usage, "cached_tokens"));   /* Moonshot, Together */
	return first_known(cached, count_of(usage, "num_cached_tokens")); /* Mistral */
}

static int64_t cache_write_of(const struct json *usage, const struct json *details)
{
	int64_t written = count_of(details, "cache_write_tokens");

	written = first_known(written, count_of(details, "cache_creation_input_tokens"));
	return first_known(written, count_of(usage, "cache_creation_input_tokens")); /* Qwen */
}

void usage_read_openai(struct reply_build *build, const struct json *usage, const char *place)
{
	const struct json *in = either(usage, "prompt_tokens_details", "input_tokens_details");
	const struct json *out =
	    either(usage, "completion_tokens_details", "output_tokens_details");
	struct chat_usage read = build->reply->usage;

	if (!json_is(usage, JSON_OBJECT))
		return;
	forget_counts(&read);
	read.present = true;
	read.input = first_known(count_of(usage, "prompt_tokens"), count_of(usage, "input_tokens"));
	if (read.input < 0)
		read.input = known_sum(count_of(usage, "prompt_cache_hit_tokens"),
		                       count_of(usage, "prompt_cache_miss_tokens"));
	read.output =
	    first_known(count_of(usage, "completion_tokens"), count_of(usage, "output_tokens"));
	read.total = count_of(usage, "total_tokens");
	read.cached_input = cached_of(usage, in);
	read.cache_write = cache_write_of(usage, in);
	read.reasoning =
	    first_known(count_of(out, "reasoning_tokens"), count_of(usage, "reasoning_tokens"));
	read.cost_pico_usd = cost_of(usage);
	read.search = search_of(usage);
	judge_openai(build, usage, &read);
	if (read.input < 0 && read.output < 0 && read.total < 0 && build->reply->usage.present)
		return; /* it says nothing: what was known stays */
	judge_repeated(build, &read);
	build->reply->usage = read;
	build->reply->usage_seen++;
	build->usage_event = build->event;
	build->usage_place = place;
}

/* --- native formats ------------------------------------------------------- */

static void replace_known(int64_t *count, int64_t value)
{
	if (value >= 0)
		*count = value;
}

void usage_read_anthropic(struct reply_build *build, const struct json *usage)
{
	struct chat_usage *kept = &build->reply->usage;
	int64_t *fresh = &build->usage_fresh_input;

	if (!json_is(usage, JSON_OBJECT))
		return;
	if (!kept->present) {
		forget_counts(kept);
		*fresh = -1;
	}
	kept->present = true;
	usage_note_service(build, json_string(usage, "service_tier"));
	note_region(build, usage);
	build->reply->usage_seen++;
	replace_known(fresh, count_of(usage, "input_tokens"));
	replace_known(&kept->cached_input, count_of(usage, "cache_read_input_tokens"));
	replace_known(&kept->cache_write, count_of(usage, "cache_creation_input_tokens"));
	replace_known(&kept->cache_write_1h,
	              count_of(json_member(usage, "cache_creation"), "ephemeral_1h_input_tokens"));
	replace_known(&kept->output, count_of(usage, "output_tokens"));
	replace_known(&kept->reasoning,
	              count_of(json_member(usage, "output_tokens_details"), "thinking_tokens"));
	if (*fresh >= 0)
		kept->input = *fresh + or_zero(kept->cached_input) + or_zero(kept->cache_write);
	kept->total = known_sum(kept->input, kept->output);
}

/*
 * A turn with compaction reports it apart: the sums over `compaction` and
 * `message` are what is billed at this model's price.
 */
void usage_read_anthropic_iterations(struct reply_build *build, const struct json *usage)
{
	const struct json *iterations = json_member(usage, "iterations");
	int64_t fresh = 0, output = 0, cached = 0, written = 0;
	bool compaction = false;

	if (!json_is(iterations, JSON_ARRAY))
		return;
	JSON_EACH(one, iterations)
	{
		struct text type = json_string(one, "type");
		if (text_is(type, "fallback_message"))
			return;
		if (!text_is(type, "compaction") && !text_is(type, "message"))
			continue;
		compaction |= text_is(type, "compaction");
		fresh += or_zero(count_of(one, "input_tokens"));
		output += or_zero(count_of(one, "output_tokens"));
		cached += or_zero(count_of(one, "cache_read_input_tokens"));
		written += or_zero(count_of(one, "cache_creation_input_tokens"));
	}
	if (!compaction)
		return;
	struct chat_usage *kept = &build->reply->usage;
	kept->input = fresh + cached + written;
	kept->output = output;
	kept->cached_input = cached;
	kept->cache_write = written;
	kept->total = kept->input + kept->output;
}

void usage_read_bedrock(struct reply_build *build, const struct json *usage)
{
	struct chat_usage *kept = &build->reply->usage;
	int64_t fresh = count_of(usage, "inputTokens");

	if (!json_is(usage, JSON_OBJECT))
		return;
	forget_counts(kept);
	kept->present = true;
	build->reply->usage_seen++;
	kept->cached_input = count_of(usage, "cacheReadInputTokens");
	kept->cache_write = count_of(usage, "cacheWriteInputTokens");
	JSON_EACH(detail, json_member(usage, "cacheDetails"))
	{
		if (text_is(json_string(detail, "ttl"), "1h"))
			kept->cache_write_1h = count_of(detail, "inputTokens");
	}
	kept->output = count_of(usage, "outputTokens");
	if (fresh >= 0)
		kept->input = fresh + or_zero(kept->cached_input) + or_zero(kept->cache_write);
	kept->total = known_sum(kept->input, kept->output);
}

void usage_read_gemini(struct reply_build *build, const struct json *usage)
{
	struct chat_usage *kept = &build->reply->usage;
	int64_t said = count_of(usage, "totalTokenCount");
	int64_t prompt = count_of(usage, "promptTokenCount");
	int64_t thoughts = count_of(usage, "thoughtsTokenCount");
	int64_t answer = count_of(usage, "candidatesTokenCount");

	if (!json_is(usage, JSON_OBJECT))
		return;
	forget_counts(kept);
	kept->present = true;
	build->reply->usage_seen++;
	if (prompt >= 0)
		kept->input = prompt + or_zero(count_of(usage, "toolUsePromptTokenCount"));
	kept->cached_input = or_zero(count_of(usage, "cachedContentTokenCount"));
	if (prompt >= 0 || answer >= 0 || thoughts >= 0)
		kept->output = or_zero(answer) + or_zero(thoughts);
	kept->reasoning = thoughts;
	kept->total = first_known(said, known_sum(kept->input, kept->output));
	usage_note_service(build, json_string(usage, "serviceTier"));
	usage_note_service(build, json_string(usage, "trafficType"));
	if (said >= 0 && prompt >= 0) {
		reply_saw(build, WIRE_US_02);
		if (said != known_sum(kept->input, kept->output))
			reply_violates(build, WIRE_US_02, WIRE_DEVIATES,
			               "totalTokenCount is %lld%s, and %lld + %lld are %lld",
			               (long long)said, reply_build_where(build),
			               (long long)kept->input, (long long)kept->output,
			               (long long)(kept->input + kept->output));
	}
}

/* Cohere bills `billed_units`; `tokens` also counts a template nobody sees. */
void usage_read_cohere(struct reply_build *build, const struct json *usage)
{
	const struct json *billed = json_member(usage, "billed_units");
	const struct json *tokens = json_member(usage, "tokens");
	struct chat_usage *kept = &build->reply->usage;

	if (!json_is(usage, JSON_OBJECT))
		return;
	forget_counts(kept);
	kept->present = true;
	build->reply->usage_seen++;
	kept->input =
	    first_known(count_of(billed, "input_tokens"), count_of(tokens, "input_tokens"));
	kept->output =
	    first_known(count_of(billed, "output_tokens"), count_of(tokens, "output_tokens"));
	kept->reasoning = count_of(tokens, "reasoning_tokens");
	kept->cached_input = count_of(usage, "cached_tokens");
	kept->total = known_sum(kept->input, kept->output);
}

void usage_read_ollama(struct reply_build *build, const struct json *root)
{
	struct chat_usage *kept = &build->reply->usage;
	int64_t prompt = count_of(root, "prompt_eval_count");
	int64_t answer = count_of(root, "eval_count");

	if (prompt < 0 && answer < 0)
		return;
	forget_counts(kept);
	kept->present = true;
	build->reply->usage_seen++;
	kept->input = prompt;
	kept->output = answer;
	kept->total = known_sum(prompt, answer);
}
