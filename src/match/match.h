/* match.h - which track a query is from, or none
 *
 *     pairs -> first minute -> sketch -> candidates of the index (search.h)
 *       -> each weighed on its whole track, read from the log (evidence.h)
 *       -> the best, the best other song, and the query against itself -> rule -> answer
 *
 * The rule is docs/matching.md. Copies of one song, whose codes align with those of the best over
 * what they have in common, count as that song.
 */
#ifndef EP_MATCH_MATCH_H
#define EP_MATCH_MATCH_H

#include "index/search.h"
#include "match/evidence.h"

/* Queries are cut to so many units of time from their first one: a minute, as the original does. */
#define EP_QUERY_TIMES 2586

/* Fewer pairs than this are no query. */
#define EP_QUERY_PAIRS_MIN 10

/* A score from here on is accepted. */
#define EP_SCORE_ACCEPTED 50

struct ep_answer {
	bool match;
	int type; /* as the original numbers its decisions; 0: the query is too short */
	int score; /* 0 or more; EP_SCORE_ACCEPTED or more: a match */
	/* Of the match, valid until the matcher's next use; empty without one. */
	struct ep_text track_id;
	struct ep_text artist;
	struct ep_text release;
	struct ep_text track;
	double offset_s; /* seconds in the song at the query's time 0 */
	/* What was weighed: of the best track, of the best other song, and of the query itself. */
	struct ep_evidence best;
	struct ep_evidence second;
	struct ep_evidence self;
	/* What was read for it: lists of the index, their hits, and tracks of the log. */
	uint32_t lists;
	uint64_t hits;
	uint32_t tracks;
};

/* Scratch memory of one thread. */
struct ep_matcher;
EP_MUST_USE enum ep_status ep_matcher_new(struct ep_matcher **out, struct ep_error *err);
void ep_matcher_free(struct ep_matcher *matcher);
EP_DEFINE_OWNED(struct ep_matcher, ep_matcher_free)

/* Fills answer.
 *
 * index  a track is answered as it was when the index was opened. Many threads may use one.
 * pairs  of the query, in any order; they are sorted.
 * EP_CORRUPT, EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_match(struct ep_answer *answer, struct ep_matcher *matcher,
                                    struct ep_index *index, struct ep_pairs *pairs,
                                    struct ep_error *err);

/* Fills the texts of answer by the track of an entry, from its first document. They belong to the
 * matcher as those of ep_match do. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_match_name(struct ep_answer *answer, struct ep_matcher *matcher,
                                         const struct ep_entry *entry, struct ep_error *err);

#endif
