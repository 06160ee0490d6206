/* forget.h - `solr forget` and `legacy forget`: another system is no longer kept in step */
#ifndef EP_CLI_FORGET_H
#define EP_CLI_FORGET_H

#include "cli/cli.h"

/* Removes the watermark of the follower FRONT.NAME from the log; nothing is asked of the system. */
enum ep_exit ep_forget(const struct ep_call *call, const char *front, const char *name);

#endif
