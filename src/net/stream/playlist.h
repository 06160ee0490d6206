/* playlist.h - lists that name a stream: M3U and PLS; and what tells them, and HLS, from sound */
#ifndef EP_NET_STREAM_PLAYLIST_H
#define EP_NET_STREAM_PLAYLIST_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the largest playlist of any kind that is read, and bytes that tell what begins there. */
#define EP_PLAYLIST_MAX ((size_t)1 << 20)
#define EP_PLAYLIST_HEAD 16

enum ep_playlist_kind { EP_PLAYLIST_NONE, EP_PLAYLIST_M3U, EP_PLAYLIST_PLS, EP_PLAYLIST_HLS };

/* Whether bytes that begin so (EP_PLAYLIST_HEAD of them, or all) are those of a playlist.
 *
 * type  Content-Type as the server says, or "": an M3U without a first line of its own is told by
 *       it, unless the bytes cannot be text. */
bool ep_playlist_begins(struct ep_text head, const char *type);

/* What kind a whole text is. */
enum ep_playlist_kind ep_playlist_kind_of(struct ep_text text);

/* The entry of that number of an M3U or PLS, from 0; counting begins again behind the last. A URL,
 * or one that is relative to the list; borrowed. False: there are no entries. */
bool ep_playlist_entry(struct ep_text *entry, enum ep_playlist_kind kind, struct ep_text text,
                       size_t number);

/* Takes the first line off text, without its end and the blanks around it. False at the end. */
bool ep_playlist_line(struct ep_text *line, struct ep_text *text);

/* Whether line begins with a word; *rest (may be NULL) is what follows it. */
bool ep_playlist_begins_with(struct ep_text line, const char *word, struct ep_text *rest);

#endif
