/* download.h - bytes of a URL as they come, and no faster than they are wanted: by libcurl
 *
 * For one thread, and one URL at a time; connections are kept for the next.
 */
#ifndef EP_NET_STREAM_DOWNLOAD_H
#define EP_NET_STREAM_DOWNLOAD_H

#include "base/status.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A server that sends nothing for so long has failed, and more redirects than so many are a circle.
 */
#define EP_DOWNLOAD_STALL_S 30
#define EP_DOWNLOAD_REDIRECTS 10

struct ep_download;

/* What is done with the bytes that came. */
enum ep_download_taken {
	EP_TAKEN_ALL,
	EP_TAKEN_LATER, /* nothing of them: they come again after ep_download_resume */
	EP_TAKEN_NO_MORE /* the download ends here */
};

struct ep_download_request {
	const char *url; /* http or https */
	bool titles; /* of a stream without end: ask for those in the bytes (icy.h) */
	uint64_t from; /* a part of the file, where size is not 0 */
	uint64_t size;
	enum ep_download_taken (*take)(void *context, const uint8_t *bytes, size_t size);
	void *context;
};

/* What the server said. */
struct ep_download_answer {
	const char *url; /* after redirects; valid until the next begins */
	long status; /* 404 where it has no such file; 0: none came */
	char type[96]; /* Content-Type, or "" */
	size_t titles_every; /* icy-metaint; 0: there are none in the bytes */
};

/* EP_IO  libcurl is not there. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_download_open(struct ep_download **out, struct ep_error *err);
void ep_download_close(struct ep_download *download);
EP_DEFINE_OWNED(struct ep_download, ep_download_close)

/* Begins a download, in place of one under way. request is copied, its url only until this returns.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_download_begin(struct ep_download *download,
                                             const struct ep_download_request *request,
                                             struct ep_error *err);

/* Does what can be done without waiting; *done when all bytes have come, or take wanted no more.
 *
 * EP_UNREACHABLE  the server cannot be reached, refused, or was silent for too long; the text says
 *                 which, without the URL. */
EP_MUST_USE enum ep_status ep_download_step(bool *done, struct ep_download *download,
                                            struct ep_error *err);

/* Waits until a step can do something, one of two descriptors is ready, or the time is over.
 *
 * reading, writing  descriptors of the caller's, to be read or written; -1: none. */
void ep_download_wait(struct ep_download *download, int reading, int writing, int timeout_ms);

/* Goes on after EP_TAKEN_LATER. */
bool ep_download_is_paused(const struct ep_download *download);
void ep_download_resume(struct ep_download *download);

/* What the server said; in take, and when the download is done. */
const struct ep_download_answer *ep_download_answer(struct ep_download *download);

/* Gives the URL to which relative leads from base, for free(). EP_BAD_INPUT  it is none, or not
 * http or https; the text says what it is. EP_NO_MEMORY, EP_IO. */
EP_MUST_USE enum ep_status ep_url_join(char **out, const char *base, struct ep_text relative,
                                       struct ep_error *err);

#endif
