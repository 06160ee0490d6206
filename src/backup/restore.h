/* restore.h - a data folder from a backup */
#ifndef EP_BACKUP_RESTORE_H
#define EP_BACKUP_RESTORE_H

#include "backup/backup_manifest.h"

#include <stdatomic.h>
#include <stdbool.h>

struct ep_restore_options {
	const char *folder; /* the data folder to make; not used where it is only checked */
	const char *path; /* of the backup; NULL: standard input */
	bool check; /* read and compare everything, write nothing */
	const atomic_bool *stop; /* may be NULL */
	/* Told after every MiB how many bytes were read, of so many (0: not known); may be NULL. */
	void (*on_progress)(void *context, uint64_t done, uint64_t all);
	void *context;
};

struct ep_restore_report {
	struct ep_backup_manifest manifest;
	uint64_t bytes; /* of all parts */
	bool published; /* the log had published something, so that others may have seen more */
};

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
