#include "index/merge.h"

#include "base/sort64.h"

#include <stdlib.h>
#include <string.h>

/* After so many postings, memory of the inputs' maps is given back; after so many tracks, memory of
 * the log's map. */
#define TRIM_POSTINGS ((size_t)1 << 23)
#define TRIM_TRACKS 4096

/* Postings that are merged at a time, on average: they stay in the processor's cache. */
#define RANGE_POSTINGS 16384
/* And those that are read of an input at a time. */
#define READ_POSTINGS 4096

/* A track that is gone. */
#define GONE UINT32_MAX

struct input {
	const struct ep_shard *shard;
	struct ep_shard_walk walk;
	uint32_t *stretches; /* new first slot of each of its stretches, or GONE */
};

struct merge {
	struct ep_log *log; /* to give pages back */
	struct input *inputs;
	size_t count;
	uint64_t *positions;
	uint32_t *starts;
	size_t track_count;
	uint32_t slot_count;
	uint64_t posting_count; /* at most */
	uint64_t *postings; /* of one range of keys */
	uint64_t *scratch; /* while they are sorted */
	size_t capacity;
};

static void
merge_done(struct merge *merge)
{
	for (size_t i = 0; merge->inputs && i < merge->count; i++)
		free(merge->inputs[i].stretches);
	free(merge->inputs);
	free(merge->positions);
	free(merge->starts);
	free(merge->postings);
	free(merge->scratch);
}

/* ---- tracks ---- */

/* Whether a track is still to be found. */
static enum ep_status
is_there(bool *there, const struct ep_log_read *read, uint64_t position, struct ep_error *err)
{
	struct ep_entry entry;
	bool copy = false;
	enum ep_status status = ep_log_entry_at(&entry, read, position, err);
	*there = false;
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	EP_TRY(ep_log_is_copy(&copy, read, &entry, err));
	*there = !copy;
	return EP_OK;
}

/* Gives the tracks of one shard that are still there their new slots. */
static enum ep_status
place_tracks(struct merge *merge, struct input *input, const struct ep_log_read *read,
             struct ep_error *err)
{
	const struct ep_shard *shard = input->shard;
	size_t count = shard->slot_count / EP_STRETCH_SLOTS;
	uint32_t *stretches = malloc((count + 1) * sizeof *stretches);
	if (!stretches)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for merging the index");
	input->stretches = stretches;
	for (size_t i = 0; i < shard->track_count; i++) {
		uint64_t position = ep_shard_position(shard, i);
		uint32_t start = ep_shard_start(shard, i);
		uint32_t end = ep_shard_start(shard, i + 1);
		bool there;
		EP_TRY(is_there(&there, read, position, err));
		if (i % TRIM_TRACKS == 0)
			ep_log_trim(merge->log);
		for (uint32_t at = start; at < end; at += EP_STRETCH_SLOTS)
			stretches[at / EP_STRETCH_SLOTS] =
				there ? merge->slot_count + (at - start) : GONE;
		if (!there)
			continue;
		merge->positions[merge->track_count] = position;
		merge->starts[merge->track_count++] = merge->slot_count;
		merge->slot_count += end - start;
	}
	merge->starts[merge->track_count] = merge->slot_count;
	return EP_OK;
}

static enum ep_status
begin(struct merge *merge, const struct ep_shard *shards, size_t count,
      const struct ep_log_read *read, struct ep_error *err)
{
	size_t tracks = 0;
	merge->inputs = calloc(count + 1, sizeof *merge->inputs);
	merge->count = count;
	for (size_t i = 0; i < count; i++) {
		tracks += shards[i].track_count;
		merge->posting_count += shards[i].posting_count;
	}
	merge->positions = malloc((tracks + 1) * sizeof *merge->positions);
	merge->starts = malloc((tracks + 1) * sizeof *merge->starts);
	if (!merge->inputs || !merge->positions || !merge->starts)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for merging the index");
	for (size_t i = 0; i < count; i++) {
		EP_TRY(ep_shard_check(&shards[i], "a shard of the index", err));
		merge->inputs[i].shard = &shards[i];
		EP_TRY(place_tracks(merge, &merge->inputs[i], read, err));
	}
	return EP_OK;
}

/* ---- postings ---- */

/* Moves postings[0..count) of an input to where their tracks now are; returns how many are left. */
static size_t
move_postings(uint64_t *postings, size_t count, const struct input *input)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		uint32_t slot = (uint32_t)postings[i];
		uint32_t moved = input->stretches[slot / EP_STRETCH_SLOTS];
		if (moved != GONE)
			postings[kept++] = postings[i] - slot + moved + slot % EP_STRETCH_SLOTS;
	}
	return kept;
}

/* Makes room for extra more postings beside count. */
static enum ep_status
make_room(struct merge *merge, size_t count, size_t extra, struct ep_error *err)
{
	if (count + extra <= merge->capacity)
		return EP_OK;
	size_t wanted = (count + extra) * 2;
	uint64_t *postings = realloc(merge->postings, wanted * sizeof *postings);
	if (postings)
		merge->postings = postings;
	uint64_t *scratch = realloc(merge->scratch, wanted * sizeof *scratch);
	if (scratch)
		merge->scratch = scratch;
	if (!postings || !scratch)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for merging the index");
	merge->capacity = wanted;
	return EP_OK;
}

/* Adds the postings of an input whose keys are below end. */
static enum ep_status
gather(size_t *count, struct merge *merge, struct input *input, uint32_t end, struct ep_error *err)
{
	size_t more;
	do {
		EP_TRY(make_room(merge, *count, READ_POSTINGS, err));
		uint64_t *postings = merge->postings + *count;
		EP_TRY(ep_shard_next(postings, &more, READ_POSTINGS, &input->walk, input->shard,
		                     end, err));
		*count += move_postings(postings, more, input);
	} while (more);
	return EP_OK;
}

static void
trim(const struct merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		ep_shard_trim(merge->inputs[i].shard);
}

/* Merges range after range of keys: of each the postings of all inputs, whose tracks come in order,
 * so that sorting by key leaves the slots in order. */
static enum ep_status
merge_ranges(uint64_t *posting_count, struct merge *merge, struct ep_shard_writer *writer,
             const atomic_bool *stop, struct ep_error *err)
{
	uint32_t range = (uint32_t)1 << ep_shard_bucket_bits(merge->posting_count, RANGE_POSTINGS);
	size_t untrimmed = 0;
	for (uint32_t end = range; end <= EP_KEY_END; end += range) {
		size_t count = 0;
		uint64_t kept;
		for (size_t i = 0; i < merge->count; i++)
			EP_TRY(gather(&count, merge, &merge->inputs[i], end, err));
		ep_sort64(merge->postings, merge->scratch, count, 32);
		EP_TRY(ep_shard_add(&kept, writer, merge->postings, count, err));
		*posting_count += kept;
		untrimmed += count;
		if (untrimmed >= TRIM_POSTINGS) {
			trim(merge);
			untrimmed = 0;
		}
		if (stop && atomic_load(stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
	}
	return EP_OK;
}

static enum ep_status
run(struct ep_merged *merged, struct merge *merge, int fd, const char *name,
    const atomic_bool *stop, struct ep_error *err)
{
	EP_OWNED(ep_shard_writer_free)
	struct ep_shard_writer *writer = NULL;
	uint64_t posting_count = 0;
	if (merge->track_count) {
		EP_TRY(ep_shard_writer_open(&writer, fd, name, merge->positions, merge->starts,
		                            merge->track_count, merge->posting_count, err));
		EP_TRY(merge_ranges(&posting_count, merge, writer, stop, err));
		EP_TRY(ep_shard_finish(writer, err));
	}
	*merged = (struct ep_merged){ merge->track_count, posting_count, merge->slot_count };
	return EP_OK;
}

enum ep_status
ep_shards_merge(struct ep_merged *merged, int fd, const char *name, const struct ep_shard *shards,
                size_t count, struct ep_log *log, const struct ep_log_read *read,
                const atomic_bool *stop, struct ep_error *err)
{
	struct merge merge = { .log = log };
	enum ep_status status = begin(&merge, shards, count, read, err);
	if (status == EP_OK)
		status = run(merged, &merge, fd, name, stop, err);
	merge_done(&merge);
	return status;
}
