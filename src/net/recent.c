#include "net/recent.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The bytes, as docs/formats/recent.md has them. */
#define HEAD "echoprint recent 2\n" /* then zeros */
#define HEAD_SIZE 32
#define SLOT_LAGS 132
#define SLOT_SIZE (SLOT_LAGS + EP_RECENT_LAGS_SIZE + 4)
#define SLOT_SUM (SLOT_SIZE - 4)

static const struct ring {
	const char *name;
	int64_t step; /* seconds of a slot */
	size_t count;
	size_t first; /* slots before it */
} rings[EP_RECENT_COUNT] = {
	[EP_RECENT_HOUR] = { "hour", 60, 60, 0 },
	[EP_RECENT_DAY] = { "day", 600, 144, 60 },
	[EP_RECENT_MONTH] = { "month", 7200, 360, 204 },
};
#define SLOTS 564

/* After more seconds than this between two countings, the machine slept, or its clock was set. */
#define GAP_MAX 300

struct slot {
	int64_t start; /* seconds since 1970; 0: empty */
	uint64_t seconds; /* that were counted */
	struct ep_recent_counts counts;
	struct ep_recent_lags lags;
};

struct ep_recent {
	int fd;
	int64_t counted; /* until when */
	struct ep_recent_counts last;
	struct slot slots[SLOTS];
};

/* ---- bytes ---- */

static const size_t plain_count = 7; /* numbers before the queries, in their order */

static void
numbers_of(uint64_t *numbers[], struct ep_recent_counts *counts)
{
	uint64_t *all[] = { &counts->position,    &counts->tracks,  &counts->documents,
		            &counts->requests,    &counts->refused, &counts->failed,
		            &counts->microseconds };
	memcpy(numbers, all, sizeof all);
}

static void
write_slot(struct ep_recent *recent, size_t index)
{
	uint8_t bytes[SLOT_SIZE] = { 0 };
	uint64_t *numbers[7];
	struct slot *slot = &recent->slots[index];
	numbers_of(numbers, &slot->counts);
	ep_store64(bytes, (uint64_t)slot->start);
	ep_store64(bytes + 8, slot->seconds);
	for (size_t i = 0; i < plain_count; i++)
		ep_store64(bytes + 16 + 8 * i, *numbers[i]);
	for (size_t i = 0; i < EP_RECENT_STEPS; i++) {
		uint64_t queries = slot->counts.queries[i];
		ep_store32(bytes + 72 + 4 * i,
		           queries < UINT32_MAX ? (uint32_t)queries : UINT32_MAX);
	}
	ep_recent_lags_store(bytes + SLOT_LAGS, &slot->lags);
	ep_store32(bytes + SLOT_SUM, ep_crc32(bytes, SLOT_SUM));
	(void)!pwrite(recent->fd, bytes, sizeof bytes, (off_t)(HEAD_SIZE + index * SLOT_SIZE));
}

static void
read_slot(struct slot *slot, const uint8_t *bytes)
{
	uint64_t *numbers[7];
	if (ep_load32(bytes + SLOT_SUM) != ep_crc32(bytes, SLOT_SUM))
		return;
	int64_t start = (int64_t)ep_load64(bytes);
	if (start <= 0 || start > EP_TIME_LAST)
		return;
	slot->start = start;
	slot->seconds = ep_load64(bytes + 8);
	numbers_of(numbers, &slot->counts);
	for (size_t i = 0; i < plain_count; i++)
		*numbers[i] = ep_load64(bytes + 16 + 8 * i);
	for (size_t i = 0; i < EP_RECENT_STEPS; i++)
		slot->counts.queries[i] = ep_load32(bytes + 72 + 4 * i);
	ep_recent_lags_load(&slot->lags, bytes + SLOT_LAGS);
}

/* Takes what is in the file; a file that is none of ours becomes an empty one. */
static enum ep_status
read_slots(struct ep_recent *recent, struct ep_error *err)
{
	static const uint8_t head[HEAD_SIZE] = HEAD;
	enum { SIZE = HEAD_SIZE + SLOTS * SLOT_SIZE };
	EP_FREE uint8_t *bytes = calloc(1, SIZE);
	if (!bytes)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	ssize_t size = pread(recent->fd, bytes, SIZE, 0);
	if (size < 0)
		return ep_fail(err, EP_IO, "cannot read %s: %s", EP_RECENT_FILE, strerror(errno));
	if (memcmp(bytes, head, HEAD_SIZE) == 0) {
		for (size_t i = 0; i < SLOTS; i++)
			read_slot(&recent->slots[i], bytes + HEAD_SIZE + i * SLOT_SIZE);
		return EP_OK;
	}
	memset(bytes, 0, SIZE);
	memcpy(bytes, head, HEAD_SIZE);
	if (ftruncate(recent->fd, 0) != 0 || pwrite(recent->fd, bytes, SIZE, 0) != SIZE)
		return ep_fail(err, EP_IO, "cannot write %s: %s", EP_RECENT_FILE, strerror(errno));
	return EP_OK;
}

/* ---- counting ---- */

enum ep_status
ep_recent_open(struct ep_recent **out, const char *folder, const struct ep_recent_counts *counts,
               int64_t now, struct ep_error *err)
{
	EP_FREE char *path = ep_path_join(folder, EP_RECENT_FILE);
	EP_OWNED(ep_recent_close)
	struct ep_recent *recent = calloc(1, sizeof *recent);
	if (!path || !recent)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	recent->last = *counts;
	recent->counted = now;
	recent->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (recent->fd < 0)
		return ep_fail(err, EP_IO, "cannot open %s: %s", path, strerror(errno));
	EP_TRY(read_slots(recent, err));
	*out = EP_TAKE(recent);
	return EP_OK;
}

void
ep_recent_close(struct ep_recent *recent)
{
	if (!recent)
		return;
	ep_fd_close(&recent->fd);
	free(recent);
}

/* What came since; what went back, such as the log's position after a restore, counts as none. */
static uint64_t
growth(uint64_t now, uint64_t last)
{
	return now > last ? now - last : 0;
}

static void
add_to(struct slot *slot, const struct ep_recent_counts *now, const struct ep_recent_counts *last)
{
	struct ep_recent_counts *counts = &slot->counts;
	counts->tracks = now->tracks;
	counts->documents = now->documents;
	counts->position += growth(now->position, last->position);
	counts->requests += growth(now->requests, last->requests);
	counts->refused += growth(now->refused, last->refused);
	counts->failed += growth(now->failed, last->failed);
	counts->microseconds += growth(now->microseconds, last->microseconds);
	for (size_t i = 0; i < EP_RECENT_STEPS; i++)
		counts->queries[i] += growth(now->queries[i], last->queries[i]);
}

void
ep_recent_add(struct ep_recent *recent, const struct ep_recent_counts *counts,
              const struct ep_recent_slaves *slaves, int64_t now)
{
	now = now < 0 ? 0 : now > EP_TIME_LAST ? EP_TIME_LAST : now;
	int64_t seconds = now > recent->counted ? now - recent->counted : 0;
	if (seconds > GAP_MAX)
		seconds = 0;
	int64_t at = now - seconds / 2;
	for (size_t i = 0; i < EP_RECENT_COUNT && at > 0; i++) {
		const struct ring *ring = &rings[i];
		size_t index = ring->first + (size_t)(at / ring->step) % ring->count;
		struct slot *slot = &recent->slots[index];
		if (slot->start != at / ring->step * ring->step)
			*slot = (struct slot){ .start = at / ring->step * ring->step };
		slot->seconds += (uint64_t)seconds;
		add_to(slot, counts, &recent->last);
		ep_recent_lags_add(&slot->lags, slaves);
		write_slot(recent, index);
	}
	recent->last = *counts;
	recent->counted = now;
}

/* ---- telling ---- */

bool
ep_recent_span_of(enum ep_recent_span *span, const char *name)
{
	for (int i = 0; i < EP_RECENT_COUNT; i++) {
		if (strcmp(rings[i].name, name) == 0) {
			*span = (enum ep_recent_span)i;
			return true;
		}
	}
	return false;
}

static json_t *
slot_json(const struct slot *slot)
{
	const struct ep_recent_counts *counts = &slot->counts;
	char at[EP_TIME_TEXT];
	uint64_t queries = 0;
	for (size_t i = 0; i < EP_RECENT_STEPS; i++)
		queries += counts->queries[i];
	ep_time_print(at, slot->start);
	json_t *median = json_null();
	json_t *slow = json_null();
	if (queries) {
		median = json_real(ep_histogram_quantile(counts->queries, 0.5) * 1000);
		slow = json_real(ep_histogram_quantile(counts->queries, 0.99) * 1000);
	}
	return json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:I, s:I, s:o}", "at", at,
		"seconds", (json_int_t)slot->seconds, "changes", (json_int_t)counts->position,
		"tracks", (json_int_t)counts->tracks, "documents", (json_int_t)counts->documents,
		"requests", (json_int_t)counts->requests, "refused", (json_int_t)counts->refused,
		"failed", (json_int_t)counts->failed, "queries", (json_int_t)queries, "median_ms",
		median, "slow_ms", slow, "slaves", (json_int_t)slot->lags.known, "behind",
		(json_int_t)slot->lags.behind, "lag", ep_recent_lags_most(&slot->lags));
}

/* The slots of a span that are not empty, the oldest first; gives how many. */
static size_t
find_slots(const struct slot *found[SLOTS], const struct ep_recent *recent, const struct ring *ring,
           int64_t now)
{
	size_t count = 0;
	int64_t last = now / ring->step * ring->step;
	for (size_t i = ring->count; i-- > 0;) {
		int64_t start = last - (int64_t)i * ring->step;
		size_t index = start > 0 ? (size_t)(start / ring->step) % ring->count : 0;
		const struct slot *slot = &recent->slots[ring->first + index];
		if (start > 0 && slot->start == start)
			found[count++] = slot;
	}
	return count;
}

json_t *
ep_recent_json(const struct ep_recent *recent, enum ep_recent_span span,
               const struct ep_recent_slaves *slaves, int64_t now)
{
	const struct ring *ring = &rings[span];
	const struct slot *found[SLOTS];
	const struct ep_recent_lags *lags[SLOTS];
	char text[EP_TIME_TEXT];
	json_t *slots = json_array();
	size_t count = find_slots(found, recent, ring, now);
	for (size_t i = 0; i < count; i++) {
		json_array_append_new(slots, slot_json(found[i]));
		lags[i] = &found[i]->lags;
	}
	ep_time_print(text, now);
	json_t *json =
		json_pack("{s:s, s:s, s:I, s:I, s:o}", "span", ring->name, "now", text, "step_s",
	                  (json_int_t)ring->step, "steps", (json_int_t)ring->count, "slots", slots);
	if (json && slaves)
		json_object_set_new(json, "slaves", ep_recent_lags_json(lags, count, slaves));
	return json;
}
