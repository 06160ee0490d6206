#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GLOBAL_DATA, GLOBAL_QUIET, GLOBAL_VERBOSE, GLOBAL_JSON, GLOBAL_HELP, GLOBAL_VERSION };

const struct ep_option ep_global_options[] = {
	[GLOBAL_DATA] = { "data", 'd', "DIR", "data folder (default: see echoprint --help)" },
	[GLOBAL_QUIET] = { "quiet", 'q', NULL, "show no progress" },
	[GLOBAL_VERBOSE] = { "verbose", 'v', NULL, "print more detail" },
	[GLOBAL_JSON] = { "json", 0, NULL, "print the result as one JSON object" },
	[GLOBAL_HELP] = { "help", 'h', NULL, "print this help" },
	[GLOBAL_VERSION] = { "version", 0, NULL, "print the version" },
	{ 0 },
};
#define GLOBAL_COUNT (sizeof ep_global_options / sizeof *ep_global_options)

struct line {
	struct ep_call *call;
	const char **storage; /* arguments from its front, repeated values from its end */
	size_t room; /* pointers before the repeated values */
	const char *global_values[GLOBAL_COUNT];
	const struct ep_command *const *commands;
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
	const char **values[] = { line->call->values, line->global_values };
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

#define NAME_MAX_LETTERS 32

/* How many letters are missing, superfluous, wrong, or swapped with a neighbour: the
 * Damerau-Levenshtein distance in which each letter is moved at most once. More than `size` if a
 * name is too long to be compared. */
static size_t
distance(const char *one, size_t size, const char *other)
{
	size_t rows[3][NAME_MAX_LETTERS + 1];
	size_t other_size = strlen(other);
	if (size > NAME_MAX_LETTERS || other_size > NAME_MAX_LETTERS)
		return size + 1;
	for (size_t j = 0; j <= other_size; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= size; i++) {
		size_t *row = rows[i % 3];
		const size_t *above = rows[(i + 2) % 3];
		const size_t *above_that = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= other_size; j++) {
			size_t least = above[j - 1] + (one[i - 1] != other[j - 1]);
			least = above[j] + 1 < least ? above[j] + 1 : least;
			least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
			bool swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] &&
			               one[i - 2] == other[j - 1];
			if (swapped && above_that[j - 2] + 1 < least)
				least = above_that[j - 2] + 1;
			row[j] = least;
		}
	}
	return rows[size % 3][other_size];
}

/* The best guess of what a name was meant to be. */
struct guess {
	const char *name; /* as it was given */
	size_t size;
	const char *meant; /* NULL: nothing is close enough */
	size_t distance;
};

/* Considers an existing name. If it begins with what was typed, it counts as one letter away. */
static void
consider(struct guess *guess, const char *there_is)
{
	size_t far = distance(guess->name, guess->size, there_is);
	bool begins = guess->size > 1 && strncmp(there_is, guess->name, guess->size) == 0;
	far = begins ? 1 : far;
	size_t most = guess->size < 5 ? 1 : 2;
	if (far > most || (guess->meant && guess->distance <= far))
		return;
	guess->meant = there_is;
	guess->distance = far;
}

static const char *
guess_option(const struct line *line, const char *name, size_t size)
{
	struct guess guess = { .name = name, .size = size };
	const struct ep_command *command = line->call->command;
	for (size_t i = 0; command && command->options && command->options[i].name; i++)
		consider(&guess, command->options[i].name);
	for (size_t i = 0; ep_global_options[i].name; i++)
		consider(&guess, ep_global_options[i].name);
	return guess.meant;
}

static enum ep_exit
no_command(const struct ep_command *const *commands, const char *name)
{
	struct guess guess = { .name = name, .size = strlen(name) };
	for (size_t i = 0; commands[i]; i++)
		consider(&guess, commands[i]->name);
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
	if (option->repeats)
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
			call->command = find_command(line->commands, word);
			if (!call->command && strcmp(word, "help") == 0)
				line->global_values[GLOBAL_HELP] = "";
			else if (!call->command && strcmp(word, "version") == 0)
				line->global_values[GLOBAL_VERSION] = "";
			else if (!call->command)
				exit = no_command(line->commands, word);
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

/* The data folder where -d does not name it; kept for the life of the process. */
static const char *
default_folder(void)
{
	static char folder[4096];
	const char *data = getenv("ECHOPRINT_DATA");
	if (data && *data)
		return data;
	const char *xdg = getenv("XDG_DATA_HOME");
	const char *home = getenv("HOME");
	if (xdg && xdg[0] == '/')
		snprintf(folder, sizeof folder, "%s/echoprint", xdg);
	else if (home && *home)
		snprintf(folder, sizeof folder, "%s/.local/share/echoprint", home);
	else
		return NULL;
	return folder;
}

bool
ep_read_command_line(struct ep_call *call, enum ep_exit *exit, const char **storage, int argc,
                     char **argv, const struct ep_command *const *commands)
{
	struct line line = {
		.call = call, .commands = commands, .storage = storage, .room = (size_t)argc + 1
	};
	call->commands = commands;
	call->command = command_of_link(commands, argc > 0 ? argv[0] : NULL);
	*exit = read_words(&line, argc, argv);
	if (*exit != EP_EXIT_DONE)
		return false;
	if (line.global_values[GLOBAL_VERSION]) {
		printf("echoprint %s\n", EP_VERSION);
		return false;
	}
	if (line.global_values[GLOBAL_HELP]) {
		if (call->command)
			print_command_help(call->command);
		else
			print_program_help(commands);
		return false;
	}
	if (!call->command) {
		*exit = ep_bad_usage(NULL, "a command is missing");
		return false;
	}
	call->quiet = line.global_values[GLOBAL_QUIET] != NULL;
	call->verbose = line.global_values[GLOBAL_VERBOSE] != NULL;
	call->json = line.global_values[GLOBAL_JSON] != NULL;
	call->folder = line.global_values[GLOBAL_DATA];
	call->folder_is_default = !call->folder && !getenv("ECHOPRINT_DATA");
	if (!call->folder)
		call->folder = default_folder();
	if (!call->command->without_folder && (!call->folder || !*call->folder)) {
		*exit = ep_bad_usage(call->command,
		                     "cannot determine the data folder: give -d DIR");
		return false;
	}
	return true;
}
