/* Python's literals, as benchmarks hold them: a list that was written into a cell as text. */
#pragma once
#include <glib.h>

/* Whether a text is meant as a list of texts: "[", then a quote or "]". */
gboolean ut_python_is_list (const char *text, size_t n);

/* The elements of a list of string literals: both quotes, Python's escapes, a comma after the last one allowed. NULL-terminated; the
 * caller owns it. NULL with an error, naming the place, for anything else (numbers, names, nested lists, broken escapes, text that is
 * not UTF-8). */
char **ut_python_list (const char *text, size_t n, GError **error);

/* The list as Python itself would write it. The caller owns it. */
char *ut_python_text_of_list (const char *const *texts);
