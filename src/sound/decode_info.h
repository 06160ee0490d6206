/* decode_info.h - what libavformat knows of a file or stream; in the decoder process */
#ifndef EP_SOUND_DECODE_INFO_H
#define EP_SOUND_DECODE_INFO_H

#include "sound/decode_job.h"

struct AVFormatContext;
struct AVStream;

/* Texts are borrowed from format and stream. */
void ep_decode_info_fill(struct ep_decode_info *info, const struct AVFormatContext *format,
                         const struct AVStream *stream);

/* Whether tags came since the last call. */
bool ep_decode_tags_changed(struct AVFormatContext *format, struct AVStream *stream);

#endif
