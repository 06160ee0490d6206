#include "cli/options.h"

#include "cli/guess.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct line {
	struct ep_call *call;
	const char **storage; /* arguments from its front, repeated values from its end */
	size_t room; /* pointers before the repeated values */
	struct ep_given given;
};

/* ---- help ---- */

static bool
has_name(const struct ep_option *option, const char *name, size_t size)
{
	return strlen(option->name) == size && strncmp(option->name, name, size) == 0;
}

static bool
is_among(const struct ep_option *options, const char *name)
{
	for (size_t i = 0; options && options[i].name; i++) {
		if (has_name(&options[i], name, strlen(name)))
			return true;
	}
	return false;
}

/* Prints those of options that have no namesake in `others`, which may be NULL. */
static void
print_options(const struct ep_option *options, const struct ep_option *others)
{
	for (const struct ep_option *option = options; option->name; option++) {
		char left[64];
		if (is_among(others, option->name))
			continue;
		char letter[8] = "    ";
		if (option->letter)
			snprintf(letter, sizeof letter, "-%c, ", option->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name,
		         option->value ? " " : "", option->value ? option->value : "");
		/* What leaves no room for its help has it on the next line. */
		if (strlen(left) > 24)
			printf("  %s\n%-27s%s\n", left, "", option->help);
		else
			printf("  %-24s %s\n", left, option->help);
	}
}

static void
print_program_help(const struct ep_command *const *commands)
{
	printf("usage: echoprint [-d DIR] [-q] [-v] [--json] COMMAND [OPTIONS] [ARGUMENTS]\n\n"
	       "A database of music fingerprints that many sites share: one master, many slaves.\n"
	       "\nCommands:\n");
	for (size_t i = 0; commands[i]; i++)
		printf("  %-14s %s\n", commands[i]->name, commands[i]->summary);
	printf("\nOptions, before or after the command:\n");
	print_options(ep_global_options, NULL);
	printf("\nThe data folder is given by -d, else $ECHOPRINT_DATA, else "
	       "$XDG_DATA_HOME/echoprint,\n"
	       "else ~/.local/share/echoprint. It is created by init, join, serve, source, "
	       "legacy\n"
	       "import and the ingest commands.\n");
	printf("\n`echoprint help COMMAND` describes a command. Exit status: 0 done, 1 failed,\n"
	       "2 wrong usage, 3 done but some input was rejected, 4 the other side could not be\n"
	       "reached, 5 its history is gone or has diverged, 6 made by a newer version,\n"
	       "7 damaged.\n");
}

static void
print_command_help(const struct ep_command *command)
{
	printf("usage: echoprint %s%s%s\n\n%s.\n", command->name, *command->synopsis ? " " : "",
	       command->synopsis, command->summary);
	if (command->details)
		printf("\n%s", command->details);
	if (command->options && command->options->name) {
		printf("\nOptions:\n");
		print_options(command->options, NULL);
	}
	printf("\nOptions of all commands:\n");
	print_options(ep_global_options, command->options);
	if (command->old_name)
		printf("\nIf run as a link named %s, the program is this command.\n",
		       command->old_name);
}

/* ---- reading ---- */

static const struct ep_command *
find_command(const struct ep_command *const *commands, const char *name)
{
	for (size_t i = 0; commands[i]; i++) {
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/* The command that the program's own name stands for, as a link. */
static const struct ep_command *
command_of_link(const struct ep_command *const *commands, const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;
	const char *name = slash ? slash + 1 : program;
	for (size_t i = 0; name && commands[i]; i++) {
		if (commands[i]->old_name && strcmp(commands[i]->old_name, name) == 0)
			return commands[i];
	}
	return NULL;
}

/* Finds a row by its long name (up to size) or its letter; gives its place for the value. What a
 * command has comes before what all have: behind `conflicts`, --version is its own. */
static const struct ep_option *
find_option(struct line *line, const char ***value, const char *name, size_t size, char letter)
{
	const struct ep_command *command = line->call->command;
	const struct ep_option *tables[] = { command ? command->options : NULL, ep_global_options };
	const char **values[] = { line->given.own, line->given.all };
	for (size_t t = 0; t < 2; t++) {
		for (size_t i = 0; tables[t] && tables[t][i].name; i++) {
			const struct ep_option *option = &tables[t][i];
			bool same = name ? has_name(option, name, size) : option->letter == letter;
			if (same) {
				*value = &values[t][i];
				return option;
			}
		}
	}
	return NULL;
}

/* ---- what was probably meant ---- */

static const char *
guess_option(const struct line *line, const char *name, size_t size)
{
	struct ep_guess guess = { .name = name, .size = size };
	const struct ep_command *command = line->call->command;
	for (size_t i = 0; command && command->options && command->options[i].name; i++)
		ep_guess_consider(&guess, command->options[i].name);
	for (size_t i = 0; ep_global_options[i].name; i++)
		ep_guess_consider(&guess, ep_global_options[i].name);
	return guess.meant;
}

static enum ep_exit
no_command(const struct ep_command *const *commands, const char *name)
{
	struct ep_guess guess = { .name = name, .size = strlen(name) };
	for (size_t i = 0; commands[i]; i++)
		ep_guess_consider(&guess, commands[i]->name);
	return guess.meant ? ep_bad_usage(NULL, "there is no command %s; did you mean %s?", name,
	                                  guess.meant)
	                   : ep_bad_usage(NULL, "there is no command %s", name);
}

static enum ep_exit
no_option(const struct line *line, const char *name, size_t size)
{
	const struct ep_command *command = line->call->command;
	const char *meant = guess_option(line, name, size);
	if (meant)
		return ep_bad_usage(command, "there is no option --%.*s; did you mean --%s?",
		                    (int)size, name, meant);
	return ep_bad_usage(command, "there is no option --%.*s%s", (int)size, name,
	                    command ? "" : " before the command; options of a command follow it");
}

/* ---- words ---- */

/* Takes the value of an option. Each takes a word at least, so that it does not meet arguments. */
static void
take_value(struct line *line, const struct ep_option *option, const char **value, const char *taken)
{
	*value = taken;
	const struct ep_command *command = line->call->command;
	if (command && command->repeated && strcmp(option->name, command->repeated) == 0)
		line->storage[--line->room] = taken;
}

/* Puts the repeated values, which came in from the end, into the order of the line. */
static void
order_repeated(struct line *line, size_t end)
{
	struct ep_call *call = line->call;
	call->repeated = line->storage + line->room;
	call->repeated_count = end - line->room;
	for (size_t i = 0, k = call->repeated_count; i + 1 < k; i++) {
		const char *first = call->repeated[i];
		call->repeated[i] = call->repeated[--k];
		call->repeated[k] = first;
	}
}

/* Reads --name, --name=value, --name value. */
static enum ep_exit
read_long(struct line *line, int *at, int argc, char **argv)
{
	const char *name = argv[*at] + 2;
	size_t size = strcspn(name, "=");
	const char **value;
	const struct ep_option *option = find_option(line, &value, name, size, 0);
	if (!option)
		return no_option(line, name, size);
	if (!option->value && name[size] == '=')
		return ep_bad_usage(line->call->command, "--%s takes no value", option->name);
	if (!option->value)
		*value = "";
	else if (name[size] == '=')
		take_value(line, option, value, name + size + 1);
	else if (*at + 1 < argc)
		take_value(line, option, value, argv[++*at]);
	else
		return ep_bad_usage(line->call->command, "--%s needs a value: %s", option->name,
		                    option->value);
	return EP_EXIT_DONE;
}

/* Reads -q, -qv, -oDIR, -o DIR. */
static enum ep_exit
read_letters(struct line *line, int *at, int argc, char **argv)
{
	for (const char *letter = argv[*at] + 1; *letter; letter++) {
		const char **value;
		const struct ep_option *option = find_option(line, &value, NULL, 0, *letter);
		if (!option)
			return ep_bad_usage(line->call->command, "there is no option -%c", *letter);
		if (!option->value) {
			*value = "";
			continue;
		}
		if (letter[1])
			take_value(line, option, value, letter + 1);
		else if (*at + 1 < argc)
			take_value(line, option, value, argv[++*at]);
		else
			return ep_bad_usage(line->call->command, "-%c needs a value: %s", *letter,
			                    option->value);
		break;
	}
	return EP_EXIT_DONE;
}

static enum ep_exit
read_words(struct line *line, int argc, char **argv)
{
	struct ep_call *call = line->call;
	const char **storage = line->storage;
	bool only_arguments = false;
	for (int at = 1; at < argc; at++) {
		const char *word = argv[at];
		enum ep_exit exit = EP_EXIT_DONE;
		if (only_arguments || word[0] != '-' || !word[1]) {
			if (call->command) {
				storage[call->argument_count++] = word;
				continue;
			}
			call->command = find_command(line->given.commands, word);
			if (!call->command && strcmp(word, "help") == 0)
				line->given.all[EP_GLOBAL_HELP] = "";
			else if (!call->command && strcmp(word, "version") == 0)
				line->given.all[EP_GLOBAL_VERSION] = "";
			else if (!call->command)
				exit = no_command(line->given.commands, word);
		} else if (strcmp(word, "--") == 0) {
			only_arguments = true;
		} else if (word[1] == '-') {
			exit = read_long(line, &at, argc, argv);
		} else {
			exit = read_letters(line, &at, argc, argv);
		}
		if (exit != EP_EXIT_DONE)
			return exit;
	}
	storage[call->argument_count] = NULL;
	call->arguments = storage;
	order_repeated(line, (size_t)argc + 1);
	return EP_EXIT_DONE;
}

/* What is to be done without running a command; false: nothing. */
static bool
print_only(const struct line *line)
{
	const struct ep_command *command = line->call->command;
	if (line->given.all[EP_GLOBAL_VERSION])
		printf("echoprint %s\n", EP_VERSION);
	else if (!line->given.all[EP_GLOBAL_HELP])
		return false;
	else if (command)
		print_command_help(command);
	else
		print_program_help(line->given.commands);
	return true;
}

/* The settings of a command. `config` reads those of others by itself. */
static enum ep_exit
read_settings(struct ep_settings **settings, struct line *line)
{
	struct ep_error err;
	struct ep_call *call = line->call;
	line->given.command = call->command;
	if (ep_settings_read(settings, &line->given, &err) != EP_OK) {
		call->json = line->given.all[EP_GLOBAL_JSON] != NULL;
		return ep_give_up(call, &err);
	}
	ep_settings_fill(call, *settings);
	return EP_EXIT_DONE;
}

bool
ep_read_command_line(struct ep_call *call, struct ep_settings **settings, enum ep_exit *exit,
                     const char **storage, int argc, char **argv,
                     const struct ep_command *const *commands)
{
	struct line line = { .call = call,
		             .given = { .commands = commands },
		             .storage = storage,
		             .room = (size_t)argc + 1 };
	call->commands = commands;
	call->command = command_of_link(commands, argc > 0 ? argv[0] : NULL);
	*exit = read_words(&line, argc, argv);
	if (*exit != EP_EXIT_DONE || print_only(&line))
		return false;
	if (!call->command) {
		*exit = ep_bad_usage(NULL, "a command is missing");
		return false;
	}
	*exit = read_settings(settings, &line);
	if (*exit != EP_EXIT_DONE)
		return false;
	if (!call->command->without_folder && (!call->folder || !*call->folder)) {
		*exit = ep_bad_usage(call->command,
		                     "cannot determine the data folder: give -d DIR");
		return false;
	}
	return true;
}
