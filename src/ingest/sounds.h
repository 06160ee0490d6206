/* sounds.h - audio files on their way into the log: found in folders, and known again
 *
 * Of every file that was taken in, the log has a mark: its size, its time of change, and its track.
 * A file whose mark still fits, and whose track is there, is not decoded again.
 */
#ifndef EP_INGEST_SOUNDS_H
#define EP_INGEST_SOUNDS_H

#include "store/log.h"

#include <stdatomic.h>

#define EP_TRACK_ID_MAX 255

struct ep_sound_file {
	char *path; /* as it was given or found */
	char *real; /* absolute, without links; NULL where there is a fault */
	bool given; /* by the user; else it was found in a folder */
	uint64_t size;
	int64_t mtime_ns;
	char fault[160]; /* why it cannot be read; "" where it can */
};
void ep_sound_file_free(struct ep_sound_file *file);

/* What the log knows of a file. */
struct ep_sound_mark {
	bool unchanged; /* it is as it was, and its track, if any, is there */
	uint64_t documents; /* of its track */
	char id[EP_TRACK_ID_MAX + 1]; /* of its track; "" where it has none */
};

/* Gives the mark of a file, or an empty one. EP_CORRUPT. */
EP_MUST_USE enum ep_status ep_sound_mark_find(struct ep_sound_mark *mark,
                                              const struct ep_log_read *read,
                                              const struct ep_sound_file *file,
                                              struct ep_error *err);

/* Marks a file as taken in; id is empty where it has no codes. Fails as ep_log_set_value does. */
EP_MUST_USE enum ep_status ep_sound_mark_set(struct ep_log_write *write,
                                             const struct ep_sound_file *file, struct ep_text id,
                                             struct ep_error *err);

struct ep_sounds;

/* Goes through files, and folders with all below them, in order of their names; of links to folders
 * those that are given. paths end with NULL and are borrowed, as is stop (may be NULL).
 * EP_NO_MEMORY, EP_IO. */
EP_MUST_USE enum ep_status ep_sounds_open(struct ep_sounds **out, const char *const *paths,
                                          const atomic_bool *stop, struct ep_error *err);
void ep_sounds_close(struct ep_sounds *sounds);
EP_DEFINE_OWNED(struct ep_sounds, ep_sounds_close)

/* Fills file, in place of what it held, with the next one; or sets *end. EP_INTERRUPTED,
 * EP_NO_MEMORY, EP_IO. */
EP_MUST_USE enum ep_status ep_sounds_next(struct ep_sound_file *file, struct ep_sounds *sounds,
                                          bool *end, struct ep_error *err);

/* Whether the input at path is to be taken for sound: a folder, or a file that begins neither as
 * JSON nor as anything compressed. */
bool ep_sounds_is_one(const char *path);

/* Whether a name ends like that of an audio file: such a file is reported if it cannot be
 * decoded. */
bool ep_sounds_is_called_one(const char *path);

/* Whether a file that may also hold lines of text is sound: it begins with bytes that no text has,
 * or is called as sound is. */
bool ep_sounds_is_no_text(const char *path);

/* Whether bytes begin like audio of a usual format: WAV, AIFF, Ogg, FLAC, MP3, AAC, MP4, WavPack,
 * CAF, Monkey's Audio, WMA, Matroska. 12 bytes are enough. */
bool ep_sounds_begin_so(const char *front, size_t size);

#endif
