/* base/pipeline.h without threads: one job after the other, so that a history is always the same.
 */
#include "base/pipeline.h"

#include <string.h>

enum ep_status
ep_pipeline_run(const struct ep_pipeline *pipeline, struct ep_error *err)
{
	for (size_t n = 0;; n++) {
		char *job = (char *)pipeline->jobs + n % pipeline->job_count * pipeline->job_size;
		bool end = false;
		EP_TRY(pipeline->produce(pipeline->context, job, &end, err));
		if (end)
			return EP_OK;
		EP_TRY(pipeline->work(pipeline->context, job, 0, err));
		EP_TRY(pipeline->consume(pipeline->context, job, err));
	}
}

unsigned
ep_processors(void)
{
	return 1;
}
