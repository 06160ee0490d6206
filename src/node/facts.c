#include "node/facts.h"

#include "dump/dump.h"
#include "node/node_name.h"
#include "node/streams_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- reading ---- */

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
read_follower(struct ep_facts_dump *follower, uint64_t *unconfirmed, const struct ep_log_read *read,
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
read_all(struct ep_facts *facts, const struct ep_log_read *read, const char *folder,
         struct ep_error *err)
{
	bool deep = facts->deep;
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
	EP_TRY(ep_followers(&facts->followers, &facts->follower_count, read, err));
	facts->bytes = size_on_disk(folder) + facts->index.bytes;
	ep_standing_read(&facts->standing, read, folder);
	facts->monitor = ep_streams_file_read(folder);
	return EP_OK;
}

enum ep_status
ep_facts_read(struct ep_facts *facts, struct ep_log *log, bool deep, struct ep_error *err)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_facts found = { .deep = deep };
	EP_TRY(ep_log_read_begin(&read, log, err));
	enum ep_status status = read_all(&found, read, ep_log_folder(log), err);
	if (status != EP_OK)
		ep_facts_done(&found);
	else
		*facts = found;
	return status;
}

void
ep_facts_done(struct ep_facts *facts)
{
	free(facts->sources);
	free(facts->followers);
	ep_standing_done(&facts->standing);
	json_decref(facts->monitor);
	*facts = (struct ep_facts){ 0 };
}

/* ---- as JSON ---- */

static const char *const form_names[EP_CODES_FORM_COUNT] = { "text", "packed", "onset" };

const char *
ep_form_name(size_t form)
{
	return form_names[form];
}

json_t *
ep_forms_json(const struct ep_codes_usage *usage)
{
	json_t *forms = json_object();
	for (size_t i = 0; i < EP_CODES_FORM_COUNT; i++)
		json_object_set_new(forms, form_names[i],
		                    json_pack("{s:I, s:I}", "documents",
		                              (json_int_t)usage->of[i].documents, "bytes",
		                              (json_int_t)usage->of[i].bytes));
	return forms;
}

static json_t *
date_json(const char *date)
{
	return *date ? json_string(date) : json_null();
}

static json_t *
follower_json(const struct ep_facts_dump *follower)
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

json_t *
ep_facts_json(const struct ep_facts *facts)
{
	const struct ep_facts_dump *master = &facts->dumps[EP_DUMP_MASTER];
	const struct ep_facts_dump *slave = &facts->dumps[EP_DUMP_SLAVE];
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
	json_t *standing = ep_standing_json(&facts->standing);
	if (json && standing)
		json_object_update(json, standing);
	json_decref(standing);
	if (json && json_is_object(facts->monitor))
		json_object_set(json, "monitor", facts->monitor);
	if (json && facts->follower_count)
		json_object_set_new(json, "followers",
		                    ep_followers_json(facts->followers, facts->follower_count));
	if (json && facts->stale)
		json_object_set_new(json, "stale", json_true());
	if (!facts->deep) {
		if (json) {
			json_object_set_new(json, "index", index_json(&facts->index));
			json_object_set_new(json, "conflicts",
			                    json_integer((json_int_t)facts->state.conflicts));
		}
		return json;
	}
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
