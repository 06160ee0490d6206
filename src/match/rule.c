#include "match/rule.h"

#include <math.h>

/* Added before the logarithm, so that little evidence differs little from none. */
#define CODES_FLOOR 1.0
#define ONSETS_FLOOR 2.0

/* Shorter queries count as if they had so many codes: about 8 s of music. */
#define QUERY_CODES_MIN 200.0

/* Common codes at fewer moments may come from one motif that two songs share, such as a few strokes
 * of a drum. */
#define MOMENTS_MIN 6

static const struct {
	double best_codes;
	double second_codes;
	double self_codes;
	double elsewhere_codes;
	double best_onsets;
	double second_onsets;
	double self_onsets;
	double elsewhere_onsets;
	double moments;
	double query_codes;
	double constant;
} weights = { 3.84, -1.56, -1.08, -0.73, 4.22, -1.06, -0.85, -1.51, 1.80, -2.15, -0.18 };

#define THRESHOLD (-0.5)

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
ep_rule_score(const struct ep_comparison *comparison)
{
	const struct ep_evidence *best = &comparison->best;
	double codes = (double)comparison->query_codes;
	double z = weights.constant + weights.best_codes * log_codes(best->codes) +
	           weights.second_codes * log_codes(comparison->second.codes) +
	           weights.self_codes * log_codes(comparison->self.codes) +
	           weights.elsewhere_codes * log_codes(comparison->elsewhere.codes) +
	           weights.best_onsets * log_onsets(best->onsets) +
	           weights.second_onsets * log_onsets(comparison->second.onsets) +
	           weights.self_onsets * log_onsets(comparison->self.onsets) +
	           weights.elsewhere_onsets * log_onsets(comparison->elsewhere.onsets) +
	           weights.moments * log_codes(best->moments) +
	           weights.query_codes * log(codes > QUERY_CODES_MIN ? codes : QUERY_CODES_MIN);
	double score = 50 + 10 * (z - THRESHOLD);
	if (best->moments < MOMENTS_MIN && score > EP_SCORE_ACCEPTED - 1)
		return EP_SCORE_ACCEPTED - 1;
	return score < 0 ? 0 : (int)lround(score);
}

int
ep_rule_score_at_speed(const struct ep_comparison *comparison)
{
	struct ep_comparison other = *comparison;
	if (other.elsewhere.codes > other.second.codes)
		other.second = other.elsewhere;
	int score = ep_rule_score(&other) - EP_SPEED_COST;
	return score > 0 ? score : 0;
}

/* Fitted to the answers to 3,198 excerpts of songs that the database had, and 6,203 others. */
#define ODDS_ACCEPTED 1.0
#define ODDS_A_POINT 0.085

double
ep_rule_probability(int score)
{
	double odds = ODDS_ACCEPTED + ODDS_A_POINT * (score - EP_SCORE_ACCEPTED);
	return 1 / (1 + exp(-odds));
}
