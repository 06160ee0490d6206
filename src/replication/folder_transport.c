#include "replication/transport.h"

#include "base/file.h"
#include "format/feed.h"
#include "replication/feed_writer.h"
#include "replication/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *
ep_folder_of_url(char *url)
{
	if (strncmp(url, "file://", 7) == 0)
		return url + 7;
	return strstr(url, "://") ? NULL : url;
}

/* folder/place/name for free(). */
static char *
path_in(const char *folder, const char *place, const char *name)
{
	char *path = NULL;
	return asprintf(&path, "%s/%s/%s", folder, place, name) < 0 ? NULL : path;
}

/* A folder that is not there is a medium that is not plugged in. */
static enum ep_status
check_folder(const char *folder, struct ep_error *err)
{
	struct stat info;
	if (stat(folder, &info) == 0 && S_ISDIR(info.st_mode))
		return EP_OK;
	return ep_fail(err, EP_UNREACHABLE, "the master's folder %s is not there", folder);
}

/* What somebody has put there in the place of a file could be waited for, or read, without end. */
static enum ep_status
check_file(const char *path, struct ep_error *err)
{
	struct stat info;
	return stat(path, &info) != 0 || S_ISREG(info.st_mode)
	               ? EP_OK
	               : ep_fail(err, EP_CORRUPT, "%s is no file", path);
}

static enum ep_status
get_feed(void *context, struct ep_buffer *text, struct ep_feed_request *request,
         struct ep_error *err)
{
	const char *folder = context;
	EP_TRY(check_folder(folder, err));
	EP_FREE char *path = ep_path_join(folder, EP_FEED_JSON);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(check_file(path, err));
	enum ep_status status = ep_read_file(text, path, EP_FEED_JSON_MAX, err);
	if (status == EP_NOT_FOUND)
		return ep_fail(err, EP_UNREACHABLE, "there is no feed in %s yet", folder);
	EP_TRY(status);
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

static enum ep_status
get_packet(void *context, int fd, const char *name, uint64_t size, struct ep_error *err)
{
	EP_FREE char *path = path_in(context, EP_FEED_PACKETS, name);
	EP_FREE char *bytes = malloc(65536);
	if (!path || !bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(check_file(path, err));
	EP_FD int from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0 && errno == ENOENT)
		return ep_fail(err, EP_NOT_FOUND, "there is no packet %s", path);
	off_t done = lseek(fd, 0, SEEK_END);
	if (from < 0 || done < 0 || lseek(from, done, SEEK_SET) < 0)
		return ep_fail_errno(err, errno, "cannot read %s", path);
	/* One byte more than there should be tells as well as all. */
	uint64_t left = size + 1 - (uint64_t)done;
	for (size_t got = 1; got > 0; left -= got) {
		size_t wanted = left < 65536 ? (size_t)left : 65536;
		EP_TRY(ep_read_some(&got, from, bytes, wanted, path, err));
		EP_TRY(ep_write_all(fd, bytes, got, name, err));
	}
	return EP_OK;
}

/* Leaves a file for the master, where its answer is not there yet, and looks for the answer. */
static enum ep_status
leave(const char *folder, const char *place, const char *name, const char *suffix,
      struct ep_text bytes, struct ep_buffer *answer, struct ep_error *err)
{
	char answer_name[EP_HASH_TEXT + 8];
	char left_name[EP_HASH_TEXT + 8];
	snprintf(answer_name, sizeof answer_name, "%s.json", name);
	snprintf(left_name, sizeof left_name, "%s%s", name, suffix);
	EP_TRY(check_folder(folder, err));
	EP_FREE char *answered = path_in(folder, EP_INBOX_ANSWERS, answer_name);
	EP_FREE char *into = ep_path_join(folder, place);
	EP_FREE char *left = path_in(folder, place, left_name);
	if (!answered || !into || !left)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(check_file(answered, err));
	enum ep_status status = ep_read_file(answer, answered, EP_RECEIPT_MAX, err);
	if (status != EP_NOT_FOUND)
		return status;
	EP_TRY(ep_make_folder(into, err));
	if (eaccess(left, F_OK) != 0)
		EP_TRY(ep_replace_file(left, bytes.at, bytes.size, 0666, err));
	return ep_fail(err, EP_NOT_FOUND,
	               "%s waits for the master: `echoprint publish %s` there answers it", left,
	               folder);
}

static enum ep_status
join(void *context, struct ep_buffer *answer, struct ep_text request, struct ep_error *err)
{
	struct ep_hash id;
	char name[EP_HASH_TEXT];
	ep_join_id(&id, request);
	ep_hash_print(name, &id);
	return leave(context, EP_INBOX_JOINS, name, ".json", request, answer, err);
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
	struct ep_text text = { (const char *)bytes.data, bytes.size };
	return leave(context, EP_INBOX_CONTRIBUTIONS, name, ".packet", text, answer, err);
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
