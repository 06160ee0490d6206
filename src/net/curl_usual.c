#include "net/curl_usual.h"

#include "net/late_names.h"

#include <stdlib.h>

void
ep_curl_usual(CURL *curl, const char *url, char why[CURL_ERROR_SIZE])
{
	why[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* As other programs have it: authorities beside, or instead of, the system's. */
	const char *authorities = getenv("SSL_CERT_FILE");
	if (authorities && *authorities)
		curl_easy_setopt(curl, CURLOPT_CAINFO, authorities);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "echoprint/" EP_VERSION);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, EP_CURL_CONNECT_S);
}
