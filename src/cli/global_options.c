#include "cli/global_options.h"

#include <stdio.h>
#include <stdlib.h>

const struct ep_option ep_global_options[EP_GLOBAL_COUNT + 1] = {
	[EP_GLOBAL_DATA] = { "data", 'd', "DIR", "data folder (default: see echoprint --help)" },
	[EP_GLOBAL_CONFIG] = { "config", 0, "FILE", "configuration of serve and monitor" },
	[EP_GLOBAL_QUIET] = { "quiet", 'q', NULL, "show no progress" },
	[EP_GLOBAL_VERBOSE] = { "verbose", 'v', NULL, "print more detail" },
	[EP_GLOBAL_JSON] = { "json", 0, NULL, "print the result as one JSON object" },
	[EP_GLOBAL_HELP] = { "help", 'h', NULL, "print this help" },
	[EP_GLOBAL_VERSION] = { "version", 0, NULL, "print the version" },
	{ 0 },
};

const char *
ep_default_folder(void)
{
	static char folder[4096];
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
