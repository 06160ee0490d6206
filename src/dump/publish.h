/* publish.h - finished files get their final names together with the new watermark
 *
 * The intent record in the log (the named value of that name) is: varint(moves: 0 or 1)
 * varint(watermark) text(time of the dump) text(folder) varint(files) files * (text(part)
 * text(final) varint(bytes)), with text = varint(size) bytes.
 */
#ifndef EP_DUMP_PUBLISH_H
#define EP_DUMP_PUBLISH_H

#include "base/time.h"
#include "store/log.h"

/* A file that is written and durable as folder/part, and is to become folder/final. */
struct ep_part {
	char *part;
	char *final;
	uint64_t bytes;
};

struct ep_publication {
	char *folder; /* absolute */
	struct ep_part *parts;
	size_t count;
	bool noted; /* the log knows of the parts */
	bool moves; /* whether watermark and time are to be set */
	uint64_t watermark;
	char lastdump[EP_TIME_TEXT];
};

/* Names of the values in the log that a publication sets. */
struct ep_publication_names {
	const char *note;
	const char *watermark;
	const char *lastdump;
};

void ep_publication_free(struct ep_publication *publication);
#define EP_PUBLICATION __attribute__((cleanup(ep_publication_free)))

/* Takes note, renames, and sets the watermark (never back). Where a final name is taken meanwhile,
 * the file gets the next number that is free, and its `final` says so. */
EP_MUST_USE enum ep_status ep_publish(struct ep_publication *publication, struct ep_log *log,
                                      const struct ep_publication_names *names,
                                      struct ep_error *err);

/* Completes a renaming that was recorded and then killed; its files are in publication, which is
 * empty if there was none. If the files have neither their old nor their final names, the record is
 * dropped, and the next dump writes them again. */
EP_MUST_USE enum ep_status ep_publish_rest(struct ep_publication *publication, struct ep_log *log,
                                           const struct ep_publication_names *names,
                                           struct ep_error *err);

#endif
