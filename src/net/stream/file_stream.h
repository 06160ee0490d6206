/* file_stream.h - a stream in a file, a pipe or a device */
#ifndef EP_NET_STREAM_FILE_STREAM_H
#define EP_NET_STREAM_FILE_STREAM_H

#include "net/stream/station.h"

/* Plays what station->url names until it ends or fails. EP_OK: a file, or a pipe without a name, is
 * at its end; else why it ended, for the user. EP_INTERRUPTED  the station is to stop. */
EP_MUST_USE enum ep_status ep_file_stream_play(struct ep_station *station, struct ep_error *err);

#endif
