#include "node/feed_folder.h"

#include "base/file.h"
#include "node/node_name.h"
#include "node/settle.h"
#include "sync/feed_files.h"
#include "sync/master/inbox.h"
#include "sync/places.h"

/* Begins a new epoch, above all that the folder shows: what slaves left there is looked at first.
 */
static enum ep_status
begin_epoch(struct ep_log *log, const char *folder, const atomic_bool *stop, struct ep_error *err)
{
	size_t taken;
	uint64_t epoch;
	enum ep_status status = ep_inbox_folder(&taken, log, folder, NULL, stop, err);
	if (status != EP_OK && status != EP_DIVERGED)
		return status;
	return ep_feed_new_epoch(&epoch, log, folder, err);
}

/* Takes in what lies in the folder, and links copies among what slaves brought. */
static enum ep_status
take_in(size_t *taken, struct ep_node *node, const char *folder,
        const struct ep_publish_options *options, struct ep_error *err)
{
	struct ep_copies_report copies;
	const atomic_bool *stop = ep_node_options(node)->stop;
	enum ep_status status =
		ep_inbox_folder(taken, ep_node_log(node), folder, options->on_refused, stop, err);
	if (*taken && status != EP_INTERRUPTED && status != EP_DIVERGED)
		EP_TRY(ep_node_settle(&copies, node, err));
	return status;
}

enum ep_status
ep_node_new_epoch(struct ep_node *node, struct ep_error *err)
{
	struct ep_log *log = ep_node_log(node);
	uint64_t epoch;
	EP_FREE char *feed = ep_path_join(ep_log_folder(log), EP_FEED_FOLDER);
	if (!feed)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	return ep_feed_new_epoch(&epoch, log, feed, err);
}

enum ep_status
ep_node_publish(struct ep_feed_report *report, size_t *taken, struct ep_node *node,
                const char *folder, const struct ep_publish_options *options, struct ep_error *err)
{
	struct ep_log *log = ep_node_log(node);
	const atomic_bool *stop = ep_node_options(node)->stop;
	char name[EP_SOURCE_NAME_MAX + 1];
	EP_TRY(ep_log_node_name(name, log, err));
	if (options->new_epoch)
		EP_TRY(begin_epoch(log, folder, stop, err));
	/* Whatever lies there keeps nobody from the feed. */
	struct ep_error why = { 0 };
	enum ep_status took = take_in(taken, node, folder, options, &why);
	if (took == EP_INTERRUPTED || took == EP_NO_MEMORY || took == EP_DIVERGED)
		return ep_fail(err, took, "%s", why.text);
	struct ep_feed_options wanted = {
		.name = name,
		.stop = stop,
		.check_bytes = EP_FEED_CHECK_BYTES,
		.on_damage = options->on_damage,
		.context = options->context,
	};
	EP_TRY(ep_feed_publish(report, log, folder, &wanted, err));
	return took == EP_OK ? EP_OK : ep_fail(err, took, "%s", why.text);
}
