/* global_options.h - the options of all commands */
#ifndef EP_CLI_GLOBAL_OPTIONS_H
#define EP_CLI_GLOBAL_OPTIONS_H

#include "cli/cli.h"

enum ep_global_option {
	EP_GLOBAL_DATA,
	EP_GLOBAL_CONFIG,
	EP_GLOBAL_QUIET,
	EP_GLOBAL_VERBOSE,
	EP_GLOBAL_JSON,
	EP_GLOBAL_HELP,
	EP_GLOBAL_VERSION,
	EP_GLOBAL_COUNT
};

/* Their table, ended as all are. */
extern const struct ep_option ep_global_options[EP_GLOBAL_COUNT + 1];

/* Which of them are for the command line alone: words with single blanks between them. */
#define EP_GLOBAL_ONCE "config help version"

/* The data folder where nothing names it; NULL: the environment has no home. Kept for the life of
 * the process. */
const char *ep_default_folder(void);

#endif
