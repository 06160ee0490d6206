/* part_file.h - a large file that is complete or absent: written as PATH.part, synced, renamed */
#ifndef EP_BACKUP_PART_FILE_H
#define EP_BACKUP_PART_FILE_H

#include "base/status.h"

#include <stddef.h>

struct ep_part_file;

/* Makes PATH.part with mode 0600, or takes that of a killed process. What has the name PATH already
 * must be a file that begins with magic[0..size), at most 16 bytes, or is empty; it stays until the
 * new one is published. what names it for texts: "a backup".
 * EP_BAD_INPUT  PATH is something else, or another process writes PATH.part. EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_part_file_open(struct ep_part_file **out, const char *path,
                                             const char *magic, size_t size, const char *what,
                                             struct ep_error *err);

/* Where its bytes are to be written; the file's own. */
int ep_part_file_fd(const struct ep_part_file *part);

/* Gives it its name; durable on EP_OK. EP_IO, EP_NO_SPACE. */
EP_MUST_USE enum ep_status ep_part_file_publish(struct ep_part_file *part, struct ep_error *err);

/* Closes it, and removes PATH.part where it was not published. Accepts NULL. */
void ep_part_file_close(struct ep_part_file *part);
EP_DEFINE_OWNED(struct ep_part_file, ep_part_file_close)

#endif
