/* direct.h - a large new file, written past the page cache
 *
 * Who writes gigabytes that another program reads later, and often another machine, gains nothing
 * from pages of them in memory: they take processor time, and push out pages of the log and the
 * index. So whole blocks go to the disk as they are (O_DIRECT). The end of the file, and all of it
 * on file systems that do not have that, is written as usual, and the disk begins with it at once.
 */
#ifndef EP_BASE_DIRECT_H
#define EP_BASE_DIRECT_H

#include "base/status.h"

#include <stddef.h>

struct ep_direct;

/* Creates the file at path, or empties it; its mode is 0666 without the umask. name stands in
 * errors, and is borrowed until the file is closed. EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_direct_create(struct ep_direct **out, const char *path,
                                            const char *name, struct ep_error *err);

/* Appends bytes, of which up to 4 MB may be written later. EP_IO, EP_NO_SPACE. */
EP_MUST_USE enum ep_status ep_direct_write(struct ep_direct *file, const void *bytes, size_t size,
                                           struct ep_error *err);

/* Writes what is left and syncs; the file is durable but for its name. EP_IO, EP_NO_SPACE. */
EP_MUST_USE enum ep_status ep_direct_finish(struct ep_direct *file, struct ep_error *err);

/* Closes the file and frees it; what has not been finished may be missing. */
void ep_direct_close(struct ep_direct *file);
EP_DEFINE_OWNED(struct ep_direct, ep_direct_close)

#endif
