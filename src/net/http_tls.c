#include "net/http_internal.h"

#include "base/file.h"

/* The largest certificate or key file. */
#define PEM_MAX ((size_t)1 << 20)

enum ep_status
ep_http_read_pem(struct ep_buffer *pem, const char *path, struct ep_error *err)
{
	EP_TRY(ep_read_file(pem, path, PEM_MAX, err));
	return ep_buffer_append(pem, "", 1, err);
}

enum ep_status
ep_http_check_tls(const char *certificate, const char *key, struct ep_error *err)
{
	EP_BUFFER struct ep_buffer certificate_pem = { 0 };
	EP_BUFFER struct ep_buffer key_pem = { 0 };
	EP_TRY(ep_late_microhttpd(err));
	EP_TRY(ep_http_read_pem(&certificate_pem, certificate, err));
	EP_TRY(ep_http_read_pem(&key_pem, key, err));
	/* Only a daemon reads them; this one listens nowhere. */
	struct MHD_Daemon *daemon = MHD_start_daemon(
		MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_NO_LISTEN_SOCKET, 0, NULL,
		NULL, ep_http_on_request, NULL, MHD_OPTION_HTTPS_MEM_CERT, certificate_pem.data,
		MHD_OPTION_HTTPS_MEM_KEY, key_pem.data, MHD_OPTION_END);
	if (!daemon)
		return ep_fail(err, EP_BAD_INPUT, "cannot serve TLS with %s and %s", certificate,
		               key);
	MHD_stop_daemon(daemon);
	return EP_OK;
}
