#include "store/history.h"

#include <string.h>

/* ---- comparing ---- */

bool
ep_revision_equal(const struct ep_revision *one, const struct ep_revision *other)
{
	return memcmp(one->bytes, other->bytes, EP_REVISION_SIZE) == 0;
}

bool
ep_revision_is_zero(const struct ep_revision *revision)
{
	static const struct ep_revision zero = { 0 };
	return ep_revision_equal(revision, &zero);
}

const struct ep_step *
ep_history_head(const struct ep_history *history)
{
	return &history->steps[history->count - 1];
}

uint64_t
ep_history_generation(const struct ep_history *history)
{
	return history->generation + history->count - 1;
}

bool
ep_history_is_sealed(const struct ep_history *history)
{
	return history->sealed == history->count;
}

bool
ep_history_is_deleted(const struct ep_history *history)
{
	return ep_revision_is_zero(&ep_history_head(history)->contents);
}

long
ep_history_find(const struct ep_history *history, const struct ep_revision *id)
{
	for (size_t i = history->count; i > 0; i--) {
		if (ep_revision_equal(&history->steps[i - 1].id, id))
			return (long)(i - 1);
	}
	return -1;
}

static bool
is_among(const struct ep_revision *list, size_t count, const struct ep_revision *id)
{
	for (size_t i = 0; i < count; i++) {
		if (ep_revision_equal(&list[i], id))
			return true;
	}
	return false;
}

bool
ep_history_has_also(const struct ep_history *history, const struct ep_revision *id)
{
	return is_among(history->also, history->also_count, id);
}

uint32_t
ep_history_owner(const struct ep_history *history)
{
	return ep_history_is_sealed(history) ? history->owner : ep_history_head(history)->party;
}

/* ---- making ---- */

enum ep_status
ep_history_root(struct ep_history *history, struct ep_arena *arena, const struct ep_step *step,
                struct ep_error *err)
{
	struct ep_step *steps = ep_arena_alloc(arena, sizeof *steps);
	if (!steps)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a history");
	*steps = *step;
	*history = (struct ep_history){ .generation = 1, .steps = steps, .count = 1 };
	return EP_OK;
}

enum ep_status
ep_history_extend(struct ep_history *history, struct ep_arena *arena, const struct ep_history *from,
                  const struct ep_step *steps, size_t count, struct ep_error *err)
{
	struct ep_step *all = ep_arena_alloc(arena, (from->count + count) * sizeof *all);
	if (!all)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a history");
	memcpy(all, from->steps, from->count * sizeof *all);
	if (count)
		memcpy(all + from->count, steps, count * sizeof *all);
	*history = *from;
	history->steps = all;
	history->count = from->count + count;
	history->rows = (struct ep_revision){ 0 };
	return EP_OK;
}

enum ep_status
ep_history_add_also(struct ep_history *history, struct ep_arena *arena,
                    const struct ep_revision *revisions, size_t count, struct ep_error *err)
{
	size_t most = history->also_count + count;
	struct ep_revision *also = ep_arena_alloc(arena, most * sizeof *also);
	if (!also)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a history");
	if (history->also_count)
		memcpy(also, history->also, history->also_count * sizeof *also);
	size_t made = history->also_count;
	for (size_t i = 0; i < count; i++) {
		if (!is_among(also, made, &revisions[i]))
			also[made++] = revisions[i];
	}
	size_t gone = made > EP_HISTORY_ALSO ? made - EP_HISTORY_ALSO : 0;
	history->also = also + gone;
	history->also_count = made - gone;
	return EP_OK;
}

/* ---- hashing ---- */

static void
hash_step(struct ep_step *step, const struct ep_revision *before, const struct ep_subject *subject,
          const struct ep_parties *parties)
{
	static const char domain[] = "echoprint revision 1";
	static const struct ep_key nobody = { 0 };
	crypto_generichash_state state;
	const struct ep_key *key = step->party >= 1 && step->party <= parties->count
	                                   ? &parties->list[step->party - 1].key
	                                   : &nobody;
	uint8_t kind[2] = { subject->link, step->csv };
	uint8_t size[2];
	ep_store16(size, (uint16_t)subject->id.size);
	crypto_generichash_init(&state, NULL, 0, EP_REVISION_SIZE);
	crypto_generichash_update(&state, (const uint8_t *)domain, sizeof domain - 1);
	crypto_generichash_update(&state, kind, sizeof kind);
	crypto_generichash_update(&state, size, sizeof size);
	crypto_generichash_update(&state, (const uint8_t *)subject->id.at, subject->id.size);
	crypto_generichash_update(&state, before->bytes, EP_REVISION_SIZE);
	crypto_generichash_update(&state, key->bytes, EP_KEY_SIZE);
	crypto_generichash_update(&state, step->contents.bytes, EP_REVISION_SIZE);
	crypto_generichash_final(&state, step->id.bytes, EP_REVISION_SIZE);
}

void
ep_history_hash(struct ep_history *history, const struct ep_subject *subject,
                const struct ep_parties *parties)
{
	const struct ep_revision *before = &history->before;
	for (size_t i = 0; i < history->count; i++) {
		hash_step(&history->steps[i], before, subject, parties);
		before = &history->steps[i].id;
	}
}

/* Whether a tenure begins with a step, as far as the steps that are kept tell. */
static bool
is_start(const struct ep_history *history, size_t at)
{
	return at == 0 ? history->generation == 1
	               : ep_revision_is_zero(&history->steps[at - 1].contents);
}

enum ep_status
ep_history_starts(struct ep_revision **starts, size_t *count, const struct ep_history *history,
                  size_t last, struct ep_arena *arena, struct ep_error *err)
{
	struct ep_revision *list =
		ep_arena_alloc(arena, (history->start_count + last + 1) * sizeof *list);
	if (!list)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a history");
	if (history->start_count)
		memcpy(list, history->starts, history->start_count * sizeof *list);
	size_t made = history->start_count;
	for (size_t i = 0; i <= last; i++) {
		if (is_start(history, i))
			list[made++] = history->steps[i].id;
	}
	*starts = list;
	*count = made;
	return EP_OK;
}

enum ep_status
ep_history_cut(struct ep_history *history, struct ep_arena *arena, size_t kept, bool follows,
               struct ep_error *err)
{
	size_t last = follows ? history->sealed : history->count;
	size_t most = last ? last - 1 : 0;
	size_t drop = history->count > kept + 1 ? history->count - 1 - kept : 0;
	drop = drop < most ? drop : most;
	if (drop == 0)
		return EP_OK;
	/* The first step that stays may begin a tenure, which it would no longer tell. */
	EP_TRY(ep_history_starts(&history->starts, &history->start_count, history,
	                         is_start(history, drop) ? drop : drop - 1, arena, err));
	history->before = history->steps[drop - 1].id;
	history->generation += drop;
	history->steps += drop;
	history->count -= drop;
	history->sealed -= history->sealed > drop ? drop : history->sealed;
	return EP_OK;
}

enum ep_status
ep_history_bound(struct ep_history *history, struct ep_arena *arena, struct ep_error *err)
{
	struct ep_revision *starts;
	size_t count;
	EP_TRY(ep_history_starts(&starts, &count, history, history->count - 1, arena, err));
	if (count <= EP_HISTORY_STARTS)
		return EP_OK;
	size_t gone = count - EP_HISTORY_STARTS;
	gone = gone < history->start_count ? gone : history->start_count;
	history->starts += gone;
	history->start_count -= gone;
	history->floor = ep_history_generation(history);
	return EP_OK;
}

void
ep_seal_key(struct ep_seal_key *key, const struct ep_keys *keys)
{
	static const char domain[] = "echoprint seal key 1";
	crypto_generichash(key->bytes, sizeof key->bytes, (const uint8_t *)domain,
	                   sizeof domain - 1, keys->secret, EP_KEY_SIZE);
}

static void
add_list(crypto_generichash_state *state, const struct ep_revision *list, size_t count)
{
	uint8_t size[4];
	ep_store32(size, (uint32_t)count);
	crypto_generichash_update(state, size, sizeof size);
	for (size_t i = 0; i < count; i++)
		crypto_generichash_update(state, list[i].bytes, EP_REVISION_SIZE);
}

enum ep_status
ep_history_seal(struct ep_seal *seal, const struct ep_history *history,
                const struct ep_subject *subject, const struct ep_parties *parties,
                const struct ep_seal_key *key, struct ep_arena *arena, struct ep_error *err)
{
	static const struct ep_key nobody = { 0 };
	crypto_generichash_state state;
	struct ep_revision *starts;
	size_t start_count;
	size_t at = history->sealed - 1;
	uint8_t numbers[25];
	uint8_t out[crypto_generichash_BYTES_MIN];
	const struct ep_key *owner = history->owner >= 1 && history->owner <= parties->count
	                                     ? &parties->list[history->owner - 1].key
	                                     : &nobody;
	EP_TRY(ep_history_starts(&starts, &start_count, history, at, arena, err));
	numbers[0] = subject->link;
	ep_store64(numbers + 1, history->born);
	ep_store64(numbers + 9, history->generation + at);
	ep_store64(numbers + 17, history->floor);
	/* The id of the revision is a hash over the subject's. */
	crypto_generichash_init(&state, key->bytes, sizeof key->bytes, sizeof out);
	crypto_generichash_update(&state, history->steps[at].id.bytes, EP_REVISION_SIZE);
	crypto_generichash_update(&state, owner->bytes, EP_KEY_SIZE);
	crypto_generichash_update(&state, numbers, sizeof numbers);
	add_list(&state, history->also, history->also_count);
	add_list(&state, starts, start_count);
	crypto_generichash_final(&state, out, sizeof out);
	memcpy(seal->bytes, out, EP_SEAL_SIZE);
	return EP_OK;
}

enum ep_status
ep_history_unseal(struct ep_history *history, struct ep_arena *arena, struct ep_error *err)
{
	history->sealed = 0;
	history->also_count = 0;
	history->start_count = 0;
	history->floor = 0;
	if (history->generation == 1)
		return EP_OK;
	history->starts = ep_arena_alloc(arena, sizeof *history->starts);
	if (!history->starts)
		return ep_fail(err, EP_NO_MEMORY, "out of memory for a history");
	history->starts[0] = history->steps[0].id;
	history->start_count = 1;
	return EP_OK;
}
