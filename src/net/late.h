/* late.h - libcurl and libmicrohttpd, which are loaded when they are first needed
 *
 * They bring thirty other libraries with them. Loading all of these takes some 6 ms, while a query
 * takes only 1 ms. So the program is not linked with them, and a command that uses no network does
 * not load them.
 *
 * A file that calls them includes late_names.h, and first calls ep_late_curl or ep_late_microhttpd.
 */
#ifndef EP_NET_LATE_H
#define EP_NET_LATE_H

#include "base/status.h"

/* Without this curl_easy_setopt is not a function but an expression. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <microhttpd.h>
#include <stddef.h>

/* Every function that is called. */
#define EP_LATE_CURL(X)             \
	X(curl_global_init)         \
	X(curl_easy_init)           \
	X(curl_easy_reset)          \
	X(curl_easy_setopt)         \
	X(curl_easy_perform)        \
	X(curl_easy_getinfo)        \
	X(curl_easy_strerror)       \
	X(curl_easy_cleanup)        \
	X(curl_slist_append)        \
	X(curl_slist_free_all)      \
	X(curl_easy_pause)          \
	X(curl_multi_init)          \
	X(curl_multi_add_handle)    \
	X(curl_multi_remove_handle) \
	X(curl_multi_perform)       \
	X(curl_multi_poll)          \
	X(curl_multi_info_read)     \
	X(curl_multi_cleanup)       \
	X(curl_url)                 \
	X(curl_url_set)             \
	X(curl_url_get)             \
	X(curl_url_cleanup)         \
	X(curl_free)

#define EP_LATE_MICROHTTPD(X)                      \
	X(MHD_start_daemon)                        \
	X(MHD_stop_daemon)                         \
	X(MHD_get_connection_info)                 \
	X(MHD_get_connection_values)               \
	X(MHD_lookup_connection_value)             \
	X(MHD_suspend_connection)                  \
	X(MHD_resume_connection)                   \
	X(MHD_create_response_from_buffer)         \
	X(MHD_create_response_from_fd_at_offset64) \
	X(MHD_add_response_header)                 \
	X(MHD_queue_response)                      \
	X(MHD_destroy_response)                    \
	X(MHD_create_post_processor)               \
	X(MHD_post_process)                        \
	X(MHD_destroy_post_processor)

#define EP_LATE_MEMBER(name) __typeof__(name) *late_##name;

/* Pointers to them; NULL until they are loaded, and then constant. */
extern struct ep_late {
	EP_LATE_CURL(EP_LATE_MEMBER)
	EP_LATE_MICROHTTPD(EP_LATE_MEMBER)
} ep_late;

/* A function of a library that is loaded late, and where its pointer goes. */
struct ep_late_function {
	const char *name;
	size_t at; /* in the struct of pointers */
};

/* Loads the first of some files that is there, and fills pointers with its functions; both lists
 * end with NULL. The library stays loaded. EP_IO  as below. */
EP_MUST_USE enum ep_status ep_late_load(void *pointers, const char *const *files,
                                        const struct ep_late_function *functions,
                                        struct ep_error *err);

/* The first call of each function loads its library; any thread may call them at any time. EP_IO
 * the library is not there, or is too old. */
EP_MUST_USE enum ep_status ep_late_curl(struct ep_error *err);
EP_MUST_USE enum ep_status ep_late_microhttpd(struct ep_error *err);

#endif
