/* Counting false alarms; see calibration.h. */
#include "harness/run/matrix/calibration.h"

#include "harness/run/stats.h"

#include <math.h>

static bool has_evidence(const struct matrix_cell *cell)
{
	return cell != NULL && matrix_cell_has_evidence(cell);
}

bool calibration_compared(const struct cell_change *change)
{
	return change->change != CHANGE_CHANGED && has_evidence(change->base) &&
	       has_evidence(change->head);
}

bool calibration_flapped(const struct cell_change *change)
{
	return calibration_compared(change) && change->base->verdict != change->head->verdict;
}

static void set_share(struct calibration_share *share, size_t compared)
{
	share->rate = compared == 0 ? (double)NAN : (double)share->cells / (double)compared;
	stats_wilson_interval((int64_t)share->cells, (int64_t)compared, &share->rate_low,
	                      &share->rate_high);
}

void calibrate(const struct comparison *comparison, struct calibration *out)
{
	*out = (struct calibration){.cells = comparison->count, .gating = comparison->gating};
	for (size_t i = 0; i < comparison->count; i++) {
		const struct cell_change *change = &comparison->changes[i];
		if (!calibration_compared(change))
			continue;
		out->compared++;
		if ((int)change->change < CALIBRATION_KINDS)
			out->alarms[change->change].cells++;
		out->flapped.cells += calibration_flapped(change);
	}
	for (int kind = 0; kind < CALIBRATION_KINDS; kind++)
		set_share(&out->alarms[kind], out->compared);
	set_share(&out->flapped, out->compared);
}
