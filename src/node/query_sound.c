#include "node/query_sound.h"

#include "base/buffer.h"
#include "ingest/sounds.h"
#include "match/match.h"

/* Codes depend on the onsets that follow: so much more than the minute is decoded. */
#define BEHIND_S 12

/* And so much for songs that begin with silence; where that is not enough, twice as much of all. */
#define BEFORE_S 8

#define UNIT_S 0.023

/* Whether pairs hold the first minute, of sound of which the first duration_s were decoded. */
static bool
hold_minute(const struct ep_pairs *pairs, double duration_s)
{
	uint32_t first = UINT32_MAX;
	for (size_t i = 0; i < pairs->count; i++)
		first = pairs->items[i].time < first ? pairs->items[i].time : first;
	return pairs->count > 0 &&
	       ((double)first + EP_QUERY_TIMES) * UNIT_S + BEHIND_S <= duration_s;
}

enum ep_status
ep_query_file(struct ep_pairs *pairs, struct ep_audio **audio, const struct ep_query_file *file,
              struct ep_error *err)
{
	EP_RECORDING struct ep_recording recording = { 0 };
	struct ep_sound_options options = {
		.duration_s = BEFORE_S + EP_QUERY_TIMES * UNIT_S + BEHIND_S,
		.sure = file->sure,
		.stop = file->stop,
	};
	pairs->count = 0;
	if (!*audio)
		EP_TRY(ep_audio_open(audio, NULL, err));
	for (;; options.duration_s *= 2) {
		EP_TRY(ep_audio_read(&recording, *audio, file->path, &options, err));
		/* One sample less is none: that is how excerpts are rounded. */
		bool whole = (double)recording.samples + EP_SAMPLE_RATE <
		             options.duration_s * EP_SAMPLE_RATE;
		bool given_up = file->most_s > 0 && options.duration_s >= file->most_s;
		if (whole || given_up || hold_minute(&recording.pairs, options.duration_s))
			break;
	}
	ep_pairs_free(pairs);
	*pairs = recording.pairs;
	recording.pairs = (struct ep_pairs){ 0 };
	return EP_OK;
}

enum ep_status
ep_query_sound(struct ep_pairs *pairs, struct ep_audio **audio, const char *path,
               const atomic_bool *stop, struct ep_error *err)
{
	struct ep_query_file file = { .path = path,
		                      .sure = !ep_sounds_is_called_one(path),
		                      .stop = stop };
	return ep_query_file(pairs, audio, &file, err);
}
