/* One long file: the steps of a history, and the end that every history must come to, use the same
 * acts of the nodes. */
#include "world.h"

#include "machine.h"
#include "sync/folder_transport.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Bytes that a node may have on its disk after any history. */
#define NODE_BYTES_MAX ((uint64_t)16 << 20)

/* Rounds in which all must become quiet. */
#define ROUNDS_MAX 14

/* A node that no history has, for who comes later. */
#define NEWCOMER (NODES - 1)

#define PATH_SIZE 300

void
world_fail(struct world *world, const char *format, ...)
{
	va_list args;
	if (world->failure[0])
		return;
	va_start(args, format);
	vsnprintf(world->failure, sizeof world->failure, format, args);
	va_end(args);
}

/* ---- what is known ---- */

void
world_hint(struct world *world, int node, const struct knows *knows)
{
	if (world->hint_count == HINTS)
		return;
	world->hints[world->hint_count].node = node;
	world->hints[world->hint_count++].knows = *knows;
}

void
world_look(struct world *world, int node)
{
	struct knows hints[HINTS];
	struct node_view view;
	size_t count = 0;
	for (size_t i = 0; i < world->hint_count; i++) {
		if (world->hints[i].node == node)
			hints[count++] = world->hints[i].knows;
	}
	if (node_look(&view, node) != EP_OK) {
		world_fail(world, "damaged: node %d cannot be read: %s", node, node_why());
		return;
	}
	for (int track = 0; track < TRACKS; track++) {
		const uint16_t *before = world->model.seen[0].contents;
		if (node == 0 && view.contents[track] != before[track])
			world->touched[track] = true;
		if (node > 0 && view.links_foreign[track])
			world_fail(world, "foreign link: node %d has a link of its own on track %c",
			           node, 'A' + track);
	}
	model_hear(&world->model, node, &view, hints, count);
}

static uint64_t
hash_text(const char *text, size_t size)
{
	uint64_t hash = 14695981039346656037U;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)text[i]) * 1099511628211U;
	return hash;
}

const struct knows *
world_known_feed(const struct world *world, const char *text, size_t size)
{
	uint64_t hash = hash_text(text, size);
	for (unsigned i = 0; i < FEEDS && i < world->feed_count; i++) {
		if (world->feeds[i].hash == hash && world->feeds[i].size == size)
			return &world->feeds[i].knows;
	}
	return NULL;
}

/* Reads a feed.json of up to FEED_MAX bytes; gives how many. */
static size_t
read_feed(char *text, const char *folder)
{
	char path[PATH_SIZE];
	snprintf(path, sizeof path, "%.250s/feed.json", folder);
	FILE *file = fopen(path, "r");
	size_t size = file ? fread(text, 1, FEED_MAX, file) : 0;
	if (file)
		fclose(file);
	return size;
}

void
world_note_feed(struct world *world, const char *folder)
{
	static char text[FEED_MAX];
	size_t size = read_feed(text, folder);
	if (!size || world_known_feed(world, text, size))
		return;
	struct feed_text *feed = &world->feeds[world->feed_count++ % FEEDS];
	memcpy(feed->text, text, size);
	feed->size = size;
	feed->hash = hash_text(text, size);
	feed->knows = world->model.knows[0];
}

static const char *
stick_of(const struct world *world)
{
	static char path[PATH_SIZE];
	snprintf(path, sizeof path, "%s/stick", world->root);
	return path;
}

/* ---- what comes to the master ---- */

/* Nobody's track was changed by who does not own it. What the master has forgotten may come back:
 * what was his in a lost history is known by the master's own word alone. */
static void
check_rights(struct world *world, const struct node_view *before, int liar)
{
	const struct node_view *after = &world->model.seen[0];
	for (int track = 0; track < TRACKS; track++) {
		int owner = before->owner[track];
		bool his = owner == liar || owner < 0;
		if (before->contents[track] && !his &&
		    after->contents[track] != before->contents[track] && !world->ever_restored)
			world_fail(world, "rights: node %d changed track %c of node %d", liar,
			           'A' + track, owner);
	}
}

/* What a liar changed is nobody's act that must last. */
static void
note_lie(struct world *world, const struct node_view *before, int liar)
{
	struct model *model = &world->model;
	struct node_view after;
	if (node_look(&after, 0) != EP_OK)
		return;
	for (int track = 0; track < TRACKS; track++) {
		if (after.contents[track] == before->contents[track])
			continue;
		model_act(model, 0, track, after.contents[track], false);
		if (model->count)
			model->acts[model->count - 1].node = (uint8_t)liar;
	}
}

/* What the master did not take, and says so, it keeps aside. */
static void
check_conflicts(struct world *world, const struct node_said *said)
{
	const struct node_view *view = &world->model.seen[0];
	for (size_t i = 0; i < said->count; i++) {
		bool kept = false;
		int track = said->entries[i].track;
		if (!said->entries[i].conflict || said->entries[i].link || track < 0)
			continue;
		for (size_t k = 0; k < view->aside_count; k++)
			kept |= view->aside[k].track == track &&
			        (said->entries[i].deleted ? !view->aside[k].contents
			                                  : memcmp(view->aside[k].hash,
			                                           said->entries[i].hash, 16) == 0);
		if (!kept && view->aside_count < ASIDE_MAX)
			world_fail(world,
			           "not aside: the master told of a conflict of track %c, "
			           "and kept nothing",
			           'A' + track);
	}
}

/* Whether a contribution shows the master a feed that it does not have: of its own epoch but
 * behind its last position, or of a later epoch. */
static bool
is_beyond(const struct node_said *said)
{
	struct node_view now;
	if (!said->has_head || node_look(&now, 0) != EP_OK)
		return false;
	return said->epoch > now.epoch ||
	       (said->epoch == now.epoch &&
	        (said->epoch_tag != now.epoch_tag || said->position > now.position));
}

/* What somebody said to the master since its epoch began is changed by those alone who knew it, or
 * by another who owned the track before. */
static void
check_overridden(struct world *world, const struct node_view *before, const bool touched[TRACKS])
{
	const struct node_view *after = &world->model.seen[0];
	for (int track = 0; track < TRACKS; track++) {
		uint16_t now = after->contents[track];
		uint16_t then = before->contents[track];
		if (then && now && now != then && touched[track] &&
		    after->owner[track] == before->owner[track] &&
		    !model_may_know(&world->model, track, now, then))
			world_fail(world, "overridden: track %c by one who did not know it",
			           'A' + track);
	}
}

enum ep_status
world_deliver(struct world *world, struct message *message, const uint8_t *bytes, size_t size)
{
	EP_BUFFER struct ep_buffer answer = { 0 };
	struct node_view before = world->model.seen[0];
	bool touched[TRACKS];
	struct node_said said;
	int liar = history_liar(&world->history);
	bool shown = node_said(&said, bytes, size, NULL, 0) && is_beyond(&said);
	memcpy(touched, world->touched, sizeof touched);
	enum ep_status status = node_take(&answer, bytes, size);
	world->stale |= status == EP_DIVERGED;
	world->shown |= status == EP_DIVERGED || (shown && status == EP_OK);
	if (world->shown && status == EP_OK && said.count)
		world_fail(world, "stale: the master takes what node %d has, and is an older copy",
		           message->from);
	if (answer.size > ANSWER_MAX) {
		world_fail(world, "too large: a receipt of %zu bytes", answer.size);
		answer.size = ANSWER_MAX;
	}
	if (status == EP_OK) {
		memcpy(message->answer, answer.data, answer.size);
		message->answer_size = answer.size;
	}
	if (message->from == liar)
		note_lie(world, &before, liar);
	else
		world_hint(world, 0, &message->knows);
	world_look(world, 0);
	if (message->from == liar)
		check_rights(world, &before, liar);
	else
		check_overridden(world, &before, touched);
	if (status == EP_OK && node_said(&said, bytes, size, answer.data, answer.size))
		check_conflicts(world, &said);
	return status;
}

/* ---- steps ---- */

/* Whether an outcome can be. */
static void
check_status(struct world *world, int node, enum ep_status status)
{
	const struct step *step = world->step;
	bool flipped = step && step->fate == FATE_FLIP;
	bool full = step && step->trouble == TROUBLE_FULL;
	switch (status) {
	case EP_OK:
	case EP_UNREACHABLE:
	case EP_DIVERGED:
	case EP_BAD_INPUT:
		return;
	case EP_NOT_FOUND:
		if (!step || step->verb < SYNC)
			return;
		break;
	case EP_CORRUPT:
		if (flipped || (step && (step->fate == FATE_CUT || step->fate == FATE_OLD)))
			return;
		break;
	case EP_NO_SPACE:
	case EP_IO:
		if (full)
			return;
		break;
	case EP_NO_MEMORY:
	case EP_NEWER:
	case EP_INTERRUPTED:
	case EP_USAGE:
		break;
	}
	world_fail(world, "status: node %d: %d, %s", node, (int)status, node_why());
}

/* A user's put or deletion: done, or refused and kept aside. */
static void
change(struct world *world, int node, int track, uint16_t contents)
{
	struct node_view view;
	uint16_t before = world->model.knows[node].contents[track];
	bool conflict = false;
	enum ep_status status =
		contents ? node_put(node, track, contents, &conflict) : node_delete(node, track);
	check_status(world, node, status);
	if (status != EP_OK || node_look(&view, node) != EP_OK)
		return;
	if (view.contents[track] == contents) {
		if (before != contents)
			model_act(&world->model, node, track, contents, true);
		world->acted = true;
		return;
	}
	for (size_t i = 0; i < view.aside_count; i++) {
		if (view.aside[i].track == track && view.aside[i].contents == contents)
			return;
	}
	world_fail(world, "refused: node %d took track %c%s and neither has it nor kept it aside",
	           node, 'A' + track, conflict ? " (in conflict)" : "");
}

static int
mirror_of(const struct history *history)
{
	for (int node = 1; node < history->nodes; node++) {
		if (history->kinds[node] == KIND_MIRROR)
			return node;
	}
	return 0;
}

/* What a slave has is what its feed says, or it finds another history: none has data that was
 * changed by other hands. */
static enum ep_status
check_proof(struct world *world, int node, enum ep_status status)
{
	if (status == EP_DIVERGED && strstr(node_why(), "by other hands"))
		world_fail(world, "other hands: node %d: %s", node, node_why());
	return status;
}

/* A slave goes to the stick, which is plugged in there. */
static enum ep_status
sync_by_stick(struct world *world, int node, const struct node_sync *how)
{
	static char text[FEED_MAX];
	char folder[PATH_SIZE];
	snprintf(folder, sizeof folder, "%.250s", stick_of(world));
	struct ep_transport stick = ep_folder_transport(folder);
	size_t size = read_feed(text, folder);
	const struct knows *knows = world_known_feed(world, text, size);
	if (knows)
		world_hint(world, node, knows);
	world->left[node][1] = world->left[node][0];
	world->left[node][0] = world->model.knows[node];
	return check_proof(world, node, node_sync(node, how, &stick, &stick));
}

static enum ep_status
sync_node(struct world *world, int node, const struct node_sync *wanted)
{
	const struct history *history = &world->history;
	struct node_sync how = *wanted;
	struct way way = { .world = world, .slave = node };
	enum kind kind = history->kinds[node];
	if (kind == KIND_STICK)
		return sync_by_stick(world, node, &how);
	how.mirrors = kind == KIND_MIRROR;
	if (kind == KIND_BEHIND)
		way.from = mirror_of(history);
	struct ep_transport transport = net_way(&way);
	return check_proof(world, node, node_sync(node, &how, &transport, &transport));
}

void
world_fetch(struct world *world, int node)
{
	struct node_sync how = { .fetches = true };
	enum ep_status status = sync_node(world, node, &how);
	if (status != EP_OK && world->shows)
		printf("      fetch: %d %s\n", (int)status, node_why());
}

static enum ep_status
publish_on_stick(struct world *world)
{
	char folder[PATH_SIZE];
	snprintf(folder, sizeof folder, "%.250s", stick_of(world));
	enum ep_status status = node_publish(folder);
	world->stale |= status == EP_DIVERGED;
	for (int node = 1; node < world->history.nodes; node++) {
		if (world->history.kinds[node] != KIND_STICK)
			continue;
		world_hint(world, 0, &world->left[node][0]);
		world_hint(world, 0, &world->left[node][1]);
	}
	world_look(world, 0);
	world_note_feed(world, folder);
	return status;
}

static enum ep_status
publish(struct world *world)
{
	char folder[PATH_SIZE];
	snprintf(folder, sizeof folder, "%.250s/feed", node_folder(0));
	enum ep_status status = node_publish(NULL);
	world->stale |= status == EP_DIVERGED;
	world_note_feed(world, folder);
	return status;
}

static void
burst(struct world *world, long count)
{
	for (long i = 0; i < count; i++) {
		unsigned number = (unsigned)world->model.seen[0].position + (unsigned)i;
		check_status(world, 0, node_fill(0, number));
		check_status(world, 0, publish(world));
	}
}

/* What a CSV changed; a mixture of rows is an act of its own. */
static void
heard_csv(struct world *world, int node, const struct knows *knows)
{
	struct node_view view;
	world_hint(world, node, knows);
	if (node_look(&view, node) != EP_OK)
		return;
	for (int track = 0; track < TRACKS; track++) {
		uint16_t now = view.contents[track];
		if (now != world->model.knows[node].contents[track] &&
		    now != knows->contents[track])
			model_act(&world->model, node, track, now, false);
	}
}

static void
read_legacy(struct world *world, const struct step *step)
{
	char path[PATH_SIZE];
	uint16_t before = world->model.knows[0].contents[step->track];
	struct node_view view;
	snprintf(path, sizeof path, "%s/legacy.csv", world->root);
	node_write_csv(path, step->track, step->contents);
	enum ep_status status = node_read_csv(0, path, LEGACY);
	check_status(world, 0, status);
	if (node_look(&view, 0) != EP_OK || view.contents[step->track] == before)
		return;
	model_act(&world->model, 0, step->track, view.contents[step->track], status == EP_OK);
}

static void
dump_csv(struct world *world, int node)
{
	char path[200];
	enum ep_status status = node_dump(path, node);
	check_status(world, node, status);
	if (status != EP_OK || !path[0])
		return;
	unsigned at = world->csv_count++ % CSVS;
	memcpy(world->csvs[at].path, path, sizeof path);
	world->csvs[at].from = node;
	world->csvs[at].knows = world->model.knows[node];
}

static void
read_csv(struct world *world, int node, long number)
{
	if (!world->csv_count)
		return;
	unsigned count = world->csv_count < CSVS ? world->csv_count : CSVS;
	unsigned at = (unsigned)number % count;
	if ((world->csvs[at].from == 0) == (node == 0))
		return;
	check_status(world, node, node_read_csv(node, world->csvs[at].path, world->csvs[at].from));
	heard_csv(world, node, &world->csvs[at].knows);
}

static void
copy_folder(struct world *world, int node)
{
	char path[PATH_SIZE];
	unsigned at = world->copy_count++ % COPIES;
	snprintf(path, sizeof path, "%s/copy%u", world->root, at);
	machine_remove(path);
	machine_copy(node_folder(node), path);
	world->copies[at].node = node;
	world->copies[at].knows = world->model.knows[node];
	world->copies[at].spoiled = node == 0 && world->spoiled;
	memcpy(world->copies[at].removed, world->model.removed, sizeof world->model.removed);
}

static void
restore_folder(struct world *world, long number)
{
	char path[PATH_SIZE];
	if (!world->copy_count)
		return;
	unsigned count = world->copy_count < COPIES ? world->copy_count : COPIES;
	unsigned at = (unsigned)number % count;
	int node = world->copies[at].node;
	snprintf(path, sizeof path, "%s/copy%u", world->root, at);
	node_close(node);
	machine_settle(node);
	machine_remove(node_folder(node));
	machine_copy(path, node_folder(node));
	if (node == 0)
		memcpy(world->model.removed, world->copies[at].removed,
		       sizeof world->model.removed);
	model_restore(&world->model, node, &world->copies[at].knows);
	world_look(world, node);
	model_bury(&world->model, world->history.nodes, history_liar(&world->history));
	world->disaster = true;
	world->spoiled |= world->copies[at].spoiled;
	world->restored |= node == 0;
	world->ever_restored |= node == 0;
	if (node == 0) {
		world->shown = false;
		memset(world->touched, 0, sizeof world->touched);
	}
}

/* The master begins a new epoch. */
static enum ep_status
new_epoch(struct world *world)
{
	enum ep_status status = node_new_epoch();
	world->restored = world->stale = world->shown = false;
	memset(world->touched, 0, sizeof world->touched);
	return status;
}

/* A clone is the source that node 1 is. */
static void
set_removed(struct world *world, int node, bool removed)
{
	for (int other = 1; other < world->history.nodes; other++) {
		bool alike = (node == 1 || world->history.kinds[node] == KIND_CLONE) &&
		             (other == 1 || world->history.kinds[other] == KIND_CLONE);
		if (other == node || alike)
			world->model.removed[other] = removed;
	}
}

static void
remove_source(struct world *world, int node, bool with_tracks)
{
	struct node_view view;
	enum ep_status status = node_source_remove(node, with_tracks);
	check_status(world, 0, status);
	if (status != EP_OK || node_look(&view, 0) != EP_OK)
		return;
	set_removed(world, node, true);
	for (int track = 0; track < TRACKS; track++) {
		if (!view.contents[track] && world->model.knows[0].contents[track])
			model_act(&world->model, 0, track, 0, true);
	}
}

static void
lie(struct world *world, const struct step *step)
{
	EP_BUFFER struct ep_buffer bytes = { 0 };
	if (node_lie(&bytes, step->node, (int)step->number % NODE_LIES, step->track, step->contents,
	             (unsigned)(step->contents + step->track)) != EP_OK)
		return;
	struct message *message = net_keep(world, step->node, bytes.data, bytes.size);
	(void)!world_deliver(world, message, bytes.data, bytes.size);
}

static void
deliver_late(struct world *world, long number)
{
	if (!world->message_count)
		return;
	unsigned count = world->message_count < MESSAGES ? world->message_count : MESSAGES;
	struct message *message = &world->messages[(unsigned)number % count];
	(void)!world_deliver(world, message, message->bytes, message->size);
}

/* Whether something that was kept aside before is so no longer. */
static bool
went(const struct node_view *after, const struct node_view *before, size_t at)
{
	for (size_t i = 0; i < after->aside_count; i++) {
		if (after->aside[i].track == before->aside[at].track &&
		    after->aside[i].contents == before->aside[at].contents)
			return false;
	}
	return true;
}

/* What was accepted becomes a word of that node's user, made in the knowledge of both; what was
 * dropped has been seen by somebody. */
static void
settle(struct world *world, const struct step *step)
{
	struct node_view before = world->model.seen[step->node];
	struct node_view view;
	int track = step->track;
	enum ep_status status = node_accept(step->node, track, step->verb == ACCEPT);
	check_status(world, step->node, status);
	if (status != EP_OK || node_look(&view, step->node) != EP_OK)
		return;
	uint64_t settled = 0;
	for (size_t i = 0; i < before.aside_count; i++) {
		if (before.aside[i].track == track && went(&view, &before, i))
			settled |= model_settled(&world->model, track, before.aside[i].contents);
	}
	if (view.contents[track] == before.contents[track])
		return;
	/* Its link was refused while the track was another's. */
	world->links[track].by |= LINK_UNSURE;
	model_act(&world->model, step->node, track, view.contents[track], true);
	model_know(&world->model, step->node, track, settled);
}

static void
change_link(struct world *world, int node, int track, int original)
{
	const uint16_t *contents = world->model.knows[node].contents;
	struct link *link = &world->links[track];
	enum ep_status status = node_link(node, track, original);
	check_status(world, node, status);
	if (status != EP_OK)
		return;
	*link = (struct link){ .by = link->by | 1U << node,
		               .node = node,
		               .original = original,
		               .copy_contents = contents[track],
		               .original_contents = original < 0 ? 0 : contents[original] };
}

static void
sync_in_step(struct world *world, int node, const struct node_sync *how)
{
	enum ep_status status = sync_node(world, node, how);
	check_status(world, node, status);
	if (world->wrong_answer && status == EP_OK)
		world_fail(world, "receipt: node %d believes one for another contribution", node);
}

/* One user's step, as it is done. */
static void
do_step(struct world *world, const struct step *step)
{
	int node = step->node;
	struct node_sync how = { .contributes = step->verb != FETCH,
		                 .fetches = step->verb != PUSH,
		                 .restart = step->verb == RESTART };
	if (node >= world->history.nodes)
		return;
	machine_acts(node);
	switch (step->verb) {
	case PUT:
		change(world, node, step->track, step->contents);
		break;
	case DELETE:
		change(world, node, step->track, 0);
		break;
	case LINK:
		change_link(world, node, step->track, step->other);
		break;
	case RELEASE:
		change_link(world, node, step->track, -1);
		break;
	case ACCEPT:
	case DROP:
		settle(world, step);
		break;
	case SYNC:
	case PUSH:
	case FETCH:
	case RESTART:
		if (node > 0)
			sync_in_step(world, node, &how);
		break;
	case LATE:
		machine_acts(0);
		deliver_late(world, step->number);
		break;
	case PUBLISH:
		check_status(world, 0, publish(world));
		break;
	case BURST:
		machine_acts(0);
		burst(world, step->number);
		break;
	case STICK:
		check_status(world, 0, publish_on_stick(world));
		break;
	case EPOCH:
		check_status(world, 0, new_epoch(world));
		world->disaster = true;
		break;
	case CSVOUT:
		dump_csv(world, node);
		break;
	case CSVIN:
		read_csv(world, node, step->number);
		break;
	case LEGACY_CSV:
		read_legacy(world, step);
		break;
	case COPY:
		copy_folder(world, node);
		break;
	case RESTORE:
		restore_folder(world, step->number);
		break;
	case REMOVE:
		machine_acts(0);
		if (node > 0)
			remove_source(world, node, step->number % 2);
		break;
	case ADD:
		machine_acts(0);
		if (node > 0 && world->model.removed[node]) {
			check_status(world, 0, node_source_add(node));
			set_removed(world, node, false);
		}
		break;
	case LIMIT:
		machine_acts(0);
		if (node > 0 && !world->model.removed[node])
			check_status(world, 0, node_source_limit(node, (uint64_t)step->number));
		break;
	case LIE:
		if (node > 0)
			lie(world, step);
		break;
	case CLOCK:
		machine_set_clock(node, step->number);
		break;
	case WAIT:
		machine_wait(step->number);
		break;
	case SPOIL:
		machine_acts(0);
		node_spoil((unsigned)step->number);
		world->spoiled = true;
		break;
	case VERB_COUNT:
		break;
	}
}

static void
close_all(void)
{
	for (int node = 0; node < NODES; node++)
		node_close(node);
}

/* What feeds name is there whenever power is lost: others read them as files. */
static void
check_feeds(struct world *world)
{
	char folder[PATH_SIZE];
	for (int node = 0; node < world->history.nodes; node++) {
		snprintf(folder, sizeof folder, "%.250s/feed", node_folder(node));
		bool whole = node_feed_whole(folder) == EP_OK;
		if (node == 0 && world->spoiled)
			world->spoiled = !whole;
		else if (!whole)
			world_fail(world, "no packet: %s", node_why());
	}
	if (node_feed_whole(stick_of(world)) != EP_OK)
		world_fail(world, "no packet: %s", node_why());
}

/* A step in a child, whose machine loses power in it, or right after it. */
static void
crash_in_step(struct world *world, const struct step *step)
{
	int result = 0;
	close_all();
	pid_t child = fork();
	if (child < 0) {
		world_fail(world, "fork");
		return;
	}
	if (child == 0) {
		machine_lose_power(step->trouble_node, step->trouble_at);
		do_step(world, step);
		_exit(0);
	}
	waitpid(child, &result, 0);
	if (!WIFEXITED(result) ||
	    (WEXITSTATUS(result) && WEXITSTATUS(result) != MACHINE_POWER_LOST))
		world_fail(world, "died: a node ended by itself (%d)", result);
	machine_calm();
	machine_power_back(step->trouble_node, step->trouble_seed);
	check_feeds(world);
	world_look(world, step->trouble_node);
	/* What its user was told nothing of may be there. */
	int track = step->track;
	if (step->verb == LINK || step->verb == RELEASE)
		world->links[track].by |= LINK_UNSURE;
	uint16_t wanted = step->verb == PUT ? step->contents : 0;
	const struct node_view *view = &world->model.seen[step->node];
	bool local = step->verb == PUT || step->verb == DELETE;
	if (local && !world->acted && view->contents[track] == wanted)
		model_act(&world->model, step->node, track, wanted, false);
}

static void
run_step(struct world *world, const struct step *step)
{
	world->step = step;
	world->sent = 0;
	world->hint_count = 0;
	world->acted = false;
	world->wrong_answer = false;
	bool shown = world->shown && step->verb != EPOCH && step->verb != RESTORE;
	struct node_view before = world->model.seen[0];
	machine_wait(1);
	if (step->trouble == TROUBLE_CRASH) {
		crash_in_step(world, step);
	} else {
		if (step->trouble == TROUBLE_FULL)
			machine_fill_disk(step->trouble_node, step->trouble_at);
		do_step(world, step);
		machine_calm();
		if (step->trouble == TROUBLE_FULL)
			close_all();
	}
	machine_acts(step->node);
	if (step->node < world->history.nodes)
		world_look(world, step->node);
	world_look(world, 0);
	if (shown && memcmp(before.contents, world->model.seen[0].contents, sizeof before.contents))
		world_fail(world, "stale: the master, which is an older copy, has changed");
	world->step = NULL;
	world->hint_count = 0;
}

/* ---- the end ---- */

/* The master's operator hears that it is an older copy, or slaves' that they are told so. */
static void
begin_epoch(struct world *world)
{
	(void)!new_epoch(world);
	(void)!publish(world);
	for (int node = 1; node < world->history.nodes; node++) {
		if (world->history.kinds[node] == KIND_STICK)
			(void)!publish_on_stick(world);
	}
	world->restored = world->stale = false;
}

/* Brings a slave in step as its operator would. */
static void
settle_slave(struct world *world, int node)
{
	struct node_sync how = { .contributes = !world->model.removed[node],
		                 .fetches = true,
		                 .retries = true };
	enum ep_status status = EP_OK;
	char why[300] = "";
	world->hint_count = 0;
	for (int attempt = 0; attempt < 6; attempt++) {
		status = sync_node(world, node, &how);
		snprintf(why, sizeof why, "%s", node_why());
		world_look(world, node);
		world_look(world, 0);
		if (world->shows)
			printf("      %d settles: %d %s%s\n", node, (int)status, why,
			       world->stale ? " (stale)" : "");
		if (status == EP_OK && !world->stale)
			return;
		if ((status == EP_DIVERGED || world->stale) && !world->disaster) {
			world_fail(world, "diverged: node %d: %s", node, why);
			return;
		}
		if (world->stale || (status == EP_DIVERGED && (world->restored || how.restart)))
			begin_epoch(world);
		/* A mirror is brought in step first. */
		if (world->history.kinds[node] == KIND_BEHIND && attempt)
			settle_slave(world, mirror_of(&world->history));
		how.restart = status == EP_DIVERGED;
	}
	world_fail(world, "stuck: node %d: %d, %s", node, (int)status, why);
}

static bool
is_honest(const struct world *world, int node)
{
	return world->history.kinds[node] != KIND_LIAR;
}

/* What takes long is checked in one history of four: that nothing changes in a further round, that
 * a newcomer gets the same, and that all that is there is read. */
static bool
is_thorough(const struct world *world)
{
	return world->history.seed % 4 == 0;
}

/* Whether something of a node waits to be sent, or for the feed. */
static bool
is_pending(struct world *world, int node)
{
	uint64_t count = 0;
	if (node == 0 || !is_honest(world, node) || world->model.removed[node])
		return false;
	if (node_pending(&count, node) != EP_OK)
		world_fail(world, "damaged: node %d: %s", node, node_why());
	return count > 0;
}

/* A round of all; *moved says that something changed, or is not the same yet. */
static void
settle_round(struct world *world, bool *moved)
{
	const struct model *model = &world->model;
	uint64_t positions[NODES];
	for (int node = 0; node < world->history.nodes; node++)
		positions[node] = model->seen[node].position;
	for (int node = 1; node < world->history.nodes && !world->failure[0]; node++) {
		if (!is_honest(world, node))
			continue;
		machine_acts(node);
		bool stick = world->history.kinds[node] == KIND_STICK;
		if (stick) {
			(void)!publish_on_stick(world);
			settle_slave(world, node);
			(void)!publish_on_stick(world);
		}
		settle_slave(world, node);
	}
	*moved = false;
	for (int node = 0; node < world->history.nodes; node++) {
		bool same = memcmp(model->seen[node].digest, model->seen[0].digest, 32) == 0;
		*moved |= (is_thorough(world) && (positions[node] != model->seen[node].position ||
		                                  is_pending(world, node))) ||
		          (!same && is_honest(world, node) && !model->removed[node]);
	}
}

/* What is there of a track is the same revision everywhere. After a restore, the same contents by
 * another at the same position make the same mark. */
static void
check_revisions(struct world *world, int node)
{
	uint8_t masters[TRACKS][16];
	uint8_t theirs[TRACKS][16];
	if (node_revisions(masters, 0) != EP_OK || node_revisions(theirs, node) != EP_OK) {
		world_fail(world, "damaged: node %d: %s", node, node_why());
		return;
	}
	for (int track = 0; track < TRACKS; track++) {
		if (world->model.seen[0].contents[track] &&
		    memcmp(masters[track], theirs[track], 16) != 0)
			world_fail(world, "differ: node %d has another revision of track %c", node,
			           'A' + track);
	}
}

static void
check_equal(struct world *world)
{
	const struct model *model = &world->model;
	for (int node = 1; node < world->history.nodes; node++) {
		if (!is_honest(world, node) || model->removed[node])
			continue;
		for (int track = 0; track < TRACKS; track++) {
			if (model->seen[node].contents[track] != model->seen[0].contents[track] ||
			    model->seen[node].copy_of[track] != model->seen[0].copy_of[track])
				world_fail(world, "differ: node %d has another track %c", node,
				           'A' + track);
		}
		if (memcmp(model->seen[node].digest, model->seen[0].digest, 32) != 0)
			world_fail(world, "differ: node %d has another digest", node);
		if (!world->failure[0] && is_thorough(world))
			check_revisions(world, node);
	}
}

/* A copy answers as its original, which has to be there, and to be a song of its own. */
static void
check_links(struct world *world)
{
	const struct node_view *view = &world->model.seen[0];
	for (int track = 0; track < TRACKS; track++) {
		int original = view->copy_of[track];
		if (original >= 0 && (!view->contents[original] || view->copy_of[original] >= 0 ||
		                      original == track))
			world_fail(world, "hidden: track %c is a copy of %c", 'A' + track,
			           'A' + original);
	}
}

/* A track that one node alone has brought is that node's. */
static void
check_owners(struct world *world)
{
	const struct model *model = &world->model;
	for (int track = 0; track < TRACKS && !world->disaster; track++) {
		unsigned by = 0;
		int node = 0;
		for (int act = 0; act < model->count; act++) {
			if (model->acts[act].track != track)
				continue;
			node = model->acts[act].node;
			node = world->history.kinds[node] == KIND_CLONE ? 1 : node;
			by |= 1U << node;
		}
		bool alone = by == 1U << node && node > 0 && !model->removed[node];
		if (alone && model->seen[0].contents[track] && model->seen[0].owner[track] != node)
			world_fail(world, "owner: track %c of node %d is said to be node %d's",
			           'A' + track, node, model->seen[0].owner[track]);
	}
}

/* What one node alone said of the link of its track is so, where nothing has changed since, and
 * nobody said that the original is a copy: two that name each other hide nothing. After a disaster
 * anybody may have said anything. */
static void
check_own_links(struct world *world)
{
	const struct node_view *view = &world->model.seen[0];
	for (int track = 0; track < TRACKS && !world->disaster; track++) {
		const struct link *link = &world->links[track];
		int original = link->original;
		bool own = link->by == 1U << link->node && view->owner[track] == link->node &&
		           !world->model.removed[link->node];
		bool same =
			view->contents[track] == link->copy_contents &&
			(original < 0 ||
		         (view->contents[original] == link->original_contents &&
		          !(world->links[original].by && world->links[original].original >= 0)));
		if (own && same && view->copy_of[track] != original)
			world_fail(world, "link lost: track %c of node %d is no copy of %c",
			           'A' + track, link->node, original < 0 ? '-' : 'A' + original);
	}
}

/* Somebody who comes later reads the feed from its start, where slaves read it. */
static void
check_newcomer(struct world *world, int from)
{
	struct node_view view;
	struct way way = { .world = world, .slave = NEWCOMER, .from = from };
	struct node_sync how = { .fetches = true };
	struct ep_transport feed = net_way(&way);
	if (world->history.nodes > NEWCOMER)
		return;
	node_begin_one(NEWCOMER, NEWCOMER);
	machine_acts(NEWCOMER);
	if (node_sync(NEWCOMER, &how, &feed, &feed) != EP_OK)
		world_fail(world, "newcomer: cannot follow the feed of node %d: %s", from,
		           node_why());
	else if (node_look(&view, NEWCOMER) != EP_OK ||
	         memcmp(view.digest, world->model.seen[0].digest, 32) != 0)
		world_fail(world, "newcomer: the feed of node %d makes another copy", from);
}

/* Who has no node, and reads the master's dumps, has every row of it. A master that was restored
 * may have forgotten what it dumped. */
static void
check_dumps(struct world *world)
{
	char path[200];
	uint64_t labels[TRACKS][2];
	const struct node_view *view = &world->model.seen[0];
	machine_acts(0);
	if (world->ever_restored || node_dump(path, 0) != EP_OK)
		return;
	node_dumped(labels);
	for (int track = 0; track < TRACKS; track++) {
		int documents[] = { view->contents[track] % 64, view->contents[track] / 64 };
		for (int i = 0; i < 2; i++) {
			bool dumped = labels[track][i] >> (documents[i] - 1) % 64 & 1;
			if (documents[i] && view->copy_of[track] < 0 && !dumped)
				world_fail(world, "not dumped: track %c, document %d", 'A' + track,
				           i);
		}
	}
}

static void
check_nodes(struct world *world)
{
	for (int node = 0; node < world->history.nodes && !world->failure[0]; node++) {
		uint64_t bytes = node_bytes(node);
		machine_acts(node);
		if (bytes > NODE_BYTES_MAX)
			world_fail(world, "too large: node %d has %lu bytes", node,
			           (unsigned long)bytes);
		if (node_verify(node) != EP_OK)
			world_fail(world, "damaged: node %d: %s", node, node_why());
	}
}

static void
finish(struct world *world)
{
	const struct history *history = &world->history;
	bool moved = true;
	machine_calm();
	for (int node = 1; node < history->nodes; node++) {
		(void)!node_source_limit(node, 0); /* of all that are let in */
		/* What only a disk of his has is not brought back. */
		if (world->model.removed[node])
			model_bury(&world->model, history->nodes, history_liar(history));
	}
	for (int round = 0; moved && !world->failure[0]; round++) {
		settle_round(world, &moved);
		if (moved && round == ROUNDS_MAX) {
			check_equal(world);
			world_fail(world, "no end: something changes in every round");
		}
	}
	if (world->failure[0])
		return;
	check_equal(world);
	check_links(world);
	check_owners(world);
	check_own_links(world);
	const char *lost = model_lost(&world->model, history->nodes, history_liar(history));
	if (lost)
		world_fail(world, "%s", lost);
	if (!is_thorough(world))
		return;
	check_newcomer(world, 0);
	if (mirror_of(history))
		check_newcomer(world, mirror_of(history));
	check_dumps(world);
	check_nodes(world);
}

/* ---- all of it ---- */

static void
show(const struct world *world)
{
	for (int node = 0; node < world->history.nodes; node++) {
		const struct node_view *view = &world->model.seen[node];
		printf("      %d@%lu:", node, (unsigned long)view->position);
		for (int track = 0; track < TRACKS; track++) {
			if (view->contents[track])
				printf(" %c=%d+%d", 'A' + track, view->contents[track] % 64 - 1,
				       view->contents[track] / 64 - 1);
			if (view->copy_of[track] >= 0)
				printf(">%c", 'A' + view->copy_of[track]);
		}
		for (size_t i = 0; i < view->aside_count; i++)
			printf(" aside %c=%d+%d", 'A' + view->aside[i].track,
			       view->aside[i].contents % 64 - 1, view->aside[i].contents / 64 - 1);
		putchar('\n');
	}
}

static void
begin(struct world *world, const struct history *history)
{
	char path[PATH_SIZE];
	world->history = *history;
	model_begin(&world->model);
	world->message_count = 0;
	world->feed_count = 0;
	world->copy_count = 0;
	world->csv_count = 0;
	world->restored = false;
	world->ever_restored = false;
	world->disaster = false;
	world->stale = false;
	world->shown = false;
	world->spoiled = false;
	memset(world->touched, 0, sizeof world->touched);
	world->failure[0] = '\0';
	memset(world->left, 0, sizeof world->left);
	memset(world->links, 0, sizeof world->links);
	machine_remove(stick_of(world));
	snprintf(path, sizeof path, "%s/limbo", world->root);
	machine_remove(path);
	machine_make(path);
	snprintf(path, sizeof path, "%s/dumps", world->root);
	machine_remove(path);
	int made_as[NODES];
	for (int node = 0; node < NODES; node++)
		made_as[node] =
			history->kinds[node] == KIND_CLONE && node < history->nodes ? 1 : node;
	node_begin(history->nodes, made_as);
	machine_make(stick_of(world));
	machine_reset(history->seed, history_has_power_loss(history));
	world->hint_count = 0;
	for (int node = 0; node < history->nodes; node++)
		world_look(world, node);
}

const char *
world_run(struct world *world, const struct history *history)
{
	begin(world, history);
	for (int i = 0; i < history->count && !world->failure[0]; i++) {
		if (world->shows)
			step_print(stdout, &history->steps[i]);
		run_step(world, &history->steps[i]);
		if (world->shows)
			show(world);
	}
	if (!world->failure[0])
		finish(world);
	if (world->shows)
		puts("the end"), show(world);
	world->changes = machine_changes();
	return world->failure[0] ? world->failure : NULL;
}

struct world *
world_make(void)
{
	struct world *world = machine_shared(sizeof *world);
	const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(world->home, sizeof world->home, "%s/ep-world-XXXXXX", place);
	if (!mkdtemp(world->home) || chdir(world->home) != 0) {
		perror(world->home);
		exit(1);
	}
	/* Short paths are looked up faster. */
	snprintf(world->root, sizeof world->root, ".");
	/* LMDB asks for 2 MB of zeros each time it opens. Those of new pages cost nothing, those of
	 * memory that was freed and kept have to be written. */
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
	machine_init(world->root);
	node_setup(world->root);
	return world;
}

void
world_remove(struct world *world)
{
	close_all();
	machine_remove(world->root);
	rmdir(world->home);
}
