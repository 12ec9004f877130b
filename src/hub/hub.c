#include "hub/hub.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/error.h"
#include "base/folder.h"
#include "hub/cache.h"
#include "hub/choose.h"
#include "hub/download.h"
#include "hub/explain.h"

#define DEFAULT_ENDPOINT "https://huggingface.co"

constexpr gsize MAX_ANSWER = 64 << 20; /* bytes of a listing */
constexpr unsigned MAX_PAGES = 100;    /* of a listing */
constexpr unsigned MAX_FAILURES = 4;   /* of a request in a row */
constexpr gint64 FIRST_PAUSE = 1000;   /* milliseconds, before another attempt; doubled every time */

typedef struct {
  const UtHubRequest *request;
  const UtHubCallbacks *callbacks;
  UtHubName name;
  char *endpoint; /* without a slash at its end */
  char *host;
  char *page;        /* the repository's URL, for people */
  const char *token; /* NULL without one */
  UtHttp *http;
  char *folder; /* of the repository, in the cache */
  char *branch; /* NULL where the hub was not asked */
  char *commit;
  GPtrArray *files; /* of the commit: UtHubFile * */
} Fetch;

static void
fetch_clear (Fetch *fetch)
{
  ut_hub_name_clear (&fetch->name);
  g_clear_pointer (&fetch->endpoint, g_free);
  g_clear_pointer (&fetch->host, g_free);
  g_clear_pointer (&fetch->page, g_free);
  g_clear_pointer (&fetch->http, ut_http_free);
  g_clear_pointer (&fetch->folder, g_free);
  g_clear_pointer (&fetch->branch, g_free);
  g_clear_pointer (&fetch->commit, g_free);
  g_clear_pointer (&fetch->files, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fetch, fetch_clear)

/* ── the environment ────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
set_endpoint (Fetch *fetch, GError **error)
{
  const char *variable = "MODEL_ENDPOINT", *value = g_getenv (variable);
  if (value == NULL || *value == '\0')
    value = g_getenv (variable = "HF_ENDPOINT");
  if (value == NULL || *value == '\0')
    value = DEFAULT_ENDPOINT;
  fetch->endpoint = g_strdup (value);
  for (size_t n = strlen (value); n > 0 && value[n - 1] == '/'; n--)
    fetch->endpoint[n - 1] = '\0';

  g_autoptr (GUri) uri = g_uri_parse (fetch->endpoint, G_URI_FLAGS_NONE, NULL);
  const char *scheme = uri != NULL ? g_uri_get_scheme (uri) : "";
  fetch->host = uri != NULL ? g_strdup (g_uri_get_host (uri)) : NULL;
  if ((g_str_equal (scheme, "http") || g_str_equal (scheme, "https")) && fetch->host != NULL && *fetch->host != '\0')
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "%s is '%s': a URL such as " DEFAULT_ENDPOINT " was expected", variable, value);
  return FALSE;
}

static gboolean
set_token (Fetch *fetch, GError **error)
{
  const char *token = g_getenv ("HF_TOKEN");
  for (const char *p = token; p != NULL && *p != '\0'; p++)
    if (!g_ascii_isgraph (*p))
      {
        g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE,
                             "HF_TOKEN is no token: it holds blanks or other characters that none has");
        return FALSE;
      }
  fetch->token = token != NULL && *token != '\0' ? token : NULL;
  return TRUE;
}

/* ── what the hub has ───────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
begin_text (guint64 at, void *data)
{
  return at == 0 && g_byte_array_set_size (data, 0) != NULL;
}

static gboolean
add_text (const void *bytes, gsize n, void *data)
{
  GByteArray *text = data;
  if (n > MAX_ANSWER - text->len)
    return FALSE;
  g_byte_array_append (text, bytes, (guint) n);
  return TRUE;
}

static UtHubAsked
get_asked (const Fetch *fetch)
{
  return (UtHubAsked) { fetch->host, fetch->page, fetch->token != NULL };
}

static gboolean
fail_reply (const Fetch *fetch, const UtHttpReply *reply, GError **error)
{
  const UtHubAsked asked = get_asked (fetch);
  if (reply->outcome == UT_HTTP_STOPPED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  else if (reply->outcome == UT_HTTP_GIVEN_UP)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: the answer of %s is too long", fetch->name.repo, fetch->host);
  else
    {
      g_autofree char *why = ut_hub_explain (reply, &asked);
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", fetch->name.repo, why);
    }
  return FALSE;
}

/* The text at `url`. A host that cannot be reached is not tried again: what is cached may do. */
static GByteArray *
get_text (const Fetch *fetch, const char *url, char **out_next, GError **error)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();
  const UtHttpSink sink = { begin_text, add_text, text };
  for (unsigned failures = 1;; failures++)
    {
      g_auto (UtHttpReply) reply = ut_http_get (fetch->http, url, 0, &sink);
      if (reply.outcome == UT_HTTP_DONE)
        {
          *out_next = g_steal_pointer (&reply.next);
          return g_steal_pointer (&text);
        }
      if (failures == MAX_FAILURES || reply.outcome == UT_HTTP_UNREACHABLE || !ut_http_may_pass (&reply))
        {
          fail_reply (fetch, &reply, error);
          return NULL;
        }
      if (!ut_download_pause (fetch->callbacks, FIRST_PAUSE << (failures - 1), error))
        return NULL;
    }
}

/* Puts the repository's name before what its answer was found to lack. */
static gboolean
name_fault (const Fetch *fetch, GError **error)
{
  g_prefix_error (error, "%s on %s: ", fetch->name.repo, fetch->host);
  return FALSE;
}

static gboolean
ask_commit (Fetch *fetch, GError **error)
{
  g_autofree char *url = g_strdup_printf ("%s/api/models/%s/refs", fetch->endpoint, fetch->name.repo);
  g_autofree char *next = NULL;
  g_autoptr (GByteArray) text = get_text (fetch, url, &next, error);
  if (text == NULL)
    return FALSE;
  return ut_hub_parse_refs ((const char *) text->data, text->len, &fetch->branch, &fetch->commit, error)
         || name_fault (fetch, error);
}

static gboolean
ask_files (Fetch *fetch, GError **error)
{
  g_autofree char *url
      = g_strdup_printf ("%s/api/models/%s/tree/%s?recursive=true", fetch->endpoint, fetch->name.repo, fetch->commit);
  fetch->files = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_hub_file_free);
  for (unsigned page = 0; url != NULL && page < MAX_PAGES; page++)
    {
      g_autofree char *next = NULL;
      g_autoptr (GByteArray) text = get_text (fetch, url, &next, error);
      if (text == NULL)
        return FALSE;
      if (!ut_hub_parse_tree ((const char *) text->data, text->len, fetch->files, error))
        return name_fault (fetch, error);
      g_free (url);
      /* The token goes with the request, so no page lies elsewhere. */
      url = next != NULL && g_str_has_prefix (next, fetch->endpoint) && next[strlen (fetch->endpoint)] == '/'
                ? g_steal_pointer (&next)
                : NULL;
    }
  return TRUE;
}

/* ── what is cached ─────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

static gboolean
take_cached (Fetch *fetch)
{
  g_clear_pointer (&fetch->branch, g_free);
  g_clear_pointer (&fetch->commit, g_free);
  g_clear_pointer (&fetch->files, g_ptr_array_unref);
  fetch->files = ut_hub_cache_list (fetch->folder, &fetch->commit);
  return fetch->files != NULL;
}

static gboolean
choose_cached (Fetch *fetch, UtHubChoice *choice, GError **error)
{
  g_autofree char *place = g_strdup_printf ("in %s", fetch->folder);
  return ut_hub_choose (fetch->files, &fetch->name, fetch->request->want_mmproj, place, choice, error);
}

static gboolean
choose_offline (Fetch *fetch, UtHubChoice *choice, GError **error)
{
  if (!take_cached (fetch))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: nothing of it is cached in %s; without --offline it is fetched",
                   fetch->name.repo, fetch->folder);
      return FALSE;
    }
  if (choose_cached (fetch, choice, error))
    return TRUE;
  g_prefix_error (error, "--offline: ");
  return FALSE;
}

/* The hub did not answer: what is cached will do, if it is all there. */
static gboolean
choose_instead (Fetch *fetch, UtHubChoice *choice, GError *why, GError **error)
{
  g_autoptr (GError) missing = NULL;
  if (!g_error_matches (why, G_IO_ERROR, G_IO_ERROR_CANCELLED) && take_cached (fetch) && choose_cached (fetch, choice, &missing))
    {
      g_autofree char *words = g_strdup_printf ("%s; taking what is cached", why->message);
      fetch->callbacks->note (words, fetch->callbacks->data);
      g_error_free (why);
      return TRUE;
    }
  g_propagate_error (error, why);
  return FALSE;
}

static gboolean
choose (Fetch *fetch, UtHubChoice *choice, GError **error)
{
  g_autoptr (GError) why = NULL;
  if (fetch->request->offline)
    return choose_offline (fetch, choice, error);
  if (!ask_commit (fetch, &why) || !ask_files (fetch, &why))
    return choose_instead (fetch, choice, g_steal_pointer (&why), error);
  g_autofree char *place = g_strdup_printf ("on %s", fetch->host);
  return ut_hub_choose (fetch->files, &fetch->name, fetch->request->want_mmproj, place, choice, error);
}

/* ── fetching ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────── */

/* Adds the file to those that are missing. What the hub was not asked for is there: it was found there. */
static void
add_missing (const Fetch *fetch, const UtHubFile *file, GPtrArray *missing)
{
  if (!ut_hub_cache_has (fetch->folder, fetch->commit, file))
    g_ptr_array_add (missing, (void *) file);
}

static guint64
get_size (const char *path)
{
  struct stat status;
  return stat (path, &status) == 0 ? (guint64) status.st_size : 0;
}

/* What is to come of the file: without what is here of it. */
static guint64
get_rest (const Fetch *fetch, const UtHubFile *file)
{
  g_autofree char *blob = ut_hub_cache_blob (fetch->folder, fetch->commit, file);
  g_autofree char *part = g_strconcat (blob, UT_DOWNLOAD_SUFFIX, NULL);
  const guint64 size = (guint64) MAX (file->size, 0), here = MAX (get_size (blob) == size ? size : 0, get_size (part));
  return size - MIN (size, here);
}

static gboolean
check_room (const Fetch *fetch, GPtrArray *missing, GError **error)
{
  struct statvfs status;
  guint64 rest = 0;
  for (guint i = 0; i < missing->len; i++)
    {
      const guint64 more = get_rest (fetch, missing->pdata[i]);
      rest = more > G_MAXUINT64 - rest ? G_MAXUINT64 : rest + more;
    }
  if (statvfs (fetch->folder, &status) != 0)
    return TRUE;
  const guint64 room = (guint64) status.f_bavail * status.f_frsize;
  if (rest <= room)
    return TRUE;
  g_autofree char *wanted = g_format_size (rest), *given = g_format_size (room);
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED,
               "%s takes %s more, and there is room for %s in %s: HF_HOME names another folder for the cache", fetch->name.repo,
               wanted, given, fetch->folder);
  return FALSE;
}

static gboolean
fetch_file (const Fetch *fetch, UtDownloads *downloads, const UtHubFile *file, GError **error)
{
  g_autofree char *escaped = g_uri_escape_string (file->path, "/", FALSE);
  g_autofree char *url = g_strdup_printf ("%s/%s/resolve/%s/%s", fetch->endpoint, fetch->name.repo, fetch->commit, escaped);
  g_autofree char *blob = ut_hub_cache_blob (fetch->folder, fetch->commit, file);
  g_autofree char *parent = g_path_get_dirname (blob);
  return ut_folder_make (parent, error) && ut_download (downloads, file, url, blob, error)
         && ut_hub_cache_link (fetch->folder, fetch->commit, file, error);
}

static gboolean
fetch_missing (const Fetch *fetch, const UtHubChoice *choice, GError **error)
{
  g_autoptr (GPtrArray) missing = g_ptr_array_new ();
  for (guint i = 0; i < choice->model->len; i++)
    add_missing (fetch, choice->model->pdata[i], missing);
  if (choice->mmproj != NULL)
    add_missing (fetch, choice->mmproj, missing);
  if (missing->len > 0 && (!ut_folder_make (fetch->folder, error) || !check_room (fetch, missing, error)))
    return FALSE;

  UtDownloads downloads = { .http = fetch->http, .asked = get_asked (fetch), .callbacks = fetch->callbacks };
  for (guint i = 0; i < missing->len; i++)
    downloads.progress.total += (guint64) MAX (((const UtHubFile *) missing->pdata[i])->size, 0);
  for (guint i = 0; i < missing->len; i++)
    if (!fetch_file (fetch, &downloads, missing->pdata[i], error))
      return FALSE;
  /* Not before all is here: until then, what was cached before is the model. */
  return fetch->branch == NULL || ut_hub_cache_set_branch (fetch->folder, fetch->branch, fetch->commit, error);
}

static gboolean
fetch_all (Fetch *fetch, char **out_model, char **out_mmproj, GError **error)
{
  const UtHttpStop stop = { fetch->callbacks->stop, fetch->callbacks->data };
  g_auto (UtHubChoice) choice = {};
  if (!ut_hub_name_parse (fetch->request->name, &fetch->name, error) || !set_endpoint (fetch, error) || !set_token (fetch, error))
    return FALSE;
  fetch->page = g_strdup_printf ("%s/%s", fetch->endpoint, fetch->name.repo);
  fetch->folder = ut_hub_cache_folder (fetch->name.repo);
  fetch->http = ut_http_new (g_str_has_prefix (fetch->endpoint, "https:"), fetch->token, &stop);
  if (!choose (fetch, &choice, error) || !fetch_missing (fetch, &choice, error))
    return FALSE;
  *out_model = ut_hub_cache_path (fetch->folder, fetch->commit, choice.model->pdata[0]);
  *out_mmproj = choice.mmproj != NULL ? ut_hub_cache_path (fetch->folder, fetch->commit, choice.mmproj) : NULL;
  return TRUE;
}

gboolean
ut_hub_fetch (const UtHubRequest *request, const UtHubCallbacks *callbacks, char **out_model, char **out_mmproj,
              gboolean *out_stopped, GError **error)
{
  g_auto (Fetch) fetch = { .request = request, .callbacks = callbacks };
  g_autoptr (GError) failure = NULL;
  *out_model = *out_mmproj = NULL;
  *out_stopped = FALSE;
  if (fetch_all (&fetch, out_model, out_mmproj, &failure))
    return TRUE;
  *out_stopped = g_error_matches (failure, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  if (!*out_stopped)
    g_propagate_error (error, g_steal_pointer (&failure));
  return *out_stopped;
}
