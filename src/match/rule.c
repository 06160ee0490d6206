#include "match/rule.h"

#include <math.h>

/* Added before the logarithm, so that little evidence differs little from none. */
#define CODES_FLOOR 1.0
#define ONSETS_FLOOR 2.0

static const struct {
	double best_codes;
	double second_codes;
	double self_codes;
	double best_onsets;
	double second_onsets;
	double self_onsets;
	double constant;
} weights = { 5.27, -1.27, -1.66, 4.33, -1.00, -1.35, -21.19 };

#define THRESHOLD (-1.7)

static double
log_codes(float codes)
{
	return log((double)codes + CODES_FLOOR);
}

static double
log_onsets(float onsets)
{
	return log((onsets > 1 ? (double)onsets : 1.0) + ONSETS_FLOOR);
}

int
ep_rule_score(const struct ep_evidence *best, const struct ep_evidence *second,
              const struct ep_evidence *self)
{
	double z = weights.constant + weights.best_codes * log_codes(best->codes) +
	           weights.second_codes * log_codes(second->codes) +
	           weights.self_codes * log_codes(self->codes) +
	           weights.best_onsets * log_onsets(best->onsets) +
	           weights.second_onsets * log_onsets(second->onsets) +
	           weights.self_onsets * log_onsets(self->onsets);
	double score = 50 + 10 * (z - THRESHOLD);
	return score < 0 ? 0 : (int)lround(score);
}
