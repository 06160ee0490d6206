#include "sync/folder_transport.h"

#include "base/file.h"
#include "base/folder.h"
#include "format/feed.h"
#include "sync/feed_files.h"
#include "sync/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
ep_folder_of_url(char *url)
{
	if (strncmp(url, "file://", 7) == 0)
		return url + 7;
	return strstr(url, "://") ? NULL : url;
}

/* Opens the master's folder. One that is not there is a medium that is not plugged in. */
static enum ep_status
open_master(struct ep_folder *folder, const char *path, struct ep_error *err)
{
	enum ep_status status = ep_folder_open(folder, path, err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_UNREACHABLE, "the master's folder %s does not exist", path);
	return status;
}

/* What somebody has put there in the place of a file or folder is damage. */
static enum ep_status
as_damage(enum ep_status status, struct ep_error *err)
{
	if (status == EP_BAD_INPUT && err)
		err->status = EP_CORRUPT;
	return status == EP_BAD_INPUT ? EP_CORRUPT : status;
}

static enum ep_status
get_feed(void *context, struct ep_buffer *text, struct ep_feed_request *request,
         struct ep_error *err)
{
	EP_FOLDER struct ep_folder folder = EP_FOLDER_NONE;
	EP_TRY(open_master(&folder, context, err));
	enum ep_status status = ep_folder_read(text, &folder, EP_FEED_JSON, EP_FEED_JSON_MAX, err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_UNREACHABLE, "there is no feed in %s yet", folder.path);
	EP_TRY(as_damage(status, err));
	struct ep_hasher hasher;
	struct ep_hash hash;
	char tag[EP_HASH_TEXT];
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, text->data, text->size);
	ep_hasher_done(&hash, &hasher);
	ep_hash_print(tag, &hash);
	request->waits = false;
	request->changed = strcmp(tag, request->tag) != 0;
	snprintf(request->tag, EP_TAG_SIZE, "%s", tag);
	return EP_OK;
}

/* Opens a packet to read it. */
static enum ep_status
open_packet(int *from, const char *path, const char *name, struct ep_error *err)
{
	EP_FOLDER struct ep_folder folder = EP_FOLDER_NONE;
	EP_FOLDER struct ep_folder packets = EP_FOLDER_NONE;
	EP_TRY(open_master(&folder, path, err));
	EP_TRY(as_damage(ep_folder_enter(&packets, &folder, EP_FEED_PACKETS, err), err));
	return as_damage(ep_folder_open_file(from, NULL, &packets, name, err), err);
}

static enum ep_status
get_packet(void *context, int fd, const char *name, uint64_t size, bool again, struct ep_error *err)
{
	if (again)
		ep_feed_doubt(context, name);
	EP_FREE char *bytes = malloc(65536);
	EP_FD int from = -1;
	if (!bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(open_packet(&from, context, name, err));
	off_t done = lseek(fd, 0, SEEK_END);
	if (done < 0 || lseek(from, done, SEEK_SET) < 0)
		return ep_fail_errno(err, errno, "cannot read %s", name);
	/* One byte more than there should be tells as well as all. */
	uint64_t left = size + 1 - (uint64_t)done;
	for (size_t got = 1; got > 0; left -= got) {
		size_t wanted = left < 65536 ? (size_t)left : 65536;
		EP_TRY(ep_read_some(&got, from, bytes, wanted, name, err));
		EP_TRY(ep_write_all(fd, bytes, got, name, err));
	}
	return EP_OK;
}

/* What is left for the master, and answered by it. */
struct question {
	const char *place; /* where it is left */
	const char *suffix;
	struct ep_text bytes;
	const struct ep_trailer *contribution; /* its end; NULL: a request to join */
};

/* Whether an answer is the master's, and to this question. */
static bool
is_answer(const struct ep_buffer *answer, const struct question *question)
{
	EP_RECEIPT struct ep_receipt receipt = { 0 };
	struct ep_join join;
	struct ep_text text = ep_buffer_text(answer);
	const struct ep_trailer *trailer = question->contribution;
	if (!trailer)
		return ep_join_read(&join, question->bytes, NULL) == EP_OK &&
		       ep_welcome_read(text, &join, &join.master, NULL) != EP_CORRUPT;
	enum ep_status status = ep_receipt_read(&receipt, text, &trailer->master, NULL);
	return status == EP_OK ? memcmp(&receipt.id, &trailer->id, EP_HASH_SIZE) == 0
	                       : status != EP_CORRUPT;
}

/* Reads an answer. EP_NOT_FOUND  there is none yet, or it was damaged: the master gives it again.
 */
static enum ep_status
read_answer(struct ep_buffer *answer, const struct ep_folder *folder, const char *name,
            const struct question *question, struct ep_error *err)
{
	EP_FOLDER struct ep_folder answers = EP_FOLDER_NONE;
	EP_TRY(ep_folder_enter(&answers, folder, EP_INBOX_ANSWERS, err));
	enum ep_status status = ep_folder_read(answer, &answers, name, EP_RECEIPT_MAX, err);
	if (status == EP_BAD_INPUT || (status == EP_OK && !is_answer(answer, question)))
		return ep_fail(err, EP_NOT_FOUND, "%s/%s is damaged", answers.path, name);
	return status;
}

/* Leaves a file for the master, where its answer is not there yet, and looks for the answer. */
static enum ep_status
leave(const char *path, const char *name, const struct question *question, struct ep_buffer *answer,
      struct ep_error *err)
{
	EP_FOLDER struct ep_folder folder = EP_FOLDER_NONE;
	EP_FOLDER struct ep_folder into = EP_FOLDER_NONE;
	char answer_name[EP_HASH_TEXT + 8];
	char left_name[EP_HASH_TEXT + 8];
	snprintf(answer_name, sizeof answer_name, "%s.json", name);
	snprintf(left_name, sizeof left_name, "%s%s", name, question->suffix);
	EP_TRY(open_master(&folder, path, err));
	enum ep_status status = read_answer(answer, &folder, answer_name, question, err);
	if (status != EP_NOT_FOUND)
		return as_damage(status, err);
	const struct ep_text *bytes = &question->bytes;
	EP_TRY(as_damage(ep_folder_make(&into, &folder, question->place, err), err));
	if (!ep_folder_has(&into, left_name, bytes->size))
		EP_TRY(ep_folder_write(&into, left_name, bytes->at, bytes->size, 0666, err));
	return ep_fail(err, EP_NOT_FOUND,
	               "%s/%s waits for the master: run `echoprint publish %s` there to answer it",
	               into.path, left_name, path);
}

static enum ep_status
join(void *context, struct ep_buffer *answer, struct ep_text request, struct ep_error *err)
{
	struct ep_hash id;
	char name[EP_HASH_TEXT];
	ep_join_id(&id, request);
	ep_hash_print(name, &id);
	struct question question = { EP_INBOX_JOINS, ".json", request, NULL };
	return leave(context, name, &question, answer, err);
}

static enum ep_status
contribute(void *context, struct ep_buffer *answer, const char *path,
           const uint8_t trailer[EP_TRAILER_SIZE], struct ep_error *err)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	struct ep_trailer read;
	char name[EP_HASH_TEXT];
	EP_TRY(ep_trailer_read(&read, trailer, err));
	ep_hash_print(name, &read.id);
	EP_TRY(ep_read_file(&bytes, path, EP_CONTRIBUTION_MAX, err));
	struct question question = { EP_INBOX_CONTRIBUTIONS, ".packet", ep_buffer_text(&bytes),
		                     &read };
	return leave(context, name, &question, answer, err);
}

struct ep_transport
ep_folder_transport(char *folder)
{
	return (struct ep_transport){
		.feed = get_feed,
		.packet = get_packet,
		.join = join,
		.contribute = contribute,
		.context = folder,
	};
}
