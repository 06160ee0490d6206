#include "base/file.h"
#include "ingest/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Bytes of a hash that an id is made of. */
#define ID_HASH_BYTES 16

/* ---- ids ---- */

static void
id_of_hash(char id[EP_TRACK_ID_MAX + 1], const struct ep_hash *hash)
{
	id[0] = 'T';
	id[1] = 'R';
	for (size_t i = 0; i < ID_HASH_BYTES; i++)
		snprintf(id + 2 + 2 * i, 3, "%02X", hash->bytes[i]);
}

static enum ep_status
hash_contents(struct ep_hash *hash, const char *path, struct ep_error *err)
{
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ep_fail(err, EP_BAD_INPUT, "cannot be opened: %s", strerror(errno));
	struct ep_sha256 sha;
	ep_sha256_init(&sha);
	uint8_t bytes[65536];
	size_t got = 1;
	while (got > 0) {
		EP_TRY(ep_read_some(&got, fd, bytes, sizeof bytes, path, err));
		ep_sha256_add(&sha, bytes, got);
	}
	ep_sha256_done(hash, &sha);
	return EP_OK;
}

/* The id of a file's track; empty: one is to be made. A file that was changed keeps the one it had.
 */
static enum ep_status
make_id(char id[EP_TRACK_ID_MAX + 1], const struct ep_batch *batch, enum ep_id_from from,
        struct ep_error *err)
{
	struct ep_hash hash;
	struct ep_sha256 sha;
	id[0] = '\0';
	switch (from) {
	case EP_ID_MADE:
		memcpy(id, batch->mark.id, sizeof batch->mark.id);
		return EP_OK;
	case EP_ID_FROM_PATH:
		ep_sha256_init(&sha);
		ep_sha256_add(&sha, batch->sound.real, strlen(batch->sound.real));
		ep_sha256_done(&hash, &sha);
		break;
	case EP_ID_FROM_HASH:
		EP_TRY(hash_contents(&hash, batch->sound.real, err));
		break;
	}
	id_of_hash(id, &hash);
	return EP_OK;
}

/* ---- songs ---- */

/* The name of a file without folders and ending, for a song without a title. */
static struct ep_text
stem_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	const char *dot = strrchr(base, '.');
	size_t size = dot && dot > base ? (size_t)(dot - base) : strlen(base);
	return (struct ep_text){ base, size };
}

/* Takes the tags that are fields; what no field can be is left out, as the file is good without. */
static void
take_fields(struct ep_codegen_song *song, const struct ep_sound_info *info)
{
	const struct ep_field tags[] = {
		{ ep_text_of(EP_FIELD_ISRC), info->isrc },
		{ ep_text_of(EP_FIELD_RECORDING_ID), info->recording_id },
	};
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
		if (ep_field_check(&tags[i], NULL) == EP_OK)
			song->fields[song->field_count++] =
				(struct ep_codegen_field){ tags[i].key, tags[i].value };
	}
}

static enum ep_status
make_track(struct ep_batch *batch, struct ep_batch_scratch *scratch, enum ep_id_from from,
           int64_t now_ms, struct ep_error *err)
{
	struct ep_recording *recording = &scratch->recording;
	char id[EP_TRACK_ID_MAX + 1];
	EP_BUFFER struct ep_buffer stem = { 0 };
	EP_TRY(make_id(id, batch, from, err));
	struct ep_codegen_song song = {
		.track_id = ep_text_of(id),
		.artist = recording->info.artist,
		.release = recording->info.release,
		.title = recording->info.title,
		.version = EP_GENERATOR_VERSION,
		.duration_s = ep_recording_length(recording),
	};
	if (song.title.size == 0) {
		EP_TRY(ep_text_to_utf8(&stem, stem_of(batch->sound.path), err));
		song.title = ep_buffer_text(&stem);
	}
	take_fields(&song, &recording->info);
	struct ep_origin origin = { .raw = ep_text_of(batch->sound.path) };
	return ep_batch_song(batch, &song, &recording->pairs, origin, scratch, now_ms, err);
}

/* Decodes the file and makes its track. */
static enum ep_status
read_sound(struct ep_batch *batch, struct ep_batch_scratch *scratch,
           const struct ep_batch_options *options, struct ep_error *err)
{
	const struct ep_sound_file *file = &batch->sound;
	if (!scratch->audio)
		EP_TRY(ep_audio_open(&scratch->audio, options->decoder, err));
	if (file->fault[0])
		return ep_fail(err, EP_BAD_INPUT, "%s", file->fault);
	struct ep_sound_options wanted = {
		.sure = !ep_sounds_is_called_one(file->path),
		.stop = options->stop,
	};
	EP_TRY(ep_audio_read(&scratch->recording, scratch->audio, file->real, &wanted, err));
	return make_track(batch, scratch, options->id_from, options->now_ms, err);
}

enum ep_status
ep_batch_sound(struct ep_batch *batch, struct ep_batch_scratch *scratch,
               const struct ep_batch_options *options, struct ep_error *err)
{
	const struct ep_sound_file *file = &batch->sound;
	struct ep_error why;
	ep_batch_reset(batch);
	if (batch->mark.unchanged)
		return EP_OK;
	enum ep_status status = read_sound(batch, scratch, options, &why);
	if (status == EP_OK)
		return EP_OK;
	if (status != EP_BAD_INPUT && status != EP_NOT_FOUND)
		return ep_fail(err, status, "%s: %s", file->path, why.text);
	batch->bodies.size = 0;
	if (!file->given && !file->fault[0] && !ep_sounds_is_called_one(file->path)) {
		batch->no_sound++;
		return EP_OK;
	}
	batch->unknown = file->given && status == EP_NOT_FOUND;
	struct ep_origin origin = { .raw = ep_text_of(file->path) };
	return ep_batch_refuse(batch, origin, batch->unknown ? 0 : 1, err, "%s%s", why.text,
	                       batch->unknown ? ", and it is not JSON of the code generator" : "");
}
