/*
 * Embeddings: a vector of each text, made from its tokens, so that equal texts
 * have equal vectors and similar texts similar ones.
 */
#include "harness/base/base64.h"
#include "providers/sim/sim_private.h"

#include <math.h>

enum {
	EMBED_DECIMALS = 8,
	EMBED_TOTAL_TOKENS = 300000, /* of one request, as OpenAI has it */
};

struct embed_ask {
	const struct json *input;
	size_t dimensions;
	bool base64;
	int64_t tokens;
};

/* --- the question --- */

static bool embed_is_text(const struct json *input)
{
	return (json_is(input, JSON_STRING) && input->text.len > 0) ||
	       (json_is(input, JSON_ARRAY) && json_is(input->first, JSON_NUMBER));
}

static bool embed_has_tokens(const struct json *input)
{
	return json_is(input, JSON_ARRAY) &&
	       (json_is(input->first, JSON_NUMBER) || json_is(input->first, JSON_ARRAY));
}

static bool embed_check_input(const struct sim_serving *serving, const struct json *input,
                              struct sim_error *error)
{
	if (embed_has_tokens(input) && sim_breaks(serving, SIM_EM_03_TOKENS))
		return sim_refuse(error, "invalid_type", TEXT("input"),
		                  TEXT("Invalid type for 'input': expected a string or an array of "
		                       "strings."));
	if (input == NULL)
		return sim_refuse(error, "missing_required_parameter", TEXT("input"),
		                  TEXT("Missing required parameter: 'input'."));
	if (embed_is_text(input))
		return true;
	bool good = json_is(input, JSON_ARRAY) && input->count > 0 &&
	            input->count <= SIM_EMBEDDING_INPUTS_MAX;
	for (const struct json *item = good ? input->first : NULL; item != NULL; item = item->next)
		good = good && embed_is_text(item);
	return good ? true
	            : sim_refuse(error, "invalid_input", TEXT("input"),
	                         TEXT("'input' must be a non-empty string or an array of at most "
	                              "2048 non-empty strings or token lists."));
}

static int64_t embed_count(const struct json *input)
{
	return input->type == JSON_ARRAY ? (int64_t)input->count : sim_tokens_count(input->text);
}

/* Of each text its own context, and of all together no more than a request may have. */
static bool embed_check_length(const struct sim_serving *serving, const struct json *input,
                               struct sim_error *error)
{
	int64_t total = 0, longest = 0;

	if (embed_is_text(input))
		total = longest = embed_count(input);
	else
		JSON_EACH(item, input)
		{
			int64_t count = embed_count(item);
			total += count;
			longest = int64_max(longest, count);
		}
	if (longest <= serving->setup->context && total <= EMBED_TOTAL_TOKENS)
		return true;
	return sim_refuse(error, "context_length_exceeded", TEXT("input"),
	                  text_format(serving->arena,
	                              "This model's maximum context length is %lld tokens, however "
	                              "you requested %lld tokens.",
	                              (long long)serving->setup->context, (long long)total));
}

static bool embed_read(const struct sim_serving *serving, const struct json *body,
                       struct embed_ask *ask, struct sim_error *error)
{
	const struct json *dimensions = json_member(body, "dimensions");
	const struct json *format = json_member(body, "encoding_format");
	int64_t count = SIM_EMBEDDING_DIMENSIONS;

	*ask = (struct embed_ask){.input = json_member(body, "input")};
	if (!embed_check_input(serving, ask->input, error) ||
	    !embed_check_length(serving, ask->input, error))
		return false;
	if (dimensions != NULL && dimensions->type != JSON_NULL &&
	    !json_node_integer(dimensions, 1, SIM_EMBEDDING_DIMENSIONS, &count))
		return sim_refuse(error, "invalid_value", TEXT("dimensions"),
		                  text_format(serving->arena,
		                              "Invalid 'dimensions': expected an integer from 1 to "
		                              "%d.",
		                              SIM_EMBEDDING_DIMENSIONS));
	ask->dimensions = sim_breaks(serving, SIM_EM_03) ? SIM_EMBEDDING_DIMENSIONS : (size_t)count;
	ask->base64 = json_is(format, JSON_STRING) && text_is(format->text, "base64");
	bool known = format == NULL || format->type == JSON_NULL || ask->base64 ||
	             (format->type == JSON_STRING && text_is(format->text, "float"));
	if (sim_breaks(serving, SIM_EM_02))
		ask->base64 = false;
	return known ? true
	             : sim_refuse(error, "invalid_value", TEXT("encoding_format"),
	                          TEXT("Invalid value for 'encoding_format'. Supported values are: "
	                               "'float' and 'base64'."));
}

/* --- the vectors --- */

static void embed_add_token(float *vector, uint64_t token, size_t dimensions)
{
	for (size_t i = 0; i < dimensions; i++) {
		uint64_t draw = sim_draw(token, i);
		vector[i] += (float)((int64_t)(draw >> 40) - (1 << 23)) / (float)(1 << 23);
	}
}

static uint64_t embed_hash(struct text token)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < token.len; i++)
		hash = (hash ^ (unsigned char)token.data[i]) * 0x100000001b3u;
	return hash;
}

static void embed_normalise(float *vector, size_t dimensions)
{
	double square = 0;

	for (size_t i = 0; i < dimensions; i++)
		square += (double)vector[i] * (double)vector[i];
	double length = sqrt(square);
	for (size_t i = 0; i < dimensions; i++)
		vector[i] = length > 0 ? (float)((double)vector[i] / length) : 0;
}

/* Returns the tokens of the text. */
static int64_t embed_make(const struct json *input, float *vector, size_t dimensions)
{
	int64_t count = 0;

	if (input->type == JSON_ARRAY) {
		JSON_EACH(token, input)
		{
			embed_add_token(vector, embed_hash(token->text), dimensions);
			count++;
		}
	} else {
		for (size_t at = 0, size; at < input->text.len; at += size, count++) {
			size = sim_tokens_next(text_slice(input->text, at, input->text.len));
			embed_add_token(
			    vector, embed_hash(text_trim(text_slice(input->text, at, at + size))),
			    dimensions);
		}
	}
	embed_normalise(vector, dimensions);
	return count;
}

/* --- the bytes --- */

/* Little-endian float32, as numpy reads them. */
static struct text embed_base64(struct arena *arena, const float *vector, size_t dimensions)
{
	char *raw = arena_alloc_bytes(arena, dimensions * 4 + 1);

	for (size_t i = 0; i < dimensions; i++) {
		uint32_t bits;
		memcpy(&bits, &vector[i], sizeof(bits));
		for (size_t k = 0; k < 4; k++)
			raw[4 * i + k] = (char)(unsigned char)(bits >> (8 * k) & 0xff);
	}
	return base64_encode(arena, (struct text){raw, dimensions * 4});
}

static void embed_write(struct json_writer *writer, struct embed_ask *ask,
                        const struct sim_serving *serving, const struct json *input, size_t index)
{
	struct arena *arena = serving->arena;
	float *vector = ARENA_NEW_ARRAY(arena, float, ask->dimensions);

	ask->tokens += embed_make(input, vector, ask->dimensions);
	if (index > 0 && sim_breaks(serving, SIM_EM_04)) {
		embed_add_token(vector, index, ask->dimensions);
		embed_normalise(vector, ask->dimensions);
	}
	json_write_object(writer);
	json_write_member_c(writer, "object", "embedding");
	json_write_member_int(writer, "index", (int64_t)index);
	json_write_key(writer, "embedding");
	if (ask->base64) {
		json_write_string(writer, embed_base64(arena, vector, ask->dimensions));
	} else {
		json_write_array(writer);
		for (size_t i = 0; i < ask->dimensions; i++)
			json_write_double(writer, (double)vector[i], EMBED_DECIMALS);
		json_write_array_end(writer);
	}
	json_write_object_end(writer);
}

static void embed_write_all(struct json_writer *writer, struct embed_ask *ask,
                            const struct sim_serving *serving)
{
	size_t count = embed_is_text(ask->input) ? 1 : ask->input->count;
	bool reversed = sim_breaks(serving, SIM_EM_01);

	for (size_t i = 0; i < count; i++) {
		size_t index = reversed ? count - 1 - i : i;
		embed_write(writer, ask, serving,
		            embed_is_text(ask->input) ? ask->input : json_at(ask->input, index),
		            index);
	}
}

static bool embed_check_model(const struct sim_serving *serving, struct text model,
                              struct sim_error *error)
{
	for (size_t i = 0; i < serving->setup->model_count; i++)
		if (text_equal(serving->setup->models[i], model))
			return true;
	(void)sim_refuse(error, "model_not_found", (struct text){0},
	                 text_format(serving->arena,
	                             "The model `%.*s` does not exist or you do not have access "
	                             "to it.",
	                             TEXT_ARG(text_slice(model, 0, 200))));
	error->status = 404;
	return false;
}

bool sim_embed_answer(const struct sim_serving *serving, const struct json *body,
                      struct text_buf *out, struct sim_error *error)
{
	struct text model = json_string(body, "model");
	struct json_writer writer;
	struct embed_ask ask;

	if (!embed_check_model(serving, model, error) || !embed_read(serving, body, &ask, error))
		return false;
	json_writer_init(&writer, out, false);
	json_write_object(&writer);
	json_write_member_c(&writer, "object", "list");
	json_write_key(&writer, "data");
	json_write_array(&writer);
	embed_write_all(&writer, &ask, serving);
	json_write_array_end(&writer);
	json_write_member(&writer, "model", model);
	json_write_key(&writer, "usage");
	json_write_object(&writer);
	json_write_member_int(&writer, "prompt_tokens", ask.tokens);
	json_write_member_int(&writer, "total_tokens", ask.tokens);
	json_write_object_end(&writer);
	json_write_object_end(&writer);
	return true;
}
