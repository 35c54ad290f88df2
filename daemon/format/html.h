/* html: the words of an HTML fragment, as help desks and mails send them: block elements and <br>
 * begin a new line, list items a dash, scripts, styles and comments are left out, white space is
 * what a browser would show, entities are resolved (the named ones people meet, all numeric ones).
 *
 * It reads what it is given, however broken: an unclosed tag ends with the text. Linear.
 *
 * Thread: any; pure. Input and output are UTF-8. */
#ifndef VOC_FORMAT_HTML_H
#define VOC_FORMAT_HTML_H

#include "base/buf.h"

enum { HTML_MAX_TEXT = 1 << 20 };

/* Appends to `out`. 0, or the buffer's error. */
int html_text(struct span html, struct buf *out);
/* Whether a text looks like HTML: a tag that closes, or <br>. */
bool html_is(struct span text);

#endif
