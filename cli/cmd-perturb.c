/* undertow perturb: every variant of an image as a PNG, and one sheet of them all. */
#include <string.h>

#include "base/error.h"
#include "base/folder.h"
#include "commands.h"
#include "perturb/perturb.h"
#include "perturb/sheet.h"

typedef struct {
  char *image;
  char *folder;
  char *families;
  char *seed;
  char *labels;
  char *predicted;
  char *right;
} Options;

static void
options_clear (Options *options)
{
  g_free (options->image);
  g_free (options->folder);
  g_free (options->families);
  g_free (options->seed);
  g_free (options->labels);
  g_free (options->predicted);
  g_free (options->right);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean usage (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

static gboolean
usage (GError **error, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (UT_ERROR, UT_ERROR_USAGE, format, args));
  va_end (args);
  return FALSE;
}

static gboolean
parse_options (int argc, char **argv, Options *options, GError **error)
{
  g_auto (GStrv) images = NULL;
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &options->folder, "Folder to write to; made where it does not exist", "DIR" },
    { "perturbations", 'p', 0, G_OPTION_ARG_STRING, &options->families, UT_CMD_FAMILIES_HELP, "FAMILIES" },
    { "seed", 0, 0, G_OPTION_ARG_STRING, &options->seed, "What random text, places and noise are drawn from (default 0)", "S" },
    { "labels", 0, 0, G_OPTION_ARG_STRING, &options->labels, "Option labels for the text overlays (default A,B,C,D)", "LABELS" },
    { "predicted", 0, 0, G_OPTION_ARG_STRING, &options->predicted,
      "The label the model answers to the clean image (default the first)", "LABEL" },
    { "right", 0, 0, G_OPTION_ARG_STRING, &options->right, "The right label, for text_right (default none)", "LABEL" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &images, NULL, "IMAGE" },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_option_context_set_summary (context, "Writes every variant of IMAGE as a PNG named after it, and sheet.png with them all.");
  g_option_context_set_description (context, UT_CMD_FAMILIES_DESCRIPTION);
  g_option_context_add_main_entries (context, entries, NULL);
  g_autoptr (GError) fault = NULL;
  if (!g_option_context_parse (context, &argc, &argv, &fault))
    return usage (error, "%s", fault->message);
  if (images == NULL || images[1] != NULL)
    return usage (error, "expected one image, found %u", images == NULL ? 0 : g_strv_length (images));
  if (options->folder == NULL)
    return usage (error, "expected -o DIR, the folder to write to");
  options->image = g_strdup (images[0]);
  return TRUE;
}

/* Which of the labels `typed` is. */
static gboolean
find_label (const char *option, const char *typed, char **labels, int *out_index, GError **error)
{
  for (int i = 0; labels[i] != NULL; i++)
    if (strcmp (labels[i], typed) == 0)
      {
        *out_index = i;
        return TRUE;
      }
  g_autofree char *list = g_strjoinv (", ", labels);
  return usage (error, "%s %s: not one of the labels %s", option, typed, list);
}

/* The question that overlays are written for, out of the options; it borrows from `labels`. */
static gboolean
make_subject (const Options *options, char **labels, const char *id, UtSubject *subject, GError **error)
{
  const unsigned n = g_strv_length (labels);
  if (n == 0)
    return usage (error, "--labels: expected at least one label");
  for (unsigned i = 0; i < n; i++)
    if (*g_strstrip (labels[i]) == '\0')
      return usage (error, "--labels %s: label %u is empty", options->labels, i + 1);
  *subject
      = (UtSubject) { .id = id, .labels = (const char *const *) labels, .n_labels = n, .right_answer = -1, .image_name = id };
  return (options->predicted == NULL || find_label ("--predicted", options->predicted, labels, &subject->clean_prediction, error))
         && (options->right == NULL || find_label ("--right", options->right, labels, &subject->right_answer, error));
}

static UtImage *
read_image (const char *path, GError **error)
{
  g_autofree char *bytes = NULL;
  gsize n;
  return g_file_get_contents (path, &bytes, &n, error) ? ut_image_decode (bytes, n, path, error) : NULL;
}

static gboolean
write_image (const UtImage *image, const char *folder, const char *name, GError **error)
{
  g_autofree char *file = g_strconcat (name, ".png", NULL);
  g_autofree char *path = g_build_filename (folder, file, NULL);
  return ut_image_write_png (image, path, error);
}

static void
tile_clear (void *data)
{
  UtTile *tile = data;
  g_free ((char *) tile->note);
  ut_image_unref (tile->image);
}

/* Whether a variant has a picture of its own: the noise floor is the clean image, and a control another item's, which only a run has. */
static gboolean
has_picture (const UtVariant *variant)
{
  const UtFamily *family = variant->family;
  return !family->no_image && family->role != UT_ROLE_FLOOR && family->role != UT_ROLE_CONTROL;
}

/* Makes and writes the variants that apply; what cannot be made (a crop larger than the image) is said and counted, what cannot be
 * written ends it. */
static gboolean
write_variants (const GPtrArray *variants, UtImage *image, const UtSubject *subject, uint64_t seed, const char *folder,
                GArray *tiles, unsigned *n_failed, GError **error)
{
  for (unsigned i = 0; i < variants->len; i++)
    {
      const UtVariant *variant = variants->pdata[i];
      g_autofree char *key = ut_variant_key (variant, subject, seed);
      if (key == NULL || !has_picture (variant))
        continue;
      g_autoptr (GError) fault = NULL;
      UtImage *changed = ut_variant_apply (variant, image, subject, seed, &fault);
      if (changed == NULL)
        {
          ut_cmd_fail ("perturb", fault);
          ++*n_failed;
          continue;
        }
      const UtTile tile = { variant->family->name, variant->name, ut_variant_detail (variant, subject, seed), changed };
      g_array_append_val (tiles, tile);
      if (!write_image (changed, folder, variant->name, error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
write_sheet (const Options *options, const UtImage *image, const UtSubject *subject, uint64_t seed, const GArray *tiles,
             GError **error)
{
  g_autofree char *size = g_strdup_printf ("%d×%d pixels, %u variants", image->width, image->height, tiles->len);
  g_autofree char *labels = g_strjoinv (", ", (char **) subject->labels);
  g_autofree char *overlays = g_strdup_printf ("overlays: labels %s; predicted %s; seed %" G_GUINT64_FORMAT, labels,
                                               subject->labels[subject->clean_prediction], seed);
  const char *const title[] = { subject->id, size, overlays, NULL };
  g_autoptr (UtImage) sheet = ut_sheet_draw (title, (const UtTile *) (const void *) tiles->data, tiles->len, error);
  return sheet != NULL && write_image (sheet, options->folder, "sheet", error);
}

static gboolean
perturb (int argc, char **argv, GError **error)
{
  g_auto (Options) options = {};
  if (!parse_options (argc, argv, &options, error))
    return FALSE;
  guint64 seed = 0;
  if (options.seed != NULL && !g_ascii_string_to_unsigned (options.seed, 10, 0, G_MAXUINT64, &seed, NULL))
    return usage (error, "--seed %s: expected a whole number from 0", options.seed);
  g_autoptr (GPtrArray) variants = ut_variants_expand (options.families, error);
  if (variants == NULL)
    return FALSE;
  g_auto (GStrv) labels = g_strsplit (options.labels == NULL ? "A,B,C,D" : options.labels, ",", -1);
  g_autofree char *id = g_path_get_basename (options.image);
  UtSubject subject;
  if (!make_subject (&options, labels, id, &subject, error))
    return FALSE;

  g_autoptr (UtImage) image = read_image (options.image, error);
  if (image == NULL)
    return FALSE;
  if (!ut_folder_make (options.folder, error))
    return FALSE;
  g_autoptr (GArray) tiles = g_array_new (FALSE, FALSE, sizeof (UtTile));
  g_array_set_clear_func (tiles, tile_clear);
  unsigned n_failed = 0;
  if (!write_variants (variants, image, &subject, seed, options.folder, tiles, &n_failed, error)
      || !write_sheet (&options, image, &subject, seed, tiles, error))
    return FALSE;
  g_print ("%u variant%s and sheet.png written to %s\n", tiles->len, tiles->len == 1 ? "" : "s", options.folder);
  if (n_failed > 0)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%u variant%s of %s could not be made", n_failed, n_failed == 1 ? "" : "s",
                 options.image);
  return n_failed == 0;
}

int
ut_cmd_perturb (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  return perturb (argc, argv, &error) ? 0 : ut_cmd_fail ("perturb", error);
}
