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
};

struct table {
	struct importer importer;
	struct model *models; /* arena */
	size_t count;
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

static bool is_double(const struct table *table, const struct model *model)
{
	for (size_t i = 0; i < table->count; i++)
		if (text_equal(table->models[i].name, model->name) &&
		    text_equal(table->models[i].provider, model->provider))
			return true;
	return false;
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
	if (is_double(table, &model))
		importer_remark(&table->importer, node,
		                "left out: its provider has a model of that name above");
	else
		table->models[table->count++] = model;
	return true;
}

static bool put_provider(struct table *table, struct text provider)
{
	importer_put(&table->importer, "  ");
	importer_put_quoted(&table->importer, provider);
	importer_put(&table->importer, ":\n");
	if (!importer_is_catalogued(provider))
		importer_put(&table->importer,
		             "    base_url: https://base-url-wanted.invalid/v1\n");
	importer_put(&table->importer, "    models:\n");
	for (size_t i = 0; i < table->count; i++)
		if (text_equal(table->models[i].provider, provider) &&
		    !put_model(table, &table->models[i]))
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
	JSON_EACH(node, root)
	if (!add_model(table, node))
		return false;
	importer_put(&table->importer, table->count == 0 ? "version: 1\nproviders: {}\n"
	                                                 : "version: 1\nproviders:\n");
	for (size_t i = 0; i < table->count; i++) {
		bool first = true;
		for (size_t k = 0; k < i && first; k++)
			first = !text_equal(table->models[k].provider, table->models[i].provider);
		if (first && !put_provider(table, table->models[i].provider))
			return false;
	}
	importer_tell(&table->importer, report);
	(void)fprintf(report, "%zu models imported\n", table->count);
	return true;
}
