/* Signs standard input with the keys of a data folder: sign FOLDER PURPOSE; prints hex. For tests
 * that need what a node would never say. */
#include "base/sign.h"
#include "base/file.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	EP_BUFFER struct ep_buffer text = { 0 };
	struct ep_keys keys;
	struct ep_signature signature;
	char hex[2 * EP_SIGNATURE_SIZE + 1];
	if (argc != 3 || sodium_init() < 0 || ep_keys_open(&keys, argv[1], NULL) != EP_OK)
		return 1;
	for (size_t got = 1; got > 0; text.size += got) {
		if (ep_buffer_reserve(&text, 65536, NULL) != EP_OK ||
		    ep_read_some(&got, STDIN_FILENO, text.data + text.size, 65536, "standard input",
		                 NULL) != EP_OK)
			return 1;
	}
	ep_sign(&signature, &keys, argv[2], text.data, text.size);
	sodium_bin2hex(hex, sizeof hex, signature.bytes, EP_SIGNATURE_SIZE);
	puts(hex);
	return 0;
}
