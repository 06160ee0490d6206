#include "cli/completion.h"
#include "cli/global_options.h"

#include <stdio.h>

/* What needs nothing of the tables. Values come behind `=`, too: bash makes a word of that. */
static const char head[] =
	"# bash completion of echoprint, printed by `echoprint completion bash`\n"
	"\n"
	"_echoprint_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$2\"); }\n"
	"\n"
	"_echoprint_paths()\n"
	"{\n"
	"\tcompopt -o filenames 2>/dev/null\n"
	"\tmapfile -t COMPREPLY < <(compgen \"$1\" -- \"$2\")\n"
	"}\n"
	"\n"
	"_echoprint()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal command= count=0 ended= at word\n"
	"\tCOMPREPLY=()\n"
	"\t[[ $prev == = ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\t[[ $cur == = ]] && cur=\n"
	"\tcase ${COMP_WORDS[0]##*/} in\n";

/* Finds the command, and how many arguments stand before the word that is completed. */
static const char walk[] = "\tesac\n"
			   "\tfor ((at = 1; at < COMP_CWORD; at++)); do\n"
			   "\t\tword=${COMP_WORDS[at]}\n"
			   "\t\tif [[ $ended || $word != -?* ]]; then\n"
			   "\t\t\tif [[ $command ]]; then ((++count)); else command=$word; fi\n"
			   "\t\telif [[ $word == -- ]]; then\n"
			   "\t\t\tended=1\n"
			   "\t\telif _echoprint_takes_value \"$command\" \"$word\"; then\n"
			   "\t\t\t[[ ${COMP_WORDS[at + 1]} == = ]] && ((++at))\n"
			   "\t\t\t((++at))\n"
			   "\t\tfi\n"
			   "\tdone\n"
			   "\tif [[ ! $ended ]]; then\n"
			   "\t\tcase $command,$prev in\n";

/* "COMMAND,--NAME|COMMAND,-L"; of all commands: *. */
static void
print_pattern(const struct ep_command *command, const struct ep_option *option)
{
	const char *of = command ? command->name : "*";
	printf("%s,--%s", of, option->name);
	if (option->letter)
		printf("|%s,-%c", of, option->letter);
}

static void
print_hint(struct ep_hint hint)
{
	if (hint.kind == EP_HINT_WORDS)
		printf("_echoprint_words '%s' \"$cur\"", hint.words);
	else if (hint.kind == EP_HINT_FILES)
		fputs("_echoprint_paths -f \"$cur\"", stdout);
	else if (hint.kind == EP_HINT_FOLDERS)
		fputs("_echoprint_paths -d \"$cur\"", stdout);
	else
		putchar(':');
}

/* What may stand behind each option. */
static void
print_values(const struct ep_command *command, const struct ep_option *option)
{
	for (; option && option->name; option++) {
		fputs("\t\t", stdout);
		print_pattern(command, option);
		fputs(") ", stdout);
		if (option->value) {
			print_hint(ep_hint_value(command, option));
			fputs("; return", stdout);
		}
		fputs(" ;;\n", stdout);
	}
}

/* Which options have a value; a command's own are asked first. */
static void
print_takes(const struct ep_command *command, const struct ep_option *option)
{
	for (; option && option->name; option++) {
		putchar('\t');
		print_pattern(command, option);
		printf(") return %d ;;\n", option->value ? 0 : 1);
	}
}

static void
print_names(const struct ep_option *option)
{
	for (; option && option->name; option++) {
		printf("--%s ", option->name);
		if (option->letter)
			printf("-%c ", option->letter);
	}
}

static void
print_arguments(const struct ep_command *const *commands)
{
	fputs("\tfi\n\tcase $command in\n\t'' | help)\n"
	      "\t\t((count)) || _echoprint_words 'help version",
	      stdout);
	for (size_t i = 0; commands[i]; i++)
		printf(" %s", commands[i]->name);
	fputs("' \"$cur\" ;;\n", stdout);
	for (size_t i = 0; commands[i]; i++) {
		struct ep_hint hint = ep_hint_arguments(commands[i]);
		if (hint.kind == EP_HINT_NOTHING)
			continue;
		printf("\t%s) ", commands[i]->name);
		if (hint.kind == EP_HINT_WORDS)
			fputs("((count)) || ", stdout);
		print_hint(hint);
		fputs(" ;;\n", stdout);
	}
	fputs("\tesac\n}\n", stdout);
}

/* The options of the command, where a word begins with -. */
static void
print_options(const struct ep_command *const *commands)
{
	fputs("\t\tesac\n\t\tif [[ $cur == -* ]]; then\n\t\t\tlocal own=\n"
	      "\t\t\tcase $command in\n",
	      stdout);
	for (size_t i = 0; commands[i]; i++) {
		printf("\t\t\t%s) own='", commands[i]->name);
		print_names(commands[i]->options);
		fputs("' ;;\n", stdout);
	}
	fputs("\t\t\tesac\n\t\t\t_echoprint_words \"$own", stdout);
	print_names(ep_global_options);
	fputs("\" \"$cur\"\n\t\t\treturn\n\t\tfi\n", stdout);
}

void
ep_complete_bash(const struct ep_command *const *commands)
{
	fputs(head, stdout);
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->old_name)
			printf("\t%s) command=%s ;;\n", commands[i]->old_name, commands[i]->name);
	}
	fputs(walk, stdout);
	for (size_t i = 0; commands[i]; i++)
		print_values(commands[i], commands[i]->options);
	print_values(NULL, ep_global_options);
	print_options(commands);
	print_arguments(commands);
	fputs("\n_echoprint_takes_value()\n{\n\tcase $1,$2 in\n", stdout);
	for (size_t i = 0; commands[i]; i++)
		print_takes(commands[i], commands[i]->options);
	print_takes(NULL, ep_global_options);
	fputs("\t*) return 1 ;;\n\tesac\n}\n\ncomplete -F _echoprint echoprint", stdout);
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->old_name)
			printf(" %s", commands[i]->old_name);
	}
	putchar('\n');
}
