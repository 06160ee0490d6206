#include "library/library_internal.h"

#include "code/codestring.h"
#include "sound/audio.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(ECHOPRINT_SAMPLE_RATE == EP_SAMPLE_RATE, "samples are the same");
_Static_assert(sizeof(struct echoprint_pair) == sizeof(struct ep_pair) &&
                       offsetof(struct echoprint_pair, time) == offsetof(struct ep_pair, time),
               "pairs are the same");

/* What the caller gets; the first member is all that it sees. */
struct codes {
	struct echoprint_codes codes;
	struct ep_pairs pairs;
	struct ep_arena texts;
};

static void
free_codes(struct codes *codes)
{
	if (!codes)
		return;
	ep_pairs_free(&codes->pairs);
	ep_arena_free(&codes->texts);
	free(codes);
}
EP_DEFINE_OWNED(struct codes, free_codes)

void
echoprint_codes_free(struct echoprint_codes *codes)
{
	free_codes((struct codes *)codes);
}

static enum ep_status
new_codes(struct codes **out, struct ep_error *err)
{
	struct codes *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	made->codes.size = sizeof made->codes;
	made->codes.codever = made->codes.artist = made->codes.release = made->codes.title = "";
	*out = made;
	return EP_OK;
}

/* Hands over what has its pairs. */
static void
give_codes(struct echoprint_codes **out, struct codes *codes)
{
	codes->codes.pairs = (const struct echoprint_pair *)codes->pairs.items;
	codes->codes.count = codes->pairs.count;
	*out = &codes->codes;
}

/* ---- of sound ---- */

static enum ep_status
keep_recording(struct codes *codes, struct ep_recording *recording, struct ep_error *err)
{
	const struct ep_sound_info *info = &recording->info;
	codes->pairs = recording->pairs;
	recording->pairs = (struct ep_pairs){ 0 };
	codes->codes.length_s = ep_recording_length(recording);
	codes->codes.decoded_s = (double)recording->samples / EP_SAMPLE_RATE;
	codes->codes.codever = EP_GENERATOR_VERSION;
	EP_TRY(ep_keep_text(&codes->codes.artist, &codes->texts, info->artist, err));
	EP_TRY(ep_keep_text(&codes->codes.release, &codes->texts, info->release, err));
	return ep_keep_text(&codes->codes.title, &codes->texts, info->title, err);
}

static enum ep_status
of_file(struct echoprint_codes **out, const char *path,
        const struct echoprint_codegen_options *given, struct ep_error *err)
{
	EP_FREE char *decoder = NULL;
	EP_RECORDING struct ep_recording recording = { 0 };
	EP_OWNED(ep_audio_close)
	struct ep_audio *audio = NULL;
	EP_OWNED(free_codes)
	struct codes *codes = NULL;
	struct echoprint_codegen_options options;
	EP_TRY(ep_read_sized_struct(&options, sizeof options, given, err));
	struct ep_sound_options excerpt = { .start_s = options.start_s,
		                            .duration_s = options.duration_s };
	if (!path)
		return ep_fail(err, EP_USAGE, "path is NULL");
	if (!(excerpt.start_s >= 0 && excerpt.start_s <= EP_GENERATOR_START_MAX &&
	      excerpt.duration_s >= 0 && excerpt.duration_s <= EP_GENERATOR_START_MAX))
		return ep_fail(err, EP_USAGE,
		               "start_s and duration_s must be seconds from 0 to %.0f",
		               EP_GENERATOR_START_MAX);
	EP_TRY(new_codes(&codes, err));
	decoder = ep_decoder_path(options.decoder);
	if (!decoder)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_audio_open(&audio, decoder, err));
	enum ep_status status = ep_audio_read(&recording, audio, path, &excerpt, err);
	if (status != EP_OK)
		ep_error_prefix(err, "%s: ", path);
	EP_TRY(status);
	EP_TRY(keep_recording(codes, &recording, err));
	give_codes(out, EP_TAKE(codes));
	return EP_OK;
}

enum echoprint_status
echoprint_codegen_file(struct echoprint_codes **out, const char *path,
                       const struct echoprint_codegen_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, of_file(out, path, options, &why), &why);
}

static enum ep_status
of_samples(struct echoprint_codes **out, const int16_t *samples, size_t count, double start_s,
           struct ep_error *err)
{
	EP_OWNED(ep_generator_free)
	struct ep_generator *generator = NULL;
	EP_OWNED(free_codes)
	struct codes *codes = NULL;
	if (!(start_s >= 0 && start_s <= EP_GENERATOR_START_MAX))
		return ep_fail(err, EP_USAGE, "start_s must be seconds from 0 to %.0f",
		               EP_GENERATOR_START_MAX);
	if (count && !samples)
		return ep_fail(err, EP_USAGE, "samples is NULL, but count is %zu", count);
	EP_TRY(new_codes(&codes, err));
	EP_TRY(ep_generator_new(&generator, ep_generator_best(), err));
	ep_generator_start(generator, start_s);
	if (count)
		EP_TRY(ep_generator_feed(generator, samples, count, err));
	EP_TRY(ep_generator_finish(&codes->pairs, generator, err));
	codes->codes.decoded_s = (double)count / EP_SAMPLE_RATE;
	codes->codes.length_s = (uint32_t)(count / EP_SAMPLE_RATE);
	codes->codes.codever = EP_GENERATOR_VERSION;
	give_codes(out, EP_TAKE(codes));
	return EP_OK;
}

enum echoprint_status
echoprint_codegen_samples(struct echoprint_codes **out, const int16_t *samples, size_t count,
                          double start_s, struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, of_samples(out, samples, count, start_s, &why), &why);
}

/* ---- of code strings ---- */

static enum ep_status
decode(struct echoprint_codes **out, const char *code, size_t size, struct ep_error *err)
{
	EP_OWNED(free_codes)
	struct codes *codes = NULL;
	if (size && !code)
		return ep_fail(err, EP_USAGE, "code is NULL, but size is %zu", size);
	EP_TRY(new_codes(&codes, err));
	EP_TRY(ep_codestring_decode(&codes->pairs, (struct ep_text){ code, size }, err));
	give_codes(out, EP_TAKE(codes));
	return EP_OK;
}

enum echoprint_status
echoprint_decode(struct echoprint_codes **out, const char *code, size_t size,
                 struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, decode(out, code, size, &why), &why);
}

static enum ep_status
encode(char **out, const struct echoprint_pair *given, size_t count, int form, struct ep_error *err)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	EP_BUFFER struct ep_buffer text = { 0 };
	if (form != ECHOPRINT_PLAIN && form != ECHOPRINT_PACKED)
		return ep_fail(err, EP_USAGE, "form is %d, but must be 0 or 1", form);
	EP_TRY(ep_take_pairs(&pairs, given, count, err));
	EP_TRY(form == ECHOPRINT_PACKED ? ep_codestring_encode(&text, pairs.items, pairs.count, err)
	                                : ep_pairs_print(&text, pairs.items, pairs.count, err));
	EP_TRY(ep_buffer_append(&text, "", 1, err));
	*out = (char *)text.data;
	text = (struct ep_buffer){ 0 };
	return EP_OK;
}

enum echoprint_status
echoprint_encode(char **out, const struct echoprint_pair *pairs, size_t count, int form,
                 struct echoprint_error *err)
{
	struct ep_error why;
	return ep_told(err, encode(out, pairs, count, form, &why), &why);
}

void
echoprint_text_free(char *text)
{
	free(text);
}
