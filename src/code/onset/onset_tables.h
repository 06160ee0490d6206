/* onset_tables.h - what the onset coder learnt from real music; made by tools/train_onset.c
 *
 * The tables are part of the format: a change of any of them is a new version.
 */
#ifndef EP_CODE_ONSET_ONSET_TABLES_H
#define EP_CODE_ONSET_ONSET_TABLES_H

#include <stdint.h>

#define EP_ONSET_AGE_CLASSES 48
#define EP_ONSET_FEATURES 144
#define EP_ONSET_LEVELS 12
#define EP_ONSET_SUPPORT_ROW (8 * EP_ONSET_LEVELS)
#define EP_ONSET_SUPPORT_CELLS (8 * EP_ONSET_SUPPORT_ROW)
#define EP_ONSET_CONTEXTS 512

/* Weights are logarithms, 16 to the octave. */
struct ep_onset_tables {
	uint8_t age[EP_ONSET_AGE_CLASSES];
	uint8_t feature[8][EP_ONSET_FEATURES];
	uint8_t support[2][EP_ONSET_SUPPORT_CELLS];
	uint8_t carries[EP_ONSET_CONTEXTS][8]; /* shares of 256; the first is what is left of it */
};

extern const struct ep_onset_tables ep_onset_tables_1;

#endif
