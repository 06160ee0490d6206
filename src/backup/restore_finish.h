/* restore_finish.h - the last step of a restore, before the folder gets its name */
#ifndef EP_BACKUP_RESTORE_FINISH_H
#define EP_BACKUP_RESTORE_FINISH_H

#include "backup/backup_manifest.h"
#include "backup/new_folder.h"

#include <stdbool.h>

/* Opens the logs that were restored into a new folder, compares the log with the manifest, and
 * makes it forget the files that are made again. *published is whether the log has published
 * something. EP_CORRUPT  it is not as the manifest says; also where there is no log. EP_IO,
 * EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_restore_finish(bool *published, const struct ep_new_folder *folder,
                                             const struct ep_backup_manifest *manifest,
                                             size_t map_size, struct ep_error *err);

#endif
