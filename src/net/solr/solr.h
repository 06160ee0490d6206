/* solr.h - requests to a SolrCloud collection, by any of its nodes
 *
 * A node that does not answer, or answers that it cannot now (5xx), is passed over for the next. If
 * none can, they are asked again for some time.
 */
#ifndef EP_NET_SOLR_SOLR_H
#define EP_NET_SOLR_SOLR_H

#include "base/buffer.h"
#include "base/text.h"
#include "format/signed_json.h"

#include <jansson.h>
#include <stdatomic.h>

/* The name of a collection: 1 to 64 of A-Z a-z 0-9 . _ -, and no - in front. */
#define EP_SOLR_NAME_MAX 64
#define EP_SOLR_URLS_MAX 64

struct ep_solr_options {
	const char *urls; /* "http://HOST:8983/solr", or several with commas between them */
	const char *collection; /* its name, or an alias */
	const char *user; /* "NAME:PASSWORD"; NULL: none */
	double patience_s; /* how long nodes that cannot answer are asked again; 0: each once */
	const atomic_bool *stop; /* ends with EP_INTERRUPTED; may be NULL */
};

struct ep_solr;

/* Checks the options and makes a client; nothing is connected yet. Options are copied. Of one
 * thread at a time. EP_USAGE  a URL or name is not valid. EP_IO, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_solr_open(struct ep_solr **out, const struct ep_solr_options *options,
                                        struct ep_error *err);
void ep_solr_close(struct ep_solr *solr);
EP_DEFINE_OWNED(struct ep_solr, ep_solr_close)

/* The collection's name, as in the options. */
const char *ep_solr_collection(const struct ep_solr *solr);

struct ep_solr_call {
	const char *path; /* behind the URL, such as "admin/collections?action=LIST" */
	const char *node; /* a node's URL, to ask that one alone; NULL: any */
	const char *type; /* Content-Type of the body; NULL: a GET */
	struct ep_text body;
	json_t *answer; /* filled on EP_OK: an object, for json_decref */
	long status; /* 200, or what a refusal (4xx) has; answer then is its object, or empty */
	bool repeated; /* whether it was sent more than once, and so may have been done before */
};

/* Makes a request. An answer with partial results, or without some shards, counts as none.
 *
 * EP_UNREACHABLE  no node could answer. EP_CORRUPT  an answer is not what Solr gives.
 * EP_BAD_INPUT  user and password are refused. EP_INTERRUPTED, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_solr_call(struct ep_solr *solr, struct ep_solr_call *call,
                                        struct ep_error *err);

/* The same; a refusal is an EP_BAD_INPUT with Solr's words, or EP_NOT_FOUND for a 404. *answer is
 * for json_decref. */
EP_MUST_USE enum ep_status ep_solr_ask(json_t **answer, struct ep_solr *solr,
                                       const struct ep_solr_call *call, struct ep_error *err);

/* Solr's words in a refusal; "" where there are none. Borrowed. */
const char *ep_solr_words(const json_t *answer);

/* A whole number of an answer's object, which may also be a text; 0 where there is none. */
uint64_t ep_solr_number(const json_t *object, const char *name);

#endif
