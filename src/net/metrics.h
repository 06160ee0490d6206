/* metrics.h - numbers as Prometheus reads them */
#ifndef EP_NET_METRICS_H
#define EP_NET_METRICS_H

#include "base/buffer.h"

/* Appends text; what there is no memory for is not there. */
void ep_metrics_append(struct ep_buffer *out, const char *fmt, ...) EP_PRINTF(2, 3);

/* Appends a number, "echoprint_" before its name; type: gauge or counter. */
void ep_metric(struct ep_buffer *out, const char *name, const char *type, const char *help,
               uint64_t value);

/* Appends those of the monitor on a data folder: nothing, where none ever ran; and of its streams,
 * while it runs. */
void ep_monitor_metrics(struct ep_buffer *out, const char *folder);

#endif
