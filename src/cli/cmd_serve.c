#include "cli/hangup.h"
#include "cli/keep_others.h"
#include "cli/logging.h"
#include "cli/open_node.h"
#include "cli/reload.h"
#include "cli/serve_live.h"
#include "cli/solr_options.h"
#include "net/access.h"
#include "net/api/api.h"
#include "net/console/console.h"
#include "net/notify.h"
#include "net/serve.h"
#include "net/solr/front.h"
#include "node/feed_folder.h"
#include "node/node_name.h"
#include "node/query_service.h"

#include <stdio.h>
#include <sys/stat.h>

enum {
	OPTION_LISTEN,
	OPTION_MIRROR,
	OPTION_PRIVATE,
	OPTION_CORS,
	OPTION_CERTIFICATE,
	OPTION_KEY,
	OPTION_TOKEN,
	OPTION_CONNECTIONS,
	OPTION_PER_ADDRESS,
	OPTION_NEW_EPOCH,
	OPTION_SOLR,
	OPTION_COLLECTION,
	OPTION_AUTH,
	OPTION_RETRY,
	OPTION_LEGACY_SOLR,
	OPTION_LEGACY_TYRANT,
	OPTION_LEGACY_ASCII,
	OPTION_LOG_FORMAT,
	OPTION_LOG_LEVEL
};

#define DEFAULT_LISTEN "127.0.0.1:8070"
#define DEFAULT_CONNECTIONS 4096
#define DEFAULT_PER_ADDRESS 256

static const struct ep_option options[] = {
	[OPTION_LISTEN] = { "listen", 'l', "ADDR:PORT",
	                    "address to listen on (default: " DEFAULT_LISTEN ")" },
	[OPTION_MIRROR] = { "mirror", 0, NULL, "on a slave: serve a copy of the master's feed" },
	[OPTION_PRIVATE] = { "private", 0, NULL, "let in only sources and tokens" },
	[OPTION_CORS] = { "cors", 0, "ORIGIN", "let web pages of this origin use /v1 (*: of any)" },
	[OPTION_CERTIFICATE] = { "certificate", 0, "FILE", "use TLS with this certificate (PEM)" },
	[OPTION_KEY] = { "key", 0, "FILE", "the key of the certificate (PEM)" },
	[OPTION_TOKEN] = { "token-file", 0, "FILE",
	                   "token for /ingest, besides those of token add (default: "
	                   "DIR/ingest.token)" },
	[OPTION_CONNECTIONS] = { "connections", 0, "N",
	                         "maximum number of connections (default: 4096)" },
	[OPTION_PER_ADDRESS] = { "per-address", 0, "N",
	                         "maximum number from one address (default: 256)" },
	[OPTION_NEW_EPOCH] = { "new-epoch", 0, NULL,
	                       "begin a new epoch, after the data was restored from a copy" },
	[OPTION_SOLR] = { "solr", 0, "URL",
	                  "keep SolrCloud in step; without a data folder: answer from it" },
	[OPTION_COLLECTION] = EP_OPTION_COLLECTION,
	[OPTION_AUTH] = EP_OPTION_AUTH,
	[OPTION_RETRY] = EP_OPTION_RETRY,
	[OPTION_LEGACY_SOLR] = { "legacy-solr", 0, "URL",
	                         "keep servers of 2011 in step: the core of their Solr" },
	[OPTION_LEGACY_TYRANT] = { "legacy-tyrant", 0, "HOST:PORT", "and their Tokyo Tyrant" },
	[OPTION_LEGACY_ASCII] = { "legacy-ascii", 0, NULL,
	                          "leave out what is not ASCII there (see legacy push)" },
	[OPTION_LOG_FORMAT] = EP_OPTION_LOG_FORMAT,
	[OPTION_LOG_LEVEL] = EP_OPTION_LOG_LEVEL,
	{ 0 },
};
static const struct ep_choices choices[] = { EP_CHOICES_OF_LOGS, { 0 } };

struct session {
	const struct ep_call *call;
	struct ep_node *node;
	char name[EP_SOURCE_NAME_MAX + 1];
	struct ep_serve_live live;
	struct ep_query_service *queries;
	struct ep_api *api;
	struct ep_buffer solr_user;
	struct ep_solr_options solr; /* where there is one */
	struct ep_others *others;
};

/* Why a server ends. */
enum turn { TURN_STOPPED, TURN_CHANGED, TURN_JOINED };

static void
on_line(void *context, bool detail, const char *line)
{
	(void)context;
	ep_tell(detail ? EP_LEVEL_DEBUG : EP_LEVEL_INFO, "%s", line);
}

static enum ep_status
read_options(struct ep_serve_options *wanted, const struct ep_call *call, struct ep_error *err)
{
	uint64_t connections = DEFAULT_CONNECTIONS;
	uint64_t per_address = DEFAULT_PER_ADDRESS;
	const char *given = call->values[OPTION_CONNECTIONS];
	if (given)
		EP_TRY(ep_option_number(&connections, "--connections", given, 1, 1000000, err));
	given = call->values[OPTION_PER_ADDRESS];
	if (given)
		EP_TRY(ep_option_number(&per_address, "--per-address", given, 1, 1000000, err));
	wanted->connections = (unsigned)connections;
	wanted->per_address = (unsigned)per_address;
	wanted->listen = call->values[OPTION_LISTEN] ? call->values[OPTION_LISTEN] : DEFAULT_LISTEN;
	wanted->mirror = call->values[OPTION_MIRROR] != NULL;
	wanted->origin = call->values[OPTION_CORS];
	wanted->closed = call->values[OPTION_PRIVATE] != NULL;
	if (!call->values[OPTION_CERTIFICATE] != !call->values[OPTION_KEY])
		return ep_fail(err, EP_USAGE, "--certificate and --key go together");
	if (!call->values[OPTION_LEGACY_SOLR] != !call->values[OPTION_LEGACY_TYRANT])
		return ep_fail(err, EP_USAGE, "--legacy-solr and --legacy-tyrant go together");
	return EP_OK;
}

static enum ep_status
check(const struct ep_call *call, struct ep_error *err)
{
	struct ep_serve_options wanted = { 0 };
	return read_options(&wanted, call, err);
}

/* Waits until the end, until there is another certificate or token (in *next, then), or until the
 * node is another's slave than when it was started; serve NULL: a front end, which is no node. */
static enum turn
wait_for_turn(struct ep_serve_live *next, struct session *session, const struct ep_serve *serve)
{
	while (ep_rest(session->call)) {
		if (ep_hangup_came() && ep_serve_live_again(next, &session->live))
			return TURN_CHANGED;
		if (serve && ep_serve_is_stale(serve))
			return TURN_JOINED;
	}
	ep_notify("STOPPING=1");
	return TURN_STOPPED;
}

static void
take_live(struct session *session, const struct ep_serve_live *next)
{
	ep_serve_live_done(&session->live);
	session->live = *next;
}

/* "centre serves on port 8070: http://127.0.0.1:8070/", an address for a browser. */
static void
say_where(const struct session *session, const struct ep_serve_options *wanted, unsigned port)
{
	struct ep_text host = ep_host_of(wanted->listen);
	bool any = host.size == 0 || ep_text_equal(host, ep_text_of("0.0.0.0")) ||
	           ep_text_equal(host, ep_text_of("[::]"));
	char name[EP_SOURCE_NAME_MAX + 1];
	ep_host_name(name);
	if (any)
		host = ep_text_of(name);
	ep_say("%s serves on port %u: %s://%.*s:%u/%s", session->name, port,
	       wanted->certificate ? "https" : "http", ep_text_print_size(host), host.at, port,
	       any ? " and all other addresses of this machine" : "");
}

/* Serves until there is a turn. */
static enum ep_status
serve_once(struct session *session, struct ep_serve_options *wanted, struct ep_error *err)
{
	EP_OWNED(ep_serve_stop)
	struct ep_serve *serve = NULL;
	struct ep_serve_live next;
	wanted->certificate = ep_serve_live_certificate(&session->live);
	wanted->key = ep_serve_live_key(&session->live);
	wanted->token = (const char *)session->live.token.data;
	EP_TRY(ep_serve_start(&serve, wanted, err));
	say_where(session, wanted, ep_serve_port(serve));
	ep_notify("READY=1");
	enum turn turn = wait_for_turn(&next, session, serve);
	if (turn == TURN_JOINED)
		ep_say("this node has joined a master, and follows it from now on");
	ep_serve_stop(EP_TAKE(serve));
	if (turn == TURN_CHANGED)
		take_live(session, &next);
	return EP_OK;
}

static enum ep_status
start_api(struct session *session, struct ep_serve_options *wanted, struct ep_error *err)
{
	struct ep_api_options given = { .node = session->node,
		                        .queries = session->queries,
		                        .stop = session->call->stop };
	EP_TRY(ep_api_new(&session->api, &given, err));
	wanted->console = ep_console_routes();
	wanted->more = ep_api_routes(session->api);
	wanted->tree = EP_API_TREE;
	wanted->identify_time = ep_api_identify_time(session->api);
	wanted->identify_count = ep_api_identify_count(session->api);
	return EP_OK;
}

static enum ep_status
serve(struct session *session, struct ep_serve_options *wanted, struct ep_error *err)
{
	const struct ep_call *call = session->call;
	/* All that is written lies in the data folder, the feed too, which is handed out over HTTP.
	 */
	(void)umask(0077);
	EP_TRY(ep_open_node(&session->node, call, EP_LOG_MAKE, false, err));
	session->live.node = session->node;
	EP_TRY(ep_serve_live_read(&session->live, err));
	EP_TRY(ep_log_node_name(session->name, ep_node_log(session->node), err));
	if (call->values[OPTION_NEW_EPOCH])
		EP_TRY(ep_node_new_epoch(session->node, err));
	wanted->node = session->node;
	wanted->name = session->name;
	wanted->on_line = on_line;
	wanted->on_answer = ep_serve_tell_answer;
	wanted->context = session;
	EP_TRY(ep_query_service_start(&session->queries, session->node, on_line, session, err));
	wanted->queries = session->queries;
	EP_TRY(start_api(session, wanted, err));
	struct ep_others_options others = { .node = session->node,
		                            .solr = call->values[OPTION_SOLR] ? &session->solr
		                                                              : NULL,
		                            .old_solr = call->values[OPTION_LEGACY_SOLR],
		                            .old_tyrant = call->values[OPTION_LEGACY_TYRANT],
		                            .ascii = call->values[OPTION_LEGACY_ASCII] != NULL,
		                            .on_line = on_line,
		                            .context = session };
	EP_TRY(ep_others_start(&session->others, &others, err));
	while (!atomic_load(call->stop))
		EP_TRY(serve_once(session, wanted, err));
	ep_say("stopped");
	return EP_OK;
}

/* ---- a front end ---- */

/* While a node is away, another leads after some 15 s. */
#define RETRY_S 30

static enum ep_status
read_solr(struct session *session, struct ep_error *err)
{
	const struct ep_call *call = session->call;
	struct ep_solr_given given = { .urls = call->values[OPTION_SOLR],
		                       .collection = call->values[OPTION_COLLECTION],
		                       .auth_file = call->values[OPTION_AUTH],
		                       .retry = call->values[OPTION_RETRY],
		                       .retry_s = RETRY_S };
	return ep_solr_options_of(&session->solr, &session->solr_user, call, &given, err);
}

/* Whether this machine has no data folder, and so answers from Solr. */
static bool
is_front(const struct ep_call *call)
{
	struct ep_log *log = NULL;
	enum ep_status status = ep_open_log(&log, call, EP_LOG_READ, NULL);
	ep_log_close(log);
	return status == EP_NOT_FOUND;
}

static enum ep_status
serve_front_once(struct session *session, const struct ep_serve_options *serve,
                 struct ep_error *err)
{
	EP_OWNED(ep_front_stop)
	struct ep_front *front = NULL;
	struct ep_serve_live next;
	struct ep_front_options wanted = { .solr = session->solr,
		                           .listen = serve->listen,
		                           .certificate = ep_serve_live_certificate(&session->live),
		                           .key = ep_serve_live_key(&session->live),
		                           .connections = serve->connections,
		                           .per_address = serve->per_address,
		                           .on_line = on_line,
		                           .on_answer = ep_serve_tell_answer,
		                           .context = session };
	EP_TRY(ep_front_start(&front, &wanted, err));
	ep_say("a front end of the collection %s serves on port %u; there is no data folder %s",
	       session->solr.collection, ep_front_port(front), session->call->folder);
	ep_notify("READY=1");
	enum turn turn = wait_for_turn(&next, session, NULL);
	ep_front_stop(EP_TAKE(front));
	if (turn == TURN_CHANGED)
		take_live(session, &next);
	return EP_OK;
}

static enum ep_status
serve_front(struct session *session, const struct ep_serve_options *serve, struct ep_error *err)
{
	EP_TRY(ep_serve_live_read(&session->live, err));
	while (!atomic_load(session->call->stop))
		EP_TRY(serve_front_once(session, serve, err));
	ep_say("stopped");
	return EP_OK;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct session session = { .call = call, .live = { .started = call->settings } };
	struct ep_serve_options wanted = { 0 };
	struct ep_error err;
	bool solr = call->values[OPTION_SOLR] != NULL;
	bool front = solr && is_front(call);
	if (call->argument_count)
		return ep_bad_usage(call->command, "serve takes no arguments");
	if (read_options(&wanted, call, &err) != EP_OK ||
	    ep_logging_begin(call->settings, &err) != EP_OK) {
		ep_settings_place(&err, call->settings);
		return ep_bad_usage(call->command, "%s", err.text);
	}
	if (front && (wanted.mirror || wanted.closed || call->values[OPTION_TOKEN] ||
	              call->values[OPTION_NEW_EPOCH]))
		return ep_bad_usage(call->command,
		                    "--mirror, --private, --token-file and --new-epoch are for a "
		                    "node, but there is no data folder %s",
		                    call->folder);
	ep_hangup_catch();
	enum ep_status status = solr ? read_solr(&session, &err) : EP_OK;
	if (status == EP_OK)
		status = front ? serve_front(&session, &wanted, &err)
		               : serve(&session, &wanted, &err);
	ep_others_stop(session.others);
	ep_api_free(session.api);
	ep_query_service_stop(session.queries);
	ep_node_close(session.node);
	ep_serve_live_done(&session.live);
	ep_buffer_free(&session.solr_user);
	return status == EP_OK ? EP_EXIT_DONE : ep_give_up(call, &err);
}

const struct ep_command ep_cmd_serve = {
	.name = "serve",
	.synopsis = "[--listen ADDR:PORT] [OPTIONS]",
	.summary = "Serve other nodes: feed, contributions, queries, status",
	.details =
		"A master serves its feed and accepts contributions; whatever is ingested "
		"meanwhile,\n"
		"by any command, is published at once. A slave (see join) stays in sync with its\n"
		"master. / is the console, pages for people; /status, /metrics and /healthz are\n"
		"for programs; /query and /ingest work as in the original's web service. Ctrl-C\n"
		"and SIGTERM stop the server cleanly. At SIGHUP it reads its settings, "
		"certificate\n"
		"and token again.\n\n"
		"--solr keeps a collection (see solr) in step with the log. On a machine without "
		"a data\n"
		"folder it makes a front end, which answers /query from the collection.\n"
		"--legacy-solr and --legacy-tyrant keep servers of 2011 in step (see legacy "
		"push).\n",
	.options = options,
	.choices = choices,
	.has_settings = true,
	.once = "new-epoch",
	.live = "certificate key token-file log-format log-level verbose",
	.check = check,
	.run = run,
};
