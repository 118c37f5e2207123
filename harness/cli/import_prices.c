/*
 * LiteLLM's price file: one object, a model each (its own documentation of
 * model_prices_and_context_window.json, 2026-07).
 */
#include "harness/cli/import_prices.h"

#include "harness/base/text_map.h"
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

struct table {
	struct importer importer;
	struct model *models; /* arena */
	size_t count;
	struct maker *makers; /* in the order of their first models; arena */
	size_t maker_count;
	struct text_map by_name, by_maker; /* model, maker */
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

/* False: its provider has a model of that name. */
static bool keep_model(struct table *table, const struct model *model)
{
	struct text key = text_format(table->importer.arena, "%zu:%.*s%.*s", model->provider.len,
	                              TEXT_ARG(model->provider), TEXT_ARG(model->name));

	if (text_map_find(&table->by_name, key) != NULL)
		return false;
	struct model *kept = &table->models[table->count++];
	*kept = *model;
	text_map_add(&table->by_name, key, kept);
	struct maker *maker = text_map_find(&table->by_maker, model->provider);
	if (maker == NULL) {
		maker = &table->makers[table->maker_count++];
		*maker = (struct maker){model->provider, kept, kept};
		text_map_add(&table->by_maker, model->provider, maker);
	} else {
		maker->last->next = kept;
		maker->last = kept;
	}
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
	text_map_init(&table->by_name);
	text_map_init(&table->by_maker);
	bool good = true;
	for (const struct json *node = root->first; node != NULL && good; node = node->next)
		good = add_model(table, node);
	text_map_done(&table->by_name);
	text_map_done(&table->by_maker);
	if (!good)
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
