/* A folder that stands for a master: what slaves put there is taken, and answered there. */
#include "replication/inbox.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
	struct ep_log *log;
	const char *folder;
	void (*on_refused)(const char *file, const char *why);
	const atomic_bool *stop;
	size_t taken;
};

static enum ep_status
take_join(struct ep_buffer *answer, const struct folder *folder, const char *path,
          struct ep_error *err)
{
	EP_BUFFER struct ep_buffer request = { 0 };
	char name[EP_SOURCE_NAME_MAX + 1];
	EP_TRY(ep_read_file(&request, path, EP_JOIN_MAX, err));
	struct ep_text text = { (const char *)request.data, request.size };
	return ep_inbox_join(answer, name, folder->log, text, err);
}

/* Takes a contribution from a copy that nobody else can write: what is checked is what is applied.
 */
static enum ep_status
take_contribution(struct ep_buffer *answer, const struct folder *folder, const char *path,
                  struct ep_error *err)
{
	struct ep_inbox_report report;
	EP_BUFFER struct ep_buffer bytes = { 0 };
	EP_FREE char *copy = ep_path_join(ep_log_folder(folder->log), "inbox.packet");
	if (!copy)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_read_file(&bytes, path, EP_CONTRIBUTION_MAX, err));
	EP_TRY(ep_replace_file(copy, bytes.data, bytes.size, 0600, err));
	enum ep_status status =
		ep_inbox_take(answer, &report, folder->log, copy, folder->stop, err);
	(void)unlink(copy);
	return status;
}

static enum ep_status
write_answer(const struct folder *folder, const char *name, const struct ep_buffer *answer,
             struct ep_error *err)
{
	EP_FREE char *answers = ep_path_join(folder->folder, EP_INBOX_ANSWERS);
	EP_FREE char *file = NULL;
	const char *dot = strrchr(name, '.');
	if (!answers || asprintf(&file, "%.*s.json", (int)(dot - name), name) < 0)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_FREE char *path = ep_path_join(answers, file);
	if (!path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_make_folder(answers, err));
	return ep_replace_file(path, answer->data, answer->size, 0666, err);
}

/* Takes one file: it goes when it has been answered, or refused. */
static enum ep_status
take_file(struct folder *folder, const char *path, const char *name, bool join,
          struct ep_error *err)
{
	EP_BUFFER struct ep_buffer answer = { 0 };
	struct ep_error why;
	struct stat info;
	enum ep_status status = EP_OK;
	if (lstat(path, &info) != 0 || !S_ISREG(info.st_mode))
		status = ep_fail(&why, EP_BAD_INPUT, "it is no file");
	else if (join)
		status = take_join(&answer, folder, path, &why);
	else
		status = take_contribution(&answer, folder, path, &why);
	bool refused = status == EP_BAD_INPUT || status == EP_CORRUPT || status == EP_NEWER;
	if (status != EP_OK && !refused)
		return ep_fail(err, status, "%s", why.text);
	if (refused && folder->on_refused)
		folder->on_refused(path, why.text);
	if (!refused) {
		EP_TRY(write_answer(folder, name, &answer, err));
		folder->taken++;
	}
	return unlink(path) == 0 ? EP_OK : ep_fail_errno(err, errno, "cannot remove %s", path);
}

static enum ep_status
take_all(struct folder *folder, const char *from, const char *suffix, bool join,
         struct ep_error *err)
{
	EP_FREE char *place = ep_path_join(folder->folder, from);
	if (!place)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	DIR *items = opendir(place);
	enum ep_status status = EP_OK;
	struct dirent *item;
	while (items && status == EP_OK && (item = readdir(items)) != NULL) {
		const char *dot = strrchr(item->d_name, '.');
		if (item->d_name[0] == '.' || !dot || strcmp(dot, suffix) != 0)
			continue;
		EP_FREE char *path = ep_path_join(place, item->d_name);
		status = path ? take_file(folder, path, item->d_name, join, err)
		              : ep_fail(err, EP_NO_MEMORY, "out of memory");
	}
	if (items)
		closedir(items);
	return status;
}

enum ep_status
ep_inbox_folder(size_t *taken, struct ep_log *log, const char *path,
                void (*on_refused)(const char *file, const char *why), const atomic_bool *stop,
                struct ep_error *err)
{
	struct folder folder = {
		.log = log, .folder = path, .on_refused = on_refused, .stop = stop
	};
	EP_TRY(take_all(&folder, EP_INBOX_JOINS, ".json", true, err));
	EP_TRY(take_all(&folder, EP_INBOX_CONTRIBUTIONS, ".packet", false, err));
	*taken = folder.taken;
	return EP_OK;
}
