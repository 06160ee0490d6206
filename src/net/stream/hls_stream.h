/* hls_stream.h - HLS: the segments of a playlist one after the other, as they appear */
#ifndef EP_NET_STREAM_HLS_STREAM_H
#define EP_NET_STREAM_HLS_STREAM_H

#include "net/stream/transfer.h"

/* Plays until it fails or ends. EP_OK: the playlist is finished and was so from the start; else why
 * it ended, for the user.
 *
 * url   of the playlist. text  what it holds, until this returns. EP_INTERRUPTED. */
EP_MUST_USE enum ep_status ep_hls_stream_play(struct ep_transfer *transfer, const char *url,
                                              struct ep_text text, struct ep_error *err);

#endif
