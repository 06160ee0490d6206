#include "cli/open_node.h"
#include "node/facts.h"
#include "store/verify.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTION_REBUILD };

static const struct ep_option options[] = {
	[OPTION_REBUILD] = { "rebuild-index", 0, NULL,
	                     "first rebuild the search index from the log" },
	{ 0 },
};

struct session {
	const struct ep_call *call;
	double shown;
};

static void
on_problem(void *context, const char *text)
{
	(void)context;
	ep_say("%s", text);
}

static void
on_progress(void *context, uint64_t position, uint64_t last)
{
	struct session *session = context;
	if (ep_shows_progress(session->call))
		ep_show_progress(&session->shown, "position %s of %s", ep_grouped(position),
		                 ep_grouped(last));
}

static json_t *
result_json(const struct ep_verify_report *report)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "documents", (json_int_t)report->documents,
	                 "tracks", (json_int_t)report->tracks, "tombstones",
	                 (json_int_t)report->tombstones, "problems", (json_int_t)report->problems,
	                 "forms", ep_forms_json(&report->usage));
}

static void
print_words(const struct ep_verify_report *report)
{
	printf("%s in %s and %s read back: %s\n", ep_counted(report->documents, "document"),
	       ep_counted(report->tracks, "track"), ep_counted(report->tombstones, "tombstone"),
	       ep_counted(report->problems, "problem"));
	ep_print_forms(&report->usage);
}

/* What is wrong with a follower counts as a problem. */
static enum ep_status
count_problem(struct ep_verify_report *report, enum ep_status status, struct ep_error *err)
{
	if (status != EP_CORRUPT)
		return status;
	ep_say("%s", err->text);
	report->problems++;
	return EP_OK;
}

/* Reads the search index and the catalogue back. */
static enum ep_status
verify_followers(struct ep_verify_report *report, const struct ep_node *node, struct ep_error *err)
{
	EP_OWNED(ep_catalogue_free)
	struct ep_catalogue *catalogue = NULL;
	EP_TRY(count_problem(report, ep_node_check_index(node, err), err));
	EP_TRY(ep_catalogue_new(&catalogue, ep_node_log(node), err));
	return count_problem(report, ep_catalogue_check(catalogue, err), err);
}

static enum ep_status
rebuild(const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	EP_TRY(ep_open_node(&node, call, EP_LOG_WRITE, false, err));
	return ep_node_rebuild_index(node, err);
}

static enum ep_exit
verify(const struct ep_call *call)
{
	struct ep_error err;
	struct session session = { .call = call };
	struct ep_verify_options wanted = {
		.stop = call->stop,
		.on_problem = on_problem,
		.on_progress = on_progress,
		.context = &session,
	};
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	struct ep_verify_report report;
	if (call->values[OPTION_REBUILD] && rebuild(call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (ep_open_node(&node, call, EP_LOG_READ, false, &err) != EP_OK ||
	    ep_log_verify(&report, ep_node_log(node), &wanted, &err) != EP_OK ||
	    verify_followers(&report, node, &err) != EP_OK)
		return ep_give_up(call, &err);
	enum ep_exit exit = report.problems ? EP_EXIT_DAMAGED : EP_EXIT_DONE;
	ep_show_progress(&session.shown, "%s", "");
	if (call->json)
		return ep_print_json(result_json(&report), exit);
	print_words(&report);
	return exit;
}

/* LMDB trusts its pages: a damaged one can make it crash. So the work is done in a child, and a
 * crash of it is a finding. */
static enum ep_exit
run(const struct ep_call *call)
{
	if (call->argument_count)
		return ep_bad_usage(call->command, "verify takes no arguments");
	fflush(stdout);
	pid_t child = fork();
	if (child < 0) {
		ep_say("cannot start a process: %s", strerror(errno));
		return EP_EXIT_FAILED;
	}
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		_exit((int)ep_finish(verify(call)));
	}
	int result = 0;
	while (waitpid(child, &result, 0) < 0 && errno == EINTR) {
		if (atomic_load(call->stop))
			kill(child, SIGTERM);
	}
	if (WIFEXITED(result))
		return (enum ep_exit)WEXITSTATUS(result);
	struct ep_error err;
	(void)ep_fail(&err, EP_CORRUPT,
	              "reading the log in %s caused a crash (signal %d): its pages are damaged",
	              call->folder, WIFSIGNALED(result) ? WTERMSIG(result) : 0);
	return ep_give_up(call, &err);
}

const struct ep_command ep_cmd_verify = {
	.name = "verify",
	.synopsis = "[--rebuild-index]",
	.summary = "Read everything back and check it",
	.details =
		"Every track is decoded and compared with its hash. Counts, lists, positions and "
		"the\n"
		"state digest are compared with the entries. The search index is read back; with\n"
		"--rebuild-index, it is rebuilt first. Exit status 7: something is damaged.\n",
	.options = options,
	.run = run,
};
