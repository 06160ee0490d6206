/* song.h - the codes of songs that nobody wrote
 *
 * Onsets are drawn in 8 bands, so that their gaps, and how often bands have one together, are as in
 * real songs (gaps.h); codes follow from the onsets by the arithmetic of the code generator.
 */
#ifndef BENCH_SONG_H
#define BENCH_SONG_H

#include "base/status.h"
#include "code/pairs.h"

#include <stdint.h>

/* Scratch memory of one thread. */
struct song_maker;
EP_MUST_USE enum ep_status song_maker_new(struct song_maker **out, struct ep_error *err);
void song_maker_free(struct song_maker *maker);
EP_DEFINE_OWNED(struct song_maker, song_maker_free)

/* Replaces pairs by the codes of song `number`, in the order of the code generator: band by band,
 * six codes an onset. length_s is the length of the song in seconds. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status song_make(struct ep_pairs *pairs, uint32_t *length_s,
                                     struct song_maker *maker, uint64_t seed, uint64_t number,
                                     struct ep_error *err);

#endif
