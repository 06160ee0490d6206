/* A folder that stands for a master: what slaves put there is taken, and answered there.
 *
 * Others write there, so nothing in it is trusted: only files are read, no link is followed, and an
 * answer is named by what it answers, never by the name of the file. What cannot be read or
 * answered is told, left, and keeps nobody else waiting; what this node itself cannot do ends it.
 */
#include "sync/master/inbox.h"

#include "base/file.h"
#include "base/folder.h"
#include "sync/places.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct inbox {
	struct ep_log *log;
	struct ep_folder folder;
	struct ep_folder answers; /* when there was something to answer */
	bool mute; /* no answer can be given, so nothing is taken */
	void (*on_refused)(const char *file, const char *why);
	const atomic_bool *stop;
	size_t taken;
};

/* Where a file was found, and what it is. */
struct item {
	const struct ep_folder *place;
	const char *name;
	bool join; /* a request to join, not a contribution */
};

static void
tell(const struct inbox *inbox, const struct ep_folder *place, const char *name, const char *why)
{
	EP_FREE char *path = ep_path_join(place->path, name);
	if (inbox->on_refused && path)
		inbox->on_refused(path, why);
}

/* Tells of a failure that others may have brought about; hands on what is this node's own. */
static enum ep_status
tell_or_fail(const struct inbox *inbox, const struct ep_folder *place, const char *name,
             const struct ep_error *why, struct ep_error *err)
{
	if (why->status == EP_NO_MEMORY)
		return ep_fail(err, why->status, "%s", why->text);
	tell(inbox, place, name, why->text);
	return EP_OK;
}

/* ---- taking ---- */

static enum ep_status
take_join(struct ep_buffer *answer, struct ep_hash *id, const struct inbox *inbox,
          const struct ep_buffer *bytes, struct ep_error *err)
{
	char name[EP_SOURCE_NAME_MAX + 1];
	struct ep_text request = ep_buffer_text(bytes);
	ep_join_id(id, request);
	return ep_inbox_join(answer, name, inbox->log, request, err);
}

/* Takes a contribution from a copy that nobody else can write: what is checked is what is applied.
 */
static enum ep_status
take_contribution(struct ep_buffer *answer, struct ep_hash *id, const struct inbox *inbox,
                  const struct ep_buffer *bytes, struct ep_error *err)
{
	struct ep_inbox_report report;
	struct ep_trailer trailer;
	EP_FREE char *copy = ep_path_join(ep_log_folder(inbox->log), "inbox.packet");
	if (!copy)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	if (bytes->size < EP_TRAILER_SIZE)
		return ep_fail(err, EP_CORRUPT, "the contribution has an invalid size");
	EP_TRY(ep_trailer_read(&trailer, bytes->data + bytes->size - EP_TRAILER_SIZE, err));
	*id = trailer.id;
	EP_TRY(ep_replace_file(copy, bytes->data, bytes->size, 0600, err));
	enum ep_status status = ep_inbox_take(answer, &report, inbox->log, copy, inbox->stop, err);
	(void)unlink(copy);
	return status;
}

/* Opens the folder of answers, once; where that cannot be, it is told. */
static enum ep_status
open_answers(struct inbox *inbox, struct ep_error *err)
{
	struct ep_error why;
	if (inbox->answers.fd >= 0 ||
	    ep_folder_make(&inbox->answers, &inbox->folder, EP_INBOX_ANSWERS, &why) == EP_OK)
		return EP_OK;
	inbox->mute = true;
	return tell_or_fail(inbox, &inbox->folder, EP_INBOX_ANSWERS, &why, err);
}

/* Answers; the file goes when its answer is there. */
static enum ep_status
give_answer(struct inbox *inbox, const struct item *item, const struct ep_hash *id,
            const struct ep_buffer *answer, struct ep_error *err)
{
	struct ep_error why;
	char hex[EP_HASH_TEXT];
	char name[EP_HASH_TEXT + 8];
	ep_hash_print(hex, id);
	snprintf(name, sizeof name, "%s.json", hex);
	if (ep_folder_write(&inbox->answers, name, answer->data, answer->size, 0666, &why) != EP_OK)
		return tell_or_fail(inbox, &inbox->answers, name, &why, err);
	inbox->taken++;
	if (ep_folder_remove(item->place, item->name, &why) != EP_OK)
		return tell_or_fail(inbox, item->place, item->name, &why, err);
	return EP_OK;
}

static enum ep_status
refuse(const struct inbox *inbox, const struct item *item, const struct ep_error *reason,
       struct ep_error *err)
{
	struct ep_error why;
	tell(inbox, item->place, item->name, reason->text);
	if (ep_folder_remove(item->place, item->name, &why) != EP_OK)
		return tell_or_fail(inbox, item->place, item->name, &why, err);
	return EP_OK;
}

/* Takes the bytes of a file, and answers or refuses them. */
static enum ep_status
take_bytes(struct inbox *inbox, const struct item *item, const struct ep_buffer *bytes,
           struct ep_error *err)
{
	EP_BUFFER struct ep_buffer answer = { 0 };
	struct ep_error why;
	struct ep_hash id;
	enum ep_status status = item->join ? take_join(&answer, &id, inbox, bytes, &why)
	                                   : take_contribution(&answer, &id, inbox, bytes, &why);
	if (status == EP_OK)
		return give_answer(inbox, item, &id, &answer, err);
	if (status == EP_BAD_INPUT || status == EP_CORRUPT || status == EP_NEWER)
		return refuse(inbox, item, &why, err);
	return ep_fail(err, status, "%s", why.text);
}

static enum ep_status
take_item(struct inbox *inbox, const struct item *item, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_FD int fd = -1;
	struct ep_error why;
	uint64_t size = 0;
	size_t max = item->join ? EP_JOIN_MAX : EP_CONTRIBUTION_MAX;
	enum ep_status status = ep_folder_open_file(&fd, &size, item->place, item->name, &why);
	if (status == EP_NOT_FOUND)
		return EP_OK; /* it has gone meanwhile */
	if (status == EP_BAD_INPUT) {
		tell(inbox, item->place, item->name,
		     "it is not a regular file, and was left alone");
		return EP_OK;
	}
	if (status != EP_OK)
		return tell_or_fail(inbox, item->place, item->name, &why, err);
	if (size > max) {
		(void)ep_fail(&why, EP_BAD_INPUT, "it is larger than %zu bytes", max);
		return refuse(inbox, item, &why, err);
	}
	if (ep_read_all(&bytes, fd, item->name, max, &why) != EP_OK)
		return tell_or_fail(inbox, item->place, item->name, &why, err);
	EP_TRY(open_answers(inbox, err));
	return inbox->mute ? EP_OK : take_bytes(inbox, item, &bytes, err);
}

/* ---- all of it ---- */

static enum ep_status
take_items(struct inbox *inbox, DIR *names, const struct ep_folder *place, const char *suffix,
           bool join, struct ep_error *err)
{
	const struct dirent *found;
	while (!inbox->mute && (found = readdir(names)) != NULL) {
		const char *dot = strrchr(found->d_name, '.');
		if (found->d_name[0] == '.' || !dot || strcmp(dot, suffix) != 0)
			continue;
		struct item item = { .place = place, .name = found->d_name, .join = join };
		EP_TRY(take_item(inbox, &item, err));
	}
	return EP_OK;
}

static enum ep_status
take_all(struct inbox *inbox, const char *from, const char *suffix, bool join, struct ep_error *err)
{
	EP_FOLDER struct ep_folder place = EP_FOLDER_NONE;
	struct ep_error why;
	DIR *names = NULL;
	enum ep_status status = ep_folder_enter(&place, &inbox->folder, from, &why);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	if (status == EP_OK)
		status = ep_folder_list(&names, &place, &why);
	if (status != EP_OK)
		return tell_or_fail(inbox, &inbox->folder, from, &why, err);
	status = take_items(inbox, names, &place, suffix, join, err);
	closedir(names);
	return status;
}

enum ep_status
ep_inbox_folder(size_t *taken, struct ep_log *log, const char *path,
                void (*on_refused)(const char *file, const char *why), const atomic_bool *stop,
                struct ep_error *err)
{
	struct inbox inbox = {
		.log = log,
		.folder = EP_FOLDER_NONE,
		.answers = EP_FOLDER_NONE,
		.on_refused = on_refused,
		.stop = stop,
	};
	/* One at a time, whatever the folder: what is taken lies in the data folder meanwhile. */
	EP_FD int fd = -1;
	EP_TRY(ep_lock_file(&fd, ep_log_folder(log), "inbox.lock", err));
	enum ep_status status = ep_folder_open(&inbox.folder, path, err);
	if (status == EP_OK)
		status = take_all(&inbox, EP_INBOX_JOINS, ".json", true, err);
	if (status == EP_OK)
		status = take_all(&inbox, EP_INBOX_CONTRIBUTIONS, ".packet", false, err);
	ep_folder_close(&inbox.folder);
	ep_folder_close(&inbox.answers);
	*taken = inbox.taken;
	return status == EP_NOT_FOUND ? EP_OK : status;
}
