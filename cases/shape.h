/*
 * The shape of a request, read from its bytes: which features it uses, and the few
 * facts that a decision needs beside them (how long, how much output, what model).
 *
 * A member that is null counts as absent, as providers treat it. What a target's own
 * figures decide (long_context) is not here: harness/run/route/evidence.h adds it.
 */
#ifndef PROVISO_CASES_SHAPE_H
#define PROVISO_CASES_SHAPE_H

#include "cases/feature.h"
#include "harness/base/settings.h"
#include "providers/chat.h"

enum {
	SHAPE_MAX_FIELDS = 64,   /* top-level fields that no feature names; more is refused */
	SHAPE_MANY_TOOLS = 16,   /* more of them are `tools.many` */
	SHAPE_SCHEMA_DEPTH = 64, /* of a tool's schema that is looked at */
};

struct shape {
	enum endpoint endpoint;
	struct feature_set features;
	struct text_list fields; /* top-level members that no feature names, once each; arena */
	/* --- facts; views into the body --- */
	struct text model;
	const struct json *model_node; /* for splicing another name in */
	bool streamed;
	bool usage_asked;     /* stream_options.include_usage */
	int64_t max_output;   /* tokens; -1: not limited by the request */
	int64_t choices;      /* n; 1 where it is not given */
	int64_t prompt_bytes; /* text of all messages, tools and schemas; what is sent as text */
	int64_t images;
};

/* What is wrong with a request, for the client's error envelope. */
struct shape_fault {
	const char *param; /* the top-level field; NULL: the body as a whole */
	char message[256];
};

/*
 * Reads the body of a request to that endpoint. False where it can't be acted on: no object, no
 * model, a member that we act on of a wrong type or given twice (parsers differ on which
 * counts). What only the provider need understand is not judged. Arena memory for the lists.
 */
MUST_CHECK bool shape_read(enum endpoint endpoint, const struct json *body, struct arena *arena,
                           struct shape *out, struct shape_fault *fault);

/* All features by name, those of unknown fields ("field.NAME") last; arena. */
MUST_CHECK struct text_list shape_names(const struct shape *shape, struct arena *arena);
/*
 * The reverse, for shapes that come as names (a config, a usage CSV): false with the name that is
 * unknown in *bad. Facts are those of an empty request.
 */
MUST_CHECK bool shape_from_names(const struct text_list *names, struct arena *arena,
                                 struct shape *out, struct text *bad);

#endif
