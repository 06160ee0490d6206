/* lib_report.h - what an ingest gives its caller, and how its options are read */
#ifndef EP_LIBRARY_LIB_REPORT_H
#define EP_LIBRARY_LIB_REPORT_H

#include "library/library_internal.h"
#include "match/find_copy.h"

/* A report; the first member is all that the caller sees. */
struct ep_library_report {
	struct echoprint_report report;
	struct ep_arena texts;
};

/* EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_library_report_new(struct ep_library_report **out,
                                                 struct ep_error *err);
void ep_library_report_free(struct ep_library_report *report);
EP_DEFINE_OWNED(struct ep_library_report, ep_library_report_free)

/* Tells a result of which the report is there in spite of a failure; made NULL: nothing was begun,
 * or all was taken back. */
enum echoprint_status ep_told_report(struct echoprint_report **out, struct echoprint_report *made,
                                     struct echoprint_error *err, enum ep_status status,
                                     const struct ep_error *why);

/* Takes over what became of documents. */
void ep_library_report_count(struct ep_library_report *report, const struct ep_put_counts *counts,
                             uint64_t duplicate);

/* Reads the options of an ingest; how copies are looked for is *how. EP_USAGE. */
EP_MUST_USE enum ep_status ep_read_ingest_options(struct echoprint_ingest_options *options,
                                                  enum ep_dedup *how,
                                                  const struct echoprint_ingest_options *given,
                                                  struct ep_error *err);

#endif
