#include "perturb/perturb.h"

#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "perturb/family.h"

const UtFamily *const ut_families[] = {
  &ut_clean,         &ut_translation, &ut_pad_crop,   &ut_scale,    &ut_scale_pad, &ut_rotation,
  &ut_text_semantic, &ut_text_random, &ut_text_empty, &ut_identity, &ut_prior,     &ut_noise_floor,
  &ut_other_image,   NULL,
};
static constexpr size_t N_FAMILIES = G_N_ELEMENTS (ut_families) - 1;

const char *const ut_role_names[] = { "perturbation", "clean", "prior", "floor", "control" };

/* Names that stand for several families. */
static const char CORE[] = "core", ALL[] = "all";

char *
ut_name_signed (const UtVariant *variant)
{
  return g_strdup_printf ("%s%+d", variant->family->name, (int) variant->param);
}

/* --- Lists of variants. --- */

static void
variant_free (void *data)
{
  UtVariant *variant = data;
  g_free (variant->name);
  g_free (variant);
}

static void
add_variants (GPtrArray *variants, const UtFamily *family)
{
  for (unsigned i = 0; i < family->n_params; i++)
    {
      UtVariant *variant = g_new (UtVariant, 1);
      *variant = (UtVariant) { .id = variants->len, .family = family, .param = family->params[i] };
      variant->name = family->name_variant (variant);
      g_ptr_array_add (variants, variant);
    }
}

/* The complaint about a name nobody knows. */
static void
unknown_family (const char *name, GError **error)
{
  const char *known[N_FAMILIES + 3];
  size_t n = 0;
  for (size_t i = 0; i < N_FAMILIES; i++)
    known[n++] = ut_families[i]->name;
  known[n++] = CORE;
  known[n++] = ALL;
  known[n] = NULL;
  const char *nearest = ut_names_nearest (name, known);
  if (nearest != NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown perturbation family “%s”: did you mean “%s”?", name, nearest);
      return;
    }
  g_autofree char *list = g_strjoinv (", ", (char **) known);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown perturbation family “%s”; known are %s", name, list);
}

/* Marks the families that one name of a list stands for. */
static gboolean
select_families (const char *name, gboolean selected[N_FAMILIES], GError **error)
{
  gboolean known = FALSE;
  for (size_t i = 0; i < N_FAMILIES; i++)
    {
      const UtFamily *family = ut_families[i];
      if (strcmp (name, family->name) == 0 || (strcmp (name, ALL) == 0 && !family->on_request)
          || (strcmp (name, CORE) == 0 && family->core))
        known = selected[i] = TRUE;
    }
  if (!known)
    unknown_family (name, error);
  return known;
}

GPtrArray *
ut_variants_expand (const char *families, GError **error)
{
  gboolean selected[N_FAMILIES] = {};
  for (size_t i = 0; i < N_FAMILIES; i++)
    selected[i] = ut_families[i]->role == UT_ROLE_CLEAN || ut_families[i]->role == UT_ROLE_FLOOR;
  g_auto (GStrv) names = g_strsplit (families == NULL ? ALL : families, ",", -1);
  for (char **name = names; *name != NULL; name++)
    if (!select_families (g_strstrip (*name), selected, error))
      return NULL;

  GPtrArray *variants = g_ptr_array_new_with_free_func (variant_free);
  for (size_t i = 0; i < N_FAMILIES; i++)
    if (selected[i])
      add_variants (variants, ut_families[i]);
  return variants;
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

/* Whether a variant that depends on the question has what it needs to know of it. */
static gboolean
check_subject (const UtVariant *variant, const UtSubject *subject, uint64_t seed, GError **error)
{
  if (subject == NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: depends on the question, and there is none", variant->name);
  else if (subject->clean_prediction < 0)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: depends on the answer to the clean image of %s, which is not known", variant->name, subject->id);
  else
    {
      g_autofree char *key = variant->family->key (variant, subject, seed);
      if (key != NULL)
        return TRUE;
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: does not apply to %s, which has %u options", variant->name, subject->id, subject->n_labels);
    }
  return FALSE;
}

UtImage *
ut_variant_apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  if (variant->family->per_subject && !check_subject (variant, subject, seed, error))
    return NULL;
  return variant->family->apply (variant, image, subject, seed, error);
}

gboolean
ut_variant_place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out,
                  GError **error)
{
  if (variant->family->place == NULL || (variant->family->per_subject && !check_subject (variant, subject, seed, error)))
    return FALSE;
  return variant->family->place (variant, width, height, subject, out, error);
}

UtGeometry
ut_geometry_moved (int width, int height, double factor_x, double factor_y, double dx, double dy)
{
  return (UtGeometry) { .width = width, .height = height, .matrix = { { factor_x, 0, dx }, { 0, factor_y, dy } } };
}

gboolean
ut_place_unmoved (const UtVariant *variant, int width, int height, const UtSubject *subject, UtGeometry *out, GError **error)
{
  (void) variant, (void) subject, (void) error;
  *out = ut_geometry_moved (width, height, 1, 1, 0, 0);
  return TRUE;
}
