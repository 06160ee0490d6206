#include "cli/keep_others.h"

#include "net/keeper.h"
#include "net/legacy/legacy_push.h"
#include "net/legacy/old_solr.h"
#include "net/solr/push.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS 2

struct ep_others {
	struct ep_others_options options;
	struct ep_keeper *solr_keeper;
	char solr_name[EP_SOLR_NAME_MAX + 8];
	struct ep_solr_push *solr_push;
	struct ep_keeper *legacy_keeper;
};

/* ---- a collection ---- */

static void
on_line(void *context, const char *line)
{
	const struct ep_others *others = context;
	others->options.on_line(others->options.context, false, line);
}

/* Says what was not sent, and why. */
static void
tell_document(const struct ep_others *others, const char *who, struct ep_text id, const char *why)
{
	char line[512];
	snprintf(line, sizeof line, "%s %.*s: %s", who, ep_text_print_size(id), id.at, why);
	others->options.on_line(others->options.context, false, line);
}

static void
on_refused(void *context, struct ep_text id, const char *why)
{
	tell_document(context, "Solr refuses", id, why);
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

/* ---- servers of 2011 ---- */

/* So long is waited until `serve` has linked copies among what is new. */
#define COPIES_S 20.0

static void
on_left_out(void *context, struct ep_text id, const char *what)
{
	tell_document(context, "legacy:", id, what);
}

static enum ep_status
push_legacy(void *context, const atomic_bool *stop, struct ep_error *err)
{
	struct ep_others *others = context;
	struct ep_legacy_push_report report = { 0 };
	struct ep_legacy_push_options wanted = { .log = ep_node_log(others->options.node),
		                                 .solr = others->options.old_solr,
		                                 .tyrant = others->options.old_tyrant,
		                                 .name = EP_LEGACY_NAME,
		                                 .ascii = others->options.ascii,
		                                 .copies_s = COPIES_S,
		                                 .stop = stop,
		                                 .on_document = on_left_out,
		                                 .context = others };
	return ep_legacy_push(&report, &wanted, err);
}

static enum ep_status
keep_legacy(struct ep_others *others, struct ep_error *err)
{
	struct ep_keeper_options keeper = { .log = ep_node_log(others->options.node),
		                            .name = "legacy." EP_LEGACY_NAME,
		                            .push = push_legacy,
		                            .context = others,
		                            .on_line = others->options.on_line,
		                            .line_context = others->options.context };
	/* What is wrong with the URL is said at once. */
	struct ep_old_solr *solr;
	EP_TRY(ep_old_solr_new(&solr, others->options.old_solr, NULL, err));
	ep_old_solr_free(solr);
	return ep_keeper_start(&others->legacy_keeper, &keeper, err);
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
	if (status == EP_OK && options->old_solr)
		status = keep_legacy(others, err);
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
	ep_keeper_stop(others->legacy_keeper);
	ep_keeper_stop(others->solr_keeper);
	ep_solr_push_close(others->solr_push);
	free(others);
}
