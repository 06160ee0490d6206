/* match.h - which track a query is from, or none
 *
 *     pairs -> first minute -> sketch -> compared with the tracks of the index (compare.h)
 *       -> if nothing is found, at other speeds (speeds.h) -> answer
 *
 * How it decides is told in docs/matching.md.
 */
#ifndef EP_MATCH_MATCH_H
#define EP_MATCH_MATCH_H

#include "match/speeds.h"

/* Queries are cut to so many units of time from their first one: a minute, as the original does. */
#define EP_QUERY_TIMES 2586

/* Fewer pairs than this are no query. */
#define EP_QUERY_PAIRS_MIN 10

struct ep_answer {
	bool match;
	int type; /* as the original numbers its decisions; 0: the query is too short */
	int score; /* 0 or more; EP_SCORE_ACCEPTED or more: a match */
	/* Of the match, valid until the matcher's next use; empty without one. */
	struct ep_text track_id;
	struct ep_text artist;
	struct ep_text release;
	struct ep_text track;
	struct ep_text fields; /* of the track, as bytes (ep_fields_write); empty: none */
	uint32_t length_s; /* 0 where it is not known */
	double offset_s; /* seconds in the song at the query's time 0 */
	/* The best track, whether it is a match or not: its position in the log, 0 where there is
	 * none, and seconds in it as offset_s. */
	uint64_t best_position;
	double best_offset_s;
	uint64_t second_position; /* of the best track of another song; 0: none */
	double speed; /* how many times as fast as the track the query is; 1 without a match */
	struct ep_comparison comparison;
	struct ep_read read;
};

/* Which speeds are tried, in thousandths. */
struct ep_match_speeds {
	uint32_t first; /* before all others */
	uint32_t most; /* how far from the own speed, if nothing is found there; 0: no other */
};
extern const struct ep_match_speeds ep_match_speeds_default; /* up to 2 % from the own speed */

/* The default with another speed first, in times the track's own. */
struct ep_match_speeds ep_match_speeds_from(double first);

/* The own speed first, and up to so many per cent from it. */
struct ep_match_speeds ep_match_speeds_within(double percent);

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
                                    const struct ep_match_speeds *speeds, struct ep_error *err);

/* The same by any engine. EP_UNREACHABLE  it does not answer. */
EP_MUST_USE enum ep_status ep_match_by(struct ep_answer *answer, struct ep_matcher *matcher,
                                       const struct ep_engine *engine, struct ep_pairs *pairs,
                                       const struct ep_match_speeds *speeds, struct ep_error *err);

/* Fills the texts and length of answer by the track of an entry, from its first document. The texts
 * belong to the matcher as those of ep_match do. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_match_name(struct ep_answer *answer, struct ep_matcher *matcher,
                                         const struct ep_entry *entry, struct ep_error *err);

/* The same by the track at a position of the log. EP_NOT_FOUND  it is gone. */
EP_MUST_USE enum ep_status ep_match_name_at(struct ep_answer *answer, struct ep_matcher *matcher,
                                            struct ep_index *index, uint64_t position,
                                            struct ep_error *err);

#endif
