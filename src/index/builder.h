/* builder.h - a shard in the making: the postings of tracks, sorted in memory
 *
 * Tracks are added in the order of their positions; what was collected is then written at once.
 */
#ifndef EP_INDEX_BUILDER_H
#define EP_INDEX_BUILDER_H

#include "code/stored/sketch.h"
#include "index/shard.h"

/* Postings that are collected before a shard is written: 64 MiB of memory while it is. Tests build
 * the index with fewer. */
#ifndef EP_BUILDER_POSTINGS
#define EP_BUILDER_POSTINGS ((size_t)1 << 22)
#endif

/* The postings of one track: key << 32 | slot, its time 0 being in slot EP_STRETCH_SLOTS. A zeroed
 * struct is empty. */
struct ep_track_postings {
	uint64_t *items;
	size_t count;
	size_t capacity;
	uint32_t slot_count; /* that the track takes: whole stretches, at least two */
};
void ep_track_postings_free(struct ep_track_postings *postings);

/* Replaces postings by those of a sketch. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_track_postings_of(struct ep_track_postings *postings,
                                                const struct ep_sketch *sketch,
                                                struct ep_error *err);

struct ep_builder;
EP_MUST_USE enum ep_status ep_builder_new(struct ep_builder **out, struct ep_error *err);
void ep_builder_free(struct ep_builder *builder);
EP_DEFINE_OWNED(struct ep_builder, ep_builder_free)

/* Adds a track at a position above those before. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_builder_add(struct ep_builder *builder, uint64_t position,
                                          const struct ep_track_postings *postings,
                                          struct ep_error *err);

/* Whether the shard is to be written before more is added. */
bool ep_builder_is_full(const struct ep_builder *builder);

size_t ep_builder_track_count(const struct ep_builder *builder);
uint32_t ep_builder_slot_count(const struct ep_builder *builder);

/* Writes a shard to the empty file fd, and leaves an empty builder. *posting_count is how many it
 * has. EP_IO, EP_NO_SPACE, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_builder_write(uint64_t *posting_count, struct ep_builder *builder,
                                            int fd, const char *name, struct ep_error *err);

#endif
