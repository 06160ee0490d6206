/* legacy_import.h - the whole database of the servers of 2011 into the log, or compared with it
 *
 * Rows go into the log as those of a dump file do: they join their track, what is there already
 * changes nothing, and each keeps its source and date. What was committed stays, and a further run
 * passes over it.
 */
#ifndef EP_NET_LEGACY_LEGACY_IMPORT_H
#define EP_NET_LEGACY_LEGACY_IMPORT_H

#include "net/legacy/old_fetch.h"

struct ep_legacy_import_options {
	struct ep_log *log; /* all is borrowed */
	struct ep_old_solr *solr;
	struct ep_tyrant *tyrant;
	const char *other_source; /* as of old_fetch.h; may be NULL */
	bool full; /* codes of all documents are read, also of those that are known */
	/* Told of every document that cannot be taken, or that differs, and why; and of every key
	 * that has codes and no document. */
	void (*on_document)(void *context, struct ep_text id, const char *what);
	/* Told some times a second how many documents are done, of how many. */
	void (*on_progress)(void *context, uint64_t done, uint64_t all);
	void *context;
};

struct ep_legacy_import_report {
	struct ep_put_counts counts; /* of documents; nothing is added or updated by a check */
	uint64_t rejected; /* documents that could not be taken, those without codes too */
	uint64_t no_codes; /* of these, documents without codes */
	uint64_t no_document; /* keys with codes, without a document */
	/* Of a check. */
	uint64_t equal;
	uint64_t other_date; /* of these, documents that were imported there at another time than
	                        here: a track here has one date, and what was pushed has that of
	                        the push */
	uint64_t different; /* documents that are on both sides, or would be, and differ */
	uint64_t missing; /* documents that are not here */
	uint64_t only_here; /* documents that are only here; copies do not count */
};

/* Imports. What report counts has been committed, on failure too. As ep_old_fetch_next and
 * ep_log_put. */
EP_MUST_USE enum ep_status ep_legacy_import(struct ep_legacy_import_report *report,
                                            const struct ep_legacy_import_options *options,
                                            struct ep_error *err);

/* Compares everything, and changes nothing. The same failures. */
EP_MUST_USE enum ep_status ep_legacy_check(struct ep_legacy_import_report *report,
                                           const struct ep_legacy_import_options *options,
                                           struct ep_error *err);

/* Tells the keys that have codes and no document. Where the server's count shows that there are
 * none, its keys are not read, unless `always`. seen has the ids of all documents, of which
 * no_codes have no codes. As ep_tyrant_each_key. */
EP_MUST_USE enum ep_status ep_legacy_tell_orphans(struct ep_legacy_import_report *report,
                                                  const struct ep_legacy_import_options *options,
                                                  const struct ep_old_walk *walk, bool always,
                                                  struct ep_error *err);

#endif
