/* config.h - which streams are monitored, and whom plays are told: from a file, or the command line
 *
 *     [monitor]                                  what is not of one stream
 *     webhook = https://example.org/plays
 *     webhook-secret-file = webhook.secret
 *     learn = yes
 *
 *     [radio one]                                a stream: its name
 *     url = http://example.org/radio-one.mp3
 *     country = FR                               any other key: a tag
 *
 * A line that begins with # or ; is a comment, and so is what follows a ; behind a blank.
 */
#ifndef EP_MONITOR_CONFIG_H
#define EP_MONITOR_CONFIG_H

#include "base/arena.h"
#include "base/buffer.h"

/* The section of what is not of one stream. */
#define EP_CONFIG_GLOBAL "monitor"

struct ep_stream_config {
	struct ep_text name;
	const char *url; /* NULL while it is read */
	struct ep_text shown_url; /* without password and query */
	struct ep_text tags; /* as a JSON object, keys sorted; empty where there are none */
};

/* Zeroed: nothing is configured. */
struct ep_monitor_config {
	struct ep_arena arena; /* of all texts */
	struct ep_stream_config *streams;
	size_t count;
	size_t capacity;
	const char *webhook; /* NULL: none */
	bool learn; /* unknown sound that is played again */
	struct ep_buffer secret; /* of the webhook; empty: what is sent is not signed */
};
void ep_monitor_config_free(struct ep_monitor_config *config);
#define EP_MONITOR_CONFIG __attribute__((cleanup(ep_monitor_config_free)))

/* Reads a file into a zeroed config. EP_BAD_INPUT  the text names file and line, and says what
 * would be right. EP_NOT_FOUND, EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_monitor_config_read(struct ep_monitor_config *config,
                                                  const char *path, struct ep_error *err);

/* Adds a stream of the command line: NAME=URL or URL, which is its own name then. EP_BAD_INPUT,
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_monitor_config_add(struct ep_monitor_config *config,
                                                 const char *argument, struct ep_error *err);

/* The stream of a name; NULL: there is none. */
const struct ep_stream_config *ep_monitor_config_find(const struct ep_monitor_config *config,
                                                      struct ep_text name);

#endif
