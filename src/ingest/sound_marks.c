#include "base/bytes.h"
#include "base/hash.h"
#include "ingest/sounds.h"

#include <stdio.h>
#include <string.h>

/* A mark is a named value, under the hash of the path; layout 1, size of the file, its time
 * of change in nanoseconds since 1970, and the rest is the track id. */
#define LAYOUT 1
#define FIXED 17
#define NAME_SIZE (sizeof EP_FILE_VALUE + EP_HASH_TEXT)

static void
name_mark(char name[NAME_SIZE], const struct ep_sound_file *file)
{
	struct ep_hasher hasher;
	struct ep_hash hash;
	char text[EP_HASH_TEXT];
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, file->real, strlen(file->real));
	ep_hasher_done(&hash, &hasher);
	ep_hash_print(text, &hash);
	snprintf(name, NAME_SIZE, EP_FILE_VALUE "%s", text);
}

enum ep_status
ep_sound_mark_find(struct ep_sound_mark *mark, const struct ep_log_read *read,
                   const struct ep_sound_file *file, struct ep_error *err)
{
	char name[NAME_SIZE];
	struct ep_bytes value;
	struct ep_entry entry;
	struct ep_sound_mark found = { 0 };
	name_mark(name, file);
	enum ep_status status = ep_log_value(&value, read, name, err);
	if (status == EP_NOT_FOUND) {
		*mark = found;
		return EP_OK;
	}
	EP_TRY(status);
	struct ep_reader reader = ep_reader_of(value.at, value.size);
	/* A layout that this version does not know is as good as none. */
	bool known = ep_read8(&reader) == LAYOUT;
	found.unchanged = ep_read64(&reader) == file->size;
	found.unchanged &= (int64_t)ep_read64(&reader) == file->mtime_ns;
	struct ep_text id = ep_text_of_bytes(ep_reader_rest(&reader));
	if (!reader.ok || !known || id.size > EP_TRACK_ID_MAX) {
		*mark = (struct ep_sound_mark){ 0 };
		return EP_OK;
	}
	if (id.size > 0) {
		memcpy(found.id, id.at, id.size);
		/* The track stands under what is before the id's first "-". */
		struct ep_text track;
		struct ep_text rest;
		ep_id_split(&track, &rest, id);
		status = ep_log_find(&entry, read, track, err);
		if (status != EP_OK && status != EP_NOT_FOUND)
			return status;
		bool there = status == EP_OK && entry.operation == EP_PUT;
		found.unchanged &= there;
		found.documents = there ? entry.document_count : 0;
	}
	*mark = found;
	return EP_OK;
}

enum ep_status
ep_sound_mark_set(struct ep_log_write *write, const struct ep_sound_file *file, struct ep_text id,
                  struct ep_error *err)
{
	char name[NAME_SIZE];
	uint8_t value[FIXED + EP_TRACK_ID_MAX] = { LAYOUT };
	name_mark(name, file);
	ep_store64(value + 1, file->size);
	ep_store64(value + 9, (uint64_t)file->mtime_ns);
	if (id.size > 0)
		memcpy(value + FIXED, id.at, id.size);
	return ep_log_set_value(write, name, (struct ep_bytes){ value, FIXED + id.size }, err);
}
