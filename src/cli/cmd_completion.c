#include "cli/completion.h"

#include <string.h>

static const struct ep_option options[] = { { 0 } };

static const struct shell {
	const char *name;
	void (*print)(const struct ep_command *const *commands);
} shells[] = {
	{ "bash", ep_complete_bash },
	{ "zsh", ep_complete_zsh },
	{ "fish", ep_complete_fish },
};
#define SHELL_COUNT (sizeof shells / sizeof *shells)

static enum ep_exit
run(const struct ep_call *call)
{
	if (call->argument_count != 1)
		return ep_bad_usage(call->command, "give one shell: bash, zsh or fish");
	for (size_t i = 0; i < SHELL_COUNT; i++) {
		if (strcmp(call->arguments[0], shells[i].name) == 0) {
			shells[i].print(call->commands);
			return EP_EXIT_DONE;
		}
	}
	return ep_bad_usage(call->command, "the shell is \"%s\", but must be bash, zsh or fish",
	                    call->arguments[0]);
}

const struct ep_command ep_cmd_completion = {
	.name = "completion",
	.synopsis = "bash|zsh|fish",
	.summary = "Print a script by which a shell completes commands and options",
	.details = "The scripts are installed with the program. Where a shell does not find its "
		   "script:\n\n"
		   "    source <(echoprint completion bash)\n"
		   "    echoprint completion zsh > FOLDER/_echoprint (FOLDER is in $fpath)\n"
		   "    echoprint completion fish | source\n",
	.options = options,
	.arguments = "bash zsh fish",
	.without_folder = true,
	.run = run,
};
