#include "cli/keep_others.h"

#include "net/keeper.h"
#include "net/solr/push.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS 2

struct ep_others {
	struct ep_others_options options;
	struct ep_keeper *solr_keeper;
	char solr_name[EP_SOLR_NAME_MAX + 8];
	struct ep_solr_push *solr_push;
};

/* ---- a collection ---- */

static void
on_line(void *context, const char *line)
{
	const struct ep_others *others = context;
	others->options.on_line(others->options.context, false, line);
}

static void
on_refused(void *context, struct ep_text id, const char *why)
{
	char line[512];
	snprintf(line, sizeof line, "Solr refuses %.*s: %s", ep_text_print_size(id), id.at, why);
	on_line(context, line);
}

static enum ep_status
push_solr(void *context, const atomic_bool *stop, struct ep_error *err)
{
	struct ep_others *others = context;
	struct ep_solr_push_report report;
	struct ep_solr_push_options wanted = { .log = ep_node_log(others->options.node),
		                               .solr = *others->options.solr,
		                               .connections = CONNECTIONS,
		                               .on_refused = on_refused,
		                               .on_line = on_line,
		                               .context = others };
	wanted.solr.stop = stop;
	if (!others->solr_push)
		EP_TRY(ep_solr_push_open(&others->solr_push, &wanted, err));
	return ep_solr_push(&report, others->solr_push, err);
}

static enum ep_status
keep_solr(struct ep_others *others, struct ep_error *err)
{
	struct ep_keeper_options keeper = { .log = ep_node_log(others->options.node),
		                            .name = others->solr_name,
		                            .push = push_solr,
		                            .context = others,
		                            .on_line = others->options.on_line,
		                            .line_context = others->options.context };
	/* What is wrong with the options is said at once. */
	struct ep_solr *solr;
	EP_TRY(ep_solr_open(&solr, others->options.solr, err));
	ep_solr_close(solr);
	snprintf(others->solr_name, sizeof others->solr_name, "solr.%s",
	         others->options.solr->collection);
	return ep_keeper_start(&others->solr_keeper, &keeper, err);
}

/* ---- all of them ---- */

enum ep_status
ep_others_start(struct ep_others **out, const struct ep_others_options *options,
                struct ep_error *err)
{
	struct ep_others *others = calloc(1, sizeof *others);
	if (!others)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	others->options = *options;
	enum ep_status status = options->solr ? keep_solr(others, err) : EP_OK;
	if (status != EP_OK)
		ep_others_stop(others);
	else
		*out = others;
	return status;
}

void
ep_others_stop(struct ep_others *others)
{
	if (!others)
		return;
	ep_keeper_stop(others->solr_keeper);
	ep_solr_push_close(others->solr_push);
	free(others);
}
