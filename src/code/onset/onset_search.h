/* onset_search.h - the state of a search for onsets
 *
 * For onset_find.h and its parts only: onset_find.c walks from the last time to the first,
 * onset_start.c finds where a band begins in that order. What onset_start.c does for the walk is
 * declared here.
 */
#ifndef EP_CODE_ONSET_ONSET_SEARCH_H
#define EP_CODE_ONSET_ONSET_SEARCH_H

#include "code/onset/onset_band.h"
#include "code/onset/onset_group.h"
#include "code/onset/onsets.h"

/* Codes of a time where bands end, each the one code of a band that is not H(0,0). */
struct end {
	uint32_t codes[EP_ONSET_BANDS];
	unsigned count;
};

#define KEY_BUCKETS 256

/* Differences and a band that give a code of the group. */
struct tagged_source {
	uint32_t key; /* source_key of the band and the first difference */
	uint16_t second; /* the second difference */
	uint16_t index; /* of the code in the group */
	uint32_t next; /* source with the same key_bucket, from 1; 0 is the end */
};

static inline uint32_t
source_key(uint32_t band, int32_t first)
{
	return band << 16 | (uint32_t)first;
}

static inline uint32_t
key_bucket(uint32_t key)
{
	return (key ^ key >> 13) % KEY_BUCKETS;
}

#define CANDIDATE_MAX 64
#define SOURCES_MAX (GROUP_MAX * EP_ONSET_SOURCES_MAX)

struct ep_onset_finder {
	struct band bands[EP_ONSET_BANDS];
	struct end ends[EP_ONSET_BANDS];
	int end_count;
	int second_tries;
	int64_t work_left; /* hashes that may yet be computed to find where bands begin */
	struct group group;
	uint32_t zero_code[EP_ONSET_BANDS];
	struct ep_onset_table table;
	struct tagged_source sources[SOURCES_MAX];
	size_t source_count;
	uint32_t first_source[KEY_BUCKETS];
	struct start candidates[CANDIDATE_MAX];
	size_t candidate_count;
};

/* Finds a band out of the set bands that is cut by the window, with its last visible onset at time.
 *
 * followers  4, or 3 where only one band is in the set and its H(0,0) have been taken.
 * EP_NOT_FOUND, EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_start_cut(struct ep_onset_finder *finder, unsigned bands,
                                              int followers, uint32_t time, struct ep_error *err);

/* The band ends with three onsets that are known by one code and the time of the first; at time is
 * the onset before. Finds both differences of the three; the onset itself is found after. */
bool ep_onset_close_end(struct ep_onset_finder *finder, uint32_t index, uint32_t time);

/* A band of three onsets only: any differences that give a code which is left will do. */
bool ep_onset_guess_end(struct ep_onset_finder *finder, uint32_t index);

#endif
