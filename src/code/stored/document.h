/* document.h - one document of a track, as it is stored */
#ifndef EP_CODE_STORED_DOCUMENT_H
#define EP_CODE_STORED_DOCUMENT_H

#include "base/text.h"

#include <stdint.h>

struct ep_codes_document {
	struct ep_text text; /* its code string, or any other bytes */
	uint32_t segment; /* the number in its id, or EP_NO_SEGMENT */
};

#endif
