/* scan.h - finds the few bytes that matter among many that do not; shared inside the room
 */
#ifndef EP_FORMAT_SCAN_H
#define EP_FORMAT_SCAN_H

/* The first byte of at[0..end) that is one, two or three; end where there is none. The same byte
 * may be given twice. */
const char *ep_scan_any(const char *at, const char *end, char one, char two, char three);

#endif
