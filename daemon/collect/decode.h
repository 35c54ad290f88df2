/* decode: answers that are not JSON, as the JSON that paths can speak of.
 *
 * CSV: a list of objects by the header's names, all texts; empty cells are absent. XML: an element
 * is an object of its children by name (several of one name: a list), its attributes with @ before
 * them and its own text as #text; an element with text alone is that text, an empty one null; a
 * prefix stays part of the name; the document is an object with the root element. No DTD is read
 * and no entity but the five of XML is known, so that none can grow or fetch.
 *
 * Pure but for memory. 0 with a new reference; -EPROTO with a sentence; -ENOMEM. */
#ifndef VOC_COLLECT_DECODE_H
#define VOC_COLLECT_DECODE_H

#include <jansson.h>

#include "base/span.h"

enum { DECODE_MAX_DEPTH = 64, DECODE_MAX_NODES = 500000 };

int decode_csv(struct span body, json_t **ret, char *why, size_t size);
int decode_xml(struct span body, json_t **ret, char *why, size_t size);

#endif
