#include "index/builder.h"

#include "base/sort64.h"

#include <stdlib.h>
#include <string.h>

struct ep_builder {
	struct ep_track_postings all; /* slots are of the shard */
	uint64_t *positions;
	uint32_t *starts; /* one more than there are tracks */
	size_t track_count;
	size_t track_capacity;
};

/* ---- one track ---- */

void
ep_track_postings_free(struct ep_track_postings *postings)
{
	free(postings->items);
	*postings = (struct ep_track_postings){ 0 };
}

static enum ep_status
reserve(struct ep_track_postings *postings, size_t extra, struct ep_error *err)
{
	if (extra <= postings->capacity - postings->count)
		return EP_OK;
	size_t wanted = postings->capacity * 2;
	if (wanted < postings->count + extra)
		wanted = postings->count + extra;
	uint64_t *items = realloc(postings->items, wanted * sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu postings", wanted);
	postings->items = items;
	postings->capacity = wanted;
	return EP_OK;
}

enum ep_status
ep_track_postings_of(struct ep_track_postings *postings, const struct ep_sketch *sketch,
                     struct ep_error *err)
{
	uint32_t end = EP_STRETCH_SLOTS + 1;
	postings->count = 0;
	EP_TRY(reserve(postings, sketch->code_count, err));
	for (size_t i = 0; i < sketch->code_count; i++) {
		const struct ep_sketch_code *code = &sketch->codes[i];
		uint32_t slot = EP_STRETCH_SLOTS + code->time / EP_SLOT_TIMES;
		if (!EP_POSTED_KIND(code->kind))
			continue;
		uint32_t key = EP_KEY_OF(code->code, code->refined);
		postings->items[postings->count++] = (uint64_t)key << 32 | slot;
		end = slot >= end ? slot + 1 : end;
	}
	uint32_t stretches = (end + EP_STRETCH_SLOTS - 1) / EP_STRETCH_SLOTS;
	postings->slot_count = stretches * EP_STRETCH_SLOTS;
	return EP_OK;
}

/* ---- a shard ---- */

enum ep_status
ep_builder_new(struct ep_builder **out, struct ep_error *err)
{
	*out = calloc(1, sizeof **out);
	return *out ? EP_OK : ep_fail(err, EP_NO_MEMORY, "out of memory for the index");
}

void
ep_builder_free(struct ep_builder *builder)
{
	if (!builder)
		return;
	ep_track_postings_free(&builder->all);
	free(builder->positions);
	free(builder->starts);
	free(builder);
}

static enum ep_status
grow_tracks(struct ep_builder *builder, struct ep_error *err)
{
	if (builder->track_count + 1 < builder->track_capacity)
		return EP_OK;
	size_t wanted = builder->track_capacity * 2 + 64;
	uint64_t *positions = realloc(builder->positions, wanted * sizeof *positions);
	if (positions)
		builder->positions = positions;
	uint32_t *starts = realloc(builder->starts, wanted * sizeof *starts);
	if (starts)
		builder->starts = starts;
	if (!positions || !starts)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu tracks", wanted);
	builder->track_capacity = wanted;
	return EP_OK;
}

enum ep_status
ep_builder_add(struct ep_builder *builder, uint64_t position,
               const struct ep_track_postings *postings, struct ep_error *err)
{
	EP_TRY(grow_tracks(builder, err));
	EP_TRY(reserve(&builder->all, postings->count, err));
	uint32_t start = builder->all.slot_count;
	builder->positions[builder->track_count] = position;
	builder->starts[builder->track_count] = start;
	builder->starts[++builder->track_count] = start + postings->slot_count;
	uint64_t *out = builder->all.items + builder->all.count;
	for (size_t i = 0; i < postings->count; i++)
		out[i] = postings->items[i] + start;
	builder->all.count += postings->count;
	builder->all.slot_count += postings->slot_count;
	return EP_OK;
}

bool
ep_builder_is_full(const struct ep_builder *builder)
{
	uint32_t track_max = EP_SKETCH_TIME_END / EP_SLOT_TIMES + 2 * EP_STRETCH_SLOTS;
	return builder->all.count >= EP_BUILDER_POSTINGS ||
	       builder->all.slot_count > EP_SHARD_SLOTS_MAX - track_max;
}

size_t
ep_builder_track_count(const struct ep_builder *builder)
{
	return builder->track_count;
}

uint32_t
ep_builder_slot_count(const struct ep_builder *builder)
{
	return builder->all.slot_count;
}

enum ep_status
ep_builder_write(uint64_t *posting_count, struct ep_builder *builder, int fd, const char *name,
                 struct ep_error *err)
{
	size_t count = builder->all.count;
	EP_FREE uint64_t *other = malloc((count + 1) * sizeof *other);
	EP_OWNED(ep_shard_writer_free)
	struct ep_shard_writer *writer = NULL;
	if (!other)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for %zu postings", count);
	ep_sort64(builder->all.items, other, count, 32);
	EP_TRY(ep_shard_writer_open(&writer, fd, name, builder->positions, builder->starts,
	                            builder->track_count, count, err));
	EP_TRY(ep_shard_add(posting_count, writer, builder->all.items, count, err));
	EP_TRY(ep_shard_finish(writer, err));
	builder->all.count = 0;
	builder->all.slot_count = 0;
	builder->track_count = 0;
	return EP_OK;
}
