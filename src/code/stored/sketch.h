/* sketch.h - what searching knows of a fingerprint: its onsets, and its codes with their times
 *
 * Whatever the fingerprint was stored or sent as, its sketch is the same: of a track that is stored
 * as onsets without computing its text, of a code string by recovering the onsets. Where onsets
 * cannot be recovered, the distinct times of codes stand for them, all in band 0, and nothing is
 * known of the kinds of codes.
 *
 * Some codes say nothing of the music: where the generator begins a new block of 10,000 samples, it
 * finds onsets in bands without sound, and any two tracks with such bands share their codes. Where
 * onsets are known, a sketch leaves out codes of which both differences are multiples of a block,
 * give or take one unit, and onsets of which three successive ones are such multiples apart.
 */
#ifndef EP_CODE_STORED_SKETCH_H
#define EP_CODE_STORED_SKETCH_H

#include "code/onset/onset.h"
#include "code/pairs.h"
#include "code/stored/codes.h"

/* Which of the six codes of an onset one is, in the order of the table of onset_find.h. */
#define EP_SKETCH_KINDS 6
#define EP_SKETCH_ANY_KIND 6 /* not known */

/* Times of a sketch are below this: four days of music. Later ones are left out. */
#define EP_SKETCH_TIME_END (1u << 24)

/* A refinement says in so many bits how far the next onset is from the last one of a code; 0: not
 * known. A code and its refinement tell tracks apart that have the code by chance. */
#define EP_REFINEMENT_BITS 6

/* A code that names differences: those that only say that a band ends are left out, as are codes
 * that no code generator makes. Its last onset is followed by the next one of the band, and by the
 * one after that, if it is the code of the next two followers (kind 0). */
struct ep_sketch_code {
	uint64_t code : 20; /* below EP_ONSET_CODE_COUNT */
	uint64_t refined : EP_REFINEMENT_BITS; /* by the next onset */
	uint64_t skipped : EP_REFINEMENT_BITS; /* by the one after it */
	uint64_t time : 24;
	uint64_t kind : 8;
};

/* A zeroed struct is an empty sketch. */
struct ep_sketch {
	struct ep_sketch_code *codes; /* each (code, time) once */
	size_t code_count;
	size_t code_capacity;
	uint32_t *onsets; /* times: band b is onsets[end[b - 1]] up to onsets[end[b]], ascending */
	size_t onset_count;
	size_t onset_capacity;
	size_t end[EP_ONSET_BANDS];
	bool has_bands;
	uint64_t *keys; /* scratch: while it is sorted */
	size_t key_capacity;
};
void ep_sketch_free(struct ep_sketch *sketch);
#define EP_SKETCH __attribute__((cleanup(ep_sketch_free)))

/* What makes sketches of pairs: scratch memory of one thread. EP_NO_MEMORY. */
struct ep_sketcher;
EP_MUST_USE enum ep_status ep_sketcher_new(struct ep_sketcher **out, struct ep_error *err);
void ep_sketcher_free(struct ep_sketcher *sketcher);
EP_DEFINE_OWNED(struct ep_sketcher, ep_sketcher_free)

/* Replaces sketch by that of pairs[0..count), any pairs, but in canonical order; memory is a byte
 * for each unit of time up to the last. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_sketch_of_pairs(struct ep_sketch *sketch,
                                              struct ep_sketcher *sketcher,
                                              const struct ep_pair *pairs, size_t count,
                                              struct ep_error *err);

/* Speeds are in thousandths; this is the speed of the track itself. */
#define EP_SPEED_OWN 1000u

/* Replaces sketch by that of the pairs that this sketcher was given last, as it would be if the
 * music ran as slowly as in its track, and not at `speed`: times and differences become longer by
 * speed / EP_SPEED_OWN, and codes are hashed anew. As differences are known as whole numbers only,
 * about half of the codes become those of the track.
 *
 * EP_NOT_FOUND  the onsets of these pairs could not be recovered; sketch is as it was.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_sketch_at_speed(struct ep_sketch *sketch,
                                              struct ep_sketcher *sketcher, uint32_t speed,
                                              struct ep_error *err);

/* Replaces sketch by that of a track, which walk is at the start of. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_sketch_of_track(struct ep_sketch *sketch, struct ep_codes_walk walk,
                                              struct ep_codes_coder *coder, struct ep_error *err);

#endif
