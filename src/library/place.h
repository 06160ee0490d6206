/* place.h - a data folder that this process has open, once, for all handles on it
 *
 * LMDB must not open one folder twice in a process: closing one of the two would give up the locks
 * of the other. So the open folders of a process are in a list, and who opens one again gets the
 * same. After a fork the list of the child is empty, and what the parent had open is of no use
 * there.
 */
#ifndef EP_LIBRARY_PLACE_H
#define EP_LIBRARY_PLACE_H

#include "node/node.h"
#include "node/query_service.h"
#include "sound/audio.h"

struct ep_place;

/* Opens the folder of options, or gives it again. Of options, folder, mode, map_size and decoder
 * count, are given, and copied; those of the first who opens a folder hold for all.
 *
 * EP_USAGE  it is open to read alone, and is wanted for writing. As ep_node_open. */
EP_MUST_USE enum ep_status
ep_place_open(struct ep_place **out, const struct ep_node_options *options, struct ep_error *err);

/* Closes it where this was the last handle. In a child of the process that opened it, does nothing.
 */
void ep_place_close(struct ep_place *place);
EP_DEFINE_OWNED(struct ep_place, ep_place_close)

/* Whether this process opened it. */
bool ep_place_is_here(const struct ep_place *place);

struct ep_node *ep_place_node(const struct ep_place *place);
struct ep_log *ep_place_log(const struct ep_place *place);

/* Once true, what takes long ends. */
atomic_bool *ep_place_stop(struct ep_place *place);

/* Its queries, on an index that stands for the log as it is now. As ep_query_service_catch_up, but
 * that EP_IO stands for EP_NOT_FOUND. */
EP_MUST_USE enum ep_status ep_place_queries(struct ep_query_service **queries,
                                            struct ep_place *place, struct ep_error *err);

/* Calls found with the tracks that a search finds in *read, which is begun here and belongs to the
 * caller, on failure too. As ep_catalogue_find and ep_node_follow_catalogue, but that EP_IO stands
 * for EP_NOT_FOUND. */
EP_MUST_USE enum ep_status ep_place_search(struct ep_log_read **read, struct ep_place *place,
                                           const struct ep_catalogue_search *search,
                                           ep_catalogue_found *found, void *context,
                                           struct ep_error *err);

/* Gives a reader of audio files that nobody uses, for one thread, and takes it back. As
 * ep_audio_open. */
EP_MUST_USE enum ep_status ep_place_take_audio(struct ep_audio **audio, struct ep_place *place,
                                               struct ep_error *err);
void ep_place_give_audio(struct ep_place *place, struct ep_audio *audio);

#endif
