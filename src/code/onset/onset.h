/* onset.h - fingerprints as the onsets that they come from
 *
 * The code generator finds onsets in 8 bands, and each emits six codes: hashes of differences of
 * time among it and its next four onsets in that band. The encoder recovers the onsets from the
 * codes, the decoder computes the codes again. What does not regenerate exactly has to be kept in
 * another form.
 *
 * Two situations have one form. Of a whole track the window is all time, and the bands end in it.
 * Of one document, or of some that follow one another, the window cuts the bands, and each is coded
 * up to its fourth onset behind the window, as far as codes inside tell of it. A whole track takes
 * some 115 bytes for each of its documents, a document alone 240. The form is in
 * docs/formats/onset.md.
 *
 * This is the door of the folder: other rooms include this header alone. It brings the search for
 * onsets and their codes (onset_find.h, onset_emit.h), which sketches are made with.
 */
#ifndef EP_CODE_ONSET_ONSET_H
#define EP_CODE_ONSET_ONSET_H

#include "code/cut.h"
#include "code/onset/onset_emit.h"
#include "code/onset/onset_find.h"
#include "code/onset/onset_work.h"
#include "code/pairs.h"

/* Scratch memory and tables of one thread: 60 KB and what the largest song needs; for encoding 0.3
 * MB more, and once in the process a table of 12 MB, which the first search for a band cut by a
 * window makes in 25 ms. EP_NO_MEMORY */
struct ep_onset_coder;
EP_MUST_USE enum ep_status ep_onset_coder_new(struct ep_onset_coder **out, struct ep_error *err);
void ep_onset_coder_free(struct ep_onset_coder *coder);
EP_DEFINE_OWNED(struct ep_onset_coder, ep_onset_coder_free)

/* The records that this coder encodes or decodes from now on count on work, which stays the
 * caller's; NULL, as in a new coder: each record stands alone. */
void ep_onset_coder_share(struct ep_onset_coder *coder, struct ep_onset_work *work);

/* Appends the onsets of pairs[0..count) to out. These need not give the same pairs: whoever keeps
 * the bytes has to decode them and to compare.
 *
 * pairs   in order of time, all with window.first <= time < window.end; what is not in canonical
 *         order does not come back.
 * window  what the pairs were cut to: bands may have onsets outside of it, which are not seen. The
 *         decoder is given the same window.
 * EP_NOT_FOUND  some code has no onset: take another form. out is as before. Found out in a few
 *               milliseconds, and for many pairs within a second a million.
 * EP_NO_MEMORY  out is as before. */
EP_MUST_USE enum ep_status ep_onset_encode(struct ep_buffer *out, struct ep_onset_coder *coder,
                                           const struct ep_pair *pairs, size_t count,
                                           struct ep_window window, struct ep_error *err);

/* Appends to pairs the codes of the onsets, in canonical order: what ep_onset_encode was given.
 *
 * max_count  EP_CORRUPT where there are more pairs than this; bounds memory.
 * EP_CORRUPT  bytes[0..size) are not what the encoder writes for this window, or are more work than
 *             so many bytes may be (struct ep_onset_work). There is no checksum: damaged bytes may
 *             as well be other pairs.
 * EP_NO_MEMORY
 * On failure pairs has its old count. */
EP_MUST_USE enum ep_status ep_onset_decode(struct ep_pairs *pairs, struct ep_onset_coder *coder,
                                           const uint8_t *bytes, size_t size,
                                           struct ep_window window, size_t max_count,
                                           struct ep_error *err);

/* As ep_onset_decode, without computing the codes: lends the onsets, which belong to the coder and
 * are valid until its next use. In a band that is cut by the window, the last four are behind it,
 * at times that fit. */
EP_MUST_USE enum ep_status ep_onset_decode_onsets(const struct ep_onsets **onsets,
                                                  struct ep_onset_coder *coder,
                                                  const uint8_t *bytes, size_t size,
                                                  struct ep_window window, size_t max_count,
                                                  struct ep_error *err);

/* Appends the code string of onsets that the coder lent, and cuts it into slices[0..n): what
 * ep_pairs_print_slices prints of their codes. As ep_onset_print_slices. */
EP_MUST_USE enum ep_status ep_onset_print(struct ep_buffer *out, struct ep_onset_coder *coder,
                                          const struct ep_onsets *onsets, struct ep_window window,
                                          struct ep_slice *slices, size_t n, struct ep_error *err);

#endif
