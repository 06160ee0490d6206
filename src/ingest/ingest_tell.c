/* What the stages of an ingest that put tell, and the date that they put. */
#include "ingest/ingest_internal.h"

enum ep_status
ep_ingest_tell(struct ep_ingest *ingest, uint64_t position, struct ep_text id,
               enum ep_outcome outcome, const char *detail, struct ep_error *err)
{
	const struct ep_ingest_options *options = ingest->options;
	struct ep_ingest_track track = { position, id, outcome, ep_text_of(detail) };
	return options->on_track ? options->on_track(options->context, &track, err) : EP_OK;
}

/* A packet carries import dates; everything else is of this ingest. */
int64_t
ep_ingest_date(const struct ep_ingest *ingest, const struct ep_ready *ready)
{
	bool packet = ep_batch_reader_content(ingest->reader) == EP_PACKET;
	return !packet || ingest->options->date_given ? ingest->options->import_date
	                                              : ready->import_date;
}
