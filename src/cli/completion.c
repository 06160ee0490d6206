#include "cli/completion.h"

#include <stdio.h>
#include <string.h>

static struct ep_hint
hint_of(const char *what)
{
	if (!what)
		return (struct ep_hint){ .kind = EP_HINT_NOTHING };
	if (strcmp(what, "FILE") == 0)
		return (struct ep_hint){ .kind = EP_HINT_FILES };
	if (strcmp(what, "DIR") == 0)
		return (struct ep_hint){ .kind = EP_HINT_FOLDERS };
	return (struct ep_hint){ .kind = EP_HINT_WORDS, .words = what };
}

struct ep_hint
ep_hint_value(const struct ep_command *command, const struct ep_option *option)
{
	const struct ep_choices *choices = command ? command->choices : NULL;
	for (; choices && choices->option; choices++) {
		if (strcmp(choices->option, option->name) == 0)
			return hint_of(choices->words);
	}
	bool place = strcmp(option->value, "FILE") == 0 || strcmp(option->value, "DIR") == 0;
	return hint_of(place ? option->value : NULL);
}

struct ep_hint
ep_hint_arguments(const struct ep_command *command)
{
	return hint_of(command->arguments);
}

void
ep_print_escaped(const char *text, const char *special, const char *escape)
{
	for (; *text; text++) {
		if (strchr(special, *text))
			fputs(escape, stdout);
		putchar(*text);
	}
}
