/*
 * The simulated provider: a real HTTP server that speaks the provider's side of
 * the wire, with one switch for each defect. Never presented as a real vendor.
 *
 * It knows no cases: what a canonical question is answered with comes from
 * `struct sim_oracle`, given by whoever has the suite. Anything else gets a
 * deterministic reply that honours the request.
 */
#ifndef PROVISO_PROVIDERS_SIM_SIM_H
#define PROVISO_PROVIDERS_SIM_SIM_H

#include "harness/base/http_server.h"
#include "providers/chat.h"

struct sim;

/* An answer before rendering: neutral, complete; the simulator turns it into bytes. */
struct sim_answer {
	int status;            /* 200, or that of `error` */
	struct text content;   /* data NULL: null */
	struct text reasoning; /* data NULL: none */
	struct text refusal;
	struct text finish_reason; /* data NULL: by what the answer holds */
	struct {
		struct text name;
		struct text arguments; /* JSON */
	} tool_calls[16];
	size_t tool_call_count;
	struct {
		struct text message, type, code, param; /* data NULL: null */
		struct text retry_after;                /* data NULL: no such header */
	} error;
	struct text task; /* it is a task with a known answer, of this kind; data NULL: none */
	int64_t pause_ms; /* between the events of a stream, at least */
};

/* What the simulator asks about a request. */
struct sim_question {
	enum endpoint endpoint;
	const struct json *body;
	/*
	 * Members that came through from another dialect, beside model and messages
	 * (NULL-terminated): what else was asked for is not known. NULL: all did.
	 */
	const char *const *carried;
};

struct sim_oracle {
	/*
	 * True: this is a canonical question; *answer is what a good provider says, *case_id
	 * and *step which it is. Arena memory.
	 */
	bool (*answer)(void *context, const struct sim_question *question, struct arena *arena,
	               struct sim_answer *answer, struct text *case_id, size_t *step);
	/*
	 * The case whose question that case asks: its own id, or that of the case it is `like`;
	 * data NULL where there is no such case. May be NULL: every case asks its own.
	 */
	struct text (*owner)(void *context, struct text case_id);
	void *context;
};

struct sim_options {
	const char *address;
	int port; /* 0: the system picks one */
	/*
	 * Case ids and names of faults; `storm-500:3` only the first three requests, `TC-05%30`
	 * about 30 of 100 requests.
	 */
	const struct text *breaks;
	size_t break_count;
	struct text profile;     /* a named bundle of defects; data NULL: none */
	int64_t ttft_ms, gap_ms; /* latency before the first event and between events */
	uint64_t seed;
	const struct text *models; /* default sim-small, sim-large */
	size_t model_count;
	struct text api_key;      /* default "sim-key" */
	int64_t context;          /* tokens; default 8192 */
	struct sim_oracle oracle; /* answer may be NULL */
};

/* The defaults of the contract. */
extern const struct sim_options sim_defaults;

/* An unknown defect or profile is a fault that offers the nearest name. */
MUST_CHECK bool sim_start(struct loop *loop, const struct sim_options *options, struct sim **out,
                          struct fault *fault);
MUST_CHECK int sim_port(const struct sim *sim);
/* "http://127.0.0.1:PORT/v1" */
MUST_CHECK const char *sim_base_url(const struct sim *sim);
MUST_CHECK int64_t sim_requests(const struct sim *sim); /* answered so far */
void sim_stop(struct sim *sim);

/* One row a defect, in order of id; for --help, the manual and the tests. */
struct sim_defect_info {
	const char *id;   /* the case that must notice */
	const char *does; /* "omits the index of tool call fragments" */
	const char
	    *affects; /* other cases that may notice too, "TS-04 TS-05~stream"; "" for none */
};
extern const struct sim_defect_info sim_defects[]; /* ends with id NULL */
/* The same for faults that belong to no one case: cuts, stalls, storms, odd shapes. */
extern const struct sim_defect_info sim_faults[]; /* ends with id NULL */
/* The same for defects of native dialects; `affects` is who notices, through the dialect. */
extern const struct sim_defect_info sim_native_defects[]; /* ends with id NULL */
struct sim_profile_info {
	const char *name;
	const char *does;
	const char *breaks; /* "TS-01 SU-01" */
	/*
	 * The known quirks that it shows, by their ids in the catalogue of quirks; among them
	 * what the simulator does anyway in that dialect. NULL: not told.
	 */
	const char *quirks;
};
extern const struct sim_profile_info sim_profiles[]; /* ends with name NULL */

#endif
