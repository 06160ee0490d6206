/* onset_search.h - the state of a search for onsets
 *
 * For onset_find.h and its parts only: onset_find.c walks from the last time to the first,
 * onset_start.c finds where a band begins in that order, onset_place.c gives times to onsets that
 * have none.
 */
#ifndef EP_CODE_ONSET_ONSET_SEARCH_H
#define EP_CODE_ONSET_ONSET_SEARCH_H

#include "code/onset/onset_find.h"
#include "code/onset/onset_group.h"

/* An onset with its differences to the next three of its band; followed from the last to the first.
 */
struct link {
	uint32_t time;
	int32_t next[3];
};

struct band {
	struct link *links; /* the head is the last */
	size_t count;
	size_t capacity;
	size_t virtual_count; /* of the first links the time is not known */
	int followers; /* of the head, 4 for more; 0: there is no head yet */
	int followers_before; /* of the onset after the head */
	bool cut; /* the onset after the last visible one is behind the window */
	int open_end; /* which end the codes of the head are in, or -1 */
};

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

/* What is found of the onsets after one: differences, named by the ends. */
struct start {
	int32_t a01, a02, a03, a12, a13, a14, a23, a24, a34;
	int followers;
	uint32_t band;
	uint64_t left; /* of the group, besides its codes */
};

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

/* The k-th link after the head. */
static inline struct link *
band_link(const struct band *band, size_t after_head)
{
	return &band->links[band->count - 1 - after_head];
}

/* Puts a link in front of the others. EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_band_push(struct band *band, struct link link,
                                              struct ep_error *err);

/* Begins a band with the onset at time and the followers of start. EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_band_start(struct band *band, uint32_t time,
                                               const struct start *start, struct ep_error *err);

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

/* Appends a band to the onsets. EP_NOT_FOUND where its differences do not go with its times;
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_onset_place_band(struct ep_onsets *onsets, const struct band *band,
                                               struct ep_window window, struct ep_error *err);

#endif
