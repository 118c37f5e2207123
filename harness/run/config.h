/*
 * proviso.yaml: every section of the contract, read strictly through settings
 * tables; all mistakes are shown at once. Const after loading.
 */
#ifndef PROVISO_RUN_CONFIG_H
#define PROVISO_RUN_CONFIG_H

#include "harness/base/yaml.h"
#include "providers/provider.h"

enum config_mode { CONFIG_ENFORCE, CONFIG_WARN, CONFIG_SHADOW };
enum config_leave { CONFIG_REJECT, CONFIG_ALLOW };
enum config_risk { CONFIG_RISK_LOW, CONFIG_RISK_MEDIUM, CONFIG_RISK_HIGH };
enum config_strategy {
	CONFIG_CHEAPEST,
	CONFIG_FASTEST,
	CONFIG_BEST,
	CONFIG_ORDERED,
	CONFIG_WEIGHTED,
	CONFIG_BALANCED,
};

struct config_check {
	struct text profile;
	int64_t max_spend_pico_usd; /* -1: none given */
	int64_t trials, jobs;
	struct text_list cases; /* folders or files of own cases */
	bool core;              /* the embedded suite too; default true */
};

struct config_waiver {
	struct text target, case_id, owner, until, why;
	int64_t until_wall_ms; /* end of that day, UTC */
	const struct json *node;
};

struct config_policy {
	int mode; /* enum config_mode */
	int64_t max_age_ms;
	int unproven;                /* enum config_leave */
	int unknown_fields;          /* enum config_leave */
	struct setting_list waivers; /* struct config_waiver */
};

struct config_task {
	struct text name;
	int risk; /* enum config_risk */
	const struct json *match;
	const struct json *node;
};

struct config_route {
	struct text name;
	struct text_list targets;
	int strategy; /* enum config_strategy */
	const struct json *by_task, *weights;
	int64_t min_targets;
	const struct json *node;
};

struct config {
	struct provider_set providers;
	struct config_check check;
	struct config_policy policy;
	struct setting_list tasks;                          /* struct config_task */
	struct setting_list routes;                         /* struct config_route, by name */
	const struct json *keys, *budgets, *proxy, *ledger; /* checked by the proxy's own tables */
	struct text path;                                   /* data NULL: no file */
	struct arena arena;
};

/*
 * path NULL: ./proviso.yaml, else $XDG_CONFIG_HOME/proviso/proviso.yaml (~/.config where that is
 * unset), else the catalogue's providers whose usual variable is set. True when nothing is wrong;
 * warnings may stand in `faults` all the same. Checked across sections: routes name configured
 * providers, waivers and dates are whole.
 */
MUST_CHECK bool config_load(const char *path, struct config *out, struct fault_list *faults);
void config_done(struct config *config);

#endif
