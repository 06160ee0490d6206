/* decode.h - one file through libavformat, libavcodec and libswresample; in the decoder process
 *
 * Everything is as the ffmpeg program of Debian 12 does it for `-ac 1 -ar 11025 -f s16le`, so that
 * the samples are the same: the choice of the stream, one resampler for downmix, rate and format
 * with all settings at their defaults, what it does with damaged packets and with changes in
 * mid-stream.
 */
#ifndef EP_SOUND_DECODE_H
#define EP_SOUND_DECODE_H

#include "sound/decode_job.h"

struct ep_decode;

/* Decodes the whole file. *out is to be closed in any case.
 *
 * EP_NOT_FOUND  it has no audio. EP_BAD_INPUT, EP_NO_MEMORY, or what job->samples gives. */
EP_MUST_USE enum ep_status ep_decode(struct ep_decode **out, struct ep_decode_info *info,
                                     const struct ep_decode_job *job, struct ep_error *err);
void ep_decode_close(struct ep_decode *decode);
EP_DEFINE_OWNED(struct ep_decode, ep_decode_close)

#endif
