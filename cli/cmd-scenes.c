/* undertow scenes: writes the generator's scenes as a benchmark in files, or in bulk for training. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>

#include "base/error.h"
#include "base/names.h"
#include "commands.h"
#include "dataset/export.h"
#include "scenes/scenes.h"

typedef struct {
  char *export_dir, *format, *raw, *split, *task;
  gint64 count, from, seed;
  gboolean pairs;
} Options;

static void
clear_options (Options *o)
{
  g_free (o->export_dir);
  g_free (o->format);
  g_free (o->raw);
  g_free (o->split);
  g_free (o->task);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, clear_options)

static gboolean
parse_split (const char *name, UtSplit *out_split, GError **error)
{
  for (unsigned i = 0; ut_split_names[i] != NULL; i++)
    if (g_str_equal (name, ut_split_names[i]))
      {
        *out_split = (UtSplit) i;
        return TRUE;
      }
  const char *nearest = ut_names_nearest (name, ut_split_names);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "--split %s: expected train, val or test%s%s", name,
               nearest != NULL ? "; nearest: " : "", nearest != NULL ? nearest : "");
  return FALSE;
}

/* Every text of the generator is plain ASCII without quotes or backslashes, so that quoting it is enough for JSON. */

static void
append_strings (GString *out, char *const *strings)
{
  g_string_append_c (out, '[');
  for (; *strings != NULL; strings++)
    g_string_append_printf (out, "\"%s\"%s", *strings, strings[1] != NULL ? "," : "");
  g_string_append_c (out, ']');
}

static gboolean
export_benchmark (const Options *o, UtSplit split, GError **error)
{
  g_autoptr (UtDataset) dataset = ut_dataset_of_scenes ((guint64) o->seed, o->task, split, (unsigned) o->count, error);
  if (dataset == NULL || !ut_dataset_export (dataset, o->format, "scenes", o->export_dir, error))
    return FALSE;
  g_print ("%u %s questions in %s\n", ut_dataset_items (dataset)->len, o->task, o->export_dir);
  return TRUE;
}

static void
append_objects (GString *out, const UtScene *scene)
{
  for (unsigned i = 0; i < scene->n_objects; i++)
    {
      const UtSceneObject *o = &scene->objects[i];
      g_string_append_printf (out, "%s{\"colour\":%u,\"shape\":%u,\"texture\":%u,\"x\":%.2f,\"y\":%.2f,\"radius\":%.2f}",
                              i > 0 ? "," : "", o->colour, o->shape, o->texture, o->x, o->y, o->radius);
    }
}

/* In a raw dump, at most so many questions of each category: the lists of all are long, and alike. */
constexpr guint N_RAW_QUESTIONS = 6;

static void
append_questions (GString *out, const char *task, GPtrArray *questions)
{
  for (guint i = 0; i < MIN (questions->len, N_RAW_QUESTIONS); i++)
    {
      const UtSceneQuestion *q = questions->pdata[i];
      if (out->str[out->len - 1] == '}')
        g_string_append_c (out, ',');
      g_string_append_printf (out, "{\"task\":\"%s\",\"category\":\"%s\",\"question\":\"%s\",\"options\":", task, q->category,
                              q->question);
      append_strings (out, q->options);
      g_string_append_printf (out, ",\"answer\":%d,\"subject\":[%d,%d]}", q->answer, q->subject[0], q->subject[1]);
    }
}

/* One line of the raw dump: the scene and what can be asked of it, of its partner too unless that is NULL. */
static void
append_raw_line (GString *out, const UtScenes *scenes, const UtScene *scene, const UtScene *partner)
{
  g_string_append_printf (out, "{\"id\":\"%s\",\"width\":%d,\"height\":%d,\"objects\":[", scene->id, scene->width, scene->height);
  append_objects (out, scene);
  g_string_append (out, "],\"questions\":[");
  for (const UtSceneTask *task = ut_scene_tasks; task->name != NULL; task++)
    for (unsigned c = 0; task->categories[c].name != NULL; c++)
      {
        g_autoptr (GPtrArray) questions = ut_scenes_ask (scenes, scene, partner, task->categories[c].name);
        append_questions (out, task->name, questions);
      }
  g_string_append (out, "]}\n");
}

static void
append_partner_line (GString *out, const UtScene *scene, const UtScene *partner)
{
  g_string_append_printf (out, "{\"id\":\"%s\",\"partner_of\":\"%s\",\"width\":%d,\"height\":%d,\"objects\":[", partner->id,
                          scene->id, partner->width, partner->height);
  append_objects (out, partner);
  g_string_append (out, "],\"questions\":[]}\n");
}

static gboolean
write_raw_scene (const UtScene *scene, const GString *line, FILE *pixels, FILE *lines, GError **error)
{
  g_autoptr (UtImage) image = ut_scene_draw (scene, error);
  if (image == NULL)
    return FALSE;
  const size_t n_bytes = (size_t) image->width * (size_t) image->height * 3;
  if (fwrite (image->pixels, 1, n_bytes, pixels) == n_bytes && fwrite (line->str, 1, line->len, lines) == line->len)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write scene %s: %s", scene->id, g_strerror (errno));
  return FALSE;
}

static FILE *
open_to_write (const char *path, GError **error)
{
  FILE *file = fopen (path, "wb");
  if (file == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: %s", path, g_strerror (errno));
  return file;
}

/* A full disk often shows only when the buffers are written out. */
static gboolean
close_written (FILE *file, const char *path, GError **error)
{
  if (fclose (file) == 0)
    return TRUE;
  g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "cannot write %s: %s", path, g_strerror (errno));
  return FALSE;
}

/* With --pairs, one scene in so many comes with its partner. */
constexpr gint64 PAIR_EVERY = 4;

static gboolean
write_raw_range (const UtScenes *scenes, const Options *o, UtSplit split, FILE *pixels, FILE *lines, GError **error)
{
  for (gint64 i = o->from; i < o->from + o->count; i++)
    {
      g_autoptr (UtScene) scene = ut_scenes_make (scenes, split, (uint64_t) i);
      g_autoptr (UtScene) partner = o->pairs && i % PAIR_EVERY == 0 ? ut_scenes_partner (scenes, scene) : NULL;
      g_autoptr (GString) line = g_string_new (NULL), partner_line = g_string_new (NULL);
      append_raw_line (line, scenes, scene, partner);
      if (!write_raw_scene (scene, line, pixels, lines, error))
        return FALSE;
      if (partner == NULL)
        continue;
      append_partner_line (partner_line, scene, partner);
      if (!write_raw_scene (partner, partner_line, pixels, lines, error))
        return FALSE;
    }
  return TRUE;
}

/* FILE: the scenes' pixels (rows of RGB bytes) one after the other; FILE.jsonl: a line a scene with its size, objects, questions. */
static gboolean
write_raw (const UtScenes *scenes, const Options *o, UtSplit split, GError **error)
{
  g_autofree char *lines_path = g_strconcat (o->raw, ".jsonl", NULL);
  FILE *pixels = open_to_write (o->raw, error);
  if (pixels == NULL)
    return FALSE;
  FILE *lines = open_to_write (lines_path, error);
  if (lines == NULL)
    {
      fclose (pixels);
      return FALSE;
    }
  const gboolean written = write_raw_range (scenes, o, split, pixels, lines, error);
  const gboolean closed_pixels = close_written (pixels, o->raw, written ? error : NULL);
  const gboolean closed_lines = close_written (lines, lines_path, written && closed_pixels ? error : NULL);
  return written && closed_pixels && closed_lines;
}

static gboolean
check_options (const Options *o, UtSplit *out_split, GError **error)
{
  if ((o->export_dir == NULL) == (o->raw == NULL))
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "expected one of --export DIR and --raw FILE");
  else if (o->count < 1 || o->count > 10000000)
    g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "--count %" G_GINT64_FORMAT ": expected 1 to 10000000", o->count);
  else if (o->from < 0 || o->from > 1000000000000 || (o->from > 0 && o->raw == NULL))
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "--from: expected 0 to 1000000000000, and only with --raw");
  else if (o->pairs && o->raw == NULL)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "--pairs: expected only with --raw");
  else if (o->format != NULL && o->export_dir == NULL)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "--format: expected only with --export");
  else if (o->seed < 0)
    g_set_error_literal (error, UT_ERROR, UT_ERROR_USAGE, "--seed: expected 0 or more");
  else
    return parse_split (o->split, out_split, error);
  return FALSE;
}

static gboolean
parse_options (int *argc, char ***argv, Options *o, GError **error)
{
  const GOptionEntry entries[] = {
    { "export", 0, 0, G_OPTION_ARG_FILENAME, &o->export_dir, "Write a benchmark, questions and images, into DIR", "DIR" },
    { "format", 0, 0, G_OPTION_ARG_STRING, &o->format, "As pope, seedbench, vlmevalkit or parquet has it (default: the first that can)",
      "NAME" },
    { "task", 0, 0, G_OPTION_ARG_STRING, &o->task, "What is asked: presence (default), perception or reasoning", "NAME" },
    { "raw", 0, 0, G_OPTION_ARG_FILENAME, &o->raw, "Write pixels into FILE, objects and questions into FILE.jsonl", "FILE" },
    { "pairs", 0, 0, G_OPTION_ARG_NONE, &o->pairs, "With --raw: every fourth scene's partner too, and questions on both", NULL },
    { "split", 0, 0, G_OPTION_ARG_STRING, &o->split, "train, val or test (default)", "NAME" },
    { "from", 0, 0, G_OPTION_ARG_INT64, &o->from, "The first scene of --raw (default 0)", "N" },
    { "count", 0, 0, G_OPTION_ARG_INT64, &o->count, "The number of scenes (default 350)", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &o->seed, "The generator's seed (default 0)", "S" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (context, "Draws scenes of coloured shapes with questions on them, from a seed.");
  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unexpected argument %s", (*argv)[1]);
      return FALSE;
    }
  return TRUE;
}

int
ut_cmd_scenes (int argc, char **argv)
{
  g_auto (Options) o = { .count = UT_SCENES_BENCHMARK_IMAGES, .seed = (gint64) UT_SCENES_SEED };
  g_autoptr (GError) error = NULL;
  UtSplit split = UT_SPLIT_TEST;
  o.split = g_strdup (ut_split_names[UT_SPLIT_TEST]);
  o.task = g_strdup (ut_scene_tasks[0].name);
  if (!parse_options (&argc, &argv, &o, &error) || !check_options (&o, &split, &error))
    return ut_cmd_fail ("scenes", error);
  if (o.export_dir != NULL)
    return export_benchmark (&o, split, &error) ? 0 : ut_cmd_fail ("scenes", error);
  g_autoptr (UtScenes) scenes = ut_scenes_new ((uint64_t) o.seed);
  return write_raw (scenes, &o, split, &error) ? 0 : ut_cmd_fail ("scenes", error);
}
