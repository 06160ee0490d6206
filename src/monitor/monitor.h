/* monitor.h - many streams at once: what they play goes into the log of plays, and to who follows
 * it
 *
 *     config -> channels (channel.h) -> recorder (recorder.h) -> log of plays -+-> what is printed
 *                                                                             '-> webhook.h
 *
 * Every few seconds it notes until when each stream was heard, and leaves a file in the data folder
 * that tells how all streams are (node/streams_file.h). What channels do not recognise goes to the
 * learner (learner.h), where the config says so.
 */
#ifndef EP_MONITOR_MONITOR_H
#define EP_MONITOR_MONITOR_H

#include "monitor/config.h"
#include "node/node.h"
#include "plays/plays.h"

struct ep_monitor;

struct ep_monitor_options {
	struct ep_node *node; /* open for writing; borrowed */
	/* Told in a line what happens, from any thread; detail: only who wants it all needs it. */
	void (*on_line)(void *context, bool detail, const char *line);
	void *context;
};

/* Starts without streams, when the index can be searched. EP_BAD_INPUT  another runs on the data
 * folder. EP_INTERRUPTED (the node's `stop`), EP_NEWER, EP_CORRUPT, EP_IO, EP_NO_SPACE,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_monitor_start(struct ep_monitor **out,
                                            const struct ep_monitor_options *options,
                                            struct ep_error *err);

/* Ends it. What plays stays under way in the log, and may go on with the next start. */
void ep_monitor_stop(struct ep_monitor *monitor);
EP_DEFINE_OWNED(struct ep_monitor, ep_monitor_stop)

/* Makes the streams those of a config: others end, new ones begin, the rest goes on undisturbed.
 * One that cannot be added is told by on_line, and the result is then EP_BAD_INPUT with the text of
 * the first; the others are added.
 *
 * config  taken over, and zeroed.
 * EP_IO, EP_NO_SPACE, EP_CORRUPT, EP_NO_MEMORY  a part of it could not be done; ep_monitor_tick
 * tries again, and tells by on_line when it is done, or fails in another way. */
EP_MUST_USE enum ep_status ep_monitor_apply(struct ep_monitor *monitor,
                                            struct ep_monitor_config *config, struct ep_error *err);

/* Does what is due by now; to be called often. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_monitor_tick(struct ep_monitor *monitor, struct ep_error *err);

/* Tells the events that came since the last call. EP_CORRUPT, and what sink fails with. */
typedef enum ep_status ep_monitor_sink(void *context, const struct ep_play_event *event,
                                       const struct ep_logged_play *play,
                                       const struct ep_logged_stream *stream, struct ep_error *err);
EP_MUST_USE enum ep_status ep_monitor_news(struct ep_monitor *monitor, ep_monitor_sink *sink,
                                           void *context, struct ep_error *err);

/* Whether all streams are at their end, and all that they played is in the log. */
bool ep_monitor_done(struct ep_monitor *monitor);

#endif
