#include "library/lib_report.h"

#include <stdlib.h>

enum ep_status
ep_library_report_new(struct ep_library_report **out, struct ep_error *err)
{
	struct ep_library_report *made = calloc(1, sizeof *made);
	if (!made)
		return ep_fail(err, EP_NO_MEMORY, "out of memory");
	made->report.size = sizeof made->report;
	*out = made;
	return EP_OK;
}

void
ep_library_report_free(struct ep_library_report *report)
{
	if (report)
		ep_arena_free(&report->texts);
	free(report);
}

void
echoprint_report_free(struct echoprint_report *report)
{
	ep_library_report_free((struct ep_library_report *)report);
}

enum echoprint_status
ep_told_report(struct echoprint_report **out, struct echoprint_report *made,
               struct echoprint_error *err, enum ep_status status, const struct ep_error *why)
{
	if (out)
		*out = made;
	else
		echoprint_report_free(made);
	return ep_told(err, status, why);
}

void
ep_library_report_count(struct ep_library_report *report, const struct ep_put_counts *counts,
                        uint64_t duplicate)
{
	report->report.added = counts->added;
	report->report.updated = counts->updated;
	report->report.unchanged = counts->unchanged;
	report->report.conflict = counts->conflict;
	report->report.duplicate = duplicate;
}

enum ep_status
ep_read_ingest_options(struct echoprint_ingest_options *options, enum ep_dedup *how,
                       const struct echoprint_ingest_options *given, struct ep_error *err)
{
	static const enum ep_dedup hows[] = { EP_DEDUP_BY_ROLE, EP_DEDUP_OFF, EP_DEDUP_EXACT,
		                              EP_DEDUP_MATCH };
	EP_TRY(ep_read_sized_struct(options, sizeof *options, given, err));
	if (options->dedup < 0 || options->dedup > ECHOPRINT_DEDUP_MATCH)
		return ep_fail(err, EP_USAGE, "dedup is %d, but must be 0 to 3", options->dedup);
	if (options->id_from < 0 || options->id_from > ECHOPRINT_ID_FROM_HASH)
		return ep_fail(err, EP_USAGE, "id_from is %d, but must be 0 to 2",
		               options->id_from);
	*how = hows[options->dedup];
	return EP_OK;
}
