/* decoder_talk.h - what the decoder process is asked, and what it answers; in the decoder process
 */
#ifndef EP_SOUND_DECODER_TALK_H
#define EP_SOUND_DECODER_TALK_H

#include "sound/decode_job.h"
#include "sound/wire.h"

/* A message to the decoder, with the descriptor that came with it; -1: none. */
struct ep_decoder_message {
	uint8_t kind;
	int fd;
	uint8_t payload[EP_WIRE_ASK_FIXED + EP_WIRE_NAME_MAX + 1];
	size_t size;
};

/* Waits for the next message on EP_DECODER_SOCKET; its payload is ended by NUL. False at the end of
 * the talk, and when what comes is not a message. */
bool ep_decoder_listen(struct ep_decoder_message *message);

/* Samples on their way: a message for every frame of a codec would take more time than decoding. */
struct ep_decoder_outbox {
	size_t most; /* bytes of a message */
	uint64_t given; /* samples that were sent */
	uint8_t bytes[EP_WIRE_MAX];
	size_t size;
};

/* Each sends what it is given. EP_IO  nobody listens any more. */
EP_MUST_USE enum ep_status ep_decoder_tell_samples(struct ep_decoder_outbox *outbox,
                                                   const int16_t *samples, size_t count,
                                                   struct ep_error *err);
EP_MUST_USE enum ep_status ep_decoder_tell_rest(struct ep_decoder_outbox *outbox,
                                                struct ep_error *err);
EP_MUST_USE enum ep_status ep_decoder_tell_format(const struct ep_decode_info *info,
                                                  struct ep_error *err);
EP_MUST_USE enum ep_status ep_decoder_tell_title(const char *artist, const char *title,
                                                 struct ep_error *err);
EP_MUST_USE enum ep_status ep_decoder_tell_done(const struct ep_decode_info *info,
                                                struct ep_error *err);
EP_MUST_USE enum ep_status ep_decoder_tell_why(enum ep_wire_kind kind, const char *why,
                                               struct ep_error *err);

#endif
