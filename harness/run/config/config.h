/*
 * proviso.yaml: every section of the contract, read strictly through settings
 * tables; all mistakes are shown at once. Const after loading.
 *
 * Paths in it are taken as they stand: relative ones from where the program was started.
 */
#ifndef PROVISO_RUN_CONFIG_H
#define PROVISO_RUN_CONFIG_H

#include "cases/eval_case.h"
#include "harness/base/ip_address.h"
#include "harness/base/yaml.h"
#include "providers/provider.h"
#include "providers/repair/repair.h"

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
enum config_period { CONFIG_HOUR, CONFIG_DAY, CONFIG_WEEK, CONFIG_MONTH, CONFIG_PREPAID };
enum config_durability { CONFIG_STRICT, CONFIG_RELAXED };
enum config_content { CONFIG_CONTENT_NONE, CONFIG_CONTENT_REDACTED, CONFIG_CONTENT_FULL };

/* Where every target that is proven is failing, paused or without a key at the moment. */
enum config_unhealthy { CONFIG_UNHEALTHY_SERVE, CONFIG_UNHEALTHY_REJECT };

/* What becomes of an attempt whose client has left; a route's own word on it. */
enum config_gone { CONFIG_GONE_CANCEL, CONFIG_GONE_DRAIN };
enum config_route_gone {
	CONFIG_ROUTE_GONE_INHERIT,
	CONFIG_ROUTE_GONE_CANCEL,
	CONFIG_ROUTE_GONE_DRAIN
};

enum { CONFIG_MAX_BYTES = YAML_MAX_BYTES };

struct config_check {
	struct text profile;        /* data NULL: none given */
	int64_t max_spend_pico_usd; /* -1: none given */
	int64_t trials, jobs;       /* 0: none given */
	struct text_list cases;     /* folders or files of own cases */
	bool core;                  /* the embedded suites too; default true */
	bool quality;               /* the suite quality is asked, too; default false */
	struct text judge;          /* a target that judges by rubric; data NULL: none */
	const struct json *node;    /* NULL: no such section */
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

struct config_header {
	struct text name, value;
};

/* All that is given must hold. */
struct config_match {
	const struct json *header_node;
	struct config_header *headers; /* arena */
	size_t header_count;
	struct text_list key, workflow, tools;      /* one of each list */
	struct text prompt;                         /* PCRE2, compiles; data NULL: none */
	int64_t prompt_bytes_min, prompt_bytes_max; /* 0: no limit */
	const struct json *node;
};

struct config_task {
	struct text name;
	int risk; /* enum config_risk */
	int kind; /* enum case_kind; CASE_KIND_NONE: by its name */
	struct config_match match;
	const struct json *node;
};

/* How a route treats one task; what is not said there is the route's own. */
struct config_route_task {
	struct text task;
	int strategy;       /* enum config_strategy */
	double min_quality; /* 0 to 1; NaN: none */
	const struct json *min_quality_node, *node;
};

/* What requests of a route use, for the gate: features, as a case vouches for them. */
struct config_shape {
	struct text_list features;
	const struct json *node;
};

/* A second target asked while the first is slow. */
struct config_hedge {
	const struct json *node; /* NULL: none */
	struct text after;
	const struct json *share_node;
	bool on;     /* all of it could be read */
	bool at_p95; /* after what nineteen of twenty answers of the first take; else after_ms */
	int64_t after_ms;
	double share; /* of the route's requests, at most */
};

struct config_route {
	struct text name;
	struct text_list targets;
	int strategy; /* enum config_strategy */
	const struct json *by_task_node, *weights_node, *min_quality_node, *shapes_node;
	struct config_shape *shapes; /* arena */
	size_t shape_count;
	struct config_route_task *by_task; /* arena */
	size_t by_task_count;
	int64_t *weights;    /* one a target, all 1 where none are given; arena */
	int64_t min_targets; /* 0: none given */
	int client_gone;     /* enum config_route_gone */
	struct config_hedge hedge;
	struct text_list fallback_names;
	bool filter_falls_back; /* what a content filter kept back is asked of the next target */
	double min_quality;     /* NaN: none */
	struct text_list repair_names;
	repair_bits repairs; /* that its requests and replies may be mended by */
	const struct json *node;
};

struct config_keys {
	struct text store;  /* data NULL: no key store */
	struct text pepper; /* env:NAME, file:PATH or vault:PATH#FIELD; data NULL: made once */
	const struct json *node;
};

/* One of its fields at least is given. */
struct config_scope {
	struct text key, team, workflow, task, provider, target; /* data NULL: any */
	const struct json *node;
};

struct config_budget {
	struct config_scope scope;
	int64_t limit_pico_usd;
	int per; /* enum config_period */
	const struct json *soft_node;
	double soft;  /* share of the limit that alerts; NaN: none */
	int unpriced; /* enum config_leave: requests whose cost can't be bounded */
	const struct json *node;
};

struct config_proxy {
	struct text listen;
	int64_t workers; /* 0: one per core */
	int client_gone; /* enum config_gone */
	int unhealthy;   /* enum config_unhealthy */
	struct text_list trusted_names;
	struct ip_range *trusted; /* proxies in front of us; arena */
	size_t trusted_count;
	struct {
		int64_t connect_ms, first_event_ms, idle_ms, total_ms, headers_ms, body_ms,
		    write_ms, queue_ms;
	} timeouts;
	struct {
		int64_t header_bytes, body_bytes, connections, requests_per_minute;
	} limits;
	struct {
		int64_t window_ms, min_requests, open_ms;
		const struct json *failure_share_node;
		double failure_share;
	} breaker;
	struct {
		struct text path; /* data NULL: beside the matrix */
		bool quarantine;  /* default true */
	} live;
	struct {
		int64_t per_day_pico_usd; /* -1: no probes */
		int64_t per_day_requests, interval_ms;
		struct text runs; /* folder of their evidence */
	} probes;
	const struct json *node;
};

struct config_ledger {
	struct text path; /* data NULL: none */
	int durability;   /* enum config_durability */
	int64_t retain_ms;
	int content; /* enum config_content */
	const struct json *node;
};

MUST_CHECK bool config_scope_same(const struct config_scope *a, const struct config_scope *b);

/* Who is told, and of what; see proviso-proxy(1). */
struct config_alerts {
	struct text webhook;     /* data NULL: nobody */
	struct text secret;      /* env:NAME or file:PATH */
	struct text_list events; /* none: all */
	const struct json *node;
};

struct config {
	struct provider_set providers;
	struct config_check check;
	struct config_policy policy;
	struct setting_list tasks;  /* struct config_task */
	struct setting_list routes; /* struct config_route, by name */
	struct config_keys keys;
	struct setting_list budgets; /* struct config_budget */
	struct config_proxy proxy;
	struct config_ledger ledger;
	struct config_alerts alerts;
	struct text path; /* data NULL: no file */
	int64_t version;
	const struct json *providers_node;
	struct arena arena;
};

/* All keys with their documentation: for the manual. */
extern const struct setting_table config_table;
extern const char *const config_strategy_names[]; /* NULL-terminated */
enum { CONFIG_ALERT_EVENTS = 6 };
extern const char *const config_alert_events[CONFIG_ALERT_EVENTS]; /* by enum alert_event */
/* What a config holds before anything is read. */
extern const struct config config_defaults;

/*
 * path NULL: ./proviso.yaml, else $XDG_CONFIG_HOME/proviso/proviso.yaml (~/.config where that is
 * unset), else the catalogue's providers whose usual variable is set. True when nothing is wrong;
 * warnings may stand in `faults` all the same. Checked across sections: routes, waivers and
 * budgets name configured providers and tasks, dates and patterns are whole. config_done is
 * needed either way.
 */
MUST_CHECK bool config_load(const char *path, struct config *out, struct fault_list *faults);
/* The same of a file that is read already, and outlives the config: stdin can be read once only. */
MUST_CHECK bool config_load_source(const struct source *source, struct config *out,
                                   struct fault_list *faults);
void config_done(struct config *config);

/* `PA-06` excuses both ways of asking, `PA-06~stream` the streamed one alone; dates apart. */
MUST_CHECK bool config_waiver_names(const struct config_waiver *waiver, struct text target,
                                    struct text case_id, bool streamed);

/* config_check.c: what no table can see. Fills what is read from nodes, too. */
MUST_CHECK bool config_check(struct config *config, struct fault_list *faults);
/* config_traffic.c: the part of config_check that is about traffic */
void config_read_traffic(struct config_route *route, struct fault_list *faults);
void config_read_trusted(struct config *config, struct fault_list *faults);

#endif
