/* folder_transport.h - the way to a master by a folder, as one on a stick or a share */
#ifndef EP_SYNC_FOLDER_TRANSPORT_H
#define EP_SYNC_FOLDER_TRANSPORT_H

#include "sync/transport.h"

/* A folder that stands for a master: what `publish` writes, and where it looks for contributions.
 * Borrows folder. */
struct ep_transport ep_folder_transport(char *folder);

/* The folder that a URL names: "file:///srv/feed", or a path; NULL where it is of another kind. */
char *ep_folder_of_url(char *url);

#endif
