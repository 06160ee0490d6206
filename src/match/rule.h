/* rule.h - from evidence to a score
 *
 *     z = sum of weights * ln(evidence) + constant
 *     score = 50 + 10 * (z - threshold), rounded, at least 0
 *
 * A logistic rule: z estimates the logarithm of the odds that the best track is the right one. The
 * codes, moments and onsets of the best speak for it. Against it speak those of the best other
 * song, those of the best track at another offset, those of the query against itself, and the
 * length of the query, as a longer one has more by chance. docs/matching.md tells which excerpts
 * the weights were fitted to, and how many false accepts and rejects each score gives.
 */
#ifndef EP_MATCH_RULE_H
#define EP_MATCH_RULE_H

#include "match/evidence.h"

/* A score from here on is accepted. */
#define EP_SCORE_ACCEPTED 50

/* What a query has in common with whom. */
struct ep_comparison {
	struct ep_evidence best; /* with the best track */
	struct ep_evidence second; /* with the best track of another song */
	struct ep_evidence elsewhere; /* with the best track at another offset */
	struct ep_evidence self; /* with itself, at another offset */
	float query_codes; /* distinct codes of the query */
};

/* 0 or more. With codes at fewer than six moments it is below EP_SCORE_ACCEPTED. */
int ep_rule_score(const struct ep_comparison *comparison);

/* The same at another speed than the query's own. Other songs say little there, as they would need
 * that speed as well; what the best track has at another offset takes their place, if it is more.
 * The score is lower by EP_SPEED_COST, because so many speeds are tried. */
#define EP_SPEED_COST 5
int ep_rule_score_at_speed(const struct ep_comparison *comparison);

/* About how probable it is that a match with this score is right, 0 to 1, if half of the queries
 * are of songs that the database has. */
double ep_rule_probability(int score);

#endif
