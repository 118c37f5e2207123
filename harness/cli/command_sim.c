/* `sim`: a provider to test against, with one switch for each defect. */
#include "harness/cli/command.h"

#include "cases/reference.h"
#include "harness/base/http_server.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "providers/sim/sim.h"

#include <signal.h>

enum { LIST_MAX_BYTES = 1 << 20 };

static const char *const list_format_names[] = {"text", "json", NULL};

struct sim_state {
	struct text listen;
	struct text breaks, profile, latency, models, api_key;
	int64_t seed, context;
	bool list;
	int format;
	struct text_list none;
};

static const struct option sim_rows[] = {
    {.name = "listen",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct sim_state, listen),
     .value = "ADDRESS:PORT",
     .help = "where to listen; port 0 picks one (default 127.0.0.1:0)"},
    {.name = "break",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct sim_state, breaks),
     .value = "ID[,ID...]",
     .help = "misbehave so that these cases must notice; also faults by name"},
    {.name = "profile",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct sim_state, profile),
     .value = "NAME",
     .help = "a bundle of defects seen in the wild"},
    {.name = "latency",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct sim_state, latency),
     .value = "ttft=T,gap=T",
     .help = "wait before the first event and between events, e.g. ttft=200ms,gap=20ms"},
    {.name = "seed",
     .kind = OPTION_INT,
     .offset = offsetof(struct sim_state, seed),
     .value = "N",
     .help = "of everything that looks random (default 1)",
     .min = 0,
     .max = INT64_MAX},
    {.name = "models",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct sim_state, models),
     .value = "A,B",
     .help = "model names to serve (default sim-small,sim-large)"},
    {.name = "api-key",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct sim_state, api_key),
     .value = "KEY",
     .help = "the key to ask for (default sim-key)"},
    {.name = "context",
     .kind = OPTION_INT,
     .offset = offsetof(struct sim_state, context),
     .value = "TOKENS",
     .help = "the models' context window (default 8192)",
     .min = 256,
     .max = 10000000},
    {.name = "list",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct sim_state, list),
     .help = "print defects and profiles, and exit"},
    {.name = "format",
     .letter = 'f',
     .kind = OPTION_CHOICE,
     .offset = offsetof(struct sim_state, format),
     .value = "FORMAT",
     .help = "of that list: text (default), json",
     .names = list_format_names},
};

static const struct option_table sim_option_table = {
    .rows = sim_rows,
    .count = ARRAY_LENGTH(sim_rows),
    .operands = offsetof(struct sim_state, none),
    .operands_max = 0,
};

static void set_defaults(void *state)
{
	struct sim_state *sim = state;

	sim->listen = TEXT("127.0.0.1:0");
	sim->seed = 1;
	sim->context = sim_defaults.context;
}

static struct text_list split_commas(struct text text, struct arena *arena)
{
	struct text_list list = {0};
	struct text rest = text;
	struct text field;

	while (text_next_field(&rest, ',', &field))
		list.count++;
	list.items = ARENA_NEW_ARRAY(arena, struct text, list.count + 1);
	list.count = 0;
	rest = text;
	while (text_next_field(&rest, ',', &field))
		if (text_trim(field).len != 0)
			list.items[list.count++] = text_trim(field);
	return list;
}

static bool read_latency(struct text text, struct arena *arena, struct sim_options *options,
                         struct fault *fault)
{
	struct text_list parts = split_commas(text, arena);

	for (size_t i = 0; i < parts.count; i++) {
		struct text value = parts.items[i];
		struct text name;
		int64_t *field = NULL;
		(void)text_next_field(&value, '=', &name);
		if (text_is(name, "ttft"))
			field = &options->ttft_ms;
		else if (text_is(name, "gap"))
			field = &options->gap_ms;
		if (field == NULL || value.data == NULL || !setting_parse_duration(value, field))
			return fault_set(fault, FAULT_USAGE,
			                 "--latency has \"%.*s\"; want ttft=DURATION or "
			                 "gap=DURATION, e.g. ttft=200ms,gap=20ms",
			                 TEXT_ARG(parts.items[i]));
	}
	return true;
}

static bool read_listen(struct text listen, struct arena *arena, struct sim_options *options,
                        struct fault *fault)
{
	struct text address;

	if (!http_listen_read(listen, &address, &options->port))
		return fault_set(fault, FAULT_USAGE,
		                 "--listen is \"%.*s\"; want ADDRESS:PORT like 127.0.0.1:8000",
		                 TEXT_ARG(listen));
	options->address = text_c(arena, address);
	return true;
}

static void print_defects(const struct sim_defect_info *defects)
{
	for (const struct sim_defect_info *defect = defects; defect->id != NULL; defect++) {
		(void)printf("  %-24s %s", defect->id, defect->does);
		if (*defect->affects != '\0')
			(void)printf(" [may also be noticed by: %s]", defect->affects);
		(void)printf("\n");
	}
}

static int print_list(void)
{
	(void)printf("defects, each noticed by the case of its name:\n");
	print_defects(sim_defects);
	(void)printf(
	    "\nfaults, by name (ID:3 only the first three requests, ID%%30 about 30 of 100):\n");
	print_defects(sim_faults);
	(void)printf("\ndefects of native dialects, each noticed by a case through it:\n");
	print_defects(sim_native_defects);
	(void)printf("\nprofiles:\n");
	for (const struct sim_profile_info *profile = sim_profiles; profile->name != NULL;
	     profile++)
		(void)printf("  %-24s %s (%s)\n", profile->name, profile->does, profile->breaks);
	return EXIT_HOLDS;
}

/* A list of what stands between blanks. */
static void write_words(struct json_writer *writer, const char *words)
{
	struct text rest = text_of(words);
	struct text one;

	json_write_array(writer);
	while (text_next_field(&rest, ' ', &one))
		if (one.len > 0)
			json_write_string(writer, one);
	json_write_array_end(writer);
}

static void write_defects(struct json_writer *writer, const char *name,
                          const struct sim_defect_info *defects)
{
	json_write_key(writer, name);
	json_write_array(writer);
	for (const struct sim_defect_info *defect = defects; defect->id != NULL; defect++) {
		json_write_object(writer);
		json_write_member_c(writer, "id", defect->id);
		json_write_member_c(writer, "does", defect->does);
		json_write_key(writer, "may_also_be_noticed_by");
		write_words(writer, defect->affects);
		json_write_object_end(writer);
	}
	json_write_array_end(writer);
}

static int write_list(void)
{
	struct json_writer writer;
	struct text_buf out;
	struct fault fault;

	text_buf_init(&out, LIST_MAX_BYTES);
	json_writer_init(&writer, &out, true);
	json_write_object(&writer);
	write_defects(&writer, "defects", sim_defects);
	write_defects(&writer, "faults", sim_faults);
	write_defects(&writer, "native_defects", sim_native_defects);
	json_write_key(&writer, "profiles");
	json_write_array(&writer);
	for (const struct sim_profile_info *profile = sim_profiles; profile->name != NULL;
	     profile++) {
		json_write_object(&writer);
		json_write_member_c(&writer, "name", profile->name);
		json_write_member_c(&writer, "does", profile->does);
		json_write_member_c(&writer, "breaks", profile->breaks);
		json_write_key(&writer, "quirks");
		write_words(&writer, profile->quirks == NULL ? "" : profile->quirks);
		json_write_object_end(&writer);
	}
	json_write_array_end(&writer);
	json_write_object_end(&writer);
	(void)text_buf_byte(&out, '\n');
	return command_write_report((struct text){0}, &out, &fault) ? EXIT_HOLDS
	                                                            : command_fail(&fault);
}

static void stop_loop(void *context, int signal_number)
{
	(void)signal_number;
	loop_stop(context);
}

static bool serve(const struct sim_options *options, struct fault *fault)
{
	struct loop *loop = loop_new();
	struct sim *sim;

	if (!sim_start(loop, options, &sim, fault)) {
		loop_free(loop);
		return false;
	}
	loop_on_signal(loop, SIGINT, stop_loop, loop);
	loop_on_signal(loop, SIGTERM, stop_loop, loop);
	(void)printf("%s\n", sim_base_url(sim));
	(void)fflush(stdout);
	loop_run(loop);
	loop_on_signal(loop, SIGINT, NULL, NULL);
	loop_on_signal(loop, SIGTERM, NULL, NULL);
	sim_stop(sim);
	loop_run(loop);
	loop_free(loop);
	return true;
}

static int sim_run(void *state, struct arena *arena)
{
	struct sim_state *sim = state;
	struct sim_options options = sim_defaults;
	struct fault_list faults = {0};
	struct suite suite;
	struct fault fault;

	if (sim->list)
		return sim->format == 0 ? print_list() : write_list();
	struct text_list breaks = split_commas(sim->breaks, arena);
	struct text_list models = split_commas(sim->models, arena);
	options.breaks = breaks.items;
	options.break_count = breaks.count;
	if (models.count != 0) {
		options.models = models.items;
		options.model_count = models.count;
	}
	options.profile = sim->profile;
	options.seed = (uint64_t)sim->seed;
	options.context = sim->context;
	if (sim->api_key.data != NULL)
		options.api_key = sim->api_key;
	if (!read_listen(sim->listen, arena, &options, &fault) ||
	    !read_latency(sim->latency, arena, &options, &fault))
		return command_fail(&fault);
	if (!suite_load(&suite, true, &(struct text_list){0}, &faults))
		return command_fail_list(&faults);
	options.oracle = reference_oracle(&suite);
	int code = serve(&options, &fault) ? EXIT_HOLDS : command_fail(&fault);
	suite_done(&suite);
	return code;
}

const struct command command_sim = {
    .name = "sim",
    .summary = "a provider to test against, with one switch for each defect",
    .operands = "",
    .about =
	"Serves the OpenAI chat completions API on loopback, answers the canonical cases\n"
	"as a good provider would and anything else with a deterministic reply. The first line on\n"
	"stdout is the base URL, once it listens. --break makes it misbehave. Beside it are the\n"
	"native formats: /v1/messages, /v1beta/models/MODEL:generateContent, /v2/chat, /api/chat.",
    .options = &sim_option_table,
    .state_bytes = sizeof(struct sim_state),
    .defaults = set_defaults,
    .run = sim_run,
};
