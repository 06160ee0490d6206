/* query_listen.h - `query --listen`: the songs of a stream on standard input, as they are
 * recognised */
#ifndef EP_CLI_QUERY_LISTEN_H
#define EP_CLI_QUERY_LISTEN_H

#include "cli/cli.h"

/* Listens until the stream ends, or Ctrl-C. EP_EXIT_PARTLY where no song was named. */
enum ep_exit ep_listen(const struct ep_call *call);

#endif
