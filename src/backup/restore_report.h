/* restore_report.h - what a restore is asked, and what it tells */
#ifndef EP_BACKUP_RESTORE_REPORT_H
#define EP_BACKUP_RESTORE_REPORT_H

#include "backup/backup_manifest.h"

#include <stdatomic.h>
#include <stdbool.h>

struct ep_restore_options {
	const char *folder; /* the data folder to make; not used where it is only checked */
	size_t map_size; /* of the log in memory, at most (ep_log_open_within); 0: as usual */
	const char *path; /* of the backup, or a folder of backups; NULL: standard input */
	bool has_at; /* of a folder of backups: the newest at this position, */
	uint64_t at; /* else the newest */
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

#endif
