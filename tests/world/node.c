/* One long file: the world knows the product's interfaces here alone, and every function works on
 * the open logs below. */
#include "node.h"

#include "machine.h"

#include "base/file.h"
#include "base/time.h"
#include "dump/dump.h"
#include "dump/packet_parts.h"
#include "format/csv.h"
#include "format/feed.h"
#include "format/packet.h"
#include "ingest/ingest.h"
#include "store/verify.h"
#include "sync/feed_files.h"
#include "sync/master/feed_writer.h"
#include "sync/master/inbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 200

/* Of a log, in bytes. */
#define MAP_SIZE ((size_t)32 << 20)

/* serve's, so that a feed is not written again without news. */
#define REFRESH_S 3600

static struct ep_log *logs[NODES];
static struct ep_codes_coder *coder;
static struct ep_error why;
static char root[PATH_SIZE];
static struct ep_key keys[NODES];
static int same_as[NODES]; /* a node with the same key, of which it is a copy; itself */

const char *
node_why(void)
{
	return why.text;
}

/* What must not fail: says where it is, and why it failed. */
#define needs(call) needs_ok((call), __LINE__, #call)

static void
needs_ok(enum ep_status status, int line, const char *call)
{
	if (status == EP_OK)
		return;
	fprintf(stderr, "%s:%d: this gives %d, %s: %s\n", __FILE__, line, (int)status, why.text,
	        call);
	abort();
}

const char *
node_folder(int node)
{
	static char folders[NODES][PATH_SIZE];
	snprintf(folders[node], PATH_SIZE, "%.150s/n%d", root, node);
	return folders[node];
}

static const char *
name_of(int node)
{
	static const char *const names[] = { "m", "p1", "p2", "p3", "p4", "p5", "legacy" };
	return names[node < NODES ? same_as[node] : node];
}

static enum ep_status
open_log(struct ep_log **log, int node)
{
	why.text[0] = '\0';
	if (!logs[node])
		EP_TRY(ep_log_open_within(&logs[node], node_folder(node), EP_LOG_WRITE, MAP_SIZE,
		                          &why));
	*log = logs[node];
	return EP_OK;
}

void
node_close(int node)
{
	ep_log_close(EP_TAKE(logs[node]));
}

void
node_forget(void)
{
	memset(logs, 0, sizeof logs);
}

/* ---- making them ---- */

static enum ep_status
add_source(int node)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_log *log;
	struct ep_peer peer = { .has_key = true, .key = keys[same_as[node]] };
	uint32_t number;
	snprintf(peer.name, sizeof peer.name, "%s", name_of(node));
	EP_TRY(open_log(&log, 0));
	EP_TRY(ep_log_write_begin(&write, log, &why));
	EP_TRY(ep_log_source(&number, write, ep_text_of(peer.name), &why));
	EP_TRY(ep_peer_store(write, &peer, &why));
	EP_TRY(ep_peer_name_key(write, &peer, &why));
	return ep_log_commit(&write, &why);
}

static enum ep_status
join(int node)
{
	struct ep_invitation invitation = { .key = keys[0] };
	struct ep_log *log;
	bool waits;
	EP_TRY(open_log(&log, node));
	snprintf(invitation.name, sizeof invitation.name, "%s", name_of(node));
	snprintf(invitation.url, sizeof invitation.url, "http://world/");
	return ep_join_master(&waits, log, NULL, &invitation, false, NULL, &why);
}

void
node_setup(const char *folder)
{
	char made[PATH_SIZE];
	snprintf(root, sizeof root, "%s", folder);
	needs(ep_codes_coder_new(&coder, EP_CODES_ONSET, &why));
	for (int node = 0; node < NODES; node++)
		same_as[node] = node;
	for (int node = 0; node < NODES; node++) {
		struct ep_keys pair;
		needs(ep_log_open_within(&logs[node], node_folder(node), EP_LOG_MAKE, MAP_SIZE,
		                         &why));
		needs(ep_keys_open(&pair, node_folder(node), &why));
		keys[node] = pair.key;
		needs(node ? join(node) : EP_OK);
		needs(node ? add_source(node) : EP_OK);
	}
	for (int node = 0; node < NODES; node++) {
		static const char *const made_later[] = { "incoming", "feed", "feed/packets" };
		node_close(node);
		for (int i = 0; i < 3; i++) {
			snprintf(made, sizeof made, "%.150s/%s", node_folder(node), made_later[i]);
			machine_make(made);
		}
		snprintf(made, sizeof made, "%.150s/made%d", root, node);
		machine_copy(node_folder(node), made);
	}
}

void
node_begin_one(int node, int made_as)
{
	char made[PATH_SIZE];
	node_close(node);
	snprintf(made, sizeof made, "%.150s/made%d", root, made_as);
	same_as[node] = made_as;
	machine_make_alike(made, node_folder(node));
}

void
node_begin(int count, const int made_as[])
{
	for (int node = 0; node < NODES; node++) {
		if (node < count) {
			node_begin_one(node, made_as[node]);
		} else {
			node_close(node);
			machine_remove(node_folder(node));
		}
	}
}

/* ---- tracks ---- */

static const char *
id_of(int track)
{
	static const char *const ids[] = { "TRA", "TRB", "TRC", "TRD" };
	return ids[track];
}

static int
track_of(struct ep_text id)
{
	return id.size == 3 && id.at[2] >= 'A' && id.at[2] < 'A' + TRACKS ? id.at[2] - 'A' : -1;
}

/* The fields of contents: of every other, whether a track has fields or not is part of what it has.
 * What a CSV made has none. */
static struct ep_fields
fields_of(uint16_t contents)
{
	static const struct ep_field fields[] = { { { "isrc", 4 }, { "A", 1 } },
		                                  { { "x", 1 }, { "y", 1 } } };
	return (struct ep_fields){ fields, contents % 3 };
}

/* The rows of contents; titles are for them. */
static struct ep_track
rows_of(struct ep_document rows[2], char titles[2][16], int track, uint16_t contents)
{
	int labels[2] = { contents % 64 - 1, contents / 64 - 1 };
	struct ep_track made = { .id = ep_text_of(id_of(track)),
		                 .documents = rows,
		                 .fields = fields_of(contents) };
	for (int i = 0; i < 2; i++) {
		if (labels[i] < 0)
			continue;
		snprintf(titles[i], 16, "v%d", labels[i]);
		rows[made.count++] = (struct ep_document){ .suffix = ep_text_of(i ? "-1" : "-0"),
			                                   .codever = ep_text_of("4.12"),
			                                   .codes = ep_text_of("1 2"),
			                                   .length = ep_text_of("60"),
			                                   .artist = ep_text_of(""),
			                                   .release = ep_text_of(""),
			                                   .track = ep_text_of(titles[i]) };
	}
	return made;
}

static uint16_t
contents_of(const struct ep_track *track)
{
	int labels[2] = { -1, -1 };
	for (size_t i = 0; i < track->count; i++) {
		const struct ep_document *row = &track->documents[i];
		int at = row->suffix.size == 2 ? row->suffix.at[1] - '0' : -1;
		char text[8] = "";
		if (at < 0 || at > 1 || row->track.size < 2 || row->track.size > 4)
			return CONTENTS_UNKNOWN;
		memcpy(text, row->track.at + 1, row->track.size - 1);
		labels[at] = atoi(text);
	}
	return CONTENTS(labels[0], labels[1]);
}

/* ---- what users do ---- */

static enum ep_status
put_rows(bool *conflict, struct ep_log *log, const struct ep_track *track)
{
	EP_BUFFER struct ep_buffer body = { 0 };
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_put_counts counts = { 0 };
	EP_TRY(ep_entry_put_body(&body, NULL, track, coder, &why));
	struct ep_put put = { .track = track,
		              .body = ep_buffer_bytes(&body),
		              .source = EP_SOURCE_LOCAL,
		              .import_date = ep_time_now(),
		              .whole = true,
		              .all_fields = true };
	ep_track_hash(&put.hash, track);
	EP_TRY(ep_log_write_begin(&write, log, &why));
	EP_TRY(ep_log_put(write, &put, &counts, &why));
	*conflict = counts.conflict > 0;
	return ep_log_commit(&write, &why);
}

enum ep_status
node_put(int node, int track, uint16_t contents, bool *conflict)
{
	struct ep_document rows[2];
	char titles[2][16];
	struct ep_log *log;
	struct ep_track made = rows_of(rows, titles, track, contents);
	EP_TRY(open_log(&log, node));
	return put_rows(conflict, log, &made);
}

/* Codes that do not pack well, so that packets of a feed become larger than the smallest. */
enum ep_status
node_fill(int node, unsigned number)
{
	static char codes[72000];
	size_t size = 0;
	bool conflict;
	struct ep_log *log;
	uint64_t random = number * 2 + 1;
	for (unsigned time = 0; size < sizeof codes - 32; time += 3) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		size += (size_t)snprintf(codes + size, 32, "%s%u %u", time ? " " : "",
		                         (unsigned)(random >> 32), time);
	}
	struct ep_document row = { .suffix = ep_text_of("-0"),
		                   .codever = ep_text_of("4.12"),
		                   .codes = { codes, size },
		                   .length = ep_text_of("60"),
		                   .artist = ep_text_of(""),
		                   .release = ep_text_of(""),
		                   .track = ep_text_of("filler") };
	struct ep_track made = { .id = ep_text_of("TRZ"), .documents = &row, .count = 1 };
	EP_TRY(open_log(&log, node));
	return put_rows(&conflict, log, &made);
}

enum ep_status
node_delete(int node, int track)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_log *log;
	struct ep_text id = ep_text_of(id_of(track));
	EP_TRY(open_log(&log, node));
	EP_TRY(ep_log_write_begin(&write, log, &why));
	EP_TRY(ep_check_own(ep_log_inside(write), id, &why));
	EP_TRY(ep_log_delete(write, id, ep_time_now(), &why));
	return ep_log_commit(&write, &why);
}

enum ep_status
node_link(int node, int track, int original)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_log *log;
	struct ep_text id = ep_text_of(id_of(track));
	EP_TRY(open_log(&log, node));
	EP_TRY(ep_log_write_begin(&write, log, &why));
	EP_TRY(ep_check_own(ep_log_inside(write), id, &why));
	if (original < 0) {
		EP_TRY(ep_log_release(write, id, ep_time_now(), &why));
	} else {
		struct ep_link link = { .original = ep_text_of(id_of(original)),
			                .kind = EP_COPY_EXACT,
			                .share = 1000,
			                .coverage = 1000 };
		EP_TRY(ep_log_link(write, id, &link, ep_time_now(), &why));
	}
	return ep_log_commit(&write, &why);
}

enum ep_status
node_accept(int node, int track, bool accept)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_log *log;
	struct ep_put_counts counts = { 0 };
	struct ep_text id = ep_text_of(id_of(track));
	EP_TRY(open_log(&log, node));
	EP_TRY(ep_log_write_begin(&write, log, &why));
	if (accept)
		EP_TRY(ep_check_own(ep_log_inside(write), id, &why));
	EP_TRY(ep_log_settle_conflict(&counts, write, id, accept, accept ? 1 : 0, ep_time_now(),
	                              &why));
	return ep_log_commit(&write, &why);
}

enum ep_status
node_read_csv(int node, const char *path, int from)
{
	struct ep_log *log;
	struct ep_ingest_report counts = { 0 };
	struct ep_ingest_options options = { .kind = EP_INGEST_DUMP,
		                             .source = ep_text_of(node ? "master" : name_of(from)),
		                             .import_date = ep_time_now() };
	EP_TRY(open_log(&log, node));
	EP_OWNED(ep_ingest_close)
	struct ep_ingest *ingest = NULL;
	EP_TRY(ep_ingest_open(&ingest, log, &options, &counts, &why));
	return ep_ingest_file(ingest, path, &why);
}

void
node_write_csv(const char *path, int track, uint16_t contents)
{
	struct ep_document rows[2];
	char titles[2][16];
	struct ep_track made = rows_of(rows, titles, track, contents);
	FILE *file = fopen(path, "w");
	for (size_t i = 0; file && i < made.count; i++)
		fprintf(file, "%s%s,4.12,1 2,60,,,%s\r\n", id_of(track), rows[i].suffix.at,
		        rows[i].track.at);
	if (file)
		fclose(file);
}

enum ep_status
node_dump(char path[PATH_SIZE], int node)
{
	struct ep_log *log;
	struct ep_dump_report report = { 0 };
	char folder[PATH_SIZE];
	snprintf(folder, sizeof folder, "%.150s/dumps", root);
	struct ep_dump_options options = { .kind = node ? EP_DUMP_SLAVE : EP_DUMP_MASTER,
		                           .folder = folder,
		                           .name = name_of(node),
		                           .lines = EP_DUMP_LINES };
	path[0] = '\0';
	EP_TRY(open_log(&log, node));
	EP_TRY(ep_make_folder(folder, &why));
	enum ep_status status = ep_dump(&report, log, &options, &why);
	if (status == EP_OK && report.file_count)
		snprintf(path, PATH_SIZE, "%.100s/%.90s", folder, report.files[0].name);
	ep_dump_report_free(&report);
	return status;
}

static void
read_dump(uint64_t labels[TRACKS][2], const char *path)
{
	char line[200];
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file)) {
		const char *title = strrchr(line, ',');
		struct ep_text id = { line, 3 };
		int track = strlen(line) > 5 && line[3] == '-' ? track_of(id) : -1;
		int document = track < 0 ? -1 : line[4] - '0';
		if (track >= 0 && document >= 0 && document < 2 && title && title[1] == 'v')
			labels[track][document] |= UINT64_C(1) << (atoi(title + 2) % 64);
	}
	if (file)
		fclose(file);
}

void
node_dumped(uint64_t labels[TRACKS][2])
{
	char path[2 * PATH_SIZE];
	char folder[PATH_SIZE];
	snprintf(folder, sizeof folder, "%.150s/dumps", root);
	memset(labels, 0, TRACKS * sizeof *labels);
	DIR *names = opendir(folder);
	struct dirent *name;
	while (names && (name = readdir(names)) != NULL) {
		if (strncmp(name->d_name, "echoprint-replication-out", 25) != 0)
			continue;
		snprintf(path, sizeof path, "%.199s/%.190s", folder, name->d_name);
		read_dump(labels, path);
	}
	if (names)
		closedir(names);
}

/* ---- replication: the master ---- */

enum ep_status
node_publish(const char *stick)
{
	struct ep_log *log;
	struct ep_feed_report report;
	struct ep_feed_options options = { .name = name_of(0), .refresh_s = REFRESH_S };
	char folder[PATH_SIZE];
	size_t taken;
	int before = machine_acts(0);
	snprintf(folder, sizeof folder, "%.150s/feed", node_folder(0));
	enum ep_status status = open_log(&log, 0);
	if (status == EP_OK && stick)
		status = ep_inbox_folder(&taken, log, stick, NULL, NULL, &why);
	if (status == EP_OK)
		status = ep_feed_publish(&report, log, stick ? stick : folder, &options, &why);
	machine_acts(before);
	return status;
}

enum ep_status
node_new_epoch(void)
{
	struct ep_log *log;
	uint64_t epoch;
	char folder[PATH_SIZE];
	int before = machine_acts(0);
	snprintf(folder, sizeof folder, "%.150s/feed", node_folder(0));
	enum ep_status status = open_log(&log, 0);
	if (status == EP_OK)
		status = ep_feed_new_epoch(&epoch, log, folder, &why);
	machine_acts(before);
	return status;
}

static int
is_packet(const struct dirent *name)
{
	return name->d_name[0] != '.';
}

void
node_spoil(unsigned number)
{
	struct dirent **names;
	char path[2 * PATH_SIZE];
	snprintf(path, sizeof path, "%.150s/feed/packets", node_folder(0));
	int count = scandir(path, &names, is_packet, alphasort);
	if (count > 0) {
		const char *name = names[number % (unsigned)count]->d_name;
		snprintf(path, sizeof path, "%.150s/feed/packets/%.100s", node_folder(0), name);
		unlink(path);
	}
	for (int i = 0; i < count; i++)
		free(names[i]);
	if (count >= 0)
		free(names);
}

enum ep_status
node_source_limit(int node, uint64_t tracks)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_log *log;
	struct ep_peer peer;
	EP_TRY(open_log(&log, 0));
	EP_TRY(ep_log_write_begin(&write, log, &why));
	EP_TRY(ep_peer_load(&peer, ep_log_inside(write), name_of(node), &why));
	peer.tracks_max = tracks ? tracks : EP_PEER_TRACKS_MAX;
	EP_TRY(ep_peer_store(write, &peer, &why));
	return ep_log_commit(&write, &why);
}

enum ep_status
node_source_add(int node)
{
	return add_source(node);
}

/* Deletes what a source brought. */
static enum ep_status
delete_tracks(struct ep_log_write *write, uint32_t number)
{
	for (int track = 0; track < TRACKS; track++) {
		struct ep_entry entry;
		struct ep_text id = ep_text_of(id_of(track));
		enum ep_status status = ep_log_find(&entry, ep_log_inside(write), id, &why);
		if (status == EP_OK && entry.operation == EP_PUT && entry.source == number)
			EP_TRY(ep_log_delete(write, id, ep_time_now(), &why));
	}
	return EP_OK;
}

enum ep_status
node_source_remove(int node, bool with_tracks)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_log *log;
	uint32_t number;
	EP_TRY(open_log(&log, 0));
	EP_TRY(ep_log_write_begin(&write, log, &why));
	EP_TRY(ep_log_source(&number, write, ep_text_of(name_of(node)), &why));
	EP_TRY(ep_peer_remove(write, name_of(node), &why));
	if (with_tracks)
		EP_TRY(delete_tracks(write, number));
	return ep_log_commit(&write, &why);
}

static enum ep_status
take(struct ep_buffer *answer, const void *bytes, size_t size)
{
	struct ep_log *log;
	struct ep_peer peer;
	struct ep_trailer trailer;
	struct ep_inbox_report report;
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%.150s/inbox-world", node_folder(0));
	EP_TRY(open_log(&log, 0));
	if (size < EP_TRAILER_SIZE)
		return ep_fail(&why, EP_CORRUPT, "too short");
	EP_TRY(ep_inbox_check(&peer, &trailer, log, (const uint8_t *)bytes + size - EP_TRAILER_SIZE,
	                      &why));
	EP_TRY(ep_replace_file(path, bytes, size, 0600, &why));
	enum ep_status status = ep_inbox_take(answer, &report, log, path, NULL, &why);
	unlink(path);
	return status;
}

enum ep_status
node_take(struct ep_buffer *answer, const void *bytes, size_t size)
{
	int before = machine_acts(0);
	enum ep_status status = take(answer, bytes, size);
	machine_acts(before);
	return status;
}

/* ---- replication: slaves ---- */

enum ep_status
node_sync(int node, const struct node_sync *how, const struct ep_transport *master,
          const struct ep_transport *feed)
{
	struct ep_log *log;
	struct ep_sync_report report = { 0 };
	struct ep_feed_request request = { 0 };
	struct ep_error refused = { 0 };
	char mirror[PATH_SIZE];
	snprintf(mirror, sizeof mirror, "%.150s/feed", node_folder(node));
	struct ep_sync_options options = { .name = name_of(node),
		                           .restart = how->restart,
		                           .retry = how->retries,
		                           .mirror = how->mirrors ? mirror : NULL,
		                           .request = &request };
	EP_TRY(open_log(&log, node));
	enum ep_status status = EP_OK;
	if (how->contributes)
		status = ep_contribute(&report, log, master, &options, &refused);
	if (status != EP_OK && status != EP_BAD_INPUT && status != EP_DIVERGED)
		return ep_fail(&why, status, "%s", refused.text);
	if (how->fetches)
		EP_TRY(ep_fetch(&report, log, feed, &options, &why));
	return status == EP_OK ? EP_OK : ep_fail(&why, status, "%s", refused.text);
}

/* ---- what is seen ---- */

struct looking {
	struct node_view *view;
	const struct ep_log_read *read;
};

static enum ep_status
read_contents(uint16_t *contents, const struct ep_entry *entry)
{
	EP_DECODED struct ep_decoded rows = { 0 };
	struct ep_bytes codes;
	*contents = 0;
	if (entry->operation == EP_DELETE)
		return EP_OK;
	EP_TRY(ep_entry_rows(&rows, &codes, entry, &why));
	*contents = contents_of(&rows.track);
	return EP_OK;
}

static enum ep_status
look_aside(void *context, const struct ep_entry *entry, struct ep_error *err)
{
	struct looking *looking = context;
	struct node_view *view = looking->view;
	uint16_t contents;
	int track = track_of(entry->id);
	(void)err;
	if (entry->operation == EP_LINK)
		return EP_OK;
	EP_TRY(read_contents(&contents, entry));
	if (track < 0 || view->aside_count == ASIDE_MAX)
		return EP_OK;
	view->aside[view->aside_count].track = (uint8_t)track;
	view->aside[view->aside_count].rows = entry->flags & EP_ENTRY_PARTIAL;
	memcpy(view->aside[view->aside_count].hash, entry->hash.bytes, 16);
	view->aside[view->aside_count++].contents = contents;
	return EP_OK;
}

/* The node that a number of a source stands for. */
static int8_t
node_of(uint32_t number, const struct ep_source_info *sources, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (sources[i].number != number)
			continue;
		for (int8_t node = 1; node <= LEGACY; node++) {
			if (strcmp(sources[i].name, name_of(node)) == 0)
				return node;
		}
	}
	return -1;
}

/* Whether a link of a track is this node's, and was not published yet. */
static enum ep_status
is_own_link(bool *is, struct ep_text id, const struct ep_log_read *read)
{
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_entry entry;
	struct ep_history history;
	*is = false;
	enum ep_status status = ep_log_find_link(&entry, read, id, &why);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_entry_history(&history, &entry, UINT32_MAX, NULL, &arena, &why));
	*is = !ep_history_is_sealed(&history);
	return EP_OK;
}

static enum ep_status
look_track(struct looking *looking, int track, const struct ep_source_info *sources, size_t count)
{
	struct node_view *view = looking->view;
	struct ep_entry entry;
	struct ep_link link;
	view->copy_of[track] = -1;
	view->owner[track] = -1;
	enum ep_status status = ep_log_find(&entry, looking->read, ep_text_of(id_of(track)), &why);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	view->known[track] = true;
	view->at[track] = entry.position;
	EP_TRY(read_contents(&view->contents[track], &entry));
	view->owner[track] =
		entry.source == EP_SOURCE_LOCAL ? 0 : node_of(entry.source, sources, count);
	enum ep_link_state state = EP_LINK_NONE;
	if (entry.operation == EP_PUT)
		EP_TRY(ep_log_link_state(&state, &link, looking->read, &entry, &why));
	if (state == EP_LINK_IN_FORCE)
		view->copy_of[track] = (int8_t)track_of(link.original);
	bool own;
	EP_TRY(is_own_link(&own, entry.id, looking->read));
	view->links_foreign[track] = own && entry.source != EP_SOURCE_LOCAL;
	return EP_OK;
}

enum ep_status
node_look(struct node_view *view, int node)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_FREE struct ep_source_info *sources = NULL;
	size_t count;
	struct ep_log *log;
	struct ep_log_state state;
	struct ep_digest digest;
	struct ep_hash name;
	*view = (struct node_view){ 0 };
	EP_TRY(open_log(&log, node));
	EP_TRY(ep_log_read_begin(&read, log, &why));
	struct looking looking = { .view = view, .read = read };
	ep_log_state(&state, read);
	struct ep_epoch epoch;
	view->position = state.position;
	EP_TRY(ep_log_epoch(&epoch, read, &why));
	view->epoch = epoch.number;
	view->epoch_tag = epoch.tag;
	EP_TRY(ep_log_digest(&digest, read, &why));
	ep_digest_name(&name, &digest);
	memcpy(view->digest, name.bytes, sizeof view->digest);
	EP_TRY(ep_log_sources(&sources, &count, read, &why));
	for (int track = 0; track < TRACKS; track++)
		EP_TRY(look_track(&looking, track, sources, count));
	return ep_log_conflicts(read, look_aside, &looking, &why);
}

static void
on_problem(void *context, const char *problem)
{
	(void)context;
	snprintf(why.text, sizeof why.text, "%s", problem);
}

enum ep_status
node_verify(int node)
{
	struct ep_log *log;
	struct ep_verify_report report = { 0 };
	struct ep_verify_options options = { .on_problem = on_problem };
	EP_TRY(open_log(&log, node));
	EP_TRY(ep_log_verify(&report, log, &options, &why));
	return report.problems ? EP_CORRUPT : EP_OK;
}

static enum ep_status
revision_of(uint8_t revision[16], struct ep_text id, const struct ep_packet_parties *parties,
            const struct ep_log_read *read)
{
	EP_ARENA struct ep_arena arena = { 0 };
	struct ep_entry entry;
	struct ep_history history;
	memset(revision, 0, 16);
	enum ep_status status = ep_log_find(&entry, read, id, &why);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	struct ep_subject subject = { id, false };
	struct ep_parties all = { parties->list, parties->count };
	EP_TRY(ep_packet_history(&history, parties, &entry, &arena, &why));
	ep_history_hash(&history, &subject, &all);
	memcpy(revision, history.steps[history.count - 1].id.bytes, 16);
	return EP_OK;
}

enum ep_status
node_revisions(uint8_t revisions[TRACKS][16], int node)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_PACKET_PARTIES struct ep_packet_parties parties = { 0 };
	struct ep_log *log;
	EP_TRY(open_log(&log, node));
	EP_TRY(ep_log_read_begin(&read, log, &why));
	EP_TRY(ep_packet_parties_open(&parties, read, false, &why));
	for (int track = 0; track < TRACKS; track++)
		EP_TRY(revision_of(revisions[track], ep_text_of(id_of(track)), &parties, read));
	return EP_OK;
}

enum ep_status
node_pending(uint64_t *count, int node)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_log *log;
	struct ep_pending pending;
	EP_TRY(open_log(&log, node));
	EP_TRY(ep_log_read_begin(&read, log, &why));
	EP_TRY(ep_sync_pending(&pending, read, &why));
	*count = pending.unsent + pending.sent + pending.full;
	return EP_OK;
}

static enum ep_status
packet_whole(const char *folder, const struct ep_feed_packet *packet)
{
	char name[EP_FEED_NAME];
	char path[2 * PATH_SIZE];
	bool good = false;
	ep_feed_packet_name(name, packet);
	snprintf(path, sizeof path, "%.199s/packets/%.100s", folder, name);
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ep_fail(&why, EP_CORRUPT, "%s is not there", path);
	EP_TRY(ep_feed_check_file(&good, fd, packet, path, &why));
	return good ? EP_OK : ep_fail(&why, EP_CORRUPT, "%s is damaged", path);
}

enum ep_status
node_feed_whole(const char *folder)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	EP_FEED struct ep_feed feed = { 0 };
	char path[2 * PATH_SIZE];
	snprintf(path, sizeof path, "%.199s/feed.json", folder);
	enum ep_status status = ep_read_file(&text, path, EP_FEED_JSON_MAX, &why);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_feed_read(&feed, (struct ep_text){ (const char *)text.data, text.size }, &keys[0],
	                    &why));
	for (size_t i = 0; i < feed.packet_count; i++) {
		if (feed.packets[i].size)
			EP_TRY(packet_whole(folder, &feed.packets[i]));
	}
	return EP_OK;
}

static uint64_t
folder_bytes(const char *folder)
{
	char path[2 * PATH_SIZE];
	uint64_t bytes = 0;
	DIR *names = opendir(folder);
	struct dirent *name;
	while (names && (name = readdir(names)) != NULL) {
		struct stat info;
		snprintf(path, sizeof path, "%s/%s", folder, name->d_name);
		if (name->d_name[0] == '.' && strlen(name->d_name) < 3)
			continue;
		if (lstat(path, &info) == 0)
			bytes +=
				S_ISDIR(info.st_mode) ? folder_bytes(path) : (uint64_t)info.st_size;
	}
	if (names)
		closedir(names);
	return bytes;
}

uint64_t
node_bytes(int node)
{
	return folder_bytes(node_folder(node));
}

/* ---- what a contribution says ---- */

static enum ep_status
read_bytes(void *context, void *bytes, size_t size, size_t *got, struct ep_error *err)
{
	struct ep_text *left = context;
	(void)err;
	*got = size < left->size ? size : left->size;
	memcpy(bytes, left->at, *got);
	left->at += *got;
	left->size -= *got;
	return EP_OK;
}

static void
say(struct node_said *said, const struct ep_packet_entry *entry)
{
	if (said->count == SAID_MAX)
		return;
	said->entries[said->count].track = track_of(entry->id);
	said->entries[said->count].link = entry->operation == EP_PACKET_LINK;
	said->entries[said->count].deleted = entry->operation == EP_PACKET_DELETE;
	memcpy(said->entries[said->count++].hash, entry->hash.bytes, 16);
}

static enum ep_status
read_said(struct node_said *said, struct ep_packet_reader *reader)
{
	struct ep_packet_block block = { 0 };
	struct ep_head head;
	bool end = false;
	const struct ep_packet_header *header = ep_packet_header(reader);
	if (header->head.size) {
		EP_TRY(ep_head_read(&head, header->head, &keys[0], &why));
		const struct ep_mark *last = ep_head_last(&head);
		said->has_head = true;
		said->epoch = head.epoch;
		said->epoch_tag = head.epoch_tag;
		said->position = last ? last->position : 0;
	}
	enum ep_status status = EP_OK;
	while (status == EP_OK && !end) {
		status = ep_packet_read(reader, &block, &end, &why);
		if (status != EP_OK || end)
			break;
		status = ep_packet_decode(&block, header, &why);
		for (size_t i = 0; status == EP_OK && i < block.count; i++)
			say(said, &block.entries[i]);
	}
	ep_packet_block_free(&block);
	return status;
}

bool
node_said(struct node_said *said, const void *bytes, size_t size, const void *answer,
          size_t answer_size)
{
	EP_OWNED(ep_packet_close)
	struct ep_packet_reader *reader = NULL;
	EP_RECEIPT struct ep_receipt receipt = { 0 };
	struct ep_text left = { bytes, size };
	struct ep_source source = { .read = read_bytes, .context = &left };
	*said = (struct node_said){ 0 };
	if (ep_packet_open(&reader, source, &why) != EP_OK || read_said(said, reader) != EP_OK)
		return false;
	if (!answer_size)
		return true;
	struct ep_text text = { answer, answer_size };
	if (ep_receipt_read(&receipt, text, &keys[0], &why) != EP_OK)
		return false;
	for (size_t i = 0; i < said->count && i < receipt.track_count; i++)
		said->entries[i].conflict = receipt.tracks[i].outcome == EP_OUTCOME_CONFLICT;
	return true;
}

/* ---- for lies.c ---- */

enum ep_status
node_open(struct ep_log **log, struct ep_keys *pair, int node, struct ep_error *err)
{
	enum ep_status status = open_log(log, node);
	return status == EP_OK ? ep_keys_open(pair, node_folder(node), err)
	                       : ep_fail(err, status, "%s", why.text);
}

struct ep_text
node_track_id(int track)
{
	return ep_text_of(id_of(track));
}

enum ep_status
node_body(struct ep_buffer *body, struct ep_hash *hash, int track, uint16_t contents)
{
	struct ep_document rows[2];
	char titles[2][16];
	struct ep_track made = rows_of(rows, titles, track, contents);
	ep_track_hash(hash, &made);
	return ep_entry_put_body(body, NULL, &made, coder, &why);
}
