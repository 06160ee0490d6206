/* new_folder.h - a data folder that is restored: complete or absent
 *
 * Its files are written into FOLDER.part, which is synced and renamed to FOLDER when all is well.
 */
#ifndef EP_BACKUP_NEW_FOLDER_H
#define EP_BACKUP_NEW_FOLDER_H

#include "base/status.h"

struct ep_new_folder;

/* Makes FOLDER.part, empty: what a killed process left there goes. FOLDER must be absent, or empty.
 * EP_BAD_INPUT  it is not, or another process restores it. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_new_folder_make(struct ep_new_folder **out, const char *folder,
                                              struct ep_error *err);

/* FOLDER.part; the folder's own. */
const char *ep_new_folder_path(const struct ep_new_folder *folder);

/* Makes an empty file (mode 0600) for a part of a backup, for close(). name is that of the part.
 * EP_BAD_INPUT  no part has this name, or the file is there already. EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_new_folder_file(int *fd, const struct ep_new_folder *folder,
                                              const char *name, struct ep_error *err);

/* Gives the folder its name; durable on EP_OK. Its files are synced already. EP_BAD_INPUT  FOLDER
 * has been filled meanwhile. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_new_folder_publish(struct ep_new_folder *folder,
                                                 struct ep_error *err);

/* Removes FOLDER.part where it was not published. Accepts NULL. */
void ep_new_folder_close(struct ep_new_folder *folder);
EP_DEFINE_OWNED(struct ep_new_folder, ep_new_folder_close)

#endif
