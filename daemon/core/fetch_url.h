/* fetch_url: where a request may go, by what its URL says and by what it leads to. For fetch.c;
 * pure, any thread. */
#ifndef VOC_CORE_FETCH_URL_H
#define VOC_CORE_FETCH_URL_H

#include "daemon/core/address.h"

bool fetch_may_reach(bool allow_private, bool allow_loopback, enum address_kind kind);
/* As fetch_check_url(); *ret_loopback: the URL says this machine literally. */
int fetch_judge(struct span url, bool allow_private, bool *ret_loopback, char *message,
                size_t size);

#endif
