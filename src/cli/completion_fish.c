#include "cli/completion.h"
#include "cli/global_options.h"

#include <stdio.h>

/* What needs nothing of the tables: which command the line has, and whether an argument is there
 * already. */
static const char head[] =
	"# fish completion of echoprint, printed by `echoprint completion fish`\n\n"
	"# Prints the words that are neither options nor values of options of all commands.\n"
	"function __echoprint_words\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -e words[1]\n"
	"\tset -l value\n"
	"\tfor word in $words\n"
	"\t\tif test -n \"$value\"\n"
	"\t\t\tset value\n"
	"\t\telse if string match -qr -- '^(-d|--data)$' $word\n"
	"\t\t\tset value 1\n"
	"\t\telse if not string match -q -- '-?*' $word\n"
	"\t\t\techo $word\n"
	"\t\tend\n"
	"\tend\n"
	"end\n\n"
	"function __echoprint_is\n"
	"\tset -l words (__echoprint_words)\n"
	"\ttest \"$words[1]\" = \"$argv[1]\"\n"
	"end\n\n"
	"function __echoprint_is_bare\n"
	"\tset -l words (__echoprint_words)\n"
	"\ttest (count $words) -eq 1 -a \"$words[1]\" = \"$argv[1]\"\n"
	"end\n\n"
	"complete -c echoprint -f\n";

/* Prints text in '...'. */
static void
print_quoted(const char *text)
{
	putchar('\'');
	ep_print_escaped(text, "'\\", "\\");
	putchar('\'');
}

static void
print_hint(struct ep_hint hint)
{
	if (hint.kind == EP_HINT_WORDS)
		printf(" -x -a '%s'", hint.words);
	else if (hint.kind == EP_HINT_FILES)
		fputs(" -r -F", stdout);
	else if (hint.kind == EP_HINT_FOLDERS)
		fputs(" -x -a '(__fish_complete_directories)'", stdout);
	else
		fputs(" -x", stdout);
}

/* The options of a command; NULL: of all. */
static void
print_options(const struct ep_command *command, const struct ep_option *option)
{
	for (; option && option->name; option++) {
		fputs("complete -c echoprint", stdout);
		if (command)
			printf(" -n '__echoprint_is %s'", command->name);
		printf(" -l %s", option->name);
		if (option->letter)
			printf(" -s %c", option->letter);
		if (option->value)
			print_hint(ep_hint_value(command, option));
		fputs(" -d ", stdout);
		print_quoted(option->help);
		putchar('\n');
	}
}

static void
print_arguments(const struct ep_command *command)
{
	struct ep_hint hint = ep_hint_arguments(command);
	if (hint.kind == EP_HINT_NOTHING)
		return;
	printf("complete -c echoprint -n '__echoprint_is%s %s'",
	       hint.kind == EP_HINT_WORDS ? "_bare" : "", command->name);
	print_hint(hint);
	putchar('\n');
}

void
ep_complete_fish(const struct ep_command *const *commands)
{
	fputs(head, stdout);
	for (size_t i = 0; commands[i]; i++) {
		printf("complete -c echoprint -n '__echoprint_is \"\"; or __echoprint_is_bare help'"
		       " -a %s -d ",
		       commands[i]->name);
		print_quoted(commands[i]->summary);
		putchar('\n');
	}
	for (size_t i = 0; commands[i]; i++) {
		print_options(commands[i], commands[i]->options);
		print_arguments(commands[i]);
	}
	print_options(NULL, ep_global_options);
}
