/* restore.h - a data folder from a backup */
#ifndef EP_BACKUP_RESTORE_H
#define EP_BACKUP_RESTORE_H

#include "backup/restore_report.h"

/* Restores a backup. On EP_OK the data folder is durable; else there is none, as before. A hash
 * over the file, and the log's position and digest, are compared before it gets its name. Without
 * the secret key a new one is made.
 *
 * EP_BAD_INPUT  the file is no backup, or the data folder is not empty. EP_CORRUPT  it is damaged,
 * or cut short. EP_NEWER, EP_NOT_FOUND, EP_INTERRUPTED, EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_restore(struct ep_restore_report *report,
                                      const struct ep_restore_options *options,
                                      struct ep_error *err);

#endif
