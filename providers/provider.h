/*
 * A configured provider: where it is, what it speaks, how it is paid and how
 * much it may be asked at once. Const after loading; a reload replaces all.
 */
#ifndef PROVISO_PROVIDERS_PROVIDER_H
#define PROVISO_PROVIDERS_PROVIDER_H

#include "harness/base/http_parse.h"
#include "harness/base/settings.h"
#include "providers/dialect/dialect.h"
#include "providers/price/price.h"
#include "providers/secret/secret.h"

struct provider_model {
	struct text name;
	int64_t context;    /* tokens; -1: unknown */
	int64_t max_output; /* tokens; -1: unknown */
	/*
	 * What the config or the catalogue says it is for: bits 1u << enum endpoint; 0: not said,
	 * and then it is asked everything.
	 */
	unsigned endpoints;
	struct text_list features; /* claimed there, as written (feature.h says which there are) */
	struct text_list aliases;  /* other names by which it may answer */
	/* Prompt tokens of US-05's question, as the model's maker counts them; 0: unknown. */
	int64_t reference_tokens;
	/* What case CO-05.record told of it when it was taken on; data NULL: unknown. No setting.
	 */
	struct text identity;
	struct text hours;       /* the same of CO-06: when it was asked, and how long it took */
	const struct json *node; /* where it was configured; NULL: in no file */
	struct price price;
};

struct provider_limits {
	int64_t concurrency;         /* requests in flight; at least 1 */
	int64_t requests_per_minute; /* 0: no limit */
	int64_t tokens_per_minute;   /* 0: no limit */
};

struct provider_timeouts {
	int64_t connect_ms, first_event_ms, idle_ms, total_ms;
};

/* Of AWS: requests are signed with the provider's key, which is the secret access key. */
struct provider_aws {
	struct text access_key_id_ref; /* "env:NAME"; data NULL: nothing is signed */
	struct text session_token_ref; /* of temporary keys; data NULL: none */
	struct text region;            /* "eu-central-1" */
	struct secret *access_key_id;  /* owned, as is the next; NULL until provider_load_key */
	struct secret *session_token;
};

struct provider {
	struct text name;
	const struct dialect *dialect;
	struct text base_url;    /* without a slash at its end */
	struct text api_version; /* Azure's, a date; data NULL: none */
	/* What each request gets beside what its dialect says: to pin who serves it, say. */
	const char *key_header; /* NULL: the dialect's */
	struct http_header *headers;
	size_t header_count;
	const struct json *request; /* an object: members of the body; NULL: none */
	struct text key_ref;        /* "env:NAME"; data NULL: no key */
	struct secret *key;         /* owned; NULL until provider_load_key */
	struct provider_aws aws;
	struct provider_limits limits;
	struct provider_timeouts timeouts;
	struct provider_model *models;
	size_t model_count;
	bool loopback;           /* base_url's host is this machine: nobody bills it */
	const struct json *node; /* where it was configured */
};

struct provider_set {
	struct provider *items;
	size_t count;
};

/* The keys of one provider in the config, for `validate` and the manual. */
extern const struct setting_table provider_settings;

/*
 * Reads the `providers:` mapping. `{}` takes everything from the catalogue's
 * entry of that name. Mistakes go to `faults`; true when none was added.
 */
MUST_CHECK bool provider_set_read(const struct json *node, struct arena *arena,
                                  struct provider_set *out, struct fault_list *faults);
/*
 * What somebody should know of a model's price at that moment: that none is known or holds (its
 * costs are unknown then), or that it should have been looked at again. Data NULL: nothing, also
 * where the provider is this machine and no price is given. Arena.
 */
MUST_CHECK struct text provider_price_note(const struct provider *provider,
                                           const struct provider_model *model, int64_t now_wall_ms,
                                           struct arena *arena);
/* What people call it: the catalogue's title, or the name where the catalogue has none. Arena. */
MUST_CHECK struct text provider_title(struct text name, struct arena *arena);
/* The catalogue's providers whose usual environment variable is set. */
MUST_CHECK bool provider_set_from_environment(struct arena *arena, struct provider_set *out,
                                              struct fault *fault);
/* One provider in no file: `check --base-url URL --model NAME`. key_ref may be data NULL. */
MUST_CHECK bool provider_from_url(struct text base_url, struct text model, struct text key_ref,
                                  struct arena *arena, struct provider *out, struct fault *fault);

/*
 * The request as it goes to the provider: the dialect's, with the provider's own key header,
 * headers and members of the body. These stand behind all others, and a request that has one of
 * that name keeps its own; a body that is no JSON object stays as it is.
 */
MUST_CHECK bool provider_encode(const struct provider *provider, const struct chat_request *request,
                                struct arena *arena, struct wire_request *out, struct fault *fault);
/* Whether `sent` is `body`, maybe with members behind it: what provider_encode makes of it. */
MUST_CHECK bool provider_encoded_from(struct text sent, struct text body);

MUST_CHECK const struct provider *provider_find(const struct provider_set *set, struct text name);
MUST_CHECK const struct provider_model *provider_model_find(const struct provider *provider,
                                                            struct text name);
/* Loads the key into `provider->key`, and what signs with it; nothing to do without a key_ref. */
MUST_CHECK bool provider_load_key(struct provider *provider, struct fault *fault);
/* Frees the keys; the rest is arena memory. */
void provider_set_done(struct provider_set *set);

/* Warns of a price that was written for the model and does not hold now, or should be looked at. */
void price_review(const struct provider_model *model, int64_t now_wall_ms,
                  struct fault_list *faults);

/* A target is provider/model, split at the first slash. */
struct target {
	const struct provider *provider;
	const struct provider_model
	    *model;       /* never NULL: an unlisted model gets one without price */
	struct text name; /* "provider/model" */
};

/*
 * Finds "provider/model" (a model that is not listed is taken as it is, unpriced).
 * An unknown provider is a fault that offers the nearest name.
 */
MUST_CHECK bool target_find(const struct provider_set *set, struct text name, struct arena *arena,
                            struct target *out, struct fault *fault);

#endif
