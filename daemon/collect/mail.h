/* mail: a mail of a mailbox as a feedback record, in the JSON that normalize.h reads:
 *
 *   external_id        Message-ID; without a usable one, a hash of sender, date, subject and text
 *   conversation       that of the mail it answers, when that is known here; else the first of its
 *                      References, what it answers, or itself. Subjects tie nothing together
 *   created_at         Date, unless it is missing, or later than the mail arrived
 *   customer           From; title the subject; text without quotes and signatures (reply.h)
 *   kind, channel      ticket, email
 *
 * A mail without text of its own is its subject, unless it answers another: then there is nothing
 * in it. Text past max_text is cut, for a mail is not refused for what hangs below it.
 *
 * Thread: the loop. Pure but for mime.h's setting up, and what `conversation_of` looks up. */
#ifndef VOC_COLLECT_MAIL_H
#define VOC_COLLECT_MAIL_H

#include <jansson.h>

#include "daemon/format/mime.h"

struct mail_rules {
    struct span source;
    size_t max_text, max_id;
    bool keep_automatic; /* tagged `automatic` or `report`; else they are left out */
    /* The conversation of a record that is there already, absent if none; NULL: nothing is. */
    struct span (*conversation_of)(void *ctx, struct span external_id);
    void *ctx;
};

/* `arrived`: when the server got it, or NO_TIME. 0, with *ret NULL for a mail that is left out;
 * -EINVAL with *why; -ENOMEM. */
int mail_record(struct span bytes, int64_t arrived, const struct mail_rules *rules, struct arena *a,
                json_t **ret, struct reject *why);

#endif
