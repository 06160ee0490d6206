/* onset_work.h - how much work decoding may be */
#ifndef EP_CODE_ONSET_ONSET_WORK_H
#define EP_CODE_ONSET_ONSET_WORK_H

#include <stdint.h>

/* What the records of one track have cost to decode; a zeroed one is that of none.
 *
 * A unit is some 50 ns: a block of times that is looked at in a band, and an onset is
 * EP_ONSET_WORK_ONSET of them, for its codes and their text. All records of a track together may
 * cost EP_ONSET_WORK_FREE and EP_ONSET_WORK_A_BYTE for each of their bytes up to there: so few
 * bytes are never much work. Real songs cost 7 a byte, and 12 at most. */
struct ep_onset_work {
	uint64_t bytes; /* of the records that were decoded */
	uint64_t spent; /* units on them */
};
#define EP_ONSET_WORK_ONSET 4
#define EP_ONSET_WORK_FREE 2048
#define EP_ONSET_WORK_A_BYTE 32

#endif
