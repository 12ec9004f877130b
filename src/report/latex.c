#include "report/latex.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* What TeX would read otherwise, and what its usual fonts do not have. */
static const struct {
  const char *text, *latex;
} known[] = {
  { "\\", "\\textbackslash{}" },
  { "{", "\\{" },
  { "}", "\\}" },
  { "$", "\\$" },
  { "&", "\\&" },
  { "#", "\\#" },
  { "_", "\\_" },
  { "%", "\\%" },
  { "~", "\\textasciitilde{}" },
  { "^", "\\textasciicircum{}" },
  { "<", "$<$" },
  { ">", "$>$" },
  { "|", "$|$" },
  { "\"", "''" },
  { "[", "{[}" }, /* at the beginning of a row it would belong to the \\ before, */
  { "*", "{*}" }, /* and so would this */
  { "→", "$\\to$" },
  { "Δ", "$\\Delta$" },
  { "−", "$-$" },
  { "±", "$\\pm$" },
  { "–", "--" },
  { "…", "\\ldots{}" },
  { "“", "``" },
  { "”", "''" },
  { "‘", "`" },
  { "’", "'" },
  { "≥", "$\\geq$" },
  { "≤", "$\\leq$" },
  { "×", "$\\times$" },
  { "°", "$^\\circ$" },
  { "χ", "$\\chi$" },
  { "ε", "$\\varepsilon$" },
  { "µ", "$\\mu$" },
  { "μ", "$\\mu$" },
};

static const char *
latex_of (gunichar c)
{
  for (size_t i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_utf8_get_char (known[i].text) == c)
      return known[i].latex;
  return NULL;
}

/* Letters of Latin scripts that LaTeX puts together from ASCII's and accents in its default encoding, which has no others. */
static gboolean
has_letter (gunichar c)
{
  static const char without[] = "ÐÞðþ×÷ĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ";
  return c >= 0xC0 && c < 0x180 && g_utf8_strchr (without, -1, c) == NULL;
}

void
ut_latex_write (const char *text, FILE *out)
{
  for (gunichar before = 0; *text != '\0'; text = g_utf8_next_char (text))
    {
      const gunichar c = g_utf8_get_char (text);
      const char *latex = latex_of (c);
      /* TeX makes one sign of two hyphens, quotes or commas, and of a quote behind ! or ?. */
      const gboolean joins
          = c < 0x80 && ((c == before && strchr ("-`',", (int) c) != NULL) || (c == '`' && (before == '!' || before == '?')));
      fputs (joins ? "{}" : "", out);
      if (latex != NULL)
        fputs (latex, out);
      else if (g_unichar_iscntrl (c))
        fputc (' ', out);
      else if (c < 0x80 || has_letter (c))
        fprintf (out, "%.*s", (int) (g_utf8_next_char (text) - text), text);
      else
        fprintf (out, "U+%04X", c);
      before = c;
    }
}

char *
ut_latex_text (const char *text)
{
  char *latex = NULL;
  size_t n = 0;
  FILE *out = open_memstream (&latex, &n);
  ut_latex_write (text, out);
  fclose (out);
  char *copy = g_strdup (latex);
  free (latex);
  return copy;
}
