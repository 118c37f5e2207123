/*
 * `demo`: the whole story on simulated providers, without key or network. A child
 * process serves a handful of them, each broken in its own way; this one writes a
 * config for them and checks them as a user would.
 */
#include "harness/cli/check.h"

#include "cases/reference.h"
#include "harness/base/file.h"
#include "harness/base/loop.h"
#include "harness/cli/matrix_output.h"
#include "harness/run/matrix/matrix.h"
#include "providers/sim/sim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEMO_KEY_VARIABLE "PROVISO_DEMO_KEY"
#define DEMO_KEY "demo-key-of-no-worth"

/* Five providers that all call themselves compatible. */
static const struct demo_provider {
	const char *name;
	const char *story;
	const char *breaks[3];              /* NULL-terminated */
	const char *noticed[3];             /* the cases that must tell; NULL-terminated */
	const char *input_usd, *output_usd; /* per million tokens */
} demo_providers[] = {
    {"flawless", "does what OpenAI does", {NULL}, {NULL}, "0.50", "1.50"},
    {"no-index",
     "leaves the index out of streamed tool calls",
     {"TS-01", NULL},
     {"TS-01", NULL},
     "0.10",
     "0.30"},
    {"loose-json",
     "answers 200 to a strict schema and does not keep to it",
     {"JS-01", "JS-02", NULL},
     {"JS-01", "JS-02", NULL},
     "0.08",
     "0.24"},
    {"double-end",
     "says twice that a choice of a stream is finished",
     {"ST-06", NULL},
     {"ST-06", NULL},
     "0.05",
     "0.15"},
    {"creative-bills",
     "counts tokens that do not add up, and puts usage elsewhere",
     {"US-02", "SU-01", NULL},
     {"US-02", "SU-01", NULL},
     "0.04",
     "0.12"},
};

enum { DEMO_PROVIDERS = ARRAY_LENGTH(demo_providers) };

struct demo {
	struct text out;
	struct text_list none;
};

static const struct option demo_rows[] = {
    {.name = "out",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct demo, out),
     .value = "DIR",
     .help = "where config, matrix, CSV and runs go (default proviso-runs/demo)"},
};

static const struct option_table demo_options = {
    .rows = demo_rows,
    .count = ARRAY_LENGTH(demo_rows),
    .operands = offsetof(struct demo, none),
    .operands_max = 0,
};

static void set_defaults(void *state)
{
	struct demo *demo = state;

	demo->out = TEXT("proviso-runs/demo");
}

/* --- the child: all simulated providers on one loop --- */

static void stop_loop(void *context, int signal_number)
{
	(void)signal_number;
	loop_stop(context);
}

static bool start_sims(struct loop *loop, const struct suite *suite, int ports[DEMO_PROVIDERS],
                       struct fault *fault)
{
	static struct text breaks[DEMO_PROVIDERS][3];
	struct sim *sim;

	for (size_t i = 0; i < DEMO_PROVIDERS; i++) {
		struct sim_options options = sim_defaults;
		while (demo_providers[i].breaks[options.break_count] != NULL) {
			breaks[i][options.break_count] =
			    text_of(demo_providers[i].breaks[options.break_count]);
			options.break_count++;
		}
		options.breaks = breaks[i];
		options.api_key = TEXT(DEMO_KEY);
		options.oracle = reference_oracle(suite);
		if (!sim_start(loop, &options, &sim, fault))
			return false;
		ports[i] = sim_port(sim);
	}
	return true;
}

/* Writes the ports to the pipe, then serves until it is told to stop. */
static NO_RETURN void serve(int pipe_fd)
{
	static struct fault_list faults;
	struct loop *loop = loop_new();
	struct suite suite;
	struct fault fault;
	int ports[DEMO_PROVIDERS];

	/* Should the parent die, nobody serves on. Ctrl-C is the parent's to handle. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	(void)signal(SIGINT, SIG_IGN);
	if (!suite_load(&suite, true, &(struct text_list){0}, &faults))
		_exit(command_fail_list(&faults));
	if (!start_sims(loop, &suite, ports, &fault))
		_exit(command_fail(&fault));
	loop_on_signal(loop, SIGTERM, stop_loop, loop);
	if (write(pipe_fd, ports, sizeof(ports)) != (ssize_t)sizeof(ports))
		_exit(EXIT_INFRASTRUCTURE);
	(void)close(pipe_fd);
	loop_run(loop);
	_exit(EXIT_HOLDS);
}

static bool start_child(pid_t *child, int ports[DEMO_PROVIDERS], struct fault *fault)
{
	int ends[2];

	(void)fflush(stdout);
	if (pipe(ends) != 0)
		return fault_system(fault, errno, "making a pipe");
	*child = fork();
	if (*child < 0)
		return fault_system(fault, errno, "starting the simulated providers");
	if (*child == 0) {
		(void)close(ends[0]);
		serve(ends[1]);
	}
	(void)close(ends[1]);
	size_t wanted = sizeof(int) * DEMO_PROVIDERS;
	ssize_t got = read(ends[0], ports, wanted);
	(void)close(ends[0]);
	if (got != (ssize_t)wanted)
		return fault_set(fault, FAULT_SYSTEM, "the simulated providers did not start");
	return true;
}

/* --- the parent: a user with a config --- */

static bool write_config(const char *path, const int ports[DEMO_PROVIDERS], struct fault *fault)
{
	enum { YAML_MAX = 16 << 10 };
	struct text_buf yaml;

	text_buf_init(&yaml, YAML_MAX);
	(void)text_buf_add_c(&yaml, "# Written by `proviso demo`.\nversion: 1\nproviders:\n");
	for (size_t i = 0; i < DEMO_PROVIDERS; i++)
		(void)text_buf_format(&yaml,
		                      "  %s:                # %s\n"
		                      "    dialect: openai\n"
		                      "    base_url: http://127.0.0.1:%d/v1\n"
		                      "    api_key: env:" DEMO_KEY_VARIABLE "\n"
		                      "    models:\n"
		                      "      sim-small:\n"
		                      "        context: 8192\n"
		                      "        max_output: 1024\n"
		                      "        price: {input: \"%s\", output: \"%s\"}\n",
		                      demo_providers[i].name, demo_providers[i].story, ports[i],
		                      demo_providers[i].input_usd, demo_providers[i].output_usd);
	(void)text_buf_add_c(&yaml, "check: {profile: ci, max_spend: \"2.00\"}\n");
	bool written = file_replace(path, text_buf_view(&yaml), 0644, fault);
	text_buf_done(&yaml);
	return written;
}

struct demo_paths {
	const char *config, *matrix, *csv, *run;
};

static int check_all(const struct demo_paths *paths, struct arena *arena)
{
	struct check_options *options = ARENA_NEW(arena, struct check_options);
	struct check_session session = {.options = options, .arena = arena};

	*options = (struct check_options){
	    .config = text_of(paths->config),
	    .matrix = text_of(paths->matrix),
	    .csv = text_of(paths->csv),
	    .out = text_of(paths->run),
	    .max_spend_pico_usd = -1,
	    .format = MATRIX_TABLE,
	};
	int code = check_run(&session);
	check_session_done(&session);
	return code;
}

static void tell_beginning(const struct demo_paths *paths)
{
	(void)printf("Five simulated providers, all \"OpenAI-compatible\":\n\n");
	for (size_t i = 0; i < DEMO_PROVIDERS; i++)
		(void)printf("  %-16s %s\n", demo_providers[i].name, demo_providers[i].story);
	(void)printf("\n$ proviso check --config %s\n\n", paths->config);
	(void)fflush(stdout);
}

/* The first lines of the CSV, so that its form is seen. */
static void tell_csv(const char *path, struct arena *arena)
{
	enum { LINES_SHOWN = 3, COLUMNS_SHOWN = 96 };
	struct source *csv;
	struct fault fault;
	struct text line;

	(void)printf("$ head -%d %s\n", LINES_SHOWN, path);
	if (!file_read(path, MATRIX_MAX_BYTES, arena, &csv, &fault))
		return;
	struct text rest = csv->body;
	for (int i = 0; i < LINES_SHOWN && text_next_field(&rest, '\n', &line); i++)
		(void)printf("  %s\n", text_visible(arena, text_trim(line), COLUMNS_SHOWN).data);
}

static bool is_noticed(const struct matrix *matrix, const char *provider, const char *case_id)
{
	for (size_t i = 0; i < matrix->count; i++)
		if (text_is(matrix->cells[i].provider, provider) &&
		    text_is(matrix->cells[i].case_id, case_id) &&
		    matrix->cells[i].verdict != VERDICT_PASS)
			return true;
	return false;
}

/* Whether the matrix tells them apart: the flawless one passes, each other fails where it is
 * broken. */
static bool story_holds(const char *path, struct arena *arena, struct fault *fault)
{
	struct matrix matrix;

	if (!matrix_read(path, arena, &matrix, fault))
		return false;
	for (size_t i = 0; i < matrix.count; i++)
		if (text_is(matrix.cells[i].provider, "flawless") &&
		    matrix.cells[i].verdict != VERDICT_PASS)
			return fault_set(fault, FAULT_INTERNAL, "the flawless provider fails %.*s",
			                 TEXT_ARG(matrix.cells[i].case_id));
	for (size_t p = 0; p < DEMO_PROVIDERS; p++)
		for (size_t n = 0; demo_providers[p].noticed[n] != NULL; n++)
			if (!is_noticed(&matrix, demo_providers[p].name,
			                demo_providers[p].noticed[n]))
				return fault_set(fault, FAULT_INTERNAL, "%s at %s is not noticed",
				                 demo_providers[p].noticed[n],
				                 demo_providers[p].name);
	return true;
}

static void tell_end(const struct demo_paths *paths)
{
	(void)printf(
	    "\nOnly `flawless` may carry traffic that uses all of these features; the cheaper\n"
	    "four may carry what they are proven for.\n\n"
	    "  evidence  %s/evidence (every byte both ways), %s/journal.jsonl\n"
	    "  matrix    %s\n"
	    "  CSV       %s\n\n"
	    "Next: proviso matrix %s --format markdown\n"
	    "      proviso check --base-url URL --model NAME --api-key-env VARIABLE\n",
	    paths->run, paths->run, paths->matrix, paths->csv, paths->matrix);
}

static int play(const struct demo_paths *paths, struct arena *arena)
{
	struct fault fault;

	tell_beginning(paths);
	int code = check_all(paths, arena);
	/* The story wants cells that do not hold; anything else went wrong. */
	if (code != EXIT_DOES_NOT_HOLD)
		return code == EXIT_HOLDS ? EXIT_OWN_FAULT : code;
	tell_csv(paths->csv, arena);
	if (!story_holds(paths->matrix, arena, &fault))
		return command_fail(&fault);
	tell_end(paths);
	return EXIT_HOLDS;
}

static int demo_run(void *state, struct arena *arena)
{
	struct demo *demo = state;
	const char *folder = text_c(arena, demo->out);
	struct demo_paths paths = {
	    .config = file_join(arena, folder, "proviso.yaml"),
	    .matrix = file_join(arena, folder, "proviso-matrix.json"),
	    .csv = file_join(arena, folder, "matrix.csv"),
	};
	struct fault fault;
	int ports[DEMO_PROVIDERS];
	pid_t child = -1;
	int code;

	paths.run = text_format(arena, "%s/run-%ld", folder, (long)getpid()).data;
	if (!file_make_directories(folder, &fault) || !start_child(&child, ports, &fault) ||
	    !write_config(paths.config, ports, &fault)) {
		code = command_fail(&fault);
	} else {
		(void)setenv(DEMO_KEY_VARIABLE, DEMO_KEY, 1);
		code = play(&paths, arena);
	}
	if (child > 0) {
		(void)kill(child, SIGTERM);
		(void)waitpid(child, NULL, 0);
	}
	return code;
}

const struct command command_demo = {
    .name = "demo",
    .summary = "the whole story on simulated providers: no key, no network",
    .operands = "",
    .about = "Starts simulated providers on loopback, each broken in its own way, checks them and\n"
	     "shows how the matrix tells them apart. Everything it writes goes below --out.",
    .options = &demo_options,
    .state_bytes = sizeof(struct demo),
    .defaults = set_defaults,
    .run = demo_run,
};
