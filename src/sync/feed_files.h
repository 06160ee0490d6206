/* feed_files.h - the files of a feed's folder: whether they are complete, and which of them are
 * removed
 *
 * A disk, a stick or somebody may change what was published. Sizes are checked every time, which
 * needs no reading; hashes are checked in turn, some bytes at a time, those of packets that a slave
 * found damaged first. FOLDER/.checked stores how far this has come; what slaves found is in
 * FOLDER/damaged, as an empty file with the packet's name.
 */
#ifndef EP_SYNC_FEED_FILES_H
#define EP_SYNC_FEED_FILES_H

#include "format/feed.h"

#include <stdatomic.h>

/* Bytes that are hashed at a time by default: a few tenths of a second. */
#define EP_FEED_CHECK_BYTES ((uint64_t)64 << 20)

/* Reads fd from its front; *good says whether it has the packet's size and hash. path is for the
 * error text. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_check_file(bool *good, int fd,
                                              const struct ep_feed_packet *packet, const char *path,
                                              struct ep_error *err);

/* Finds the packets of a feed whose files are not there, or have another size; and of some, as far
 * as `bytes` go (one at least, where that is not 0), other contents, or another range than the feed
 * says.
 *
 * damaged  for each of feed->packets, set or cleared. *count  of those.
 * *ended   whether the turn came to the last packet: the next one begins at the first.
 * EP_INTERRUPTED, EP_NO_MEMORY; EP_IO where too many files are open. */
EP_MUST_USE enum ep_status ep_feed_check(bool *damaged, size_t *count, bool *ended,
                                         const char *folder, const struct ep_feed *feed,
                                         uint64_t bytes, const atomic_bool *stop,
                                         struct ep_error *err);

/* Has the turn begin at the first packet. */
void ep_feed_check_anew(const char *folder);

/* Notes that a packet of that name came damaged, where there is such a file. Fails silently. */
void ep_feed_doubt(const char *folder, const char *name);

/* Opens a new file folder/name.part in which a file is made before it gets its name; *path is for
 * free(). Anything that has the name is removed; if it cannot be, as a folder, another name is
 * used. One writer at a time. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_feed_part(int *fd, char **path, const char *folder, const char *name,
                                        struct ep_error *err);

/* Renames a folder that is where a file is to be, or with `folder` a file in the place of a folder,
 * to path.away, path.away-2 and so on; *moved says whether there was one. EP_IO. */
EP_MUST_USE enum ep_status ep_feed_make_way(bool *moved, const char *path, bool folder,
                                            struct ep_error *err);

/* Gives the files that `old` names and `feed` does not the time of now, from which on they stay for
 * a while: whoever has read the old feed.json still finds them. */
void ep_feed_retire(const char *packets, const struct ep_feed *old, const struct ep_feed *feed);

/* Removes files of a feed's folder of packets that feed does not name, when they are old. */
void ep_feed_sweep(const char *packets, const struct ep_feed *feed);

/* Removes the file of a packet that is damaged, unless feed names it. Fails silently. */
void ep_feed_drop(const char *packets, const struct ep_feed_packet *packet,
                  const struct ep_feed *feed);

#endif
