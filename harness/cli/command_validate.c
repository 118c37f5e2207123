/* `validate`: reads config and case files and says every mistake with its place. */
#include "harness/cli/command.h"

#include "cases/suite.h"
#include "harness/base/file.h"
#include "harness/run/config.h"

struct validate {
	struct text config;
	struct text_list files;
};

static const struct option validate_rows[] = {
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct validate, config),
     .value = "FILE",
     .help = "the config (default: as `check` finds it)"},
};

static const struct option_table validate_options = {
    .rows = validate_rows,
    .count = ARRAY_LENGTH(validate_rows),
    .operands = offsetof(struct validate, files),
    .operands_max = 256,
};

/* A case file says `capability`; anything else is held to be a config. */
static bool is_case_file(struct text path, struct arena *arena, bool *out, struct fault *fault)
{
	struct source *source;
	struct json *root;

	*out = true;
	const char *name = text_c(arena, path);
	if (file_is_directory(name))
		return true;
	if (!file_read(name, YAML_MAX_BYTES, arena, &source, fault) ||
	    !document_read(source, &(struct yaml_options){.aliases = true}, arena, &root, NULL,
	                   fault))
		return false;
	*out = json_member(root, "capability") != NULL || json_member(root, "cases") != NULL;
	return true;
}

/* The catalogue's own prices are not for the config's author to mend. */
static bool names_model(const struct provider *provider, const struct provider_model *model)
{
	const struct json *models = json_member(provider->node, "models");

	return model->node != NULL && json_member_text(models, model->name) == model->node;
}

/* What is written there and does not hold today. */
static void review_prices(const struct config *config, struct fault_list *faults)
{
	int64_t now_wall_ms = command_now_wall_ms();

	for (size_t i = 0; i < config->providers.count; i++) {
		const struct provider *provider = &config->providers.items[i];
		for (size_t k = 0; k < provider->model_count; k++)
			if (names_model(provider, &provider->models[k]))
				price_review(&provider->models[k], now_wall_ms, faults);
	}
}

static void validate_config(const char *path, struct fault_list *faults)
{
	struct config config;
	struct suite suite;

	bool read = config_load(path, &config, faults);
	if (read)
		review_prices(&config, faults);
	if (read && suite_load(&suite, config.check.core, &config.check.cases, faults)) {
		(void)printf("%.*s: ok (%zu providers, %zu routes; suite %s with %zu cases)\n",
		             TEXT_ARG(config.path.data == NULL ? TEXT("environment") : config.path),
		             config.providers.count, config.routes.count, suite.hash, suite.count);
	}
	if (read)
		suite_done(&suite);
	config_done(&config);
}

static void validate_cases(struct text path, struct fault_list *faults)
{
	struct suite suite;
	struct text_list one = {.items = &path, .count = 1};

	if (suite_load(&suite, false, &one, faults))
		(void)printf("%.*s: ok (%zu cases, hash %s)\n", TEXT_ARG(path), suite.count,
		             suite.hash);
	suite_done(&suite);
}

static int validate_run(void *state, struct arena *arena)
{
	struct validate *validate = state;
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);
	struct fault fault;

	for (size_t i = 0; i < validate->files.count; i++) {
		bool cases;
		if (!is_case_file(validate->files.items[i], arena, &cases, &fault))
			(void)fault_list_add(faults, &fault);
		else if (cases)
			validate_cases(validate->files.items[i], faults);
		else
			validate_config(text_c(arena, validate->files.items[i]), faults);
	}
	if (validate->files.count == 0 || validate->config.data != NULL)
		validate_config(
		    validate->config.data == NULL ? NULL : text_c(arena, validate->config), faults);
	return command_fail_list(faults);
}

const struct command command_validate = {
    .name = "validate",
    .summary = "read config and case files, report every mistake with file:line:column",
    .operands = "[FILE...]",
    .about =
	"Reads the config (and the own cases that it names) or the files given: configs, case\n"
	"files, folders of case files. All mistakes are shown at once, up to 20. Nothing is\n"
	"sent and nothing is written.",
    .options = &validate_options,
    .state_bytes = sizeof(struct validate),
    .run = validate_run,
};
