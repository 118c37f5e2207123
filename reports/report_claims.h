/* What the config claims of models, against what the cells measured. */
#ifndef PROVISO_REPORTS_REPORT_CLAIMS_H
#define PROVISO_REPORTS_REPORT_CLAIMS_H

#include "harness/base/json_write.h"
#include "providers/provider.h"
#include "reports/html.h"
#include "reports/markdown.h"

enum claim_state { CLAIM_PROVEN, CLAIM_REFUTED, CLAIM_UNPROVEN };

struct report_claim {
	struct text target, claim, feature; /* the claim as written, and what it means */
	enum claim_state state;
	size_t passing, asked;             /* cells that vouch for the feature */
	const struct matrix_cell *against; /* the worst that refutes it; else NULL */
};

struct report_claims {
	struct report_claim *items;
	size_t count;
};

const char *claim_state_name(enum claim_state state);
/* Of the context's providers, as far as the matrix has their targets. Arena. */
MUST_CHECK struct report_claims report_claims_of(const struct matrix *matrix,
                                                 const struct report_context *context,
                                                 struct arena *arena);
void report_claims_write(const struct report_claims *claims, struct json_writer *writer);
void report_claims_markdown(const struct report_claims *claims, struct text_buf *out);

#endif
