/* Laws of the code generator's JSON: objects do not depend on how the bytes come, are where they
 * say they are, and each is a song with proper texts or refused. */
#include "format/codegen_json.h"
#include "tests/input.h"
#include "tests/must.h"

#include <stdlib.h>
#include <string.h>

void law_codegen_json(const uint8_t *bytes, size_t size);

/* A reader that hands out one object after the other. */
struct objects {
	struct input input;
	struct ep_codegen_reader *reader;
	struct ep_codegen_block block;
	size_t at;
	struct ep_error err;
};

static void
open_objects(struct objects *objects, const uint8_t *bytes, size_t size, size_t piece,
             size_t block_size)
{
	struct ep_codegen_options options = { .block_size = block_size, .object_max = 1500 };
	*objects = (struct objects){ .input = { bytes, size, piece } };
	struct ep_source source = { .read = read_input, .context = &objects->input };
	must_equal(ep_codegen_open(&objects->reader, source, &options, NULL), EP_OK);
}

/* NULL at the end, and where the input is not what it must be: then there is a text in err. */
static const struct ep_codegen_object *
next_object(struct objects *objects)
{
	if (objects->at == objects->block.count) {
		enum ep_status status =
			ep_codegen_read(objects->reader, &objects->block, &objects->err);
		must(status == EP_OK || (status == EP_BAD_INPUT && objects->block.count == 0));
		must_equal((status == EP_OK), (objects->err.text[0] == '\0'));
		objects->at = 0;
	}
	return objects->at < objects->block.count ? &objects->block.objects[objects->at++] : NULL;
}

static void
close_objects(struct objects *objects)
{
	ep_codegen_block_free(&objects->block);
	ep_codegen_close(objects->reader);
}

static void
must_be_proper(struct ep_text text, size_t max)
{
	must(text.size <= max);
	must(text.size == 0 || !memchr(text.at, '\0', text.size));
	must(ep_text_is_utf8(text));
}

static void
must_parse_or_be_refused(struct ep_text raw)
{
	struct ep_codegen_song song;
	struct ep_error err = { EP_OK, "" };
	enum ep_status status = ep_codegen_parse(&song, raw, &err);
	must(status == EP_OK || (status == EP_BAD_INPUT && err.text[0] != '\0'));
	must(ep_text_is_utf8(ep_text_of(err.text)));
	if (status != EP_OK)
		return;
	must_be_proper(song.code, EP_CODEGEN_TEXT_MAX);
	must_be_proper(song.track_id, EP_CODEGEN_TRACK_ID_MAX);
	must_be_proper(song.artist, EP_CODEGEN_TEXT_MAX);
	must_be_proper(song.release, EP_CODEGEN_TEXT_MAX);
	must_be_proper(song.title, EP_CODEGEN_TEXT_MAX);
	must_be_proper(ep_text_of(song.version), EP_CODEGEN_VERSION_MAX);
	must(song.duration_s <= INT32_MAX);
	ep_codegen_song_free(&song);
}

void
law_codegen_json(const uint8_t *bytes, size_t size)
{
	if (size < 2)
		return;
	struct objects one;
	struct objects other;
	open_objects(&one, bytes + 2, size - 2, size, size);
	open_objects(&other, bytes + 2, size - 2, 1 + bytes[0] % 64u, 1 + bytes[1]);
	const struct ep_codegen_object *object;
	while ((object = next_object(&one))) {
		const struct ep_codegen_object *same = next_object(&other);
		must(same != NULL);
		must(object->number == same->number && object->offset == same->offset);
		must(object->fault == same->fault && ep_text_equal(object->raw, same->raw));
		must(object->offset + object->raw.size <= size - 2);
		must(memcmp(object->raw.at, bytes + 2 + object->offset, object->raw.size) == 0);
		must_parse_or_be_refused(object->raw);
	}
	must(!next_object(&other));
	must(strcmp(one.err.text, other.err.text) == 0);
	close_objects(&one);
	close_objects(&other);
}
