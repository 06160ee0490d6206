#include "cli/settings.h"

#include <stdio.h>
#include <string.h>

static const struct ep_option options[] = { { 0 } };

/* What is done with the settings of all commands. */
struct shown {
	void (*take)(struct shown *shown, const struct ep_settings *settings,
	             const struct ep_setting *setting);
	json_t *list; /* with --json */
	const char *path; /* of the file; NULL: there is none */
};

/* Whether an option may be set in the section of a command; NULL: of all. */
static bool
may_be_set(const struct ep_settings *settings, const struct ep_command *command,
           const struct ep_option *option)
{
	const struct ep_option *found = NULL;
	return ep_settings_key(&found, settings->given.commands, command, option->name) ==
	               EP_KEY_SETTING &&
	       strcmp(found->help, option->help) == 0;
}

/* Hands on the settings of a command, those that all have first. */
static void
each_setting(struct shown *shown, const struct ep_settings *settings)
{
	const struct ep_setting *lists[] = { settings->all, settings->own };
	for (size_t i = 0; i < 2; i++) {
		for (const struct ep_setting *at = lists[i]; at->option; at++) {
			if (may_be_set(settings, settings->given.command, at->option))
				shown->take(shown, settings, at);
		}
	}
}

/* ---- show and check ---- */

static const char *
value_text(const struct ep_setting *setting)
{
	if (setting->option->value)
		return setting->value ? setting->value : "";
	return setting->value ? "yes" : "no";
}

/* As a line of the file, with its origin as a comment; what is not set is a comment as a whole. */
static void
print_setting(struct shown *shown, const struct ep_settings *settings,
              const struct ep_setting *setting)
{
	char origin[240];
	(void)shown;
	ep_settings_origin(origin, sizeof origin, settings, setting);
	bool set = setting->origin != EP_FROM_DEFAULT;
	printf("%s%s = ", set ? "" : "# ", setting->option->name);
	ep_print_text(ep_text_of(value_text(setting)));
	fputs(" ; ", stdout);
	ep_print_text(ep_text_of(origin));
	putchar('\n');
}

static void
print_set(struct shown *shown, const struct ep_settings *settings, const struct ep_setting *setting)
{
	if (setting->origin != EP_FROM_DEFAULT)
		print_setting(shown, settings, setting);
}

static void
add_setting(struct shown *shown, const struct ep_settings *settings,
            const struct ep_setting *setting)
{
	char origin[240];
	bool set = setting->option->value == NULL || setting->value != NULL;
	ep_settings_origin(origin, sizeof origin, settings, setting);
	(void)json_array_append_new(
		shown->list, json_pack("{s:s, s:s, s:s?, s:s}", "command",
	                               settings->given.command->name, "key", setting->option->name,
	                               "value", set ? value_text(setting) : NULL, "from", origin));
}

/* Reads the settings of a command as if it were called like this one, and lets it check them. */
static enum ep_status
read_settings(struct ep_settings **out, const struct ep_call *call,
              const struct ep_command *command, const char *path, struct ep_error *err)
{
	EP_OWNED(ep_settings_free)
	struct ep_settings *settings = NULL;
	struct ep_given given = { .commands = call->commands, .command = command };
	struct ep_call checked = { .stop = call->stop };
	memcpy(given.all, call->settings->given.all, sizeof given.all);
	given.all[EP_GLOBAL_JSON] = NULL; /* which is for what this command prints */
	if (path)
		given.all[EP_GLOBAL_CONFIG] = path;
	EP_TRY(ep_settings_read(&settings, &given, err));
	ep_settings_fill(&checked, settings);
	enum ep_status status = command->check ? command->check(&checked, err) : EP_OK;
	if (status != EP_OK) {
		ep_settings_place(err, settings);
		return err->status = EP_BAD_INPUT;
	}
	*out = EP_TAKE(settings);
	return EP_OK;
}

/* Hands on the settings of all commands; take NULL: only reads whether they are right. */
static enum ep_status
walk(struct shown *shown, const struct ep_call *call, const char *path, struct ep_error *err)
{
	for (size_t i = 0; call->commands[i]; i++) {
		EP_OWNED(ep_settings_free)
		struct ep_settings *settings = NULL;
		if (!call->commands[i]->has_settings)
			continue;
		EP_TRY(read_settings(&settings, call, call->commands[i], path, err));
		shown->path = settings->path;
		if (!shown->take)
			continue;
		if (!shown->list)
			printf("\n[%s]\n", call->commands[i]->name);
		each_setting(shown, settings);
	}
	return EP_OK;
}

static enum ep_exit
show(const struct ep_call *call, const char *path, bool only_set)
{
	struct ep_error err;
	struct shown shown = { 0 };
	/* Nothing is printed of what is wrong. */
	if (walk(&shown, call, path, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json) {
		shown.take = add_setting;
		shown.list = json_array();
	} else {
		shown.take = only_set ? print_set : print_setting;
		fputs(shown.path ? "# file: " : "# no file", stdout);
		ep_print_text(ep_text_of(shown.path ? shown.path : ""));
		putchar('\n');
	}
	if (walk(&shown, call, path, &err) != EP_OK) {
		json_decref(shown.list);
		return ep_give_up(call, &err);
	}
	return call->json ? ep_print_json(json_pack("{s:s?, s:o}", "file", shown.path, "settings",
	                                            shown.list),
	                                  EP_EXIT_DONE)
	                  : EP_EXIT_DONE;
}

/* ---- example ---- */

static void
print_keys(const struct ep_settings *settings, const struct ep_option *option, bool common)
{
	for (; option->name; option++) {
		if (may_be_set(settings, NULL, option) != common ||
		    (!common && !may_be_set(settings, settings->given.command, option)))
			continue;
		printf("# %s\n#%s = %s\n", option->help, option->name,
		       option->value ? option->value : "yes");
	}
}

static enum ep_exit
print_example(const struct ep_call *call)
{
	bool first = true;
	fputs("# Configuration of `echoprint serve` and `echoprint monitor`, with all keys as "
	      "comments.\n"
	      "# The service reads it as " EP_SERVICE_SETTINGS "; --config FILE names another.\n"
	      "# A command line and the environment (ECHOPRINT_SERVE_LISTEN) stand before it.\n"
	      "# Secrets stay in files that are named here. `echoprint config check` checks it.\n",
	      stdout);
	for (size_t i = 0; call->commands[i]; i++) {
		struct ep_settings none = { .given = { .commands = call->commands,
			                               .command = call->commands[i] } };
		if (!call->commands[i]->has_settings)
			continue;
		if (first) {
			fputs("\n# Of both commands.\n[" EP_SECTION_ALL "]\n", stdout);
			print_keys(&none, ep_global_options, true);
			print_keys(&none, call->commands[i]->options, true);
			first = false;
		}
		printf("\n[%s]\n", call->commands[i]->name);
		print_keys(&none, call->commands[i]->options, false);
	}
	return EP_EXIT_DONE;
}

static enum ep_exit
run(const struct ep_call *call)
{
	const char *verb = call->argument_count ? call->arguments[0] : "";
	bool checks = strcmp(verb, "check") == 0;
	if (call->argument_count > (checks ? 2U : 1U))
		return ep_bad_usage(call->command, "config %s takes %s", verb,
		                    checks ? "one FILE at most" : "no arguments");
	if (checks)
		return show(call, call->arguments[1], true);
	if (strcmp(verb, "show") == 0)
		return show(call, NULL, false);
	if (strcmp(verb, "example") == 0)
		return print_example(call);
	return ep_bad_usage(call->command, "say what to do: check, show or example");
}

const struct ep_command ep_cmd_config = {
	.name = "config",
	.synopsis = "check [FILE] | show | example",
	.summary = "Check and show the configuration of serve and monitor",
	.details =
		"Each option of serve and monitor that is not for one run may also be given by "
		"the\n"
		"environment, as ECHOPRINT_SERVE_LISTEN for --listen of serve, and by a file, "
		"under "
		"its\n"
		"long name in the section [serve], [monitor] or [all]. The command line wins over "
		"the\n"
		"environment, and that over the file. The file is FILE, else that of --config "
		"before the\n"
		"command, else $ECHOPRINT_CONFIG, else, if the data folder is " EP_SERVICE_FOLDER
		",\n" EP_SERVICE_SETTINGS " where there is one.\n\n"
		"check prints what is set and from where; exit status 1 with file and line if "
		"something\n"
		"is wrong. show prints the defaults, too. example prints a file with all keys.\n",
	.options = options,
	.arguments = "check show example",
	.without_folder = true,
	.run = run,
};
