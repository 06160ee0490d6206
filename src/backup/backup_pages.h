/* backup_pages.h - an incremental backup into a folder: only pages that have changed are stored
 *
 *     log, plays -> pages of one moment -> changed since the newest map? -> pack
 *                                                     |
 *                                                     `-> map: where each page is
 */
#ifndef EP_BACKUP_BACKUP_PAGES_H
#define EP_BACKUP_BACKUP_PAGES_H

#include "backup/backup.h"

#include <stddef.h>

struct ep_backup_pages_report {
	struct ep_backup_manifest manifest;
	uint32_t number; /* of the backup */
	uint64_t pages; /* in the logs, without free ones */
	uint64_t added; /* of these were stored now */
	uint64_t written; /* bytes of the files */
};

/* Makes a backup in a folder, which is made where it is not there; options->path is the folder.
 * keep  then only the newest so many stay; 0: all. On EP_OK it is durable; a run that fails leaves
 * the older backups as they are. EP_BAD_INPUT  the folder has backups of another log, or another
 * process makes one. As ep_backup. */
EP_MUST_USE enum ep_status ep_backup_pages(struct ep_backup_pages_report *report,
                                           const struct ep_backup_options *options, size_t keep,
                                           struct ep_error *err);

#endif
