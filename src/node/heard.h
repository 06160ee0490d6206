/* heard.h - unknown sound that streams played, and what of it was played before
 *
 * The folder heard/ of the data folder is a data folder of its own: a log and its index. A piece of
 * sound is a track there. Each stream has EP_HEARD_PIECES tracks, which it fills one after the
 * other; then a new piece takes the place of the oldest.
 *
 *     track id  "heard_", 16 hex digits of the hash of the stream's name, "_", the number of the
 *               place
 *     artist    the stream's name
 *     release   when the stretch of sound that the piece is of began, in ms since 1970
 *     track     when the piece began, in the same way
 */
#ifndef EP_NODE_HEARD_H
#define EP_NODE_HEARD_H

#include "code/pairs.h"
#include "match/common.h"

/* Pieces that are kept of each stream: a day and a half of unknown sound, of which each piece
 * brings 90 s. */
#ifndef EP_HEARD_PIECES /* tests keep fewer */
#define EP_HEARD_PIECES 1440
#endif

/* What is played again is at least so long, in seconds. */
#define EP_HEARD_PART_MIN_S 8

/* The two times at which it was played are so far apart, in seconds: if between them the sound of
 * one stream had no break and no known song, and otherwise. Nearer to each other are a loop in a
 * song, and a station on two streams. */
#define EP_HEARD_APART_S 120
#define EP_HEARD_APART_MIN_S 60

/* How long a unit of time is, in samples. */
#define EP_HEARD_TIME_SAMPLES 256

struct ep_heard;

/* A piece of sound. */
struct ep_heard_piece {
	struct ep_text stream; /* its name */
	int64_t stretch_ms; /* when its stretch began, since 1970 */
	int64_t begin_ms; /* when it began */
	struct ep_pairs *pairs; /* of its codes; they are sorted */
};

/* A part of a piece that another piece has, too. */
struct ep_heard_part {
	uint32_t first; /* times in the piece */
	uint32_t last;
	int64_t before_ms; /* when it began the time before */
	bool one_stretch; /* both times are of one stretch: it may be a loop */
};

/* Opens DATA/heard, which is made where it is not there, with a map of map_size. As
 * ep_log_open_within and ep_index_follow. */
EP_MUST_USE enum ep_status ep_heard_open(struct ep_heard **out, const char *data_folder,
                                         size_t map_size, struct ep_error *err);
void ep_heard_close(struct ep_heard *heard);
EP_DEFINE_OWNED(struct ep_heard, ep_heard_close)

/* Tells each part of a piece that was heard before, in order. EP_CORRUPT, EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY, and what on_part fails with. */
EP_MUST_USE enum ep_status
ep_heard_before(struct ep_heard *heard, const struct ep_heard_piece *piece,
                enum ep_status (*on_part)(void *context, const struct ep_heard_part *part,
                                          struct ep_error *err),
                void *context, struct ep_error *err);

/* Keeps a piece. As ep_put_song, but that a piece without codes is not kept. */
EP_MUST_USE enum ep_status ep_heard_keep(struct ep_heard *heard, const struct ep_heard_piece *piece,
                                         struct ep_error *err);

#endif
