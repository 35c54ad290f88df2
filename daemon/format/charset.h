/* charset: text of mails into UTF-8, by what its sender says it is, unless that can not be. Korean
 * senders call CP949 by the name of its subset, clients send UTF-8 as us-ascii, and some say
 * nothing at all:
 *
 *   - ASCII is ASCII, and what is UTF-8 with a character of three bytes or more is UTF-8
 *   - EUC-KR and its names mean CP949, ISO-8859-1 means Windows-1252, GB2312 means GB18030
 *   - a charset that is not known, not said, or does not fit: CP949 when all of it is, and it
 *     mostly looks like Hangul; else Windows-1252
 *   - what still does not fit is U+FFFD
 *
 * Only charsets of the table in charset.c are asked of iconv, whatever a mail says.
 *
 * Thread: any; pure. Linear. */
#ifndef VOC_FORMAT_CHARSET_H
#define VOC_FORMAT_CHARSET_H

#include "base/buf.h"

/* Appends; `label` as the mail says it, absent: nothing. 0, or the buffer's error. */
int charset_to_utf8(struct span bytes, struct span label, struct buf *out);

#endif
