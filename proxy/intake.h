/*
 * A client's request read into what the router decides on: body, shape, wishes, headers. Pure
 * but for the arena; nothing is sent and nothing is reserved here.
 */
#ifndef PROVISO_PROXY_INTAKE_H
#define PROVISO_PROXY_INTAKE_H

#include "harness/base/http_parse.h"
#include "proxy/refusal.h"
#include "proxy/snapshot.h"

struct intake {
	enum endpoint endpoint;
	enum endpoint client_endpoint;  /* that was asked; `endpoint` is what providers are asked */
	const struct json *client_body; /* as it came; `body` where it is not translated */
	const struct json *body;
	const struct json *provider_node; /* OpenRouter's object, to be taken out; NULL: none */
	struct shape shape;
	struct router_preferences preferences;
	struct router_request request; /* points into this struct: do not move it */
	struct router_decision decision;
	struct text workflow, team; /* of the headers; data NULL: not given */
	struct text_list dropped; /* of the client's format, what has no place in a chat request */
};

/* Beside the bytes. */
struct intake_facts {
	int64_t now_wall_ms;
	uint64_t random;
	struct text key_id;            /* data NULL: none */
	struct evidence_demand demand; /* the key's */
	bool price_needed;             /* a budget applies, whatever the task */
};

/*
 * Reads and decides. True: there is a decision, maybe without candidates. False with the refusal.
 * Arena: must live as long as `out`; the request too.
 */
MUST_CHECK bool intake_read(const struct snapshot *snapshot, const struct http_request *request,
                            enum endpoint endpoint, const struct intake_facts *facts,
                            struct arena *arena, struct intake *out, struct refusal *refusal);

/* Decides anew, after something of out->request was changed. */
MUST_CHECK bool intake_decide(const struct snapshot *snapshot, struct arena *arena,
                              struct intake *out, struct refusal *refusal);

/* No candidate is left: what the client is told. */
void intake_refuse_unproven(const struct intake *intake, struct refusal *refusal);

#endif
