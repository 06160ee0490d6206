#include "cli/open_node.h"
#include "dedup/copies.h"
#include "format/json_text.h"
#include "node/by_hand.h"
#include "node/listing.h"

#include <stdio.h>

enum { OPTION_CHECK, OPTION_LINK, OPTION_RELEASE };

static const struct ep_option options[] = {
	[OPTION_CHECK] = { "check", 0, NULL, "search for more copies, and change nothing" },
	[OPTION_LINK] = { "link", 0, NULL, "make COPY a copy of ORIGINAL" },
	[OPTION_RELEASE] = { "release", 0, "ID", "make a copy a separate song again" },
	{ 0 },
};

#define UNIT_S 0.023

/* What is printed, one by one in words, or at the end as JSON. */
struct listing {
	const struct ep_call *call;
	json_t *copies;
	uint64_t count;
};

static enum ep_status
list_one(struct listing *listing, struct ep_text copy, const struct ep_link *link,
         struct ep_error *err)
{
	const char *kind = link->kind == EP_COPY_EXACT ? "exact" : "match";
	double share = link->share / 1000.0;
	double coverage = link->coverage / 1000.0;
	double offset_s = (double)link->offset * UNIT_S;
	listing->count++;
	if (!listing->call->json) {
		ep_print_text(copy);
		printf("\t");
		ep_print_text(link->original);
		printf("\t%s\tshare %.3f\tcoverage %.3f\toffset %.1f s\n", kind, share, coverage,
		       offset_s);
		return EP_OK;
	}
	return ep_json_add(listing->copies, ep_copy_json(copy, link), "the list of copies", err);
}

/* ---- what is linked ---- */

static enum ep_status
on_copy(void *context, bool *enough, struct ep_text copy, const struct ep_link *link,
        struct ep_error *err)
{
	(void)enough;
	return list_one(context, copy, link, err);
}

static enum ep_status
list_links(struct listing *listing, struct ep_log *log, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	return ep_each_copy(read, 0, on_copy, listing, err);
}

/* ---- what would be ---- */

static enum ep_status
on_found(void *context, struct ep_text copy, const struct ep_link *link, struct ep_error *err)
{
	return list_one(context, copy, link, err);
}

static enum ep_status
check(struct listing *listing, struct ep_log *log, struct ep_error *err)
{
	struct ep_copies_options wanted = { .stop = listing->call->stop };
	return ep_check_copies(log, &wanted, on_found, listing, err);
}

/* ---- the whole ---- */

/* Does what was asked for, and lists what it is about. */
static enum ep_status
act(struct listing *listing, struct ep_error *err)
{
	const struct ep_call *call = listing->call;
	EP_OWNED(ep_node_close)
	struct ep_node *node = NULL;
	bool writes = call->values[OPTION_LINK] || call->values[OPTION_RELEASE];
	EP_TRY(ep_open_node(&node, call, writes ? EP_LOG_WRITE : EP_LOG_READ, false, err));
	struct ep_log *log = ep_node_log(node);
	if (call->values[OPTION_CHECK])
		return check(listing, log, err);
	if (call->values[OPTION_LINK])
		EP_TRY(ep_node_link(node, call->arguments[0], call->arguments[1], err));
	if (call->values[OPTION_RELEASE])
		EP_TRY(ep_node_release(node, call->values[OPTION_RELEASE], err));
	return writes ? EP_OK : list_links(listing, log, err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err = { 0 };
	int asked = (call->values[OPTION_CHECK] != NULL) + (call->values[OPTION_LINK] != NULL) +
	            (call->values[OPTION_RELEASE] != NULL);
	size_t wanted = call->values[OPTION_LINK] ? 2 : 0;
	if (asked > 1)
		return ep_bad_usage(call->command,
		                    "--check, --link and --release exclude each other");
	if (call->argument_count != wanted)
		return ep_bad_usage(call->command, wanted ? "--link needs COPY and ORIGINAL"
		                                          : "too many arguments");
	struct listing listing = { .call = call, .copies = json_array() };
	enum ep_status status = act(&listing, &err);
	if (status != EP_OK) {
		json_decref(listing.copies);
		return ep_give_up(call, &err);
	}
	if (call->json)
		return ep_print_json(json_pack("{s:o}", "copies", listing.copies), EP_EXIT_DONE);
	json_decref(listing.copies);
	return EP_EXIT_DONE;
}

const struct ep_command ep_cmd_duplicates = {
	.name = "duplicates",
	.synopsis = "[--check | --link COPY ORIGINAL | --release ID]",
	.summary = "Show which ids are copies of which track, and why",
	.details =
		"A copy is the same recording under another id: exact, with the same codes, or "
		"match,\n"
		"a re-encoding whose onsets align over nearly the whole length. It is stored, but\n"
		"neither indexed nor dumped to CSV; queries find its original. Each copy is one "
		"line:\n"
		"its id, the original's id, the kind, the share of onsets that coincide, the share "
		"of\n"
		"the length that aligns, and where in the original the copy begins. --check "
		"searches\n"
		"the whole database for pairs that are not linked. A track that was released is "
		"not\n"
		"linked again automatically.\n",
	.options = options,
	.run = run,
};
