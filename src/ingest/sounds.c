#include "ingest/sounds.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* Bytes by which it is seen what a file is. */
#define FRONT 512

/* Endings of names that say that a file is sound. */
static const char *const endings[] = { "aac", "ac3", "aif", "aifc", "aiff", "alac", "amr", "ape",
	                               "au",  "caf", "dff", "dsf",  "dts",  "flac", "it",  "m4a",
	                               "m4b", "mka", "mod", "mp1",  "mp2",  "mp3",  "mp4", "mpc",
	                               "oga", "ogg", "ogx", "opus", "ra",   "s3m",  "snd", "spx",
	                               "tta", "voc", "w64", "wav",  "webm", "wma",  "wv",  "xm" };

struct ep_sounds {
	FTS *tree;
	const atomic_bool *stop;
};

void
ep_sound_file_free(struct ep_sound_file *file)
{
	free(file->path);
	free(file->real);
	*file = (struct ep_sound_file){ 0 };
}

/* The files of a folder by name; what was given, as it was given. */
static int
by_name(const FTSENT **one, const FTSENT **other)
{
	if ((*one)->fts_level == FTS_ROOTLEVEL)
		return 0;
	return strcmp((*one)->fts_name, (*other)->fts_name);
}

enum ep_status
ep_sounds_open(struct ep_sounds **out, const char *const *paths, const atomic_bool *stop,
               struct ep_error *err)
{
	EP_OWNED(ep_sounds_close)
	struct ep_sounds *sounds = calloc(1, sizeof *sounds);
	if (!sounds)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	sounds->stop = stop;
	/* It does not write the paths, though it does not say so. */
	char *const *given = (char *const *)(uintptr_t)paths;
	sounds->tree = fts_open(given, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	if (!sounds->tree)
		return ep_fail_errno(err, errno, "cannot list the files");
	*out = EP_TAKE(sounds);
	return EP_OK;
}

void
ep_sounds_close(struct ep_sounds *sounds)
{
	if (!sounds)
		return;
	if (sounds->tree)
		fts_close(sounds->tree);
	free(sounds);
}

/* Whether a node of the tree is a file to look at; a fault is one too. */
static bool
is_file(const FTSENT *node, struct stat *info, int *fault)
{
	*fault = 0;
	switch (node->fts_info) {
	case FTS_F:
	case FTS_DEFAULT:
		*info = *node->fts_statp;
		return node->fts_level == 0 || S_ISREG(info->st_mode);
	case FTS_SL:
		return stat(node->fts_accpath, info) == 0 && S_ISREG(info->st_mode);
	case FTS_SLNONE:
		*fault = ENOENT;
		return node->fts_level == 0;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		*fault = node->fts_errno;
		return true;
	default:
		return false;
	}
}

static enum ep_status
fill(struct ep_sound_file *file, const FTSENT *node, const struct stat *info, int fault,
     struct ep_error *err)
{
	ep_sound_file_free(file);
	file->path = strdup(node->fts_path);
	if (!file->path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	file->given = node->fts_level == 0;
	if (!fault) {
		file->real = realpath(file->path, NULL);
		fault = file->real ? 0 : errno;
	}
	if (fault) {
		snprintf(file->fault, sizeof file->fault, "cannot be read: %s", strerror(fault));
		return EP_OK;
	}
	file->size = (uint64_t)info->st_size;
	file->mtime_ns = (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec;
	return EP_OK;
}

enum ep_status
ep_sounds_next(struct ep_sound_file *file, struct ep_sounds *sounds, bool *end,
               struct ep_error *err)
{
	for (;;) {
		if (sounds->stop && atomic_load(sounds->stop))
			return ep_fail(err, EP_INTERRUPTED, "interrupted");
		errno = 0;
		FTSENT *node = fts_read(sounds->tree);
		if (!node && errno)
			return ep_fail_errno(err, errno, "cannot list the files");
		*end = node == NULL;
		struct stat info = { 0 };
		int fault;
		if (!node)
			return EP_OK;
		if (is_file(node, &info, &fault))
			return fill(file, node, &info, fault, err);
	}
}

/* Reads the first bytes of a file; 0 where it is none, has none, or cannot be read. */
static size_t
read_front(char front[FRONT], const char *path)
{
	struct stat info;
	size_t size = 0;
	if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
		return 0;
	EP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ep_read_some(&size, fd, front, FRONT, path, NULL) != EP_OK)
		return 0;
	return size;
}

static bool
is_folder(const char *path)
{
	struct stat info;
	return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool
is_packed(const char *front, size_t size)
{
	static const char *const packed[] = { "\x1f\x8b", "BZh", "\x28\xb5\x2f\xfd", "\x2a\x4d\x18",
		                              "\3757zXZ" };
	/* A skippable frame of zstd has its magic behind one byte. */
	for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
		size_t at = i == 3;
		size_t length = strlen(packed[i]);
		if (size >= at + length && memcmp(front + at, packed[i], length) == 0)
			return true;
	}
	return false;
}

bool
ep_sounds_is_one(const char *path)
{
	char front[FRONT];
	if (is_folder(path))
		return true;
	size_t size = read_front(front, path);
	if (is_packed(front, size))
		return false;
	size_t at = size >= 3 && memcmp(front, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	while (at < size && strchr(" \t\r\n", front[at]) && front[at])
		at++;
	return at < size && front[at] != '{' && front[at] != '[';
}

bool
ep_sounds_is_called_one(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *dot = strrchr(slash ? slash : path, '.');
	for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++) {
		if (strcasecmp(dot + 1, endings[i]) == 0)
			return true;
	}
	return false;
}

bool
ep_sounds_is_no_text(const char *path)
{
	char front[FRONT];
	if (ep_sounds_is_called_one(path))
		return true;
	size_t size = read_front(front, path);
	for (size_t i = 0; i < size && !is_packed(front, size); i++) {
		bool text = (unsigned char)front[i] >= ' ' ||
		            (front[i] != '\0' && strchr("\t\n\v\f\r", front[i]));
		if (!text)
			return true;
	}
	return false;
}

bool
ep_sounds_begin_so(const char *front, size_t size)
{
	static const struct {
		size_t at;
		const char *bytes;
	} marks[] = { { 8, "WAVE" },
		      { 8, "AIFF" },
		      { 8, "AIFC" },
		      { 0, "OggS" },
		      { 0, "fLaC" },
		      { 0, "ID3" },
		      { 4, "ftyp" },
		      { 0, "wvpk" },
		      { 0, "caff" },
		      { 0, "MAC " },
		      { 0, "\x30\x26\xb2\x75" },
		      { 0, "\x1a\x45\xdf\xa3" },
		      { 0, "\xff\xfb" },
		      { 0, "\xff\xfa" },
		      { 0, "\xff\xf3" },
		      { 0, "\xff\xf2" },
		      { 0, "\xff\xf1" },
		      { 0, "\xff\xf9" } };
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		size_t length = strlen(marks[i].bytes);
		if (size >= marks[i].at + length &&
		    memcmp(front + marks[i].at, marks[i].bytes, length) == 0)
			return true;
	}
	return false;
}
