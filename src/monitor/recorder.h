/* recorder.h - a thread that writes what channels hear into the log of plays
 *
 * Channels add changes and go on; the thread commits what has come, in order, in one transaction.
 * Where that fails, as on a full disk, the changes stay in memory and are tried again every second.
 * Plays and gaps are lost only by a kill. Of the others, which say until when something was heard,
 * EP_RECORDER_HEARD_MAX stay: the oldest are dropped, as newer ones say more.
 */
#ifndef EP_MONITOR_RECORDER_H
#define EP_MONITOR_RECORDER_H

#include "plays/plays.h"

#ifndef EP_RECORDER_HEARD_MAX /* tests keep fewer */
#define EP_RECORDER_HEARD_MAX ((size_t)20000)
#endif

enum ep_change_kind {
	EP_CHANGE_BEGIN, /* play begins */
	EP_CHANGE_PLAYED, /* a play that was found later, from begin to end */
	EP_CHANGE_HEAR, /* the stream's play is heard until at_ms */
	EP_CHANGE_END, /* it has ended at at_ms */
	EP_CHANGE_HEARD, /* the stream is heard until at_ms */
	EP_CHANGE_LOSE, /* it is not heard from at_ms on, for a reason */
	EP_CHANGE_REGAIN /* it is heard again from at_ms on */
};

struct ep_change {
	enum ep_change_kind kind;
	uint32_t stream;
	int64_t at_ms;
	struct ep_text reason;
	struct ep_logged_play play; /* of EP_CHANGE_BEGIN and EP_CHANGE_PLAYED */
};

struct ep_recorder;

struct ep_recorder_options {
	struct ep_plays *plays; /* borrowed */
	/* Told in a line what goes wrong, once while it stays the same, that it is well again, and
	 * how much was dropped; and that there are events. From the thread. */
	void (*on_line)(void *context, const char *line);
	void (*on_events)(void *context);
	void *context;
};

/* Starts the thread. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_recorder_start(struct ep_recorder **out,
                                             const struct ep_recorder_options *options,
                                             struct ep_error *err);

/* Writes what is left, once, and ends the thread. Accepts NULL. */
void ep_recorder_stop(struct ep_recorder *recorder);
EP_DEFINE_OWNED(struct ep_recorder, ep_recorder_stop)

/* Waits until all that was added is written; false where that has not come about in so long. */
bool ep_recorder_flush(struct ep_recorder *recorder, int seconds);

/* Adds a change, which is copied; from any thread. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_recorder_add(struct ep_recorder *recorder,
                                           const struct ep_change *change, struct ep_error *err);

#endif
