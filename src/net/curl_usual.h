/* curl_usual.h - what every request by libcurl has */
#ifndef EP_NET_CURL_USUAL_H
#define EP_NET_CURL_USUAL_H

#include "net/late.h"

/* A server that is connected to in no less than so many seconds cannot be reached. */
#define EP_CURL_CONNECT_S 10L

/* Sets the options of a request for a URL, of http or https alone, to what is usual here; those of
 * the handle before must have been reset.
 *
 * why  gets libcurl's words for a failure; used until the request has ended. */
void ep_curl_usual(CURL *curl, const char *url, char why[CURL_ERROR_SIZE]);

#endif
