#include "net/solr/collection.h"

#include "net/solr/solr_config.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_ 512
#define JSON "application/json"

/* Asks with a path that is printed; *answer is for json_decref. */
static enum ep_status ask(json_t **answer, struct ep_solr *solr, struct ep_error *err,
                          const char *fmt, ...) EP_PRINTF(4, 5);

static enum ep_status
ask(json_t **answer, struct ep_solr *solr, struct ep_error *err, const char *fmt, ...)
{
	char path[PATH_MAX_];
	struct ep_solr_call call = { .path = path };
	va_list args;
	va_start(args, fmt);
	vsnprintf(path, sizeof path, fmt, args);
	va_end(args);
	EP_TRY(ep_solr_ask(answer, solr, &call, err));
	/* Some of what fails on nodes is answered with status 200. */
	if (!json_object_get(*answer, "failure") && !json_object_get(*answer, "exception"))
		return EP_OK;
	EP_FREE char *text = json_dumps(json_object_get(*answer, "failure"), JSON_ENCODE_ANY);
	return ep_fail(err, EP_BAD_INPUT, "Solr failed in %.100s: %.250s", path, text ? text : "");
}

/* ---- configuration and collections ---- */

static enum ep_status
upload(struct ep_solr *solr, const struct ep_solr_config_file *file, struct ep_error *err)
{
	char path[PATH_MAX_];
	EP_JSON json_t *answer = NULL;
	struct ep_solr_call call = { .path = path,
		                     .type = "application/octet-stream",
		                     .body = ep_text_of(file->text) };
	snprintf(path, sizeof path,
	         "admin/configs?action=UPLOAD&name=" EP_SOLR_CONFIG "&filePath=%s&overwrite=true",
	         file->name);
	return ep_solr_ask(&answer, solr, &call, err);
}

static enum ep_status
exists(bool *is, struct ep_solr *solr, const char *real, struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	size_t index;
	json_t *item;
	*is = false;
	EP_TRY(ask(&answer, solr, err, "admin/collections?action=LIST"));
	json_array_foreach(json_object_get(answer, "collections"), index, item)
	{
		const char *name = json_string_value(item);
		*is |= name && strcmp(name, real) == 0;
	}
	return EP_OK;
}

/* Makes a collection that is not there; a request that took long may have been made twice. */
static enum ep_status
make_collection(struct ep_solr *solr, const char *real, const struct ep_solr_shape *shape,
                struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	bool is;
	EP_TRY(exists(&is, solr, real, err));
	if (is)
		return EP_OK;
	enum ep_status status =
		ask(&answer, solr, err,
	            "admin/collections?action=CREATE&name=%s&numShards=%" PRIu64
	            "&replicationFactor=%" PRIu64 "&collection.configName=" EP_SOLR_CONFIG
	            "&waitForFinalState=true",
	            real, shape->shards, shape->replicas);
	if (status == EP_BAD_INPUT && strstr(ep_solr_words(answer), "already exists"))
		return EP_OK;
	return status;
}

enum ep_status
ep_solr_set_alias(struct ep_solr *solr, const char *real, struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	return ask(&answer, solr, err,
	           "admin/collections?action=CREATEALIAS&name=%s&collections=%s",
	           ep_solr_collection(solr), real);
}

enum ep_status
ep_solr_init(bool *made, struct ep_solr *solr, const struct ep_solr_shape *shape,
             struct ep_error *err)
{
	char real[EP_SOLR_REAL_MAX];
	for (const struct ep_solr_config_file *file = ep_solr_config_files; file->name; file++)
		EP_TRY(upload(solr, file, err));
	enum ep_status status = ep_solr_find(real, solr, err);
	*made = status == EP_NOT_FOUND;
	if (status == EP_OK) {
		EP_JSON json_t *answer = NULL;
		return ask(&answer, solr, err, "admin/collections?action=RELOAD&name=%s", real);
	}
	if (status != EP_NOT_FOUND)
		return status;
	snprintf(real, sizeof real, "%s-1", ep_solr_collection(solr));
	EP_TRY(make_collection(solr, real, shape, err));
	return ep_solr_set_alias(solr, real, err);
}

enum ep_status
ep_solr_find(char real[EP_SOLR_REAL_MAX], struct ep_solr *solr, struct ep_error *err)
{
	const char *name = ep_solr_collection(solr);
	EP_JSON json_t *answer = NULL;
	EP_TRY(ask(&answer, solr, err, "admin/collections?action=LISTALIASES"));
	const json_t *aliases = json_object_get(answer, "aliases");
	const char *found = json_string_value(json_object_get(aliases, name));
	if (!json_is_object(aliases))
		return ep_fail(err, EP_BAD_INPUT,
		               "the server does not list aliases as SolrCloud does: is it Solr in "
		               "cloud mode?");
	if (!found)
		return ep_fail(err, EP_NOT_FOUND,
		               "there is no collection %s: make it with `solr init`", name);
	if (strlen(found) >= EP_SOLR_REAL_MAX || strchr(found, ','))
		return ep_fail(err, EP_BAD_INPUT,
		               "the alias %s does not stand for one collection of `solr init`",
		               name);
	memcpy(real, found, strlen(found) + 1);
	return EP_OK;
}

/* The state of a collection; borrowed from *answer, which is for json_decref. */
static enum ep_status
read_state(json_t **answer, const json_t **state, struct ep_solr *solr, const char *real,
           struct ep_error *err)
{
	EP_TRY(ask(answer, solr, err, "admin/collections?action=CLUSTERSTATUS&collection=%s",
	           real));
	const json_t *cluster = json_object_get(*answer, "cluster");
	*state = json_object_get(json_object_get(cluster, "collections"), real);
	return *state ? EP_OK
	              : ep_fail(err, EP_CORRUPT, "Solr gives no state of the collection %s", real);
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

/* Replicas that are told of every update: all but those of type PULL. */
static size_t
count_replicas_of(const json_t *replicas)
{
	const char *name;
	json_t *replica;
	size_t count = 0;
	json_object_foreach((json_t *)(uintptr_t)replicas, name, replica) count +=
		strcmp(text_of(replica, "type"), "PULL") != 0;
	return count;
}

/* Replicas of the shard that has the fewest. */
static uint64_t
count_replicas(const json_t *shards)
{
	uint64_t least = UINT64_MAX;
	const char *name;
	json_t *shard;
	json_object_foreach((json_t *)(uintptr_t)shards, name, shard)
	{
		size_t count = count_replicas_of(json_object_get(shard, "replicas"));
		least = count < least ? count : least;
	}
	return least;
}

enum ep_status
ep_solr_shape(struct ep_solr_shape *shape, struct ep_solr *solr, const char *real,
              struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	const json_t *state;
	EP_TRY(read_state(&answer, &state, solr, real, err));
	const json_t *shards = json_object_get(state, "shards");
	*shape = (struct ep_solr_shape){ json_object_size(shards), count_replicas(shards) };
	return shape->shards ? EP_OK
	                     : ep_fail(err, EP_CORRUPT, "the collection %s has no shards", real);
}

/* ---- updates ---- */

enum ep_status
ep_solr_update(struct ep_solr_call *call, uint64_t *replicas, struct ep_solr *solr,
               const char *real, struct ep_text documents, struct ep_error *err)
{
	char path[PATH_MAX_];
	snprintf(path, sizeof path, "%s/update/json/docs", real);
	*call = (struct ep_solr_call){ .path = path, .type = JSON, .body = documents };
	enum ep_status status = ep_solr_call(solr, call, err);
	call->path = NULL;
	EP_TRY(status);
	const json_t *header = json_object_get(call->answer, "responseHeader");
	/* Where nothing was distributed it is absent, or the largest number of Java. */
	bool told = json_is_integer(json_object_get(header, "rf"));
	uint64_t number = ep_solr_number(header, "rf");
	*replicas = told && number < INT32_MAX ? number : UINT64_MAX;
	return EP_OK;
}

enum ep_status
ep_solr_commit(struct ep_solr *solr, const char *real, struct ep_error *err)
{
	char path[PATH_MAX_];
	EP_JSON json_t *answer = NULL;
	struct ep_solr_call call = { .path = path, .type = JSON, .body = ep_text_of("[]") };
	snprintf(path, sizeof path, "%s/update?commit=true&openSearcher=true", real);
	return ep_solr_ask(&answer, solr, &call, err);
}

/* ---- the mark ---- */

#define MARK_ID "!mark"

enum ep_status
ep_solr_log_name(char name[EP_SOLR_LOG_NAME], const struct ep_log_read *read, struct ep_error *err)
{
	uint8_t id[EP_NODE_ID_SIZE];
	struct ep_epoch epoch;
	EP_TRY(ep_log_node_id(id, read, err));
	EP_TRY(ep_log_epoch(&epoch, read, err));
	snprintf(name, EP_SOLR_LOG_NAME, "%016" PRIx64 "-%" PRIu64 "-%016" PRIx64, ep_load64(id),
	         epoch.number, epoch.tag);
	return EP_OK;
}

enum ep_status
ep_solr_stamp(char stamp[EP_SOLR_STAMP], const struct ep_log_read *read, uint64_t position,
              struct ep_error *err)
{
	struct ep_entry entry;
	struct ep_revision contents;
	enum ep_status status = ep_log_entry_at(&entry, read, position, err);
	stamp[0] = '\0';
	if (status != EP_OK)
		return status == EP_NOT_FOUND ? EP_OK : status;
	ep_entry_contents(&contents, &entry);
	for (size_t i = 0; i < EP_REVISION_SIZE; i++)
		snprintf(stamp + 2 * i, 3, "%02x", contents.bytes[i]);
	return EP_OK;
}

/* Copies a text of a document; false: it is too long for its place. */
static bool
copy_text(char *to, size_t size, const json_t *document, const char *name)
{
	const char *text = json_string_value(json_object_get(document, name));
	return snprintf(to, size, "%s", text ? text : "") < (int)size;
}

enum ep_status
ep_solr_mark(struct ep_solr_mark *mark, struct ep_solr *solr, const char *real,
             struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	EP_TRY(ask(&answer, solr, err, "%s/get?id=" MARK_ID "&fl=id,log,position,stamp", real));
	const json_t *document = json_object_get(answer, "doc");
	*mark = (struct ep_solr_mark){ .any = json_is_object(document) };
	if (!mark->any)
		return EP_OK;
	mark->position = ep_solr_number(document, "position");
	bool good = copy_text(mark->log, sizeof mark->log, document, "log") && mark->log[0] &&
	            copy_text(mark->stamp, sizeof mark->stamp, document, "stamp");
	return good ? EP_OK
	            : ep_fail(err, EP_CORRUPT,
	                      "the document " MARK_ID " of the collection %s names no log; was it "
	                      "changed by hand? `solr push --restart` fills a new collection",
	                      real);
}

enum ep_status
ep_solr_set_mark(struct ep_solr *solr, const char *real, const struct ep_solr_mark *mark,
                 struct ep_error *err)
{
	char document[PATH_MAX_];
	struct ep_solr_call call;
	uint64_t replicas;
	snprintf(document, sizeof document,
	         "{\"id\":\"" MARK_ID
	         "\",\"kind\":\"mark\",\"log\":\"%s\",\"stamp\":\"%s\",\"version\":%" PRIu64
	         ",\"position\":%" PRIu64 "}",
	         mark->log, mark->stamp, mark->position, mark->position);
	EP_TRY(ep_solr_update(&call, &replicas, solr, real, ep_text_of(document), err));
	EP_JSON json_t *answer = call.answer;
	return call.status < 400 ? EP_OK
	                         : ep_fail(err, EP_BAD_INPUT,
	                                   "Solr refuses the mark of the collection %s: %.300s",
	                                   real, ep_solr_words(answer));
}

/* ---- a collection that is filled anew ---- */

enum ep_status
ep_solr_delete(struct ep_solr *solr, const char *real, struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	return ask(&answer, solr, err, "admin/collections?action=DELETE&name=%s", real);
}

enum ep_status
ep_solr_next(char next[EP_SOLR_REAL_MAX], struct ep_solr *solr, const char *real, const char *log,
             uint64_t position, struct ep_error *err)
{
	struct ep_solr_shape shape;
	struct ep_solr_mark mark;
	const char *dash = strrchr(real, '-');
	unsigned long number = dash ? strtoul(dash + 1, NULL, 10) : 0;
	bool is;
	snprintf(next, EP_SOLR_REAL_MAX, "%s-%lu", ep_solr_collection(solr), number + 1);
	EP_TRY(exists(&is, solr, next, err));
	if (is)
		EP_TRY(ep_solr_mark(&mark, solr, next, err));
	if (is && mark.any && strcmp(mark.log, log) == 0 && mark.position <= position)
		return EP_OK;
	if (is)
		EP_TRY(ep_solr_delete(solr, next, err));
	EP_TRY(ep_solr_shape(&shape, solr, real, err));
	return make_collection(solr, next, &shape, err);
}

/* ---- sums ---- */

/* Sums up the documents of a filter: of a collection, or of one replica (core) on its node. */
static enum ep_status
sum_up(struct ep_solr_sum *sum, struct ep_solr *solr, const char *node, const char *of,
       uint64_t least, struct ep_error *err)
{
	char path[PATH_MAX_];
	char body[PATH_MAX_];
	EP_JSON json_t *answer = NULL;
	snprintf(path, sizeof path, "%s/select%s", of, node ? "?distrib=false" : "");
	snprintf(body, sizeof body,
	         "{\"query\":\"*:*\",\"limit\":0,\"filter\":[\"-kind:mark\",\"version:[%" PRIu64
	         " TO *]\"],"
	         "\"params\":{\"shards.tolerant\":\"false\"},"
	         "\"facet\":{\"positions\":\"sum(position)\",\"versions\":\"sum(version)\"}}",
	         least);
	struct ep_solr_call call = {
		.path = path, .node = node, .type = JSON, .body = ep_text_of(body)
	};
	EP_TRY(ep_solr_ask(&answer, solr, &call, err));
	const json_t *facets = json_object_get(answer, "facets");
	if (!json_is_integer(json_object_get(facets, "count")))
		return ep_fail(err, EP_CORRUPT, "the answer of %s has no count", of);
	sum->count = ep_solr_number(facets, "count");
	sum->positions = json_number_value(json_object_get(facets, "positions"));
	sum->versions = json_number_value(json_object_get(facets, "versions"));
	return EP_OK;
}

enum ep_status
ep_solr_sum(struct ep_solr_sum *sum, struct ep_solr *solr, const char *real, uint64_t least,
            struct ep_error *err)
{
	return sum_up(sum, solr, NULL, real, least, err);
}

enum ep_status
ep_solr_check(struct ep_solr *solr, const char *real, struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	return ask(&answer, solr, err, "%s/select?q=id:x&rows=0&shards.tolerant=false", real);
}

/* ---- whether replicas agree ---- */

static bool
is_live(const json_t *cluster, const char *node)
{
	size_t index;
	json_t *item;
	json_array_foreach(json_object_get(cluster, "live_nodes"), index, item)
	{
		if (node && json_is_string(item) && strcmp(json_string_value(item), node) == 0)
			return true;
	}
	return false;
}

/* What is compared of the replicas of a shard. */
struct shard {
	struct ep_solr *solr;
	const json_t *cluster;
	uint64_t least;
	uint64_t needed;
	struct ep_solr_sum first; /* of the first that was asked */
	uint64_t asked;
	char *why; /* 256 bytes */
};

/* Asks a replica that is active, and compares it with the first. */
static enum ep_status
check_replica(bool *agree, struct shard *shard, const json_t *replica, struct ep_error *err)
{
	struct ep_solr_sum sum;
	const char *core = text_of(replica, "core");
	const char *node = text_of(replica, "node_name");
	if (strcmp(text_of(replica, "state"), "active") != 0 || !is_live(shard->cluster, node)) {
		snprintf(shard->why, 256, "the replica %.100s on %.100s is not active", core, node);
		return EP_OK;
	}
	EP_TRY(sum_up(&sum, shard->solr, text_of(replica, "base_url"), core, shard->least, err));
	bool same = shard->asked++ == 0 || (sum.count == shard->first.count &&
	                                    fabs(sum.versions - shard->first.versions) < 0.5);
	if (!same)
		snprintf(shard->why, 256,
		         "the replica %.80s on %.80s has %" PRIu64
		         " documents where another has %" PRIu64 ", or older ones",
		         core, node, sum.count, shard->first.count);
	*agree &= same;
	shard->first = sum;
	return EP_OK;
}

static enum ep_status
check_shard(bool *agree, struct shard *shard, const json_t *replicas, struct ep_error *err)
{
	const char *core;
	json_t *replica;
	uint64_t count = 0;
	json_object_foreach((json_t *)(uintptr_t)replicas, core, replica)
	{
		if (strcmp(text_of(replica, "type"), "PULL") == 0)
			continue;
		count++;
		EP_TRY(check_replica(agree, shard, replica, err));
	}
	*agree &= shard->asked > 0 && shard->asked >= (shard->needed ? shard->needed : count);
	return EP_OK;
}

enum ep_status
ep_solr_agree(bool *agree, char why[256], struct ep_solr *solr, const char *real, uint64_t least,
              uint64_t needed, struct ep_error *err)
{
	EP_JSON json_t *answer = NULL;
	const json_t *state;
	const char *name;
	json_t *item;
	EP_TRY(read_state(&answer, &state, solr, real, err));
	*agree = true;
	snprintf(why, 256, "a shard has no replicas");
	json_object_foreach(json_object_get(state, "shards"), name, item)
	{
		struct shard shard = { .solr = solr,
			               .cluster = json_object_get(answer, "cluster"),
			               .least = least,
			               .needed = needed,
			               .why = why };
		EP_TRY(check_shard(agree, &shard, json_object_get(item, "replicas"), err));
	}
	return EP_OK;
}
