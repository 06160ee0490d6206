#include "index/merge.h"

#include "index/postings.h"

#include <stdlib.h>
#include <string.h>

/* Memory of the inputs' maps is given back after so many postings. */
#define TRIM_POSTINGS ((size_t)1 << 23)

/* A track that is gone. */
#define GONE UINT32_MAX

struct input {
	const struct ep_shard *shard;
	struct ep_shard_walk walk;
	bool ended;
	uint32_t code; /* of the next list */
	struct ep_shard_list list;
	uint32_t *starts; /* new first slot of each of its tracks, or GONE */
};

struct merge {
	struct input *inputs;
	size_t count;
	uint64_t *positions;
	uint32_t *starts;
	size_t track_count;
	uint32_t slot_count;
	uint64_t posting_count; /* at most */
	uint32_t *slots; /* of one list: those read, and those kept in their place */
	size_t slot_capacity;
};

static void
merge_done(struct merge *merge)
{
	for (size_t i = 0; merge->inputs && i < merge->count; i++)
		free(merge->inputs[i].starts);
	free(merge->inputs);
	free(merge->positions);
	free(merge->starts);
	free(merge->slots);
}

/* ---- tracks ---- */

/* Gives the tracks of one shard that are still there their new slots. */
static enum ep_status
place_tracks(struct merge *merge, struct input *input, const struct ep_log_read *read,
             struct ep_error *err)
{
	const struct ep_shard *shard = input->shard;
	input->starts = malloc((shard->track_count + 1) * sizeof *input->starts);
	if (!input->starts)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for merging the index");
	for (size_t i = 0; i < shard->track_count; i++) {
		struct ep_entry entry;
		uint64_t position = ep_shard_position(shard, i);
		enum ep_status status = ep_log_entry_at(&entry, read, position, err);
		bool copy = false;
		input->starts[i] = GONE;
		if (status == EP_OK)
			status = ep_log_is_copy(&copy, read, &entry, err);
		if (status == EP_NOT_FOUND || copy)
			continue;
		if (status != EP_OK)
			return status;
		input->starts[i] = merge->slot_count;
		merge->positions[merge->track_count] = position;
		merge->starts[merge->track_count++] = merge->slot_count;
		merge->slot_count += ep_shard_start(shard, i + 1) - ep_shard_start(shard, i);
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
		ep_shard_trim(&shards[i]); /* checked, and read again later */
		merge->inputs[i].shard = &shards[i];
		EP_TRY(place_tracks(merge, &merge->inputs[i], read, err));
	}
	return EP_OK;
}

/* ---- lists ---- */

static enum ep_status
advance(struct input *input, struct ep_error *err)
{
	enum ep_status status =
		ep_shard_next(&input->code, &input->list, &input->walk, input->shard, err);
	input->ended = status == EP_NOT_FOUND;
	return input->ended ? EP_OK : status;
}

/* The track of slot, looked for from the track number i on, in doubling steps. */
static size_t
find_track(const struct ep_shard *shard, size_t i, uint32_t slot)
{
	size_t step = 1;
	size_t low = i;
	while (low + step < shard->track_count && ep_shard_start(shard, low + step) <= slot) {
		low += step;
		step *= 2;
	}
	for (; step; step /= 2) {
		if (low + step < shard->track_count && ep_shard_start(shard, low + step) <= slot)
			low += step;
	}
	return low;
}

/* Whether slots are as they were written; those of a list that somebody made need not be. */
static bool
slots_ascend(const uint32_t *slots, size_t count, const struct ep_shard *shard)
{
	for (size_t i = 1; i < count; i++) {
		if (slots[i - 1] >= slots[i])
			return false;
	}
	return slots[count - 1] < shard->slot_count;
}

/* Moves slots[0..count) of an input to where their tracks now are; returns how many are left. */
static size_t
move_slots(uint32_t *slots, size_t count, const struct input *input)
{
	const struct ep_shard *shard = input->shard;
	size_t kept = 0;
	size_t track = 0;
	for (size_t i = 0; i < count; i++) {
		track = find_track(shard, track, slots[i]);
		if (input->starts[track] != GONE)
			slots[kept++] =
				slots[i] - ep_shard_start(shard, track) + input->starts[track];
	}
	return kept;
}

static enum ep_status
add_list(size_t *count, struct merge *merge, struct input *input, struct ep_error *err)
{
	size_t wanted = *count + input->list.count;
	if (wanted > merge->slot_capacity) {
		uint32_t *slots = realloc(merge->slots, wanted * 2 * sizeof *slots);
		if (!slots)
			return ep_fail(err, EP_NO_MEMORY, "out of memory for merging the index");
		merge->slots = slots;
		merge->slot_capacity = wanted * 2;
	}
	uint32_t *slots = merge->slots + *count;
	ep_postings_decode(slots, input->list.bytes, input->list.count, input->shard->slot_count);
	if (!slots_ascend(slots, input->list.count, input->shard))
		return ep_fail(err, EP_CORRUPT, "the postings of code %u are damaged", input->code);
	*count += move_slots(slots, input->list.count, input);
	return advance(input, err);
}

static void
trim(const struct merge *merge)
{
	for (size_t i = 0; i < merge->count; i++)
		ep_shard_trim(merge->inputs[i].shard);
}

/* The lowest code that any input has next; false at the end. */
static bool
lowest_code(uint32_t *code, const struct merge *merge)
{
	bool any = false;
	for (size_t i = 0; i < merge->count; i++) {
		const struct input *input = &merge->inputs[i];
		if (!input->ended && (!any || input->code < *code)) {
			*code = input->code;
			any = true;
		}
	}
	return any;
}

static enum ep_status
merge_lists(uint64_t *posting_count, struct merge *merge, struct ep_shard_writer *writer,
            const atomic_bool *stop, struct ep_error *err)
{
	uint32_t code = 0;
	for (size_t i = 0; i < merge->count; i++)
		EP_TRY(advance(&merge->inputs[i], err));
	size_t untrimmed = 0;
	while (lowest_code(&code, merge)) {
		size_t count = 0;
		for (size_t i = 0; i < merge->count; i++) {
			if (!merge->inputs[i].ended && merge->inputs[i].code == code)
				EP_TRY(add_list(&count, merge, &merge->inputs[i], err));
		}
		EP_TRY(ep_shard_add(writer, code, merge->slots, (uint32_t)count, err));
		*posting_count += count;
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
		EP_TRY(merge_lists(&posting_count, merge, writer, stop, err));
		EP_TRY(ep_shard_finish(writer, err));
	}
	*merged = (struct ep_merged){ merge->track_count, posting_count, merge->slot_count };
	return EP_OK;
}

enum ep_status
ep_shards_merge(struct ep_merged *merged, int fd, const char *name, const struct ep_shard *shards,
                size_t count, const struct ep_log_read *read, const atomic_bool *stop,
                struct ep_error *err)
{
	struct merge merge = { 0 };
	enum ep_status status = begin(&merge, shards, count, read, err);
	if (status == EP_OK)
		status = run(merged, &merge, fd, name, stop, err);
	merge_done(&merge);
	return status;
}
