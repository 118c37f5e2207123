/* What import_config.c reads and import_config_write.c writes. */
#ifndef PROVISO_CLI_IMPORT_CONFIG_PRIVATE_H
#define PROVISO_CLI_IMPORT_CONFIG_PRIVATE_H

#include "harness/cli/import_config.h"
#include "harness/cli/importer.h"
#include "providers/provider.h"

enum import_limit { IMPORT_REQUESTS, IMPORT_TOKENS, IMPORT_CONCURRENCY, IMPORT_LIMITS };

/* One address with one key. Texts with data NULL: not said. */
struct import_provider {
	struct text name;
	struct text wanted;         /* `name` without a number */
	struct text known;          /* the catalogue's name of its kind */
	struct text base_url;       /* data NULL: the catalogue's */
	struct text key_ref;        /* "env:NAME" */
	bool from_catalog;          /* its name is the catalogue's */
	const struct json *literal; /* a key in the clear, that `key_ref` stands for; NULL: none */
};

struct import_target {
	size_t provider;
	struct text model;
	const char *endpoint;
	const struct json *params,
	    *info;                     /* of the first deployment that has it; info may be NULL */
	int64_t limits[IMPORT_LIMITS]; /* the largest of its deployments; 0: not said */
};

/* One entry of model_list. */
struct import_deployment {
	const struct json *node, *params;
	struct text group; /* model_name */
	size_t target;
	int64_t order; /* INT64_MAX: not said */
};

struct import_route {
	struct text name, group;
	size_t *targets; /* arena; own ones first */
	int64_t *weights;
	size_t own, count;
	bool filter_falls_back;
};

struct importing {
	struct importer importer;
	const struct json *root, *router, *general, *litellm;
	struct import_provider *providers; /* arena, as all lists */
	struct import_target *targets;
	struct import_deployment *deployments;
	struct import_route *routes;
	const struct provider *entry; /* of the catalogue, that was looked at last */
	size_t provider_count, target_count, deployment_count, route_count;
};

/* The setting of router_settings or else of litellm_settings; NULL: in neither. */
MUST_CHECK const struct json *import_setting(const struct importing *importing, const char *name);

/* import_config_route.c: the model names that clients ask for. */
void import_routes(struct importing *importing);

/* import_config_write.c */
MUST_CHECK bool import_config_write(struct importing *importing);

#endif
