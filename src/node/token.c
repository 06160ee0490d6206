#include "node/token.h"

#include "base/file.h"
#include "base/sign.h"

/* The token in the data folder, which who may read that may use; made on the first call. */
static enum ep_status
make_token(char **path, const char *folder, struct ep_error *err)
{
	uint8_t bytes[16];
	char text[2 * sizeof bytes + 1];
	*path = ep_path_join(folder, "ingest.token");
	if (!*path)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	randombytes_buf(bytes, sizeof bytes);
	sodium_bin2hex(text, sizeof text, bytes, sizeof bytes);
	text[sizeof text - 1] = '\n';
	return ep_make_file(*path, text, sizeof text, 0600, err);
}

enum ep_status
ep_node_token(struct ep_buffer *token, const struct ep_node *node, const char *path,
              struct ep_error *err)
{
	EP_FREE char *own = NULL;
	if (!path) {
		EP_TRY(make_token(&own, ep_log_folder(ep_node_log(node)), err));
		path = own;
	}
	EP_TRY(ep_read_file(token, path, 4096, err));
	while (token->size && token->data[token->size - 1] <= ' ')
		token->size--;
	if (token->size < 8)
		return ep_fail(err, EP_BAD_INPUT, "%s: the token must have at least 8 bytes", path);
	return ep_buffer_append(token, "", 1, err);
}
