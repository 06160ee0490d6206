#include "net/late.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

struct ep_late ep_late;

/* The libraries' file names on the systems that we know. The number is the version of the binary
 * interface: that of the headers we were compiled with. */
static const char *const curl_files[] = { "libcurl.so.4", "libcurl-gnutls.so.4", NULL };
static const char *const microhttpd_files[] = { "libmicrohttpd.so.12", NULL };

#define FUNCTION(name) { #name, offsetof(struct ep_late, late_##name) },

static const struct ep_late_function curl_functions[] = { EP_LATE_CURL(FUNCTION){ NULL, 0 } };
static const struct ep_late_function microhttpd_functions[] = { EP_LATE_MICROHTTPD(FUNCTION){ NULL,
	                                                                                      0 } };

enum ep_status
ep_late_load(void *pointers, const char *const *files, const struct ep_late_function *functions,
             struct ep_error *err)
{
	void *library = NULL;
	for (size_t i = 0; !library && files[i]; i++)
		library = dlopen(files[i], RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return ep_fail(err, EP_IO, "cannot load a library: %s; install its package",
		               dlerror());
	for (; functions->name; functions++) {
		void *found = dlsym(library, functions->name);
		if (!found)
			return ep_fail(err, EP_IO, "%s is too old: it has no %s", files[0],
			               functions->name);
		memcpy((char *)pointers + functions->at, &found, sizeof found);
	}
	return EP_OK;
}

static struct ep_error curl_error;
static struct ep_error microhttpd_error;

static void
load_curl(void)
{
	if (ep_late_load(&ep_late, curl_files, curl_functions, &curl_error) == EP_OK)
		ep_late.late_curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void
load_microhttpd(void)
{
	(void)!ep_late_load(&ep_late, microhttpd_files, microhttpd_functions, &microhttpd_error);
}

static enum ep_status
outcome(const struct ep_error *of_load, struct ep_error *err)
{
	return of_load->status == EP_OK ? EP_OK
	                                : ep_fail(err, of_load->status, "%s", of_load->text);
}

enum ep_status
ep_late_curl(struct ep_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load_curl);
	return outcome(&curl_error, err);
}

enum ep_status
ep_late_microhttpd(struct ep_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load_microhttpd);
	return outcome(&microhttpd_error, err);
}
