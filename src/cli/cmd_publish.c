#include "cli/cli.h"
#include "cli/open_node.h"
#include "node/node_name.h"
#include "node/settle.h"
#include "sync/feed_files.h"
#include "sync/master/feed_writer.h"
#include "sync/master/inbox.h"

#include <stdio.h>

enum { OPTION_NEW_EPOCH };

static const struct ep_option options[] = {
	[OPTION_NEW_EPOCH] = { "new-epoch", 0, NULL,
	                       "begin a new history: after the data was restored from a copy" },
	{ 0 },
};

static void
on_refused(const char *file, const char *why)
{
	ep_say("%s refused: %s", file, why);
}

static void
on_damage(void *context, const char *file, const char *what)
{
	(void)context;
	ep_say("%s %s", file, what);
}

/* Begins a new epoch, above all that the folder shows: what slaves left there is looked at first.
 */
static enum ep_status
begin_epoch(struct ep_log *log, const char *folder, const struct ep_call *call,
            struct ep_error *err)
{
	size_t taken;
	uint64_t epoch;
	enum ep_status status = ep_inbox_folder(&taken, log, folder, NULL, call->stop, err);
	if (status != EP_OK && status != EP_DIVERGED)
		return status;
	return ep_feed_new_epoch(&epoch, log, folder, err);
}

/* Takes in what lies in the folder, and links copies among what slaves brought. */
static enum ep_status
take_in(size_t *taken, const struct ep_call *call, struct ep_node *node, struct ep_error *err)
{
	struct ep_copies_report copies;
	enum ep_status status = ep_inbox_folder(taken, ep_node_log(node), call->arguments[0],
	                                        on_refused, call->stop, err);
	if (*taken && status != EP_INTERRUPTED && status != EP_DIVERGED)
		EP_TRY(ep_node_settle(&copies, node, EP_DEDUP_BY_ROLE, err));
	return status;
}

static enum ep_status
publish(struct ep_feed_report *report, size_t *taken, const struct ep_call *call,
        struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	char name[EP_SOURCE_NAME_MAX + 1];
	const char *folder = call->arguments[0];
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	struct ep_log *log = ep_node_log(node);
	EP_TRY(ep_log_node_name(name, log, err));
	if (call->values[OPTION_NEW_EPOCH])
		EP_TRY(begin_epoch(log, folder, call, err));
	/* Whatever lies there keeps nobody from the feed. */
	struct ep_error why = { 0 };
	enum ep_status took = take_in(taken, call, node, &why);
	if (took == EP_INTERRUPTED || took == EP_NO_MEMORY || took == EP_DIVERGED)
		return ep_fail(err, took, "%s", why.text);
	struct ep_feed_options wanted = {
		.name = name,
		.stop = call->stop,
		.check_bytes = EP_FEED_CHECK_BYTES,
		.on_damage = on_damage,
	};
	EP_TRY(ep_feed_publish(report, log, folder, &wanted, err));
	return took == EP_OK ? EP_OK : ep_fail(err, took, "%s", why.text);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_feed_report report = { 0 };
	struct ep_error err;
	size_t taken = 0;
	if (call->argument_count != 1)
		return ep_bad_usage(call->command, "give the folder into which the feed goes");
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
	.details = "DIR gets feed.json, which is signed, and packets; again, only what is new. "
		   "Slaves\n"
		   "follow it by `join` and `sync`, over HTTP or as a folder. What slaves left in "
		   "DIR\n"
		   "(requests to join, contributions) is taken in first, and answered there.\n",
	.options = options,
	.run = run,
};
