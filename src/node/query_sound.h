/* query_sound.h - the codes of an audio file that is asked for */
#ifndef EP_NODE_QUERY_SOUND_H
#define EP_NODE_QUERY_SOUND_H

#include "sound/audio.h"

/* What is asked for. */
struct ep_query_file {
	const char *path;
	bool sure; /* a file that is only guessed to be sound counts as none */
	double most_s; /* of a file without codes so much is decoded before it is given up; 0: all
	                */
	const atomic_bool *stop; /* may be NULL */
};

/* Fills pairs, in place of what they held, with those of the file's first minute, counted from its
 * first code as that of a code string is, and of a little more.
 *
 * audio  of this thread; made where it is NULL. As ep_audio_read; on failure there are no pairs. */
EP_MUST_USE enum ep_status ep_query_file(struct ep_pairs *pairs, struct ep_audio **audio,
                                         const struct ep_query_file *file, struct ep_error *err);

/* The same of a file that the user names: one that is called as sound is need not be sure. */
EP_MUST_USE enum ep_status ep_query_sound(struct ep_pairs *pairs, struct ep_audio **audio,
                                          const char *path, const atomic_bool *stop,
                                          struct ep_error *err);

#endif
