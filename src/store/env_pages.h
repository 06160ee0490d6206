/* env_pages.h - the pages of an environment as they were at one moment, while others write
 *
 * LMDB changes no page that a snapshot uses, and a page that has not changed keeps its number. So
 * two such states differ in the pages that have changed between them, which is what an incremental
 * backup stores. Pages that are free in the snapshot may be written meanwhile, and are not read.
 */
#ifndef EP_STORE_ENV_PAGES_H
#define EP_STORE_ENV_PAGES_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

struct ep_env;
struct ep_env_pages;

/* Begins. The environment must stay open until the pages are closed. Until then, pages that others
 * free are not used again. EP_IO  also where others commit all the time. EP_CORRUPT, EP_NO_MEMORY.
 */
EP_MUST_USE enum ep_status ep_env_pages_open(struct ep_env_pages **out, struct ep_env *env,
                                             struct ep_error *err);
void ep_env_pages_close(struct ep_env_pages *pages);
EP_DEFINE_OWNED(struct ep_env_pages, ep_env_pages_close)

/* The number of the transaction that made the state. */
uint64_t ep_env_pages_state(const struct ep_env_pages *pages);

/* Bytes of a page, and how many there are. */
uint32_t ep_env_page_size(const struct ep_env_pages *pages);
uint64_t ep_env_page_count(const struct ep_env_pages *pages);

/* Reads a page: *bytes, valid until the next call; NULL: it is free, and what it holds does not
 * matter. number is below the count. EP_CORRUPT  the file ends before it. EP_IO. */
EP_MUST_USE enum ep_status ep_env_page(const uint8_t **bytes, struct ep_env_pages *pages,
                                       uint64_t number, struct ep_error *err);

#endif
