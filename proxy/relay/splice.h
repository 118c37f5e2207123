/*
 * A client's body as its provider gets it: the client's bytes, untouched but for the spans that
 * must change (`model`, stream_options.include_usage, OpenRouter's `provider` object).
 */
#ifndef PROVISO_PROXY_SPLICE_H
#define PROVISO_PROXY_SPLICE_H

#include "harness/base/json.h"

/* What is to be changed. */
struct splice {
	const struct json *root;  /* the body, an object */
	const struct json *model; /* its string is replaced; NULL: not */
	struct text model_name;
	const struct json *removed; /* a member of the root that is taken out; NULL: none */
	bool ask_usage;             /* stream_options.include_usage becomes true */
};

/* The new body, in the arena; where nothing changes, the client's own bytes. */
MUST_CHECK struct text splice_body(const struct splice *splice, struct arena *arena);

#endif
