#include "base/time.h"
#include "cli/forget.h"
#include "cli/open_node.h"
#include "net/legacy/casket.h"
#include "net/legacy/legacy_import.h"
#include "net/legacy/legacy_push.h"
#include "node/settle.h"
#include "node/take.h"

#include <stdio.h>
#include <string.h>

enum {
	OPTION_SOLR,
	OPTION_TYRANT,
	OPTION_TYRANT_FILE,
	OPTION_CHECK,
	OPTION_FULL,
	OPTION_OTHER_SOURCE,
	OPTION_NO_INDEX,
	OPTION_NAME,
	OPTION_ASCII,
	OPTION_ALL
};

static const struct ep_option options[] = {
	[OPTION_SOLR] = { "solr", 0, "URL",
	                  "core of the old Solr, as http://127.0.0.1:8502/solr/fp" },
	[OPTION_TYRANT] = { "tyrant", 0, "HOST:PORT", "the old Tokyo Tyrant, as 127.0.0.1:1978" },
	[OPTION_TYRANT_FILE] = { "tyrant-file", 0, "FILE",
	                         "import: its file (.tch) instead, while no server has it" },
	[OPTION_CHECK] = { "check", 0, NULL, "import: compare everything, and change nothing" },
	[OPTION_FULL] = { "full", 0, NULL,
	                  "import: read the codes of documents that are known, too" },
	[OPTION_OTHER_SOURCE] = { "other-source", 0, "NAME",
	                          "import: source of documents whose own is not a valid name" },
	[OPTION_NO_INDEX] = { "no-index", 0, NULL,
	                      "import: leave the search index and links of copies for later" },
	[OPTION_NAME] = { "name", 0, "NAME",
	                  "push: what these servers are called here (default legacy)" },
	[OPTION_ASCII] = { "ascii", 0, NULL,
	                   "push: leave out documents whose id or names are not ASCII" },
	[OPTION_ALL] = { "all", 0, NULL, "push: compare everything, not only what is new" },
	{ 0 },
};

/* The two servers of 2011. */
struct servers {
	struct ep_old_solr *solr;
	struct ep_tyrant *tyrant; /* of the casket, or connected */
	struct ep_casket *casket; /* NULL: there is a server */
};

static void
close_servers(struct servers *servers)
{
	ep_old_solr_free(servers->solr);
	if (!servers->casket)
		ep_tyrant_close(servers->tyrant);
	ep_casket_close(servers->casket);
}

/* Opens both, the file first: that forks. */
static enum ep_status
open_servers(struct servers *servers, const struct ep_call *call, struct ep_error *err)
{
	const char *file = call->values[OPTION_TYRANT_FILE];
	if (file)
		EP_TRY(ep_casket_open(&servers->casket, file, call->stop, err));
	EP_TRY(ep_old_solr_new(&servers->solr, call->values[OPTION_SOLR], call->stop, err));
	if (file)
		servers->tyrant = ep_casket_tyrant(servers->casket);
	else
		EP_TRY(ep_tyrant_connect(&servers->tyrant, call->values[OPTION_TYRANT], call->stop,
		                         err));
	return EP_OK;
}

/* ---- import ---- */

struct import {
	const struct ep_call *call;
	double began;
	double shown;
	struct ep_legacy_import_report report;
	uint64_t duplicate;
	uint64_t position;
};

static void
on_document(void *context, struct ep_text id, const char *what)
{
	const struct import *import = context;
	bool check = import->call->values[OPTION_CHECK] != NULL;
	ep_say("%.*s%s: %s", ep_text_print_size(id), id.at, check ? "" : " not imported", what);
}

static void
on_progress(void *context, uint64_t done, uint64_t all)
{
	struct import *import = context;
	double seconds = ep_clock_s() - import->began;
	if (ep_shows_progress(import->call))
		ep_show_progress(&import->shown, "%s of %s, %s documents/s, %s",
		                 ep_counted(done, "document"), ep_grouped(all),
		                 ep_grouped((uint64_t)((double)done / (seconds + 0.01))),
		                 ep_time_left(seconds, done, all));
}

static enum ep_status
read_position(uint64_t *position, const struct ep_node *node, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log_state state;
	EP_TRY(ep_log_read_begin(&read, ep_node_log(node), err));
	ep_log_state(&state, read);
	*position = state.position;
	return EP_OK;
}

/* Imports or compares, with the servers open. */
static enum ep_status
import_into(struct import *import, const struct servers *servers, struct ep_node *node,
            struct ep_error *err)
{
	const struct ep_call *call = import->call;
	struct ep_copies_report copies = { 0 };
	struct ep_legacy_import_options wanted = { .log = ep_node_log(node),
		                                   .solr = servers->solr,
		                                   .tyrant = servers->tyrant,
		                                   .other_source =
		                                           call->values[OPTION_OTHER_SOURCE],
		                                   .full = call->values[OPTION_FULL] != NULL,
		                                   .on_document = on_document,
		                                   .on_progress = on_progress,
		                                   .context = import };
	if (call->values[OPTION_CHECK])
		return ep_legacy_check(&import->report, &wanted, err);
	enum ep_status status = ep_legacy_import(&import->report, &wanted, err);
	ep_show_progress(&import->shown, "%s", "");
	if (status == EP_OK && !call->values[OPTION_NO_INDEX])
		status = ep_node_settle(&copies, node, err);
	ep_node_count_copies(&import->duplicate, &import->report.counts, &copies);
	struct ep_error late;
	if (read_position(&import->position, node, &late) != EP_OK && status == EP_OK)
		return ep_fail(err, late.status, "%s", late.text);
	return status;
}

static enum ep_status
open_and_import(struct import *import, struct servers *servers, bool *opened, struct ep_error *err)
{
	const struct ep_call *call = import->call;
	bool check = call->values[OPTION_CHECK] != NULL;
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(open_servers(servers, call, err));
	EP_TRY(ep_open_node(&node, call, check ? EP_LOG_READ : EP_LOG_MAKE, false, err));
	*opened = true;
	return import_into(import, servers, node, err);
}

static uint64_t
count_read(const struct import *import)
{
	const struct ep_put_counts *counts = &import->report.counts;
	return counts->added + counts->updated + counts->unchanged + counts->conflict +
	       import->duplicate + import->report.rejected;
}

static json_t *
import_json(const struct import *import, double seconds)
{
	const struct ep_legacy_import_report *report = &import->report;
	const struct ep_put_counts *counts = &report->counts;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "read",
	                 (json_int_t)count_read(import), "new", (json_int_t)counts->added,
	                 "updated", (json_int_t)counts->updated, "unchanged",
	                 (json_int_t)counts->unchanged, "duplicate", (json_int_t)import->duplicate,
	                 "conflict", (json_int_t)counts->conflict, "rejected",
	                 (json_int_t)report->rejected, "without_codes",
	                 (json_int_t)report->no_codes, "without_document",
	                 (json_int_t)report->no_document, "position", (json_int_t)import->position,
	                 "seconds", seconds);
}

static void
print_orphans(const struct ep_legacy_import_report *report)
{
	if (report->no_codes)
		printf("%s in Solr without codes in Tokyo Tyrant\n",
		       ep_counted(report->no_codes, "document"));
	if (report->no_document)
		printf("%s in Tokyo Tyrant without a document in Solr\n",
		       ep_counted(report->no_document, "key"));
}

static void
print_import(const struct import *import, double seconds)
{
	const struct ep_legacy_import_report *report = &import->report;
	const struct ep_put_counts *counts = &report->counts;
	if (import->call->quiet)
		return;
	printf("%s: %s new, %s updated, %s unchanged, %s of copies, %s in conflict, %s not "
	       "imported\n",
	       ep_counted(count_read(import), "document"), ep_grouped(counts->added),
	       ep_grouped(counts->updated), ep_grouped(counts->unchanged),
	       ep_grouped(import->duplicate), ep_grouped(counts->conflict),
	       ep_grouped(report->rejected));
	print_orphans(report);
	printf("position %s, %.1f seconds\n", ep_grouped(import->position), seconds);
}

static json_t *
check_json(const struct ep_legacy_import_report *report, double seconds)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "equal",
	                 (json_int_t)report->equal, "other_date", (json_int_t)report->other_date,
	                 "different", (json_int_t)report->different, "missing",
	                 (json_int_t)report->missing, "only_here", (json_int_t)report->only_here,
	                 "without_codes", (json_int_t)report->no_codes, "without_document",
	                 (json_int_t)report->no_document, "seconds", seconds);
}

static void
print_check(const struct import *import, double seconds)
{
	const struct ep_legacy_import_report *report = &import->report;
	printf("%s equal, %s different, %s not here, %s only here\n",
	       ep_counted(report->equal, "document"), ep_grouped(report->different),
	       ep_grouped(report->missing), ep_grouped(report->only_here));
	if (report->other_date)
		printf("%s of the equal ones with another import date\n",
		       ep_grouped(report->other_date));
	print_orphans(report);
	printf("%.1f seconds\n", seconds);
}

static enum ep_exit
finish_import(const struct import *import)
{
	const struct ep_call *call = import->call;
	const struct ep_legacy_import_report *report = &import->report;
	bool check = call->values[OPTION_CHECK] != NULL;
	double seconds = ep_clock_s() - import->began;
	enum ep_exit exit =
		report->rejected || report->different || report->missing || report->only_here
			? EP_EXIT_PARTLY
			: EP_EXIT_DONE;
	if (call->json)
		return ep_print_json(
			check ? check_json(report, seconds) : import_json(import, seconds), exit);
	if (check)
		print_check(import, seconds);
	else
		print_import(import, seconds);
	return exit;
}

static enum ep_exit
run_import(const struct ep_call *call)
{
	struct import import = { .call = call, .began = ep_clock_s() };
	struct servers servers = { 0 };
	struct ep_error err;
	bool opened = false;
	const char *other = call->values[OPTION_OTHER_SOURCE];
	if (other && !ep_source_name_ok(ep_text_of(other)))
		return ep_bad_usage(
			call->command,
			"--other-source is \"%s\", but must have 1 to %d of A-Z a-z 0-9 "
			". _ -",
			other, EP_SOURCE_NAME_MAX);
	enum ep_status status = open_and_import(&import, &servers, &opened, &err);
	close_servers(&servers);
	ep_show_progress(&import.shown, "%s", "");
	if (status == EP_OK)
		return finish_import(&import);
	bool some = opened && count_read(&import) > 0;
	if (some && !call->json)
		print_import(&import, ep_clock_s() - import.began);
	if (some)
		ep_say("what has been imported stays; run the same command again to continue");
	return ep_give_up(call, &err);
}

/* ---- push ---- */

struct push {
	const struct ep_call *call;
	double began;
	double shown;
	struct ep_legacy_push_report report;
};

static void
on_pushed(void *context, uint64_t position, uint64_t last)
{
	struct push *push = context;
	double seconds = ep_clock_s() - push->began;
	if (ep_shows_progress(push->call))
		ep_show_progress(&push->shown, "position %s of %s, %s sent, %s",
		                 ep_grouped(position), ep_grouped(last),
		                 ep_counted(push->report.sent, "document"),
		                 ep_time_left(seconds, position, last));
}

static void
on_word(void *context, struct ep_text id, const char *what)
{
	(void)context;
	ep_say("%.*s: %s", ep_text_print_size(id), id.at, what);
}

static enum ep_status
open_and_push(struct push *push, struct ep_error *err)
{
	const struct ep_call *call = push->call;
	const char *name = call->values[OPTION_NAME];
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	struct ep_legacy_push_options wanted = { .log = ep_node_log(node),
		                                 .solr = call->values[OPTION_SOLR],
		                                 .tyrant = call->values[OPTION_TYRANT],
		                                 .name = name ? name : EP_LEGACY_NAME,
		                                 .ascii = call->values[OPTION_ASCII] != NULL,
		                                 .all = call->values[OPTION_ALL] != NULL,
		                                 .stop = call->stop,
		                                 .on_document = on_word,
		                                 .on_progress = on_pushed,
		                                 .context = push };
	return ep_legacy_push(&push->report, &wanted, err);
}

static json_t *
push_json(const struct ep_legacy_push_report *report, double seconds)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:f}", "sent", (json_int_t)report->sent,
	                 "unchanged", (json_int_t)report->unchanged, "deleted",
	                 (json_int_t)report->deleted, "left_out", (json_int_t)report->left_out,
	                 "position", (json_int_t)report->position, "seconds", seconds);
}

static enum ep_exit
run_push(const struct ep_call *call)
{
	struct push push = { .call = call, .began = ep_clock_s() };
	const struct ep_legacy_push_report *report = &push.report;
	struct ep_error err;
	const char *name = call->values[OPTION_NAME];
	if (name && !ep_source_name_ok(ep_text_of(name)))
		return ep_bad_usage(call->command,
		                    "--name is \"%s\", but must have 1 to %d of A-Z a-z 0-9 . _ -",
		                    name, EP_SOURCE_NAME_MAX);
	enum ep_status status = open_and_push(&push, &err);
	ep_show_progress(&push.shown, "%s", "");
	if (status != EP_OK) {
		if (report->position)
			ep_say("pushed up to position %s; run the same command again to continue",
			       ep_grouped(report->position));
		return ep_give_up(call, &err);
	}
	double seconds = ep_clock_s() - push.began;
	enum ep_exit exit = report->left_out ? EP_EXIT_PARTLY : EP_EXIT_DONE;
	if (call->json)
		return ep_print_json(push_json(report, seconds), exit);
	if (!call->quiet)
		printf("%s sent, %s unchanged, %s deleted, %s left out\nposition %s, %.1f "
		       "seconds\n",
		       ep_counted(report->sent, "document"), ep_grouped(report->unchanged),
		       ep_grouped(report->deleted), ep_grouped(report->left_out),
		       ep_grouped(report->position), seconds);
	return exit;
}

/* ---- the command ---- */

/* Says which options belong to the other subcommand; false where there are some. */
static bool
check_options(const struct ep_call *call, bool import)
{
	static const int of_import[] = { OPTION_TYRANT_FILE,  OPTION_CHECK,    OPTION_FULL,
		                         OPTION_OTHER_SOURCE, OPTION_NO_INDEX, -1 };
	static const int of_push[] = { OPTION_NAME, OPTION_ASCII, OPTION_ALL, -1 };
	for (const int *at = import ? of_push : of_import; *at >= 0; at++) {
		if (!call->values[*at])
			continue;
		ep_bad_usage(call->command, "--%s is for legacy %s", options[*at].name,
		             import ? "push" : "import");
		return false;
	}
	return true;
}

static enum ep_exit
run(const struct ep_call *call)
{
	const char *what = call->argument_count == 1 ? call->arguments[0] : "";
	if (strcmp(what, "forget") == 0) {
		const char *name = call->values[OPTION_NAME];
		return ep_forget(call, "legacy", name ? name : EP_LEGACY_NAME);
	}
	bool import = strcmp(what, "import") == 0;
	if (!import && strcmp(what, "push") != 0)
		return ep_bad_usage(call->command, "give import, push or forget");
	if (!check_options(call, import))
		return EP_EXIT_USAGE;
	if (!call->values[OPTION_SOLR])
		return ep_bad_usage(call->command,
		                    "give --solr URL, the core of the old Solr, such "
		                    "as http://127.0.0.1:8502/solr/fp");
	if (!import && !call->values[OPTION_TYRANT])
		return ep_bad_usage(call->command,
		                    "give --tyrant HOST:PORT, such as 127.0.0.1:1978");
	if (!call->values[OPTION_TYRANT] == !call->values[OPTION_TYRANT_FILE])
		return ep_bad_usage(call->command,
		                    "give either --tyrant HOST:PORT or --tyrant-file FILE");
	return import ? run_import(call) : run_push(call);
}

const struct ep_command ep_cmd_legacy = {
	.name = "legacy",
	.synopsis = "import --solr URL --tyrant HOST:PORT|--tyrant-file FILE [OPTIONS] |\n"
		    "                        push --solr URL --tyrant HOST:PORT [OPTIONS] | forget "
		    "[--name NAME]",
	.summary = "Import from the servers of 2011 (Solr 1.4 and Tokyo Tyrant), or push to them",
	.details =
		"import takes the whole database of old servers into the log, each document with "
		"its\n"
		"source and date of import, and changes nothing there. Documents that cannot be "
		"taken\n"
		"are reported, and the others are imported (exit status 3). Run it again to take "
		"what\n"
		"is new, or to continue: documents that are already here, with the same texts, "
		"source\n"
		"and date, are passed over without reading their codes. --check compares every\n"
		"document and its codes, and reports what differs (exit status 3).\n"
		"\n"
		"push sends what the log has to old servers that live on, so that their queries "
		"and\n"
		"dumps find it, and deletes what was deleted. Documents that they have already are "
		"not\n"
		"sent. Run it again to send what is new; serve does so by itself with "
		"--legacy-solr and\n"
		"--legacy-tyrant. Documents that the old servers cannot take are reported, and "
		"the\n"
		"others are sent (exit status 3). Copies of songs are not sent.\n"
		"\n"
		"forget takes servers that are no longer used off the list of followers in "
		"`status`;\n"
		"they are not asked.\n",
	.options = options,
	.arguments = "import push forget",
	.run = run,
};
