/* What to say of a request that failed, and what to do about it. */
#pragma once
#include "hub/http.h"

/* Who was asked for what. */
typedef struct {
  const char *host;   /* the hub's */
  const char *page;   /* URL of the repository, for people */
  gboolean has_token; /* whether a token went with the request */
} UtHubAsked;

/* Of a reply that is UT_HTTP_UNREACHABLE, UT_HTTP_ASTRAY, UT_HTTP_BROKEN or UT_HTTP_REFUSED; the caller owns it. */
char *ut_hub_explain (const UtHttpReply *reply, const UtHubAsked *asked);
