/* What a check asks: config or one URL, suite, targets, keys, plan; and how a run remembers it. */
#include "harness/cli/check.h"

#include "harness/base/json_write.h"
#include "harness/run/opinion.h"

/* The one provider that a base URL, a model and the variable of a key (data NULL: none) describe.
 */
static bool provider_in_no_file(struct text base_url, struct text model, struct text api_key_env,
                                struct arena *arena, struct provider_set *out, struct fault *fault)
{
	struct text key_ref = {NULL, 0};

	*out = (struct provider_set){.items = ARENA_NEW(arena, struct provider), .count = 1};
	if (api_key_env.data != NULL)
		key_ref = text_format(arena, "env:%.*s", TEXT_ARG(api_key_env));
	return provider_from_url(base_url, model, key_ref, arena, out->items, fault);
}

const struct provider_set *check_provider_of_run(const struct journal_head *head,
                                                 struct arena *arena)
{
	struct provider_set *set = ARENA_NEW(arena, struct provider_set);
	struct text base_url = json_string(head->options, "base_url");
	struct fault fault; /* a run that somebody wrote by hand: its provider is not known */

	if (base_url.data == NULL ||
	    !provider_in_no_file(base_url, json_string(head->options, "model"),
	                         json_string(head->options, "api_key_env"), arena, set, &fault))
		return NULL;
	return set;
}

static bool set_up_from_url(struct check_session *session, struct fault *fault)
{
	const struct check_options *options = session->options;

	if (options->model.data == NULL)
		return fault_set(fault, FAULT_USAGE, "--base-url wants --model too");
	if (options->config.data != NULL || options->targets.count != 0)
		return fault_set(fault, FAULT_USAGE,
		                 "--base-url asks one provider that is in no file; leave out "
		                 "--config and TARGET");
	if (!provider_in_no_file(options->base_url, options->model, options->api_key_env,
	                         session->arena, &session->config.providers, fault))
		return false;
	session->config.check.core = true;
	session->config.check.max_spend_pico_usd = -1;
	return true;
}

static bool add_target(struct check_session *session, struct text name, struct fault *fault)
{
	struct target target;

	if (!target_find(&session->config.providers, name, session->arena, &target, fault))
		return false;
	for (size_t i = 0; i < session->target_count; i++)
		if (text_equal(session->targets[i].name, target.name))
			return true;
	session->targets[session->target_count++] = target;
	return true;
}

/* The operands, or every model of every provider. */
static bool choose_targets(struct check_session *session, struct fault *fault)
{
	const struct provider_set *set = &session->config.providers;
	const struct check_options *options = session->options;
	size_t most = options->targets.count;

	for (size_t i = 0; i < set->count; i++)
		most += set->items[i].model_count;
	session->targets = ARENA_NEW_ARRAY(session->arena, struct target, most + 1);
	for (size_t i = 0; i < options->targets.count; i++)
		if (!add_target(session, options->targets.items[i], fault))
			return false;
	for (size_t p = 0; options->targets.count == 0 && p < set->count; p++)
		for (size_t m = 0; m < set->items[p].model_count; m++) {
			struct text name =
			    text_format(session->arena, "%.*s/%.*s", TEXT_ARG(set->items[p].name),
			                TEXT_ARG(set->items[p].models[m].name));
			if (!add_target(session, name, fault))
				return false;
		}
	if (session->target_count == 0)
		return fault_set(
		    fault, FAULT_USAGE,
		    "no target: name one (provider/model), write a proviso.yaml, set a "
		    "provider's key variable, or give --base-url and --model");
	return true;
}

int check_setup(struct check_session *session)
{
	struct fault_list *faults = ARENA_NEW(session->arena, struct fault_list);
	struct check_options *options = session->options;
	struct fault fault;

	if (options->base_url.data != NULL) {
		if (!set_up_from_url(session, &fault))
			return command_fail(&fault);
	} else {
		const char *path =
		    options->config.data == NULL ? NULL : text_c(session->arena, options->config);
		session->config_loaded = true;
		if (!config_load(path, &session->config, faults))
			return command_fail_list(faults);
	}
	session->suite_loaded = true;
	if (!suite_load(&session->suite, session->config.check.core, &session->config.check.cases,
	                faults))
		return command_fail_list(faults);
	int code = command_fail_list(faults); /* warnings at most */
	REQUIRE(code == EXIT_HOLDS);
	if (options->profile.data == NULL)
		options->profile = session->config.check.profile;
	if (options->trials == 0)
		options->trials = int64_max(1, session->config.check.trials);
	if (options->jobs == 0)
		options->jobs = session->config.check.jobs;
	if (options->max_spend_pico_usd < 0)
		options->max_spend_pico_usd = session->config.check.max_spend_pico_usd;
	if (options->judge.data == NULL)
		options->judge = session->config.check.judge;
	if (options->judge.data != NULL && !target_find(&session->config.providers, options->judge,
	                                                session->arena, &session->judge, &fault))
		return command_fail(&fault);
	if (!choose_targets(session, &fault))
		return command_fail(&fault);
	return EXIT_HOLDS;
}

bool check_load_keys(struct check_session *session, struct fault *fault)
{
	struct provider_set *set = &session->config.providers;

	for (size_t p = 0; p < set->count; p++) {
		bool asked =
		    session->judge.provider == &set->items[p] && opinions_wanted(&session->plan);
		for (size_t t = 0; t < session->target_count; t++)
			asked = asked || session->targets[t].provider == &set->items[p];
		if (asked && !provider_load_key(&set->items[p], fault))
			return fault_within(fault, "loading the key of %.*s",
			                    TEXT_ARG(set->items[p].name));
	}
	return true;
}

/* What --suite names, else what the config says. */
static bool read_suites(const struct check_session *session, unsigned *out, struct fault *fault)
{
	const struct text_list *names = &session->options->suites;

	*out = PLAN_SUITE_CORE | (session->config.check.quality ? PLAN_SUITE_QUALITY : 0u);
	if (names->count == 0)
		return true;
	*out = 0;
	for (size_t i = 0; i < names->count; i++) {
		unsigned bit = 0;
		for (size_t j = 0; plan_suites[j] != NULL; j++)
			if (text_is(names->items[i], plan_suites[j]))
				bit = 1u << j;
		if (bit == 0)
			return fault_set(fault, FAULT_USAGE,
			                 "there is no suite \"%.*s\"; want core or quality",
			                 TEXT_ARG(text_slice(names->items[i], 0, 80)));
		*out |= bit;
	}
	return true;
}

bool check_plan(struct check_session *session, struct fault *fault)
{
	unsigned suites;
	if (!read_suites(session, &suites, fault))
		return false;
	struct plan_filter filter = {
	    .profile = session->options->profile,
	    .cases = session->options->cases,
	    .capabilities = session->options->capabilities,
	    .trials = session->options->trials,
	    .suites = suites,
	};

	return plan_make(&session->suite, session->targets, session->target_count, &filter,
	                 session->arena, &session->plan, fault);
}

void check_session_done(struct check_session *session)
{
	if (session->suite_loaded)
		suite_done(&session->suite);
	if (session->config_loaded)
		config_done(&session->config);
	else
		provider_set_done(&session->config.providers);
}

/* --- how a run was asked for --- */

static void write_list(struct json_writer *writer, const char *name, const struct text_list *list)
{
	json_write_key(writer, name);
	json_write_array(writer);
	for (size_t i = 0; i < list->count; i++)
		json_write_string(writer, list->items[i]);
	json_write_array_end(writer);
}

/* What is asked, whether by option or by config: the config may say another thing by then. */
static void write_suites(struct json_writer *writer, const struct check_session *session)
{
	static struct text both[] = {TEXT_INIT("core"), TEXT_INIT("quality")};
	const struct text_list by_config = {both, session->config.check.quality ? 2 : 1};
	const struct text_list *named = &session->options->suites;

	write_list(writer, "suites", named->count > 0 ? named : &by_config);
}

static void write_optional(struct json_writer *writer, const char *name, struct text value)
{
	if (value.data != NULL)
		json_write_member(writer, name, value);
}

const struct json *check_options_to_json(const struct check_session *session)
{
	enum { OPTIONS_MAX_BYTES = 4 << 20 };
	const struct check_options *options = session->options;
	struct text_buf buf;
	struct json_writer writer;
	struct json *root;
	struct fault fault;

	text_buf_init(&buf, OPTIONS_MAX_BYTES);
	json_writer_init(&writer, &buf, false);
	json_write_object(&writer);
	write_optional(&writer, "config", session->config.path);
	write_optional(&writer, "base_url", options->base_url);
	write_optional(&writer, "model", options->model);
	write_optional(&writer, "api_key_env", options->api_key_env);
	/* Said in any case: its rules judge the trials, whatever the default will be then. */
	json_write_member(&writer, "profile",
	                  options->profile.data == NULL ? TEXT(PLAN_DEFAULT_PROFILE)
	                                                : options->profile);
	json_write_member_int(&writer, "trials", options->trials);
	write_optional(&writer, "baseline", options->baseline);
	write_suites(&writer, session);
	write_list(&writer, "cases", &options->cases);
	write_list(&writer, "capabilities", &options->capabilities);
	write_list(&writer, "case_folders", &session->config.check.cases);
	json_write_member_bool(&writer, "core", session->config.check.core);
	json_write_object_end(&writer);
	struct text copy = text_copy(session->arena, text_buf_view(&buf));
	text_buf_done(&buf);
	REQUIRE(json_read_text(copy, "options", session->arena, &root, &fault));
	return root;
}

static struct text_list read_list(const struct json *array, struct arena *arena)
{
	struct text_list list = {0};

	list.items = ARENA_NEW_ARRAY(arena, struct text, array == NULL ? 1 : array->count + 1);
	JSON_EACH(item, array)
	{
		list.items[list.count++] = item->text;
	}
	return list;
}

bool check_options_from_head(struct check_session *session, struct fault *fault)
{
	struct check_options *options = session->options;
	const struct json *head = session->head.options;

	if (!json_is(head, JSON_OBJECT))
		return fault_set(
		    fault, FAULT_INPUT,
		    "%s does not say how the run was asked for; it can't be gone on with",
		    session->folder.journal);
	if (options->targets.count != 0 || options->cases.count != 0 ||
	    options->capabilities.count != 0 || options->base_url.data != NULL ||
	    options->profile.data != NULL || options->suites.count != 0)
		return fault_set(fault, FAULT_USAGE,
		                 "a recorded run knows its targets and cases; leave out TARGET, "
		                 "--suite, --case, --capability, --profile and --base-url");
	if (options->config.data == NULL)
		options->config = json_string(head, "config");
	options->base_url = json_string(head, "base_url");
	options->model = json_string(head, "model");
	options->api_key_env = json_string(head, "api_key_env");
	options->profile = json_string(head, "profile");
	/* It decides how often cells are asked; what is judged again is asked no more. */
	if (session->resuming && options->baseline.data == NULL)
		options->baseline = json_string(head, "baseline");
	options->suites = read_list(json_member(head, "suites"), session->arena);
	options->cases = read_list(json_member(head, "cases"), session->arena);
	options->capabilities = read_list(json_member(head, "capabilities"), session->arena);
	if (options->trials == 0 &&
	    !json_integer(head, "trials", 1, PLAN_MAX_TRIALS, &options->trials))
		options->trials = 1;
	session->config.check.cases = read_list(json_member(head, "case_folders"), session->arena);
	session->config.check.core = json_truth(head, "core", true);
	if (options->base_url.data != NULL)
		return true;
	options->targets.items =
	    ARENA_NEW_ARRAY(session->arena, struct text, session->head.target_count + 1);
	for (size_t i = 0; i < session->head.target_count; i++)
		options->targets.items[options->targets.count++] = session->head.targets[i].name;
	return true;
}
