#include "cli/cli.h"
#include "cli/standing.h"
#include "dump/dump.h"
#include "index/index.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct ep_option options[] = { { 0 } };

/* A follower of the log and how far it is behind. */
struct follower {
	char lastdump[EP_TIME_TEXT]; /* empty: never */
	uint64_t watermark;
	uint64_t waiting; /* documents behind it */
};

struct facts {
	char name[EP_SOURCE_NAME_MAX + 1];
	char digest[EP_HASH_TEXT];
	struct ep_log_state state;
	struct follower dumps[2]; /* by enum ep_dump_kind */
	size_t copies;
	bool follows; /* a master */
	bool stale; /* an older copy of what was published */
	uint64_t unconfirmed; /* local tracks that the master has not sent back */
	struct ep_source_info *sources;
	size_t source_count;
	struct ep_codes_usage usage;
	struct ep_index_state index;
	uint64_t bytes;
	json_t *standing; /* with whom it knows; NULL where words are printed */
};

/* Adds up how all documents are stored, from the heads of their codes. */
static enum ep_status
read_usage(struct ep_codes_usage *usage, const struct ep_log_read *read, struct ep_error *err)
{
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	EP_TRY(ep_log_cursor_open(&cursor, read, 0, EP_SOURCE_ANY, err));
	struct ep_entry entry;
	enum ep_status status;
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		if (entry.operation == EP_PUT)
			EP_TRY(ep_entry_usage(usage, &entry, err));
	}
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static enum ep_status
read_follower(struct follower *follower, uint64_t *unconfirmed, const struct ep_log_read *read,
              enum ep_dump_kind kind, struct ep_error *err)
{
	EP_TRY(ep_log_number(&follower->watermark, read, ep_dump_watermark_name(kind), err));
	struct ep_bytes date;
	enum ep_status status = ep_log_value(&date, read, ep_dump_lastdump_name(kind), err);
	if (status == EP_OK && date.size < sizeof follower->lastdump)
		memcpy(follower->lastdump, date.at, date.size);
	else if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	EP_OWNED(ep_log_cursor_close)
	struct ep_log_cursor *cursor = NULL;
	/* All local entries are looked at, as confirmation does not depend on the watermark. */
	uint64_t after = kind == EP_DUMP_SLAVE ? 0 : follower->watermark;
	EP_TRY(ep_log_cursor_open(&cursor, read, after,
	                          kind == EP_DUMP_SLAVE ? EP_SOURCE_LOCAL : EP_SOURCE_ANY, err));
	struct ep_entry entry;
	while ((status = ep_log_cursor_next(&entry, cursor, err)) == EP_OK) {
		bool confirmed = false;
		if (entry.operation != EP_PUT)
			continue;
		if (entry.position > follower->watermark)
			follower->waiting += entry.document_count;
		if (kind == EP_DUMP_SLAVE)
			EP_TRY(ep_log_is_confirmed(&confirmed, read, &entry, err));
		*unconfirmed += kind == EP_DUMP_SLAVE && !confirmed;
	}
	return status == EP_NOT_FOUND ? EP_OK : status;
}

static uint64_t
size_on_disk(const char *folder)
{
	char path[4096];
	struct stat info;
	snprintf(path, sizeof path, "%s/data.mdb", folder);
	return stat(path, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
}

static enum ep_status
count_copies(size_t *copies, const struct ep_log_read *read, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer ids = { 0 };
	return ep_log_copies(&ids, copies, read, (struct ep_text){ 0 }, err);
}

static enum ep_status
read_facts(struct facts *facts, const struct ep_log_read *read, const char *folder, bool deep,
           struct ep_error *err)
{
	ep_log_state(&facts->state, read);
	EP_TRY(ep_node_name(facts->name, read, err));
	struct ep_follows follows;
	struct ep_bytes stale;
	EP_TRY(ep_log_follows(&follows, read, err));
	facts->follows = follows.any;
	facts->stale = ep_log_value(&stale, read, EP_STALE_VALUE, NULL) == EP_OK;
	struct ep_digest digest;
	struct ep_hash name;
	EP_TRY(ep_log_digest(&digest, read, err));
	ep_digest_name(&name, &digest);
	ep_hash_print(facts->digest, &name);
	for (int kind = EP_DUMP_MASTER; kind <= EP_DUMP_SLAVE && deep; kind++)
		EP_TRY(read_follower(&facts->dumps[kind], &facts->unconfirmed, read,
		                     (enum ep_dump_kind)kind, err));
	EP_TRY(ep_log_sources(&facts->sources, &facts->source_count, read, err));
	if (deep)
		EP_TRY(read_usage(&facts->usage, read, err));
	if (deep)
		EP_TRY(count_copies(&facts->copies, read, err));
	EP_TRY(ep_index_state(&facts->index, read, err));
	facts->bytes = size_on_disk(folder) + facts->index.bytes;
	return EP_OK;
}

static json_t *
date_json(const char *date)
{
	return *date ? json_string(date) : json_null();
}

static json_t *
follower_json(const struct follower *follower)
{
	return json_pack("{s:I, s:I}", "position", (json_int_t)follower->watermark, "waiting",
	                 (json_int_t)follower->waiting);
}

static json_t *
index_json(const struct ep_index_state *index)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "position", (json_int_t)index->watermark,
	                 "waiting", (json_int_t)index->tail, "shards", (json_int_t)index->shards,
	                 "postings", (json_int_t)index->postings, "bytes",
	                 (json_int_t)index->bytes);
}

static json_t *
facts_json(const struct facts *facts, bool deep)
{
	const struct follower *master = &facts->dumps[EP_DUMP_MASTER];
	const struct follower *slave = &facts->dumps[EP_DUMP_SLAVE];
	json_t *sources = json_object();
	for (size_t i = 0; i < facts->source_count; i++)
		json_object_set_new(sources, facts->sources[i].name,
		                    json_integer((json_int_t)facts->sources[i].documents));
	json_t *json = json_pack(
		"{s:s, s:I, s:I, s:I, s:s, s:{s:o, s:o}, s:o, s:I}", "name", facts->name,
		"documents", (json_int_t)facts->state.documents, "tracks",
		(json_int_t)facts->state.tracks, "position", (json_int_t)facts->state.position,
		"digest", facts->digest, "lastdump", "master", date_json(master->lastdump), "slave",
		date_json(slave->lastdump), "sources", sources, "bytes", (json_int_t)facts->bytes);
	if (json && facts->standing)
		json_object_update(json, facts->standing);
	if (json && facts->stale)
		json_object_set_new(json, "stale", json_true());
	if (!deep)
		return json;
	json_t *more = json_pack("{s:o, s:I, s:o, s:I, s:I, s:I, s:{s:o, s:o}}", "index",
	                         index_json(&facts->index), "copies", (json_int_t)facts->copies,
	                         "forms", ep_forms_json(&facts->usage), "tombstones",
	                         (json_int_t)facts->state.tombstones, "conflicts",
	                         (json_int_t)facts->state.conflicts, "unconfirmed_tracks",
	                         (json_int_t)facts->unconfirmed, "dumps", "master",
	                         follower_json(master), "slave", follower_json(slave));
	if (json && more)
		json_object_update(json, more);
	json_decref(more);
	return json;
}

json_t *
ep_status_json(struct ep_log *log, bool deep, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct facts facts = { 0 };
	json_t *json = NULL;
	if (ep_log_read_begin(&read, log, err) != EP_OK)
		return NULL;
	if (read_facts(&facts, read, ep_log_folder(log), deep, err) == EP_OK) {
		facts.standing = ep_standing_json(read, ep_log_folder(log));
		json = facts_json(&facts, deep);
	}
	json_decref(facts.standing);
	free(facts.sources);
	return json;
}

static void
print_follower(const char *name, const struct follower *follower)
{
	printf("%-12s %s, up to position %s; waiting: %s\n", name,
	       *follower->lastdump ? follower->lastdump : "never", ep_grouped(follower->watermark),
	       ep_grouped(follower->waiting));
}

static void
print_words(const struct facts *facts)
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
		printf("unconfirmed  %s that the master has not sent back\n",
		       ep_counted(facts->unconfirmed, "local track"));
	if (facts->stale)
		printf("stale        an older copy of what was published: `publish --new-epoch` "
		       "brings back what slaves have\n");
	print_follower("master-dump", &facts->dumps[EP_DUMP_MASTER]);
	print_follower("slave-dump", &facts->dumps[EP_DUMP_SLAVE]);
	if (state->tombstones)
		printf("deleted      %s\n", ep_counted(state->tombstones, "track"));
	if (facts->copies)
		printf("copies       %s\n", ep_counted(facts->copies, "track"));
	if (state->conflicts)
		printf("conflicts    %s kept aside\n", ep_counted(state->conflicts, "version"));
	ep_print_forms(&facts->usage);
	printf("index        up to position %s, %s in %s; waiting: %s\n",
	       ep_grouped(facts->index.watermark), ep_counted(facts->index.postings, "posting"),
	       ep_counted(facts->index.shards, "shard"), ep_counted(facts->index.tail, "change"));
	printf("on disk      %s\n", ep_bytes_text(facts->bytes));
}

static enum ep_status
show(const struct ep_call *call, json_t **json, struct ep_error *err)
{
	EP_OWNED(ep_log_close)
	struct ep_log *log = NULL;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct facts facts = { 0 };
	*err = (struct ep_error){ 0 };
	EP_TRY(ep_log_open(&log, call->folder, EP_LOG_READ, err));
	if (call->json) {
		*json = ep_status_json(log, true, err);
		if (*json)
			return EP_OK;
		return err->status ? err->status
		                   : ep_fail(err, EP_NO_MEMORY, "out of memory for the state");
	}
	EP_TRY(ep_log_read_begin(&read, log, err));
	enum ep_status status = read_facts(&facts, read, call->folder, true, err);
	if (status == EP_OK) {
		print_words(&facts);
		ep_print_standing(read, call->folder);
	}
	free(facts.sources);
	return status;
}

static enum ep_exit
run(const struct ep_call *call)
{
	struct ep_error err;
	json_t *json = NULL;
	if (call->argument_count)
		return ep_bad_usage(call->command, "status takes no arguments");
	if (show(call, &json, &err) != EP_OK)
		return ep_give_up(call, &err);
	return call->json ? ep_print_json(json, EP_EXIT_DONE) : EP_EXIT_DONE;
}

const struct ep_command ep_cmd_status = {
	.name = "status",
	.synopsis = "",
	.summary = "Show what the node holds, and what lags",
	.details = "Nodes with equal digests hold the same tracks, whatever their positions.\n",
	.options = options,
	.run = run,
};
