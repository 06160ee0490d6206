/* Law of the monitor's configuration: any bytes are refused with a reason, or are streams that have
 * a name and a URL each, and no name twice. */
#include "monitor/config_internal.h"
#include "tests/must.h"

void law_config(const uint8_t *bytes, size_t size);

void
law_config(const uint8_t *bytes, size_t size)
{
	EP_MONITOR_CONFIG struct ep_monitor_config config = { 0 };
	EP_FREE char *secret_file = NULL;
	struct ep_error err = { 0 };
	struct ep_text text = ep_text_of_bytes((struct ep_bytes){ bytes, size });
	if (ep_config_parse(&config, &secret_file, text, "x.ini", &err) != EP_OK) {
		must_equal(err.status, EP_BAD_INPUT);
		must(err.text[0] != 0);
		return;
	}
	for (size_t i = 0; i < config.count; i++) {
		const struct ep_stream_config *stream = &config.streams[i];
		must(stream->url && *stream->url);
		must(ep_text_is_utf8(stream->name));
		must(ep_monitor_config_find(&config, stream->name) == stream);
	}
}
