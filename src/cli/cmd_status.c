#include "cli/open_node.h"
#include "dump/dump.h"
#include "node/facts.h"

#include <stdio.h>

static const struct ep_option options[] = { { 0 } };

static void
print_follower(const char *name, const struct ep_facts_dump *follower)
{
	printf("%-12s %s, up to position %s; waiting: %s\n", name,
	       *follower->lastdump ? follower->lastdump : "never", ep_grouped(follower->watermark),
	       ep_grouped(follower->waiting));
}

/* Nodes that follow a feed, or are followed by one, need no dumps: one that was never made is not
 * missing. */
static void
print_dump(const char *name, const struct ep_facts *facts, enum ep_dump_kind kind)
{
	const struct ep_standing *standing = &facts->standing;
	const struct ep_facts_dump *dump = &facts->dumps[kind];
	bool has_feed = standing->has_master || standing->published || standing->peer_count;
	if (*dump->lastdump || !has_feed)
		print_follower(name, dump);
}

/* "follower     solr.echoprint: up to position 1,234; waiting: 5 changes" */
static void
print_others(const struct ep_facts *facts)
{
	for (size_t i = 0; i < facts->follower_count; i++)
		printf("follower     %s: up to position %s; waiting: %s\n",
		       facts->followers[i].name, ep_grouped(facts->followers[i].watermark),
		       ep_counted(facts->followers[i].waiting, "change"));
}

static void
print_words(const struct ep_facts *facts)
{
	const struct ep_log_state *state = &facts->state;
	printf("name         %s\n", facts->name);
	printf("documents    %s in %s\n", ep_grouped(state->documents),
	       ep_counted(state->tracks, "track"));
	printf("position     %s\n", ep_grouped(state->position));
	printf("digest       %s\n", facts->digest);
	for (size_t i = 0; i < facts->source_count; i++) {
		const struct ep_source_info *source = &facts->sources[i];
		printf("source       %s: %s in %s\n", source->name,
		       ep_counted(source->documents, "document"),
		       ep_counted(source->tracks, "track"));
	}
	if (facts->follows)
		printf("unconfirmed  %s that the feed has not confirmed\n",
		       ep_counted(facts->unconfirmed, "local track"));
	if (facts->stale)
		printf("stale        this log is an older copy: `serve --new-epoch` (or `publish "
		       "--new-epoch DIR`) brings back what slaves have\n");
	print_dump("master-dump", facts, EP_DUMP_MASTER);
	print_dump("slave-dump", facts, EP_DUMP_SLAVE);
	print_others(facts);
	if (state->tombstones)
		printf("deleted      %s\n", ep_counted(state->tombstones, "track"));
	if (facts->copies)
		printf("copies       %s\n", ep_counted(facts->copies, "track"));
	if (state->conflicts)
		printf("conflicts    %s set aside\n", ep_counted(state->conflicts, "version"));
	ep_print_forms(&facts->usage);
	printf("index        up to position %s, %s in %s; waiting: %s\n",
	       ep_grouped(facts->index.watermark), ep_counted(facts->index.postings, "posting"),
	       ep_counted(facts->index.shards, "shard"), ep_counted(facts->index.tail, "change"));
	printf("on disk      %s\n", ep_bytes_text(facts->bytes));
}

static void
print_master(const struct ep_standing *standing)
{
	const struct ep_master *master = &standing->master;
	const struct ep_pending *pending = &standing->pending;
	char contact[EP_TIME_TEXT];
	ep_time_print(contact, master->contact);
	/* Who joined by the master's key alone has no name from it. */
	printf("master       %s%s%s: followed to position %s", master->url,
	       master->source[0] ? ", as " : "", master->source, ep_grouped(master->position));
	if (master->seen.position > master->position)
		printf(" of %s", ep_grouped(master->seen.position));
	printf(", %s to contribute; last reached: %s\n",
	       ep_counted(pending->unsent + pending->sent, "track"),
	       master->contact ? contact : "never");
	if (pending->refused)
		printf("             it refuses %s of this node\n",
		       ep_counted(pending->refused, "track"));
	if (pending->full)
		printf("             %s exceed its limit for this node (`source "
		       "limit` there)\n",
		       ep_counted(pending->full, "track"));
	if (master->conflicts + master->rejected)
		printf("             it did not accept %s in conflict, %s rejected\n",
		       ep_counted(master->conflicts, "track"), ep_grouped(master->rejected));
	if (master->error[0]) {
		fputs("             last failure: ", stdout);
		ep_print_text(ep_text_of(master->error));
		putchar('\n');
	}
}

static void
print_peer(const struct ep_peer *peer, uint64_t position)
{
	char contact[EP_TIME_TEXT];
	ep_time_print(contact, peer->contact);
	printf("slave        %s: %s, contributed up to position %s", peer->name,
	       ep_peer_word(peer, ep_time_now()), ep_grouped(peer->position));
	if (peer->fetched_at)
		printf(", %s behind", ep_grouped(ep_peer_behind(peer, position)));
	printf("; last heard from: %s\n", peer->contact ? contact : "never");
	if (peer->error[0]) {
		fputs("             last refusal: ", stdout);
		ep_print_text(ep_text_of(peer->error));
		putchar('\n');
	}
}

static void
print_standing(const struct ep_standing *standing)
{
	if (standing->key[0])
		printf("key          %s\n", standing->key);
	if (standing->has_published && standing->published)
		printf("feed         position %s, %s to publish\n", ep_grouped(standing->published),
		       ep_counted(standing->position - standing->published, "change"));
	if (standing->has_master)
		print_master(standing);
	for (size_t i = 0; i < standing->peer_count; i++)
		print_peer(&standing->peers[i], standing->position);
}

static void
print_member(const json_t *json, const char *before, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	if (!text || !*text)
		return;
	fputs(before, stdout);
	ep_print_text(ep_text_of(text));
}

/* "stream  radio one: playing since DATE: ARTIST - TRACK" */
static void
print_stream(const json_t *stream)
{
	const json_t *song = json_object_get(stream, "playing");
	print_member(stream, "stream       ", "stream");
	print_member(stream, ": ", "state");
	print_member(stream, " since ", "since");
	if (json_is_object(song)) {
		print_member(song, ": ", "track_id");
		print_member(song, ", ", "artist");
		print_member(song, " - ", "track");
	}
	print_member(stream, "\n             last failure: ", "why");
	print_member(stream, "; tried again at ", "retry");
	putchar('\n');
}

static void
print_monitor(const json_t *monitor)
{
	size_t index;
	json_t *stream;
	const json_t *webhook = json_object_get(monitor, "webhook");
	bool running = json_is_true(json_object_get(monitor, "running"));
	bool stale = json_is_true(json_object_get(monitor, "stale"));
	json_int_t waiting = json_integer_value(json_object_get(webhook, "waiting"));
	if (!json_is_object(monitor))
		return;
	printf("monitor      %s", stale     ? "it does not answer; this is how it was"
	                          : running ? "running"
	                                    : "stopped; this is how it was");
	print_member(monitor, " at ", "time");
	putchar('\n');
	if (webhook && !json_is_null(webhook)) {
		printf("webhook      %s to send",
		       ep_counted(waiting < 0 ? 0 : (uint64_t)waiting, "event"));
		print_member(webhook, "; last failure: ", "error");
		putchar('\n');
	}
	json_array_foreach(json_object_get(monitor, "streams"), index, stream) print_stream(stream);
}

static enum ep_status
read_facts(struct ep_facts *facts, const struct ep_call *call, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_TRY(ep_open_log(&log, call, EP_LOG_READ, err));
	return ep_facts_read(facts, log, true, err);
}

static enum ep_exit
print_json(const struct ep_call *call, const struct ep_facts *facts)
{
	struct ep_error err;
	json_t *json = ep_facts_json(facts);
	if (json)
		return ep_print_json(json, EP_EXIT_DONE);
	(void)ep_fail(&err, EP_NO_MEMORY, "out of memory for the state");
	return ep_give_up(call, &err);
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	struct ep_facts facts = { 0 };
	enum ep_exit exit = EP_EXIT_DONE;
	if (call->argument_count)
		return ep_bad_usage(call->command, "status takes no arguments");
	if (read_facts(&facts, call, &err) != EP_OK)
		return ep_give_up(call, &err);
	if (call->json) {
		exit = print_json(call, &facts);
	} else {
		print_words(&facts);
		print_standing(&facts.standing);
		print_monitor(facts.monitor);
	}
	ep_facts_done(&facts);
	return exit;
}

const struct ep_command ep_cmd_status = {
	.name = "status",
	.synopsis = "",
	.summary = "Show what the node holds, and what lags behind",
	.details = "Nodes with equal digests hold the same tracks, whatever their positions.\n",
	.options = options,
	.run = run,
};
