#include "cli/reload.h"

#include "cli/logging.h"

#include <string.h>

enum ep_status
ep_logging_begin(const struct ep_settings *settings, struct ep_error *err)
{
	const char *format = ep_settings_find(settings, "log-format")->value;
	const char *level = ep_settings_find(settings, "log-level")->value;
	if (!level && settings->all[EP_GLOBAL_VERBOSE].value)
		level = "debug";
	return ep_logging_set(settings->given.command->name, format, level, err);
}

static bool
same_value(const char *one, const char *other)
{
	return one && other ? strcmp(one, other) == 0 : one == other;
}

/* Tells what has another value now, and was not taken. */
static void
tell_changed(const struct ep_setting *next, const struct ep_setting *started,
             const struct ep_settings *settings)
{
	char origin[240];
	for (; next->option; next++, started++) {
		bool live = ep_has_word(settings->given.command->live, next->option->name);
		if (live || same_value(next->value, started->value))
			continue;
		const struct ep_setting *from = next->origin == EP_FROM_DEFAULT ? started : next;
		ep_settings_origin(origin, sizeof origin, settings, from);
		ep_tell(EP_LEVEL_WARNING, "--%s has changed (%s): it is taken after a restart",
		        next->option->name, origin);
	}
}

bool
ep_reload(struct ep_settings **out, const struct ep_settings *started)
{
	struct ep_settings *next = NULL;
	struct ep_error err;
	enum ep_status status = ep_settings_read(&next, &started->given, &err);
	if (status == EP_OK && started->given.command->check) {
		struct ep_call call = { 0 };
		ep_settings_fill(&call, next);
		status = started->given.command->check(&call, &err);
		if (status != EP_OK)
			ep_settings_place(&err, next);
	}
	if (status == EP_OK)
		status = ep_logging_begin(next, &err);
	if (status != EP_OK) {
		ep_tell(EP_LEVEL_ERROR, "%s", err.text);
		ep_tell(EP_LEVEL_ERROR, "the settings stay as they were");
		ep_settings_free(next);
		return false;
	}
	tell_changed(next->own, started->own, next);
	tell_changed(next->all, started->all, next);
	*out = next;
	return true;
}

const char *
ep_live_value(const struct ep_settings *now, const struct ep_settings *started, const char *name)
{
	return ep_settings_find(now ? now : started, name)->value;
}
