/* Every key of proviso.yaml: name, type, limits, and its line of the manual. */
#include "harness/run/config/config.h"

#include <math.h>

/* clang-format off */
#define ROW(struct_name, key, kind, field, ...) \
	{.name = key, .type = kind, .offset = offsetof(struct struct_name, field), __VA_ARGS__}
#define TABLE(whats, table_rows) \
	{.what = whats, .rows = table_rows, .count = ARRAY_LENGTH(table_rows)}
#define TABLE_WITH_NODE(struct_name, whats, table_rows) \
	{.what = whats, .rows = table_rows, .count = ARRAY_LENGTH(table_rows), \
	 .node_offset = offsetof(struct struct_name, node) + 1}

static const char *const mode_names[] = {"enforce", "warn", "shadow", NULL};
static const char *const leave_names[] = {"reject", "allow", NULL};
static const char *const risk_names[] = {"low", "medium", "high", NULL};
static const char *const period_names[] = {"hour", "day", "week", "month", "prepaid", NULL};
static const char *const durability_names[] = {"strict", "relaxed", NULL};
static const char *const content_names[] = {"none", "redacted", "full", NULL};
static const char *const unhealthy_names[] = {"serve", "reject", NULL};
static const char *const gone_names[] = {"cancel", "drain", NULL};
static const char *const route_gone_names[] = {"inherit", "cancel", "drain", NULL};
const char *const config_strategy_names[] = {
	"cheapest", "fastest", "best", "ordered", "weighted", "balanced", NULL,
};

static const struct setting check_rows[] = {
	ROW(config_check, "profile", SETTING_TEXT, profile,
	    .doc = "Which cases are asked: smoke, ci (the default) or onboard."),
	ROW(config_check, "max_spend", SETTING_USD, max_spend_pico_usd,
	    .doc = "The most a run may cost, in USD."),
	ROW(config_check, "trials", SETTING_INT, trials, .min = 1, .max = 1000,
	    .doc = "How often each case is asked at least."),
	ROW(config_check, "jobs", SETTING_INT, jobs, .min = 1, .max = 1000,
	    .doc = "Questions in flight over all providers."),
	ROW(config_check, "cases", SETTING_TEXTS, cases,
	    .doc = "Folders or files of your own cases."),
	ROW(config_check, "core", SETTING_BOOL, core,
	    .doc = "Whether the built-in suites are there beside `cases` (default true)."),
	ROW(config_check, "quality", SETTING_BOOL, quality,
	    .doc = "Whether the tasks of the suite quality are asked too (default false)."),
	ROW(config_check, "judge", SETTING_TEXT, judge,
	    .doc = "The target that judges answers by the rubrics of their tasks, beside the grades; it "
	           "decides nothing."),
};
static const struct setting_table check_table =
	TABLE_WITH_NODE(config_check, "check", check_rows);

static const struct setting waiver_rows[] = {
	ROW(config_waiver, "target", SETTING_TEXT, target, .flags = SETTING_REQUIRED,
	    .doc = "The target that is excused."),
	ROW(config_waiver, "case", SETTING_TEXT, case_id, .flags = SETTING_REQUIRED,
	    .doc = "The case whose verdict does not count there."),
	ROW(config_waiver, "owner", SETTING_TEXT, owner, .flags = SETTING_REQUIRED,
	    .doc = "Who answers for it."),
	ROW(config_waiver, "until", SETTING_TEXT, until, .flags = SETTING_REQUIRED,
	    .doc = "The last day on which it holds, like 2026-12-31 (UTC)."),
	ROW(config_waiver, "why", SETTING_TEXT, why, .doc = "The reason, for whoever reads it later."),
};
static const struct setting_table waiver_table =
	TABLE_WITH_NODE(config_waiver, "waiver", waiver_rows);

static const struct setting policy_rows[] = {
	ROW(config_policy, "mode", SETTING_ENUM, mode, .names = mode_names,
	    .doc = "What becomes of a request without a proven target: refused (enforce), served and "
	           "marked (warn), or served and only noted (shadow)."),
	ROW(config_policy, "max_age", SETTING_DURATION, max_age_ms, .min = 1000,
	    .doc = "How old a verdict may be; older ones are stale (default 14d)."),
	ROW(config_policy, "unproven", SETTING_ENUM, unproven, .names = leave_names,
	    .doc = "Whether a gate case that was never asked excludes a target (default reject)."),
	ROW(config_policy, "unknown_fields", SETTING_ENUM, unknown_fields, .names = leave_names,
	    .doc = "Whether a request field that no case knows is served (default allow)."),
	ROW(config_policy, "waivers", SETTING_LIST, waivers, .table = &waiver_table,
	    .item_size = sizeof(struct config_waiver),
	    .doc = "Verdicts that do not count for a while."),
};
static const struct setting_table policy_table = TABLE("policy", policy_rows);

static const struct setting prompt_bytes_rows[] = {
	ROW(config_match, "min", SETTING_BYTES, prompt_bytes_min, .doc = "At least so many bytes."),
	ROW(config_match, "max", SETTING_BYTES, prompt_bytes_max, .doc = "At most so many bytes."),
};
static const struct setting_table prompt_bytes_table = TABLE("prompt_bytes", prompt_bytes_rows);

static const struct setting match_rows[] = {
	ROW(config_match, "header", SETTING_NODE, header_node,
	    .doc = "Request headers and the values they must have."),
	ROW(config_match, "key", SETTING_TEXTS, key, .doc = "Ids of virtual keys."),
	ROW(config_match, "workflow", SETTING_TEXTS, workflow, .doc = "Names of workflows."),
	ROW(config_match, "tools", SETTING_TEXTS, tools,
	    .doc = "Names of tools, one of which is offered."),
	ROW(config_match, "prompt", SETTING_TEXT, prompt,
	    .doc = "A PCRE2 pattern that is found in the prompt."),
	{.name = "prompt_bytes", .type = SETTING_STRUCT, .table = &prompt_bytes_table,
	 .doc = "How large the prompt is."},
};
static const struct setting_table match_table =
	TABLE_WITH_NODE(config_match, "match", match_rows);

static const struct setting task_rows[] = {
	ROW(config_task, "name", SETTING_TEXT, name, .flags = SETTING_REQUIRED,
	    .doc = "The task's name."),
	ROW(config_task, "risk", SETTING_ENUM, risk, .names = risk_names,
	    .doc = "What a mistake would cost: low, medium or high."),
	ROW(config_task, "kind", SETTING_ENUM, kind, .names = case_kind_names,
	    .doc = "The kind of work whose tasks say how good a target is at it (default: by name)."),
	ROW(config_task, "match", SETTING_STRUCT, match, .table = &match_table,
	    .flags = SETTING_REQUIRED, .doc = "By what a request of this task is known; the first "
	                                      "task that fits wins."),
};
static const struct setting_table task_table = TABLE_WITH_NODE(config_task, "task", task_rows);

static const struct setting hedge_rows[] = {
	ROW(config_hedge, "after", SETTING_TEXT, after, .flags = SETTING_REQUIRED,
	    .doc = "How long the first may take: a time like 800ms, or p95, what nineteen of twenty of "
	           "its answers took (live, else as the matrix has measured it)."),
	ROW(config_hedge, "share", SETTING_NODE, share_node,
	    .doc = "The share of the route's requests, from 0 to 1, that may be asked twice (default "
	           "0.05)."),
};
static const struct setting_table hedge_table = TABLE_WITH_NODE(config_hedge, "hedge", hedge_rows);

static const struct setting route_rows[] = {
	ROW(config_route, "targets", SETTING_TEXTS, targets, .flags = SETTING_REQUIRED,
	    .doc = "The targets behind the route, as provider/model."),
	ROW(config_route, "strategy", SETTING_ENUM, strategy, .names = config_strategy_names,
	    .doc = "How the proven ones are ranked (default cheapest)."),
	ROW(config_route, "by_task", SETTING_NODE, by_task_node,
	    .doc = "By task: strategy and min_quality that hold for it."),
	ROW(config_route, "weights", SETTING_NODE, weights_node,
	    .doc = "By target: its share where the strategy is weighted."),
	ROW(config_route, "min_targets", SETTING_INT, min_targets, .min = 1, .max = 1000,
	    .doc = "How many targets must be proven for the gate to let the config pass."),
	ROW(config_route, "shapes", SETTING_NODE, shapes_node,
	    .doc = "What its requests use, for the gate: a list of shapes, each a list of features "
	           "like [chat, stream, tools]."),
	ROW(config_route, "client_gone", SETTING_ENUM, client_gone, .names = route_gone_names,
	    .doc = "What becomes of an attempt whose client has left: inherit (the default) from "
	           "proxy.client_gone, cancel or drain."),
	ROW(config_route, "hedge", SETTING_STRUCT, hedge, .table = &hedge_table,
	    .doc = "When a second proven target is asked beside a first that is slow; the first of the "
	           "two to say something answers."),
	ROW(config_route, "fallback_on", SETTING_TEXTS, fallback_names,
	    .doc = "Answers that are left for the next target although they are none of a provider's "
	           "failures: [content_filter]."),
	ROW(config_route, "min_quality", SETTING_NODE, min_quality_node,
	    .doc = "The least quality, from 0 to 1, that a target must have shown."),
	ROW(config_route, "repairs", SETTING_TEXTS, repair_names,
	    .doc = "Repairs that may mend what its targets deviate in, named after the case that they "
	           "mend, like [TS-01, TC-20]: a target counts as proven where it passes behind them."),
};
static const struct setting_table route_table =
	TABLE_WITH_NODE(config_route, "route", route_rows);

static const struct setting keys_rows[] = {
	ROW(config_keys, "store", SETTING_TEXT, store, .doc = "The database of virtual keys."),
	ROW(config_keys, "pepper", SETTING_TEXT, pepper,
	    .doc = "Where the secret stands that keys are hashed with: env:NAME, file:PATH or "
	           "vault:MOUNT/PATH#FIELD. Made once, beside the store, where none is given."),
};
static const struct setting_table keys_table = TABLE_WITH_NODE(config_keys, "keys", keys_rows);

static const struct setting scope_rows[] = {
	ROW(config_scope, "key", SETTING_TEXT, key, .doc = "The id of a virtual key."),
	ROW(config_scope, "team", SETTING_TEXT, team, .doc = "A team."),
	ROW(config_scope, "workflow", SETTING_TEXT, workflow, .doc = "A workflow."),
	ROW(config_scope, "task", SETTING_TEXT, task, .doc = "A task."),
	ROW(config_scope, "provider", SETTING_TEXT, provider, .doc = "A provider."),
	ROW(config_scope, "target", SETTING_TEXT, target, .doc = "A target."),
};
static const struct setting_table scope_table =
	TABLE_WITH_NODE(config_scope, "scope", scope_rows);

static const struct setting budget_rows[] = {
	ROW(config_budget, "scope", SETTING_STRUCT, scope, .table = &scope_table,
	    .flags = SETTING_REQUIRED, .doc = "Whose spending is limited."),
	ROW(config_budget, "limit_usd", SETTING_USD, limit_pico_usd, .flags = SETTING_REQUIRED,
	    .doc = "The limit in USD."),
	ROW(config_budget, "per", SETTING_ENUM, per, .names = period_names,
	    .flags = SETTING_REQUIRED,
	    .doc = "The calendar period (UTC) that it is for; prepaid: it is never renewed."),
	ROW(config_budget, "soft", SETTING_NODE, soft_node,
	    .doc = "The share of the limit, from 0 to 1, at which an alert is given."),
	ROW(config_budget, "unpriced", SETTING_ENUM, unpriced, .names = leave_names,
	    .doc = "Whether a target without a known price may serve what the budget is for; what it "
	           "costs is then not counted (default reject)."),
};
static const struct setting_table budget_table =
	TABLE_WITH_NODE(config_budget, "budget", budget_rows);

static const struct setting timeout_rows[] = {
	ROW(config_proxy, "connect", SETTING_DURATION, timeouts.connect_ms, .min = 1,
	    .doc = "To connect to a provider."),
	ROW(config_proxy, "first_event", SETTING_DURATION, timeouts.first_event_ms, .min = 1,
	    .doc = "To the first event of an answer."),
	ROW(config_proxy, "idle", SETTING_DURATION, timeouts.idle_ms, .min = 1,
	    .doc = "Between two events."),
	ROW(config_proxy, "total", SETTING_DURATION, timeouts.total_ms, .min = 1,
	    .doc = "For all of a request."),
	ROW(config_proxy, "headers", SETTING_DURATION, timeouts.headers_ms, .min = 1,
	    .doc = "For a client's headers."),
	ROW(config_proxy, "body", SETTING_DURATION, timeouts.body_ms, .min = 1,
	    .doc = "Between two pieces of a client's body."),
	ROW(config_proxy, "write", SETTING_DURATION, timeouts.write_ms, .min = 1,
	    .doc = "For a client that reads nothing."),
	ROW(config_proxy, "queue", SETTING_DURATION, timeouts.queue_ms,
	    .doc = "For a request whose targets are all at their provider's limits (default 2s; 0: it "
	           "is refused at once)."),
};
static const struct setting_table timeout_table = TABLE("timeouts", timeout_rows);

static const struct setting limit_rows[] = {
	ROW(config_proxy, "header_bytes", SETTING_BYTES, limits.header_bytes, .min = 1 << 10,
	    .max = 1 << 20, .doc = "A client's headers."),
	ROW(config_proxy, "body_bytes", SETTING_BYTES, limits.body_bytes, .min = 1 << 10,
	    .max = 1 << 30, .doc = "A client's body."),
	ROW(config_proxy, "connections", SETTING_INT, limits.connections, .min = 1, .max = 1000000,
	    .doc = "Connections of clients."),
	ROW(config_proxy, "requests_per_minute", SETTING_INT, limits.requests_per_minute, .min = 0,
	    .max = 1000000000,
	    .doc = "By one client's address, before its key is looked at; one without a good key counts "
	           "like ten (default 0: no limit)."),
};
static const struct setting_table limit_table = TABLE("limits", limit_rows);

static const struct setting breaker_rows[] = {
	ROW(config_proxy, "window", SETTING_DURATION, breaker.window_ms, .min = 1000,
	    .doc = "The time that is looked back on."),
	ROW(config_proxy, "min_requests", SETTING_INT, breaker.min_requests, .min = 1,
	    .max = 1000000, .doc = "Fewer requests than that open nothing."),
	ROW(config_proxy, "failure_share", SETTING_NODE, breaker.failure_share_node,
	    .doc = "The share of failures, from 0 to 1, that opens it."),
	ROW(config_proxy, "open", SETTING_DURATION, breaker.open_ms, .min = 1,
	    .doc = "How long it stays open before one request probes."),
};
static const struct setting_table breaker_table = TABLE("breaker", breaker_rows);

static const struct setting live_rows[] = {
	ROW(config_proxy, "path", SETTING_TEXT, live.path,
	    .doc = "The file of what was seen since the matrix was made: quarantines and probes. By "
	           "default it stands beside the matrix, as NAME.live.json."),
	ROW(config_proxy, "quarantine", SETTING_BOOL, live.quarantine,
	    .doc = "Whether a target whose live answers break what it was proven for loses the "
	           "requests that this speaks for (default true)."),
};
static const struct setting_table live_table = TABLE("live", live_rows);

static const struct setting probes_rows[] = {
	ROW(config_proxy, "per_day_usd", SETTING_USD, probes.per_day_pico_usd,
	    .doc = "What probes may cost at most a day (UTC), in USD. Without it nothing is asked."),
	ROW(config_proxy, "per_day_requests", SETTING_INT, probes.per_day_requests, .min = 1,
	    .max = 100000, .doc = "How many requests they may send a day (default 300)."),
	ROW(config_proxy, "interval", SETTING_DURATION, probes.interval_ms, .min = 100,
	    .doc = "From one probe to the next (default 5m)."),
	ROW(config_proxy, "runs", SETTING_TEXT, probes.runs,
	    .doc = "The folder that keeps the evidence of probes that did not pass (default "
	           "proviso-probes)."),
};
static const struct setting_table probes_table = TABLE("probes", probes_rows);

static const struct setting proxy_rows[] = {
	ROW(config_proxy, "listen", SETTING_TEXT, listen,
	    .doc = "Address and port (default 127.0.0.1:4000)."),
	ROW(config_proxy, "workers", SETTING_INT, workers, .max = 1024,
	    .doc = "Threads; 0: one per core."),
	ROW(config_proxy, "client_gone", SETTING_ENUM, client_gone, .names = gone_names,
	    .doc = "What becomes of an attempt whose client has left: cancelled (cancel, the default) "
	           "or read to its end, so that its usage is known (drain)."),
	ROW(config_proxy, "unhealthy", SETTING_ENUM, unhealthy, .names = unhealthy_names,
	    .doc = "Where every target that is proven for a request is failing, paused or without a "
	           "key at the moment: the least bad one serves and is named (serve, the default), "
	           "or the request is refused (reject)."),
	ROW(config_proxy, "trusted_proxies", SETTING_TEXTS, trusted_names,
	    .doc = "Addresses and ranges like 10.0.0.0/8 whose X-Forwarded-For is believed (default: "
	           "none)."),
	{.name = "timeouts", .type = SETTING_STRUCT, .table = &timeout_table, .doc = "Timeouts."},
	{.name = "limits", .type = SETTING_STRUCT, .table = &limit_table, .doc = "Limits."},
	{.name = "breaker", .type = SETTING_STRUCT, .table = &breaker_table,
	 .doc = "When a failing target is left alone."},
	{.name = "live", .type = SETTING_STRUCT, .table = &live_table,
	 .doc = "Live traffic as evidence."},
	{.name = "probes", .type = SETTING_STRUCT, .table = &probes_table,
	 .doc = "Gate cases that are asked again, the stalest first."},
};
static const struct setting_table proxy_table =
	TABLE_WITH_NODE(config_proxy, "proxy", proxy_rows);

static const struct setting ledger_rows[] = {
	ROW(config_ledger, "path", SETTING_TEXT, path, .doc = "The database of the ledger."),
	ROW(config_ledger, "durability", SETTING_ENUM, durability, .names = durability_names,
	    .doc = "strict (the default): a row is on disk before its response has ended; relaxed: "
	           "within 50 ms."),
	ROW(config_ledger, "retain", SETTING_DURATION, retain_ms, .min = 1000,
	    .doc = "How long rows are kept (default 90d); where the clock leaps ahead, up to a day more."),
	ROW(config_ledger, "content", SETTING_ENUM, content, .names = content_names,
	    .doc = "Whether prompts and answers are kept: none (the default), redacted or full."),
};
static const struct setting_table ledger_table =
	TABLE_WITH_NODE(config_ledger, "ledger", ledger_rows);

static const struct setting alerts_rows[] = {
	ROW(config_alerts, "webhook", SETTING_TEXT, webhook,
	    .doc = "The URL that alerts are posted to: https, or http on this machine."),
	ROW(config_alerts, "secret", SETTING_TEXT, secret,
	    .doc = "Where the secret stands that they are signed with: env:NAME or file:PATH."),
	ROW(config_alerts, "events", SETTING_TEXTS, events,
	    .doc = "Which are sent (default all): budget.soft, budget.hard, breaker.opened, "
	           "target.quarantined, target.released, matrix.stale."),
};
static const struct setting_table alerts_table =
	TABLE_WITH_NODE(config_alerts, "alerts", alerts_rows);

static const struct setting config_rows[] = {
	ROW(config, "version", SETTING_INT, version, .min = 1, .max = 1,
	    .doc = "The version of this format: 1."),
	ROW(config, "providers", SETTING_NODE, providers_node, .flags = SETTING_REQUIRED,
	    .doc = "The providers, by name; {} for one of the catalogue."),
	ROW(config, "check", SETTING_STRUCT, check, .table = &check_table,
	    .doc = "Defaults of `proviso check`."),
	ROW(config, "policy", SETTING_STRUCT, policy, .table = &policy_table,
	    .doc = "What counts as proof, and what becomes of the unproven."),
	ROW(config, "tasks", SETTING_LIST, tasks, .table = &task_table,
	    .item_size = sizeof(struct config_task), .doc = "Kinds of work, and how they are known."),
	ROW(config, "routes", SETTING_MAP, routes, .table = &route_table,
	    .item_size = sizeof(struct config_route),
	    .doc = "The model names that clients may ask for."),
	ROW(config, "keys", SETTING_STRUCT, keys, .table = &keys_table, .doc = "Virtual keys."),
	ROW(config, "budgets", SETTING_LIST, budgets, .table = &budget_table,
	    .item_size = sizeof(struct config_budget), .doc = "Limits on spending."),
	ROW(config, "proxy", SETTING_STRUCT, proxy, .table = &proxy_table, .doc = "The proxy."),
	ROW(config, "ledger", SETTING_STRUCT, ledger, .table = &ledger_table,
	    .doc = "The record of what was served."),
	ROW(config, "alerts", SETTING_STRUCT, alerts, .table = &alerts_table,
	    .doc = "Who is told when something needs a person."),
};
const struct setting_table config_table = TABLE("config", config_rows);
/* clang-format on */

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };
#define DAY_MS ((int64_t)24 * 60 * MINUTE_MS)

const struct config config_defaults = {
    .version = 1,
    .check = {.max_spend_pico_usd = -1, .core = true},
    .policy = {.mode = CONFIG_ENFORCE,
               .max_age_ms = 14 * DAY_MS,
               .unproven = CONFIG_REJECT,
               .unknown_fields = CONFIG_ALLOW},
    .proxy = {.listen = TEXT_INIT("127.0.0.1:4000"),
              .timeouts = {.connect_ms = 5 * SECOND_MS,
                           .first_event_ms = MINUTE_MS,
                           .idle_ms = MINUTE_MS,
                           .total_ms = 15 * MINUTE_MS,
                           .headers_ms = 10 * SECOND_MS,
                           .body_ms = MINUTE_MS,
                           .write_ms = 30 * SECOND_MS,
                           .queue_ms = 2 * SECOND_MS},
              .limits = {.header_bytes = 64 << 10, .body_bytes = 32 << 20, .connections = 10000},
              .breaker = {.window_ms = MINUTE_MS,
                          .min_requests = 20,
                          .failure_share = 0.5,
                          .open_ms = 30 * SECOND_MS},
              .live = {.quarantine = true},
              .probes = {.per_day_pico_usd = -1,
                         .per_day_requests = 300,
                         .interval_ms = 5 * MINUTE_MS,
                         .runs = TEXT_INIT("proviso-probes")}},
    .ledger = {.durability = CONFIG_STRICT,
               .retain_ms = 90 * DAY_MS,
               .content = CONFIG_CONTENT_NONE},
};
