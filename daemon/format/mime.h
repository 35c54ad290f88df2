/* mime: one mail (RFC 5322 and MIME) taken apart: who wrote it, when, in which thread, and its
 * text. The only user of GMime.
 *
 * Of the parts, text counts: of alternatives the plain one unless it is blank, else HTML as
 * html.h reads it; several text parts in a row are one text. Attachments, mails inside the mail and
 * all else are passed over. Text and headers become UTF-8 as charset.h says.
 *
 * It reads what it is given, however broken, also a mail whose end is missing. Parts are looked at
 * MIME_MAX_DEPTH deep. What GMime makes of a mail is bounded by refusing those with more parts and
 * headers than mails have (a megabyte of empty parts took 1.5 s and 290 MB); the mail itself is
 * bounded by the caller.
 *
 * Thread: the loop (GMime is set up by the first call). Pure but for that. */
#ifndef VOC_FORMAT_MIME_H
#define VOC_FORMAT_MIME_H

#include "base/arena.h"
#include "base/clock.h"
#include "daemon/format/reject.h"

enum {
    MIME_MAX_DEPTH = 16,
    MIME_MAX_TEXT = 4 << 20,
    MIME_MAX_HEADER = 1024,  /* bytes kept of one */
    MIME_MAX_HEADERS = 2000, /* lines of all parts' */
    MIME_MAX_HEADERS_BYTES = 1 << 18,
    MIME_MAX_BOUNDARIES = 1000,
};

/* Who sent it: a person, or a program (RFC 3834, RFC 3464, and what was usual before). */
enum mime_sender {
    MIME_PERSON,
    MIME_AUTOMATIC, /* Auto-Submitted, Precedence: bulk, junk or auto_reply, X-Autoreply */
    MIME_REPORT,    /* bounces and receipts: multipart/report, from nobody, from the mailer */
};

/* Absent is what the mail does not say. Ids are without their brackets. Spans live in the arena. */
struct mime_mail {
    struct span id;
    struct span root;   /* the first of References */
    struct span parent; /* In-Reply-To, else the last of References */
    struct span email, name;
    struct span subject;
    struct span text; /* whole, with what it quotes; empty when there is none */
    int64_t date;     /* NO_TIME */
    enum mime_sender sender;
};

/* 0; -EINVAL with *why when it is no mail at all; -ENOMEM. */
int mime_read(struct span bytes, struct arena *a, struct mime_mail *ret, struct reject *why);

#endif
