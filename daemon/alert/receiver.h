/* receiver: one notice of the outbox as the HTTP request its receiver understands.
 *
 *   webhook  the Alertmanager webhook body, version 4 (prometheus.io/docs/alerting/latest/
 *            configuration/#webhook_config), with a `vocd` object: notice, workspace, phase and the
 *            whole alert; signed as standardwebhooks.com says when the receiver has a secret.
 *            webhook-id is the notice's id, the same at every attempt
 *   slack    incoming webhook: text and blocks
 *   jandi    incoming webhook: body, colour, connectInfo
 *
 * Pure: the time of signing is passed in. Ownership: everything is in the caller's arena, or the
 * receiver's configuration. */
#ifndef VOC_ALERT_RECEIVER_H
#define VOC_ALERT_RECEIVER_H

#include "base/arena.h"
#include "daemon/alert/document.h"
#include "daemon/core/config.h"

/* What an outbox row's payload says. */
struct receiver_payload {
    struct uuid alert;
    bool firing; /* which phase */
    struct span workspace;
    struct alert_document document; /* as of that phase */
};
/* 0, -VOC_E_CORRUPT, -ENOMEM. */
int receiver_payload_parse(struct span payload, struct arena *a, struct receiver_payload *ret);

struct receiver_input {
    const struct config_receiver *receiver;
    const struct receiver_payload *payload;
    const struct uuid *notice;
    int64_t now;
    struct span external_url; /* absent: no links */
};
enum { RECEIVER_MAX_HEADERS = 6 };
struct receiver_request {
    struct span url, body;
    struct pair headers[RECEIVER_MAX_HEADERS];
    size_t n_headers;
};
/* 0; -EINVAL: the secret can not sign; -ENOMEM. */
int receiver_request(const struct receiver_input *in, struct arena *a,
                     struct receiver_request *ret);

#endif
