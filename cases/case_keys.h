/* The keys of a case file as they are read, before their meaning is; private to case_file.c and
 * case_head.c. */
#ifndef PROVISO_CASES_CASE_KEYS_H
#define PROVISO_CASES_CASE_KEYS_H

#include "harness/base/settings.h"

struct step_keys {
	int endpoint; /* enum endpoint */
	struct text method;
	int auth; /* enum chat_auth */
	const struct json *stream;
	bool usage_asked;
	int64_t at_once;
	const struct json *request;
	struct text raw;
	const struct json *expect, *variant_expect, *reference;
	struct text accept_encoding;
	int connection; /* enum step_connection */
	int64_t http;   /* version; 0: not said */
	bool expect_continue;
	int64_t body_bytes; /* 0: as it comes */
	struct {
		int64_t events; /* 0: never */
	} cancel_after;
	const struct json *node;
};

enum step_connection { CONNECTION_ANY, CONNECTION_KEPT, CONNECTION_SAME };

struct case_keys {
	struct text id, title;
	int class_, severity; /* -1: not said */
	int kind;             /* enum case_kind */
	bool critical;
	struct text_list vouches, variants, needs;
	int64_t min_context;
	struct text source, like, rubric;
	struct step_keys own; /* of a case with one step */
	const struct json *steps;
	const struct json *node;
};

struct file_keys {
	struct text capability;
	int kind; /* of all cases that say no other */
	const struct json *cases;
};

extern const struct setting_table step_table, case_table, file_table;

/* All of a case but its steps, with what is wrong about it. */
struct case_reader;
struct eval_case;
void case_read_head(const struct case_reader *reader, const struct case_keys *keys,
                    struct eval_case *out);

#endif
