/*
 * What the vectors of an embeddings reply are: how many, of which form and size, and which of
 * them must point the same way as another, of this reply or of an earlier one.
 */
#include "cases/expect/expect_private.h"
#include "harness/base/base64.h"

#include <math.h>

enum {
	EMBEDDINGS_MAX_ITEMS = 2048,
	EMBEDDINGS_MAX_DIMENSIONS = 65536,
	FLOAT_BYTES = 4,
};

enum encoding { ENCODING_FLOAT, ENCODING_BASE64, ENCODINGS, ENCODING_ANY = -1 };

static const char *const encoding_names[] = {"float", "base64", NULL};

/* Two vectors whose cosine is at least that. */
struct alike {
	int64_t item;
	int64_t to;   /* of the other reply */
	int64_t step; /* whose reply; -1: this one */
	const struct json *cosine_node;
	double cosine;
	const struct json *node;
};

struct expect_embeddings {
	int64_t count, dimensions; /* -1: not asked */
	int encoding;
	struct setting_list alike; /* of struct alike */
};

/* clang-format off */
#define INDEX(key, least, about) \
	{.name = #key, .type = SETTING_INT, .offset = offsetof(struct alike, key), .min = least, \
	 .max = EMBEDDINGS_MAX_ITEMS, .doc = about}
static const struct setting alike_rows[] = {
	INDEX(item, 0, "index of a vector of this reply"),
	INDEX(to, 0, "index of the vector that it is held against"),
	{.name = "step", .type = SETTING_INT, .offset = offsetof(struct alike, step),
	 .max = TEMPLATE_STEPS - 1, .doc = "the step of that one (default: this reply)"},
	{.name = "cosine", .type = SETTING_NODE, .offset = offsetof(struct alike, cosine_node),
	 .flags = SETTING_REQUIRED, .doc = "their cosine, at least"},
};
#undef INDEX
static const struct setting_table alike_table = {
	.what = "likeness", .rows = alike_rows, .count = ARRAY_LENGTH(alike_rows),
	.node_offset = offsetof(struct alike, node) + 1};

static const struct setting embeddings_rows[] = {
	{.name = "count", .type = SETTING_INT, .offset = offsetof(struct expect_embeddings, count),
	 .min = 1, .max = EMBEDDINGS_MAX_ITEMS, .doc = "how many vectors"},
	{.name = "dimensions", .type = SETTING_INT,
	 .offset = offsetof(struct expect_embeddings, dimensions), .min = 1,
	 .max = EMBEDDINGS_MAX_DIMENSIONS, .doc = "how many numbers each has"},
	{.name = "encoding", .type = SETTING_ENUM,
	 .offset = offsetof(struct expect_embeddings, encoding), .names = encoding_names,
	 .doc = "float: lists of numbers; base64: little-endian float32 in base64"},
	{.name = "alike", .type = SETTING_LIST, .offset = offsetof(struct expect_embeddings, alike),
	 .table = &alike_table, .item_size = sizeof(struct alike),
	 .doc = "vectors that point the same way"},
};
static const struct setting_table embeddings_table = {
	.what = "expectation of vectors", .rows = embeddings_rows,
	.count = ARRAY_LENGTH(embeddings_rows)};
/* clang-format on */

/* --- reading ------------------------------------------------------------------------------ */

static bool read_alike(struct expect_reader *reader, struct alike *alike)
{
	/* Items of lists start zeroed, so a step that was not given is told from step 0 here. */
	if (json_member(alike->node, "step") == NULL)
		alike->step = -1;
	if (alike->step < 0 && alike->item == alike->to)
		return expect_fault(reader, alike->node, "a vector is always like itself");
	if (json_is(alike->cosine_node, JSON_NUMBER) &&
	    text_to_double(alike->cosine_node->text, &alike->cosine) && alike->cosine > -1 &&
	    alike->cosine < 1)
		return true;
	return expect_fault(reader, alike->cosine_node,
	                    "want a cosine between -1 and 1, such as 0.999");
}

bool expect_read_embeddings(struct expect_reader *reader, const struct json *node,
                            const struct expect_embeddings **out)
{
	struct expect_embeddings *expect = ARENA_NEW(reader->arena, struct expect_embeddings);
	bool good = true;

	*expect =
	    (struct expect_embeddings){.count = -1, .dimensions = -1, .encoding = ENCODING_ANY};
	*out = expect;
	if (!settings_read(&embeddings_table, node, expect, reader->arena, reader->faults))
		return false;
	if (!json_is(node, JSON_OBJECT) || node->count == 0)
		return expect_fault(reader, node, "this asks nothing of the vectors");
	struct alike *alike = expect->alike.items;
	for (size_t i = 0; i < expect->alike.count; i++)
		good &= read_alike(reader, &alike[i]);
	return good;
}

bool expect_embeddings_fit(const struct expect_embeddings *expect, const struct expect_step *step,
                           struct fault_list *faults)
{
	const struct alike *alike = expect->alike.items;
	bool good = true;

	for (size_t i = 0; i < expect->alike.count; i++) {
		if (alike[i].step < 0 || (size_t)alike[i].step < step->steps_before)
			continue;
		fault_list_at(faults, json_place(alike[i].node),
		              "there is no step %lld before this one", (long long)alike[i].step);
		good = false;
	}
	return good;
}

/* --- vectors ------------------------------------------------------------------------------ */

struct vector {
	const double *values;
	size_t count; /* 0: it could not be read */
};

static const struct json *embedding_at(const struct chat_reply *reply, int64_t item)
{
	const struct json *data = json_member(reply->body, "data");

	if (!json_is(data, JSON_ARRAY))
		return NULL;
	return json_member(json_at(data, (size_t)item), "embedding");
}

static bool read_numbers(const struct json *list, double *values)
{
	JSON_EACH(number, list)
	{
		if (!json_is(number, JSON_NUMBER) || !text_to_double(number->text, values++))
			return false;
	}
	return true;
}

static double float_at(struct text bytes, size_t at)
{
	uint32_t bits = 0;
	float value;

	for (size_t i = FLOAT_BYTES; i-- > 0;)
		bits = bits << 8 | (unsigned char)bytes.data[at + i];
	memcpy(&value, &bits, sizeof(value));
	return (double)value;
}

static struct vector vector_of(const struct json *embedding, struct arena *arena)
{
	struct vector none = {NULL, 0};
	struct text bytes;

	if (json_is(embedding, JSON_ARRAY) && embedding->count <= EMBEDDINGS_MAX_DIMENSIONS) {
		double *values = ARENA_NEW_ARRAY(arena, double, (size_t)embedding->count + 1);
		return read_numbers(embedding, values) ? (struct vector){values, embedding->count}
		                                       : none;
	}
	if (!json_is(embedding, JSON_STRING) || !base64_decode(embedding->text, arena, &bytes) ||
	    bytes.len % FLOAT_BYTES != 0 || bytes.len / FLOAT_BYTES > EMBEDDINGS_MAX_DIMENSIONS)
		return none;
	size_t count = bytes.len / FLOAT_BYTES;
	double *values = ARENA_NEW_ARRAY(arena, double, count + 1);
	for (size_t i = 0; i < count; i++)
		values[i] = float_at(bytes, i * FLOAT_BYTES);
	return (struct vector){values, count};
}

/* NaN where one of them is no direction, or holds what is no number. */
static double cosine_of(struct vector a, struct vector b)
{
	double product = 0, a_square = 0, b_square = 0;

	for (size_t i = 0; i < a.count; i++) {
		product += a.values[i] * b.values[i];
		a_square += a.values[i] * a.values[i];
		b_square += b.values[i] * b.values[i];
	}
	return product / (sqrt(a_square) * sqrt(b_square));
}

/* --- judging ------------------------------------------------------------------------------ */

static void check_form(const struct expect_embeddings *expect, const struct judgement *judgement,
                       const struct json *embedding, size_t at)
{
	bool wanted =
	    json_is(embedding, expect->encoding == ENCODING_BASE64 ? JSON_STRING : JSON_ARRAY);

	if (expect->encoding != ENCODING_ANY && !wanted) {
		judge(judgement, FINDING_VIOLATION, "the embedding %zu is %s, want %s", at,
		      json_type_name(embedding),
		      expect->encoding == ENCODING_BASE64 ? "a string of base64"
		                                          : "a list of numbers");
		return;
	}
	struct vector vector = vector_of(embedding, judgement->arena);
	if (vector.count == 0)
		judge(judgement, FINDING_VIOLATION,
		      "the embedding %zu holds neither numbers nor float32 in base64", at);
	else if (expect->dimensions >= 0 && vector.count != (size_t)expect->dimensions)
		judge(judgement, FINDING_VIOLATION,
		      "the embedding %zu has %zu dimensions, want %lld", at, vector.count,
		      (long long)expect->dimensions);
}

static void check_alike(const struct alike *alike, const struct judgement *judgement)
{
	const struct observation *seen = judgement->seen;
	const struct chat_reply *other = alike->step < 0 ? seen->reply
	                                 : (size_t)alike->step < seen->values->step_count
	                                     ? seen->values->steps[alike->step]
	                                     : NULL;

	if (other == NULL) {
		judge(judgement, FINDING_HARNESS, "the reply to step %lld is not at hand",
		      (long long)alike->step);
		return;
	}
	struct vector a = vector_of(embedding_at(seen->reply, alike->item), judgement->arena);
	struct vector b = vector_of(embedding_at(other, alike->to), judgement->arena);
	if (a.count == 0 || a.count != b.count) {
		judge(judgement, FINDING_VIOLATION,
		      "embedding %lld has %zu dimensions, and that which it should be like has %zu",
		      (long long)alike->item, a.count, b.count);
		return;
	}
	double cosine = cosine_of(a, b);
	if (!(cosine >= alike->cosine)) /* also where it is none */
		judge(judgement, FINDING_MISS,
		      "embedding %lld has the cosine %.4f with that which it should be like, want "
		      "%.4f",
		      (long long)alike->item, cosine, alike->cosine);
}

void expect_check_embeddings(const struct expect_embeddings *expect,
                             const struct judgement *judgement)
{
	const struct json *data = json_member(judgement->seen->reply->body, "data");
	const struct alike *alike = expect->alike.items;
	size_t at = 0;

	if (!json_is(data, JSON_ARRAY) || data->count == 0) {
		judge(judgement, FINDING_VIOLATION, "there are no embeddings");
		return;
	}
	if (expect->count >= 0 && data->count != (size_t)expect->count)
		judge(judgement, FINDING_VIOLATION, "there are %zu embeddings, want %lld",
		      (size_t)data->count, (long long)expect->count);
	JSON_EACH(item, data)
	{
		size_t before = judgement->findings->count;
		check_form(expect, judgement, json_member(item, "embedding"), at++);
		if (judgement->findings->count > before)
			return; /* one of them tells what is wrong with all */
	}
	for (size_t i = 0; i < expect->alike.count; i++)
		check_alike(&alike[i], judgement);
}
