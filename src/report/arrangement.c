#include "report/arrangement.h"

#include <string.h>

#include "store/store.h"

/* What a run says it is. */
typedef struct {
  const char *path;
  char *model, *model_name; /* the first tells models apart, the second is to be read */
  char *task, *task_name;
  double size; /* parameters; 0 where it does not say */
} Facts;

static void
facts_clear (Facts *facts)
{
  g_free (facts->model);
  g_free (facts->model_name);
  g_free (facts->task);
  g_free (facts->task_name);
}

/* --- One run ----------------------------------------------------------------------------------------------------------------- */

/* The hash of the weights is what a model is, the program's own facts what a program of the user's is, else the engine's description. */
static const char facts_sql[]
    = "SELECT (SELECT string_agg(key || '=' || value, ';' ORDER BY key) FROM run "
      "        WHERE key IN ('engine', 'model', 'model sha256', 'mmproj sha256') OR starts_with(key, 'program: ')),"
      "       (SELECT value FROM run WHERE key = 'model file'), (SELECT value FROM run WHERE key = 'model'),"
      "       (SELECT string_agg(value, ';' ORDER BY key) FROM run WHERE key IN ('dataset format', 'questions sha256')),"
      "       (SELECT value FROM run WHERE key = 'dataset')";

/* "bundled:small" → "small", "dir/model-f16.gguf" → "model-f16". The caller owns it. */
static char *
short_name (const char *text)
{
  if (g_str_has_prefix (text, "bundled:"))
    return g_strdup (text + strlen ("bundled:"));
  g_autofree char *base = g_path_get_basename (text);
  const char *dot = strrchr (base, '.');
  return dot != NULL && dot > base ? g_strndup (base, (size_t) (dot - base)) : g_strdup (base);
}

/* The parameters in an engine's description, "qwen3vl 0.3M F16". */
static double
read_size (const char *description)
{
  g_auto (GStrv) words = g_strsplit (description, " ", -1);
  for (char **word = words; *word != NULL; word++)
    {
      char *end;
      const double n = g_ascii_strtod (*word, &end);
      const double unit = *end == 'B' ? 1e9 : *end == 'M' ? 1e6 : *end == 'K' ? 1e3 : 0;
      if (end > *word && unit > 0 && end[1] == '\0')
        return n * unit;
    }
  return 0;
}

static gboolean
read_facts (const char *path, Facts *out, GError **error)
{
  g_autoptr (UtStore) store = ut_store_open_read (path, error);
  if (store == NULL)
    return FALSE;
  g_autoptr (UtDbCursor) cursor = ut_db_query (ut_store_db (store), facts_sql, error);
  if (cursor == NULL || !ut_db_next (cursor, error))
    return FALSE;
  const char *texts[5];
  for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++)
    texts[i] = ut_db_is_null (cursor, i) ? "" : ut_db_text (cursor, i);
  const gboolean has_file = *texts[1] != '\0' && strcmp (texts[1], "default") != 0;
  *out = (Facts) { path,
                   g_strdup (texts[0]),
                   has_file ? short_name (texts[1]) : g_strdup (texts[2]),
                   g_strdup (texts[3]),
                   short_name (texts[4]),
                   read_size (texts[2]) };
  return TRUE;
}

/* --- All of them ------------------------------------------------------------------------------------------------------------- */

/* The runs of one model; where it has none on a task, NULL. */
typedef struct {
  const Facts *first;
  const Facts **cells; /* [n_tasks] */
  unsigned n;          /* cells that are filled */
  unsigned place;      /* in which it was met */
} Model;

static void
model_clear (Model *model)
{
  g_free (model->cells);
}

static unsigned
place_of_task (GPtrArray *tasks, const Facts *facts)
{
  for (unsigned t = 0; t < tasks->len; t++)
    if (strcmp (((const Facts *) tasks->pdata[t])->task, facts->task) == 0)
      return t;
  g_ptr_array_add (tasks, (void *) facts);
  return tasks->len - 1;
}

static Model *
model_of (GArray *models, const Facts *facts, size_t n_runs)
{
  for (unsigned m = 0; m < models->len; m++)
    if (strcmp (g_array_index (models, Model, m).first->model, facts->model) == 0)
      return &g_array_index (models, Model, m);
  const Model model = { facts, g_new0 (const Facts *, n_runs), 0, models->len };
  g_array_append_val (models, model);
  return &g_array_index (models, Model, models->len - 1);
}

static int
compare_sizes (const void *left, const void *right)
{
  const Model *a = left, *b = right;
  if (a->first->size != b->first->size)
    return a->first->size < b->first->size ? -1 : 1;
  return (a->place > b->place) - (a->place < b->place);
}

static gboolean
know_sizes (GArray *models)
{
  for (unsigned m = 0; m < models->len; m++)
    if (g_array_index (models, Model, m).first->size <= 0)
      return FALSE;
  return TRUE;
}

/* A name that no earlier one in `names` is. */
static char *
unique_name (GPtrArray *names, const char *name)
{
  char *unique = g_strdup (name);
  for (unsigned n = 2; g_ptr_array_find_with_equal_func (names, unique, g_str_equal, NULL); n++)
    {
      g_free (unique);
      unique = g_strdup_printf ("%s (%u)", name, n);
    }
  return unique;
}

static char **
steal_texts (GPtrArray *texts)
{
  g_ptr_array_add (texts, NULL);
  return (char **) g_ptr_array_free (texts, FALSE);
}

static gboolean
has_tasks_of (const Model *model, const Model *other, unsigned n_tasks)
{
  for (unsigned t = 0; t < n_tasks; t++)
    if (other->cells[t] != NULL && model->cells[t] == NULL)
      return FALSE;
  return TRUE;
}

/* How many runs a comparison on the tasks of `model` has. */
static unsigned
n_runs_with (GArray *models, const Model *model, unsigned n_tasks)
{
  unsigned n = 0;
  for (unsigned m = 0; m < models->len; m++)
    n += has_tasks_of (&g_array_index (models, Model, m), model, n_tasks) ? model->n : 0;
  return n;
}

/* Fills `out` with the models that have all tasks which `most` has. */
static void
choose (GArray *models, GPtrArray *tasks, const Model *most, const GArray *runs, UtArrangement *out)
{
  GPtrArray *model_names = g_ptr_array_new (), *task_names = g_ptr_array_new (), *paths = g_ptr_array_new (),
            *left_out = g_ptr_array_new ();
  g_autoptr (GHashTable) placed = g_hash_table_new (NULL, NULL);
  double smallest = 0, largest = 0;
  for (unsigned t = 0; t < tasks->len; t++)
    if (most->cells[t] != NULL)
      g_ptr_array_add (task_names, unique_name (task_names, ((const Facts *) tasks->pdata[t])->task_name));
  for (unsigned m = 0; m < models->len; m++)
    {
      const Model *model = &g_array_index (models, Model, m);
      if (!has_tasks_of (model, most, tasks->len))
        continue;
      smallest = model_names->len == 0 ? model->first->size : MIN (smallest, model->first->size);
      largest = MAX (largest, model->first->size);
      g_ptr_array_add (model_names, unique_name (model_names, model->first->model_name));
      for (unsigned t = 0; t < tasks->len; t++)
        if (most->cells[t] != NULL)
          {
            g_ptr_array_add (paths, g_strdup (model->cells[t]->path));
            g_hash_table_add (placed, (void *) model->cells[t]);
          }
    }
  for (unsigned r = 0; r < runs->len; r++)
    {
      const Facts *facts = &g_array_index (runs, Facts, r);
      if (!g_hash_table_contains (placed, facts))
        g_ptr_array_add (left_out, g_strdup (facts->path));
    }
  out->sized = smallest > 0 && smallest < largest;
  out->n_models = model_names->len;
  out->n_tasks = task_names->len;
  out->models = steal_texts (model_names);
  out->tasks = steal_texts (task_names);
  out->paths = steal_texts (paths);
  out->left_out = steal_texts (left_out);
}

void
ut_arrangement_clear (UtArrangement *arrangement)
{
  g_strfreev (arrangement->models);
  g_strfreev (arrangement->tasks);
  g_strfreev (arrangement->paths);
  g_strfreev (arrangement->left_out);
}

gboolean
ut_arrangement_read (const char *const *paths, unsigned n_paths, UtArrangement *out, GError **error)
{
  g_autoptr (GArray) runs = g_array_sized_new (FALSE, TRUE, sizeof (Facts), n_paths);
  g_array_set_clear_func (runs, (GDestroyNotify) facts_clear);
  g_autoptr (GArray) models = g_array_new (FALSE, TRUE, sizeof (Model));
  g_array_set_clear_func (models, (GDestroyNotify) model_clear);
  g_autoptr (GPtrArray) tasks = g_ptr_array_new ();
  for (unsigned r = 0; r < n_paths; r++)
    {
      Facts facts;
      if (!read_facts (paths[r], &facts, error))
        return FALSE;
      g_array_append_val (runs, facts);
    }
  /* The facts stay where they are from here on. */
  for (unsigned r = 0; r < runs->len; r++)
    {
      const Facts *facts = &g_array_index (runs, Facts, r);
      Model *model = model_of (models, facts, runs->len);
      const Facts **cell = &model->cells[place_of_task (tasks, facts)];
      model->n += *cell == NULL;
      *cell = *cell == NULL ? facts : *cell;
    }
  if (know_sizes (models))
    g_array_sort (models, compare_sizes);
  const Model *most = &g_array_index (models, Model, 0);
  for (unsigned m = 1; m < models->len; m++)
    {
      const Model *model = &g_array_index (models, Model, m);
      const unsigned n = n_runs_with (models, model, tasks->len), n_most = n_runs_with (models, most, tasks->len);
      if (n > n_most || (n == n_most && model->n > most->n))
        most = model;
    }
  choose (models, tasks, most, runs, out);
  return TRUE;
}

UtComparedRuns
ut_arrangement_runs (const UtArrangement *arrangement)
{
  return (UtComparedRuns) { (const char *const *) arrangement->models,
                            (const char *const *) arrangement->tasks,
                            (const char *const *) arrangement->paths,
                            arrangement->n_models,
                            arrangement->n_tasks,
                            arrangement->sized };
}
