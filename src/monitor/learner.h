/* learner.h - a thread that learns unknown sound which streams play again
 *
 *     pieces of channels (unknown.h) -> those that wait -> learning.h
 *
 * It has the lowest priority. Pieces wait in memory; what is more than EP_LEARNER_WAITING is lost,
 * so that a machine which is too slow for all its streams still names what it knows.
 */
#ifndef EP_MONITOR_LEARNER_H
#define EP_MONITOR_LEARNER_H

#include "monitor/learning.h"

#define EP_LEARNER_WAITING 32

struct ep_learner;

/* Makes a learner that does nothing yet. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_learner_new(struct ep_learner **out,
                                          const struct ep_learning_options *options,
                                          struct ep_error *err);

/* Learns what waits, and ends. Accepts NULL. */
void ep_learner_free(struct ep_learner *learner);
EP_DEFINE_OWNED(struct ep_learner, ep_learner_free)

/* Whether it is to learn; the first time that makes DATA/heard. By one thread. As ep_heard_open. */
EP_MUST_USE enum ep_status ep_learner_set(struct ep_learner *learner, bool on,
                                          struct ep_error *err);

/* Whether it learns; from any thread, as what follows. */
bool ep_learner_is_on(const struct ep_learner *learner);

/* Adds a piece of a stream, which is copied; number is the stream's in the log of plays.
 * EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_learner_add(struct ep_learner *learner, struct ep_text stream,
                                          uint32_t number, const struct ep_unknown_piece *piece,
                                          struct ep_error *err);

/* Waits until no piece waits; false where that has not come about in so long. */
bool ep_learner_flush(struct ep_learner *learner, int seconds);

#endif
