/* The tables of a case file's keys: reading, messages and the manual all use these rows. */
#include "cases/case_keys.h"

#include "cases/eval_case.h"

static const char *const endpoint_choices[] = {"chat",     "completions", "embeddings", "responses",
                                               "messages", "models",      NULL};

static const char *const connection_choices[] = {"any", "kept", "same", NULL};

enum {
	CANCEL_MAX_EVENTS = 10000,
	BODY_MIN_BYTES = 1024, /* less is no size that anybody cares for */
	BODY_MAX_BYTES = 16 << 20,
};

/* clang-format off */
#define ROW(key, kind, owner, field, about) \
	{.name = key, .type = kind, .offset = offsetof(struct owner, field), .doc = about}
#define CHOICE(key, owner, field, flag, choices, about) \
	{.name = key, .type = SETTING_ENUM, .offset = offsetof(struct owner, field), \
	 .flags = flag, .names = choices, .doc = about}
#define NEEDED(key, kind, owner, field, about) \
	{.name = key, .type = kind, .offset = offsetof(struct owner, field), \
	 .flags = SETTING_REQUIRED, .doc = about}

static const struct setting cancel_rows[] = {
	{.name = "events", .type = SETTING_INT, .offset = 0, .min = 1, .max = CANCEL_MAX_EVENTS,
	 .flags = SETTING_REQUIRED, .doc = "of the stream that have come"},
};
static const struct setting_table cancel_table = {
	.what = "moment to leave", .rows = cancel_rows, .count = ARRAY_LENGTH(cancel_rows)};

/* A step's keys stand in a case of one step as well; `at` says where in the owner. */
#define STEP_ROWS(owner, at) \
	CHOICE("endpoint", owner, at endpoint, 0, endpoint_choices, "what is asked (default chat)"), \
	ROW("method", SETTING_TEXT, owner, at method, "the HTTP method, where not the endpoint's"), \
	CHOICE("auth", owner, at auth, 0, case_auth_names, "key (default), wrong or none"), \
	ROW("stream", SETTING_NODE, owner, at stream, "streams or not, whatever the variant"), \
	ROW("usage_asked", SETTING_BOOL, owner, at usage_asked, \
	    "a streamed request sends stream_options.include_usage (default true)"), \
	{.name = "at_once", .type = SETTING_INT, .offset = offsetof(struct owner, at at_once), \
	 .min = 1, .max = CASE_MAX_STEPS, \
	 .doc = "so many copies are asked at the same time, each with its own nonces"}, \
	ROW("request", SETTING_NODE, owner, at request, "the request body, a template"), \
	ROW("raw", SETTING_TEXT, owner, at raw, "the body's bytes instead of a request"), \
	ROW("expect", SETTING_NODE, owner, at expect, "what must hold of the reply"), \
	ROW("variant_expect", SETTING_NODE, owner, at variant_expect, \
	    "what must hold as well in one variant"), \
	ROW("reference", SETTING_NODE, owner, at reference, \
	    "a reply that satisfies the expectations, or none"), \
	ROW("accept_encoding", SETTING_TEXT, owner, at accept_encoding, \
	    "content codings that are taken (default identity)"), \
	CHOICE("connection", owner, at connection, 0, connection_choices, \
	       "any (default), kept for a later step, or the same as that one's"), \
	{.name = "http", .type = SETTING_INT, .offset = offsetof(struct owner, at http), .min = 1, \
	 .max = 2, .doc = "2 is offered, 1 (default) not"}, \
	ROW("expect_continue", SETTING_BOOL, owner, at expect_continue, \
	    "the body waits for 100 Continue (default false)"), \
	{.name = "body_bytes", .type = SETTING_BYTES, .offset = offsetof(struct owner, at body_bytes), \
	 .min = BODY_MIN_BYTES, .max = BODY_MAX_BYTES, \
	 .doc = "white space is added to the body up to this size"}, \
	{.name = "cancel_after", .type = SETTING_STRUCT, \
	 .offset = offsetof(struct owner, at cancel_after), .table = &cancel_table, \
	 .doc = "the client leaves in the middle of the stream"}

static const struct setting step_rows[] = {
	STEP_ROWS(step_keys, ),
};

static const struct setting case_rows[] = {
	NEEDED("id", SETTING_TEXT, case_keys, id, "unique in the suite"),
	NEEDED("title", SETTING_TEXT, case_keys, title, "what holds of a good provider"),
	CHOICE("kind", case_keys, kind, 0, case_kind_names,
	       "a task of the suite quality: the kind of work that it is"),
	CHOICE("class", case_keys, class_, 0, case_class_names,
	       "how its trials are judged (of a task: stochastic)"),
	CHOICE("severity", case_keys, severity, 0, case_severity_names,
	       "what a failure means for routing (of a task: advisory)"),
	ROW("critical", SETTING_BOOL, case_keys, critical,
	    "stochastic: held to a higher rate than others (default false)"),
	ROW("vouches", SETTING_TEXTS, case_keys, vouches, "the features it speaks for"),
	ROW("variants", SETTING_TEXTS, case_keys, variants, "sync (default), stream or both"),
	ROW("needs", SETTING_TEXTS, case_keys, needs, "what must be known of the target"),
	{.name = "min_context", .type = SETTING_INT, .offset = offsetof(struct case_keys, min_context),
	 .min = 1, .max = INT32_MAX, .doc = "tokens that the model's context window must hold"},
	ROW("source", SETTING_TEXT, case_keys, source, "where the rule comes from"),
	ROW("rubric", SETTING_TEXT, case_keys, rubric,
	    "of a task: what a judge model is to look at, beside the grade (check.judge)"),
	ROW("like", SETTING_TEXT, case_keys, like, "asks what that case asks"),
	ROW("steps", SETTING_NODE, case_keys, steps, "several requests, one after the other"),
	STEP_ROWS(case_keys, own.),
};

static const struct setting file_rows[] = {
	NEEDED("capability", SETTING_TEXT, file_keys, capability,
	       "the column of the matrix that the cases stand in"),
	CHOICE("kind", file_keys, kind, 0, case_kind_names,
	       "the kind of work that its cases are, where they say no other"),
	NEEDED("cases", SETTING_NODE, file_keys, cases, "the cases"),
};
/* clang-format on */

const struct setting_table step_table = {
    .what = "step",
    .rows = step_rows,
    .count = ARRAY_LENGTH(step_rows),
    .node_offset = offsetof(struct step_keys, node) + 1,
};

const struct setting_table case_table = {
    .what = "case",
    .rows = case_rows,
    .count = ARRAY_LENGTH(case_rows),
    .node_offset = offsetof(struct case_keys, node) + 1,
};

const struct setting_table file_table = {
    .what = "case file",
    .rows = file_rows,
    .count = ARRAY_LENGTH(file_rows),
};
