/* What the files of evidence.h share: how the matrix stands, sorted for questions. */
#ifndef PROVISO_RUN_EVIDENCE_PRIVATE_H
#define PROVISO_RUN_EVIDENCE_PRIVATE_H

#include "harness/run/route/evidence.h"

/* What a case vouches for, in one way of asking. */
struct voice {
	struct feature_set features;
	struct text_list fields; /* of "field.NAME" */
	const struct eval_case *eval_case;
	enum case_variant variant;
	bool plain_only; /* the streamed way has a voice of its own */
};

/* The features stand here once more: most are looked at and passed over without going further. */
struct claim {
	struct feature_set features;
	const struct voice *voice;
	const struct matrix_cell *cell;
	const struct config_waiver *waiver; /* NULL: none names it */
};

struct mark {
	struct feature_set features;
	const struct voice *voice;
	const struct matrix_cell *cell;     /* NULL: never asked */
	const struct config_waiver *waiver; /* NULL: none names it */
	bool unproven;
	bool gate;
	bool other_question; /* the case has changed since */
	repair_bits mends;   /* behind these it does not stand against the target; 0: none help */
	bool quarantined;
};

struct standing {
	struct claim *claims;
	size_t claim_count;
	struct mark *marks;
	size_t mark_count;
	/* The same of required cases, for who demands that they be proven, too: there is a mark of
	 * each that is neither proven nor among the marks above. */
	struct claim *strict_claims;
	size_t strict_claim_count;
	struct mark *strict_marks;
	size_t strict_mark_count;
	int64_t oldest_wall_ms; /* of the claims; INT64_MAX: none */
	int64_t newest_wall_ms; /* INT64_MIN: none */
};

struct evidence {
	struct evidence_sources sources;
	struct voice *voices;
	size_t voice_count;
	struct text_list fields;    /* that any case vouches for */
	struct standing *standings; /* one a target */
};

/* What its features have let through: which way of asking, and the fields that no feature names. */
MUST_CHECK bool evidence_speaks_further(const struct voice *voice, const struct shape *shape);

#endif
