#include "hub/explain.h"

static char *
advise (long status, const UtHubAsked *asked)
{
  switch (status)
    {
    case 401:
      return g_strdup (asked->has_token
                           ? "the token in HF_TOKEN is not valid, or its account may not read this"
                           : "either there is none of that name, or not everybody may read it: HF_TOKEN takes the token of an "
                             "account that may");
    case 403:
      return g_strdup_printf ("ask for access on %s, and set HF_TOKEN to a token of that account", asked->page);
    case 404:
      return g_strdup ("is the name right?");
    case 429:
      return g_strdup ("it is asked too often: wait some minutes, or set HF_TOKEN");
    default:
      return NULL;
    }
}

/* "A: words; advice", of which words and advice may be NULL. */
static char *
join (char *what, const char *words, const char *advice)
{
  GString *text = g_string_new_take (what);
  if (words != NULL)
    g_string_append_printf (text, ": %s", words);
  if (advice != NULL)
    g_string_append_printf (text, "; %s", advice);
  return g_string_free (text, FALSE);
}

char *
ut_hub_explain (const UtHttpReply *reply, const UtHubAsked *asked)
{
  if (reply->outcome == UT_HTTP_UNREACHABLE)
    return join (g_strdup_printf ("%s cannot be reached", asked->host), reply->words,
                 "is there a network? https_proxy names a proxy, HF_ENDPOINT another hub, SSL_CERT_FILE certificates");
  if (reply->outcome == UT_HTTP_BROKEN)
    return join (g_strdup_printf ("the connection to %s was lost", asked->host), reply->words, NULL);
  if (reply->outcome == UT_HTTP_ASTRAY)
    return join (g_strdup_printf ("%s redirects to what is not fetched", asked->host), reply->words, NULL);
  g_autofree char *advice = advise (reply->status, asked);
  return join (g_strdup_printf ("%s answered %ld", asked->host, reply->status), reply->words, advice);
}
