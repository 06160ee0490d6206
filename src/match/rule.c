#include "match/rule.h"

#include <math.h>

/* Added before the logarithm, so that little evidence differs little from none. */
#define BITS_FLOOR 5.0
#define ONSETS_FLOOR 2.0

static const struct {
	double best_bits;
	double second_bits;
	double self_bits;
	double best_onsets;
	double second_onsets;
	double self_onsets;
	double constant;
} weights = { 4.83, -0.14, -0.51, 4.25, -1.49, -2.74, -26.62 };

#define THRESHOLD (-1.7)

static double
log_bits(float bits)
{
	return log((double)bits + BITS_FLOOR);
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
	double z = weights.constant + weights.best_bits * log_bits(best->bits) +
	           weights.second_bits * log_bits(second->bits) +
	           weights.self_bits * log_bits(self->bits) +
	           weights.best_onsets * log_onsets(best->onsets) +
	           weights.second_onsets * log_onsets(second->onsets) +
	           weights.self_onsets * log_onsets(self->onsets);
	double score = 50 + 10 * (z - THRESHOLD);
	return score < 0 ? 0 : (int)lround(score);
}
