/* What -p takes: names of families, and the numbers behind them. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/names.h"
#include "perturb/family.h"

/* Names that stand for several families, beside their groups. */
static const char CORE[] = "core", ALL[] = "all", EVERYTHING[] = "everything";
/* And for several numbers. */
static const char LADDER[] = "ladder";

/* --- Names of families. --- */

static gboolean
stands_for (const char *name, const UtFamily *family)
{
  return strcmp (name, family->name) == 0 || g_strcmp0 (name, family->group) == 0
         || (strcmp (name, ALL) == 0 && !family->on_request) || (strcmp (name, CORE) == 0 && family->core)
         || (strcmp (name, EVERYTHING) == 0 && family->add_variants == NULL);
}

static void
add_name (GPtrArray *names, const char *name)
{
  if (name != NULL && !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
    g_ptr_array_add (names, (char *) name);
}

/* The complaint about a name nobody knows. */
static void
unknown_family (const char *name, GError **error)
{
  g_autoptr (GPtrArray) known = g_ptr_array_new_null_terminated (32, NULL, TRUE);
  for (size_t i = 0; ut_families[i] != NULL; i++)
    {
      add_name (known, ut_families[i]->name);
      add_name (known, ut_families[i]->group);
    }
  add_name (known, CORE);
  add_name (known, ALL);
  add_name (known, EVERYTHING);
  const char *nearest = ut_names_nearest (name, (const char *const *) known->pdata);
  if (nearest != NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown perturbation family “%s”: did you mean “%s”?", name, nearest);
      return;
    }
  g_autofree char *list = g_strjoinv (", ", (char **) known->pdata);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "unknown perturbation family “%s”; known are %s", name, list);
}

/* The families that a name stands for, const UtFamily *. */
static GPtrArray *
find_families (const char *name, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  for (size_t i = 0; ut_families[i] != NULL; i++)
    if (stands_for (name, ut_families[i]))
      g_ptr_array_add (found, (void *) ut_families[i]);
  if (found->len > 0)
    return g_steal_pointer (&found);
  unknown_family (name, error);
  return NULL;
}

/* --- Numbers. --- */

static double
as_named (double param)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];
  return g_ascii_strtod (g_ascii_formatd (digits, sizeof digits, "%g", param), NULL);
}

/* What is named alike must be alike, and names have six digits: the family's own number of that name (a ninth), or the one of six. */
static double
settle (const UtFamily *family, double typed)
{
  for (unsigned i = 0; i < family->n_params; i++)
    if (as_named (family->params[i]) == as_named (typed))
      return family->params[i];
  return as_named (typed);
}

static gboolean
read_param (const UtFamily *family, const char *text, double *out, GError **error)
{
  char *end;
  const double typed = g_ascii_strtod (text, &end);
  const UtRange *range = family->range;
  /* A number that is none fails the comparison. */
  const gboolean fits = end != text && *end == '\0' && typed >= range->from && typed <= range->to;
  if (!fits || (range->whole && typed != rint (typed)))
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "%s:%s: expected %s from %g to %g, or %s", family->name, text, range->what,
                   range->from, range->to, LADDER);
      return FALSE;
    }
  *out = typed == 0 ? 0 : settle (family, typed);
  return TRUE;
}

/* --- Variants. --- */

static gboolean
is_own (const UtFamily *family, double param)
{
  for (unsigned i = 0; i < family->n_params; i++)
    if (family->params[i] == param)
      return TRUE;
  return FALSE;
}

static void
add_param (GPtrArray *variants, const UtFamily *family, double param)
{
  for (unsigned trial = 0; trial < MAX (family->n_trials, 1); trial++)
    {
      UtVariant *variant = ut_variant_new (family, param);
      variant->trial = family->n_trials > 0 ? trial + 1 : 0;
      variant->core = family->core && is_own (family, param);
      variant->name = family->name_variant (variant);
      g_ptr_array_add (variants, variant);
    }
}

static void
add_params (GPtrArray *variants, const UtFamily *family, const double *params, unsigned n)
{
  for (unsigned i = 0; i < n; i++)
    add_param (variants, family, params[i]);
}

/* Adds what a family's name stands for without a colon. */
static gboolean
add_own (GPtrArray *variants, const UtFamily *family, GError **error)
{
  if (family->add_variants != NULL)
    return family->add_variants (family, NULL, variants, error);
  add_params (variants, family, family->params, family->n_params);
  return TRUE;
}

/* Adds what stands behind a colon, or behind a comma after that. */
static gboolean
add_chosen (GPtrArray *variants, const UtFamily *family, const char *text, GError **error)
{
  if (family->add_variants != NULL)
    return family->add_variants (family, text, variants, error);
  if (family->range == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "%s:%s: this family takes no numbers", family->name, text);
      return FALSE;
    }
  if (strcmp (text, LADDER) == 0)
    {
      const gboolean own = family->ladder == NULL;
      add_params (variants, family, own ? family->params : family->ladder, own ? family->n_params : family->n_ladder);
      return TRUE;
    }
  double param;
  if (!read_param (family, text, &param, error))
    return FALSE;
  add_param (variants, family, param);
  return TRUE;
}

/* --- The whole. --- */

static gboolean
begins_number (const char *text)
{
  return g_ascii_isdigit (*text) || *text == '-' || *text == '+' || *text == '.';
}

/* Reads what stands between two commas. *families are those that a number would belong to; NULL where there are none. */
static gboolean
read_part (GPtrArray *variants, char *part, GPtrArray **families, GError **error)
{
  char *colon = strchr (part, ':');
  const gboolean is_number = colon == NULL && begins_number (part);
  if (is_number && *families == NULL)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE,
                   "“%s” begins like a number, which must follow a family and its colon, as in rotation:5,10", part);
      return FALSE;
    }
  if (colon != NULL)
    *colon = '\0';
  if (!is_number)
    {
      g_clear_pointer (families, g_ptr_array_unref);
      *families = find_families (part, error);
      if (*families == NULL)
        return FALSE;
    }

  const gboolean everything = strcmp (part, EVERYTHING) == 0;
  const char *text = is_number ? part : colon != NULL ? colon + 1 : NULL;
  for (unsigned i = 0; i < (*families)->len; i++)
    {
      const UtFamily *family = (*families)->pdata[i];
      if (text == NULL ? !add_own (variants, family, error) : !add_chosen (variants, family, text, error))
        return FALSE;
      if (everything && family->ladder != NULL)
        add_params (variants, family, family->ladder, family->n_ladder);
    }
  if (text == NULL || ((const UtFamily *) (*families)->pdata[0])->add_variants != NULL)
    g_clear_pointer (families, g_ptr_array_unref);
  return TRUE;
}

static unsigned
rank_of (const UtFamily *family)
{
  unsigned rank = 0;
  while (ut_families[rank] != family)
    rank++;
  return rank;
}

/* By family, parameter, trial; what comes from folders by name. */
static int
compare (const void *a, const void *b)
{
  const UtVariant *x = *(const UtVariant *const *) a, *y = *(const UtVariant *const *) b;
  if (x->family != y->family)
    return rank_of (x->family) < rank_of (y->family) ? -1 : 1;
  if (x->folder != NULL)
    return strcmp (x->name, y->name);
  if (x->param != y->param)
    return x->param < y->param ? -1 : 1;
  return (int) x->trial - (int) y->trial;
}

/* Sorts, leaves one of each, counts. */
static gboolean
put_in_order (GPtrArray *variants, GError **error)
{
  g_ptr_array_sort (variants, compare);
  for (unsigned i = 1; i < variants->len;)
    {
      const UtVariant *last = variants->pdata[i - 1], *next = variants->pdata[i];
      if (strcmp (last->name, next->name) != 0)
        i++;
      else if (g_strcmp0 (last->folder, next->folder) == 0)
        g_ptr_array_remove_index (variants, i);
      else
        {
          g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "%s and %s: two variants of one name", last->folder, next->folder);
          return FALSE;
        }
    }
  for (unsigned i = 0; i < variants->len; i++)
    ((UtVariant *) variants->pdata[i])->id = i;
  return TRUE;
}

GPtrArray *
ut_variants_expand (const char *choice, GError **error)
{
  g_autoptr (GPtrArray) variants = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_variant_free);
  g_autoptr (GPtrArray) families = NULL;
  add_params (variants, &ut_clean, ut_clean.params, ut_clean.n_params);
  add_params (variants, &ut_noise_floor, ut_noise_floor.params, ut_noise_floor.n_params);
  g_auto (GStrv) parts = g_strsplit (choice == NULL ? ALL : choice, ",", -1);
  for (char **part = parts; *part != NULL; part++)
    if (!read_part (variants, g_strstrip (*part), &families, error))
      return NULL;
  return put_in_order (variants, error) ? g_steal_pointer (&variants) : NULL;
}
