#include "hub/http.h"

#include <curl/curl.h>
#include <string.h>

#include "base/text.h"

constexpr long CONNECT_SECONDS = 15; /* then a host that says nothing is not there */
constexpr long SILENT_SECONDS = 30;  /* then a connection that nothing comes over is lost */
constexpr long MAX_REDIRECTS = 10;
constexpr long BUFFER_SIZE = 256 * 1024;
constexpr gsize MAX_WORDS = 300; /* of a refusal */

struct _UtHttp {
  CURL *curl; /* one for all requests, so that connections are used again */
  UtHttpStop stop;
  char words[CURL_ERROR_SIZE];
};

/* A request under way. */
typedef struct {
  UtHttp *http;
  const UtHttpSink *sink;
  guint64 from;
  gboolean begun, stopped, given_up, out_of_order;
} Transfer;

UtHttp *
ut_http_new (gboolean secure, const char *token, const UtHttpStop *stop)
{
  static gsize once = 0;
  if (g_once_init_enter (&once))
    {
      curl_global_init (CURL_GLOBAL_DEFAULT);
      g_once_init_leave (&once, 1);
    }
  UtHttp *http = g_new0 (UtHttp, 1);
  http->stop = *stop;
  CURL *curl = http->curl = curl_easy_init ();
  curl_easy_setopt (curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (curl, CURLOPT_ERRORBUFFER, http->words);
  curl_easy_setopt (curl, CURLOPT_USERAGENT, "undertow/" UT_VERSION);
  curl_easy_setopt (curl, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http,https"); /* of redirects as well */
  curl_easy_setopt (curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt (curl, CURLOPT_MAXREDIRS, MAX_REDIRECTS);
  curl_easy_setopt (curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
  curl_easy_setopt (curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt (curl, CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
  curl_easy_setopt (curl, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
  if (token != NULL)
    {
      /* Given this way, and not as a header, it goes to the first host alone. */
      curl_easy_setopt (curl, CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER);
      curl_easy_setopt (curl, CURLOPT_XOAUTH2_BEARER, token);
    }
  /* As for every program that links OpenSSL, where an organisation has certificates of its own. */
  const char *certificates = g_getenv ("SSL_CERT_FILE");
  if (certificates != NULL && *certificates != '\0')
    curl_easy_setopt (curl, CURLOPT_CAINFO, certificates);
  return http;
}

void
ut_http_free (UtHttp *http)
{
  curl_easy_cleanup (http->curl);
  g_free (http);
}

/* The value of a header of answer `request` (-1 the last, 0 the first of a chain of redirects); NULL where it has none. */
static const char *
get_header (UtHttp *http, const char *name, int request)
{
  struct curl_header *header;
  return curl_easy_header (http->curl, name, 0, CURLH_HEADER, request, &header) == CURLHE_OK ? header->value : NULL;
}

/* "bytes 100-199/200": where it begins. */
static gboolean
parse_range (const char *value, guint64 *out)
{
  const char *digits = value != NULL && g_ascii_strncasecmp (value, "bytes ", 6) == 0 ? value + 6 : "";
  char *end = NULL;
  if (!g_ascii_isdigit (*digits))
    return FALSE;
  *out = g_ascii_strtoull (digits, &end, 10);
  return *end == '-';
}

static gboolean
begin (Transfer *transfer, long status)
{
  guint64 at = 0;
  transfer->begun = TRUE;
  if (status == 206 && (!parse_range (get_header (transfer->http, "Content-Range", -1), &at) || at != transfer->from))
    {
      transfer->out_of_order = TRUE;
      return FALSE;
    }
  transfer->given_up = !transfer->sink->begin (at, transfer->sink->data);
  return !transfer->given_up;
}

static gboolean
is_success (long status)
{
  return status == 200 || status == 206;
}

static size_t
on_bytes (char *bytes, size_t size, size_t n, void *data)
{
  Transfer *transfer = data;
  long status = 0;
  curl_easy_getinfo (transfer->http->curl, CURLINFO_RESPONSE_CODE, &status);
  if (!is_success (status))
    return size * n; /* a page for people */
  if (!transfer->begun && !begin (transfer, status))
    return CURL_WRITEFUNC_ERROR;
  transfer->given_up = !transfer->sink->write (bytes, size * n, transfer->sink->data);
  return transfer->given_up ? CURL_WRITEFUNC_ERROR : size * n;
}

static int
on_progress (void *data, [[maybe_unused]] curl_off_t down_all, [[maybe_unused]] curl_off_t down,
             [[maybe_unused]] curl_off_t up_all, [[maybe_unused]] curl_off_t up)
{
  Transfer *transfer = data;
  transfer->stopped = transfer->http->stop.stop (transfer->http->stop.data);
  return transfer->stopped;
}

/* Text from elsewhere, or NULL, as it may stand in a message. */
static char *
fit_to_print (const char *text)
{
  if (text == NULL || *text == '\0')
    return NULL;
  g_autofree char *valid = g_utf8_make_valid (text, (gssize) MIN (strlen (text), MAX_WORDS));
  return g_strstrip (ut_text_without_controls (valid));
}

static char *
get_words (const Transfer *transfer, UtHttpOutcome outcome)
{
  if (transfer->out_of_order)
    return g_strdup ("the server sent another part than was asked for");
  if (outcome == UT_HTTP_BROKEN || outcome == UT_HTTP_ASTRAY || outcome == UT_HTTP_UNREACHABLE)
    return fit_to_print (transfer->http->words);
  return outcome == UT_HTTP_REFUSED ? fit_to_print (get_header (transfer->http, "X-Error-Message", -1)) : NULL;
}

/* The URL in 'Link: <URL>; rel="next"'. */
static char *
get_next (UtHttp *http)
{
  const char *link = get_header (http, "Link", -1);
  const char *begin = link != NULL ? strchr (link, '<') : NULL;
  const char *end = begin != NULL ? strchr (begin, '>') : NULL;
  return end != NULL && strstr (end, "rel=\"next\"") != NULL ? g_strndup (begin + 1, (gsize) (end - begin - 1)) : NULL;
}

/* A large file's SHA-256, which the hub tells with the redirect to where it is stored. */
static char *
get_checksum (UtHttp *http)
{
  const char *tag = get_header (http, "X-Linked-ETag", 0);
  const gsize n = 64;
  if (tag == NULL || strlen (tag) != n + 2 || tag[0] != '"' || tag[n + 1] != '"')
    return NULL;
  for (gsize i = 1; i <= n; i++)
    if (!g_ascii_isxdigit (tag[i]))
      return NULL;
  g_autofree char *digits = g_strndup (tag + 1, n);
  return g_ascii_strdown (digits, -1);
}

static UtHttpOutcome
get_outcome (const Transfer *transfer, CURLcode code, long status)
{
  if (transfer->stopped)
    return UT_HTTP_STOPPED;
  if (transfer->given_up)
    return UT_HTTP_GIVEN_UP;
  switch (code)
    {
    case CURLE_OK:
      return is_success (status) ? UT_HTTP_DONE : UT_HTTP_REFUSED;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_TOO_MANY_REDIRECTS:
      return UT_HTTP_ASTRAY;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return UT_HTTP_UNREACHABLE;
    default:
      /* A time that ran out before anything was answered ran out on connecting. */
      return code == CURLE_OPERATION_TIMEDOUT && status == 0 ? UT_HTTP_UNREACHABLE : UT_HTTP_BROKEN;
    }
}

UtHttpReply
ut_http_get (UtHttp *http, const char *url, guint64 from, const UtHttpSink *sink)
{
  Transfer transfer = { .http = http, .sink = sink, .from = from };
  g_autofree char *range = from > 0 ? g_strdup_printf ("%" G_GUINT64_FORMAT "-", from) : NULL;
  CURL *curl = http->curl;
  curl_easy_setopt (curl, CURLOPT_URL, url);
  curl_easy_setopt (curl, CURLOPT_RANGE, range);
  curl_easy_setopt (curl, CURLOPT_WRITEFUNCTION, on_bytes);
  curl_easy_setopt (curl, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt (curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt (curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt (curl, CURLOPT_XFERINFODATA, &transfer);
  http->words[0] = '\0';
  const CURLcode code = curl_easy_perform (curl);
  if (code != CURLE_OK && http->words[0] == '\0')
    g_strlcpy (http->words, curl_easy_strerror (code), sizeof http->words);

  UtHttpReply reply = {};
  curl_easy_getinfo (curl, CURLINFO_RESPONSE_CODE, &reply.status);
  reply.outcome = get_outcome (&transfer, code, reply.status);
  reply.words = get_words (&transfer, reply.outcome);
  reply.next = get_next (http);
  reply.checksum = get_checksum (http);
  return reply;
}

gboolean
ut_http_may_pass (const UtHttpReply *reply)
{
  static const long passing[] = { 408, 429, 500, 502, 503, 504 };
  if (reply->outcome == UT_HTTP_BROKEN || reply->outcome == UT_HTTP_UNREACHABLE)
    return TRUE;
  for (size_t i = 0; i < G_N_ELEMENTS (passing); i++)
    if (reply->outcome == UT_HTTP_REFUSED && reply->status == passing[i])
      return TRUE;
  return FALSE;
}

void
ut_http_reply_clear (UtHttpReply *reply)
{
  g_clear_pointer (&reply->words, g_free);
  g_clear_pointer (&reply->next, g_free);
  g_clear_pointer (&reply->checksum, g_free);
}
