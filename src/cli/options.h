/* options.h - the command line, read by the same tables that the help is printed from */
#ifndef EP_CLI_OPTIONS_H
#define EP_CLI_OPTIONS_H

#include "cli/cli.h"

/* The options of all commands. */
extern const struct ep_option ep_global_options[];

/* Reads argv. What is to be done without a command (help, version) is done here.
 *
 * Returns true with call filled, its arguments and repeated values in storage (argc + 1 pointers);
 * else false, with the exit status in *exit. */
bool ep_read_command_line(struct ep_call *call, enum ep_exit *exit, const char **storage, int argc,
                          char **argv, const struct ep_command *const *commands);

#endif
