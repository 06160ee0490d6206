#include "library/lib_report.h"

#include "base/time.h"
#include "node/settle.h"
#include "node/take.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)ECHOPRINT_ID_FROM_PATH == EP_ID_FROM_PATH &&
                       (int)ECHOPRINT_ID_FROM_HASH == EP_ID_FROM_HASH,
               "where ids are from");

static enum ep_status
on_reject(void *context, const struct ep_reject *reject, struct ep_error *err)
{
	const struct echoprint_ingest_options *options = context;
	(void)err;
	options->on_reject(options->context, reject->file, reject->what ? reject->what : "",
	                   reject->what ? reject->number : 0, reject->reason);
	return EP_OK;
}

/* The first failure comes back as the result; what it leaves out is in the report. */
static void
on_failed(void *context, enum ep_status status, const char *text)
{
	const struct echoprint_ingest_options *options = context;
	if (options->on_reject && status != EP_INTERRUPTED)
		options->on_reject(options->context, "", "", 0, text);
}

static enum ep_status
make_wanted(struct ep_ingest_options *wanted, struct echoprint_ingest_options *options,
            const struct echoprint_db *db, struct ep_error *err)
{
	const char *source = options->source;
	if (source && !ep_source_name_ok(ep_text_of(source)))
		return ep_fail(err, EP_USAGE,
		               "source must have 1 to %d of A-Z a-z 0-9 . _ -, and is \"%.100s\"",
		               EP_SOURCE_NAME_MAX, source);
	*wanted = (struct ep_ingest_options){
		.kind = source ? EP_INGEST_DUMP : EP_INGEST_CODEGEN,
		.source = ep_text_of(source ? source : "local"),
		.import_date = options->import_date ? options->import_date : ep_time_now(),
		.date_given = options->import_date != 0,
		.id_from = (enum ep_id_from)options->id_from,
		.strict = options->strict != 0,
		.dry_run = options->dry_run != 0,
		.stop = ep_place_stop(db->place),
		.on_reject = options->on_reject ? on_reject : NULL,
		.context = options,
	};
	return EP_OK;
}

/* Of the first two, one is given. */
static enum ep_status
ingest(struct echoprint_report **out, const struct ep_input_from *input, const char *const *paths,
       size_t number, struct echoprint_db *db, const struct echoprint_ingest_options *given,
       struct ep_error *err)
{
	EP_OWNED(ep_library_report_free)
	struct ep_library_report *made = NULL;
	EP_FREE const char **list = calloc(number + 1, sizeof *list);
	struct echoprint_ingest_options options;
	struct ep_ingest_options wanted;
	struct ep_ingest_report report = { 0 };
	struct ep_take_options take = { .ingest = &wanted,
		                        .paths = list,
		                        .count = number,
		                        .input = input,
		                        .on_failed = on_failed,
		                        .context = &options };
	if (!list)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	EP_TRY(ep_db_check(db, true, err));
	EP_TRY(ep_read_ingest_options(&options, &take.how, given, err));
	EP_TRY(make_wanted(&wanted, &options, db, err));
	EP_TRY(ep_library_report_new(&made, err));
	if (number)
		memcpy(list, paths, number * sizeof *list);
	take.no_index = options.no_index != 0;
	enum ep_status status =
		ep_node_take(&report, &made->report.position, ep_place_node(db->place), &take, err);
	ep_library_report_count(made, &report.counts, report.duplicate);
	made->report.rejected = report.rejected + report.unknown;
	made->report.without_codes = report.without_codes;
	made->report.deleted = report.deleted;
	*out = &EP_TAKE(made)->report;
	return status;
}

enum echoprint_status
echoprint_ingest_files(struct echoprint_report **out, struct echoprint_db *db,
                       const char *const *paths, size_t number,
                       const struct echoprint_ingest_options *options, struct echoprint_error *err)
{
	struct ep_error why;
	struct echoprint_report *made = NULL;
	enum ep_status status =
		number && !paths
			? ep_fail(&why, EP_USAGE, "paths is NULL, but count is %zu", number)
			: ingest(&made, NULL, paths, number, db, options, &why);
	return ep_told_report(out, made, err, status, &why);
}

enum echoprint_status
echoprint_ingest_bytes(struct echoprint_report **out, struct echoprint_db *db, const void *bytes,
                       size_t size, const struct echoprint_ingest_options *options,
                       struct echoprint_error *err)
{
	struct ep_error why;
	struct echoprint_report *made = NULL;
	struct ep_input_from from = { .kind = EP_INPUT_BYTES,
		                      .name = "bytes",
		                      .bytes = { bytes, size } };
	enum ep_status status =
		size && !bytes ? ep_fail(&why, EP_USAGE, "bytes is NULL, but size is %zu", size)
			       : ingest(&made, &from, NULL, 0, db, options, &why);
	return ep_told_report(out, made, err, status, &why);
}

enum echoprint_status
echoprint_settle(struct echoprint_db *db, struct echoprint_error *err)
{
	struct ep_error why;
	struct ep_copies_report copies;
	enum ep_status status = ep_db_check(db, true, &why);
	if (status == EP_OK)
		status = ep_node_settle(&copies, ep_place_node(db->place), &why);
	return ep_told(err, status, &why);
}
