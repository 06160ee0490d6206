#include "library/library_internal.h"

#include "dump/dump.h"
#include "net/slave.h"
#include "node/node_name.h"
#include "node/settle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)ECHOPRINT_DUMP_SLAVE == EP_DUMP_SLAVE &&
                       (int)ECHOPRINT_COMPRESS_BZIP2 == EP_COMPRESS_BZIP2 &&
                       (int)ECHOPRINT_COMPRESS_ZSTD == EP_COMPRESS_ZSTD,
               "kinds of dumps");

/* ---- dumping ---- */

/* What the caller gets; the first member is all that it sees. */
struct dump {
	struct echoprint_dump dump;
	struct ep_arena texts;
};

static void
free_dump(struct dump *dump)
{
	if (dump)
		ep_arena_free(&dump->texts);
	free(dump);
}
EP_DEFINE_OWNED(struct dump, free_dump)

void
echoprint_dump_free(struct echoprint_dump *dump)
{
	free_dump((struct dump *)dump);
}

static enum ep_status
keep_files(struct dump *made, const struct ep_dump_report *report, struct ep_error *err)
{
	struct echoprint_dump_file *files =
		ep_arena_alloc(&made->texts, report->file_count * sizeof *files);
	if (!files)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < report->file_count; i++) {
		const struct ep_dump_file *file = &report->files[i];
		char sha256[EP_HASH_TEXT] = "";
		if (file->has_sha256)
			ep_hash_print(sha256, &file->sha256);
		files[i].documents = file->documents;
		files[i].bytes = file->bytes;
		EP_TRY(ep_keep_text(&files[i].name, &made->texts, ep_text_of(file->name), err));
		EP_TRY(ep_keep_text(&files[i].sha256, &made->texts, ep_text_of(sha256), err));
	}
	made->dump.files = files;
	made->dump.file_count = report->file_count;
	made->dump.file_size = sizeof *files;
	return EP_OK;
}

static enum ep_status
give_dump(struct echoprint_dump **out, const struct ep_dump_report *report, struct ep_error *err)
{
	EP_OWNED(free_dump)
	struct dump *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	made->dump.size = sizeof made->dump;
	made->dump.documents = report->documents;
	made->dump.deletions = report->deletions;
	made->dump.from = report->from;
	made->dump.to = report->to;
	EP_TRY(keep_files(made, report, err));
	if (out)
		*out = &EP_TAKE(made)->dump;
	return EP_OK;
}

static enum ep_status
check_dump(const struct echoprint_dump_options *options, struct ep_error *err)
{
	if (!options->folder)
		return ep_fail(err, EP_USAGE, "the folder of the dump is not given");
	if (options->kind < 0 || options->kind > ECHOPRINT_DUMP_SLAVE)
		return ep_fail(err, EP_USAGE, "kind is %d, but must be 0 or 1", options->kind);
	if (options->format < 0 || options->format > ECHOPRINT_PACKET)
		return ep_fail(err, EP_USAGE, "format is %d, but must be 0 or 1", options->format);
	if (options->compression < 0 || options->compression > ECHOPRINT_COMPRESS_ZSTD)
		return ep_fail(err, EP_USAGE, "compression is %d, but must be 0 to 2",
		               options->compression);
	if (options->compression && options->format == ECHOPRINT_PACKET)
		return ep_fail(err, EP_USAGE, "packets are already compressed");
	if (options->name && !ep_slave_name_ok(ep_text_of(options->name)))
		return ep_fail(err, EP_USAGE,
		               "name must have 1 to %d of A-Z a-z 0-9 . _ - and not be local or "
		               "master",
		               EP_SOURCE_NAME_MAX);
	return EP_OK;
}

static enum ep_status
dump(struct echoprint_dump **out, struct echoprint_db *db,
     const struct echoprint_dump_options *given, struct ep_error *err)
{
	struct echoprint_dump_options options;
	struct ep_dump_report report = { 0 };
	char name[EP_SOURCE_NAME_MAX + 1];
	EP_TRY(ep_read_sized_struct(&options, sizeof options, given, err));
	EP_TRY(ep_db_check(db, !options.dry_run, err));
	EP_TRY(check_dump(&options, err));
	EP_TRY(ep_log_node_name(name, ep_place_log(db->place), err));
	struct ep_dump_options wanted = {
		.kind = (enum ep_dump_kind)options.kind,
		.folder = options.folder,
		.name = options.name ? options.name : name,
		.lines = options.lines ? options.lines : EP_DUMP_LINES,
		.packets = options.format == ECHOPRINT_PACKET,
		.compression = (enum ep_compression)options.compression,
		.since_given = options.all || options.after,
		.since = options.all ? 0 : options.after,
		.checksums = options.checksums != 0,
		.dry_run = options.dry_run != 0,
		.stop = ep_place_stop(db->place),
	};
	enum ep_status status = ep_dump(&report, ep_place_log(db->place), &wanted, err);
	if (status == EP_OK)
		status = give_dump(out, &report, err);
	ep_dump_report_free(&report);
	return status;
}

enum echoprint_status
echoprint_dump(struct echoprint_dump **out, struct echoprint_db *db,
               const struct echoprint_dump_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, dump(out, db, options, &why), &why);
}

/* ---- following a master ---- */

static enum ep_status
join(struct echoprint_db *db, const char *line, struct ep_error *err)
{
	struct ep_invitation invitation;
	struct ep_keys keys;
	bool waits;
	EP_TRY(ep_db_check(db, true, err));
	if (!line)
		return ep_fail(err, EP_USAGE, "the invitation is NULL");
	EP_TRY(ep_invitation_parse(&invitation, ep_text_of(line), err));
	if (!invitation.url[0])
		return ep_fail(err, EP_BAD_INPUT, "the invitation has no URL of the master");
	EP_TRY(ep_keys_open(&keys, ep_log_folder(ep_place_log(db->place)), err));
	return ep_slave_join(&waits, ep_place_log(db->place), &invitation, true, NULL,
	                     ep_place_stop(db->place), err);
}

enum echoprint_status
echoprint_join(struct echoprint_db *db, const char *invitation, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, join(db, invitation, &why), &why);
}

static enum ep_status
sync_once(struct echoprint_sync *given, struct echoprint_db *db, bool restart, struct ep_error *err)
{
	struct ep_sync_report report = { 0 };
	struct ep_feed_request request = { 0 };
	struct ep_copies_report copies;
	EP_TRY(ep_db_check(db, true, err));
	struct ep_sync_options wanted = { .restart = restart,
		                          .retry = true,
		                          .request = &request,
		                          .stop = ep_place_stop(db->place) };
	EP_TRY(ep_slave_sync(&report, ep_place_log(db->place), &wanted, err));
	EP_TRY(ep_node_settle(&copies, ep_place_node(db->place), err));
	struct echoprint_sync done = { .contributed = report.contributed,
		                       .refused = report.outcomes[EP_OUTCOME_CONFLICT] +
		                                  report.outcomes[EP_OUTCOME_REJECTED] +
		                                  report.outcomes[EP_OUTCOME_REFUSED],
		                       .from = report.from,
		                       .to = report.to,
		                       .documents = report.documents,
		                       .deleted = report.deleted,
		                       .equal = report.proof == EP_PROOF_EQUAL,
		                       .local_only = report.local_only };
	return given ? ep_write_sized_struct(given, &done, sizeof done, err) : EP_OK;
}

enum echoprint_status
echoprint_sync(struct echoprint_sync *report, struct echoprint_db *db, int restart,
               struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, sync_once(report, db, restart != 0, &why), &why);
}
