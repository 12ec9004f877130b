#include "run/identity.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "hub/gguf-name.h"
#include "perturb/perturb.h"

static void
identity_clear (void *data)
{
  UtIdentity *row = data;
  g_free ((char *) row->key);
  g_free ((char *) row->value);
}

static void
add (GArray *rows, const char *key, char *value, gboolean informative)
{
  const UtIdentity row = { g_strdup (key), value, informative };
  g_array_append_val (rows, row);
}

static gboolean
add_bytes (GChecksum *sum, const char *path, GError **error)
{
  FILE *file = fopen (path, "rbe");
  if (file == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", path, g_strerror (errno));
      return FALSE;
    }
  g_autofree guchar *buffer = g_malloc (1 << 20);
  size_t n;
  while ((n = fread (buffer, 1, 1 << 20, file)) > 0)
    g_checksum_update (sum, buffer, (gssize) n);
  const gboolean failed = ferror (file);
  fclose (file);
  if (failed)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: it cannot be read to its end", path);
  return !failed;
}

/* SHA-256 of a file's bytes, of a split model's all parts' one after the other, as hexadecimal digits. */
static char *
hash_file (const char *path, GError **error)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (GPtrArray) parts = ut_gguf_name_parts (path);
  for (guint i = 0; i < parts->len; i++)
    if (!add_bytes (sum, parts->pdata[i], error))
      return NULL;
  return g_strdup (g_checksum_get_string (sum));
}

static gboolean
add_hash (GArray *rows, const char *key, const char *path, GError **error)
{
  char *hash = path != NULL ? hash_file (path, error) : g_strdup ("none");
  if (hash == NULL)
    return FALSE;
  add (rows, key, hash, FALSE);
  return TRUE;
}

/* Of an engine in a program of its own: the command, what the program said of itself, and what it does not give. */
static void
add_program (GArray *rows, const UtEngineConfig *engine, const UtEngineInfo *info)
{
  if (engine->command != NULL)
    {
      add (rows, "--command", g_strdup (engine->command), FALSE);
      add (rows, "--timeout", g_strdup_printf ("%d", engine->timeout), TRUE);
    }
  for (size_t i = 0; info->identity != NULL && info->identity[i] != NULL; i += 2)
    {
      g_autofree char *key = g_strconcat ("program: ", info->identity[i], NULL);
      add (rows, key, g_strdup (info->identity[i + 1]), FALSE);
    }
  if (info->gives != UT_GIVES_ALL)
    add (rows, UT_STORE_NOT_GIVEN, ut_gives_join (UT_GIVES_ALL & ~info->gives), FALSE);
}

/* Whatever files they came from, other questions make another run. */
char *
ut_run_questions_hash (UtDataset *dataset)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  GPtrArray *items = ut_dataset_items (dataset);
  for (size_t i = 0; i < items->len; i++)
    {
      const UtItem *item = items->pdata[i];
      g_autofree char *options = g_strjoinv ("\x1f", item->options);
      g_autofree char *answer = g_strdup_printf ("%d", item->answer);
      const char *parts[]
          = { item->id, item->image_id, item->category, item->hint != NULL ? item->hint : "", item->question, options, answer };
      for (size_t p = 0; p < G_N_ELEMENTS (parts); p++)
        g_checksum_update (sum, (const guchar *) parts[p], (gssize) strlen (parts[p]) + 1);
    }
  return g_strdup (g_checksum_get_string (sum));
}

static char *
join_variants (GPtrArray *variants)
{
  GString *names = g_string_new (NULL);
  for (size_t v = 0; v < variants->len; v++)
    g_string_append_printf (names, "%s%s", v > 0 ? "," : "", ((const UtVariant *) variants->pdata[v])->name);
  return g_string_free (names, FALSE);
}

static char *
time_now (void)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  return g_date_time_format_iso8601 (now);
}

/* "AMD EPYC 7B13 × 16": its name, where Linux tells it, and the processors that this process may use. */
static char *
processor (void)
{
  const unsigned n = g_get_num_processors ();
  g_autofree char *text = NULL;
  if (!g_file_get_contents ("/proc/cpuinfo", &text, NULL, NULL))
    return g_strdup_printf ("%u", n);
  const char *line = strstr (text, "model name"), *name = line != NULL ? strchr (line, ':') : NULL;
  if (name == NULL)
    return g_strdup_printf ("%u", n);
  g_autofree char *word = g_strstrip (g_strndup (name + 1, strcspn (name + 1, "\n")));
  return g_strdup_printf ("%s × %u", word, n);
}

static char *
text_or_default (const char *text)
{
  return g_strdup (text != NULL ? text : "default");
}

/* The forms of the score that say something with this prompt. */
static char *
join_scores (const UtPrompt *prompt)
{
  GString *names = g_string_new (NULL);
  for (const UtScoreForm *form = ut_score_forms; form->name != NULL; form++)
    if (!form->of_letters || ut_prompt_shows_letters (prompt))
      g_string_append_printf (names, "%s%s", names->len > 0 ? "," : "", form->name);
  return g_string_free (names, FALSE);
}

/* How the benchmark was read and what was chosen, as they were typed. */
static void
add_reading (GArray *rows, const UtRunConfig *config)
{
  const UtDatasetConfig *dataset = &config->dataset;
  add (rows, UT_RUN_DATASET, g_strdup (dataset->path), TRUE);
  if (dataset->images != NULL)
    add (rows, UT_RUN_IMAGES, g_strdup (dataset->images), TRUE);
  for (char **column = dataset->columns; column != NULL && *column != NULL; column++)
    add (rows, UT_RUN_COLUMN, g_strdup (*column), TRUE);
  if (dataset->limit > 0)
    add (rows, UT_RUN_LIMIT, g_strdup_printf ("%" G_GUINT64_FORMAT, dataset->limit), TRUE);
  if (dataset->sample > 0)
    add (rows, UT_RUN_SAMPLE, g_strdup_printf ("%" G_GUINT64_FORMAT, dataset->sample), TRUE);
  add (rows, UT_RUN_PERTURBATIONS, text_or_default (config->perturbations), TRUE);
  add (rows, UT_RUN_FOLDER, g_get_current_dir (), TRUE);
}

GArray *
ut_run_identity (const UtRunParts *parts, GError **error)
{
  const UtRunConfig *config = parts->config;
  const UtEngineConfig *engine = parts->engine;
  const UtEngineInfo *info = parts->info;
  g_autoptr (GArray) rows = g_array_new (TRUE, TRUE, sizeof (UtIdentity));
  g_array_set_clear_func (rows, identity_clear);

  add (rows, "undertow", g_strdup (UT_VERSION), FALSE);
  add (rows, "engine", g_strdup (engine->engine), FALSE);
  add (rows, "engine versions", g_strdup (info->versions), FALSE);
  add (rows, "backends", g_strdup (info->backends), FALSE);
  add (rows, "device", g_strdup (info->device), FALSE);
  add (rows, "model", g_strdup (info->description), FALSE);
  if (!add_hash (rows, "model sha256", engine->model, error) || !add_hash (rows, "mmproj sha256", engine->mmproj, error))
    return NULL;
  add_program (rows, engine, info);
  add (rows, "-fa", text_or_default (engine->flash_attn), FALSE);
  add (rows, "-ngl", g_strdup_printf ("%d", engine->n_gpu_layers), FALSE);
  add (rows, "--image-min-tokens", g_strdup_printf ("%d", engine->image_min_tokens), FALSE);
  add (rows, "--image-max-tokens", g_strdup_printf ("%d", engine->image_max_tokens), FALSE);
  add (rows, UT_RUN_FORMAT, g_strdup (ut_dataset_format (parts->dataset)), FALSE);
  add (rows, UT_RUN_QUESTIONS, ut_run_questions_hash (parts->dataset), FALSE);
  add (rows, UT_RUN_SEED, g_strdup_printf ("%" G_GUINT64_FORMAT, config->seed), FALSE);
  add (rows, UT_STORE_PROMPT, g_strdup (ut_prompt_name (parts->prompt)), FALSE);
  add (rows, UT_STORE_SCORES, join_scores (parts->prompt), FALSE);
  add (rows, UT_STORE_SCORE, g_strdup (parts->form->name), FALSE);
  add (rows, "variants", join_variants (parts->variants), FALSE);
  add (rows, "--layers", g_strdup (config->layers ? "yes" : "no"), FALSE);
  add (rows, "--generate", g_strdup_printf ("%d", config->n_generate), FALSE);

  if (info->caveat != NULL)
    add (rows, UT_STORE_CAVEAT, g_strdup (info->caveat), TRUE);
  add (rows, "command", g_strdup (config->command), TRUE);
  add_reading (rows, config);
  add (rows, UT_RUN_PROMPT_TEXT, g_strdup (ut_prompt_text (parts->prompt)), TRUE);
  add (rows, "model file", text_or_default (config->hf_repo != NULL ? config->hf_repo : config->engine.model), TRUE);
  add (rows, "mmproj file", text_or_default (engine->mmproj), TRUE);
  add (rows, "-t", g_strdup_printf ("%d", engine->n_threads), TRUE);
  add (rows, "-c", g_strdup_printf ("%d", engine->n_ctx), TRUE);
  add (rows, "host", g_strdup (g_get_host_name ()), TRUE);
  add (rows, "processor", processor (), TRUE);
  add (rows, "started", time_now (), TRUE);
  return g_steal_pointer (&rows);
}
