/* undertow inspect: what a benchmark holds, before anything is run on it. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "commands.h"
#include "dataset/dataset.h"

/* What is shown of long lists and texts. */
constexpr unsigned N_SAMPLES = 3;
constexpr unsigned N_FILES = 5;
constexpr unsigned N_REASONS = 10;
constexpr unsigned N_CATEGORIES = 40;
constexpr glong LONGEST = 300;

/* How often a text occurs, and where first. */
typedef struct {
  const char *text, *where;
  unsigned n;
} Count;

static void
count (GArray *counts, GHashTable *places, const char *text, const char *where)
{
  const unsigned known = GPOINTER_TO_UINT (g_hash_table_lookup (places, text));
  if (known > 0)
    {
      g_array_index (counts, Count, known - 1).n++;
      return;
    }
  const Count first = { text, where, 1 };
  g_array_append_val (counts, first);
  g_hash_table_insert (places, (char *) text, GUINT_TO_POINTER (counts->len));
}

static int
most_first (gconstpointer a, gconstpointer b)
{
  const Count *x = a, *y = b;
  return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp (x->where, y->where);
}

/* A text of the file's, in one line. */
static char *
shorten (const char *text)
{
  g_autofree char *clean = ut_text_without_controls (text);
  if (g_utf8_strlen (clean, -1) <= LONGEST)
    return g_steal_pointer (&clean);
  g_autofree char *start = g_utf8_substring (clean, 0, LONGEST);
  return g_strconcat (start, "…", NULL);
}

static const char *
plural (unsigned n)
{
  return n == 1 ? "" : "s";
}

static void
print_files (UtDataset *dataset)
{
  const GPtrArray *files = ut_dataset_files (dataset);
  for (unsigned i = 0; i < MIN (files->len, N_FILES); i++)
    printf ("%-12s%s\n", i == 0 ? "files" : "", (const char *) files->pdata[i]);
  if (files->len > N_FILES)
    printf ("%-12sand %u more\n", "", files->len - N_FILES);
}

static void
print_questions (UtDataset *dataset)
{
  const GPtrArray *items = ut_dataset_items (dataset);
  g_autoptr (GHashTable) images = g_hash_table_new (g_str_hash, g_str_equal);
  unsigned n_yes_no = 0, n_several = 0, n_letters = 0, fewest = G_MAXUINT, most = 0;
  for (unsigned i = 0; i < items->len; i++)
    {
      const UtItem *item = items->pdata[i];
      for (unsigned k = 0; k < item->n_images; k++)
        g_hash_table_add (images, (char *) ut_dataset_image_name (dataset, item, k));
      n_several += item->n_images > 1 ? 1 : 0;
      n_letters += item->scores_letters ? 1 : 0;
      n_yes_no += item->yes_no ? 1 : 0;
      fewest = item->yes_no ? fewest : MIN (fewest, item->n_options);
      most = item->yes_no ? most : MAX (most, item->n_options);
    }
  printf ("%-12s%u on %u image%s", "questions", items->len, g_hash_table_size (images), plural (g_hash_table_size (images)));
  if (n_several > 0)
    printf (", %u of them on several", n_several);
  if (n_yes_no > 0)
    printf ("; %u yes/no", n_yes_no);
  if (n_yes_no < items->len && fewest == most)
    printf ("; %u with %u options", items->len - n_yes_no, most);
  else if (n_yes_no < items->len)
    printf ("; %u with %u to %u options", items->len - n_yes_no, fewest, most);
  putchar ('\n');
  if (n_letters > 0)
    printf ("%-12s%u, whose options are images, by the options' letters\n", "scored", n_letters);
}

static void
print_categories (UtDataset *dataset)
{
  const GPtrArray *items = ut_dataset_items (dataset);
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (Count));
  g_autoptr (GHashTable) places = g_hash_table_new (g_str_hash, g_str_equal);
  for (unsigned i = 0; i < items->len; i++)
    {
      const UtItem *item = items->pdata[i];
      count (counts, places, item->category, item->category);
    }
  for (unsigned c = 0; c < MIN (counts->len, N_CATEGORIES); c++)
    {
      const Count *one = &g_array_index (counts, Count, c);
      g_autofree char *name = shorten (*one->text != '\0' ? one->text : "(none)");
      printf ("%-12s%7u  %s\n", c == 0 ? "categories" : "", one->n, name);
    }
  if (counts->len > N_CATEGORIES)
    printf ("%-12sand %u more\n", "", counts->len - N_CATEGORIES);
}

static void
print_skipped (UtDataset *dataset)
{
  const GPtrArray *skipped = ut_dataset_skipped (dataset);
  g_autoptr (GArray) counts = g_array_new (FALSE, FALSE, sizeof (Count));
  g_autoptr (GHashTable) places = g_hash_table_new (g_str_hash, g_str_equal);
  for (unsigned i = 0; i < skipped->len; i++)
    {
      const UtSkipped *one = skipped->pdata[i];
      count (counts, places, one->reason, one->where);
    }
  g_array_sort (counts, most_first);
  printf ("%-12s%u row%s\n", "skipped", skipped->len, plural (skipped->len));
  for (unsigned c = 0; c < MIN (counts->len, N_REASONS); c++)
    {
      const Count *one = &g_array_index (counts, Count, c);
      g_autofree char *reason = shorten (one->text);
      printf ("%-12s%7u  %s (first: %s)\n", "", one->n, reason, one->where);
    }
  if (counts->len > N_REASONS)
    printf ("%-12sand %u more reasons\n", "", counts->len - N_REASONS);
}

/* FALSE where an image cannot be decoded, which is said in its place. */
static gboolean
print_image (UtDataset *dataset, const UtItem *item, unsigned k)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtImage) image = ut_dataset_image (dataset, item, k, &error);
  g_autofree char *name = shorten (ut_dataset_image_name (dataset, item, k));
  if (image != NULL)
    printf ("  image     %s, %d×%d\n", name, image->width, image->height);
  else
    printf ("  image     %s\n", error->message);
  return image != NULL;
}

static gboolean
print_sample (UtDataset *dataset, const UtItem *item)
{
  gboolean good = TRUE;
  g_autofree char *id = shorten (item->id), *category = shorten (item->category), *question = shorten (item->question);
  printf ("\n%s%s%s\n", id, *category != '\0' ? "  ·  " : "", category);
  for (unsigned k = 0; k < item->n_images; k++)
    good = print_image (dataset, item, k) && good;
  if (item->hint != NULL)
    {
      g_autofree char *hint = shorten (item->hint);
      printf ("  hint      %s\n", hint);
    }
  printf ("  question  %s\n", question);
  for (unsigned k = 0; k < item->n_options; k++)
    {
      g_autofree char *option = shorten (item->options[k]);
      const char *mark = (int) k == item->answer ? "→" : " ";
      if (item->yes_no)
        printf ("          %s %s\n", mark, option);
      else
        printf ("          %s %s. %s\n", mark, item->labels[k], option);
    }
  return good;
}

/* The first, the middle and the last. */
static gboolean
print_samples (UtDataset *dataset)
{
  const GPtrArray *items = ut_dataset_items (dataset);
  const unsigned n = MIN (items->len, N_SAMPLES);
  gboolean good = TRUE;
  for (unsigned i = 0; i < n; i++)
    good = print_sample (dataset, items->pdata[n > 1 ? i * (items->len - 1) / (n - 1) : 0]) && good;
  return good;
}

static const char *
summary_of (const char *name)
{
  const UtFormat *format = ut_formats;
  while (strcmp (format->name, name) != 0)
    format++;
  return format->summary;
}

static int
inspect (const UtDatasetConfig *config)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (UtDataset) dataset = ut_dataset_open (config, &error);
  if (dataset == NULL)
    return ut_cmd_fail ("inspect", error);
  const char *format = ut_dataset_format (dataset);
  printf ("%-12s%s (%s)\n", "format", format, summary_of (format));
  print_files (dataset);
  print_questions (dataset);
  print_categories (dataset);
  if (ut_dataset_skipped (dataset)->len > 0)
    print_skipped (dataset);
  return print_samples (dataset) ? 0 : 1;
}

int
ut_cmd_inspect (int argc, char **argv)
{
  g_autofree char *format = NULL, *images = NULL;
  g_auto (GStrv) columns = NULL, operands = NULL;
  gint64 limit = 0;
  const GOptionEntry entries[] = {
    { "images", 0, 0, G_OPTION_ARG_FILENAME, &images, "The folder its image names are relative to", "DIR" },
    { "format", 0, 0, G_OPTION_ARG_STRING, &format, "Its format, where it is not to be detected (see list datasets)", "NAME" },
    { "column", 0, 0, G_OPTION_ARG_STRING_ARRAY, &columns, "The file's own name of a column: question=Frage; may be repeated",
      "NAME=YOURS" },
    { "limit", 0, 0, G_OPTION_ARG_INT64, &limit, "Only the first N items", "N" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &operands, NULL, "DATASET" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (
      context, "Shows what a benchmark holds: format, counts, categories, what is skipped and why, three samples.");
  g_option_context_set_description (context, "DATASET is a file, folder, glob, or bundled:presence, as for undertow run.");
  g_option_context_add_main_entries (context, entries, NULL);
  g_set_prgname ("undertow inspect");
  g_autoptr (GError) error = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &error))
    return ut_cmd_fail ("inspect", error);
  if (operands == NULL || operands[1] != NULL)
    error = g_error_new (G_OPTION_ERROR, G_OPTION_ERROR_FAILED, "expected one DATASET");
  else if (limit < 0)
    error = g_error_new (G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--limit takes a number from 0");
  if (error != NULL)
    return ut_cmd_fail ("inspect", error);
  const UtDatasetConfig config = {
    .path = operands[0], .format = format, .images = images, .columns = columns, .limit = (guint64) limit
  };
  return inspect (&config);
}
