/* assets: the files of the console as the build bundled them (daemon/console/web), in the binary
 * plain and gzipped. Loop thread; all of it is constant. */
#ifndef VOC_CONSOLE_ASSETS_H
#define VOC_CONSOLE_ASSETS_H

#include "base/span.h"

struct console_asset {
    const char *type;
    const char *etag, *etag_gz; /* of the plain and of the gzipped bytes, with their quotes */
    struct span plain, gzip;
};

/* "index.html", or a name with a hash of its content in it. False: there is none. */
bool console_asset_find(struct span name, struct console_asset *ret);

#endif
