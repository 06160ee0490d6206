#include "sync/slave/join.h"

#include "format/signed_json.h"
#include "peer/peer.h"

#include <stdio.h>
#include <string.h>

/* What is in the log is this master's to confirm from now on. What another master confirmed is as
 * after a restart: this one has none of it. */
static enum ep_status
follow_key(struct ep_log_write *write, struct ep_master *master, struct ep_error *err)
{
	struct ep_follows follows;
	EP_TRY(ep_log_follows(&follows, ep_log_inside(write), err));
	if (follows.any && ep_key_equal(&follows.key, &master->key))
		return EP_OK;
	master->restarting = follows.any;
	ep_follows_begin(&follows, &master->key);
	return ep_log_set_follows(write, &follows, err);
}

static enum ep_status
pin(struct ep_log *log, const struct ep_invitation *invitation, const char *mirror,
    struct ep_error *err)
{
	EP_OWNED(ep_log_abort)
	struct ep_log_write *write = NULL;
	struct ep_master master = { 0 };
	EP_TRY(ep_log_write_begin(&write, log, err));
	enum ep_status status = ep_master_load(&master, ep_log_inside(write), err);
	if (status != EP_OK && status != EP_NOT_FOUND)
		return status;
	/* To the same master again: what is known of it stays. */
	if (status == EP_NOT_FOUND || !ep_key_equal(&master.key, &invitation->key)) {
		master = (struct ep_master){ .key = invitation->key };
		EP_TRY(follow_key(write, &master, err));
	}
	snprintf(master.url, sizeof master.url, "%s", invitation->url);
	snprintf(master.mirror, sizeof master.mirror, "%s", mirror ? mirror : "");
	snprintf(master.source, sizeof master.source, "%s", invitation->name);
	EP_TRY(ep_master_store(write, &master, err));
	return ep_log_commit(&write, err);
}

enum ep_status
ep_join_check(const struct ep_transport *transport, const struct ep_key *key, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer text = { .max = EP_FEED_JSON_MAX };
	struct ep_feed_request request = { 0 };
	struct ep_feed feed = { 0 };
	if (transport->feed(transport->context, &text, &request, NULL) != EP_OK)
		return EP_OK;
	enum ep_status status = ep_feed_read(&feed, ep_buffer_text(&text), key, err);
	ep_feed_free(&feed);
	return status != EP_CORRUPT
	               ? status
	               : ep_fail(err, EP_CORRUPT,
	                         "the feed there is not signed with the key of this invitation: "
	                         "use an invitation or key from `source add` or `status` on the "
	                         "data folder that is served there");
}

enum ep_status
ep_join_master(bool *waits, struct ep_log *log, const struct ep_transport *transport,
               const struct ep_invitation *invitation, bool has_secret, const char *mirror,
               struct ep_error *err)
{
	EP_BUFFER struct ep_buffer request = { 0 };
	EP_BUFFER struct ep_buffer answer = { .max = EP_SIGNED_MAX };
	struct ep_join join = { 0 };
	struct ep_keys keys;
	*waits = false;
	EP_TRY(ep_keys_open(&keys, ep_log_folder(log), err));
	if (!has_secret)
		return pin(log, invitation, mirror, err);
	join.key = keys.key;
	join.master = invitation->key;
	memcpy(join.name, invitation->name, sizeof join.name);
	struct ep_keys shown;
	ep_invitation_keys(&shown, invitation->secret);
	ep_join_prove(&join, &shown);
	EP_TRY(ep_join_write(&request, &join, &keys, err));
	enum ep_status status =
		transport->join(transport->context, &answer, ep_buffer_text(&request), err);
	*waits = status == EP_NOT_FOUND;
	if (!*waits) {
		EP_TRY(status);
		EP_TRY(ep_welcome_read(ep_buffer_text(&answer), &join, &invitation->key, err));
	}
	return pin(log, invitation, mirror, err);
}
