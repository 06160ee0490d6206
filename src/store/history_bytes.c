/* A history as bytes, as an entry has it (docs/formats/log.md). */
#include "store/history.h"

#include <string.h>

enum { CUT = 1, SEALED = 2, ALSO = 4, STARTS = 8, FLOOR = 16, FLAGS = 31 };

/* ---- writing ---- */

static uint32_t
mapped(const uint32_t *map, uint32_t number)
{
	return map && number ? map[number - 1] : number;
}

static enum ep_status
put_list(struct ep_buffer *out, const struct ep_revision *list, size_t count, struct ep_error *err)
{
	if (count == 0)
		return EP_OK;
	EP_TRY(ep_buffer_varint(out, count, err));
	return ep_buffer_append(out, list, count * sizeof *list, err);
}

static enum ep_status
put_seal(struct ep_buffer *out, const struct ep_history *history, const uint32_t *map,
         struct ep_error *err)
{
	if (!history->sealed)
		return EP_OK;
	size_t behind = history->count - history->sealed;
	EP_TRY(ep_buffer_append(out, history->seal.bytes, EP_SEAL_SIZE, err));
	EP_TRY(ep_buffer_varint(out, mapped(map, history->owner), err));
	EP_TRY(ep_buffer_varint(out, history->born, err));
	return ep_buffer_varint(out, behind, err);
}

enum ep_status
ep_history_write(struct ep_buffer *out, const struct ep_history *history, const uint32_t *map,
                 struct ep_error *err)
{
	bool cut = history->generation > 1;
	uint8_t flags =
		(uint8_t)((cut ? CUT : 0) | (history->sealed ? SEALED : 0) |
	                  (history->also_count ? ALSO : 0) | (history->start_count ? STARTS : 0) |
	                  (history->floor ? FLOOR : 0));
	EP_TRY(ep_buffer_append(out, &flags, 1, err));
	EP_TRY(ep_buffer_varint(out, history->count, err));
	if (cut) {
		EP_TRY(ep_buffer_varint(out, history->generation, err));
		EP_TRY(ep_buffer_append(out, history->before.bytes, EP_REVISION_SIZE, err));
	}
	for (size_t i = 0; i < history->count; i++) {
		const struct ep_step *step = &history->steps[i];
		uint64_t author = (uint64_t)mapped(map, step->party) << 1 | step->csv;
		EP_TRY(ep_buffer_varint(out, author, err));
	}
	for (size_t i = 0; i + 1 < history->count; i++)
		EP_TRY(ep_buffer_append(out, history->steps[i].contents.bytes, EP_REVISION_SIZE,
		                        err));
	EP_TRY(put_seal(out, history, map, err));
	EP_TRY(put_list(out, history->also, history->also_count, err));
	EP_TRY(put_list(out, history->starts, history->start_count, err));
	return history->floor ? ep_buffer_varint(out, history->floor, err) : EP_OK;
}

/* ---- reading ---- */

/* Reads the number of a party. */
static uint32_t
read_party(struct ep_reader *reader, uint64_t number, uint32_t parties, const uint32_t *map)
{
	if (number == 0 || number > parties) {
		reader->ok = false;
		return EP_PARTY_NONE;
	}
	return mapped(map, (uint32_t)number);
}

static bool
read_list(struct ep_revision **list, size_t *count, struct ep_reader *reader,
          struct ep_arena *arena)
{
	uint64_t n = ep_read_varint(reader);
	if (n == 0 || n > EP_HISTORY_LIST_MAX)
		reader->ok = false;
	const uint8_t *bytes = reader->ok ? ep_read_bytes(reader, n * EP_REVISION_SIZE) : NULL;
	if (!bytes)
		return true; /* the reader says that it is damaged */
	*list = ep_arena_alloc(arena, (size_t)n * sizeof **list);
	if (!*list)
		return false;
	memcpy(*list, bytes, (size_t)n * EP_REVISION_SIZE);
	*count = (size_t)n;
	return true;
}

static void
read_seal(struct ep_history *history, struct ep_reader *reader, uint32_t parties,
          const uint32_t *map)
{
	const uint8_t *bytes = ep_read_bytes(reader, EP_SEAL_SIZE);
	history->owner = read_party(reader, ep_read_varint(reader), parties, map);
	history->born = ep_read_varint(reader);
	uint64_t behind = ep_read_varint(reader);
	if (!bytes || behind >= history->count) {
		reader->ok = false;
		return;
	}
	memcpy(history->seal.bytes, bytes, EP_SEAL_SIZE);
	history->sealed = history->count - (size_t)behind;
}

static void
read_steps(struct ep_history *history, struct ep_reader *reader, const struct ep_revision *head,
           uint32_t parties, const uint32_t *map)
{
	for (size_t i = 0; i < history->count && reader->ok; i++) {
		uint64_t author = ep_read_varint(reader);
		history->steps[i] = (struct ep_step){ .csv = author & 1 };
		history->steps[i].party = read_party(reader, author >> 1, parties, map);
	}
	for (size_t i = 0; i + 1 < history->count; i++) {
		const uint8_t *bytes = ep_read_bytes(reader, EP_REVISION_SIZE);
		if (bytes)
			memcpy(history->steps[i].contents.bytes, bytes, EP_REVISION_SIZE);
	}
	history->steps[history->count - 1].contents = *head;
}

enum ep_status
ep_history_read(struct ep_history *history, struct ep_reader *reader,
                const struct ep_revision *head, uint32_t parties, const uint32_t *map,
                struct ep_arena *arena, struct ep_error *err)
{
	struct ep_history read = { .generation = 1 };
	uint8_t flags = ep_read8(reader);
	uint64_t count = ep_read_varint(reader);
	if (!reader->ok || flags & ~FLAGS || count == 0 || count > EP_HISTORY_STEPS_MAX)
		return ep_fail(err, EP_CORRUPT, "a history is damaged");
	if (flags & CUT) {
		read.generation = ep_read_varint(reader);
		const uint8_t *before = ep_read_bytes(reader, EP_REVISION_SIZE);
		if (!before || read.generation < 2 || read.generation > UINT64_MAX / 2)
			return ep_fail(
				err, EP_CORRUPT,
				"a history is damaged: the place where it was cut is invalid");
		memcpy(read.before.bytes, before, EP_REVISION_SIZE);
	}
	read.count = (size_t)count;
	read.steps = ep_arena_alloc(arena, read.count * sizeof *read.steps);
	if (!read.steps)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a history");
	read_steps(&read, reader, head, parties, map);
	if (flags & SEALED)
		read_seal(&read, reader, parties, map);
	bool room = !(flags & ALSO) || read_list(&read.also, &read.also_count, reader, arena);
	if (room && flags & STARTS)
		room = read_list(&read.starts, &read.start_count, reader, arena);
	if (!room)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a history");
	if (flags & FLOOR)
		read.floor = ep_read_varint(reader);
	if (!reader->ok)
		return ep_fail(err, EP_CORRUPT, "a history is damaged");
	*history = read;
	return EP_OK;
}
