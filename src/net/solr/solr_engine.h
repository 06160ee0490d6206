/* solr_engine.h - candidates of queries from a collection, and their entries
 *
 * Keys of a query are chosen as the own index chooses them: those that tell most. Solr sums up the
 * rarity of those that a track has. Entries are fetched for the candidates that are weighed, and
 * kept: one that has changed is recognised by its position and checksum.
 */
#ifndef EP_NET_SOLR_SOLR_ENGINE_H
#define EP_NET_SOLR_SOLR_ENGINE_H

#include "match/engine.h"
#include "net/solr/solr.h"

struct ep_solr_engine;

/* Makes one for one thread; nothing is connected yet. As ep_solr_open. */
EP_MUST_USE enum ep_status ep_solr_engine_new(struct ep_solr_engine **out,
                                              const struct ep_solr_options *options,
                                              struct ep_error *err);
void ep_solr_engine_free(struct ep_solr_engine *of);
EP_DEFINE_OWNED(struct ep_solr_engine, ep_solr_engine_free)

/* Borrows it. */
struct ep_engine ep_solr_engine(struct ep_solr_engine *of);

/* Makers of such engines for the threads of a front end; options is borrowed. */
struct ep_engines ep_solr_engines(struct ep_solr_options *options);

#endif
