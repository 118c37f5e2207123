/* `validate`: reads config and case files and says every mistake with its place. */
#include "harness/cli/command.h"

#include "cases/suite.h"
#include "harness/base/file.h"
#include "harness/base/json_write.h"
#include "harness/base/redact.h"
#include "harness/run/config/config.h"

enum {
	REPORT_BYTES = 4 << 20, /* of 256 files and so many mistakes */
	MISTAKES_MAX = 1000,    /* told of all files; a file with more is no attempt at a config */
};

struct validate {
	struct text config;
	struct text_list files;
	int format;
	bool keys;
};

enum validate_format { VALIDATE_TEXT, VALIDATE_JSON };

static const char *const format_names[] = {"text", "json", NULL};

/* What was read without a mistake. */
struct read_file {
	struct text name;
	bool is_config;
	size_t providers, routes, cases;
	char suite[13];
};

struct reading {
	struct read_file *files;
	size_t count;
	struct fault_list *faults;
	/* Those that the list has no room for; memory_free. */
	struct fault *more;
	size_t more_count;
	struct arena *arena;
};

static bool keep_more(void *context, const struct fault *fault)
{
	struct reading *reading = context;

	if (FAULT_LIST_MAX + reading->more_count >= MISTAKES_MAX)
		return false;
	reading->more =
	    memory_resize(reading->more, (reading->more_count + 1) * sizeof(*reading->more));
	reading->more[reading->more_count++] = *fault;
	return true;
}

static const struct option validate_rows[] = {
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct validate, config),
     .value = "FILE",
     .help = "the config (default: as `check` finds it)"},
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct validate, format),
     .value = "FORMAT",
     .help = "text (default), json",
     .names = format_names},
    {.name = "keys",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct validate, keys),
     .help = "read nothing: list every key that a config may have, and what it takes"},
};

static const struct option_table validate_options = {
    .rows = validate_rows,
    .count = ARRAY_LENGTH(validate_rows),
    .operands = offsetof(struct validate, files),
    .operands_max = 256,
};

/*
 * A case file says `capability`; anything else is held to be a config. *source: what was read,
 * NULL of a folder.
 */
static bool is_case_file(struct text path, struct arena *arena, struct source **source, bool *out,
                         struct fault *fault)
{
	struct json *root;

	*out = true;
	*source = NULL;
	const char *name = text_c(arena, path);
	if (file_is_directory(name))
		return true;
	if (!file_read(name, YAML_MAX_BYTES, arena, source, fault) ||
	    !document_read(*source, &(struct yaml_options){.aliases = true}, arena, &root, NULL,
	                   fault))
		return false;
	*out = json_member(root, "capability") != NULL || json_member(root, "cases") != NULL;
	if (*out && text_is(path, "-"))
		return fault_set(fault, FAULT_USAGE,
		                 "a case file is read by its name, for the tables beside it");
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

/* A misspelt case is waived nowhere, and nobody would be told. */
static void review_waivers(const struct config *config, const struct suite *suite,
                           struct fault_list *faults)
{
	const struct config_waiver *waivers = config->policy.waivers.items;

	for (size_t i = 0; i < config->policy.waivers.count; i++) {
		struct text id = waivers[i].case_id;
		size_t tilde = text_find_byte(id, '~', 0);
		const struct json *node = json_member(waivers[i].node, "case");
		if (tilde != TEXT_NOT_FOUND)
			id = text_slice(id, 0, tilde);
		if (node != NULL && suite_find(suite, id) == NULL)
			(void)fault_list_warn(
			    faults, json_place(node),
			    "the suite has no case '%.*s': this waiver waives nothing",
			    TEXT_ARG(id));
	}
}

static void keep(struct reading *reading, struct read_file file, const struct suite *suite)
{
	file.name = text_copy(reading->arena, file.name);
	file.cases = suite->count;
	memcpy(file.suite, suite->hash, sizeof(file.suite));
	reading->files[reading->count++] = file;
}

/* source NULL: the config is found, or read from `path`. */
static void validate_config(const char *path, const struct source *source, struct reading *reading)
{
	struct config config;
	struct suite suite;

	bool read = source != NULL ? config_load_source(source, &config, reading->faults)
	                           : config_load(path, &config, reading->faults);
	if (read)
		review_prices(&config, reading->faults);
	if (read && suite_load(&suite, config.check.core, &config.check.cases, reading->faults)) {
		review_waivers(&config, &suite, reading->faults);
		keep(reading,
		     (struct read_file){
			 .name = config.path.data == NULL ? TEXT("environment") : config.path,
			 .is_config = true,
			 .providers = config.providers.count,
			 .routes = config.routes.count,
		     },
		     &suite);
	}
	if (read)
		suite_done(&suite);
	config_done(&config);
}

static void validate_cases(struct text path, struct reading *reading)
{
	struct suite suite;
	struct text_list one = {.items = &path, .count = 1};

	if (suite_load(&suite, false, &one, reading->faults))
		keep(reading, (struct read_file){.name = path}, &suite);
	suite_done(&suite);
}

static void read_all(const struct validate *validate, struct reading *reading)
{
	struct source *source;
	struct fault fault;

	for (size_t i = 0; i < validate->files.count; i++) {
		struct text path = validate->files.items[i];
		bool cases;
		if (!is_case_file(path, reading->arena, &source, &cases, &fault))
			(void)fault_list_add(reading->faults, &fault);
		else if (cases)
			validate_cases(path, reading);
		else
			validate_config(NULL, source, reading);
	}
	if (validate->files.count == 0 || validate->config.data != NULL)
		validate_config(
		    validate->config.data == NULL ? NULL : text_c(reading->arena, validate->config),
		    NULL, reading);
}

static void write_file(struct json_writer *writer, const struct read_file *file)
{
	json_write_object(writer);
	json_write_member(writer, "file", file->name);
	json_write_member_c(writer, "kind", file->is_config ? "config" : "cases");
	if (file->is_config) {
		json_write_member_int(writer, "providers", (int64_t)file->providers);
		json_write_member_int(writer, "routes", (int64_t)file->routes);
	}
	json_write_member_int(writer, "cases", (int64_t)file->cases);
	json_write_member_c(writer, "suite", file->suite);
	json_write_object_end(writer);
}

static void write_mistake(struct json_writer *writer, struct fault fault)
{
	(void)redact_bytes(fault.message, strlen(fault.message));
	json_write_object(writer);
	json_write_member_c(writer, "severity", fault.kind == FAULT_WARNING ? "warning" : "error");
	json_write_member_c(writer, "file", fault.line == 0 ? NULL : fault.name);
	json_write_member_count(writer, "line", fault.line == 0 ? -1 : (int64_t)fault.line);
	json_write_member_count(writer, "column", fault.line == 0 ? -1 : (int64_t)fault.column);
	json_write_member_c(writer, "message", fault.message);
	json_write_key(writer, "within");
	json_write_array(writer);
	for (unsigned i = 0; i < fault.within_count; i++)
		json_write_c(writer, fault.within[i]);
	json_write_array_end(writer);
	json_write_object_end(writer);
}

/* To stdout, all of it: what is read by a program is looked for in one place. */
static bool tell_as_json(const struct reading *reading, struct fault *fault)
{
	struct json_writer writer;
	struct text_buf out;

	text_buf_init(&out, REPORT_BYTES);
	json_writer_init(&writer, &out, true);
	json_write_object(&writer);
	json_write_member_bool(&writer, "valid", command_list_code(reading->faults) == EXIT_HOLDS);
	json_write_key(&writer, "read");
	json_write_array(&writer);
	for (size_t i = 0; i < reading->count; i++)
		write_file(&writer, &reading->files[i]);
	json_write_array_end(&writer);
	json_write_key(&writer, "mistakes");
	json_write_array(&writer);
	for (size_t i = 0; i < reading->faults->count; i++)
		write_mistake(&writer, reading->faults->items[i]);
	for (size_t i = 0; i < reading->more_count; i++)
		write_mistake(&writer, reading->more[i]);
	json_write_array_end(&writer);
	json_write_member_int(&writer, "not_shown", (int64_t)reading->faults->dropped);
	json_write_object_end(&writer);
	(void)text_buf_byte(&out, '\n');
	return command_write_report((struct text){0}, &out, fault);
}

static void tell(const struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++) {
		const struct read_file *file = &reading->files[i];
		if (file->is_config)
			(void)printf(
			    "%.*s: ok (%zu providers, %zu routes; suite %s with %zu cases)\n",
			    TEXT_ARG(file->name), file->providers, file->routes, file->suite,
			    file->cases);
		else
			(void)printf("%.*s: ok (%zu cases, hash %s)\n", TEXT_ARG(file->name),
			             file->cases, file->suite);
	}
}

/* --- the keys ----------------------------------------------------------------------------- */

struct key_list {
	struct text_buf out;
	struct json_writer writer;
	bool json;
	struct arena *arena;
};

static void list_key(void *context, const struct setting_line *line)
{
	struct key_list *list = context;
	bool providers = text_is(line->key, "providers"); /* read by a table of their own */
	struct text takes = providers ? (struct text){NULL, 0} : line->takes;

	if (list->json) {
		json_write_object(&list->writer);
		json_write_member(&list->writer, "key", line->key);
		if (takes.data == NULL)
			json_write_member_c(&list->writer, "takes", NULL);
		else
			json_write_member(&list->writer, "takes", takes);
		json_write_member_bool(&list->writer, "required",
		                       (line->row->flags & SETTING_REQUIRED) != 0);
		json_write_member_c(&list->writer, "about", line->row->doc);
		json_write_object_end(&list->writer);
	} else {
		(void)text_buf_format(&list->out, "%.*s%s%.*s%s\n    %s\n", TEXT_ARG(line->key),
		                      takes.len > 0 ? ": " : "", TEXT_ARG(takes),
		                      (line->row->flags & SETTING_REQUIRED) != 0 ? " (required)"
		                                                                 : "",
		                      line->row->doc);
	}
	if (providers)
		settings_list(&provider_settings, TEXT("providers.NAME."), list->arena, list_key,
		              list);
}

static int list_keys(bool json, struct arena *arena)
{
	struct key_list list = {.json = json, .arena = arena};
	struct fault fault;

	text_buf_init(&list.out, REPORT_BYTES);
	json_writer_init(&list.writer, &list.out, true);
	if (json)
		json_write_array(&list.writer);
	settings_list(&config_table, TEXT(""), arena, list_key, &list);
	if (json) {
		json_write_array_end(&list.writer);
		(void)text_buf_byte(&list.out, '\n');
	}
	return command_write_report((struct text){0}, &list.out, &fault) ? EXIT_HOLDS
	                                                                 : command_fail(&fault);
}

static int validate_run(void *state, struct arena *arena)
{
	const struct validate *validate = state;
	struct reading reading = {
	    .files = ARENA_NEW_ARRAY(arena, struct read_file, validate->files.count + 1),
	    .faults = ARENA_NEW(arena, struct fault_list),
	    .arena = arena,
	};
	struct fault fault;

	if (validate->keys)
		return list_keys(validate->format == VALIDATE_JSON, arena);
	reading.faults->overflow = keep_more;
	reading.faults->overflow_context = &reading;
	read_all(validate, &reading);
	int code = command_list_code(reading.faults);
	if (validate->format == VALIDATE_TEXT) {
		tell(&reading);
		command_tell_list(reading.faults, reading.more, reading.more_count);
	} else if (!tell_as_json(&reading, &fault)) {
		code = command_fail(&fault);
	}
	memory_free(reading.more);
	return code;
}

const struct command command_validate = {
    .name = "validate",
    .summary = "read config and case files, report every mistake with file:line:column",
    .operands = "[FILE...]",
    .about =
	"Reads the config (and the own cases that it names) or the files given: configs, case\n"
	"files, folders of case files. All mistakes are shown at once. Nothing is sent and\n"
	"nothing is written; - is a config on stdin.",
    .options = &validate_options,
    .state_bytes = sizeof(struct validate),
    .run = validate_run,
};
