/* Getting what lies at a URL: http and https only, redirects followed, the token told to nobody but the host first asked. The one place
 * that knows libcurl. */
#pragma once
#include <glib.h>

typedef struct _UtHttp UtHttp;

typedef struct {
  gboolean (*stop) (void *data); /* asked several times a second: whether to give up */
  void *data;
} UtHttpStop;

/* Where the body of a good answer goes. Either function may give up with FALSE. */
typedef struct {
  /* Once, before the first byte: `at` is the place of that byte in what lies at the URL. Where the server knows no ranges, it is 0. */
  gboolean (*begin) (guint64 at, void *data);
  gboolean (*write) (const void *bytes, gsize n, void *data);
  void *data;
} UtHttpSink;

typedef enum {
  UT_HTTP_DONE,
  UT_HTTP_STOPPED,
  UT_HTTP_GIVEN_UP,    /* by the sink */
  UT_HTTP_REFUSED,     /* an answer that is no success: see status */
  UT_HTTP_UNREACHABLE, /* no connection */
  UT_HTTP_ASTRAY,      /* redirected to what is not http, or without end */
  UT_HTTP_BROKEN,      /* the connection was lost, or what came over it is not in order */
} UtHttpOutcome;

typedef struct {
  UtHttpOutcome outcome;
  long status;    /* of the last answer, 0 without one */
  char *words;    /* what went wrong, the server's or libcurl's, fit to print; NULL where nothing did or nothing is known */
  char *next;     /* URL of the next page, where the answer is one of several; else NULL */
  char *checksum; /* hexadecimal SHA-256 of the whole, where the server tells it; else NULL */
} UtHttpReply;

/* `token` may be NULL. Over https, redirects to http are refused. */
UtHttp *ut_http_new (gboolean secure, const char *token, const UtHttpStop *stop);
void ut_http_free (UtHttp *http);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtHttp, ut_http_free)

/* Gets what lies at `url` from byte `from` on. The caller clears the reply. */
UtHttpReply ut_http_get (UtHttp *http, const char *url, guint64 from, const UtHttpSink *sink);

/* Whether the same request may well be answered a little later. */
gboolean ut_http_may_pass (const UtHttpReply *reply);

void ut_http_reply_clear (UtHttpReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtHttpReply, ut_http_reply_clear)
