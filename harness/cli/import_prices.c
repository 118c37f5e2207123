/*
 * LiteLLM's price file: one object, a model each (its own documentation of
 * model_prices_and_context_window.json, 2026-07).
 */
#include "harness/cli/import_prices.h"

#include "harness/cli/importer.h"

struct model {
	const struct json *node;
	struct text provider, name;
	const char *endpoint;
	struct model *next; /* of the same provider */
};

struct maker {
	struct text name;
	struct model *first, *last;
};

/* Open addressing: indices + 1, at most half of them taken. A table may hold a million models. */
struct index {
	size_t *slots;
	size_t mask;
};

struct table {
	struct importer importer;
	struct model *models; /* arena */
	size_t count;
	struct maker *makers; /* in the order of their first models; arena */
	size_t maker_count;
	struct index by_name, by_maker;
};

static bool put_model(struct table *table, const struct model *model)
{
	struct import_price prices;

	import_price_init(&prices);
	if (!import_price_read(&table->importer, model->node, &prices))
		return false;
	importer_put(&table->importer, "      ");
	importer_put_quoted(&table->importer, model->name);
	importer_put(&table->importer, ":\n        endpoints: [%s]\n", model->endpoint);
	importer_put_count(&table->importer, model->node, "max_input_tokens", "context");
	importer_put_count(&table->importer, model->node, "max_output_tokens", "max_output");
	import_price_put(&table->importer, model->node, model->endpoint, &prices);
	return true;
}

/* --- what is there already --- */

static void index_init(struct index *index, size_t items, struct arena *arena)
{
	size_t room = 16;

	while (room / 2 < items)
		room = size_mul(room, 2);
	index->slots = ARENA_NEW_ARRAY(arena, size_t, room);
	index->mask = room - 1;
}

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, struct text bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		hash = (hash ^ (unsigned char)bytes.data[i]) * 0x100000001b3;
	return hash;
}

static size_t *slot_of_maker(const struct table *table, struct text name)
{
	const struct index *index = &table->by_maker;
	size_t at = (size_t)hash_text(0xcbf29ce484222325, name) & index->mask;

	while (index->slots[at] != 0 && !text_equal(table->makers[index->slots[at] - 1].name, name))
		at = (at + 1) & index->mask;
	return &index->slots[at];
}

static size_t *slot_of_model(const struct table *table, const struct model *model)
{
	const struct index *index = &table->by_name;
	uint64_t hash = hash_text(hash_text(0xcbf29ce484222325, model->provider), model->name);
	size_t at = (size_t)(hash ^ hash >> 29) & index->mask;

	for (; index->slots[at] != 0; at = (at + 1) & index->mask) {
		const struct model *there = &table->models[index->slots[at] - 1];
		if (text_equal(there->name, model->name) &&
		    text_equal(there->provider, model->provider))
			break;
	}
	return &index->slots[at];
}

/* False: its provider has a model of that name. */
static bool keep_model(struct table *table, const struct model *model)
{
	size_t *slot = slot_of_model(table, model);
	size_t *maker_slot = slot_of_maker(table, model->provider);

	if (*slot != 0)
		return false;
	struct model *kept = &table->models[table->count];
	*kept = *model;
	*slot = ++table->count;
	if (*maker_slot == 0) {
		table->makers[table->maker_count] = (struct maker){model->provider, kept, kept};
		*maker_slot = ++table->maker_count;
		return true;
	}
	struct maker *maker = &table->makers[*maker_slot - 1];
	maker->last->next = kept;
	maker->last = kept;
	return true;
}

static bool add_model(struct table *table, const struct json *node)
{
	struct text theirs = json_string(node, "litellm_provider");
	struct text mode = json_string(node, "mode");
	struct model model = {.node = node, .name = node->key};

	if (text_is(node->key, "sample_spec"))
		return true;
	if (!json_is(node, JSON_OBJECT))
		return fault_at(table->importer.fault, json_place(node),
		                "a model is an object, this is %s", json_type_name(node));
	if (theirs.len == 0) {
		importer_remark(&table->importer, node, "left out: no litellm_provider");
		return true;
	}
	model.endpoint = importer_endpoint(mode);
	if (model.endpoint == NULL) {
		importer_remark(&table->importer, node, "left out: mode %.*s",
		                TEXT_ARG(text_visible(table->importer.arena, mode, 40)));
		return true;
	}
	model.provider = importer_known_provider(theirs);
	if (model.provider.data == NULL) {
		model.provider = importer_clean_name(&table->importer, theirs);
		importer_remark(&table->importer, node,
		                "provider %.*s is not in the catalogue: give it its base_url",
		                TEXT_ARG(model.provider));
	}
	struct text prefix = text_format(table->importer.arena, "%.*s/", TEXT_ARG(theirs));
	if (text_starts(model.name, prefix) && model.name.len > prefix.len)
		model.name = text_slice(model.name, prefix.len, model.name.len);
	if (!keep_model(table, &model))
		importer_remark(&table->importer, node,
		                "left out: its provider has a model of that name above");
	return true;
}

static bool put_maker(struct table *table, const struct maker *maker)
{
	importer_put(&table->importer, "  ");
	importer_put_quoted(&table->importer, maker->name);
	importer_put(&table->importer, ":\n");
	if (!importer_is_catalogued(maker->name))
		importer_put(&table->importer,
		             "    base_url: https://base-url-wanted.invalid/v1\n");
	importer_put(&table->importer, "    models:\n");
	for (const struct model *model = maker->first; model != NULL; model = model->next)
		if (!put_model(table, model))
			return false;
	return true;
}

bool import_prices(const struct json *root, struct arena *arena, struct text_buf *out, FILE *report,
                   struct fault *fault)
{
	struct table *table = ARENA_NEW(arena, struct table);

	if (!json_is(root, JSON_OBJECT))
		return fault_at(fault, json_place(root),
		                "want an object of models by name, this is %s",
		                json_type_name(root));
	table->importer = (struct importer){.arena = arena, .out = out, .fault = fault};
	table->models = ARENA_NEW_ARRAY(arena, struct model, root->count);
	table->makers = ARENA_NEW_ARRAY(arena, struct maker, root->count);
	index_init(&table->by_name, root->count, arena);
	index_init(&table->by_maker, root->count, arena);
	JSON_EACH(node, root)
	if (!add_model(table, node))
		return false;
	importer_put(&table->importer, table->count == 0 ? "version: 1\nproviders: {}\n"
	                                                 : "version: 1\nproviders:\n");
	for (size_t i = 0; i < table->maker_count; i++)
		if (!put_maker(table, &table->makers[i]))
			return false;
	importer_tell(&table->importer, report);
	(void)fprintf(report, "%zu models imported\n", table->count);
	return true;
}
