/* part_small.h - a small file of a data folder as a part of a backup */
#ifndef EP_BACKUP_PART_SMALL_H
#define EP_BACKUP_PART_SMALL_H

#include "backup/container.h"

/* Adds a file of the data folder as the part of its name, where it is there, and its size to
 * *bytes. EP_BAD_INPUT  it is too large. As ep_container_add. */
EP_MUST_USE enum ep_status ep_part_add_small(uint64_t *bytes, struct ep_container_writer *writer,
                                             const char *folder, const char *name,
                                             struct ep_error *err);

#endif
