/* console.h - the pages for people: files that are in the program, and ask /v1 for all they show
 *
 *     GET  /                 index.html
 *     GET  /console/NAME     what it needs
 *
 * They are the same at every node and say nothing of it, so anybody may have them.
 */
#ifndef EP_NET_CONSOLE_CONSOLE_H
#define EP_NET_CONSOLE_CONSOLE_H

#include "net/http.h"

/* Its routes, for `serve`. */
struct ep_http_routes ep_console_routes(void);

#endif
