#include "cli/open_node.h"
#include "node/feed_folder.h"

#include <stdio.h>

enum { OPTION_NEW_EPOCH };

static const struct ep_option options[] = {
	[OPTION_NEW_EPOCH] = { "new-epoch", 0, NULL,
	                       "begin a new epoch, after the data was restored from a copy" },
	{ 0 },
};

static void
on_refused(const char *file, const char *why)
{
	ep_say("%s was refused: %s", file, why);
}

static void
on_damage(void *context, const char *file, const char *what)
{
	(void)context;
	ep_say("%s %s", file, what);
}

static enum ep_status
publish(struct ep_feed_report *report, size_t *taken, const struct ep_call *call,
        struct ep_error *err)
{
	struct ep_publish_options wanted = { .new_epoch = call->values[OPTION_NEW_EPOCH] != NULL,
		                             .on_refused = on_refused,
		                             .on_damage = on_damage };
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	return ep_node_publish(report, taken, node, call->arguments[0], &wanted, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_feed_report report = { 0 };
	struct ep_error err;
	size_t taken = 0;
	if (call->argument_count != 1)
		return ep_bad_usage(call->command, "give the folder for the feed");
	if (publish(&report, &taken, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json)
		return ep_print_json(
			json_pack("{s:I, s:I, s:I, s:I}", "position", (json_int_t)report.position,
		                  "packets", (json_int_t)report.packets, "bytes",
		                  (json_int_t)report.bytes, "taken", (json_int_t)taken),
			EP_EXIT_DONE);
	printf("feed at position %s: %s of %s written\n", ep_grouped(report.position),
	       ep_counted(report.packets, "packet"), ep_bytes_text(report.bytes));
	if (taken)
		printf("%s from slaves taken in\n", ep_counted(taken, "file"));
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_publish = {
	.name = "publish",
	.synopsis = "[--new-epoch] DIR",
	.summary = "Write the feed for slaves as plain files, for any web server or mirror",
	.details = "Writes feed.json, which is signed, and packets to DIR; later runs write only "
		   "what is\n"
		   "new. Slaves follow the feed with `join` and `sync`, over HTTP or as a folder. "
		   "What\n"
		   "slaves left in DIR (requests to join, contributions) is taken in first and "
		   "answered\n"
		   "there.\n",
	.options = options,
	.arguments = "DIR",
	.run = run,
};
