/* Templates: parsing their text. For src/prompt alone. */
#pragma once
#include <glib.h>

typedef enum { UT_PART_TEXT, UT_PART_QUESTION, UT_PART_HINT, UT_PART_LABEL, UT_PART_OPTION, UT_PART_LABELS } UtPartKind;

typedef struct {
  UtPartKind kind;
  char *text; /* of UT_PART_TEXT */
} UtPart;

typedef struct {
  GArray *parts;       /* UtPart */
  gboolean has_hint;   /* written only where there is one */
  gboolean per_option; /* written once an option */
} UtLine;

typedef enum { UT_SECTION_OPTIONS, UT_SECTION_YES_NO, UT_SECTION_OPEN, UT_N_SECTIONS } UtSection;

/* Its names in a template's text: "options". */
extern const char *const ut_section_names[UT_N_SECTIONS];

typedef struct {
  GArray *sections[UT_N_SECTIONS]; /* UtLine; NULL where there is none */
} UtTemplate;

/* UT_ERROR_FAILED with "line 3: …" for a text that is no template. */
gboolean ut_template_parse (const char *text, UtTemplate *out_template, GError **error);
void ut_template_clear (UtTemplate *template);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (UtTemplate, ut_template_clear)

/* Whether a line of the section has a part of this kind. */
gboolean ut_template_has (const UtTemplate *template, UtSection section, UtPartKind kind);
