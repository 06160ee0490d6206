/* Law of the index: any bytes as one of its files, or as the log's value that names them, are
 * opened and searched, or refused; following makes an index that answers. */
#include "index/index.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/hash.h"
#include "index/manifest.h"
#include "index/merge.h"
#include "match/match.h"
#include "tests/must.h"
#include "tests/node.h"

#include <fcntl.h>
#include <sys/mman.h>

void law_index(const uint8_t *bytes, size_t size);

#define SONGS 3

static struct node node;
static struct ep_matcher *matcher;

static void
remove_node(void)
{
	ep_matcher_free(matcher);
	node_close(&node);
}

static void
make_node(void)
{
	EP_PAIRS struct ep_pairs pairs = { 0 };
	if (matcher)
		return;
	node_open(&node);
	needs(ep_matcher_new(&matcher, NULL));
	atexit(remove_node);
	for (uint32_t i = 0; i < SONGS; i++) {
		char id[8] = { 'T', 'R', (char)('A' + i) };
		song_of_onsets(&pairs, i, 2000);
		node_put(&node, id, &pairs, "");
	}
}

/* ---- a file ---- */

/* Puts sizes and checksums right, so that what is behind them is reached. */
static void
seal(uint8_t *bytes, size_t size)
{
	uint64_t directory = ep_load64(bytes + 32);
	memcpy(bytes, "EPSHARD\3", 8);
	ep_store64(bytes + 40, size);
	if (directory >= EP_SHARD_HEADER && directory <= size) {
		ep_store32(bytes + 48,
		           ep_crc32(bytes + EP_SHARD_HEADER, directory - EP_SHARD_HEADER));
		ep_store32(bytes + 52, ep_crc32(bytes + directory, size - directory));
	}
	ep_store32(bytes + 60, ep_crc32(bytes, 60));
}

static void
walk(const struct ep_shard *shard)
{
	static uint32_t slots[1000];
	struct ep_shard_walk at = { 0 };
	uint64_t postings[100];
	uint64_t last = 0;
	uint64_t all = 0;
	size_t count = 1;
	while (count &&
	       ep_shard_next(postings, &count, 100, &at, shard, EP_KEY_END, NULL) == EP_OK) {
		for (size_t i = 0; i < count; i++) {
			must(all + i == 0 || postings[i] > last);
			must((uint32_t)postings[i] < shard->slot_count);
			last = postings[i];
		}
		all += count;
	}
	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t key = i * 33521 % EP_KEY_END;
		size_t got = ep_shard_read(slots, 1000, shard, key, key + 1 + i % 70);
		(void)ep_shard_count(shard, key, key + 1 + i % 70);
		for (size_t j = 0; j < got; j++)
			must(slots[j] < shard->slot_count);
	}
	(void)ep_shard_track_at(shard, shard->slot_count / 2);
}

static void
merge(const struct ep_shard *shard)
{
	struct ep_log_read *read;
	struct ep_merged merged;
	struct ep_shard out;
	int fd = memfd_create("merged", MFD_CLOEXEC);
	needs(ep_log_read_begin(&read, node.log, NULL));
	enum ep_status status =
		ep_shards_merge(&merged, fd, "", shard, 1, node.log, read, NULL, NULL);
	must(status == EP_OK || status == EP_CORRUPT);
	if (status == EP_OK && merged.track_count) {
		must_equal(ep_shard_open(&out, fd, "", NULL), EP_OK);
		must_equal(ep_shard_check(&out, "", NULL), EP_OK);
		ep_shard_close(&out);
	}
	ep_log_read_end(read);
	close(fd);
}

static void
write_file(const uint8_t *bytes, size_t size)
{
	EP_FREE char *folder = ep_index_folder(node.log);
	EP_FREE char *path = ep_shard_path(node.log, 1);
	needs(ep_make_folder(folder, NULL));
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	needs(ep_write_all(fd, bytes, size, path, NULL));
	close(fd);
}

/* Names the file as if it were whole. */
static void
name_file(const struct ep_shard *shard)
{
	static struct ep_manifest manifest;
	manifest = (struct ep_manifest){ .watermark = SONGS, .next_number = 2, .count = 1 };
	manifest.shards[0] = (struct ep_manifest_shard){ .number = 1,
		                                         .track_count = shard->track_count,
		                                         .posting_count = shard->posting_count,
		                                         .slot_count = shard->slot_count,
		                                         .bytes = shard->size };
	needs(ep_manifest_store(&manifest, node.log, NULL));
}

static void
try_file(const uint8_t *bytes, size_t size)
{
	struct ep_shard shard = { .size = size };
	int fd = memfd_create("shard", MFD_CLOEXEC);
	needs(ep_write_all(fd, bytes, size, "", NULL));
	enum ep_status status = ep_shard_open(&shard, fd, "", NULL);
	must(status == EP_OK || status == EP_CORRUPT || status == EP_NEWER);
	close(fd);
	write_file(bytes, size);
	name_file(&shard);
	if (status != EP_OK)
		return;
	(void)!ep_shard_check(&shard, "", NULL);
	walk(&shard);
	merge(&shard);
	ep_shard_close(&shard);
}

/* ---- the value ---- */

static void
set_value(const uint8_t *bytes, size_t size)
{
	struct ep_log_write *write;
	struct ep_bytes value = { bytes, size };
	needs(ep_log_write_begin(&write, node.log, NULL));
	needs(ep_log_set_value(write, EP_INDEX_VALUE, value, NULL));
	needs(ep_log_commit(&write, NULL));
}

/* ---- the index ---- */

/* Asks for a piece of a song; whether it is found. */
static bool
ask(struct ep_index *index)
{
	EP_PAIRS struct ep_pairs song = { 0 };
	EP_PAIRS struct ep_pairs query = { 0 };
	struct ep_answer answer;
	song_of_onsets(&song, 1, 2000);
	excerpt(&query, &song, 300, 1200, 0, NULL);
	needs(ep_match(&answer, matcher, index, &query, &ep_match_speeds_default, NULL));
	return answer.match && ep_text_equal(answer.track_id, ep_text_of("TRB"));
}

static void
open_and_ask(void)
{
	struct ep_index *index;
	enum ep_status status = ep_index_open(&index, node.log, NULL);
	must(status == EP_OK || status == EP_CORRUPT || status == EP_NEWER);
	if (status == EP_OK) {
		(void)ask(index);
		ep_index_close(index);
	}
}

void
law_index(const uint8_t *bytes, size_t size)
{
	struct ep_index_options options = { 0 };
	struct ep_index *index;
	make_node();
	if (size > EP_SHARD_HEADER) {
		uint8_t *sealed = malloc(size);
		must(sealed != NULL);
		memcpy(sealed, bytes, size);
		seal(sealed, size);
		try_file(sealed, size);
		free(sealed);
		open_and_ask();
	}
	try_file(bytes, size);
	open_and_ask();
	set_value(bytes, size);
	open_and_ask();
	enum ep_status status = ep_index_follow(node.log, &options, NULL);
	must(status == EP_OK || status == EP_NEWER);
	needs(ep_index_rebuild(node.log, &options, NULL));
	needs(ep_index_open(&index, node.log, NULL));
	must(ask(index));
	ep_index_close(index);
}
