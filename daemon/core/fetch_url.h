/* fetch_url: where a request may go, by what its URL says and by what it leads to. For fetch.c;
 * pure, any thread. */
#ifndef VOC_CORE_FETCH_URL_H
#define VOC_CORE_FETCH_URL_H

#include "daemon/core/address.h"

bool fetch_may_reach(bool allow_private, bool allow_loopback, enum address_kind kind);
struct fetch_place {
    bool imap;     /* asked for: a mail server, not HTTP */
    bool starttls; /* asked for: imap, but encrypted */
    bool loopback; /* the URL says this machine literally */
    bool in_clear; /* imap without TLS, so only inside: ADDRESS_PUBLIC is refused too */
};
/* As fetch_check_url() and fetch_check_imap_url(), by place->imap; fills the rest. */
int fetch_judge(struct span url, bool allow_private, struct fetch_place *place, char *message,
                size_t size);

#endif
