/* The half of `explain` that asks who may serve a request. */
#ifndef PROVISO_CLI_EXPLAIN_REQUEST_H
#define PROVISO_CLI_EXPLAIN_REQUEST_H

#include "harness/run/route/evidence.h"

struct explain_request {
	struct text file;              /* data NULL or "-": stdin */
	struct text config, matrix;    /* data NULL: the usual ones */
	int endpoint;                  /* index into explain_endpoint_names */
	struct text_list headers;      /* "Name: value" */
	struct text key;               /* id of a virtual key; data NULL: none */
	struct evidence_demand demand; /* that key's */
	bool table;                    /* else JSON */
};

/* NULL-terminated: chat, completions, embeddings, responses, messages. */
extern const char *const explain_endpoint_names[];

/* An exit code: 0 there is a candidate, 1 there is none, 2 bad input. */
MUST_CHECK int explain_request(const struct explain_request *asked, struct arena *arena);

#endif
