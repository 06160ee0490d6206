#include "cli/solr_options.h"

#include "base/file.h"

#include <string.h>
#include <sys/stat.h>

#define USER_MAX 1024

static enum ep_status
read_user(struct ep_buffer *user, const char *path, struct ep_error *err)
{
	struct stat info;
	EP_TRY(ep_read_file(user, path, USER_MAX, err));
	if (stat(path, &info) == 0 && info.st_mode & (S_IRGRP | S_IROTH))
		ep_say("others can read the password in %s: set its mode to 600", path);
	while (user->size &&
	       (user->data[user->size - 1] == '\n' || user->data[user->size - 1] == '\r'))
		user->size--;
	EP_TRY(ep_buffer_append(user, "", 1, err));
	const char *text = (const char *)user->data;
	if (strlen(text) + 1 != user->size || !strchr(text, ':') || strpbrk(text, "\r\n"))
		return ep_fail(err, EP_BAD_INPUT, "%s must hold one line NAME:PASSWORD", path);
	return EP_OK;
}

enum ep_status
ep_solr_options_of(struct ep_solr_options *options, struct ep_buffer *user,
                   const struct ep_call *call, const struct ep_solr_given *given,
                   struct ep_error *err)
{
	uint64_t retry_s = given->retry_s;
	if (given->retry)
		EP_TRY(ep_option_number(&retry_s, "--retry", given->retry, 0, 86400, err));
	if (given->auth_file)
		EP_TRY(read_user(user, given->auth_file, err));
	*options = (struct ep_solr_options){
		.urls = given->urls,
		.collection = given->collection ? given->collection : EP_SOLR_COLLECTION,
		.user = given->auth_file ? (const char *)user->data : NULL,
		.patience_s = (double)retry_s,
		.stop = call->stop,
	};
	return EP_OK;
}
