#include "cli/settings_file.h"

#include "base/file.h"
#include "cli/global_options.h"
#include "cli/guess.h"
#include "format/ini_text.h"

#include <stdlib.h>
#include <string.h>

#define FILE_BYTES ((size_t)1 << 20)

struct reading {
	struct ep_settings_file *file;
	const struct ep_command *const *commands;
	const struct ep_command *command; /* of the section; NULL: of all */
	const char *section; /* NULL: before the first */
};

/* ---- keys and values ---- */

bool
ep_has_word(const char *words, const char *word)
{
	size_t size = strlen(word);
	for (const char *at = words; at && *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		if (length == size && strncmp(at, word, size) == 0)
			return true;
		at += length;
	}
	return false;
}

static const struct ep_option *
find_option(const struct ep_option *options, const char *name)
{
	for (; options && options->name; options++) {
		if (strcmp(options->name, name) == 0)
			return options;
	}
	return NULL;
}

/* An option that all commands with settings have; NULL: it is not. */
static const struct ep_option *
find_common(const struct ep_command *const *commands, const char *name)
{
	const struct ep_option *found = NULL;
	for (size_t i = 0; commands[i]; i++) {
		if (!commands[i]->has_settings)
			continue;
		found = find_option(commands[i]->options, name);
		if (!found)
			return NULL;
	}
	return found;
}

enum ep_key_kind
ep_settings_key(const struct ep_option **option, const struct ep_command *const *commands,
                const struct ep_command *command, const char *key)
{
	const struct ep_option *found =
		command ? find_option(command->options, key) : find_common(commands, key);
	const char *once = found && command ? command->once : EP_GLOBAL_ONCE;
	if (!found)
		found = find_option(ep_global_options, key);
	if (!found)
		return EP_KEY_UNKNOWN;
	*option = found;
	return ep_has_word(once, key) ? EP_KEY_ONCE : EP_KEY_SETTING;
}

/* The choices that an option has in a command, or in the first that has some. */
static const char *
choices_of(const struct ep_command *const *commands, const struct ep_command *command,
           const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		const struct ep_choices *choices = commands[i]->choices;
		if (command ? commands[i] != command : !commands[i]->has_settings)
			continue;
		for (; choices && choices->option; choices++) {
			if (strcmp(choices->option, name) == 0)
				return choices->words;
		}
	}
	return NULL;
}

enum ep_status
ep_settings_check_value(const struct ep_command *const *commands, const struct ep_command *command,
                        const struct ep_option *option, const char *value, struct ep_error *err)
{
	const char *choices = choices_of(commands, command, option->name);
	if (!option->value && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return ep_fail(err, EP_BAD_INPUT, "%s is \"%s\", but must be yes or no",
		               option->name, value);
	if (!*value)
		return ep_fail(err, EP_BAD_INPUT, "%s has no value; expected %s", option->name,
		               option->value);
	if (choices && !ep_has_word(choices, value))
		return ep_fail(err, EP_BAD_INPUT, "%s is \"%s\", but must be one of: %s",
		               option->name, value, choices);
	if (option->value && strcmp(option->value, "N") == 0 &&
	    value[strspn(value, "0123456789")] != '\0')
		return ep_fail(err, EP_BAD_INPUT, "%s is \"%s\", but must be a whole number",
		               option->name, value);
	return EP_OK;
}

/* ---- the file ---- */

static enum ep_status
on_section(void *context, struct ep_text name, struct ep_error *err)
{
	struct reading *reading = context;
	if (!name.at)
		return EP_OK;
	reading->command = NULL;
	reading->section = EP_SECTION_ALL;
	if (ep_text_equal(name, ep_text_of(EP_SECTION_ALL)))
		return EP_OK;
	for (size_t i = 0; reading->commands[i]; i++) {
		const struct ep_command *command = reading->commands[i];
		if (command->has_settings && ep_text_equal(name, ep_text_of(command->name))) {
			reading->command = command;
			reading->section = command->name;
			return EP_OK;
		}
	}
	return ep_fail(err, EP_BAD_INPUT,
	               "there is no section [%.*s]; the sections are [all], [serve] and [monitor]",
	               ep_text_print_size(name), name.at);
}

static enum ep_status
no_key(const struct reading *reading, const char *key, struct ep_error *err)
{
	struct ep_guess guess = { .name = key, .size = strlen(key) };
	const struct ep_option *own = reading->command ? reading->command->options : NULL;
	for (; own && own->name; own++)
		ep_guess_consider(&guess, own->name);
	for (own = ep_global_options; own->name; own++)
		ep_guess_consider(&guess, own->name);
	return guess.meant ? ep_fail(err, EP_BAD_INPUT, "[%s] has no %s; did you mean %s?",
	                             reading->section, key, guess.meant)
	                   : ep_fail(err, EP_BAD_INPUT,
	                             "[%s] has no %s; `echoprint config example` prints all keys",
	                             reading->section, key);
}

static enum ep_status
check_line(const struct reading *reading, const char *key, const char *value, struct ep_error *err)
{
	const struct ep_option *option = NULL;
	if (!reading->section)
		return ep_fail(err, EP_BAD_INPUT,
		               "%s is in no section; begin one with [all], [serve] or [monitor]",
		               key);
	if (ep_settings_file_find(reading->file, reading->section, key))
		return ep_fail(err, EP_BAD_INPUT, "%s is given twice in [%s]", key,
		               reading->section);
	switch (ep_settings_key(&option, reading->commands, reading->command, key)) {
	case EP_KEY_UNKNOWN:
		return no_key(reading, key, err);
	case EP_KEY_ONCE:
		return ep_fail(err, EP_BAD_INPUT,
		               "%s is for one run: give it on the command line, as --%s", key, key);
	case EP_KEY_SETTING:
		break;
	}
	return ep_settings_check_value(reading->commands, reading->command, option, value, err);
}

static enum ep_status
keep(const char **copy, struct ep_arena *arena, const char *text, struct ep_error *err)
{
	struct ep_text kept;
	EP_TRY(ep_arena_text(&kept, arena, (struct ep_text){ text, strlen(text) + 1 }, err));
	*copy = kept.at;
	return EP_OK;
}

static enum ep_status
on_value(void *context, const char *key, const char *value, unsigned line, struct ep_error *err)
{
	struct reading *reading = context;
	struct ep_settings_file *file = reading->file;
	EP_TRY(check_line(reading, key, value, err));
	if (file->count == file->capacity) {
		size_t capacity = file->capacity ? 2 * file->capacity : 16;
		void *grown = reallocarray(file->lines, capacity, sizeof *file->lines);
		if (!grown)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		file->lines = grown;
		file->capacity = capacity;
	}
	struct ep_settings_line next = { .section = reading->section, .number = line };
	EP_TRY(keep(&next.key, &file->arena, key, err));
	EP_TRY(keep(&next.value, &file->arena, value, err));
	file->lines[file->count++] = next;
	return EP_OK;
}

enum ep_status
ep_settings_file_read(struct ep_settings_file *file, const char *path,
                      const struct ep_command *const *commands, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	struct reading reading = { .file = file, .commands = commands };
	struct ep_ini_reader reader = { .on_section = on_section,
		                        .on_value = on_value,
		                        .context = &reading };
	EP_TRY(ep_read_file(&text, path, FILE_BYTES, err));
	return ep_ini_read(ep_buffer_text(&text), path, &reader, err);
}

const struct ep_settings_line *
ep_settings_file_find(const struct ep_settings_file *file, const char *section, const char *key)
{
	for (size_t i = 0; i < file->count; i++) {
		const struct ep_settings_line *line = &file->lines[i];
		if (strcmp(line->section, section) == 0 && strcmp(line->key, key) == 0)
			return line;
	}
	return NULL;
}

void
ep_settings_file_free(struct ep_settings_file *file)
{
	free(file->lines);
	ep_arena_free(&file->arena);
	*file = (struct ep_settings_file){ 0 };
}
