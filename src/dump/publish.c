#include "dump/publish.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many numbers are tried for a file whose name is taken. */
#define NUMBERS_MAX 1000000

void
ep_publication_free(struct ep_publication *publication)
{
	for (size_t i = 0; i < publication->count; i++) {
		free(publication->parts[i].part);
		free(publication->parts[i].final);
	}
	free(publication->parts);
	free(publication->folder);
	*publication = (struct ep_publication){ 0 };
}

/* ---- the note ---- */

static enum ep_status
write_note(struct ep_buffer *out, const struct ep_publication *publication, struct ep_error *err)
{
	EP_TRY(ep_buffer_varint(out, publication->moves, err));
	EP_TRY(ep_buffer_varint(out, publication->watermark, err));
	EP_TRY(ep_put_text(out, ep_text_of(publication->lastdump), err));
	EP_TRY(ep_put_text(out, ep_text_of(publication->folder), err));
	EP_TRY(ep_buffer_varint(out, publication->count, err));
	for (size_t i = 0; i < publication->count; i++) {
		EP_TRY(ep_put_text(out, ep_text_of(publication->parts[i].part), err));
		EP_TRY(ep_put_text(out, ep_text_of(publication->parts[i].final), err));
		EP_TRY(ep_buffer_varint(out, publication->parts[i].bytes, err));
	}
	return EP_OK;
}

static char *
read_text(struct ep_reader *reader)
{
	struct ep_text text = ep_read_text(reader);
	return text.at ? strndup(text.at, text.size) : NULL;
}

static enum ep_status
read_note(struct ep_publication *publication, struct ep_bytes note, struct ep_error *err)
{
	struct ep_reader reader = ep_reader_of(note.at, note.size);
	publication->moves = ep_read_varint(&reader) != 0;
	publication->watermark = ep_read_varint(&reader);
	EP_FREE char *lastdump = read_text(&reader);
	publication->folder = read_text(&reader);
	uint64_t count = ep_read_varint(&reader);
	if (lastdump)
		snprintf(publication->lastdump, sizeof publication->lastdump, "%s", lastdump);
	/* Every file takes three bytes or more. */
	if (reader.ok && count <= note.size)
		publication->parts = calloc(count + 1, sizeof *publication->parts);
	bool whole = publication->parts && publication->folder && lastdump;
	for (uint64_t i = 0; whole && i < count; i++) {
		struct ep_part *part = &publication->parts[publication->count++];
		part->part = read_text(&reader);
		part->final = read_text(&reader);
		part->bytes = ep_read_varint(&reader);
		whole = part->part && part->final;
	}
	if (!whole || !reader.ok)
		return ep_fail(err, EP_CORRUPT,
		               "the intent record of a dump in the log is damaged");
	return EP_OK;
}

/* ---- the steps ---- */

static enum ep_status
take_note(const struct ep_publication *publication, struct ep_log *log,
          const struct ep_publication_names *names, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer note = { 0 };
	EP_TRY(write_note(&note, publication, err));
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, log, err));
	EP_TRY(ep_log_set_value(write, names->note, ep_buffer_bytes(&note), err));
	return ep_log_commit(&write, err);
}

/* Sets the watermark where it moves, and drops the note, in one transaction. */
static enum ep_status
move_watermark(const struct ep_publication *publication, bool moves, struct ep_log *log,
               const struct ep_publication_names *names, struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	EP_TRY(ep_log_write_begin(&write, log, err));
	uint64_t watermark;
	EP_TRY(ep_log_number(&watermark, ep_log_inside(write), names->watermark, err));
	if (moves && publication->watermark >= watermark) {
		EP_TRY(ep_log_set_number(write, names->watermark, publication->watermark, err));
		EP_TRY(ep_log_set_value(write, names->lastdump,
		                        ep_bytes_of_text(ep_text_of(publication->lastdump)), err));
	}
	EP_TRY(ep_log_remove_value(write, names->note, err));
	return ep_log_commit(&write, err);
}

static bool
same_file(const char *one, const char *other)
{
	struct stat first;
	struct stat second;
	return stat(one, &first) == 0 && stat(other, &second) == 0 &&
	       first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

/* Takes away the first of two names of a file, when the other is durable. */
static enum ep_status
drop_name(const char *from, const char *folder, struct ep_error *err)
{
	EP_TRY(ep_sync_folder(folder, err));
	return unlink(from) == 0 ? EP_OK : ep_fail_errno(err, errno, "cannot remove %s", from);
}

/* Renames without replacing; *taken says that `to` is another file's name. */
static enum ep_status
rename_new(bool *taken, const char *from, const char *to, const char *folder, struct ep_error *err)
{
	*taken = false;
	int failed = renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0 ? 0 : errno;
	if (!failed)
		return EP_OK;
	/* On a file system without it, a link does not replace either. */
	if (failed == EINVAL || failed == ENOSYS)
		failed = link(from, to) == 0 ? 0 : errno;
	/* A link that is there already is of one that was killed before the other name went. */
	if (!failed || (failed == EEXIST && same_file(from, to)))
		return drop_name(from, folder, err);
	*taken = failed == EEXIST;
	return *taken ? EP_OK : ep_fail_errno(err, failed, "cannot rename %s to %s", from, to);
}

/* "NAME-DATE-1.csv.bz2" with another number. NULL when there is no memory. */
static char *
with_number(const char *final, uint64_t number)
{
	const char *dash = strrchr(final, '-');
	const char *end = dash ? strchr(dash, '.') : NULL;
	char *made = NULL;
	if (!end)
		return NULL;
	if (asprintf(&made, "%.*s-%llu%s", (int)(dash - final), final, (unsigned long long)number,
	             end) < 0)
		return NULL;
	return made;
}

static enum ep_status
rename_part(struct ep_part *part, const char *folder, uint64_t *next_number, struct ep_error *err)
{
	EP_FREE char *from = ep_path_join(folder, part->part);
	while (from && *next_number < NUMBERS_MAX) {
		EP_FREE char *to = ep_path_join(folder, part->final);
		if (!to)
			break;
		bool taken;
		EP_TRY(rename_new(&taken, from, to, folder, err));
		if (!taken)
			return EP_OK;
		char *other = with_number(part->final, ++*next_number);
		if (!other)
			break;
		free(part->final);
		part->final = other;
	}
	return ep_fail(err, EP_NO_MEMORY, "cannot find a free name for %s in %s", part->final,
	               folder);
}

static enum ep_status
rename_parts(struct ep_publication *publication, struct ep_error *err)
{
	uint64_t next_number = publication->count;
	for (size_t i = 0; i < publication->count; i++) {
		EP_FREE char *from = ep_path_join(publication->folder, publication->parts[i].part);
		if (!from)
			return ep_fail(err, EP_NO_MEMORY, "out of memory");
		if (eaccess(from, F_OK) == 0)
			EP_TRY(rename_part(&publication->parts[i], publication->folder,
			                   &next_number, err));
	}
	return ep_sync_folder(publication->folder, err);
}

enum ep_status
ep_publish(struct ep_publication *publication, struct ep_log *log,
           const struct ep_publication_names *names, struct ep_error *err)
{
	/* The parts' names are durable before the note speaks of them, the final names before the
	 * watermark says that they are there. */
	EP_TRY(ep_sync_folder(publication->folder, err));
	EP_TRY(take_note(publication, log, names, err));
	publication->noted = true;
	EP_TRY(rename_parts(publication, err));
	return move_watermark(publication, publication->moves, log, names, err);
}

/* Whether folder/name is a file of that size. */
static bool
is_there(const char *folder, const char *name, uint64_t bytes)
{
	EP_FREE char *path = ep_path_join(folder, name);
	struct stat info;
	return path && stat(path, &info) == 0 && S_ISREG(info.st_mode) &&
	       (uint64_t)info.st_size == bytes;
}

enum ep_status
ep_publish_rest(struct ep_publication *publication, struct ep_log *log,
                const struct ep_publication_names *names, struct ep_error *err)
{
	EP_PUBLICATION struct ep_publication found = { 0 };
	{
		EP_OWNED(ep_log_read_end)
		struct ep_log_read *read = NULL;
		EP_TRY(ep_log_read_begin(&read, log, err));
		struct ep_bytes note;
		enum ep_status status = ep_log_value(&note, read, names->note, err);
		if (status == EP_NOT_FOUND)
			return EP_OK;
		if (status != EP_OK)
			return status;
		EP_TRY(read_note(&found, note, err));
	}
	bool complete = true;
	for (size_t i = 0; i < found.count; i++) {
		const struct ep_part *part = &found.parts[i];
		complete &= is_there(found.folder, part->part, part->bytes) ||
		            is_there(found.folder, part->final, part->bytes);
	}
	if (complete)
		EP_TRY(rename_parts(&found, err));
	EP_TRY(move_watermark(&found, complete && found.moves, log, names, err));
	if (complete) {
		*publication = found;
		found = (struct ep_publication){ 0 };
	}
	return EP_OK;
}
