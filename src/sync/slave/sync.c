#include "sync/slave/sync.h"

#include "peer/contact.h"

#include <stdio.h>

/* How long what was contributed is waited for in the feed. */
#define WAIT_S 5

/* Asks for the feed once more, which says how far this node is now: else the master would show it
 * as behind until its next sync. A failure matters to nobody. */
static void
tell_place(const struct ep_sync_report *report, struct ep_log *log, const struct ep_transport *feed,
           const struct ep_feed_request *made)
{
	EP_BUFFER struct ep_buffer text = { .max = EP_FEED_JSON_MAX };
	struct ep_feed_request request = *made;
	if (report->to == request.position ||
	    ep_fetch_place(&request, log, report->to, NULL) != EP_OK)
		return;
	request.wait_s = 0;
	(void)!feed->feed(feed->context, &text, &request, NULL);
}

enum ep_status
ep_sync(struct ep_sync_report *report, struct ep_log *log, const struct ep_transport *master,
        const struct ep_transport *feed, const struct ep_sync_options *options,
        struct ep_error *err)
{
	*report = (struct ep_sync_report){ 0 };
	struct ep_error refused = { 0 };
	enum ep_status status = ep_contribute(report, log, master, options, &refused);
	bool goes_on = status == EP_OK || status == EP_BAD_INPUT || status == EP_DIVERGED;
	if (!goes_on)
		return ep_fail(err, status, "%s", refused.text);
	EP_TRY(ep_fetch(report, log, feed, options, err));
	if (report->to < report->answered && options->request->waits) {
		uint64_t from = report->from;
		options->request->wait_s = WAIT_S;
		EP_TRY(ep_fetch(report, log, feed, options, err));
		report->from = from;
	}
	tell_place(report, log, feed, options->request);
	return status == EP_OK ? EP_OK : ep_fail(err, status, "%s", refused.text);
}

void
ep_sync_note(struct ep_log *log, enum ep_status status, const struct ep_error *why)
{
	EP_OWNED(ep_log_read_end)
	struct ep_log_read *read = NULL;
	struct ep_master master;
	if (ep_log_read_begin(&read, log, NULL) != EP_OK ||
	    ep_master_load(&master, read, NULL) != EP_OK)
		return;
	struct ep_contact contact = { .key = master.key, .noted = ep_time_now() };
	contact.at = status == EP_UNREACHABLE ? 0 : contact.noted;
	snprintf(contact.error, sizeof contact.error, "%.*s", EP_PEER_ERROR - 1,
	         status == EP_OK ? "" : why->text);
	ep_contacts_note(ep_log_folder(log), &contact, 1);
}
