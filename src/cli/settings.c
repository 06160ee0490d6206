#include "cli/settings.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
ep_settings_variable(char text[EP_VARIABLE_TEXT], const struct ep_command *command,
                     const struct ep_option *option)
{
	snprintf(text, EP_VARIABLE_TEXT, "ECHOPRINT_%s%s%s", command ? command->name : "",
	         command ? "_" : "", option->name);
	for (char *at = text; *at; at++)
		*at = *at == '-' ? '_' : (char)toupper((unsigned char)*at);
}

/* ---- which file ---- */

/* Whether a path is the service's data folder, by name, or as the same folder. */
static bool
is_service_folder(const char *folder)
{
	struct stat one;
	struct stat other;
	size_t size = strlen(folder);
	while (size > 1 && folder[size - 1] == '/')
		size--;
	if (size == strlen(EP_SERVICE_FOLDER) && strncmp(folder, EP_SERVICE_FOLDER, size) == 0)
		return true;
	return stat(folder, &one) == 0 && stat(EP_SERVICE_FOLDER, &other) == 0 &&
	       one.st_ino == other.st_ino && one.st_dev == other.st_dev;
}

/* The value of a variable; NULL: it is not set, or empty. */
static const char *
variable(const struct ep_command *command, const struct ep_option *option)
{
	char name[EP_VARIABLE_TEXT];
	ep_settings_variable(name, command, option);
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

/* The file that is named, else that of the service where the data folder is the service's; NULL:
 * none. One that is there and cannot be reached is read, so that its reader says why. */
static const char *
find_file(const struct ep_given *given)
{
	const char *folder = given->all[EP_GLOBAL_DATA];
	if (given->all[EP_GLOBAL_CONFIG])
		return given->all[EP_GLOBAL_CONFIG];
	const char *named = variable(NULL, &ep_global_options[EP_GLOBAL_CONFIG]);
	if (named)
		return named;
	if (!folder)
		folder = variable(NULL, &ep_global_options[EP_GLOBAL_DATA]);
	if (!folder)
		folder = ep_default_folder();
	if (!given->command->has_settings || !folder || !is_service_folder(folder))
		return NULL;
	bool is_there =
		access(EP_SERVICE_SETTINGS, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
	return is_there ? EP_SERVICE_SETTINGS : NULL;
}

/* ---- values ---- */

/* A value of environment or file, as the command line would give it. */
static const char *
as_given(const struct ep_option *option, const char *value)
{
	if (option->value)
		return value;
	return strcmp(value, "yes") == 0 ? "" : NULL;
}

/* Takes a value of the environment, if there is one; whose: NULL for a variable of all. */
static enum ep_status
take_variable(bool *found, struct ep_setting *setting, const struct ep_settings *settings,
              const struct ep_command *whose, struct ep_error *err)
{
	const struct ep_given *given = &settings->given;
	const char *value = variable(whose, setting->option);
	char name[EP_VARIABLE_TEXT];
	*found = value != NULL;
	if (!value)
		return EP_OK;
	enum ep_status status = ep_settings_check_value(given->commands, given->command,
	                                                setting->option, value, err);
	ep_settings_variable(name, whose, setting->option);
	if (status != EP_OK) {
		ep_error_prefix(err, "%s: ", name);
		return status;
	}
	setting->value = as_given(setting->option, value);
	setting->origin = EP_FROM_ENVIRONMENT;
	setting->of = whose;
	return EP_OK;
}

static bool
take_line(struct ep_setting *setting, const struct ep_settings *settings,
          const struct ep_command *whose)
{
	const struct ep_settings_line *line = ep_settings_file_find(
		&settings->file, whose ? whose->name : EP_SECTION_ALL, setting->option->name);
	if (!line)
		return false;
	setting->value = as_given(setting->option, line->value);
	setting->origin = EP_FROM_FILE;
	setting->of = whose;
	setting->line = line->number;
	return true;
}

/* Whether an option of the command, or of all, may come from elsewhere than the command line. */
static bool
is_setting(const struct ep_given *given, const struct ep_option *option)
{
	const struct ep_option *found = NULL;
	if (!given->command->has_settings)
		return option == &ep_global_options[EP_GLOBAL_DATA];
	return ep_settings_key(&found, given->commands, given->command, option->name) ==
	               EP_KEY_SETTING &&
	       found == option;
}

/* Whether all commands with settings have it. */
static bool
is_common(const struct ep_given *given, const struct ep_option *option)
{
	const struct ep_option *found = NULL;
	return ep_settings_key(&found, given->commands, NULL, option->name) == EP_KEY_SETTING;
}

static enum ep_status
find_value(struct ep_setting *setting, const struct ep_settings *settings, const char *value,
           struct ep_error *err)
{
	const struct ep_given *given = &settings->given;
	const struct ep_command *own = given->command->has_settings ? given->command : NULL;
	bool common = is_common(given, setting->option);
	bool found = false;
	setting->value = value;
	setting->origin = value ? EP_FROM_COMMAND_LINE : EP_FROM_DEFAULT;
	if (value || !is_setting(given, setting->option))
		return EP_OK;
	if (own)
		EP_TRY(take_variable(&found, setting, settings, own, err));
	if (!found && common)
		EP_TRY(take_variable(&found, setting, settings, NULL, err));
	if (!found && own)
		found = take_line(setting, settings, own);
	if (!found && common)
		(void)take_line(setting, settings, NULL);
	return EP_OK;
}

static enum ep_status
find_values(struct ep_settings *settings, struct ep_error *err)
{
	const struct ep_option *own = settings->given.command->options;
	for (size_t i = 0; own && own[i].name; i++) {
		settings->own[i].option = &own[i];
		EP_TRY(find_value(&settings->own[i], settings, settings->given.own[i], err));
	}
	for (size_t i = 0; i < EP_GLOBAL_COUNT; i++) {
		settings->all[i].option = &ep_global_options[i];
		EP_TRY(find_value(&settings->all[i], settings, settings->given.all[i], err));
	}
	return EP_OK;
}

enum ep_status
ep_settings_read(struct ep_settings **out, const struct ep_given *given, struct ep_error *err)
{
	EP_OWNED(ep_settings_free)
	struct ep_settings *settings = calloc(1, sizeof *settings);
	if (!settings)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	settings->given = *given;
	settings->path = find_file(given);
	if (settings->path)
		EP_TRY(ep_settings_file_read(&settings->file, settings->path, given->commands,
		                             err));
	EP_TRY(find_values(settings, err));
	*out = EP_TAKE(settings);
	return EP_OK;
}

void
ep_settings_free(struct ep_settings *settings)
{
	if (!settings)
		return;
	ep_settings_file_free(&settings->file);
	free(settings);
}

/* ---- what is in force ---- */

void
ep_settings_fill(struct ep_call *call, const struct ep_settings *settings)
{
	const struct ep_setting *all = settings->all;
	call->settings = settings;
	call->command = settings->given.command;
	call->commands = settings->given.commands;
	for (size_t i = 0; i < EP_OPTIONS_MAX; i++)
		call->values[i] = settings->own[i].value;
	call->quiet = all[EP_GLOBAL_QUIET].value != NULL;
	call->verbose = all[EP_GLOBAL_VERBOSE].value != NULL;
	call->json = all[EP_GLOBAL_JSON].value != NULL;
	call->folder = all[EP_GLOBAL_DATA].value;
	call->folder_is_default = !call->folder;
	if (!call->folder)
		call->folder = ep_default_folder();
}

const struct ep_setting *
ep_settings_find(const struct ep_settings *settings, const char *name)
{
	const struct ep_setting *lists[] = { settings->own, settings->all };
	for (size_t i = 0; i < 2; i++) {
		for (const struct ep_setting *at = lists[i]; at->option; at++) {
			if (strcmp(at->option->name, name) == 0)
				return at;
		}
	}
	return NULL;
}

void
ep_settings_origin(char *text, size_t size, const struct ep_settings *settings,
                   const struct ep_setting *setting)
{
	char name[EP_VARIABLE_TEXT];
	switch (setting->origin) {
	case EP_FROM_DEFAULT:
		snprintf(text, size, "default");
		break;
	case EP_FROM_COMMAND_LINE:
		snprintf(text, size, "command line");
		break;
	case EP_FROM_ENVIRONMENT:
		ep_settings_variable(name, setting->of, setting->option);
		snprintf(text, size, "%s", name);
		break;
	case EP_FROM_FILE:
		snprintf(text, size, "%s:%u", settings->path, setting->line);
		break;
	}
}

void
ep_settings_place(struct ep_error *err, const struct ep_settings *settings)
{
	char name[64];
	char place[240];
	const char *at = settings ? strstr(err->text, "--") : NULL;
	for (; at; at = strstr(at + 2, "--")) {
		size_t size = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
		snprintf(name, sizeof name, "%.*s", (int)size, at + 2);
		const struct ep_setting *setting = ep_settings_find(settings, name);
		if (!setting || setting->origin <= EP_FROM_COMMAND_LINE)
			continue;
		ep_settings_origin(place, sizeof place, settings, setting);
		ep_error_prefix(err, "%s: ", place);
		return;
	}
}
