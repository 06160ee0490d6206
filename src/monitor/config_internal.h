/* config_internal.h - what the files of a configuration share; of no use elsewhere */
#ifndef EP_MONITOR_CONFIG_INTERNAL_H
#define EP_MONITOR_CONFIG_INTERNAL_H

#include "monitor/config.h"

/* Adds a stream without URL, as the last. EP_BAD_INPUT  the name may not be, or is there already.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_config_add_stream(struct ep_monitor_config *config,
                                                struct ep_text name, struct ep_error *err);

/* Gives a stream its URL. EP_BAD_INPUT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_config_set_url(struct ep_stream_config *stream,
                                             struct ep_monitor_config *config, const char *url,
                                             struct ep_error *err);

/* Copies a string into the config's memory. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_config_keep(const char **copy, struct ep_monitor_config *config,
                                          const char *text, struct ep_error *err);

/* Reads the text of a file; path is for error texts. *secret_file is for free(); NULL where none is
 * named. As ep_monitor_config_read. */
EP_MUST_USE enum ep_status ep_config_parse(struct ep_monitor_config *config, char **secret_file,
                                           struct ep_text text, const char *path,
                                           struct ep_error *err);

#endif
