/* Sound in bodies: decoders, and samples without a header. */
#include "net/api/api_internal.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define RAW_TYPE "audio/L16"
#define RATE_MAX 384000
#define CHANNELS_MAX 32

/* ---- decoders ---- */

enum ep_status
ep_api_take_audio(struct ep_audio **audio, struct ep_api *api, struct ep_error *err)
{
	pthread_mutex_lock(&api->mutex);
	bool found = api->audio_count > 0;
	if (found)
		*audio = api->audios[--api->audio_count];
	pthread_mutex_unlock(&api->mutex);
	return found ? EP_OK : ep_audio_open(audio, NULL, err);
}

void
ep_api_give_audio(struct ep_api *api, struct ep_audio *audio)
{
	pthread_mutex_lock(&api->mutex);
	bool room = audio && api->audio_count < EP_API_AUDIOS_MAX;
	if (room)
		api->audios[api->audio_count++] = audio;
	pthread_mutex_unlock(&api->mutex);
	if (!room)
		ep_audio_close(audio);
}

/* ---- types ---- */

bool
ep_api_is_sound(const struct ep_http_request *request)
{
	return ep_api_is_type(request, "audio/") || ep_api_is_type(request, "video/") ||
	       ep_api_is_type(request, "application/octet-stream") ||
	       ep_api_is_type(request, "application/ogg");
}

enum ep_http_next
ep_api_check_sound(void *context, struct ep_http_request *request, struct ep_http_answer *answer)
{
	(void)context;
	const char *coding = ep_http_header(request, "Content-Encoding");
	bool json = ep_api_is_type(request, "application/json");
	if (coding && strcasecmp(coding, "identity") != 0)
		ep_api_refuse(answer, 415, "unsupported_type",
		              "a Content-Encoding is not taken: send the file as it is");
	else if (!json && !ep_api_is_sound(request) &&
	         !ep_api_is_type(request, "multipart/form-data"))
		ep_api_refuse(answer, 415, "unsupported_type",
		              "the Content-Type must be audio/..., application/octet-stream, "
		              "multipart/form-data or application/json");
	else if (json)
		ep_http_set_lane(request, EP_HTTP_LANE_QUERY);
	return answer->status ? EP_HTTP_ANSWER : EP_HTTP_GO_ON;
}

bool
ep_api_is_file(const struct ep_http_part *part)
{
	return strcmp(part->name, "file") == 0 && part->file_name[0];
}

/* ---- samples without a header ---- */

/* A parameter of the Content-Type that is a number from 1 to max; false where it is not one. */
static bool
read_parameter(uint32_t *value, const char *type, const char *name, uint32_t max)
{
	size_t size = strlen(name);
	for (const char *at = strchr(type, ';'); at; at = strchr(at, ';')) {
		at += 1 + strspn(at + 1, " ");
		if (strncasecmp(at, name, size) != 0 || at[size] != '=')
			continue;
		char *end;
		unsigned long number = strtoul(at + size + 1, &end, 10);
		*value = (uint32_t)number;
		return (*end == '\0' || *end == ';' || *end == ' ') && number >= 1 && number <= max;
	}
	return *value != 0;
}

static void
store_big(uint8_t *bytes, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* The header of a file of Sun's: big-endian samples of 16 bits, as RFC 2586 has them. */
static enum ep_status
write_header(int fd, uint64_t size, uint32_t rate, uint32_t channels, struct ep_error *err)
{
	const uint32_t fields[] = { 0x2e736e64, 24, (uint32_t)size, 3, rate, channels };
	uint8_t bytes[sizeof fields];
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		store_big(bytes + 4 * i, fields[i]);
	return ep_write_all(fd, bytes, sizeof bytes, "samples", err);
}

static enum ep_status
copy_samples(const char *to, const char *from, uint32_t rate, uint32_t channels,
             struct ep_error *err)
{
	char block[16384];
	struct stat info;
	size_t got = 1;
	EP_FD int in = open(from, O_RDONLY | O_CLOEXEC);
	EP_FD int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (in < 0 || out < 0 || fstat(in, &info) != 0)
		return ep_fail_errno(err, errno, "cannot copy samples");
	EP_TRY(write_header(out, (uint64_t)info.st_size, rate, channels, err));
	while (got > 0) {
		EP_TRY(ep_read_some(&got, in, block, sizeof block, "samples", err));
		EP_TRY(ep_write_all(out, block, got, "samples", err));
	}
	return EP_OK;
}

enum ep_status
ep_api_sound_file(char **path, bool *made, const struct ep_http_request *request,
                  struct ep_error *err)
{
	const char *body = ep_http_spooled(request);
	const char *type = ep_http_header(request, "Content-Type");
	uint32_t rate = 0;
	uint32_t channels = 1;
	if (!body)
		return ep_fail(err, EP_BAD_INPUT, "the body is empty");
	*made = ep_api_is_type(request, RAW_TYPE);
	if (*made && (!read_parameter(&rate, type, "rate", RATE_MAX) ||
	              !read_parameter(&channels, type, "channels", CHANNELS_MAX))) {
		*made = false;
		return ep_fail(err, EP_BAD_INPUT,
		               "the type of samples must be " RAW_TYPE
		               "; rate=R; channels=C, with R up to %d and C up to %d",
		               RATE_MAX, CHANNELS_MAX);
	}
	if (asprintf(path, "%s%s", body, *made ? ".au.body" : "") < 0) {
		*path = NULL;
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	}
	return *made ? copy_samples(*path, body, rate, channels, err) : EP_OK;
}
