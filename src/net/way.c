#include "net/way.h"

#include "net/client.h"
#include "peer/peer.h"
#include "sync/folder_transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ep_way {
	char url[EP_URL_MAX + 1];
	struct ep_transport transport;
	struct ep_client *client; /* NULL: a folder */
};

/* Makes the path of a folder whole, so that it is the same from everywhere. */
static enum ep_status
open_folder(struct ep_way *way, struct ep_error *err)
{
	char *folder = ep_folder_of_url(way->url);
	EP_FREE char *whole = realpath(folder, NULL);
	if (!whole && errno != ENOENT)
		return ep_fail_errno(err, errno, "cannot open the folder %s", folder);
	if (!whole && folder[0] != '/')
		return ep_fail(
			err, EP_UNREACHABLE,
			"the master's folder %s does not exist (an address begins with http:// or "
			"https://)",
			folder);
	if (whole &&
	    (size_t)snprintf(way->url, sizeof way->url, "file://%s", whole) >= sizeof way->url)
		return ep_fail(err, EP_BAD_INPUT, "the path of the master's folder is too long");
	way->transport = ep_folder_transport(ep_folder_of_url(way->url));
	return EP_OK;
}

enum ep_status
ep_way_open(struct ep_way **out, const char *url, const atomic_bool *stop, struct ep_error *err)
{
	EP_OWNED(ep_way_close)
	struct ep_way *way = calloc(1, sizeof *way);
	if (!way)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	snprintf(way->url, sizeof way->url, "%s", url);
	if (ep_folder_of_url(way->url)) {
		EP_TRY(open_folder(way, err));
	} else if (ep_client_takes(url)) {
		EP_TRY(ep_client_open(&way->client, url, stop, err));
		way->transport = ep_client_transport(way->client);
	} else {
		return ep_fail(err, EP_BAD_INPUT,
		               "\"%s\" is not the URL of a master: use http://, https://, file:// "
		               "or a folder",
		               url);
	}
	*out = EP_TAKE(way);
	return EP_OK;
}

void
ep_way_close(struct ep_way *way)
{
	if (way)
		ep_client_close(way->client);
	free(way);
}

enum ep_status
ep_way_of_master(struct ep_way **out, enum ep_way_end end, struct ep_log *log,
                 const atomic_bool *stop, struct ep_error *err)
{
	struct ep_master master;
	struct ep_keys keys;
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	EP_TRY(ep_log_read_begin(&read, log, err));
	EP_TRY(ep_master_load(&master, read, err));
	bool mirror = end == EP_WAY_FEED && master.mirror[0];
	EP_TRY(ep_keys_open(&keys, ep_log_folder(log), err));
	enum ep_status status = ep_way_open(out, mirror ? master.mirror : master.url, stop, err);
	if (status == EP_OK && (*out)->client)
		ep_client_sign((*out)->client, &keys, &master.key);
	sodium_memzero(&keys, sizeof keys);
	return status;
}

const struct ep_transport *
ep_way_transport(const struct ep_way *way)
{
	return &way->transport;
}

const char *
ep_way_url(const struct ep_way *way)
{
	return way->url;
}
