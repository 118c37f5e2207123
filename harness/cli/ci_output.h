/* What a job of a CI service is told beside the reports, in the service's own ways. */
#ifndef PROVISO_CLI_CI_OUTPUT_H
#define PROVISO_CLI_CI_OUTPUT_H

#include "reports/report.h"

/*
 * In a job of GitHub Actions (GITHUB_ACTIONS is true): annotations to stderr, so that results stay
 * clean; the step summary; and the step's outputs `cells`, `passing`, `failing`, `without-verdict`,
 * `regressed` (empty without a baseline) and `run`, the run's folder. Nothing elsewhere.
 */
MUST_CHECK bool ci_output(const struct matrix *matrix, const struct report_context *context,
                          const char *run_folder, struct fault *fault);

/* Whether this is a job of GitHub Actions. */
MUST_CHECK bool ci_is_github(void);
/* There: annotations to stderr, and Markdown for the step summary. */
MUST_CHECK bool ci_tell(struct text annotations, struct text summary, struct fault *fault);

#endif
