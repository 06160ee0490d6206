/* settings_file.h - the configuration file: options of serve and monitor under their long names
 *
 *     [all]                 of both commands
 *     verbose = yes
 *
 *     [serve]
 *     listen = 0.0.0.0:8070
 */
#ifndef EP_CLI_SETTINGS_FILE_H
#define EP_CLI_SETTINGS_FILE_H

#include "base/arena.h"
#include "cli/cli.h"

/* The section of what all commands with settings have. */
#define EP_SECTION_ALL "all"

struct ep_settings_line {
	const char *section;
	const char *key;
	const char *value;
	unsigned number; /* from 1 */
};

/* Zeroed: empty. */
struct ep_settings_file {
	struct ep_arena arena; /* of all texts */
	struct ep_settings_line *lines;
	size_t count;
	size_t capacity;
};
void ep_settings_file_free(struct ep_settings_file *file);

/* Reads a file into a zeroed one. All sections and keys are held against the tables of commands,
 * which is ended by NULL.
 *
 * EP_BAD_INPUT  the text names file and line, and says what would be right. EP_NOT_FOUND, EP_IO,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_settings_file_read(struct ep_settings_file *file, const char *path,
                                                 const struct ep_command *const *commands,
                                                 struct ep_error *err);

/* What a section says of a key; NULL: nothing. */
const struct ep_settings_line *ep_settings_file_find(const struct ep_settings_file *file,
                                                     const char *section, const char *key);

/* How a key of a section stands. */
enum ep_key_kind { EP_KEY_UNKNOWN, EP_KEY_ONCE, EP_KEY_SETTING };

/* Finds the option that a key of a command is: its own one, or one of all commands; command NULL:
 * one that all commands with settings have. *option is set unless it is unknown. */
enum ep_key_kind ep_settings_key(const struct ep_option **option,
                                 const struct ep_command *const *commands,
                                 const struct ep_command *command, const char *key);

/* Whether an option may have a value: yes or no for a flag, a choice, a whole number for N.
 * command: as for ep_settings_key. EP_BAD_INPUT. */
EP_MUST_USE enum ep_status ep_settings_check_value(const struct ep_command *const *commands,
                                                   const struct ep_command *command,
                                                   const struct ep_option *option,
                                                   const char *value, struct ep_error *err);

/* Whether a list of words with single blanks between them, or NULL, has a word. */
bool ep_has_word(const char *words, const char *word);

#endif
