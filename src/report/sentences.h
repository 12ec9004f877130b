/* What a run found, in three sentences with numbers and 95 % intervals: how many answers change, how far representations move where they do
 * not, and what became of accuracy and of false positives. All speak of the overview's pool of variants. */
#pragma once
#include "db/db.h"

/* NULL-terminated; a sentence whose numbers the run does not have is left out, so there may be fewer. The caller owns it (g_strfreev). NULL
 * with an error where the run cannot be read. */
char **ut_report_sentences (UtDb *db, GError **error);
