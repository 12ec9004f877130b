/* Looks a GGUF file over before ggml gets it.
 *
 * ggml, libllama and libmtmd abort the process on some broken files and go on in silence with others (an mmproj of another family with
 * the same width, a wrong patch size), so what they rely on is checked here first: the container, byte by byte and within its bounds,
 * then the keys and shapes that decide what the numbers mean. The faults they report cleanly themselves are left to them.
 *
 * Errors are UT_ERROR_FAILED and name the file, the key or tensor, and what was expected. Nothing here aborts or logs. */
#pragma once
#include <glib.h>

/* The text half of a model. */
gboolean ut_gguf_check_model (const char *model_path, GError **error);

/* Its vision half, alone and against the text half (which is read, but not checked again: call ut_gguf_check_model first). */
gboolean ut_gguf_check_mmproj (const char *model_path, const char *mmproj_path, GError **error);

/* Why what libmtmd computes with this mmproj, which was checked, is not what the model computes, in a sentence for the user; NULL where
 * nothing of the kind is known. The caller owns it. */
char *ut_gguf_caveat (const char *mmproj_path);
