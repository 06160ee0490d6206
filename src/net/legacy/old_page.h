/* old_page.h - what Solr 1.4 answers when it is asked for documents, as JSON
 *
 *     {"response": {"numFound": 827, "docs": [
 *         {"track_id": "TR1-0", "codever": "4.12", "length": 162, "artist": "..", "release": "..",
 *          "track": "..", "source": "local", "import_date": "2011-06-01T12:00:00Z"}, ...]}}
 *
 * Texts that are empty may be missing, and in documents of before there was replication the source
 * and the date, too. What UTF-8 encodes in four bytes, Jetty 6 writes in two times three, as CESU-8
 * does; that is read, too.
 */
#ifndef EP_NET_LEGACY_OLD_PAGE_H
#define EP_NET_LEGACY_OLD_PAGE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* A document without its codes. Texts may be anything that JSON can say, NUL included. */
struct ep_old_document {
	struct ep_text id;
	struct ep_text codever;
	struct ep_text length; /* decimal */
	struct ep_text artist;
	struct ep_text release;
	struct ep_text track;
	struct ep_text source; /* empty: it has none */
	struct ep_text date; /* as the server writes it; empty: it has none */
	int64_t import_date; /* the same in seconds since 1970, fractions cut off; 0: none */
};

/* Documents of an answer; texts are valid until it is read into again or freed. A zeroed struct is
 * an empty page. */
struct ep_old_page {
	uint64_t found; /* that there are, here or not */
	struct ep_old_document *documents;
	size_t count;
	json_t *json; /* which has the texts */
	struct ep_arena arena;
};

/* Reads an answer, whose bytes are changed. EP_CORRUPT  it is no such answer, with what is wrong.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_old_page_read(struct ep_old_page *page, struct ep_buffer *answer,
                                            struct ep_error *err);
void ep_old_page_free(struct ep_old_page *page);

#endif
