/* Words of other nodes about a track: which of them stand, and what is said again to those who do
 * not know it.
 */
#include "store/log_internal.h"

#include <stdio.h>
#include <string.h>

enum ep_status
ep_log_note(struct ep_log_write *write, const struct ep_entry *entry, uint8_t flag,
            struct ep_word word, struct ep_error *err)
{
	uint64_t position = entry->position;
	MDB_val key = { .mv_data = &position, .mv_size = sizeof position };
	struct ep_entry noted = *entry;
	noted.flags |= flag;
	noted.word = word;
	/* The log's bytes go with the change. */
	write->body.size = 0;
	EP_TRY(ep_buffer_append(&write->body, entry->body.at, entry->body.size, err));
	return ep_log_write_entry(write, write->inside.log->log, key, &noted, write->body.data,
	                          write->body.size, 0, err);
}

enum ep_status
ep_log_say_again(struct ep_log_write *write, struct ep_text id, const struct ep_word *word,
                 struct ep_error *err)
{
	EP_BUFFER struct ep_buffer body = { 0 };
	struct ep_entry entry;
	EP_TRY(ep_log_find(&entry, &write->inside, id, err));
	/* The log's bytes go with the change. */
	EP_TRY(ep_buffer_append(&body, entry.body.at, entry.body.size, err));
	EP_TRY(ep_log_remove_entry(write, &entry, err));
	entry.word = word ? *word : entry.word;
	EP_TRY(ep_entry_read_body(&entry, body.data, body.size, err));
	return ep_log_append_entry(write, &entry, body.data, body.size, err);
}

/* ---- words that were answered ---- */

/* The value "answered." and the hash of source and id: tag, position, hash of the rows. */
#define ANSWERED_NAME (9 + EP_HASH_TEXT)
#define ANSWERED_SIZE (4 + 8 + EP_HASH_SIZE)

static void
name_answered(char name[ANSWERED_NAME], uint32_t source, struct ep_text id)
{
	uint8_t bytes[4];
	char text[EP_HASH_TEXT];
	struct ep_hasher hasher;
	struct ep_hash hash;
	ep_store32(bytes, source);
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, bytes, sizeof bytes);
	ep_hasher_add(&hasher, id.at, id.size);
	ep_hasher_done(&hash, &hasher);
	ep_hash_print(text, &hash);
	snprintf(name, ANSWERED_NAME, "answered.%s", text);
}

/* Reads what is noted of a source and track; zeros where nothing is. */
static enum ep_status
read_answered(struct ep_word *word, struct ep_hash *hash, const struct ep_log_write *write,
              const char *name, struct ep_error *err)
{
	struct ep_text value;
	*word = (struct ep_word){ 0 };
	enum ep_status status = ep_log_value(&value, &write->inside, name, err);
	if (status == EP_NOT_FOUND)
		return EP_OK;
	EP_TRY(status);
	if (value.size != ANSWERED_SIZE)
		return ep_fail(err, EP_CORRUPT, "the value %s is damaged", name);
	const uint8_t *bytes = (const uint8_t *)value.at;
	*word = (struct ep_word){ ep_load32(bytes), ep_load64(bytes + 4) };
	memcpy(hash->bytes, bytes + 12, EP_HASH_SIZE);
	return EP_OK;
}

enum ep_status
ep_log_note_answered(struct ep_log_write *write, uint32_t source, struct ep_text id,
                     const struct ep_said *said, const struct ep_hash *hash, struct ep_error *err)
{
	char name[ANSWERED_NAME];
	uint8_t value[ANSWERED_SIZE];
	struct ep_word last;
	struct ep_hash of_last;
	if (!said->word.tag)
		return EP_OK;
	name_answered(name, source, id);
	EP_TRY(read_answered(&last, &of_last, write, name, err));
	if (last.tag == said->word.tag && last.position > said->word.position)
		return EP_OK;
	ep_store32(value, said->word.tag);
	ep_store64(value + 4, said->word.position);
	memcpy(value + 12, hash->bytes, EP_HASH_SIZE);
	return ep_log_set_value(write, name, (struct ep_text){ (const char *)value, sizeof value },
	                        err);
}

enum ep_status
ep_log_refuse(struct ep_log_write *write, uint32_t source, struct ep_text id,
              const struct ep_said *said, const struct ep_hash *hash, struct ep_error *err)
{
	struct ep_entry there;
	if (!said->word.tag)
		return EP_OK;
	EP_TRY(ep_log_note_answered(write, source, id, said, hash, err));
	EP_TRY(ep_log_find(&there, &write->inside, id, err));
	/* Where the source owned the track before, its last word is the one that is known. */
	bool last = there.word.tag == said->word.tag;
	return ep_log_say_again(write, id, last ? &said->word : NULL, err);
}

enum ep_status
ep_log_was_answered(enum ep_answered *answered, const struct ep_log_write *write, uint32_t source,
                    struct ep_text id, const struct ep_said *said, const struct ep_hash *hash,
                    struct ep_error *err)
{
	char name[ANSWERED_NAME];
	struct ep_word last;
	struct ep_hash of_last;
	*answered = EP_ANSWERED_NOT;
	if (!said->word.tag || said->in_order)
		return EP_OK;
	name_answered(name, source, id);
	EP_TRY(read_answered(&last, &of_last, write, name, err));
	if (last.tag != said->word.tag || said->word.position > last.position)
		return EP_OK;
	bool same = memcmp(of_last.bytes, hash->bytes, EP_HASH_SIZE) == 0;
	if (said->word.position < last.position)
		*answered = EP_ANSWERED_OLDER;
	else if (same)
		*answered = EP_ANSWERED_SAME;
	return EP_OK;
}

/* ---- tags ---- */

uint32_t
ep_log_tag(const uint8_t id[EP_NODE_ID_SIZE], uint64_t epoch)
{
	uint8_t bytes[EP_NODE_ID_SIZE + 8];
	struct ep_hasher hasher;
	struct ep_hash hash;
	memcpy(bytes, id, EP_NODE_ID_SIZE);
	ep_store64(bytes + EP_NODE_ID_SIZE, epoch);
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, bytes, sizeof bytes);
	ep_hasher_done(&hash, &hasher);
	uint32_t tag = ep_load32(hash.bytes);
	return tag ? tag : 1;
}

enum ep_status
ep_log_own_tag(uint32_t *tag, const struct ep_log_read *read, struct ep_error *err)
{
	struct ep_text id;
	uint64_t epoch;
	EP_TRY(ep_log_value(&id, read, "id", err));
	if (id.size != EP_NODE_ID_SIZE)
		return ep_fail(err, EP_CORRUPT, "the log's id is damaged");
	EP_TRY(ep_log_number(&epoch, read, "epoch", err));
	*tag = ep_log_tag((const uint8_t *)id.at, epoch);
	return EP_OK;
}

bool
ep_log_is_old(const struct ep_entry *there, const struct ep_said *said)
{
	if (!said->word.tag || said->in_order || said->word.tag != there->word.tag)
		return false;
	/* The same again has been answered; but a master's track that the user of a slave has
	 * changed there comes back by it. */
	uint64_t last = there->word.position;
	return said->word.position < last ||
	       (said->word.position == last && there->source != EP_SOURCE_MASTER);
}

enum ep_status
ep_log_is_pending(bool *pending, const struct ep_log_write *write, const struct ep_entry *there,
                  const struct ep_said *said, struct ep_error *err)
{
	uint64_t sent = 0;
	uint64_t acknowledged = 0;
	*pending = false;
	if (there->source != EP_SOURCE_LOCAL || (there->flags & EP_ENTRY_CONFIRMED))
		return EP_OK;
	if (said->word.tag) {
		/* Where the master knows no word of this node, the track is another's to it. */
		*pending = said->known > 0 && there->position > said->known;
		return EP_OK;
	}
	EP_TRY(ep_log_number(&sent, &write->inside, EP_SENT_VALUE, err));
	EP_TRY(ep_log_number(&acknowledged, &write->inside, EP_ACKNOWLEDGED_VALUE, err));
	*pending = there->operation == EP_DELETE && there->position > sent &&
	           there->position > acknowledged;
	return EP_OK;
}
