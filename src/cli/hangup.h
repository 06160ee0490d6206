/* hangup.h - SIGHUP asks a command that runs for long to read again what it was told */
#ifndef EP_CLI_HANGUP_H
#define EP_CLI_HANGUP_H

#include <stdbool.h>

/* From now on SIGHUP does not end the program. */
void ep_hangup_catch(void);

/* Whether one has come since the last call. */
bool ep_hangup_came(void);

#endif
