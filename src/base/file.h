/* file.h - files written so that they are complete or absent under their names */
#ifndef EP_BASE_FILE_H
#define EP_BASE_FILE_H

#include "base/buffer.h"
#include "base/hash.h"
#include "base/status.h"

#include <stdint.h>

/* Writes all bytes. EP_IO, EP_NO_SPACE; name is for the error text. */
EP_MUST_USE enum ep_status ep_write_all(int fd, const void *bytes, size_t size, const char *name,
                                        struct ep_error *err);

/* Reads up to size bytes; *got is 0 at the end of the file. EP_IO. */
EP_MUST_USE enum ep_status ep_read_some(size_t *got, int fd, void *bytes, size_t size,
                                        const char *name, struct ep_error *err);

/* Makes the names in a folder durable: what was made, renamed or removed in it. EP_IO. */
EP_MUST_USE enum ep_status ep_sync_folder(const char *folder, struct ep_error *err);

/* Makes the name of a file durable: syncs the folder that it is in. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_sync_folder_of(const char *path, struct ep_error *err);

/* Makes the name of a folder durable in its parent; nothing, where that may not be read. EP_IO. */
EP_MUST_USE enum ep_status ep_sync_name(const char *folder, struct ep_error *err);

/* Makes a folder for its owner alone (mode 0700), and those above it (0777 less the umask), where
 * they are absent, durably. */
EP_MUST_USE enum ep_status ep_make_folder(const char *folder, struct ep_error *err);

/* The same of a folder that others may read, too: 0777 less the umask. */
EP_MUST_USE enum ep_status ep_make_shared_folder(const char *folder, struct ep_error *err);

/* Reads what is left of an open file, at most max bytes, into out, in place of what it held.
 * EP_BAD_INPUT  there is more. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_read_all(struct ep_buffer *out, int fd, const char *name, size_t max,
                                       struct ep_error *err);

/* Reads a whole file of at most max bytes into out, in place of what it held.
 * EP_NOT_FOUND  there is none. EP_BAD_INPUT  it is larger. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_read_file(struct ep_buffer *out, const char *path, size_t max,
                                        struct ep_error *err);

/* Writes a file so that, whatever happens, it is there with its old bytes or with the new ones, and
 * on EP_OK durably with the new ones: written as a new file path.part, synced, renamed. What has
 * the name path.part already goes. One writer at a time. mode is as for open(2). EP_IO,
 * EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_replace_file(const char *path, const void *bytes, size_t size,
                                           unsigned mode, struct ep_error *err);

/* Makes a file, complete or not at all, unless there is one, which stays. Durable on EP_OK. mode is
 * as for open(2). EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_make_file(const char *path, const void *bytes, size_t size,
                                        unsigned mode, struct ep_error *err);

/* Locks folder/name, which is made (mode 0600) where it is not there, and waits for whoever has it;
 * it is free when *fd is closed. EP_IO. */
EP_MUST_USE enum ep_status ep_lock_file(int *fd, const char *folder, const char *name,
                                        struct ep_error *err);

/* "folder/name" for free(); NULL when there is no memory. */
char *ep_path_join(const char *folder, const char *name);

/* Closes *fd where it is not negative: `EP_FD int fd = open(...);` */
void ep_fd_close(int *fd);
#define EP_FD __attribute__((cleanup(ep_fd_close)))

/* Hands one over: gives *fd, which becomes -1. */
int ep_fd_take(int *fd);

#endif
