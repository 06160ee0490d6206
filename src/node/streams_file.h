/* streams_file.h - how the streams are that the monitor listens to: a file that it leaves in the
 * data folder, for `status`, /status and /metrics
 *
 * A JSON object: "time" it was written, whether the monitor is "running", "webhook" (null, or what
 * waits for it and why), and the list "streams". It is replaced every few seconds; nothing depends
 * on it but who looks.
 */
#ifndef EP_NODE_STREAMS_FILE_H
#define EP_NODE_STREAMS_FILE_H

#include "base/status.h"

#include <jansson.h>

#define EP_STREAMS_FILE "streams.json"

/* A file that is older, in seconds, is stale: the monitor was killed, or hangs. */
#define EP_STREAMS_STALE_S 30

/* Replaces the file; json NULL counts as out of memory. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_streams_file_write(const char *folder, const json_t *json,
                                                 struct ep_error *err);

/* Reads it, with "stale" set to whether it is so. json_null() where there is none, or it cannot be
 * read. NULL where there is no memory. */
json_t *ep_streams_file_read(const char *folder);

#endif
