/* restore_pages.h - a data folder from a folder of incremental backups */
#ifndef EP_BACKUP_RESTORE_PAGES_H
#define EP_BACKUP_RESTORE_PAGES_H

#include "backup/restore_report.h"

/* As ep_restore, where options->path is a folder of backups. The hash of every page is compared.
 * EP_NOT_FOUND  it has no backup, or none at the position. */
EP_MUST_USE enum ep_status ep_restore_pages(struct ep_restore_report *report,
                                            const struct ep_restore_options *options,
                                            struct ep_error *err);

#endif
