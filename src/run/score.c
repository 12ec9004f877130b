#include "run/score.h"

#include "base/error.h"
#include "base/names.h"

static double
sum (const UtOptionScore *option)
{
  return option->sums.logprob;
}

static double
text (const UtOptionScore *option)
{
  return option->sums.logprob_text;
}

static double
per_byte (const UtOptionScore *option)
{
  return option->sums.logprob / (double) option->n_bytes;
}

static double
letter (const UtOptionScore *option)
{
  return option->sums.logprob_label;
}

static double
less_no_image (const UtOptionScore *option)
{
  return option->sums.logprob - option->no_image;
}

const UtScoreForm ut_score_forms[] = {
  { "sum", "log-probability of the option's text and of the end of the turn, summed: the paper's", 0, sum, FALSE },
  { "text", "the same of the text alone", UT_GIVES_LOGPROB_TEXT, text, FALSE },
  { "byte", "the paper's, divided by the bytes of the text", 0, per_byte, FALSE },
  { "letter", "log-probability of the option's letter as the answer (of Yes or No: of the word)",
    UT_GIVES_LOGPROB_TEXT | UT_GIVES_LOGPROB_LABEL, letter, TRUE },
  { "image", "the paper's, less what it is with no image in the prompt", UT_GIVES_NO_IMAGE, less_no_image, FALSE },
  {},
};

const UtScoreForm *
ut_score_form (const char *name, GError **error)
{
  const char *names[G_N_ELEMENTS (ut_score_forms)];
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      names[i] = ut_score_forms[i].name;
      if (names[i] != NULL && (name == NULL || g_str_equal (names[i], name)))
        return &ut_score_forms[i];
    }
  const char *nearest = ut_names_nearest (name, names);
  g_autofree char *all = g_strjoinv (", ", (char **) names);
  g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "there is no score '%s'%s%s%s; there are %s", name,
               nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "", all);
  return NULL;
}

gboolean
ut_score_check (const UtScoreForm *form, unsigned gives, GError **error)
{
  const unsigned lacking = form->needs & ~gives;
  g_autofree char *names = ut_gives_join (lacking);
  if (lacking != 0)
    g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "--score %s needs %s, which the engine does not give", form->name, names);
  return lacking == 0;
}

int
ut_score_decide (const UtScoreForm *form, const UtOptionScore *options, unsigned n)
{
  unsigned best = 0;
  for (unsigned k = 1; k < n; k++)
    if (form->of (&options[k]) > form->of (&options[best]))
      best = k;
  return (int) best;
}
