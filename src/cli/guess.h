/* guess.h - what a mistyped name was probably meant to be */
#ifndef EP_CLI_GUESS_H
#define EP_CLI_GUESS_H

#include <stddef.h>

/* The best guess so far. */
struct ep_guess {
	const char *name; /* as it was given */
	size_t size; /* of name, in bytes */
	const char *meant; /* NULL: nothing is close enough */
	size_t distance;
};

/* Considers a name that exists, which is borrowed. If it begins with what was typed, it counts as
 * one letter away. */
void ep_guess_consider(struct ep_guess *guess, const char *there_is);

#endif
