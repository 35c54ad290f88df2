/* env: what more than one file needs to know of a store's directory. Private to store/. */
#ifndef VOC_STORE_ENV_H
#define VOC_STORE_ENV_H

#include "base/span.h"

#define ENV_DATA "data.mdb"

struct store;

/* The id the store was opened with; lives as long as the store. */
struct span env_workspace(const struct store *s);

#endif
