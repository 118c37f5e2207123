/* Keeping compiled patterns and schemas until the suite goes; see resources.h. */
#include "cases/resources.h"

struct suite_resources {
	struct regex **regexes;
	size_t regex_count;
	struct schema **schemas;
	size_t schema_count;
};

enum { RESOURCES_STEP = 64 }; /* both arrays grow by so many */

struct suite_resources *resources_new(void)
{
	return memory_new(sizeof(struct suite_resources));
}

void resources_free(struct suite_resources *resources)
{
	if (resources == NULL)
		return;
	for (size_t i = 0; i < resources->regex_count; i++)
		regex_free(resources->regexes[i]);
	for (size_t i = 0; i < resources->schema_count; i++)
		schema_free(resources->schemas[i]);
	memory_free(resources->regexes);
	memory_free(resources->schemas);
	memory_free(resources);
}

bool resources_regex(struct suite_resources *resources, const struct json *node,
                     const struct regex **out, struct fault_list *faults)
{
	struct regex *regex;
	struct fault fault;

	if (!json_is(node, JSON_STRING)) {
		fault_list_at(faults, json_place(node), "this is %s; want a pattern like \"/re/i\"",
		              json_type_name(node));
		return false;
	}
	if (!regex_new_slashed(node->text, json_place(node), &regex, &fault)) {
		fault_list_add(faults, &fault);
		return false;
	}
	if (resources->regex_count % RESOURCES_STEP == 0)
		resources->regexes = memory_resize(resources->regexes,
		                                   size_mul(resources->regex_count + RESOURCES_STEP,
		                                            sizeof(resources->regexes[0])));
	resources->regexes[resources->regex_count++] = regex;
	*out = regex;
	return true;
}

bool resources_schema(struct suite_resources *resources, const struct json *node,
                      struct arena *arena, const struct schema **out, struct fault_list *faults)
{
	struct schema *schema;
	struct fault fault;

	if (!schema_new(node, NULL, arena, &schema, faults, &fault)) {
		fault_list_add(faults, &fault);
		return false;
	}
	if (resources->schema_count % RESOURCES_STEP == 0)
		resources->schemas = memory_resize(
		    resources->schemas, size_mul(resources->schema_count + RESOURCES_STEP,
		                                 sizeof(resources->schemas[0])));
	resources->schemas[resources->schema_count++] = schema;
	*out = schema;
	return true;
}
