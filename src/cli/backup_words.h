/* backup_words.h - what the commands about backups say alike */
#ifndef EP_CLI_BACKUP_WORDS_H
#define EP_CLI_BACKUP_WORDS_H

#include "cli/cli.h"

/* For on_progress of a copy, as its context. */
struct ep_progress {
	const struct ep_call *call;
	const char *verb; /* "copied" */
	double shown; /* as ep_show_progress has it */
};

/* Shows that so many bytes are done, of all where that is not 0. */
void ep_on_copied(void *context, uint64_t done, uint64_t all);

#endif
