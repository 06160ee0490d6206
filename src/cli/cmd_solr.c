#include "cli/forget.h"
#include "cli/open_node.h"
#include "cli/solr_options.h"
#include "net/keeper.h"
#include "net/solr/push.h"
#include "net/solr/solr_verify.h"

#include <stdio.h>
#include <string.h>

enum {
	OPTION_COLLECTION,
	OPTION_AUTH,
	OPTION_RETRY,
	OPTION_SHARDS,
	OPTION_REPLICAS,
	OPTION_RESTART,
	OPTION_WATCH,
	OPTION_CONNECTIONS,
	OPTION_MIN_REPLICAS
};

static const struct ep_option options[] = {
	[OPTION_COLLECTION] = EP_OPTION_COLLECTION,
	[OPTION_AUTH] = EP_OPTION_AUTH,
	[OPTION_RETRY] = EP_OPTION_RETRY,
	[OPTION_SHARDS] = { "shards", 0, "N", "init: number of shards (default: 1)" },
	[OPTION_REPLICAS] = { "replicas", 0, "N", "init: replicas of each shard (default: 1)" },
	[OPTION_RESTART] = { "restart", 0, NULL,
	                     "push: fill a new collection, which replaces the old one when it is "
	                     "complete" },
	[OPTION_WATCH] = { "watch", 0, NULL, "push: keep running, and send changes as they come" },
	[OPTION_CONNECTIONS] = { "connections", 0, "N",
	                         "push: connections that send at the same time (default: 4)" },
	[OPTION_MIN_REPLICAS] = { "min-replicas", 0, "N",
	                          "push: replicas that must have everything (default: all)" },
	{ 0 },
};

/* A new leader takes some 15 s, and a node half a minute to start. */
#define RETRY_S 120

struct session {
	const struct ep_call *call;
	struct ep_buffer user;
	struct ep_solr_options solr;
	double shown;
};

static enum ep_status
find_solr(struct session *session, struct ep_error *err)
{
	const struct ep_call *call = session->call;
	struct ep_solr_given given = { .urls = call->arguments[1],
		                       .collection = call->values[OPTION_COLLECTION],
		                       .auth_file = call->values[OPTION_AUTH],
		                       .retry = call->values[OPTION_RETRY],
		                       .retry_s = RETRY_S };
	return ep_solr_options_of(&session->solr, &session->user, call, &given, err);
}

static enum ep_status
read_number(uint64_t *number, const struct session *session, int option, uint64_t most,
            struct ep_error *err)
{
	char name[32];
	const char *given = session->call->values[option];
	snprintf(name, sizeof name, "--%s", options[option].name);
	return given ? ep_option_number(number, name, given, 1, most, err) : EP_OK;
}

/* ---- init ---- */

static enum ep_status
init(bool *made, struct ep_solr_shape *shape, struct session *session, struct ep_error *err)
{
	EP_OWNED(ep_solr_close)
	struct ep_solr *solr = NULL;
	EP_TRY(read_number(&shape->shards, session, OPTION_SHARDS, 10000, err));
	EP_TRY(read_number(&shape->replicas, session, OPTION_REPLICAS, 100, err));
	EP_TRY(ep_solr_open(&solr, &session->solr, err));
	return ep_solr_init(made, solr, shape, err);
}

static enum ep_status
run_init(enum ep_exit *exit, struct session *session, struct ep_error *err)
{
	struct ep_solr_shape shape = { 1, 1 };
	bool made;
	EP_TRY(init(&made, &shape, session, err));
	*exit = EP_EXIT_DONE;
	if (session->call->json)
		*exit = ep_print_json(json_pack("{s:s, s:b}", "collection",
		                                session->solr.collection, "new", made),
		                      EP_EXIT_DONE);
	else if (made)
		printf("collection %s: %s, %s each\n", session->solr.collection,
		       ep_counted(shape.shards, "shard"), ep_counted(shape.replicas, "replica"));
	else
		printf("collection %s was there already; its configuration is up to date\n",
		       session->solr.collection);
	return EP_OK;
}

/* ---- push ---- */

static void
on_progress(void *context, uint64_t sent, uint64_t position, uint64_t last)
{
	struct session *session = context;
	if (ep_shows_progress(session->call))
		ep_show_progress(&session->shown, "%s sent: position %s of %s", ep_grouped(sent),
		                 ep_grouped(position), ep_grouped(last));
}

static void
on_refused(void *context, struct ep_text id, const char *why)
{
	(void)context;
	ep_say("Solr refuses %.*s: %s", ep_text_print_size(id), id.at, why);
}

static void
on_line(void *context, const char *line)
{
	(void)context;
	ep_say("%s", line);
}

static enum ep_status
push_once(void *context, const atomic_bool *stop, struct ep_error *err)
{
	(void)stop; /* that of the call ends it, too */
	struct ep_solr_push_report report;
	return ep_solr_push(&report, context, err);
}

static void
on_keeper_line(void *context, bool detail, const char *line)
{
	(void)detail;
	on_line(context, line);
}

/* Pushes whenever the log has changed, until Ctrl-C. */
static enum ep_status
watch(struct ep_solr_push *push, struct ep_log *log, const struct session *session,
      struct ep_error *err)
{
	EP_OWNED(ep_keeper_stop)
	struct ep_keeper *keeper = NULL;
	struct ep_keeper_options wanted = { .log = log,
		                            .name = session->solr.collection,
		                            .push = push_once,
		                            .context = push,
		                            .on_line = on_keeper_line };
	EP_TRY(ep_keeper_start(&keeper, &wanted, err));
	while (ep_rest(session->call))
		continue;
	return EP_OK;
}

static enum ep_status
push_log(struct ep_solr_push_report *report, struct session *session, struct ep_error *err)
{
	uint64_t connections = 4;
	struct ep_solr_push_options wanted = { .solr = session->solr,
		                               .restart = session->call->values[OPTION_RESTART],
		                               .on_progress = on_progress,
		                               .on_refused = on_refused,
		                               .on_line = on_line,
		                               .context = session };
	EP_TRY(read_number(&connections, session, OPTION_CONNECTIONS, 64, err));
	EP_TRY(read_number(&wanted.replicas_min, session, OPTION_MIN_REPLICAS, 100, err));
	wanted.connections = (unsigned)connections;
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, session->call, EP_LOG_WRITE, false, err));
	wanted.log = ep_node_log(node);
	EP_OWNED(ep_solr_push_close)
	struct ep_solr_push *push = NULL;
	EP_TRY(ep_solr_push_open(&push, &wanted, err));
	return session->call->values[OPTION_WATCH] ? watch(push, wanted.log, session, err)
	                                           : ep_solr_push(report, push, err);
}

static enum ep_status
run_push(enum ep_exit *exit, struct session *session, struct ep_error *err)
{
	struct ep_solr_push_report report = { 0 };
	enum ep_status status = push_log(&report, session, err);
	if (session->shown > 0)
		ep_show_progress(&session->shown, "%s", "");
	EP_TRY(status);
	if (session->call->values[OPTION_WATCH]) {
		*exit = EP_EXIT_DONE;
		return EP_OK;
	}
	*exit = report.refused ? EP_EXIT_PARTLY : EP_EXIT_DONE;
	if (session->call->json) {
		*exit = ep_print_json(json_pack("{s:s, s:I, s:I, s:I}", "collection",
		                                session->solr.collection, "sent",
		                                (json_int_t)report.sent, "refused",
		                                (json_int_t)report.refused, "position",
		                                (json_int_t)report.position),
		                      *exit);
		return EP_OK;
	}
	printf("collection %s: %s sent, up to position %s\n", session->solr.collection,
	       ep_counted(report.sent, "change"), ep_grouped(report.position));
	if (report.refused)
		printf("Solr refused %s\n", ep_counted(report.refused, "change"));
	return EP_OK;
}

/* ---- verify ---- */

#define NAMED_MAX 10

struct named {
	const struct session *session;
	uint64_t count;
};

static void
on_difference(void *context, struct ep_text id, const char *how)
{
	struct named *named = context;
	if (named->count++ < NAMED_MAX || named->session->call->verbose)
		ep_say("%.*s: %s", ep_text_print_size(id), id.at, how);
}

static enum ep_status
verify(struct ep_solr_verify_report *report, struct session *session, struct ep_error *err)
{
	struct named named = { .session = session };
	struct ep_solr_verify_options wanted = { .solr = session->solr,
		                                 .on_difference = on_difference,
		                                 .context = &named };
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, session->call, EP_LOG_READ, false, err));
	wanted.log = ep_node_log(node);
	return ep_solr_verify(report, &wanted, err);
}

static json_t *
verify_json(const struct session *session, const struct ep_solr_verify_report *report)
{
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}", "collection",
	                 session->solr.collection, "position", (json_int_t)report->watermark,
	                 "documents", (json_int_t)report->documents, "entries",
	                 (json_int_t)report->entries, "different", (json_int_t)report->different,
	                 "missing", (json_int_t)report->missing, "refused",
	                 (json_int_t)report->refused, "behind", (json_int_t)report->behind,
	                 "digest", report->digest, "log_digest", report->log_digest);
}

static void
print_verified(const struct session *session, const struct ep_solr_verify_report *report)
{
	printf("collection %s: %s at position %s; the log has %s at position %s\n",
	       session->solr.collection, ep_counted(report->documents, "document"),
	       ep_grouped(report->watermark), ep_grouped(report->entries),
	       ep_grouped(report->position));
	printf("digest      %s\nof the log  %s\n", report->digest, report->log_digest);
	if (report->different + report->missing + report->refused)
		printf("%s different, %s missing, %s refused by Solr\n",
		       ep_grouped(report->different), ep_grouped(report->missing),
		       ep_grouped(report->refused));
	if (report->behind)
		printf("%s not pushed yet: run `solr push`, then verify again\n",
		       ep_counted(report->behind, "change"));
}

static enum ep_status
run_verify(enum ep_exit *exit, struct session *session, struct ep_error *err)
{
	struct ep_solr_verify_report report;
	EP_TRY(verify(&report, session, err));
	bool in_step = report.behind == 0;
	bool same = report.different == 0 && report.missing == 0 && report.refused == 0 &&
	            (!in_step || strcmp(report.digest, report.log_digest) == 0);
	*exit = !same ? EP_EXIT_FAILED : in_step ? EP_EXIT_DONE : EP_EXIT_PARTLY;
	if (session->call->json)
		*exit = ep_print_json(verify_json(session, &report), *exit);
	else
		print_verified(session, &report);
	return EP_OK;
}

/* ---- the command ---- */

static const struct part {
	const char *name;
	enum ep_status (*run)(enum ep_exit *exit, struct session *session, struct ep_error *err);
} parts[] = { { "init", run_init }, { "push", run_push }, { "verify", run_verify } };

static enum ep_exit
run_part(const struct ep_call *call, const struct part *part)
{
	struct session session = { .call = call };
	struct ep_error err = { 0 };
	enum ep_exit exit = EP_EXIT_FAILED;
	enum ep_status status = find_solr(&session, &err);
	if (status == EP_OK)
		status = part->run(&exit, &session, &err);
	ep_buffer_free(&session.user);
	if (status == EP_OK)
		return exit;
	return status == EP_USAGE ? ep_bad_usage(call->command, "%s", err.text)
	                          : ep_give_up(call, &err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	const char *name = call->argument_count ? call->arguments[0] : "";
	if (strcmp(name, "forget") == 0 && call->argument_count == 1) {
		const char *collection = call->values[OPTION_COLLECTION];
		return ep_forget(call, "solr", collection ? collection : EP_SOLR_COLLECTION);
	}
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (strcmp(name, parts[i].name) != 0)
			continue;
		return call->argument_count == 2
		               ? run_part(call, &parts[i])
		               : ep_bad_usage(call->command, "give the URL of Solr, such as "
		                                             "http://HOST:8983/solr");
	}
	return ep_bad_usage(call->command, "give init, push, verify or forget");
}

const struct ep_command ep_cmd_solr = {
	.name = "solr",
	.synopsis = "init|push|verify URL[,URL...] [OPTIONS] | forget [--collection NAME]",
	.summary = "Keep a SolrCloud collection in step with the log, for queries on many machines",
	.details =
		"URL is that of a node of Solr 9, such as http://HOST:8983/solr. If there are "
		"several, any\n"
		"that answers is used.\n\n"
		"`solr init` makes the configuration and the collection. `solr push` sends what "
		"the log has\n"
		"and the collection does not have yet; if you run it again, it continues where it "
		"stopped.\n"
		"With --watch it keeps running, as `serve --solr` does. `solr verify` reads the "
		"whole\n"
		"collection and compares it with the log: exit status 1 if something differs, 3 if "
		"only\n"
		"the last changes are missing.\n\n"
		"A collection follows one log. That of another log, or of a log that was restored "
		"from a\n"
		"copy, is refused (exit status 5); --restart fills a new one in its place.\n\n"
		"`solr forget` takes a collection that is no longer used off the list of "
		"followers in\n"
		"`status`; Solr is not asked.\n",
	.options = options,
	.arguments = "init push verify forget",
	.run = run,
};
