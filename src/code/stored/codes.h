/* codes.h - the code strings of all documents of one track as bytes, and back byte for byte
 *
 * Documents of consecutive segments that agree where they overlap are one run: what they hold
 * together is stored once, in the smallest encoding that reproduces it, and each document is cut
 * from it. Any other document is a run of its own; one that is not a code string as the original
 * writes it is kept as text. docs/formats/codes.md has the bytes.
 */
#ifndef EP_CODE_STORED_CODES_H
#define EP_CODE_STORED_CODES_H

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/status.h"
#include "base/text.h"
#include "code/cut.h"
#include "code/onset/onset.h"
#include "code/stored/document.h"

#include <stddef.h>
#include <stdint.h>

/* What the documents of one track may hold together, a run counted once: 256 MiB. */
#define EP_CODES_TEXT_MAX ((size_t)256 << 20)

/* How a run is stored. Part of the format; each is smaller than the one before. */
enum ep_codes_form {
	EP_CODES_TEXT = 0, /* as it is */
	EP_CODES_PACKED = 1, /* packed.h */
	EP_CODES_ONSET = 2, /* onset.h */
};
#define EP_CODES_FORM_COUNT 3

/* Scratch memory of one thread. */
struct ep_codes_coder;

/* highest_form  the encoder uses no form above this; EP_CODES_ONSET for all there are. The decoder
 *               reads every form all the same. EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_codes_coder_new(struct ep_codes_coder **out,
                                              enum ep_codes_form highest_form,
                                              struct ep_error *err);
void ep_codes_coder_free(struct ep_codes_coder *coder);
EP_DEFINE_OWNED(struct ep_codes_coder, ep_codes_coder_free)

/* Appends the bytes of documents[0..count) to out: the same documents always give the same bytes,
 * and no documents give none. Everything has been decoded again and compared.
 *
 * documents  in the order in which they are to come back. Those of neighbouring segments are joined
 *            only where they stand side by side, so segments should ascend. The texts must not be
 *            slices that this coder gave (its scratch memory is used again): take another coder.
 * EP_BAD_INPUT  they hold more than EP_CODES_TEXT_MAX bytes.
 * EP_NO_MEMORY
 * On failure out keeps its size. */
EP_MUST_USE enum ep_status ep_codes_encode(struct ep_buffer *out, struct ep_codes_coder *coder,
                                           const struct ep_codes_document *documents, size_t count,
                                           struct ep_error *err);

/* Fills the text of documents[0..count) from bytes[0..size).
 *
 * documents  each with its segment, in the order and number given to the encoder. The texts belong
 *            to the coder, may overlap, and are valid until its next use; bytes may go.
 * EP_CORRUPT  bytes are not what the encoder writes for these segments; the text has the reason. No
 *             document is touched.
 * EP_NO_MEMORY */
EP_MUST_USE enum ep_status ep_codes_decode(struct ep_codes_coder *coder,
                                           struct ep_codes_document *documents, size_t count,
                                           const uint8_t *bytes, size_t size, struct ep_error *err);

/* What a run of documents holds, as it is stored: for who searches and needs no text. Borrowed from
 * the coder until its next use. */
struct ep_codes_run {
	const struct ep_onsets *onsets; /* NULL where it is not stored as onsets */
	struct ep_window window; /* of the onsets: those inside emit the codes */
	const struct ep_pair *pairs; /* where there are no onsets; in order of time or not */
	size_t count; /* of pairs */
};

/* Goes through the runs of a track: begin with reader over its bytes and count documents, of which
 * only the segments are read. */
struct ep_codes_walk {
	struct ep_reader reader;
	const struct ep_codes_document *documents;
	size_t count; /* documents that have not come yet */
	struct ep_onset_work work; /* of the runs before */
};

/* Fills run with the next one. EP_NOT_FOUND  there are no more. EP_CORRUPT, EP_NO_MEMORY. */
EP_MUST_USE enum ep_status ep_codes_next_run(struct ep_codes_run *run, struct ep_codes_walk *walk,
                                             struct ep_codes_coder *coder, struct ep_error *err);

/* Units of work (struct ep_onset_work) that this coder has spent on onsets since it was made. Of
 * one blob they are at most EP_CODES_WORK_MAX of its size; all else costs as its bytes do. */
uint64_t ep_codes_work(const struct ep_codes_coder *coder);
#define EP_CODES_WORK_MAX(size) (EP_ONSET_WORK_FREE + EP_ONSET_WORK_A_BYTE * (uint64_t)(size))

/* How many documents are stored in which form, and in how many bytes. */
struct ep_codes_usage {
	struct {
		uint64_t documents;
		uint64_t bytes;
	} of[EP_CODES_FORM_COUNT]; /* by enum ep_codes_form */
};

/* Adds the blob bytes[0..size) of count documents to usage; reads only the heads of its runs.
 * EP_CORRUPT: usage is untouched. */
EP_MUST_USE enum ep_status ep_codes_add_usage(struct ep_codes_usage *usage, size_t count,
                                              const uint8_t *bytes, size_t size,
                                              struct ep_error *err);

#endif
