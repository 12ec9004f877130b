/* A job: one image variant and the questions asked on it, as it travels from the planner through the engine's thread and back. */
#pragma once
#include "run/group.h"

typedef struct {
  unsigned i;       /* the question's place in the group */
  char *detail;     /* what the variant was for it; may be NULL */
  UtResult *result; /* borrowed from `results`; NULL where it failed */
  size_t first;     /* its first query in the result; items asked in the same words share it */
  const UtAnswer
      *no_image; /* to its query with options, without images; of the clean variant alone; borrowed like `result`, and NULL
                             * where the engine gives none */
  GError *error;
} UtJobItem;

typedef struct {
  UtGroup *group;
  const UtVariant *variant;
  const UtPrompt *prompt; /* borrowed */
  int n_generate;         /* tokens of greedy answers, 0 for none */
  GPtrArray *others;      /* UtImage *: the images that stand for the group's own in a matched control; NULL elsewhere */
  GPtrArray *images;      /* UtImage *, perturbed, none where the variant is to have none; NULL where `error` says why */
  GError *error;
  GArray *items;           /* UtJobItem */
  GPtrArray *results;      /* UtResult * */
  double seconds;          /* inside the engine */
  double generate_seconds; /* of these, for greedy answers */
} UtJob;

UtJob *ut_job_new (UtGroup *group, const UtVariant *variant, const UtPrompt *prompt, int n_generate);
void ut_job_add_item (UtJob *job, unsigned i, char *detail);
void ut_job_free (UtJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtJob, ut_job_free)

/* Makes the job's images, unless it has failed already; a failure is kept in the job. */
void ut_job_render (UtJob *job, guint64 seed);

/* Runs the job: all questions at once, those in the same words as one, and, where that fails, each alone, so that one bad question
 * costs no other. The clean variant's are asked a second time with no image, where the engine can. */
void ut_job_evaluate (UtJob *job, UtEngine *engine);
