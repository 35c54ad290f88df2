/* reply: what a person wrote in a mail, without what their client put below it: the message it
 * answers, and the signature.
 *
 *   lines that begin with >                     are left out, wherever they stand
 *   On DATE, NAME wrote:    DATE … 작성:         the rest is left out; if quoted lines follow, only
 *                                               these, for an answer may stand between or below
 *   ----- Original Message -----  원본 메일      the rest
 *   From: … Sent: … To: …   보낸 사람: …         a block of headers as Outlook, Naver and Daum put
 * it: the rest
 *   "-- ", and as the last lines "Sent from my …", "…에서 보냄"
 *
 * A forwarded message is what the sender wants read, so its separator is not in the list.
 *
 * Thread: any; pure. Linear. */
#ifndef VOC_FORMAT_REPLY_H
#define VOC_FORMAT_REPLY_H

#include "base/buf.h"

/* Appends the text, trimmed, without more than one empty line in a row; nothing when nothing is
 * left. 0, or the buffer's error. */
int reply_text(struct span text, struct buf *out);

#endif
