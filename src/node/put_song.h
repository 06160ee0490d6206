/* put_song.h - a song that this program has made the codes of, as a track of source local */
#ifndef EP_NODE_PUT_SONG_H
#define EP_NODE_PUT_SONG_H

#include "code/pairs.h"
#include "format/codegen_json.h"
#include "store/log.h"

/* Puts the song as a whole track, in a transaction of its own; pairs are sorted. Its `code` is not
 * read. EP_NOT_FOUND  there are no pairs. EP_BAD_INPUT  the log does not take it. EP_NO_SPACE,
 * EP_IO, EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_put_song(struct ep_log *log, const struct ep_codegen_song *song,
                                       struct ep_pairs *pairs, struct ep_error *err);

#endif
