/* webhook.h - tells the events of plays to a server by POST, each at least once, in order
 *
 * A follower of the log of plays, with a thread and a watermark in the log. An event that was not
 * accepted is sent again until it is, at first after a second, and then after up to a minute;
 * those behind it wait. So a server that is down loses nothing. A body is
 *
 *     {"id": "...", "event": "begun" or "ended", "play": {...}}
 *
 * and the same whenever it is sent. Header fields: Echoprint-Event has the id, and
 * Echoprint-Signature "sha256=" and the HMAC-SHA256 of the body in hex, by the secret.
 */
#ifndef EP_MONITOR_WEBHOOK_H
#define EP_MONITOR_WEBHOOK_H

#include "monitor/config.h"
#include "plays/plays.h"

#include <jansson.h>

struct ep_webhook;

/* Starts the thread, which does nothing yet. plays is borrowed; on_line is told in a line what goes
 * wrong, once while it stays the same, and that it is well again. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_webhook_start(struct ep_webhook **out, struct ep_plays *plays,
                                            void (*on_line)(void *context, const char *line),
                                            void *context, struct ep_error *err);
void ep_webhook_stop(struct ep_webhook *webhook);
EP_DEFINE_OWNED(struct ep_webhook, ep_webhook_stop)

/* Sends to the server of a config from now on. One that is new is told what comes; where there was
 * one before, the new one goes on where it was. Without one, what comes is not kept for any.
 * EP_NO_SPACE, EP_IO, EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_webhook_set(struct ep_webhook *webhook,
                                          const struct ep_monitor_config *config,
                                          struct ep_error *err);

/* There are new events; from any thread. */
void ep_webhook_kick(struct ep_webhook *webhook);

/* {"waiting": n, "error": "..."}, null without a server. NULL where there is no memory. */
json_t *ep_webhook_json(struct ep_webhook *webhook);

#endif
