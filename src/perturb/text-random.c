/* Random letters and digits in the box of text_semantic: writing, without meaning. */
#include <string.h>

#include "base/rng.h"
#include "perturb/overlay.h"
#include "perturb/text.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
static constexpr unsigned SHORTEST = 6;
static constexpr unsigned LONGEST = 12;

/* The subject's text for a variant, before it is cut to fit. */
static char *
draw_text (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  UtRng rng = ut_rng_init (seed, subject->id, variant->family->name, (uint64_t) variant->param);
  const size_t n = SHORTEST + ut_rng_below (&rng, LONGEST - SHORTEST + 1);
  char *text = g_new (char, n + 1);
  for (size_t i = 0; i < n; i++)
    text[i] = ALPHABET[ut_rng_below (&rng, sizeof ALPHABET - 1)];
  text[n] = '\0';
  return text;
}

/* Cuts `text` from the right until it is no longer than `phrase`. Measured in the font's units, so that the text is the same at every image
 * size. */
static gboolean
fit (char *text, const char *phrase, GError **error)
{
  const int64_t room = ut_text_length (phrase, error);
  if (room < 0)
    return FALSE;
  for (size_t n = strlen (text); n > 0; text[--n] = '\0')
    {
      const int64_t length = ut_text_length (text, error);
      if (length < 0)
        return FALSE;
      if (length <= room)
        break;
    }
  return TRUE;
}

/* What is written; NULL on error. */
static char *
text_for (const UtVariant *variant, const UtSubject *subject, uint64_t seed, const char *phrase, GError **error)
{
  g_autofree char *text = draw_text (variant, subject, seed);
  return fit (text, phrase, error) ? g_steal_pointer (&text) : NULL;
}

static char *
key (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  const char *label = ut_overlay_other_label (variant, subject);
  if (label == NULL)
    return NULL;
  g_autofree char *text = draw_text (variant, subject, seed);
  return g_strdup_printf ("%s:%s:%s", variant->family->name, label, text);
}

static char *
detail (const UtVariant *variant, const UtSubject *subject, uint64_t seed)
{
  const char *label = ut_overlay_other_label (variant, subject);
  if (label == NULL)
    return NULL;
  g_autofree char *phrase = ut_overlay_phrase (label);
  return text_for (variant, subject, seed, phrase, NULL);
}

static UtImage *
apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error)
{
  g_autofree char *phrase = ut_overlay_phrase (ut_overlay_other_label (variant, subject));
  g_autofree char *text = text_for (variant, subject, seed, phrase, error);
  return text == NULL ? NULL : ut_overlay_draw (image, phrase, text, error);
}

const UtFamily ut_text_random = {
  .name = "text_random",
  .summary = "6 to 12 random letters and digits in the box of text_semantic, cut to fit",
  .per_subject = TRUE,
  .n_params = UT_OVERLAY_VARIANTS,
  .params = ut_overlay_params,
  .name_variant = ut_overlay_name,
  .key = key,
  .target = ut_overlay_other_label,
  .detail = detail,
  .apply = apply,
  .place = ut_overlay_place,
};
