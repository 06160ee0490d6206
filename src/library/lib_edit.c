#include "library/library_internal.h"

#include "node/by_hand.h"
#include "node/edit.h"

/* ---- fields ---- */

enum ep_status
ep_keep_fields(const struct echoprint_field **kept, size_t *count, struct ep_arena *arena,
               const struct ep_fields *fields, struct ep_error *err)
{
	struct echoprint_field *items = ep_arena_alloc(arena, fields->count * sizeof *items);
	if (!items)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < fields->count; i++) {
		EP_TRY(ep_keep_text(&items[i].key, arena, fields->items[i].key, err));
		EP_TRY(ep_keep_text(&items[i].value, arena, fields->items[i].value, err));
	}
	*kept = items;
	*count = fields->count;
	return EP_OK;
}

enum ep_status
ep_take_fields(struct ep_field *items, const struct echoprint_field *given, size_t count,
               struct ep_error *err)
{
	if (count && !given)
		return ep_fail(err, EP_USAGE, "fields is NULL, but field_count is %zu", count);
	if (count > EP_FIELDS_MAX)
		return ep_fail(err, EP_BAD_INPUT, "there are %zu fields, but at most %zu may be",
		               count, EP_FIELDS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!given[i].key || !given[i].value)
			return ep_fail(err, EP_USAGE, "field %zu has NULL", i + 1);
		items[i] =
			(struct ep_field){ ep_text_of(given[i].key), ep_text_of(given[i].value) };
		if (items[i].value.size)
			EP_TRY(ep_field_check(&items[i], err));
	}
	return EP_OK;
}

/* ---- editing ---- */

static struct ep_text
text_or_same(const char *text)
{
	return text ? ep_text_of(text) : (struct ep_text){ 0 };
}

static enum ep_status
edit(int *changed, const struct echoprint_db *db, const char *id,
     const struct echoprint_edit *given, struct ep_error *err)
{
	struct echoprint_edit wanted;
	struct ep_field fields[EP_FIELDS_MAX];
	bool differs;
	EP_TRY(ep_db_check(db, true, err));
	EP_TRY(ep_read_sized_struct(&wanted, sizeof wanted, given, err));
	if (!id)
		return ep_fail(err, EP_USAGE, "the id is NULL");
	EP_TRY(ep_take_fields(fields, wanted.fields, wanted.field_count, err));
	struct ep_edit edit = { .artist = text_or_same(wanted.artist),
		                .release = text_or_same(wanted.release),
		                .track = text_or_same(wanted.track),
		                .fields = fields,
		                .field_count = wanted.field_count };
	enum ep_status status =
		ep_node_edit(&differs, ep_place_node(db->place), ep_text_of(id), &edit, err);
	if (changed && (differs || status == EP_OK))
		*changed = differs;
	return status;
}

enum echoprint_status
echoprint_edit(int *changed, struct echoprint_db *db, const char *id,
               const struct echoprint_edit *given, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, edit(changed, db, id, given, &why), &why);
}

/* ---- deleting ---- */

static enum ep_status
delete_tracks(struct ep_deletion *deletion, const struct echoprint_db *db, struct ep_error *err)
{
	EP_TRY(ep_db_check(db, true, err));
	for (size_t i = 0; i < deletion->count; i++) {
		if (!deletion->ids || !deletion->ids[i])
			return ep_fail(err, EP_USAGE, "id %zu is NULL", i + 1);
	}
	return ep_node_delete(deletion, ep_place_node(db->place), err);
}

enum echoprint_status
echoprint_delete(uint64_t *deleted, struct echoprint_db *db, const char *const *ids, size_t number,
                 struct echoprint_error *err)
{
	struct ep_deletion deletion = { .ids = ids, .count = number };
	struct ep_error why;
	enum ep_status status = delete_tracks(&deletion, db, &why);
	if (status == EP_OK && deleted)
		*deleted = deletion.deleted;
	if (status == EP_OK && deletion.why.status != EP_OK)
		return ep_told(err, deletion.why.status, &deletion.why);
	return ep_told(err, status, &why);
}

static void
on_left(void *context, const char *id, const struct ep_error *why)
{
	const struct echoprint_deletion *wanted = context;
	if (wanted->on_left)
		wanted->on_left(wanted->context, id, (int)why->status, why->text);
}

static enum ep_status
delete_and_tell(struct echoprint_deletion *given, const struct echoprint_db *db,
                const char *const *ids, size_t number, struct ep_error *err)
{
	struct echoprint_deletion done;
	struct ep_deletion deletion = {
		.ids = ids, .count = number, .on_left = on_left, .context = &done
	};
	if (!given)
		return ep_fail(err, EP_USAGE, "the deletion is NULL");
	EP_TRY(ep_read_sized_struct(&done, sizeof done, given, err));
	EP_TRY(delete_tracks(&deletion, db, err));
	done.deleted = deletion.deleted;
	done.position = deletion.position;
	return ep_write_sized_struct(given, &done, sizeof done, err);
}

enum echoprint_status
echoprint_delete_tracks(struct echoprint_deletion *deletion, struct echoprint_db *db,
                        const char *const *ids, size_t number, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, delete_and_tell(deletion, db, ids, number, &why), &why);
}
