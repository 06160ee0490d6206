#include "song.h"

#include "chance.h"
#include "code/onset_hash.h"
#include "gaps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Onsets are on frames of 32 samples at 11,025 Hz, at least so many apart in a band. */
#define FRAME_GAP_MIN 128
#define FRAMES_PER_S (11025.0 / 32)

/* A unit of time, 23 ms, is 10143/1280 frames. */
#define UNIT_FRAMES 10143u
#define UNIT_SHARE 1280u

#define ONSETS_MAX (((size_t)LENGTH_MAX * UNIT_FRAMES / UNIT_SHARE) / FRAME_GAP_MIN + 16)

/* The last gap that is drawn, and looked at, goes behind the end of a song. */
#define TIMES_MAX (LENGTH_MAX + GAP_MAX + 64)

struct song_maker {
	uint32_t frames[ONSETS_MAX]; /* of the onsets of one band */
	uint32_t times[ONSETS_MAX];
	uint8_t beats[1 + TIMES_MAX + 1]; /* at 1 + time: bands that have an onset there */
	uint64_t loud[TIMES_MAX / 64 + 2]; /* bit `time`: its state is not 0 */
};

enum ep_status
song_maker_new(struct song_maker **out, struct ep_error *err)
{
	struct song_maker *maker = calloc(1, sizeof *maker);
	if (!maker)
		return ep_fail(err, EP_NO_MEMORY, "out of memory to make songs");
	*out = maker;
	return EP_OK;
}

void
song_maker_free(struct song_maker *maker)
{
	free(maker);
}

/* The value at a place, below 2^32, of a table of steps + 1 quantiles. */
static uint32_t
at_place(const uint16_t *quantiles, uint32_t steps, uint64_t place)
{
	uint64_t step = place * steps >> 32;
	uint64_t inside = place * steps & UINT32_MAX;
	uint64_t span = (uint64_t)quantiles[step + 1] - quantiles[step] + 1;
	return quantiles[step] + (uint32_t)(inside * span >> 32);
}

static uint32_t
draw(struct chance *chance, const uint16_t *quantiles, uint32_t steps)
{
	return at_place(quantiles, steps, chance_next(chance) >> 32);
}

static bool
happens(struct chance *chance, uint64_t of_65536)
{
	return chance_next(chance) >> 48 < of_65536;
}

/* The class of a gap or age: the first whose end is above it. */
static size_t
class_of(const uint16_t *ends, size_t count, uint32_t value)
{
	size_t class = 0;
	while (class < count - 1 && value >= ends[class])
		class ++;
	return class;
}

static bool
is_loud(const struct song_maker *maker, uint32_t time)
{
	return maker->loud[time / 64] >> (time % 64) & 1;
}

/* The first time from `from` on, and before end, whose state is not 0; end where there is none. */
static uint32_t
next_loud(const struct song_maker *maker, uint32_t from, uint32_t end)
{
	for (size_t word = from / 64; word <= end / 64; word++) {
		uint64_t bits = maker->loud[word];
		if (word == from / 64)
			bits &= UINT64_MAX << (from % 64);
		if (bits) {
			uint32_t time = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(bits);
			return time < end ? time : end;
		}
	}
	return end;
}

/* What the bands so far do at a time. */
static size_t
state_of(const struct song_maker *maker, uint32_t time)
{
	const uint8_t *at = maker->beats + 1 + time;
	if (at[0])
		return 2U + at[0];
	size_t near = (size_t)at[-1] + at[1];
	return near < 2 ? near : 2;
}

/* In real songs bands repeat a gap together, and so oftener than the chances measured one by one
 * make them. This makes up for it in the bands above the first; and so that there are not more
 * onsets in all, some of those that come alone are passed over: as many of 65536. */
#define REPEAT_BOOST 2
#define PASSED_OVER 9000

/* What a band is like, and where it stands. */
struct band {
	uint32_t number;
	uint32_t last; /* time of its last onset */
	uint32_t gap; /* before that; 0: there is none */
	uint32_t repeat; /* how often gaps repeat in this song, in hundredths of what is usual */
};

/* Draws the next onset as if the other bands had no influence: of the times in state 0. */
static uint32_t
draw_quiet(const struct song_maker *maker, struct chance *chance, const struct band *band)
{
	const uint16_t *quantiles =
		quiet_quantiles[band->number][class_of(gap_class_end, GAP_CLASS_COUNT, band->gap)];
	uint64_t place = chance_next(chance) >> 32;
	uint32_t time = band->last + at_place(quantiles, GAP_STEPS, place);
	/* A time in another state is passed over as well, as if nothing had come there. */
	while ((is_loud(maker, time) || (band->number && happens(chance, PASSED_OVER))) &&
	       time < band->last + GAP_MAX) {
		place += (UINT32_MAX - place) * (chance_next(chance) >> 32) >> 32;
		uint32_t later = band->last + at_place(quantiles, GAP_STEPS, place);
		time = later > time ? later : time + 1;
	}
	for (uint32_t gap = band->gap - 1; band->gap && gap <= band->gap + 1; gap++) {
		uint32_t again = band->last + gap;
		if (gap >= GAP_MIN && again < time && !is_loud(maker, again) &&
		    happens(chance, (uint64_t)quiet_repeat[band->number] * band->repeat / 100))
			return again;
	}
	return time;
}

/* Draws the time of the band's next onset. */
static uint32_t
draw_time(const struct song_maker *maker, struct chance *chance, const struct band *band)
{
	uint32_t quiet = draw_quiet(maker, chance, band);
	uint32_t time = band->last + GAP_MIN;
	while ((time = next_loud(maker, time, quiet)) < quiet) {
		uint32_t age = time - band->last;
		uint64_t hazard = beat_hazard[band->number][state_of(maker, time)]
					     [class_of(age_class_end, AGE_CLASS_COUNT, age)];
		uint64_t excess = (uint64_t)(beat_repeat[band->number] - 100);
		bool repeats = band->gap && age + 1 >= band->gap && age <= band->gap + 1;
		if (repeats)
			hazard = hazard * (100 + excess * band->repeat / 100) / 100;
		if (happens(chance, hazard))
			return time;
		time++;
	}
	return quiet;
}

/* A frame whose time is `time`, or the first from `least` on. */
static uint32_t
draw_frame(struct chance *chance, uint32_t time, uint32_t least)
{
	uint32_t first = (time * UNIT_FRAMES + UNIT_SHARE - 1) / UNIT_SHARE;
	uint32_t end = ((time + 1) * UNIT_FRAMES + UNIT_SHARE - 1) / UNIT_SHARE;
	if (first < least)
		first = least;
	return first < end ? first + chance_below(chance, end - first) : first;
}

/* The time that goes with a frame, rounded as the code generator rounds. */
static uint32_t
frame_time(uint32_t frame)
{
	const double quantum = 256 / 11025.0;
	int steps = (int)rint(frame / FRAMES_PER_S * 1000 / (float)quantum);
	return (uint32_t)(steps * quantum / 23);
}

/* The difference that is hashed for two onsets so many frames apart. */
static uint32_t
frame_difference(uint32_t frames)
{
	return frames * UNIT_SHARE / UNIT_FRAMES;
}

/* Draws the onsets of a band up to time end; returns how many. */
static size_t
draw_band(struct song_maker *maker, struct chance *chance, uint32_t number, uint32_t end,
          uint32_t repeat)
{
	struct band band = { .number = number, .repeat = number ? repeat * REPEAT_BOOST : repeat };
	uint32_t time = draw(chance, start_quantiles, START_STEPS);
	uint32_t least = 0;
	size_t count = 0;
	while (time < end && count < ONSETS_MAX) {
		uint32_t frame = draw_frame(chance, time, least);
		time = frame * UNIT_SHARE / UNIT_FRAMES;
		maker->frames[count] = frame;
		maker->times[count++] = time;
		band.gap = count > 1 ? time - band.last : 0;
		band.last = time;
		least = frame + FRAME_GAP_MIN;
		time = draw_time(maker, chance, &band);
	}
	for (size_t i = 0; i < count; i++) {
		time = maker->times[i];
		maker->beats[1 + time]++;
		for (uint32_t near = time ? time - 1 : 0; near <= time + 1; near++)
			maker->loud[near / 64] |= (uint64_t)1 << (near % 64);
	}
	return count;
}

/* Appends the codes of a band; there is room. */
static void
emit_band(struct ep_pairs *pairs, const struct song_maker *maker, size_t count, uint32_t band)
{
	struct ep_pair *out = pairs->items + pairs->count;
	for (size_t i = 0; i + 2 < count; i++, out += 6) {
		const uint32_t *frame = maker->frames + i;
		uint32_t d[5][5] = { { 0 } };
		size_t followers = count - 1 - i < 4 ? count - 1 - i : 4;
		for (size_t to = 1; to <= followers; to++)
			for (size_t from = to > 3 ? 1 : 0; from < to; from++)
				d[from][to] = frame_difference(frame[to] - frame[from]);
		/* Where a follower is missing, both differences are 0. */
		bool third = followers > 2;
		bool fourth = followers > 3;
		uint32_t codes[6] = {
			ep_onset_hash(d[0][1], d[1][2], band),
			ep_onset_hash(third ? d[0][1] : 0, d[1][3], band),
			ep_onset_hash(third ? d[0][2] : 0, d[2][3], band),
			ep_onset_hash(fourth ? d[0][1] : 0, d[1][4], band),
			ep_onset_hash(fourth ? d[0][2] : 0, d[2][4], band),
			ep_onset_hash(fourth ? d[0][3] : 0, d[3][4], band),
		};
		uint32_t time = frame_time(frame[0]);
		for (size_t j = 0; j < 6; j++)
			out[j] = (struct ep_pair){ .code = codes[j], .time = time };
		pairs->count += 6;
	}
}

enum ep_status
song_make(struct ep_pairs *pairs, uint32_t *length_s, struct song_maker *maker, uint64_t seed,
          uint64_t number, struct ep_error *err)
{
	struct chance chance = chance_of(seed, 1, number);
	uint32_t end = draw(&chance, length_quantiles, LENGTH_STEPS);
	uint32_t repeat = draw(&chance, repeat_quantiles, REPEAT_STEPS);
	pairs->count = 0;
	memset(maker->beats, 0, sizeof maker->beats);
	memset(maker->loud, 0, sizeof maker->loud);
	for (uint32_t band = 0; band < EP_ONSET_BANDS; band++) {
		size_t count = draw_band(maker, &chance, band, end, repeat);
		EP_TRY(ep_pairs_reserve(pairs, count * 6, err));
		emit_band(pairs, maker, count, band);
	}
	/* Some songs of the real ones say 0. */
	*length_s = chance_permille(&chance, 30) ? 0 : end * 23 / 1000 + 1;
	return EP_OK;
}
