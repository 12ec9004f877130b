/* Texts of unknown origin in LaTeX. */
#pragma once
#include <stdio.h>

/* Writes `text`, UTF-8, as LaTeX sets it in any cell of a table, with the fonts it has by default and no package. A character that these
 * have not stands by its number (U+4E2D); a control character is a blank. */
void ut_latex_write (const char *text, FILE *out);

/* The same as a text; the caller owns it. */
char *ut_latex_text (const char *text);
