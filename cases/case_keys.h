/* The keys of a case file as they are read, before their meaning is; private to case_file.c. */
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
	int class_, severity;
	bool critical;
	struct text_list vouches, variants, needs;
	int64_t min_context;
	struct text source, like;
	struct step_keys own; /* of a case with one step */
	const struct json *steps;
	const struct json *node;
};

struct file_keys {
	struct text capability;
	const struct json *cases;
};

extern const struct setting_table step_table, case_table, file_table;

#endif
