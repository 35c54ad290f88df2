#include "daemon/collect/api_intake.h"

#include "daemon/collect/stream.h"

void intake_feedback(struct http_request *r)
{
    stream_begin(r, INTAKE_FEEDBACK, false);
}

void intake_customers(struct http_request *r)
{
    stream_begin(r, INTAKE_CUSTOMER, true);
}

void intake_activities(struct http_request *r)
{
    stream_begin(r, INTAKE_ACTIVITY, false);
}
