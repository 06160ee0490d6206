#include "cli/completion.h"
#include "cli/global_options.h"

#include <stdio.h>
#include <string.h>

/* Prints text inside '...[...]' of _arguments. */
static void
print_help(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		else if (strchr("[]:\\", *text))
			putchar('\\');
		putchar(*text);
	}
}

/* ":DIR:_files -/" */
static void
print_hint(const char *name, struct ep_hint hint)
{
	printf(":%s:", name);
	if (hint.kind == EP_HINT_WORDS)
		printf("(%s)", hint.words);
	else if (hint.kind == EP_HINT_FILES)
		fputs("_files", stdout);
	else if (hint.kind == EP_HINT_FOLDERS)
		fputs("_files -/", stdout);
	else
		putchar(' ');
}

static bool
is_among(const struct ep_option *options, const char *name)
{
	for (; options && options->name; options++) {
		if (strcmp(options->name, name) == 0)
			return true;
	}
	return false;
}

/* '(-l --listen)'{-l,--listen=}'[address]:ADDR:PORT: '; those with a namesake in `others` not. */
static void
print_options(const struct ep_command *command, const struct ep_option *option,
              const struct ep_option *others)
{
	for (; option && option->name; option++) {
		const char *equals = option->value ? "=" : "";
		if (is_among(others, option->name))
			continue;
		fputs(" \\\n\t\t\t", stdout);
		if (option->letter)
			printf("'(-%c --%s)'{-%c%s,--%s%s}'[", option->letter, option->name,
			       option->letter, option->value ? "+" : "", option->name, equals);
		else
			printf("'--%s%s[", option->name, equals);
		print_help(option->help);
		putchar(']');
		if (option->value) {
			char name[32]; /* a colon would end it */
			snprintf(name, sizeof name, "%s", option->value);
			for (char *colon = strchr(name, ':'); colon; colon = strchr(name, ':'))
				*colon = ' ';
			print_hint(name, ep_hint_value(command, option));
		}
		putchar('\'');
	}
}

static void
print_command(const struct ep_command *command)
{
	struct ep_hint hint = ep_hint_arguments(command);
	printf("\t%s", command->name);
	if (command->old_name)
		printf(" | %s", command->old_name);
	fputs(")\n\t\t_arguments -s", stdout);
	print_options(command, command->options, NULL);
	print_options(NULL, ep_global_options, command->options);
	if (hint.kind != EP_HINT_NOTHING) {
		printf(" \\\n\t\t\t'%s", hint.kind == EP_HINT_WORDS ? "1" : "*");
		print_hint("argument", hint);
		putchar('\'');
	}
	fputs(" ;;\n", stdout);
}

void
ep_complete_zsh(const struct ep_command *const *commands)
{
	fputs("#compdef echoprint", stdout);
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->old_name)
			printf(" %s", commands[i]->old_name);
	}
	fputs("\n# zsh completion of echoprint, printed by `echoprint completion zsh`\n\n"
	      "_echoprint_command()\n{\n\tcase $1 in\n",
	      stdout);
	for (size_t i = 0; commands[i]; i++)
		print_command(commands[i]);
	fputs("\thelp) _arguments '1:command:_echoprint_commands' ;;\n\tesac\n}\n\n"
	      "_echoprint_commands()\n{\n\tlocal -a commands=(\n\t\t'help:Describe a command'\n",
	      stdout);
	for (size_t i = 0; commands[i]; i++) {
		printf("\t\t'%s:", commands[i]->name);
		ep_print_escaped(commands[i]->summary, "'", "'\\'");
		fputs("'\n", stdout);
	}
	fputs("\t)\n\t_describe command commands\n}\n\n"
	      "_echoprint()\n{\n\tlocal curcontext=$curcontext state line\n"
	      "\tif [[ ${words[1]:t} != echoprint ]]; then\n"
	      "\t\t_echoprint_command ${words[1]:t}\n\t\treturn\n\tfi\n"
	      "\t_arguments -s -C",
	      stdout);
	print_options(NULL, ep_global_options, NULL);
	fputs(" \\\n\t\t\t'1:command:_echoprint_commands' '*::argument:->arguments'\n"
	      "\t[[ $state == arguments ]] && _echoprint_command $words[1]\n}\n\n"
	      "_echoprint \"$@\"\n",
	      stdout);
}
