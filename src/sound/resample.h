/* resample.h - frames of a codec to the samples of a job; in the decoder process
 *
 * Does what the ffmpeg program's filters do: one resampler to 11,025 Hz mono 16 bit, made anew
 * where the frames change, then the excerpt that the job wants cut out by time.
 */
#ifndef EP_SOUND_RESAMPLE_H
#define EP_SOUND_RESAMPLE_H

#include "sound/decode_job.h"

struct AVFrame;
struct ep_resampler;

/* Borrows job. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_resampler_open(struct ep_resampler **out,
                                             const struct ep_decode_job *job, struct ep_error *err);
void ep_resampler_close(struct ep_resampler *resampler);

/* Takes a frame that is heard at moment, in samples of its own rate from the start of the file, or
 * just behind the last (AV_NOPTS_VALUE). EP_BAD_INPUT, EP_NO_MEMORY, or what job->samples gives. */
EP_MUST_USE enum ep_status ep_resampler_take(struct ep_resampler *resampler,
                                             const struct AVFrame *frame, int64_t moment,
                                             struct ep_error *err);

/* Takes what is left in the resampler; fails as before. */
EP_MUST_USE enum ep_status ep_resampler_finish(struct ep_resampler *resampler,
                                               struct ep_error *err);

/* Whether the excerpt is complete. */
bool ep_resampler_full(const struct ep_resampler *resampler);

/* Samples that were given out. */
int64_t ep_resampler_count(const struct ep_resampler *resampler);

#endif
