/* generator_onsets.h - from the energies of eight bands to onsets, and from onsets to codes */
#ifndef EP_GENERATOR_GENERATOR_ONSETS_H
#define EP_GENERATOR_GENERATOR_ONSETS_H

#include "code/pairs.h"
#include "generator/generator_kernels.h"

#include <stdbool.h>
#include <stdint.h>

/* Frames under the window of one step, and from step to step. */
#define EP_STEP_FRAMES 8
#define EP_STEP_HOP 4

/* Steps back that the difference of energies looks. */
#define EP_ONSET_LOOK_BACK 16

/* How far one band has come. */
struct ep_onset_band {
	double filtered; /* the last output of the filter */
	double threshold;
	uint32_t decay_steps; /* time constant of the threshold, in steps */
	uint32_t steps_since; /* the last onset */
	bool in_contact;
	uint32_t *onsets; /* steps, ascending */
	size_t count;
	size_t capacity;
};

struct ep_onset_detector {
	struct ep_onset_band bands[EP_ONSET_BANDS];
	float recent[EP_ONSET_LOOK_BACK]
		    [EP_ONSET_BANDS]; /* energies of step i at i % EP_ONSET_LOOK_BACK */
	uint32_t steps;
	float window[EP_STEP_FRAMES];
	double *decays; /* the factor of the threshold, by time constant */
};

/* Makes an empty detector. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_onset_detector_init(struct ep_onset_detector *detector,
                                                  struct ep_error *err);
void ep_onset_detector_done(struct ep_onset_detector *detector);

/* Forgets all steps. */
void ep_onset_detector_start(struct ep_onset_detector *detector);

/* Takes the next step: energies holds EP_STEP_FRAMES frames of EP_ONSET_BANDS. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_onset_detector_step(struct ep_onset_detector *detector,
                                                  const float *energies, struct ep_error *err);

/* Appends the codes of all onsets to out; start_s is added to the times. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_onset_detector_codes(struct ep_pairs *out,
                                                   const struct ep_onset_detector *detector,
                                                   double start_s, struct ep_error *err);

#endif
