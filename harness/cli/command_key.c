/* `key create|list|rotate|revoke`: virtual keys. A key is printed once, when it is made. */
#include "harness/cli/command.h"

#include "cases/shape.h"
#include "harness/base/json_write.h"
#include "harness/base/loop.h"
#include "harness/run/route/router.h"
#include "proxy/keys/key.h"

enum verb { VERB_CREATE, VERB_LIST, VERB_ROTATE, VERB_REVOKE };
enum {
	CREATE = 1u << VERB_CREATE,
	LIST = 1u << VERB_LIST,
	ROTATE = 1u << VERB_ROTATE,
	PER_MINUTE_MAX = 1000000000,
	STREAMS_MAX = 100000,
	LIST_MAX_BYTES = 64 << 20,
};
static const char *const verb_names[] = {"create", "list", "rotate", "revoke", NULL};
static const char *const format_names[] = {"table", "json", NULL};
static const char *const per_names[] = {"hour", "day", "week", "month", "prepaid", NULL};
/* As enum config_content has them. */
static const char *const content_names[] = {"none", "redacted", "full", NULL};
/* As enum config_leave has them. */
static const char *const unpriced_names[] = {"reject", "allow", NULL};
static const int64_t DAY_MS = 86400000;

struct key_command {
	struct text config, name, expires;
	struct text_list teams, routes, targets, endpoints;
	int64_t requests_per_minute, tokens_per_minute, streams;
	int64_t budget_pico_usd; /* -1: none */
	int per;                 /* -1: not given */
	int content;             /* -1: not given */
	int evidence;            /* enum key_evidence */
	int unpriced;            /* enum config_leave; -1: not given */
	int64_t max_age_ms;      /* -1: not given */
	int64_t overlap_ms;
	int format;
	struct text_list operands;
};

#define ROW(its_name, its_kind, field, its_verbs, shown, text, ...)                                \
	{                                                                                          \
		.name = its_name, .kind = OPTION_##its_kind,                                       \
		.offset = offsetof(struct key_command, field), .verbs = its_verbs, .value = shown, \
		.help = text, __VA_ARGS__                                                          \
	}

static const struct option key_rows[] = {
    ROW("config", TEXT, config, 0, "FILE", "the config that names the store (keys.store)", 0),
    ROW("name", TEXT, name, CREATE, "NAME", "create: what people call it", 0),
    ROW("team", TEXTS, teams, CREATE, "TEAM",
        "create: a team its requests may be booked on; the first is its own", 0),
    ROW("route", TEXTS, routes, CREATE, "GLOB", "create: a route it may ask for (default: all)", 0),
    ROW("target", TEXTS, targets, CREATE, "GLOB",
        "create: a target that may serve it (default: all)", 0),
    ROW("endpoint", TEXTS, endpoints, CREATE, "NAME",
        "create: chat, completions, embeddings, responses or messages (default: all)", 0),
    ROW("requests-per-minute", INT, requests_per_minute, CREATE, "N",
        "create: how many requests a minute", .min = 1, .max = PER_MINUTE_MAX),
    ROW("tokens-per-minute", INT, tokens_per_minute, CREATE, "N",
        "create: how many tokens a minute, prompts and replies", .min = 1, .max = PER_MINUTE_MAX),
    ROW("streams", INT, streams, CREATE, "N", "create: how many requests at once", .min = 1,
        .max = STREAMS_MAX),
    ROW("budget", USD, budget_pico_usd, CREATE, "USD", "create: what it may spend; needs --per", 0),
    ROW("per", CHOICE, per, CREATE, "PERIOD", "create: hour, day, week, month (UTC) or prepaid",
        .names = per_names),
    ROW("unpriced", CHOICE, unpriced, CREATE, "WHAT",
        "create: what that budget says to targets without a known price: reject (default) or "
        "allow, and then their cost is not counted",
        .names = unpriced_names),
    ROW("content", CHOICE, content, CREATE, "WHAT",
        "create: what the ledger keeps of prompts and answers: none, redacted or full (default: "
        "ledger.content)",
        .names = content_names),
    ROW("evidence", CHOICE, evidence, CREATE, "WHAT",
        "create: what must be proven for it: as the config says (config), all that gates whatever "
        "the policy lets pass (enforce), or what is required, too (strict)",
        .names = key_evidence_names),
    ROW("max-age", DURATION, max_age_ms, CREATE, "TIME",
        "create: how old the verdicts that it rests on may be, where that is less than "
        "policy.max_age",
        0),
    ROW("expires", TEXT, expires, CREATE, "DATE",
        "create: its last day (UTC), or a moment like 2026-12-31T12:00:00Z", 0),
    ROW("overlap", DURATION, overlap_ms, ROTATE, "TIME",
        "rotate: how long the old key still holds (default: 1h)", 0),
    ROW("format", CHOICE, format, LIST, "FORMAT", "list: table (default), json", .letter = 'f',
        .names = format_names),
};

static const struct option_table key_options = {
    .rows = key_rows,
    .count = ARRAY_LENGTH(key_rows),
    .operands = offsetof(struct key_command, operands),
    .operands_max = 2,
    .verbs = verb_names,
};

static void key_defaults(void *state)
{
	struct key_command *key = state;

	key->budget_pico_usd = -1;
	key->per = -1;
	key->content = -1;
	key->max_age_ms = -1;
	key->unpriced = -1;
	key->overlap_ms = 3600000;
}

/* --- create --------------------------------------------------------------------------------- */

/* It stands in lists of one item a line, in tables and in logs. */
static bool check_texts(const char *option, const struct text_list *list, struct fault *fault)
{
	for (size_t i = 0; i < list->count; i++) {
		struct text item = list->items[i];
		bool good = item.len > 0 && item.len <= KEY_NAME_MAX && text_is_utf8(item);
		for (size_t k = 0; k < item.len; k++)
			good = good && (unsigned char)item.data[k] >= 0x20 && item.data[k] != 0x7f;
		if (!good)
			return fault_set(fault, FAULT_USAGE,
			                 "--%s wants 1 to %d bytes of UTF-8 on one line", option,
			                 KEY_NAME_MAX);
	}
	return true;
}

static bool check_endpoints(const struct text_list *list, struct fault *fault)
{
	for (size_t i = 0; i < list->count; i++) {
		bool known = false;
		for (int k = 0; k < ENDPOINT_COUNT; k++)
			known = known || text_is(list->items[i], endpoint_name((enum endpoint)k));
		if (!known)
			return fault_set(fault, FAULT_USAGE,
			                 "--endpoint is \"%.*s\"; want chat, completions, "
			                 "embeddings, responses or messages",
			                 TEXT_ARG(list->items[i]));
	}
	return true;
}

/* A day alone holds to its end. */
static bool read_expiry(struct text given, int64_t now_ms, int64_t *out, struct fault *fault)
{
	*out = -1;
	if (given.data == NULL)
		return true;
	if (!wall_parse(given, out))
		return fault_set(
		    fault, FAULT_USAGE,
		    "--expires is \"%.*s\"; want a day like 2026-12-31 or a moment like "
		    "2026-12-31T12:00:00Z",
		    TEXT_ARG(given));
	if (given.len == sizeof("2026-12-31") - 1)
		*out += DAY_MS;
	return *out > now_ms ||
	       fault_set(fault, FAULT_USAGE, "--expires is \"%.*s\", which is over already",
	                 TEXT_ARG(given));
}

static bool read_wanted(const struct key_command *given, int64_t now_ms, struct key *out,
                        struct fault *fault)
{
	struct text name = given->name;
	const struct text_list names = {&name, 1};

	if (name.data == NULL)
		return fault_set(fault, FAULT_USAGE, "key create wants --name NAME");
	if (given->unpriced >= 0 && given->budget_pico_usd < 0)
		return fault_set(fault, FAULT_USAGE, "--unpriced belongs to --budget");
	if (given->max_age_ms == 0)
		return fault_set(fault, FAULT_USAGE, "--max-age is 0: no verdict is as young");
	if ((given->budget_pico_usd >= 0) != (given->per >= 0))
		return fault_set(fault, FAULT_USAGE,
		                 "--budget USD and --per PERIOD belong together");
	*out = (struct key){
	    .name = name,
	    .teams = given->teams,
	    .routes = given->routes,
	    .targets = given->targets,
	    .endpoints = given->endpoints,
	    .requests_per_minute = given->requests_per_minute,
	    .tokens_per_minute = given->tokens_per_minute,
	    .streams = given->streams,
	    .budget_pico_usd = given->budget_pico_usd,
	    .per = given->per < 0 ? CONFIG_PREPAID : given->per,
	    .unpriced = given->unpriced == CONFIG_ALLOW,
	    .content = given->content,
	    .evidence = given->evidence,
	    .max_age_ms = given->max_age_ms,
	};
	return check_texts("name", &names, fault) && check_texts("team", &given->teams, fault) &&
	       check_texts("route", &given->routes, fault) &&
	       check_texts("target", &given->targets, fault) &&
	       check_endpoints(&given->endpoints, fault) &&
	       read_expiry(given->expires, now_ms, &out->expires_wall_ms, fault);
}

static int print_key(const char *key)
{
	struct fault fault;
	char line[KEY_BYTES + 2];

	memcpy(line, key, KEY_BYTES);
	line[KEY_BYTES] = '\n';
	struct text body = {line, KEY_BYTES + 1};
	return command_write((struct text){NULL, 0}, body, &fault) ? EXIT_HOLDS
	                                                           : command_fail(&fault);
}

/* --- list ------------------------------------------------------------------------------------ */

static const char *state_of(const struct key *key, int64_t now_ms)
{
	if (key->revoked_wall_ms >= 0)
		return "revoked";
	if (key->expires_wall_ms >= 0 && key->expires_wall_ms <= now_ms)
		return "expired";
	return "active";
}

static void write_moment(struct json_writer *writer, const char *name, int64_t wall_ms)
{
	struct arena arena = {0};

	if (wall_ms < 0)
		json_write_member_c(writer, name, NULL);
	else
		json_write_member(writer, name, wall_format(&arena, wall_ms, true));
	arena_done(&arena);
}

static void write_texts(struct json_writer *writer, const char *name, const struct text_list *list)
{
	json_write_key(writer, name);
	json_write_array(writer);
	for (size_t i = 0; i < list->count; i++)
		json_write_string(writer, list->items[i]);
	json_write_array_end(writer);
}

static void write_json(const struct key *key, int64_t now_ms, struct json_writer *writer)
{
	json_write_object(writer);
	json_write_member(writer, "id", key->id);
	json_write_member(writer, "name", key->name);
	json_write_member_c(writer, "state", state_of(key, now_ms));
	write_texts(writer, "teams", &key->teams);
	write_texts(writer, "routes", &key->routes);
	write_texts(writer, "targets", &key->targets);
	write_texts(writer, "endpoints", &key->endpoints);
	/* 0 is no limit: unknown to nobody, but no number either. */
	json_write_member_count(writer, "requests_per_minute",
	                        key->requests_per_minute > 0 ? key->requests_per_minute : -1);
	json_write_member_count(writer, "tokens_per_minute",
	                        key->tokens_per_minute > 0 ? key->tokens_per_minute : -1);
	json_write_member_count(writer, "streams", key->streams > 0 ? key->streams : -1);
	router_write_usd(writer, "budget_usd", key->budget_pico_usd);
	json_write_member_c(writer, "per", key->budget_pico_usd >= 0 ? per_names[key->per] : NULL);
	json_write_member_c(writer, "unpriced",
	                    key->budget_pico_usd < 0 ? NULL
	                                             : unpriced_names[key->unpriced ? 1 : 0]);
	json_write_member_c(writer, "content",
	                    key->content >= 0 ? content_names[key->content] : NULL);
	json_write_member_c(writer, "evidence", key_evidence_names[key->evidence]);
	json_write_member_count(writer, "max_age_s",
	                        key->max_age_ms < 0 ? -1 : key->max_age_ms / 1000);
	write_moment(writer, "created_at", key->created_wall_ms);
	write_moment(writer, "expires_at", key->expires_wall_ms);
	write_moment(writer, "rotated_at", key->rotated_wall_ms);
	write_moment(writer, "overlap_until", key->overlap_until_wall_ms);
	write_moment(writer, "revoked_at", key->revoked_wall_ms);
	json_write_object_end(writer);
}

static void write_row(const struct key *key, int64_t now_ms, struct arena *arena,
                      struct text_buf *out)
{
	struct text team = key->teams.count > 0 ? key->teams.items[0] : TEXT("-");
	struct text expires = key->expires_wall_ms < 0
	                          ? TEXT("never")
	                          : wall_format(arena, key->expires_wall_ms, false);
	struct text name = text_visible(arena, key->name, 32);
	struct text shown_team = text_visible(arena, team, 20);

	(void)text_buf_format(
	    out, "%.*s  %-8s  %.*s  %-20.*s  ", TEXT_ARG(key->id), state_of(key, now_ms),
	    TEXT_ARG(wall_format(arena, key->created_wall_ms, false)), TEXT_ARG(expires));
	(void)text_buf_format(out, "%.*s%*s  %.*s\n", TEXT_ARG(shown_team),
	                      (int)(20 - size_min(text_columns(shown_team), 20)), "",
	                      TEXT_ARG(name));
}

static int list_keys(struct key_store *store, const struct key_command *given, int64_t now_ms,
                     struct arena *arena)
{
	struct text_buf out;
	struct json_writer writer;
	struct fault fault;
	struct key **keys;
	size_t count;

	if (!key_store_list(store, &keys, &count, &fault))
		return command_fail(&fault);
	text_buf_init(&out, LIST_MAX_BYTES);
	json_writer_init(&writer, &out, true);
	if (given->format == 1)
		json_write_array(&writer);
	else
		(void)text_buf_format(&out, "%-8s  %-8s  %-20s  %-20s  %-20s  %s\n", "ID", "STATE",
		                      "CREATED", "EXPIRES", "TEAM", "NAME");
	for (size_t i = 0; i < count; i++) {
		if (given->format == 1)
			write_json(keys[i], now_ms, &writer);
		else
			write_row(keys[i], now_ms, arena, &out);
	}
	if (given->format == 1) {
		json_write_array_end(&writer);
		(void)text_buf_byte(&out, '\n');
	}
	key_list_free(keys, count);
	return command_write_report((struct text){NULL, 0}, &out, &fault) ? EXIT_HOLDS
	                                                                  : command_fail(&fault);
}

/* --- the verbs ----------------------------------------------------------------------------- */

static int run_verb(struct key_store *store, enum verb verb, const struct key_command *given,
                    struct arena *arena)
{
	int64_t now_ms = command_now_wall_ms();
	char made[KEY_BYTES + 1];
	struct fault fault;
	struct text id = verb == VERB_ROTATE || verb == VERB_REVOKE ? given->operands.items[1]
	                                                            : (struct text){NULL, 0};

	switch (verb) {
	case VERB_CREATE: {
		struct key wanted;
		if (!read_wanted(given, now_ms, &wanted, &fault) ||
		    !key_store_create(store, &wanted, now_ms, made, &fault))
			return command_fail(&fault);
		return print_key(made);
	}
	case VERB_LIST:
		return list_keys(store, given, now_ms, arena);
	case VERB_ROTATE:
		if (!key_store_rotate(store, id, now_ms, given->overlap_ms, made, &fault))
			return command_fail(&fault);
		return print_key(made);
	case VERB_REVOKE:
		if (!key_store_revoke(store, id, now_ms, &fault))
			return command_fail(&fault);
		return EXIT_HOLDS;
	}
	return EXIT_OWN_FAULT;
}

static int with_store(const struct config *config, enum verb verb, const struct key_command *given,
                      struct arena *arena)
{
	struct key_store *store;
	struct key wanted;
	struct fault fault;

	if (config->keys.store.data == NULL)
		return command_lacks(config->path, "key store", "keys: {store: proviso.db}");
	/* Wrong usage must not make a store. */
	if (verb == VERB_CREATE && !read_wanted(given, command_now_wall_ms(), &wanted, &fault))
		return command_fail(&fault);
	if (!key_store_open(config, &store, &fault))
		return command_fail(&fault);
	int code = run_verb(store, verb, given, arena);
	key_store_close(store);
	return code;
}

static int key_run(void *state, struct arena *arena)
{
	const struct key_command *given = state;
	struct fault fault;
	int verb = 0;

	/* options_parse has made sure that it is one. */
	while (!text_is(given->operands.items[0], verb_names[verb]))
		verb++;
	bool wants_id = verb == VERB_ROTATE || verb == VERB_REVOKE;
	if (given->operands.count != (wants_id ? 2 : 1)) {
		(void)fault_set(&fault, FAULT_USAGE, "key %s wants %s", verb_names[verb],
		                wants_id ? "the ID of a key" : "options only");
		return command_fail(&fault);
	}
	struct config *config = ARENA_NEW(arena, struct config);
	struct fault_list *faults = ARENA_NEW(arena, struct fault_list);
	*config = config_defaults;
	bool loaded = config_load(given->config.data == NULL ? NULL : text_c(arena, given->config),
	                          config, faults);
	int code = command_fail_list(faults);
	if (loaded)
		code = with_store(config, (enum verb)verb, given, arena);
	config_done(config);
	return code;
}

const struct command command_key = {
    .name = "key",
    .summary = "virtual keys: create, list, rotate, revoke",
    .operands = "create|list|rotate ID|revoke ID",
    .about =
	"Makes and ends the keys that clients of `proviso proxy` show. create and rotate print\n"
	"the key, once, alone on stdout; only a hash of it is kept. ID is the key's public part,\n"
	"the 8 characters after pv_. In a running proxy each change holds once this has ended.",
    .options = &key_options,
    .state_bytes = sizeof(struct key_command),
    .defaults = key_defaults,
    .run = key_run,
};
