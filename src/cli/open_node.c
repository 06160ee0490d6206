#include "cli/open_node.h"

#include "base/file.h"
#include "cli/settings.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* There is one terminal, and one call. */
static struct terminal {
	const struct ep_call *call;
	double shown; /* since when; 0: nothing is */
} terminal;

static void
on_work(void *context, enum ep_node_work work, uint64_t position, uint64_t last)
{
	struct terminal *at = context;
	if (work == EP_NODE_RESTS) {
		ep_show_progress(&at->shown, "%s", "");
		at->shown = 0;
	} else if (ep_shows_progress(at->call) && work == EP_NODE_INDEXES) {
		ep_show_progress(&at->shown, "indexing: position %s of %s", ep_grouped(position),
		                 ep_grouped(last));
	} else if (ep_shows_progress(at->call) && work == EP_NODE_LISTS) {
		ep_show_progress(&at->shown, "adding names to the catalogue: position %s of %s",
		                 ep_grouped(position), ep_grouped(last));
	} else if (ep_shows_progress(at->call)) {
		ep_show_progress(&at->shown, "looking for copies: position %s of %s",
		                 ep_grouped(position), ep_grouped(last));
	}
}

enum ep_status
ep_map_size(size_t *size, struct ep_error *err)
{
	const char *text = getenv("ECHOPRINT_MAP_SIZE");
	*size = 0;
	if (!text || !*text)
		return EP_OK;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || *text == '-' || value < 1048576 || value > SIZE_MAX / 2)
		return ep_fail(err, EP_USAGE,
		               "ECHOPRINT_MAP_SIZE is \"%s\", but must be a number of bytes, at "
		               "least 1048576",
		               text);
	*size = (size_t)value;
	return EP_OK;
}

/* Refuses to make a node for root, without a word on the data folder, beside that of the service,
 * which is most likely meant. */
static enum ep_status
check_service(const struct ep_call *call, enum ep_log_mode mode, struct ep_error *err)
{
	EP_FREE char *log = ep_path_join(call->folder, "data.mdb");
	bool makes = mode == EP_LOG_MAKE && log && access(log, F_OK) != 0;
	if (makes && geteuid() == 0 && call->folder_is_default &&
	    access(EP_SERVICE_FOLDER "/data.mdb", F_OK) == 0)
		return ep_fail(err, EP_USAGE,
		               "give -d " EP_SERVICE_FOLDER
		               " for the node of the service, or -d %s "
		               "for another one",
		               call->folder);
	return EP_OK;
}

enum ep_status
ep_open_log(struct ep_log **log, const struct ep_call *call, enum ep_log_mode mode,
            struct ep_error *err)
{
	size_t map_size;
	EP_TRY(check_service(call, mode, err));
	EP_TRY(ep_map_size(&map_size, err));
	return ep_log_open_within(log, call->folder, mode, map_size, err);
}

enum ep_status
ep_open_node(struct ep_node **node, const struct ep_call *call, enum ep_log_mode mode, bool dry,
             struct ep_error *err)
{
	struct ep_node_options options = { .folder = call->folder,
		                           .mode = mode,
		                           .dry = dry,
		                           .stop = call->stop,
		                           .on_work = on_work,
		                           .context = &terminal };
	EP_TRY(check_service(call, mode, err));
	EP_TRY(ep_map_size(&options.map_size, err));
	terminal.call = call;
	return ep_node_open(node, &options, err);
}
