/* old_xml.h - changes of documents as Solr 1.4 takes them, and which rows it cannot take */
#ifndef EP_NET_LEGACY_OLD_XML_H
#define EP_NET_LEGACY_OLD_XML_H

#include "base/buffer.h"
#include "code/pairs.h"
#include "store/track.h"

/* A document on its way to the old servers; texts are borrowed. */
struct ep_old_row_out {
	struct ep_text id;
	struct ep_document document; /* its suffix is not used */
	struct ep_text source;
};

/* Checks whether the old servers can take a row as it is.
 *
 * ascii  their dump scripts must be able to, too: they end at a text that is not ASCII.
 * pairs  scratch memory.
 * EP_BAD_INPUT with the reason where they cannot; EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_old_row_check(const struct ep_old_row_out *row, bool ascii,
                                            struct ep_pairs *pairs, struct ep_error *err);

/* Whether a text of a row has a CR, which Solr keeps, and which their dump scripts make an LF. */
bool ep_old_row_has_cr(const struct ep_old_row_out *row);

/* Append an element that adds a row, whose check was passed; date is the import date to be. To be
 * sent between <add> and </add>. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_old_xml_add(struct ep_buffer *xml, const struct ep_old_row_out *row,
                                          const char *date, struct ep_error *err);

/* Appends an element that deletes the document with an id, and no other. To be sent between
 * <delete> and </delete>. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_old_xml_id(struct ep_buffer *xml, struct ep_text id,
                                         struct ep_error *err);

/* Appends words of XML. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_old_xml_words(struct ep_buffer *xml, const char *words,
                                            struct ep_error *err);

#endif
