/* folder.h - files in a folder that others can also write
 *
 * Others who use a shared folder may put anything there at any moment: links that lead out of it,
 * pipes that nobody writes to, devices, folders named like files. So a folder is opened once, and
 * everything else uses its descriptor and one name, which no link can redirect: whatever is
 * written, locked, read or removed is in that folder, or it is refused.
 *
 * A name is one component of a path, such as the names in the listing of a folder.
 */
#ifndef EP_BASE_FOLDER_H
#define EP_BASE_FOLDER_H

#include "base/buffer.h"
#include "base/status.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

/* An open folder. Zero-initialize with EP_FOLDER_NONE. */
struct ep_folder {
	int fd; /* -1: none */
	char *path; /* for texts */
};
#define EP_FOLDER_NONE ((struct ep_folder){ .fd = -1 })

/* Closes it; it becomes EP_FOLDER_NONE. */
void ep_folder_close(struct ep_folder *folder);
#define EP_FOLDER __attribute__((cleanup(ep_folder_close)))

/* Opens the folder at a path that our own user named: links on the way are followed.
 * EP_NOT_FOUND  there is none. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_folder_open(struct ep_folder *out, const char *path,
                                          struct ep_error *err);

/* Opens a folder in a folder. EP_NOT_FOUND  there is none. EP_BAD_INPUT  it is a link, or no
 * folder. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_folder_enter(struct ep_folder *out, const struct ep_folder *folder,
                                           const char *name, struct ep_error *err);

/* The same, and makes it where it is absent, with mode 0777 less the umask, durably. */
EP_MUST_USE enum ep_status ep_folder_make(struct ep_folder *out, const struct ep_folder *folder,
                                          const char *name, struct ep_error *err);

/* Opens the list of names, for closedir(). EP_IO. */
EP_MUST_USE enum ep_status ep_folder_list(DIR **names, const struct ep_folder *folder,
                                          struct ep_error *err);

/* Opens a regular file to read it. *size (may be NULL): its bytes.
 * EP_NOT_FOUND  there is none. EP_BAD_INPUT  it is a link, or no file. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_folder_open_file(int *fd, uint64_t *size,
                                               const struct ep_folder *folder, const char *name,
                                               struct ep_error *err);

/* Reads a whole file of at most max bytes into out, in place of what it held. Fails as
 * ep_folder_open_file. EP_BAD_INPUT  also where it is larger. */
EP_MUST_USE enum ep_status ep_folder_read(struct ep_buffer *out, const struct ep_folder *folder,
                                          const char *name, size_t max, struct ep_error *err);

/* Writes a file so that, whatever happens, it is absent, there with its old bytes, or with the new
 * ones, and on EP_OK durably with these: as a new file NAME.part, synced, renamed. Anything that
 * already has one of the two names is removed, unless it is a folder. mode is as for open(2).
 * EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_folder_write(const struct ep_folder *folder, const char *name,
                                           const void *bytes, size_t size, unsigned mode,
                                           struct ep_error *err);

/* Whether a regular file of that size has the name. */
bool ep_folder_has(const struct ep_folder *folder, const char *name, uint64_t size);

/* Locks a file, which is made (0666 less the umask) where it is absent, and waits for whoever has
 * it; it is free when *fd is closed. EP_BAD_INPUT  it is a link, has other names, or is no file.
 * EP_IO. */
EP_MUST_USE enum ep_status ep_folder_lock(int *fd, const struct ep_folder *folder, const char *name,
                                          struct ep_error *err);

/* Removes what is no folder. EP_IO. */
EP_MUST_USE enum ep_status ep_folder_remove(const struct ep_folder *folder, const char *name,
                                            struct ep_error *err);

#endif
