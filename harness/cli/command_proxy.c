/* `proxy`: serves, and sends each request only where the matrix proves that kind of request. */
#include "harness/cli/command.h"

#include "harness/base/loop.h"
#include "proxy/proxy.h"

struct proxy_state {
	struct text config, matrix, listen;
	int64_t workers;
	struct text_list none;
};

static const struct option proxy_rows[] = {
    {.name = "config",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct proxy_state, config),
     .value = "FILE",
     .help = "providers, routes, policy (default proviso.yaml, as `check` finds it)"},
    {.name = "matrix",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct proxy_state, matrix),
     .value = "FILE",
     .help = "the verdicts that decide (default proviso-matrix.json)"},
    {.name = "listen",
     .kind = OPTION_TEXT,
     .offset = offsetof(struct proxy_state, listen),
     .value = "ADDRESS:PORT",
     .help = "where to listen; port 0 picks one (default: the config's proxy.listen)"},
    {.name = "workers",
     .kind = OPTION_INT,
     .offset = offsetof(struct proxy_state, workers),
     .value = "N",
     .help = "threads; 0: one per core (default: the config's proxy.workers)",
     .min = 0,
     .max = 1024},
};

static const struct option_table proxy_option_table = {
    .rows = proxy_rows,
    .count = ARRAY_LENGTH(proxy_rows),
    .operands = offsetof(struct proxy_state, none),
    .operands_max = 0,
};

static void set_defaults(void *state)
{
	struct proxy_state *proxy = state;

	proxy->matrix = TEXT("proviso-matrix.json");
	proxy->workers = -1;
}

static int serve(const struct proxy_options *options)
{
	struct loop *loop = loop_new();
	struct fault_list faults = {0};
	struct proxy *proxy;

	bool started = proxy_start(loop, options, &proxy, &faults);
	int code = command_fail_list(&faults);
	if (started) {
		(void)printf("%s\n", proxy_base_url(proxy));
		(void)fflush(stdout);
		loop_run(loop);
		proxy_free(proxy);
		code = EXIT_HOLDS;
	}
	loop_free(loop);
	return code;
}

static int proxy_run(void *state, struct arena *arena)
{
	const struct proxy_state *proxy = state;
	struct proxy_options options = {
	    .config = proxy->config.data == NULL ? NULL : text_c(arena, proxy->config),
	    .matrix = text_c(arena, proxy->matrix),
	    .listen = proxy->listen,
	    .workers = proxy->workers,
	};

	return serve(&options);
}

const struct command command_proxy = {
    .name = "proxy",
    .summary = "serve, and route each request only to targets proven for it",
    .operands = "",
    .about =
	"Serves the OpenAI API and sends each request only to targets that the matrix proves for\n"
	"that kind of request. The first line on stdout is the base URL, once it listens. SIGHUP\n"
	"reloads config and matrix (a change of the files does, too), SIGTERM drains.",
    .options = &proxy_option_table,
    .state_bytes = sizeof(struct proxy_state),
    .defaults = set_defaults,
    .run = proxy_run,
};
