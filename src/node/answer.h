/* answer.h - the answer to a query as the original's object, with what is new added */
#ifndef EP_NODE_ANSWER_H
#define EP_NODE_ANSWER_H

#include "match/match.h"

#include <jansson.h>

/* The message of the original with an answer; undecoded: the query is not a code string. */
#define EP_ANSWER_WORDS 64
void ep_answer_words(char words[EP_ANSWER_WORDS], const struct ep_answer *answer, bool undecoded);

/* The object; NULL when there is no memory.
 *
 * query  as it was asked. ms  what it took. original  decided by the original's rule, which knows
 * neither offset nor evidence. */
json_t *ep_answer_json(struct ep_text query, const struct ep_answer *answer, bool undecoded,
                       double ms, bool original);

/* What speaks for the best track and against it, by name; NULL when there is no memory. */
json_t *ep_evidence_json(const struct ep_comparison *comparison);

#endif
