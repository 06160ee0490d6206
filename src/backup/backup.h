/* backup.h - a consistent copy of a data folder in one file, while everything runs
 *
 *     log, log of plays -> LMDB's copies of one moment -> container -> FILE.part -> FILE
 *     key, ingest.token ------------------------------------^
 *
 * What is made again from the log, or from other nodes, is not in it: docs/formats/backup.md.
 */
#ifndef EP_BACKUP_BACKUP_H
#define EP_BACKUP_BACKUP_H

#include "backup/backup_manifest.h"

#include <stdatomic.h>

struct ep_backup_options {
	const char *folder; /* the data folder */
	size_t map_size; /* of the log in memory, at most (ep_log_open_within); 0: as usual */
	const char *path; /* where to; NULL: standard output */
	bool without_key; /* leave the secret key out */
	const atomic_bool *stop; /* may be NULL */
	/* Told after every MiB how many bytes were copied, of at most so many; may be NULL. */
	void (*on_progress)(void *context, uint64_t done, uint64_t most);
	void *context;
};

struct ep_backup_report {
	struct ep_backup_manifest manifest;
	uint64_t copied; /* bytes of all parts */
	uint64_t written; /* bytes of the backup */
};

/* Makes a backup. On EP_OK it is durable; else nothing is left, and an older backup under the same
 * name stays. EP_NOT_FOUND  there is no data folder. EP_BAD_INPUT  the path names something that is
 * no backup, or another process writes it. EP_INTERRUPTED, EP_CORRUPT, EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_backup(struct ep_backup_report *report,
                                     const struct ep_backup_options *options, struct ep_error *err);

#endif
