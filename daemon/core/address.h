/* address: what kind of place an IP address is, for what may be reached from inside a contact
 * center's network. Sources: the IANA IPv4 and IPv6 special-purpose registries; the metadata
 * addresses of AWS, GCP, Azure, Oracle, Alibaba.
 *
 * Thread: any; pure. */
#ifndef VOC_CORE_ADDRESS_H
#define VOC_CORE_ADDRESS_H

#include <sys/socket.h>

#include "base/span.h"

enum address_kind {
    ADDRESS_PUBLIC,
    ADDRESS_LOOPBACK,
    ADDRESS_PRIVATE, /* private, shared, link-local, unique local, benchmarking, documentation */
    ADDRESS_NEVER,   /* unspecified, multicast, broadcast, cloud metadata, not IP */
};

/* IPv4 inside IPv6 (mapped, NAT64, 6to4) is judged as IPv4. */
enum address_kind address_kind(const struct sockaddr *sa);
/* Of a numeric address, IPv6 with or without brackets; -1 when the text is none. */
int address_kind_of(struct span text);

#endif
