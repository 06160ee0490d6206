#include "base/file.h"
#include "catalogue/catalogue_internal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define MARK_LAYOUT 1

/* ---- the mark in the log ---- */

enum ep_status
ep_catalogue_mark_load(struct ep_catalogue_mark *mark, const struct ep_log_read *read,
                       struct ep_error *err)
{
	struct ep_bytes value = { 0 };
	*mark = (struct ep_catalogue_mark){ 0 };
	enum ep_status status = ep_log_value(&value, read, EP_CATALOGUE_VALUE, err);
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	struct ep_reader reader = ep_reader_of(value.at, value.size);
	uint8_t layout = ep_read8(&reader);
	const uint8_t *tag = ep_read_bytes(&reader, sizeof mark->tag);
	mark->watermark = ep_read64(&reader);
	/* What another program has left is as if nothing was there: the file is made anew. */
	mark->is_there = reader.ok && ep_reader_left(&reader) == 0 && layout == MARK_LAYOUT;
	if (mark->is_there)
		memcpy(mark->tag, tag, sizeof mark->tag);
	return EP_OK;
}

enum ep_status
ep_catalogue_mark_store(const struct ep_catalogue_mark *mark, struct ep_log *log,
                        struct ep_error *err)
{
	uint8_t bytes[1 + EP_CATALOGUE_TAG_SIZE + 8] = { MARK_LAYOUT };
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	memcpy(bytes + 1, mark->tag, sizeof mark->tag);
	ep_store64(bytes + 1 + EP_CATALOGUE_TAG_SIZE, mark->watermark);
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_set_value(write, EP_CATALOGUE_VALUE,
	                        (struct ep_bytes){ .at = bytes, .size = sizeof bytes }, err));
	return ep_log_commit(&write, err);
}

/* ---- the files ---- */

void
ep_catalogue_close_files(struct ep_catalogue *catalogue)
{
	ep_catalogue_db_close(EP_TAKE(catalogue->file));
	ep_catalogue_db_close(EP_TAKE(catalogue->tail));
}

enum ep_status
ep_catalogue_open_file(struct ep_catalogue *catalogue, const uint8_t tag[EP_CATALOGUE_TAG_SIZE],
                       bool make, struct ep_error *err)
{
	char hex[2 * EP_CATALOGUE_TAG_SIZE + 1];
	char name[sizeof EP_CATALOGUE_FOLDER + sizeof hex + sizeof "/.db"];
	sodium_bin2hex(hex, sizeof hex, tag, EP_CATALOGUE_TAG_SIZE);
	snprintf(name, sizeof name, "%s/%s.db", EP_CATALOGUE_FOLDER, hex);
	EP_FREE char *path = ep_path_join(ep_log_folder(catalogue->log), name);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	ep_catalogue_close_files(catalogue);
	EP_TRY(ep_catalogue_db_open(&catalogue->file, path, make, err));
	memcpy(catalogue->tag, tag, EP_CATALOGUE_TAG_SIZE);
	return EP_OK;
}
