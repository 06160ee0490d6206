#include "base/file.h"
#include "catalogue/catalogue_internal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* "FOLDER/catalogue/TAG.db", for free(); NULL when there is no memory. */
static char *
path_of(const struct ep_catalogue *catalogue, const uint8_t tag[EP_CATALOGUE_TAG_SIZE])
{
	char hex[2 * EP_CATALOGUE_TAG_SIZE + 1];
	char name[sizeof EP_CATALOGUE_FOLDER + sizeof hex + sizeof "/.db"];
	sodium_bin2hex(hex, sizeof hex, tag, EP_CATALOGUE_TAG_SIZE);
	snprintf(name, sizeof name, "%s/%s.db", EP_CATALOGUE_FOLDER, hex);
	return ep_path_join(ep_log_folder(catalogue->log), name);
}

enum ep_status
ep_catalogue_open_file(struct ep_catalogue *catalogue, const uint8_t tag[EP_CATALOGUE_TAG_SIZE],
                       bool make, struct ep_error *err)
{
	EP_FREE char *path = path_of(catalogue, tag);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	(void)ep_catalogue_close_file(catalogue);
	if (memcmp(catalogue->tag, tag, EP_CATALOGUE_TAG_SIZE) != 0)
		ep_catalogue_db_close(EP_TAKE(catalogue->tail));
	memcpy(catalogue->tag, tag, EP_CATALOGUE_TAG_SIZE);
	enum ep_status status = ep_catalogue_db_open(&catalogue->file, path, make, err);
	if (status == EP_CORRUPT)
		(void)unlink(path);
	return status;
}

bool
ep_catalogue_close_file(struct ep_catalogue *catalogue)
{
	bool damaged = catalogue->file && ep_catalogue_db_is_damaged(catalogue->file);
	EP_FREE char *path = damaged ? path_of(catalogue, catalogue->tag) : NULL;
	ep_catalogue_db_close(EP_TAKE(catalogue->file));
	if (path)
		(void)unlink(path);
	return damaged;
}
