/* notify.h - tells the service manager how the service is doing: the protocol of sd_notify(3), a
 * datagram to the socket that $NOTIFY_SOCKET names
 */
#ifndef EP_NET_NOTIFY_H
#define EP_NET_NOTIFY_H

/* Sends a state such as "READY=1"; nothing, where nobody asked for it. */
void ep_notify(const char *state);

#endif
