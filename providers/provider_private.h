/* How providers are read: settings, catalogue entries, URLs; nobody else includes this. */
#ifndef PROVISO_PROVIDERS_PROVIDER_PRIVATE_H
#define PROVISO_PROVIDERS_PROVIDER_PRIVATE_H

#include "providers/provider.h"

struct provider_aws_config {
	struct text access_key_id, session_token;
};

struct provider_usage_config {
	int prompt, completion; /* 0: the cache, reasoning is within; 1: it is apart */
};

/* One provider as it is written, in the config or in the catalogue. */
struct provider_config {
	int dialect; /* index into dialect_names; -1: not said */
	struct text base_url, api_version, api_key, key_header;
	const struct json *headers, *request; /* NULL: none */
	struct provider_limits limits;
	struct provider_timeouts timeouts;
	struct provider_usage_config usage;
	struct provider_aws_config aws;
	struct text region;
	struct setting_list models; /* of struct provider_model_config */
	const struct json *node;
};

struct provider_model_config {
	struct text name;
	int64_t context, max_output; /* 0: unknown */
	const struct json *price;    /* NULL: unknown */
	struct text_list endpoints, features, aliases;
	int64_t reference_tokens; /* 0: unknown */
	struct text source, reviewed, note;
	const struct json *node;
};

/* The catalogue's part beside it. */
struct catalog_entry {
	struct provider_config provider;
	struct text name;
	struct text title;
	struct text_list env; /* variables that usually hold the key, the usual one first */
	struct text_list base_url_env; /* variables that usually hold the base URL */
	bool key_optional;
	bool aws_keys; /* where none of `env` is set, AWS's usual keys sign */
	struct text source, reviewed, note;
};

extern const struct provider_config provider_config_defaults;

/* --- provider_settings.c --- */

MUST_CHECK bool provider_config_read(const struct json *node, struct provider_config *out,
                                     struct arena *arena, struct fault_list *faults);
/* `provider` holds its defaults already. */
MUST_CHECK bool catalog_entry_read(const struct json *node, struct catalog_entry *out,
                                   struct arena *arena, struct fault_list *faults);
/*
 * The provider's models. `version` stands on prices without a review date of their own; data NULL:
 * a hash of what they say.
 */
MUST_CHECK bool provider_models_read(const struct provider_config *provider, struct text version,
                                     struct arena *arena, struct provider_model **out,
                                     size_t *count, struct fault_list *faults);

/* --- provider_wire.c --- */

/* key_header, headers and request of a config into the provider; false, with the places, where one
 * is wrong. */
MUST_CHECK bool provider_wire_read(const struct provider_config *config, struct provider *out,
                                   struct arena *arena, struct fault_list *faults);

/* --- price_read.c --- */

/* A model's `price:`, which may be NULL; `version` as above. */
MUST_CHECK bool price_read(const struct json *node, struct text version, struct arena *arena,
                           struct price *out, struct fault_list *faults);

/* --- provider.c --- */

/* A model of which nothing but the name is known. */
MUST_CHECK struct provider_model provider_model_unlisted(struct text name);

/* --- catalog.c: the entries that travel inside the program --- */

/* *out is NULL where there is none of that name. */
MUST_CHECK bool catalog_find(struct text name, struct arena *arena, struct catalog_entry **out,
                             struct fault *fault);
MUST_CHECK size_t catalog_count(void);
/* The index-th entry; *out is NULL behind the last. */
MUST_CHECK bool catalog_at(size_t index, struct arena *arena, struct catalog_entry **out,
                           struct fault *fault);
/* The nearest name of the catalogue, or NULL. */
MUST_CHECK const char *catalog_nearest(struct text name, struct arena *arena);

/* --- provider_aws.c: keys that sign, and regions that stand in a URL --- */

/* "env:AWS_SECRET_ACCESS_KEY" where AWS's variables are set, else data NULL. */
MUST_CHECK struct text provider_aws_key_ref(void);
/* Where the entry serves: of one of AWS's by AWS's variables, else as it says itself. */
MUST_CHECK struct text provider_aws_region(const struct catalog_entry *entry);
/* The entry's URL, one of AWS's with that region in place of the entry's own. Arena. */
MUST_CHECK struct text provider_aws_url(const struct catalog_entry *entry, struct text region,
                                        struct arena *arena);
/*
 * How the provider signs, by its `aws:` (NULL: none is written), its key_ref and its base URL.
 * False, fault: a part is missing.
 */
MUST_CHECK bool provider_aws_read(struct provider *provider,
                                  const struct provider_aws_config *config, struct text region,
                                  struct arena *arena, struct fault *fault);
MUST_CHECK bool provider_aws_load(struct provider *provider, struct fault *fault);
/* Frees what was loaded. */
void provider_aws_done(struct provider_aws *aws);

/* --- provider_url.c --- */

struct provider_url {
	struct text url;  /* without a slash at its end */
	struct text host; /* without port and brackets */
	bool loopback;
};

/* False: `why` says what is wrong, without quoting it (it may hold a password). */
MUST_CHECK bool provider_url_read(struct text url, struct arena *arena, struct provider_url *out,
                                  const char **why);

#endif
