/* legacy_push.h - what the log has, into the servers of 2011 that live on
 *
 * A follower of the log, "legacy.NAME". It goes through the changes behind its watermark, some at a
 * time:
 *
 *     0. commits, once: what an interrupted push has added is seen then, and compared
 *     1. asks Solr which of the documents it has, and Tokyo Tyrant for their codes: what is equal
 *        is not sent
 *     2. puts codes into Tokyo Tyrant
 *     3. adds documents to Solr, with the moment as their date of import, and commits
 *     4. deletes documents by id, and commits
 *     5. removes the codes of what was deleted
 *     6. moves the watermark
 *
 * Each step waits for the answers to the one before. So a dump of theirs finds codes for every
 * document; and after a failure or kill at any moment, doing it again leads to the same. Solr does
 * not show which codes it has; so before step 2 the log notes that the batch is being sent, and if
 * step 6 did not follow, the next push sends what is behind the watermark without asking.
 *
 * A dump of theirs takes documents from the time of the dump before up to its own. One that runs
 * between adding and commit does not see the documents, and if its time were behind their date, no
 * later one would: so the date is a second or two ahead, and if the commit comes after it, they are
 * added again with a later one. A push ends when the date has come.
 */
#ifndef EP_NET_LEGACY_LEGACY_PUSH_H
#define EP_NET_LEGACY_LEGACY_PUSH_H

#include "store/log.h"

#include <stdatomic.h>

/* What the servers are called where nobody says otherwise. */
#define EP_LEGACY_NAME "legacy"

struct ep_legacy_push_options {
	struct ep_log *log; /* all is borrowed */
	const char *solr; /* URL, as for ep_old_solr_new */
	const char *tyrant; /* address, as for ep_tyrant_connect */
	const char *name; /* of the servers: ep_source_name_ok */
	bool ascii; /* rows that are not ASCII are left out */
	bool all; /* everything is compared, whatever the watermark says */
	double copies_s; /* so long is waited for somebody who links copies among what is new, so
	                    that they are not pushed: only where there is one; else 0 */
	const atomic_bool *stop; /* may be NULL */
	/* Told of every document that is left out, or that needs a word, and why. */
	void (*on_document)(void *context, struct ep_text id, const char *what);
	/* Told which position is done, of which; may be NULL. */
	void (*on_progress)(void *context, uint64_t position, uint64_t last);
	void *context;
};

/* Counts documents. */
struct ep_legacy_push_report {
	uint64_t sent;
	uint64_t unchanged; /* the servers had them */
	uint64_t deleted;
	uint64_t left_out; /* the servers cannot take them */
	uint64_t position; /* the watermark */
};

/* Pushes what the log has when it begins. What report counts is done, on failure too.
 *
 * EP_INTERRUPTED, EP_UNREACHABLE; EP_IO  a server refuses; EP_CORRUPT  it answers something else,
 * or the log is damaged; EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_legacy_push(struct ep_legacy_push_report *report,
                                          const struct ep_legacy_push_options *options,
                                          struct ep_error *err);

#endif
