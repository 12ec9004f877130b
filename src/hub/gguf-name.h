/* What the name of a GGUF file says by custom: its quantisation, and which part of a split model it is. */
#pragma once
#include <glib.h>

typedef struct {
  char *stem;             /* the path without ".gguf" and the part's number */
  char *quant;            /* what the stem ends with behind "-" or ".", in capitals: "Q8_0"; NULL where that is no word */
  unsigned part, n_parts; /* "-00002-of-00003": 2 of 3; 1 of 1 where it is not split */
} UtGgufName;

/* FALSE for a path that does not end in ".gguf". */
gboolean ut_gguf_name_parse (const char *path, UtGgufName *out);

/* The first number in a quantisation's name, about its bits a weight: 4 of "IQ4_XS", 16 of "BF16"; 0 without one, and for NULL. */
unsigned ut_gguf_name_bits (const char *quant);

/* The paths of all parts of the model that this file is one of (char *, owned by the array), in order; of one that is not split, its own. */
GPtrArray *ut_gguf_name_parts (const char *path);

void ut_gguf_name_clear (UtGgufName *name);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtGgufName, ut_gguf_name_clear)
