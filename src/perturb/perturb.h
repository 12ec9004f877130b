/* Perturbations: families of image changes and their parameterised members, the variants (method.md §2).
 *
 * A family is one file and one row of the table in perturb.c. Everything here is a pure function of its arguments: the same image,
 * variant, subject and seed give the same pixels whatever the thread or the order. */
#pragma once
#include <stdint.h>

#include "image/image.h"

/* What an overlay needs to know of the question an image belongs to. */
typedef struct {
  const char *id;            /* seeds what is random in a variant */
  uint64_t index;            /* the question's place in its benchmark, from 0 */
  const char *const *labels; /* option labels as the user reads them: A, B, … or Yes, No */
  unsigned n_labels;
  int clean_prediction;      /* the model's own answer to the clean image; -1 where it is not known yet */
} UtSubject;

/* Where the pixels of an image go, and which of them cannot be seen any more: what can be told of a perturbed image without looking. */
typedef struct {
  int width, height;   /* of the perturbed image, pixels; what goes beyond is lost */
  double matrix[2][3]; /* what was at (x, y) is at (m₀₀ x + m₀₁ y + m₀₂, m₁₀ x + m₁₁ y + m₁₂); (0, 0) is the left upper corner */
  gboolean rolls;      /* what leaves at the left or right comes back at the other side */
  struct {
    int left, top, right, bottom;
  } covered; /* an opaque rectangle, without its right and bottom edge; empty where there is none */
} UtGeometry;

/* What a family's trials are for. */
typedef enum {
  UT_ROLE_PERTURBATION, /* instances, that answers and representations are compared under */
  UT_ROLE_CLEAN,        /* what they are compared with */
  UT_ROLE_PRIOR,        /* an uninformative image */
  UT_ROLE_FLOOR,        /* the clean image evaluated again */
  UT_ROLE_CONTROL,      /* another item's image */
} UtRole;

/* As the store has them, in the order of UtRole. */
extern const char *const ut_role_names[];

typedef struct _UtFamily UtFamily;
typedef struct _UtVariant UtVariant;

struct _UtFamily {
  const char *name;    /* "translation" */
  const char *summary; /* one line for the user */
  gboolean core;       /* belongs to the paper's 24 core variants */
  gboolean on_request; /* runs only where it is named; "all" leaves it out */
  UtRole role;
  gboolean per_subject; /* pixels depend on the question, not on the image alone */
  unsigned n_params;
  const double *params; /* [n_params] one variant each; the unit is the family's (pixels, factor, degrees, ordinal) */

  /* "translation+4": the variant's name. */
  char *(*name_variant) (const UtVariant *variant);

  /* What the pixels depend on beside the image: equal keys get equal pixels, whichever subjects and variants they come from. NULL
   * where the variant does not apply to the subject (a third overlay on a two-option question) or the clean prediction is not known.
   * Only where per_subject. */
  char *(*key) (const UtVariant *variant, const UtSubject *subject, uint64_t seed);

  /* What was written on the image, for the store; NULL where nothing was. Only where a family writes. */
  char *(*detail) (const UtVariant *variant, const UtSubject *subject, uint64_t seed);

  /* The perturbed image; a new reference. `subject` may be NULL unless per_subject. */
  UtImage *(*apply) (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error);

  /* Where the pixels of an image so large go. NULL where nothing of the image is left. */
  gboolean (*place) (const UtVariant *variant, int width, int height, const UtSubject *subject, UtGeometry *out, GError **error);
};

struct _UtVariant {
  unsigned id; /* its place in the run's list; 0 is clean */
  const UtFamily *family;
  double param;
  char *name;
};

/* The table of families, NULL-terminated, `clean` first, then in the paper's order, then what is no perturbation. */
extern const UtFamily *const ut_families[];

/* The variants of a comma-separated list of family names ("core": the paper's six core families; "all" or NULL: every family that is not on_request), each once,
 * in the table's order; `clean`, first, and the noise floor always. An unknown name is UT_ERROR_USAGE and names the nearest. GPtrArray of UtVariant *, owning
 * them. */
GPtrArray *ut_variants_expand (const char *families, GError **error);

/* UtFamily.key, .detail and .apply, for any family: the key of a variant that does not depend on the subject is its name. A variant that does
 * not apply to the subject is an error from ut_variant_apply. */
char *ut_variant_key (const UtVariant *variant, const UtSubject *subject, uint64_t seed);
char *ut_variant_detail (const UtVariant *variant, const UtSubject *subject, uint64_t seed);
UtImage *ut_variant_apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error);

/* What variants do to the places in an image of this size. FALSE without an error where the family has no geometry, with one where the
 * image could not be made either. */
gboolean ut_variant_place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out,
                           GError **error);
