/* generator.h - from samples to codes, as the code generator 4.12 computes them, bit for bit
 *
 *     samples -> whitened -> energies of eight bands -> onsets -> pairs of code and time
 *
 * Samples come in pieces of any size, and what is kept of them is bounded: a block of whitening,
 * some frames of energies, and the onsets. The algorithm is docs/formats/generator.md.
 */
#ifndef EP_GENERATOR_GENERATOR_H
#define EP_GENERATOR_GENERATOR_H

#include "base/status.h"
#include "code/pairs.h"
#include "generator/generator_kernels.h"

#include <stdint.h>

/* What samples are: mono, signed 16 bit, so many a second. */
#define EP_SAMPLE_RATE 11025

/* What the generator writes as its version. */
#define EP_GENERATOR_VERSION "4.12"

/* The largest start of an excerpt, in seconds, and the most samples: 48 hours. */
#define EP_GENERATOR_START_MAX 1e6
#define EP_GENERATOR_SAMPLES_MAX (UINT64_C(48) * 3600 * EP_SAMPLE_RATE)

struct ep_generator;

/* Makes a generator, to be started.
 *
 * kernels  by which instructions it computes, which changes no bit; ep_generator_best() for all but
 *          tests. Borrowed, constant.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_generator_new(struct ep_generator **out,
                                            const struct ep_generator_kernels *kernels,
                                            struct ep_error *err);
void ep_generator_free(struct ep_generator *generator);
EP_DEFINE_OWNED(struct ep_generator, ep_generator_free)

/* Forgets all samples and begins with those at start_s, in seconds from the start of the song, from
 * 0 to EP_GENERATOR_START_MAX: it is added to the times. A new generator has start_s 0. */
void ep_generator_start(struct ep_generator *generator, double start_s);

/* Takes the next count samples. EP_NO_MEMORY; EP_BAD_INPUT  more than EP_GENERATOR_SAMPLES_MAX. */
EP_MUST_USE enum ep_status ep_generator_feed(struct ep_generator *generator, const int16_t *samples,
                                             size_t count, struct ep_error *err);

/* Ends the song and appends its pairs to out: band by band, in each by time, six for each onset
 * with two followers. Call ep_generator_start before anything else. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_generator_finish(struct ep_pairs *out, struct ep_generator *generator,
                                               struct ep_error *err);

/* How many samples were fed since the start. */
uint64_t ep_generator_samples(const struct ep_generator *generator);

#endif
