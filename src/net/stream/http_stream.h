/* http_stream.h - a stream behind a URL: sound as it is, HLS, or a playlist that names another */
#ifndef EP_NET_STREAM_HTTP_STREAM_H
#define EP_NET_STREAM_HTTP_STREAM_H

#include "net/stream/station.h"

/* Plays station->url until it fails or ends. EP_OK: it was finished, and so is done; else why it
 * ended, for the user. EP_INTERRUPTED  the station is to stop. */
EP_MUST_USE enum ep_status ep_http_stream_play(struct ep_station *station, struct ep_error *err);

#endif
