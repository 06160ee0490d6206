/* rule.h - from evidence to a score
 *
 *     z = sum of weights * ln(evidence) + constant
 *     score = 50 + 10 * (z - threshold), rounded, at least 0
 *
 * A logistic rule: z estimates the logarithm of the odds that the best track is the right one. Of
 * the features the codes and the onsets of the best speak for it, those of the best other song and
 * of the query against itself against it. The weights were fitted to excerpts of 100 songs and to
 * some 4,000 excerpts of songs that the database did not hold; docs/matching.md has how, and how
 * many false accepts and rejects each score gives.
 */
#ifndef EP_MATCH_RULE_H
#define EP_MATCH_RULE_H

#include "match/evidence.h"

int ep_rule_score(const struct ep_evidence *best, const struct ep_evidence *second,
                  const struct ep_evidence *self);

#endif
