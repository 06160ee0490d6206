/* solr_options.h - where Solr is, as commands are told */
#ifndef EP_CLI_SOLR_OPTIONS_H
#define EP_CLI_SOLR_OPTIONS_H

#include "cli/cli.h"
#include "net/solr/solr.h"

/* Rows of an options table that are the same everywhere. */
/* clang-format off */
#define EP_SOLR_COLLECTION "echoprint"
#define EP_OPTION_COLLECTION { "collection", 0, "NAME", "name of the collection (default: " EP_SOLR_COLLECTION ")" }
#define EP_OPTION_AUTH { "auth-file", 0, "FILE", "file with NAME:PASSWORD for basic authentication" }
#define EP_OPTION_RETRY { "retry", 0, "SECONDS", "how long Solr is asked again while it cannot answer" }
/* clang-format on */

/* What a command was given of these; NULL: not. */
struct ep_solr_given {
	const char *urls;
	const char *collection;
	const char *auth_file;
	const char *retry;
	uint64_t retry_s; /* where it was not given */
};

/* Fills options of what a command was given; user gets the text that they borrow.
 *
 * EP_NOT_FOUND, EP_IO  the file cannot be read. EP_BAD_INPUT  it does not hold NAME:PASSWORD.
 * EP_USAGE  retry is no number. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_solr_options_of(struct ep_solr_options *options,
                                              struct ep_buffer *user, const struct ep_call *call,
                                              const struct ep_solr_given *given,
                                              struct ep_error *err);

#endif
