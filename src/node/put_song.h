/* put_song.h - songs that come with their codes, as whole tracks of source local */
#ifndef EP_NODE_PUT_SONG_H
#define EP_NODE_PUT_SONG_H

#include "code/pairs.h"
#include "format/codegen_json.h"
#include "ingest/sounds.h"
#include "match/find_copy.h"
#include "store/log.h"

/* A song to be put. */
struct ep_song_to_put {
	struct ep_codegen_song song; /* its `code` is not read */
	struct ep_pairs pairs; /* they are sorted */
	char id[EP_TRACK_ID_MAX + 1]; /* filled: of its track; "" where it has no pairs */
};

struct ep_put_songs_options {
	int64_t import_date;
	enum ep_dedup how; /* copies of them are looked for; EP_DEDUP_BY_ROLE: nobody said */
};

/* Puts songs in one transaction, or none of them. Adds to counts.
 *
 * EP_BAD_INPUT  the log does not take one; the text says which, from 1, where there are several.
 * EP_NO_SPACE, EP_IO, EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_put_songs(struct ep_put_counts *counts, struct ep_log *log,
                                        struct ep_song_to_put *songs, size_t count,
                                        const struct ep_put_songs_options *options,
                                        struct ep_error *err);

/* Puts one song, now; pairs are sorted. EP_NOT_FOUND  there are no pairs. As ep_put_songs. */
EP_MUST_USE enum ep_status ep_put_song(struct ep_log *log, const struct ep_codegen_song *song,
                                       struct ep_pairs *pairs, struct ep_error *err);

#endif
