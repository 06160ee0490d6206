#include "node/node.h"

#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ep_node {
	struct ep_node_options options;
	char scratch[32]; /* the folder that stands for one that is not there; empty: none does */
	struct ep_log *log;
	struct ep_index *index; /* NULL until it is asked for */
	uint64_t position; /* of the log for which the index was opened last */
	double opened_s;
};

/* ---- opening and closing ---- */

/* A dry run where there is no data folder runs on an empty one, which goes afterwards. */
static enum ep_status
open_scratch(struct ep_node *node, struct ep_error *err)
{
	memcpy(node->scratch, "/tmp/echoprint-dry-run-XXXXXX", 30);
	if (!mkdtemp(node->scratch)) {
		node->scratch[0] = '\0';
		return ep_fail_errno(err, errno, "cannot create a folder in /tmp");
	}
	return ep_log_open_within(&node->log, node->scratch, EP_LOG_MAKE, node->options.map_size,
	                          err);
}

static void
remove_scratch(const struct ep_node *node)
{
	static const char *const names[] = { "/data.mdb", "/lock.mdb", "/key", "" };
	size_t count = sizeof names / sizeof *names;
	for (size_t i = 0; node->scratch[0] && i < count; i++) {
		char path[64];
		snprintf(path, sizeof path, "%s%s", node->scratch, names[i]);
		(void)remove(path);
	}
}

enum ep_status
ep_node_open(struct ep_node **out, const struct ep_node_options *options, struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = calloc(1, sizeof *node);
	if (!node)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	node->options = *options;
	enum ep_status status = ep_log_open_within(&node->log, options->folder, options->mode,
	                                           options->map_size, err);
	if (status == EP_NOT_FOUND && options->dry)
		status = open_scratch(node, err);
	if (status == EP_OK)
		*out = EP_TAKE(node);
	return status;
}

void
ep_node_close(struct ep_node *node)
{
	if (!node)
		return;
	ep_index_close(node->index);
	ep_log_close(node->log);
	remove_scratch(node);
	free(node);
}

struct ep_log *
ep_node_log(const struct ep_node *node)
{
	return node->log;
}

const struct ep_node_options *
ep_node_options(const struct ep_node *node)
{
	return &node->options;
}

enum ep_status
ep_node_master(bool *is_there, struct ep_master *master, const struct ep_node *node,
               struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, node->log, err));
	enum ep_status status = ep_master_load(master, read, err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	*is_there = status == EP_OK;
	return EP_OK;
}

/* ---- the index ---- */

static void
on_progress(void *context, uint64_t position, uint64_t last)
{
	const struct ep_node_options *options = context;
	options->on_work(options->context, EP_NODE_INDEXES, position, last);
}

static enum ep_status
bring_up(struct ep_node *node, bool anew, struct ep_error *err)
{
	const struct ep_node_options *given = &node->options;
	struct ep_index_options options = { .stop = given->stop,
		                            .on_progress = given->on_work ? on_progress : NULL,
		                            .context = &node->options };
	enum ep_status status = anew ? ep_index_rebuild(node->log, &options, err)
	                             : ep_index_follow(node->log, &options, err);
	if (given->on_work)
		given->on_work(given->context, EP_NODE_RESTS, 0, 0);
	return status;
}

enum ep_status
ep_node_follow_index(struct ep_node *node, struct ep_error *err)
{
	return bring_up(node, false, err);
}

enum ep_status
ep_node_follow_change(struct ep_node *node, struct ep_error *err)
{
	enum ep_status status = ep_node_follow_index(node, err);
	if (status != EP_OK)
		ep_error_prefix(err, "the change is kept, but the index does not have it yet: ");
	return status;
}

enum ep_status
ep_node_rebuild_index(struct ep_node *node, struct ep_error *err)
{
	return bring_up(node, true, err);
}

enum ep_status
ep_node_check_index(const struct ep_node *node, struct ep_error *err)
{
	EP_OWNED(ep_index_close)
	struct ep_index *index = NULL;
	enum ep_status status = ep_index_open(&index, node->log, err);
	if (status == EP_NOT_FOUND)
		return EP_OK; /* only late */
	return status == EP_OK ? ep_index_check(index, err) : status;
}

static enum ep_status
look_at_log(uint64_t *position, const struct ep_node *node, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&read, node->log, err));
	ep_log_state(&state, read);
	*position = state.position;
	return EP_OK;
}

static enum ep_status
open_index(struct ep_node *node, struct ep_error *err)
{
	enum ep_status status = ep_index_open(&node->index, node->log, err);
	if (status != EP_NOT_FOUND)
		return status;
	ep_log_close(EP_TAKE(node->log));
	EP_TRY(ep_log_open_within(&node->log, node->options.folder, EP_LOG_WRITE,
	                          node->options.map_size, err));
	EP_TRY(ep_node_follow_index(node, err));
	return ep_index_open(&node->index, node->log, err);
}

enum ep_status
ep_node_open_index(struct ep_node *node, struct ep_error *err)
{
	EP_TRY(open_index(node, err));
	node->opened_s = ep_clock_s();
	return look_at_log(&node->position, node, err);
}

struct ep_index *
ep_node_index(const struct ep_node *node)
{
	return node->index;
}

enum ep_status
ep_node_refresh_index(struct ep_node *node, struct ep_error *err)
{
	uint64_t position;
	struct ep_index *index = NULL;
	if (ep_clock_s() - node->opened_s < EP_NODE_REFRESH_S)
		return EP_OK;
	node->opened_s = ep_clock_s();
	EP_TRY(look_at_log(&position, node, err));
	bool same = position == node->position;
	if (same && !ep_index_is_old(node->index))
		return EP_OK;
	enum ep_status status = EP_NOT_FOUND;
	if (same)
		status = ep_index_renew(node->index, node->log, err);
	if (status != EP_NOT_FOUND)
		return status;
	status = ep_index_open(&index, node->log, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	ep_index_close(node->index);
	node->index = index;
	node->position = position;
	return EP_OK;
}

/* ---- the catalogue ---- */

static void
on_catalogue(void *context, uint64_t position, uint64_t last)
{
	const struct ep_node_options *options = context;
	options->on_work(options->context, EP_NODE_LISTS, position, last);
}

enum ep_status
ep_node_follow_catalogue(struct ep_node *node, struct ep_catalogue *catalogue, struct ep_error *err)
{
	const struct ep_node_options *given = &node->options;
	struct ep_catalogue_options options = { .stop = given->stop,
		                                .on_progress = given->on_work ? on_catalogue : NULL,
		                                .context = &node->options };
	enum ep_status status = ep_catalogue_follow(catalogue, &options, err);
	if (given->on_work)
		given->on_work(given->context, EP_NODE_RESTS, 0, 0);
	return status;
}
