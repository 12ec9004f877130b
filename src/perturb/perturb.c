#include "perturb/perturb.h"

#include "base/error.h"
#include "perturb/family.h"

const UtFamily *const ut_families[] = {
  &ut_clean,
  /* The paper's, its controls last. */
  &ut_translation,
  &ut_pad_crop,
  &ut_scale,
  &ut_scale_pad,
  &ut_rotation,
  &ut_text_semantic,
  &ut_text_random,
  &ut_text_empty,
  /* On request. */
  &ut_identity,
  &ut_translation_vertical,
  &ut_occlusion,
  &ut_jpeg,
  &ut_blur,
  &ut_brightness,
  &ut_contrast,
  &ut_gaussian_noise,
  &ut_text_fixed,
  &ut_text_right,
  &ut_keep_low,
  &ut_keep_high,
  &ut_band_noise_low,
  &ut_band_noise_high,
  &ut_band_noise_all,
  &ut_signs_low,
  &ut_signs_high,
  &ut_signs_all,
  &ut_folder,
  /* No perturbations: priors, the noise floor, the matched control. */
  &ut_prior,
  &ut_prior_none,
  &ut_noise_floor,
  &ut_other_image,
  NULL,
};

const char *const ut_role_names[] = { "perturbation", "clean", "prior", "floor", "control" };

UtVariant *
ut_variant_new (const UtFamily *family, double param)
{
  UtVariant *variant = g_new0 (UtVariant, 1);
  variant->family = family;
  variant->param = param;
  return variant;
}

void
ut_variant_free (UtVariant *variant)
{
  g_free (variant->folder);
  g_free (variant->folder_top);
  g_free (variant->name);
  g_free (variant);
}

/* --- Names. --- */

/* printf would write a comma in some locales. */
static char *
format_param (const UtVariant *variant, const char *format)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  return g_strdup (g_ascii_formatd (number, sizeof number, format, variant->param));
}

char *
ut_name_plain (const UtVariant *variant)
{
  return g_strdup (variant->family->name);
}

char *
ut_name_signed (const UtVariant *variant)
{
  g_autofree char *number = format_param (variant, "%+g");
  return g_strconcat (variant->family->name, number, NULL);
}

char *
ut_name_number (const UtVariant *variant)
{
  g_autofree char *number = format_param (variant, "%g");
  return variant->trial == 0 ? g_strconcat (variant->family->name, number, NULL)
                             : g_strdup_printf ("%s%s-%u", variant->family->name, number, variant->trial);
}

/* --- One variant. --- */

char *
ut_variant_key (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  return variant->family->per_subject ? variant->family->key (variant, subject, seed) : g_strdup (variant->name);
}

char *
ut_variant_detail (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  return variant->family->detail == NULL ? NULL : variant->family->detail (variant, subject, seed);
}

/* Whether a variant has what it needs to know of its subject. */
static gboolean
check_subject (const UtVariant *variant, const UtSubject *subject, uint64_t seed, GError **error)
{
  const UtFamily *family = variant->family;
  if (family->by_name && (subject == NULL || subject->image_name == NULL))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: depends on the image's name, and it has none", variant->name);
      return FALSE;
    }
  if (!family->per_subject)
    return TRUE;
  if (subject == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: depends on the question, and there is none", variant->name);
      return FALSE;
    }
  g_autofree char *key = family->key (variant, subject, seed);
  if (key != NULL)
    return TRUE;
  if (subject->clean_prediction < 0)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: depends on the answer to the clean image of %s, which is not known",
                 variant->name, subject->id);
  else
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: does not apply to %s, which has %u options", variant->name, subject->id,
                 subject->n_labels);
  return FALSE;
}

UtImage *
ut_variant_apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  if (variant->family->no_image)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: has no image", variant->name);
      return NULL;
    }
  return check_subject (variant, subject, seed, error) ? variant->family->apply (variant, image, subject, seed, error) : NULL;
}

gboolean
ut_variant_place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out,
                  GError **error)
{
  return variant->family->place != NULL && check_subject (variant, subject, seed, error)
         && variant->family->place (variant, width, height, subject, seed, out, error);
}

/* --- What families share. --- */

const double ut_steps[] = { -16, -12, -8, -4, 4, 8, 12, 16 };
const double ut_step_ladder[] = { -32, -16, -8, -4, -2, -1, 1, 2, 4, 8, 16, 32 };
const UtRange ut_step_range = { "a whole number of pixels", -1024, 1024, TRUE };

UtImage *
ut_apply_unchanged (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  (void) variant, (void) subject, (void) seed, (void) error;
  return ut_image_ref (image);
}

UtGeometry
ut_geometry_moved (int width, int height, double factor_x, double factor_y, double dx, double dy)
{
  return (UtGeometry) { .width = width, .height = height, .matrix = { { factor_x, 0, dx }, { 0, factor_y, dy } } };
}

gboolean
ut_place_unmoved (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out,
                  GError **error)
{
  (void) variant, (void) subject, (void) seed, (void) error;
  *out = ut_geometry_moved (width, height, 1, 1, 0, 0);
  return TRUE;
}
