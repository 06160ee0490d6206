/* reload.h - the settings of a command that runs, read again at SIGHUP */
#ifndef EP_CLI_RELOAD_H
#define EP_CLI_RELOAD_H

#include "cli/settings.h"

/* Sets how the lines of a command look, by its --log-format, --log-level and -v. EP_USAGE. */
EP_MUST_USE enum ep_status ep_logging_begin(const struct ep_settings *settings,
                                            struct ep_error *err);

/* Reads environment and file again into *next, and makes logs as they say. What else has changed
 * since the start, and is not among what `live` of the command names, is told: it needs a restart.
 * False: something is wrong, and told; nothing changes. */
bool ep_reload(struct ep_settings **next, const struct ep_settings *started);

/* The value of an option in settings that may have been read again; now NULL: they were not. */
const char *ep_live_value(const struct ep_settings *now, const struct ep_settings *started,
                          const char *name);

#endif
