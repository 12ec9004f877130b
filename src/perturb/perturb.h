/* Perturbations: families of image changes and their parameterised members, the variants (method.md §2).
 *
 * A family is one file and one row of the table in perturb.c. Everything here is a pure function of its arguments: the same image,
 * variant, subject and seed give the same pixels whatever the thread or the order. */
#pragma once
#include <stdint.h>

#include "image/image.h"

/* What a variant may know of the image it changes and of the question that the image belongs to. */
typedef struct {
  const char *id;            /* seeds what is random in an overlay */
  uint64_t index;            /* the question's place in its benchmark, from 0 */
  const char *const *labels; /* option labels as the user reads them: A, B, … or Yes, No */
  unsigned n_labels;
  int clean_prediction;   /* the model's own answer to the clean image; -1 where it is not known yet */
  int right_answer;       /* the right option; -1 where it is not known */
  const char *image_name; /* the image's name in the benchmark: seeds what is random in its pixels; NULL where it has none */
} UtSubject;

/* The borders that an image goes over in a circle. */
typedef enum { UT_ROLL_NONE, UT_ROLL_X, UT_ROLL_Y } UtRoll;

/* Where the pixels of an image go, and which of them cannot be seen any more: what can be told of a perturbed image without looking. */
typedef struct {
  int width, height;   /* of the perturbed image, pixels; what goes beyond is lost */
  double matrix[2][3]; /* what was at (x, y) is at (m₀₀ x + m₀₁ y + m₀₂, m₁₀ x + m₁₁ y + m₁₂); (0, 0) is the left upper corner */
  UtRoll roll;         /* what leaves at the left or right (x), or at the top or bottom (y), comes back at the other side */
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

/* The parameters that a user may choose. */
typedef struct {
  const char *what; /* "a whole number of pixels": the user is told that this was expected, from … to … */
  double from, to;  /* both included */
  gboolean whole;
} UtRange;

struct _UtFamily {
  const char *name;    /* "translation" */
  const char *summary; /* one line for the user */
  const char *group;   /* a name that stands for several families, this one among them; NULL where there is none */
  gboolean core;       /* belongs to the paper's 24 core variants, with its own parameters */
  gboolean on_request; /* runs only where it is named; "all" leaves it out */
  UtRole role;
  gboolean no_image;    /* the question is asked without an image: there is nothing to apply */
  gboolean per_subject; /* pixels depend on the question, not on the image alone */
  gboolean by_name;     /* pixels depend on the image's name as well */
  unsigned n_params;
  const double
      *params; /* [n_params] its own parameters, one or more variants each; the unit is the family's (pixels, factor, degrees,
                           ordinal) */
  const UtRange *range; /* what may be chosen instead; NULL where nothing may */
  unsigned n_ladder;
  const double *ladder; /* [n_ladder] a ladder of severity (method.md §2); NULL where it is `params` */
  unsigned n_trials;    /* variants a parameter, each with noise of its own; 0 is one, without a number */

  /* "translation+4": the variant's name. */
  char *(*name_variant) (const UtVariant *variant);

  /* What the pixels depend on beside the image: equal keys get equal pixels, whichever subjects and variants they come from. NULL
   * where the variant does not apply to the subject (a third overlay on a two-option question) or the clean prediction is not known.
   * Only where per_subject. */
  char *(*key) (const UtVariant *variant, const UtSubject *subject, uint64_t seed);

  /* The label that an overlay argues for. NULL where there is none, or it is not known yet. Only of overlays. */
  const char *(*target) (const UtVariant *variant, const UtSubject *subject);

  /* What was written on the image, for the store; NULL where nothing was. Only where a family writes. */
  char *(*detail) (const UtVariant *variant, const UtSubject *subject, uint64_t seed);

  /* The perturbed image; a new reference. `subject` may be NULL unless per_subject or by_name. NULL where no_image. */
  UtImage *(*apply) (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error);

  /* Where the pixels of an image so large go. NULL where nothing of the image is left. */
  gboolean (*place) (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed, UtGeometry *out,
                     GError **error);

  /* Adds the variants that stand behind "name:", in an order of their own; for a family whose variants are no numbers. NULL for the
   * others. */
  gboolean (*add_variants) (const UtFamily *family, const char *argument, GPtrArray *variants, GError **error);
};

struct _UtVariant {
  unsigned id; /* its place in the run's list; 0 is clean */
  const UtFamily *family;
  double param;
  unsigned trial;   /* from 1 where a parameter has several variants, else 0 */
  gboolean core;    /* one of the paper's 24 */
  char *folder;     /* where its images lie, an absolute path; NULL where they are made here */
  char *folder_top; /* and the folder that they must not leave */
  char *name;
};

/* The table of families, NULL-terminated: `clean` first, then in the paper's order, then those that run on request; last what is no
 * perturbation. */
extern const UtFamily *const ut_families[];

/* Reads a choice of variants. Families stand with commas between them, each with its own parameters, or behind a colon with those
 * that the user chooses, with commas between them too (a number belongs to the family before it):
 *
 *   rotation                    its own parameters: the paper's, for a core family
 *   rotation:5,10,-20           these
 *   rotation:ladder             its ladder of severity; numbers may follow
 *   core                        the paper's six core families
 *   all                         every family that is not on_request; the same as NULL
 *   photometric, band_noise, …  the families of a group
 *   everything                  every family but folder, with its own parameters and its ladder
 *   folder:DIR                  what others made: each folder in DIR is a variant
 *
 * A variant stands once, however often it was chosen; in the order of the table, then of the parameters. `clean`, which is thus first,
 * and the noise floor are always there. What is not understood is UT_ERROR_USAGE and names the family, the value and what was
 * expected; UT_ERROR_FAILED where DIR will not do. GPtrArray of UtVariant *, owning them. */
GPtrArray *ut_variants_expand (const char *choice, GError **error);

/* UtFamily.key, .detail and .apply, for any family: the key of a variant that does not depend on the subject is its name. A variant that does
 * not apply to the subject is an error from ut_variant_apply, and so is one without an image. */
char *ut_variant_key (const UtVariant *variant, const UtSubject *subject, uint64_t seed);
char *ut_variant_detail (const UtVariant *variant, const UtSubject *subject, uint64_t seed);
UtImage *ut_variant_apply (const UtVariant *variant, UtImage *image, const UtSubject *subject, uint64_t seed, GError **error);

/* What variants do to the places in an image of this size. FALSE without an error where the family has no geometry, with one where the
 * image could not be made either. */
gboolean ut_variant_place (const UtVariant *variant, int width, int height, const UtSubject *subject, uint64_t seed,
                           UtGeometry *out, GError **error);
