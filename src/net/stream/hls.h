/* hls.h - playlists of HTTP Live Streaming, as RFC 8216 has them
 *
 * A master playlist names variants of one stream; a media playlist its segments, each a file of a
 * few seconds, and of a live stream only the newest. All texts are borrowed from the playlist, and
 * are URLs or relative to its own.
 */
#ifndef EP_NET_STREAM_HLS_H
#define EP_NET_STREAM_HLS_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a file; size 0: all of it. */
struct ep_hls_part {
	struct ep_text url;
	uint64_t from;
	uint64_t size;
};

struct ep_hls_segment {
	struct ep_hls_part part;
	struct ep_hls_part map; /* what must come before it, of fMP4; no url: nothing */
	double duration_s;
	bool discontinuity; /* what follows is encoded in another way */
};

/* Zeroed at first; freed with ep_hls_free. */
struct ep_hls {
	struct ep_text variant; /* of a master playlist: the one to take; else empty */
	double target_s; /* no segment is longer; 1 or more */
	uint64_t sequence; /* number of the first segment */
	bool ended; /* nothing will be added */
	struct ep_hls_segment *segments;
	size_t count;
};

/* Reads a playlist into hls, in place of what it held. Of a master playlist the variant of the
 * lowest bandwidth that has sound is taken: where that has its sound apart, just this.
 *
 * EP_BAD_INPUT  it has neither segments nor variants, none with sound, or is encrypted; the text
 *               says which. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_hls_read(struct ep_hls *hls, struct ep_text text,
                                       struct ep_error *err);
void ep_hls_free(struct ep_hls *hls);
#define EP_HLS __attribute__((cleanup(ep_hls_free)))

/* The number of the segment with which to begin: of a live stream, the first of the last three
 * target durations, as section 6.3.3 has it; else the first. */
uint64_t ep_hls_begin(const struct ep_hls *hls);

#endif
