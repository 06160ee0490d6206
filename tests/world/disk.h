/* disk.h - the changes of files that were not synced yet: what disk.c and calls.c share */
#ifndef EP_WORLD_DISK_H
#define EP_WORLD_DISK_H

#include "machine.h"

#include <fcntl.h>
#include <sys/types.h>

#define DISK_PATH 200

enum change_kind { BYTES, SIZE, MAKE, RENAME, REMOVE };

/* One change that was not synced. */
struct change {
	uint8_t kind;
	uint8_t machine;
	bool durable;
	uint16_t file; /* of BYTES and SIZE */
	uint64_t at; /* offset; SIZE: the new size */
	uint64_t size; /* bytes; SIZE: those that were cut */
	uint64_t old_size; /* of the file */
	size_t before; /* where its bytes as they were are kept; SIZE: those that were cut */
	size_t after; /* BYTES: as they were written */
	char from[DISK_PATH]; /* of a name: RENAME */
	char to[DISK_PATH];
	char limbo[DISK_PATH]; /* where lies what was replaced or removed; empty: nothing */
};

void disk_init(const char *root);
void disk_reset(bool keeps);

/* Whether any machine may lose power in this history, so that changes are kept. */
bool disk_keeps(void);

/* Whether a path is a file of a machine; those of LMDB's locks are not. */
bool disk_has(const char *path);

/* What comes before each change: gives -1 and errno where the disk is full; ends the process where
 * power is lost before it. */
int disk_before(bool needs_room);

/* Whether the machine that acts has a full disk, or is to lose power. */
bool disk_in_trouble(void);

/* A new change of the machine that acts, with room for so many bytes, which begin at ->before; NULL
 * where none are kept. */
struct change *disk_change(enum change_kind kind, size_t bytes);
uint8_t *disk_bytes(size_t at);

/* The number of an open file that lies at path. */
uint16_t disk_file(const char *path, uint64_t inode);

/* A file has got another name. */
void disk_moved(const char *from, const char *to);

/* Puts what has a name, if anything does, out of the way; limbo: where it lies then. */
void disk_put_away(char limbo[DISK_PATH], const char *path);

/* What was done becomes durable. */
void disk_settle(struct change *change);
void disk_settle_file(uint16_t file);
void disk_settle_inode(uint64_t inode);
void disk_settle_folder(const char *folder);

/* ---- the system's calls, past those that are replaced ---- */

int system_open(const char *path, int flags, mode_t mode);
int system_rename(const char *from, const char *to);

#endif
