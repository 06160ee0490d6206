/* options.h - the command line, read by the same tables that the help is printed from */
#ifndef EP_CLI_OPTIONS_H
#define EP_CLI_OPTIONS_H

#include "cli/settings.h"

/* Reads argv, and what environment and file say of the options. What is to be done without a
 * command (help, version) is done here.
 *
 * Returns true with call filled, its arguments and repeated values in storage (argc + 1
 * pointers), its other values in *settings; else false, with the exit status in *exit. */
bool ep_read_command_line(struct ep_call *call, struct ep_settings **settings, enum ep_exit *exit,
                          const char **storage, int argc, char **argv,
                          const struct ep_command *const *commands);

#endif
