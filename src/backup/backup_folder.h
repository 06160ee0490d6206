/* backup_folder.h - a folder of incremental backups: which are there, and what they need
 *
 * Files are immutable. A backup's pack is durable before its map, so that what has a map is whole;
 * a pack above the newest map is of a run that was killed, and goes with the next one.
 */
#ifndef EP_BACKUP_BACKUP_FOLDER_H
#define EP_BACKUP_BACKUP_FOLDER_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

#define EP_KEPT_NAME 64
#define EP_KEPT_DATE 17 /* "20261201T103140Z" with its NUL */

/* A backup that is kept. */
struct ep_kept {
	uint32_t number; /* from 1, ascending in time */
	uint64_t position; /* of the log */
	char date[EP_KEPT_DATE]; /* when it was made */
	char name[EP_KEPT_NAME]; /* of its map */
	uint64_t bytes; /* of its map and its pack */
};

/* Makes the folder and those in it, where they are not there, and locks it; *lock is free when it
 * is closed. EP_BAD_INPUT  another process has it. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_backup_folder_lock(int *lock, const char *folder,
                                                 struct ep_error *err);

/* The backups in a folder, oldest first, in an array for free(). EP_NOT_FOUND  it is no such
 * folder. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_backup_folder_list(struct ep_kept **list, size_t *count,
                                                 const char *folder, struct ep_error *err);

/* "FOLDER/maps/NAME" and "FOLDER/packs/NUMBER.pack" for free(); NULL when there is no memory. */
char *ep_map_path(const char *folder, const char *name);
char *ep_pack_path(const char *folder, uint32_t number);

/* Writes the name of a backup's map. */
void ep_map_name(char name[EP_KEPT_NAME], uint32_t number, uint64_t position, int64_t time);

/* Adds to needed, a bit for each of EP_BACKUP_NUMBER_MAX + 1 packs, those that a map names.
 * EP_CORRUPT, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_packs_needed(uint8_t *needed, const char *folder, const char *name,
                                           struct ep_error *err);

/* Removes all but the newest `keep` backups (0: none of them), and all packs that no map needs.
 * Only the holder of the lock may. As ep_packs_needed. */
EP_MUST_USE enum ep_status ep_backup_folder_sweep(const char *folder, size_t keep,
                                                  struct ep_error *err);

#endif
