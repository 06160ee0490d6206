/* copy.h - whether two tracks are the same recording */
#ifndef EP_MATCH_COPY_H
#define EP_MATCH_COPY_H

#include "code/sketch.h"

/* Of the codes of one that fall into the time of both, this share stands in the other too at the
 * same offset, where they are the same recording: 8 to 71 % of two encodings, up to 13 % of
 * different songs; onsets that coincide tell those in between apart. */
#define EP_COPY_SHARE 0.2f

/* Whether the codes of two tracks align over the time that both have, when time t of one is time
 * t - shift of the other. Sketches of the same recording do. */
bool ep_aligns(const struct ep_sketch *one, const struct ep_sketch *other, int64_t shift);

#endif
