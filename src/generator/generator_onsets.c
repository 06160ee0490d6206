#include "generator/generator_onsets.h"

#include "code/onset_hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps a second. */
#define STEP_RATE (11025 / 32.0)

/* What a time is counted in: 23.2 ms where it is rounded to, and 23 ms where it is divided by. */
#define QUANTUM_S (256 / 11025.0)
#define QUANTUM_MS 23 /* floor(QUANTUM_S * 1000) */

/* An onset nearer than this to the one before takes its place, in steps. */
#define NEAR 128

/* The threshold falls more slowly with every step up to so many steps after an onset, then faster
 * again. */
#define SLOWING_STEPS 345

/* Factors exp(-1/tau) that are kept; for a larger tau it is computed. */
#define DECAYS 4096

enum ep_status
ep_onset_detector_init(struct ep_onset_detector *detector, struct ep_error *err)
{
	*detector = (struct ep_onset_detector){ 0 };
	detector->decays = calloc(DECAYS, sizeof *detector->decays);
	if (!detector->decays)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (unsigned tau = 1; tau < DECAYS; tau++)
		detector->decays[tau] = exp(-1.0 / tau);
	for (unsigned k = 0; k < EP_STEP_FRAMES; k++)
		detector->window[k] = (float)(0.5 - 0.5 * cos(2 * M_PI * k / (EP_STEP_FRAMES - 1)));
	ep_onset_detector_start(detector);
	return EP_OK;
}

void
ep_onset_detector_done(struct ep_onset_detector *detector)
{
	for (size_t b = 0; b < EP_ONSET_BANDS; b++)
		free(detector->bands[b].onsets);
	free(detector->decays);
	*detector = (struct ep_onset_detector){ 0 };
}

void
ep_onset_detector_start(struct ep_onset_detector *detector)
{
	detector->steps = 0;
	for (size_t b = 0; b < EP_ONSET_BANDS; b++) {
		struct ep_onset_band *band = &detector->bands[b];
		band->filtered = 0;
		band->decay_steps = 1;
		band->steps_since = 0;
		band->in_contact = false;
		band->count = 0;
	}
}

static enum ep_status
add_onset(struct ep_onset_band *band, uint32_t step, struct ep_error *err)
{
	if (band->count > 0 && band->onsets[band->count - 1] + NEAR > step) {
		band->onsets[band->count - 1] = step;
		return EP_OK;
	}
	if (band->count == band->capacity) {
		size_t capacity = band->capacity ? band->capacity * 2 : 512;
		uint32_t *onsets = realloc(band->onsets, capacity * sizeof *onsets);
		if (!onsets)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for onsets");
		band->onsets = onsets;
		band->capacity = capacity;
	}
	band->onsets[band->count++] = step;
	return EP_OK;
}

/* Takes the filter's output of one band at a step. */
static enum ep_status
track_contact(struct ep_onset_detector *detector, struct ep_onset_band *band, double x,
              struct ep_error *err)
{
	bool contact = x > band->threshold;
	uint32_t tau = band->decay_steps;
	if (contact)
		band->threshold = x * 1.1;
	else
		band->threshold *= tau < DECAYS ? detector->decays[tau] : exp(-1.0 / tau);
	if (band->in_contact && !contact) {
		EP_TRY(add_onset(band, detector->steps, err));
		band->steps_since = 0;
	}
	band->in_contact = contact;
	band->steps_since++;
	if (band->steps_since <= SLOWING_STEPS)
		band->decay_steps++;
	else if (tau > 1)
		band->decay_steps--;
	return EP_OK;
}

/* How the energy rises, in all bands: three differences over six steps, weighed, and a part of what
 * came before. */
static void
filter_rises(struct ep_onset_detector *detector)
{
	static const double weights[3] = { 0.1883, 0.4230, 0.3392 };
	double sums[EP_ONSET_BANDS] = { 0 };
	for (uint32_t k = 0; detector->steps >= 6 && k < 3; k++) {
		const float *now = detector->recent[(detector->steps - k) % EP_ONSET_LOOK_BACK];
		const float *then =
			detector->recent[(detector->steps - 6 + k) % EP_ONSET_LOOK_BACK];
		for (size_t b = 0; b < EP_ONSET_BANDS; b++)
			sums[b] += weights[k] * (double)(now[b] - then[b]);
	}
	for (size_t b = 0; b < EP_ONSET_BANDS; b++)
		detector->bands[b].filtered = sums[b] + 0.98 * detector->bands[b].filtered;
}

enum ep_status
ep_onset_detector_step(struct ep_onset_detector *detector, const float *energies,
                       struct ep_error *err)
{
	float sums[EP_ONSET_BANDS] = { 0 };
	for (size_t k = 0; k < EP_STEP_FRAMES; k++) {
		for (size_t b = 0; b < EP_ONSET_BANDS; b++)
			sums[b] += energies[k * EP_ONSET_BANDS + b] * detector->window[k];
	}
	float *now = detector->recent[detector->steps % EP_ONSET_LOOK_BACK];
	for (size_t b = 0; b < EP_ONSET_BANDS; b++)
		now[b] = sqrtf(sums[b]);
	for (size_t b = 0; detector->steps == 0 && b < EP_ONSET_BANDS; b++)
		detector->bands[b].threshold = now[b];
	filter_rises(detector);
	for (size_t b = 0; b < EP_ONSET_BANDS; b++)
		EP_TRY(track_contact(detector, &detector->bands[b], detector->bands[b].filtered,
		                     err));
	detector->steps++;
	return EP_OK;
}

/* ---- codes ---- */

/* The time of a step, as a pair has it. */
static uint32_t
time_of(uint32_t step, double start_s)
{
	double seconds = step / STEP_RATE + start_s;
	int quanta = (int)rint(seconds * 1000 / (float)QUANTUM_S);
	return (uint32_t)(quanta * QUANTUM_S / QUANTUM_MS);
}

/* A difference of steps, as a code has it. */
static uint32_t
difference(const uint32_t *onsets, size_t later, size_t earlier)
{
	double steps = onsets[later] - onsets[earlier];
	double quanta = floor(steps / STEP_RATE * 1000 / (float)QUANTUM_S);
	return (uint32_t)(quanta * QUANTUM_S / QUANTUM_MS);
}

/* Writes the six codes of the first onset, which has at least two followers. */
static void
make_six(uint32_t codes[6], const uint32_t *onsets, size_t followers, uint32_t band)
{
	/* The onsets between which the two differences are: later, earlier, later, earlier. */
	static const uint8_t between[6][4] = { { 1, 0, 2, 1 }, { 1, 0, 3, 1 }, { 2, 0, 3, 2 },
		                               { 1, 0, 4, 1 }, { 2, 0, 4, 2 }, { 3, 0, 4, 3 } };
	for (size_t i = 0; i < 6; i++) {
		const uint8_t *at = between[i];
		bool there = at[2] <= followers;
		uint32_t first = there ? difference(onsets, at[0], at[1]) : 0;
		uint32_t second = there ? difference(onsets, at[2], at[3]) : 0;
		codes[i] = ep_onset_hash(first, second, band);
	}
}

static void
append_codes(struct ep_pairs *out, const struct ep_onset_band *band, uint32_t number,
             double start_s)
{
	for (size_t i = 0; i + 2 < band->count; i++) {
		uint32_t codes[6];
		make_six(codes, band->onsets + i, band->count - 1 - i, number);
		uint32_t time = time_of(band->onsets[i], start_s);
		for (size_t k = 0; k < 6; k++)
			out->items[out->count++] = (struct ep_pair){ codes[k], time };
	}
}

enum ep_status
ep_onset_detector_codes(struct ep_pairs *out, const struct ep_onset_detector *detector,
                        double start_s, struct ep_error *err)
{
	size_t onsets = 0;
	for (size_t b = 0; b < EP_ONSET_BANDS; b++)
		onsets += detector->bands[b].count;
	EP_TRY(ep_pairs_reserve(out, onsets * 6, err));
	for (uint32_t b = 0; b < EP_ONSET_BANDS; b++)
		append_codes(out, &detector->bands[b], b, start_s);
	return EP_OK;
}
