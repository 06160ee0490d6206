/* completion.h - scripts by which shells complete command lines, printed from the options tables */
#ifndef EP_CLI_COMPLETION_H
#define EP_CLI_COMPLETION_H

#include "cli/cli.h"

/* What a shell may offer. */
enum ep_hint_kind {
	EP_HINT_NOTHING, /* only the user knows it, such as the id of a track */
	EP_HINT_WORDS,
	EP_HINT_FILES,
	EP_HINT_FOLDERS
};

struct ep_hint {
	enum ep_hint_kind kind;
	const char *words; /* with single blanks between them; NULL: none */
};

/* For the value of an option, which has one. command: NULL for options of all commands. */
struct ep_hint ep_hint_value(const struct ep_command *command, const struct ep_option *option);

/* For the arguments of a command; words are for the first one only. */
struct ep_hint ep_hint_arguments(const struct ep_command *command);

/* Prints text with `escape` before each character that is in `special`. */
void ep_print_escaped(const char *text, const char *special, const char *escape);

/* Print the script of a shell on stdout. commands is ended by NULL. */
void ep_complete_bash(const struct ep_command *const *commands);
void ep_complete_fish(const struct ep_command *const *commands);
void ep_complete_zsh(const struct ep_command *const *commands);

#endif
