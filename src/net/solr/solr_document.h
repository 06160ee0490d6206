/* solr_document.h - entries of the log as documents of a collection
 *
 * docs/formats/solr.md says what their fields are. */
#ifndef EP_NET_SOLR_SOLR_DOCUMENT_H
#define EP_NET_SOLR_SOLR_DOCUMENT_H

#include "index/builder.h"
#include "store/log.h"

/* Scratch memory of one thread. */
struct ep_solr_maker;
EP_MUST_USE enum ep_status ep_solr_maker_new(struct ep_solr_maker **out, struct ep_error *err);
void ep_solr_maker_free(struct ep_solr_maker *maker);
EP_DEFINE_OWNED(struct ep_solr_maker, ep_solr_maker_free)

struct ep_solr_document {
	const struct ep_entry *entry;
	const char *source; /* its name */
	uint64_t version; /* the position of the change that this document is sent for */
	bool copy; /* a link of the track is in force: it is not searched for */
};

/* Appends a document as a JSON object on one line. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_solr_document(struct ep_buffer *json, struct ep_solr_maker *maker,
                                            const struct ep_solr_document *document,
                                            struct ep_error *err);

/* Appends what stands for a document that Solr refuses: it has its id and version, but neither
 * codes nor entry. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_solr_refused_document(struct ep_buffer *json,
                                                    const struct ep_solr_document *document,
                                                    struct ep_error *err);

/* A key of the index as a term: hexadecimal, at most 7 digits. Returns its size. */
#define EP_SOLR_TERM_SIZE 8
size_t ep_solr_term(char term[EP_SOLR_TERM_SIZE], uint32_t key);

/* The checksum of an entry's bytes, which is in the document too. */
uint32_t ep_solr_crc(const uint8_t *bytes, size_t size);

#endif
