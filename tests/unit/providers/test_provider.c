/* Providers from the config, the catalogue, the environment and one URL; mistakes show no key. */
#include "harness/base/redact.h"
#include "harness/base/yaml.h"
#include "providers/provider_private.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

static struct arena arena;
static struct provider_set set;
static struct fault_list faults;
static struct source source;

static bool read(const char *yaml)
{
	struct json *root;
	struct fault fault;

	memset(&faults, 0, sizeof(faults));
	source = (struct source){TEXT("p.yaml"), text_of(yaml)};
	ck_assert_msg(yaml_read(&source, NULL, &arena, &root, NULL, &fault), "%s", fault.message);
	return provider_set_read(root, &arena, &set, &faults);
}

static void done(void)
{
	provider_set_done(&set);
	arena_done(&arena);
	redact_forget_all();
}

static void expect_good(const char *yaml)
{
	bool good = read(yaml);

	ck_assert_msg(good, "%s", faults.items[0].message);
	ck_assert_uint_eq(faults.errors, 0);
}

static void expect_mistake(const char *yaml, const char *part)
{
	bool good = read(yaml);

	ck_assert_msg(!good && faults.errors == 1, "%zu mistakes, want one that says \"%s\"",
	              faults.errors, part);
	assert_fault_says(&faults.items[0], part);
	ck_assert_uint_ne(faults.items[0].line, 0);
}

START_TEST(a_provider_is_read_whole)
{
	expect_good(
	    "lab:\n"
	    "  dialect: openai\n"
	    "  base_url: http://10.0.0.5:8000/v1///\n"
	    "  api_key: env:LAB_KEY\n"
	    "  limits: {concurrency: 8, requests_per_minute: 300, tokens_per_minute: 200000}\n"
	    "  timeouts: {connect: 2s, first_event: 500ms, idle: 1m, total: 1h}\n"
	    "  models:\n"
	    "    qwen3-32b:\n"
	    "      context: 131072\n"
	    "      max_output: 8192\n"
	    "      price: {input: \"0.10\", cached_input: \"0.02\", output: \"0.30\"}\n"
	    "      endpoints: [chat, responses]\n"
	    "      features: [tools, vision]\n"
	    "    free: {price: {input: \"0\", output: 0}, endpoints: embeddings}\n"
	    "    bare:\n");
	const struct provider *lab = provider_find(&set, TEXT("lab"));
	ck_assert_ptr_nonnull(lab);
	assert_text(lab->base_url, "http://10.0.0.5:8000/v1");
	assert_text(lab->key_ref, "env:LAB_KEY");
	ck_assert_ptr_null(lab->key);
	ck_assert(!lab->loopback);
	ck_assert_int_eq(lab->limits.concurrency, 8);
	ck_assert_int_eq(lab->limits.requests_per_minute, 300);
	ck_assert_int_eq(lab->limits.tokens_per_minute, 200000);
	ck_assert_int_eq(lab->timeouts.connect_ms, 2000);
	ck_assert_int_eq(lab->timeouts.first_event_ms, 500);
	ck_assert_int_eq(lab->timeouts.idle_ms, 60000);
	ck_assert_int_eq(lab->timeouts.total_ms, 3600000);
	const struct provider_model *model = provider_model_find(lab, TEXT("qwen3-32b"));
	ck_assert_int_eq(model->context, 131072);
	ck_assert_int_eq(model->max_output, 8192);
	ck_assert(model->price.known);
	ck_assert_int_eq(model->price.base.input, 100000000000);
	ck_assert_int_eq(model->price.base.cached_input, 20000000000);
	ck_assert_int_eq(model->price.base.cache_write, -1);
	ck_assert_int_eq(model->price.base.output, 300000000000);
	ck_assert(text_starts(model->price.version, TEXT("config-")));
	ck_assert_uint_eq(model->endpoints, 1u << ENDPOINT_CHAT | 1u << ENDPOINT_RESPONSES);
	ck_assert_uint_eq(model->features.count, 2);
	assert_text(model->features.items[1], "vision");
	model = provider_model_find(lab, TEXT("free"));
	ck_assert(model->price.known);
	ck_assert_int_eq(model->price.base.input, 0);
	ck_assert_uint_eq(model->endpoints, 1u << ENDPOINT_EMBEDDINGS);
	model = provider_model_find(lab, TEXT("bare"));
	ck_assert_uint_eq(model->endpoints, 0);
	ck_assert(!model->price.known);
	ck_assert_int_eq(model->price.base.input, -1);
	ck_assert_int_eq(model->context, -1);
	ck_assert_int_eq(model->max_output, -1);
	done();
}
END_TEST

static const struct {
	const char *yaml;
	const char *says;
} mistakes[] = {
    {"lab: {base_url: ftp://x/v1}", "http:// or https://"},
    {"lab: {base_url: 10.0.0.5}", "want a URL"},
    {"lab: {base_url: \"http://x/v1?key=1\"}", "query"},
    {"lab: {base_url: \"http://x/v1#a\"}", "fragment"},
    {"lab: {base_url: \"http://\"}", "want a URL"},
    {"lab: {base_url: \"http://x/a b\"}", "want a URL"},
    {"lab: {base_url: \"\"}", "want a URL"},
    {"lab: {}", "needs a base_url"},
    {"deepsek: {}", "did you mean 'deepseek'?"},
    {"lab: {base_url: http://x, dialect: openia}", "did you mean 'openai'?"},
    {"lab: {base_url: http://x, limits: {concurrency: 0}}", "concurrency"},
    {"lab: {base_url: http://x, timeouts: {idle: never}}", "idle"},
    {"lab: {base_url: http://x, limit: {}}", "did you mean 'limits'?"},
    {"lab: {base_url: http://x, models: {m: {price: {input: \"1\"}}}}", "output"},
    {"lab: {base_url: http://x, models: {m: {price: {input: \"-1\", output: \"1\"}}}}", "input"},
    {"lab: {base_url: http://x, models: {m: {context: 0}}}", "context"},
    {"lab: {base_url: http://x, models: {\"\": {}}}", "name"},
    {"lab: {base_url: http://x, models: {m: {endpoints: [chat, embedings]}}}",
     "no endpoint 'embedings' (did you mean 'embeddings'?)"},
    {"lab: {base_url: http://x, models: {m: {endpoints: [models]}}}", "no endpoint 'models'"},
    {"lab: {base_url: http://x, models: {m: {endpoints: []}}}", "for nothing"},
    {"a/b: {base_url: http://x}", "name"},
    {"\"\": {base_url: http://x}", "name"},
    {"deepseek: {base_url: https://evil.example/v1}", "api_key: env:DEEPSEEK_API_KEY"},
    {"[1]", "providers by name"},
};

START_TEST(each_mistake_is_said_with_its_place)
{
	(void)unsetenv("DEEPSEEK_API_KEY");
	expect_mistake(mistakes[_i].yaml, mistakes[_i].says);
	done();
}
END_TEST

START_TEST(good_providers_stand_beside_bad_ones)
{
	ck_assert(!read("bad: {}\ngood: {base_url: http://x}\nworse: {base_url: y}\n"));
	ck_assert_uint_eq(faults.errors, 2);
	ck_assert_uint_eq(set.count, 1);
	assert_text(set.items[0].name, "good");
	done();
}
END_TEST

/* A key that somebody pasted must not be in what we say about it. */
static const char *const pasted[] = {
    "lab:\n  base_url: http://x\n  api_key: sk-pasted-4711-secret\n",
    "lab:\n  base_url: http://x\n  api_key: \"env:sk-pasted-4711-secret\"\n",
    "lab:\n  base_url: http://x\n  apikey: sk-pasted-4711-secret\n",
    "lab:\n  base_url: http://x\n  token: sk-pasted-4711-secret\n",
    "lab:\n  api_key: sk-pasted-4711-secret\n",
    "lab:\n  base_url: https://me:sk-pasted-4711-secret@x.example/v1\n",
    "lab: {base_url: http://x, api_key: sk-pasted-4711-secret, limit: 1}\n",
    "lab:\n  base_url: http://x\n  api_key: [sk-pasted-4711-secret]\n",
};

START_TEST(a_pasted_key_is_never_shown)
{
	ck_assert(!read(pasted[_i]));
	for (size_t i = 0; i < faults.count; i++) {
		struct fault *fault = &faults.items[i];

		ck_assert_msg(strstr(fault->message, "pasted-4711") == NULL, "%s", fault->message);
		ck_assert_msg(strstr(fault->excerpt, "pasted-4711") == NULL, "%s", fault->excerpt);
	}
	done();
}
END_TEST

START_TEST(the_catalogue_gives_what_the_config_leaves_out)
{
	ck_assert_int_eq(setenv("DEEPSEEK_API_KEY", "sk-unit-deepseek", 1), 0);
	expect_good("deepseek:\n  limits: {concurrency: 3}\n  models:\n    mine: {context: 5}\n"
	            "    deepseek-flash: {context: 7}\n");
	const struct provider *deepseek = provider_find(&set, TEXT("deepseek"));
	assert_text(deepseek->base_url, "https://api.deepseek.com");
	assert_text(deepseek->key_ref, "env:DEEPSEEK_API_KEY");
	ck_assert_int_eq(deepseek->limits.concurrency, 3);
	ck_assert_int_eq(provider_model_find(deepseek, TEXT("mine"))->context, 5);
	ck_assert_int_eq(provider_model_find(deepseek, TEXT("deepseek-flash"))->context, 7);
	ck_assert_int_eq(provider_model_find(deepseek, TEXT("deepseek-v4-pro"))->max_output,
	                 384000);
	struct fault fault;
	ck_assert(provider_load_key(&set.items[0], &fault));
	assert_text(secret_reveal(deepseek->key), "sk-unit-deepseek");
	(void)unsetenv("DEEPSEEK_API_KEY");
	done();
}
END_TEST

START_TEST(a_catalogue_provider_without_its_variable_says_which)
{
	struct fault fault;

	(void)unsetenv("DEEPSEEK_API_KEY");
	expect_good("deepseek: {}");
	ck_assert(!provider_load_key(&set.items[0], &fault));
	assert_fault_says(&fault, "DEEPSEEK_API_KEY");
	done();
}
END_TEST

START_TEST(a_second_usual_variable_counts_as_well)
{
	(void)unsetenv("GEMINI_API_KEY");
	ck_assert_int_eq(setenv("GOOGLE_API_KEY", "sk-unit-google", 1), 0);
	expect_good("gemini: {}");
	assert_text(set.items[0].key_ref, "env:GOOGLE_API_KEY");
	(void)unsetenv("GOOGLE_API_KEY");
	done();
}
END_TEST

START_TEST(a_key_from_the_environment_follows_to_this_machine_only)
{
	(void)setenv("DEEPSEEK_API_KEY", "sk-unit-deepseek", 1);
	expect_good("deepseek: {base_url: \"http://127.0.0.1:1/v1\"}");
	assert_text(set.items[0].key_ref, "env:DEEPSEEK_API_KEY");
	expect_good("deepseek: {base_url: https://api.deepseek.com/beta}");
	assert_text(set.items[0].key_ref, "env:DEEPSEEK_API_KEY");
	ck_assert(!read("deepseek: {base_url: https://other.example/v1}"));
	expect_good(
	    "deepseek: {base_url: https://other.example/v1, api_key: env:DEEPSEEK_API_KEY}");
	(void)unsetenv("DEEPSEEK_API_KEY");
	done();
}
END_TEST

START_TEST(a_key_in_clear_text_is_warned_of)
{
	expect_good("lab: {base_url: \"http://10.0.0.5/v1\", api_key: env:LAB_KEY}");
	ck_assert_uint_eq(faults.count, 1);
	assert_fault_says(&faults.items[0], "clear text");
	ck_assert_uint_ne(faults.items[0].line, 0);
	expect_good("lab: {base_url: \"https://10.0.0.5/v1\", api_key: env:LAB_KEY}");
	ck_assert_uint_eq(faults.count, 0);
	expect_good("lab: {base_url: \"http://127.0.0.1/v1\", api_key: env:LAB_KEY}");
	ck_assert_uint_eq(faults.count, 0);
	expect_good("lab: {base_url: \"http://10.0.0.5/v1\"}");
	ck_assert_uint_eq(faults.count, 0);
	done();
}
END_TEST

START_TEST(a_local_server_needs_no_key)
{
	struct fault fault;

	(void)unsetenv("VLLM_API_KEY");
	expect_good("vllm:");
	ck_assert_ptr_null(set.items[0].key_ref.data);
	ck_assert(provider_load_key(&set.items[0], &fault));
	ck_assert(set.items[0].loopback);
	done();
}
END_TEST

START_TEST(every_entry_of_the_catalogue_can_be_read)
{
	static const char *const wanted[] = {
	    "openai",     "deepseek", "mistral",   "groq",      "together", "fireworks",
	    "openrouter", "xai",      "moonshot",  "qwen",      "cerebras", "perplexity",
	    "tokenmix",   "vllm",     "sglang",    "llama-cpp", "ollama",   "lmstudio",
	    "litellm",    "gemini",   "anthropic", "cohere",
	};
	struct catalog_entry *entry;
	struct fault fault;
	size_t count = 0;

	for (;; count++) {
		struct provider_model *models;
		size_t model_count;
		struct provider_url url;
		const char *why;

		ck_assert_msg(catalog_at(count, &arena, &entry, &fault), "%s", fault.message);
		if (entry == NULL)
			break;
		memset(&faults, 0, sizeof(faults));
		ck_assert_msg(provider_models_read(&entry->provider, entry->reviewed, &arena,
		                                   &models, &model_count, &faults),
		              "%.*s: %s", TEXT_ARG(entry->name), faults.items[0].message);
		ck_assert(provider_url_read(entry->provider.base_url, &arena, &url, &why));
		assert_text(url.url, text_c(&arena, entry->provider.base_url));
		ck_assert(url.loopback || !entry->key_optional);
		ck_assert(entry->key_optional || entry->env.count > 0);
		ck_assert_uint_eq(entry->reviewed.len, 10);
		for (size_t i = 0; i < model_count; i++)
			ck_assert(!models[i].price.known || models[i].price.version.len >= 10);
	}
	ck_assert_uint_eq(count, catalog_count());
	ck_assert_uint_ge(count, ARRAY_LENGTH(wanted));
	for (size_t i = 0; i < ARRAY_LENGTH(wanted); i++) {
		ck_assert(catalog_find(text_of(wanted[i]), &arena, &entry, &fault));
		ck_assert_msg(entry != NULL, "no %s", wanted[i]);
	}
	done();
}
END_TEST

/* Forgets every variable the catalogue knows, so that the test's environment is its own. */
static void clear_environment(void)
{
	struct catalog_entry *entry;
	struct fault fault;

	for (size_t i = 0;; i++) {
		ck_assert(catalog_at(i, &arena, &entry, &fault));
		if (entry == NULL)
			return;
		for (size_t k = 0; k < entry->env.count; k++)
			(void)unsetenv(text_c(&arena, entry->env.items[k]));
		for (size_t k = 0; k < entry->base_url_env.count; k++)
			(void)unsetenv(text_c(&arena, entry->base_url_env.items[k]));
	}
}

START_TEST(without_config_the_providers_whose_variable_is_set_are_used)
{
	struct fault fault;

	clear_environment();
	ck_assert(provider_set_from_environment(&arena, &set, &fault));
	ck_assert_uint_eq(set.count, 0);
	(void)setenv("GROQ_API_KEY", "sk-unit-groq", 1);
	(void)setenv("MISTRAL_API_KEY", "", 1); /* empty is not set */
	(void)setenv("VLLM_API_BASE", "http://localhost:9/v1/", 1);
	(void)setenv("OPENAI_API_KEY", "sk-unit-openai", 1);
	(void)setenv("OPENAI_BASE_URL", "http://localhost:1234/v1/", 1);
	ck_assert(provider_set_from_environment(&arena, &set, &fault));
	ck_assert_uint_eq(set.count, 3);
	ck_assert_ptr_nonnull(provider_find(&set, TEXT("groq")));
	assert_text(provider_find(&set, TEXT("openai"))->base_url, "http://localhost:1234/v1");
	ck_assert(provider_find(&set, TEXT("openai"))->loopback);
	ck_assert_ptr_null(provider_find(&set, TEXT("vllm"))->key_ref.data);
	(void)setenv("OPENAI_BASE_URL", "nonsense", 1);
	ck_assert(!provider_set_from_environment(&arena, &set, &fault));
	assert_fault_says(&fault, "OPENAI_BASE_URL");
	clear_environment();
	done();
}
END_TEST

static const struct {
	const char *url;
	bool loopback;
	const char *name;
} hosts[] = {
    {"http://localhost:8000/v1", true, "localhost"},
    {"http://LOCALHOST/v1", true, NULL},
    {"http://127.0.0.1:1/v1", true, "127.0.0.1"},
    {"http://127.9.9.9/v1", true, "127.9.9.9"},
    {"http://[::1]:80/v1", true, "::1"},
    {"http://[::2]:80/v1", false, "::2"},
    {"http://128.0.0.1/v1", false, "128.0.0.1"},
    {"http://localhost.example.com/v1", false, "localhost.example.com"},
    {"http://127.0.0.1.example.com/v1", false, "127.0.0.1.example.com"},
    {"https://api.openai.com/v1", false, "openai"},
};

START_TEST(one_url_makes_a_provider_named_by_its_host)
{
	struct provider provider;
	struct fault fault;
	struct text none = {NULL, 0};

	ck_assert(provider_from_url(text_of(hosts[_i].url), TEXT("m/x"), none, &arena, &provider,
	                            &fault));
	ck_assert(provider.loopback == hosts[_i].loopback);
	if (hosts[_i].name != NULL)
		assert_text(provider.name, hosts[_i].name);
	ck_assert_uint_eq(provider.model_count, 1);
	assert_text(provider.models[0].name, "m/x");
	ck_assert(!provider.models[0].price.known);
	ck_assert_ptr_null(provider.key_ref.data);
	done();
}
END_TEST

START_TEST(one_url_of_the_catalogue_knows_its_prices)
{
	struct provider provider;
	struct fault fault;

	(void)unsetenv("OPENAI_BASE_URL");
	ck_assert(provider_from_url(TEXT("https://api.openai.com/v1/"), TEXT("gpt-4.1"),
	                            TEXT("env:MY_KEY"), &arena, &provider, &fault));
	assert_text(provider.name, "openai");
	assert_text(provider.key_ref, "env:MY_KEY");
	ck_assert_uint_eq(provider.model_count, 1);
	ck_assert_int_eq(provider.models[0].price.base.output, INT64_C(8000000000000));
	ck_assert(!provider_from_url(TEXT("ftp://x"), TEXT("m"), TEXT("env:MY_KEY"), &arena,
	                             &provider, &fault));
	ck_assert_int_eq(fault.kind, FAULT_USAGE);
	ck_assert(!provider_from_url(TEXT("http://x"), TEXT("m"), TEXT("sk-plain-key-1234"), &arena,
	                             &provider, &fault));
	ck_assert(strstr(fault.message, "plain") == NULL);
	done();
}
END_TEST

START_TEST(targets_are_split_at_the_first_slash)
{
	struct target target;
	struct fault fault;

	expect_good("lab: {base_url: http://x, models: {\"a/b\": {context: 3}}}");
	ck_assert(target_find(&set, TEXT("lab/a/b"), &arena, &target, &fault));
	assert_text(target.name, "lab/a/b");
	ck_assert_int_eq(target.model->context, 3);
	ck_assert(target_find(&set, TEXT("lab/other"), &arena, &target, &fault));
	assert_text(target.model->name, "other");
	ck_assert_int_eq(target.model->price.base.input, -1);
	ck_assert(!target.model->price.known);
	ck_assert(!target_find(&set, TEXT("lap/x"), &arena, &target, &fault));
	assert_fault_says(&fault, "did you mean 'lab'?");
	ck_assert(!target_find(&set, TEXT("lab"), &arena, &target, &fault));
	ck_assert(!target_find(&set, TEXT("lab/"), &arena, &target, &fault));
	ck_assert(!target_find(&set, TEXT("/x"), &arena, &target, &fault));
	ck_assert(!target_find(&set, TEXT(""), &arena, &target, &fault));
	done();
}
END_TEST

static void add(TCase *cases)
{
	tcase_add_test(cases, a_provider_is_read_whole);
	tcase_add_loop_test(cases, each_mistake_is_said_with_its_place, 0,
	                    (int)ARRAY_LENGTH(mistakes));
	tcase_add_test(cases, good_providers_stand_beside_bad_ones);
	tcase_add_loop_test(cases, a_pasted_key_is_never_shown, 0, (int)ARRAY_LENGTH(pasted));
	tcase_add_test(cases, the_catalogue_gives_what_the_config_leaves_out);
	tcase_add_test(cases, a_catalogue_provider_without_its_variable_says_which);
	tcase_add_test(cases, a_second_usual_variable_counts_as_well);
	tcase_add_test(cases, a_key_from_the_environment_follows_to_this_machine_only);
	tcase_add_test(cases, a_key_in_clear_text_is_warned_of);
	tcase_add_test(cases, a_local_server_needs_no_key);
	tcase_add_test(cases, every_entry_of_the_catalogue_can_be_read);
	tcase_add_test(cases, without_config_the_providers_whose_variable_is_set_are_used);
	tcase_add_loop_test(cases, one_url_makes_a_provider_named_by_its_host, 0,
	                    (int)ARRAY_LENGTH(hosts));
	tcase_add_test(cases, one_url_of_the_catalogue_knows_its_prices);
	tcase_add_test(cases, targets_are_split_at_the_first_slash);
}

int main(void)
{
	return unit_main("provider", add);
}
