/* decode_io.h - how libavformat reads what the decoder was handed; in the decoder process */
#ifndef EP_SOUND_DECODE_IO_H
#define EP_SOUND_DECODE_IO_H

#include "sound/decode_job.h"

struct AVIOContext;
struct ep_decode_io;

/* Reads job->fd, which is borrowed as job is, from where it is. A regular file can be sought in, a
 * pipe cannot. Of a live job, reading ends when job->listener hangs up. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_decode_io_open(struct ep_decode_io **out,
                                             const struct ep_decode_job *job, struct ep_error *err);
void ep_decode_io_close(struct ep_decode_io *io);
EP_DEFINE_OWNED(struct ep_decode_io, ep_decode_io_close)

/* Whether it can be sought in. */
bool ep_decode_io_seekable(const struct ep_decode_io *io);

/* Bytes of the ID3v2 tag at its start, at which reading stays; 0: there is none. */
uint32_t ep_decode_io_id3_size(struct ep_decode_io *io);

/* Borrowed, for AVFormatContext.pb. */
struct AVIOContext *ep_decode_io_context(struct ep_decode_io *io);

#endif
