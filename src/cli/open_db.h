/* open_db.h - the data folder of a command that uses only echoprint.h, as other programs do
 *
 * docs/architecture.md has the list of these commands, and what they may use beside that header.
 */
#ifndef EP_CLI_OPEN_DB_H
#define EP_CLI_OPEN_DB_H

#include "cli/cli.h"

#include <echoprint.h>

EP_DEFINE_OWNED(struct echoprint_db, echoprint_close)
EP_DEFINE_OWNED(struct echoprint_track, echoprint_track_free)

/* Opens the data folder of the command line, which must exist; mode: ECHOPRINT_READ,
 * ECHOPRINT_WRITE. As echoprint_open; ECHOPRINT_USAGE  ECHOPRINT_MAP_SIZE is not a number of bytes.
 */
EP_MUST_USE enum echoprint_status ep_open_db(struct echoprint_db **db, const struct ep_call *call,
                                             enum echoprint_mode mode, struct echoprint_error *err);

/* As ep_give_up, for a failure of the library. */
enum ep_exit ep_give_up_db(const struct ep_call *call, const struct echoprint_error *err);

#endif
