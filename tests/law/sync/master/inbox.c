/* Law of contributions: whatever a source has signed is taken or refused, and the same again
 * changes nothing. */
#include "sync/master/inbox.h"
#include "base/bytes.h"
#include "base/file.h"
#include "format/packet.h"
#include "tests/law/signed.h"
#include "tests/node.h"

void law_inbox(const uint8_t *bytes, size_t size);

static struct node node;
static struct ep_keys own; /* of the node */

static void
remove_node(void)
{
	node_close(&node);
}

/* Makes a master with one source, whose keys are those of the tests. */
static void
make_node(void)
{
	struct ep_log_write *write;
	uint32_t number;
	struct ep_peer peer = { .has_key = true, .key = test_keys().key };
	if (node.log)
		return;
	node_open(&node);
	atexit(remove_node);
	needs(ep_keys_open(&own, node.folder, NULL));
	strcpy(peer.name, "slave");
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_source(&number, write, ep_text_of(peer.name), NULL));
	needs(ep_peer_store(write, &peer, NULL));
	needs(ep_log_commit(&write, NULL));
}

/* A packet of a slave with the bytes as the payload of its only block; or the bytes as they are.
 * The first byte has the counts. Its parties are the slave, the master, and a stranger. */
static void
put_packet(struct ep_buffer *out, const uint8_t *bytes, size_t size)
{
	static const struct ep_text sources[] = { { "local", 5 } };
	const struct ep_key parties[] = { test_keys().key, own.key, { { 1 } } };
	struct ep_packet_header header = { .kind = EP_PACKET_SLAVE,
		                           .key = test_keys().key,
		                           .last = 100,
		                           .marks_from = 101,
		                           .tracks = size ? bytes[0] % 4 : 0,
		                           .documents = size ? bytes[0] / 4 % 4 : 0,
		                           .deletions = size ? bytes[0] / 16 % 2 : 0,
		                           .links = size ? bytes[0] / 32 % 4 : 0,
		                           .parties = parties,
		                           .party_count = 3,
		                           .name = ep_text_of("slave"),
		                           .sources = sources,
		                           .source_count = 1 };
	uint8_t head[8];
	if (size && bytes[0] >= 128) {
		needs(ep_buffer_append(out, bytes + 1, size - 1, NULL));
		return;
	}
	needs(ep_packet_put_header(out, &header, NULL));
	if (size > 1) {
		ep_store32(head, (uint32_t)(size - 1));
		ep_store32(head + 4, ep_crc32(bytes + 1, size - 1));
		needs(ep_buffer_append(out, head, sizeof head, NULL));
		needs(ep_buffer_append(out, bytes + 1, size - 1, NULL));
	}
	needs(ep_buffer_append(out, "\0\0\0\0", 4, NULL));
}

/* Puts its hash and its signature behind a packet. */
static void
sign_packet(struct ep_buffer *packet, struct ep_trailer *trailer)
{
	struct ep_keys keys = test_keys();
	struct ep_hasher hasher;
	uint8_t end[EP_TRAILER_SIZE];
	*trailer = (struct ep_trailer){ .master = own.key };
	ep_hasher_init(&hasher);
	ep_hasher_add(&hasher, packet->data, packet->size);
	ep_hasher_done(&trailer->hash, &hasher);
	ep_trailer_write(end, trailer, &keys);
	needs(ep_buffer_append(packet, end, sizeof end, NULL));
}

void
law_inbox(const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer packet = { 0 };
	EP_BUFFER struct ep_buffer receipt = { 0 };
	EP_BUFFER struct ep_buffer again = { 0 };
	struct ep_inbox_report report;
	struct ep_trailer trailer;
	make_node();
	EP_FREE char *path = ep_path_join(node.folder, "test.packet");
	put_packet(&packet, bytes, size);
	sign_packet(&packet, &trailer);
	needs(ep_replace_file(path, packet.data, packet.size, 0600, NULL));
	enum ep_status status = ep_inbox_take(&receipt, &report, node.log, path, NULL, NULL);
	must(status == EP_OK || status == EP_CORRUPT || status == EP_BAD_INPUT ||
	     status == EP_NEWER);
	if (status != EP_OK)
		return;
	uint64_t position = report.position;
	must_equal(ep_inbox_take(&again, &report, node.log, path, NULL, NULL), EP_OK);
	must_equal(report.position, position);
}
