/* settings.h - the values of options: from the command line, else from the environment, else from a
 * file, else the default
 *
 * Of commands that have settings, that is so for all options that are not for one run. Of the other
 * commands it is so for the data folder alone, and only with a file that --config names.
 */
#ifndef EP_CLI_SETTINGS_H
#define EP_CLI_SETTINGS_H

#include "cli/global_options.h"
#include "cli/settings_file.h"

/* Where the service of the package has its node, and its file. */
#define EP_SERVICE_FOLDER "/var/lib/echoprint"
#define EP_SERVICE_SETTINGS "/etc/echoprint/echoprint.conf"

/* A variable: "ECHOPRINT_SERVE_PER_ADDRESS". */
#define EP_VARIABLE_TEXT 80

enum ep_setting_origin { EP_FROM_DEFAULT, EP_FROM_COMMAND_LINE, EP_FROM_ENVIRONMENT, EP_FROM_FILE };

/* An option, and what it is. */
struct ep_setting {
	const struct ep_option *option;
	const char *value; /* flags have ""; NULL: not given, or a flag that is off */
	enum ep_setting_origin origin;
	const struct ep_command *of; /* whose variable or section it is from; NULL: of all */
	unsigned line; /* of the file */
};

/* What a command line says: values by row of the tables, as in struct ep_call. */
struct ep_given {
	const struct ep_command *const *commands;
	const struct ep_command *command;
	const char *own[EP_OPTIONS_MAX];
	const char *all[EP_GLOBAL_COUNT];
};

struct ep_settings {
	struct ep_given given;
	const char *path; /* of the file; NULL: none was read */
	struct ep_settings_file file;
	struct ep_setting own[EP_OPTIONS_MAX]; /* ended by one without option */
	struct ep_setting all[EP_GLOBAL_COUNT + 1]; /* the same */
};

/* Reads environment and file. given is copied, its texts borrowed.
 * EP_BAD_INPUT, EP_NOT_FOUND, EP_IO  the text names the file with its line, or the variable.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_settings_read(struct ep_settings **out, const struct ep_given *given,
                                            struct ep_error *err);
void ep_settings_free(struct ep_settings *settings);
EP_DEFINE_OWNED(struct ep_settings, ep_settings_free)

/* Fills values, folder and flags of a call, which borrow from settings. */
void ep_settings_fill(struct ep_call *call, const struct ep_settings *settings);

/* What an option of the command, or else of all, is. NULL: there is no such option. */
const struct ep_setting *ep_settings_find(const struct ep_settings *settings, const char *name);

/* The environment variable of an option; command NULL: of all. */
void ep_settings_variable(char text[EP_VARIABLE_TEXT], const struct ep_command *command,
                          const struct ep_option *option);

/* Where a setting is from, as "echoprint.conf:12", a variable, "command line" or "default". */
void ep_settings_origin(char *text, size_t size, const struct ep_settings *settings,
                        const struct ep_setting *setting);

/* Puts in front of a text that names options, as --connections, where the value of the first is
 * from that is of environment or file. settings may be NULL. */
void ep_settings_place(struct ep_error *err, const struct ep_settings *settings);

#endif
