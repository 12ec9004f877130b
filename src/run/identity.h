/* What makes two runs the same run: every setting and file that the numbers depend on. */
#pragma once
#include "prompt/prompt.h"
#include "run/run.h"
#include "run/score.h"
#include "store/store.h"

/* What a run is made of. Borrowed. */
typedef struct {
  const UtRunConfig *config;
  const UtEngineConfig *engine; /* the configuration's with the names of models resolved */
  const UtEngineInfo *info;
  UtDataset *dataset;
  GPtrArray *variants; /* UtVariant * */
  const UtPrompt *prompt;
  const UtScoreForm *form; /* of the score that decides */
} UtRunParts;

/* The identity of a run, for ut_store_begin: an array of UtIdentity ending with a NULL key, owning its strings. An error where a file cannot
 * be read. */
GArray *ut_run_identity (const UtRunParts *parts, GError **error);

/* Keys of what the benchmark was read with, for those who open it again. Informative: what it holds is told by UT_RUN_QUESTIONS. */
#define UT_RUN_DATASET "dataset"
#define UT_RUN_FORMAT "dataset format"
#define UT_RUN_IMAGES "--images"
#define UT_RUN_COLUMN "--column" /* each is a row */
#define UT_RUN_LIMIT "--limit"
#define UT_RUN_SAMPLE "sample"
#define UT_RUN_PERTURBATIONS "-p"
#define UT_RUN_FOLDER "working directory" /* that relative names start from */

/* The key of the checksum of the questions, and that checksum, in hexadecimal digits; the caller owns it. */
#define UT_RUN_QUESTIONS "questions sha256"
char *ut_run_questions_hash (UtDataset *dataset);

#define UT_RUN_SEED "--seed"
#define UT_RUN_PROMPT_TEXT "prompt text" /* the template */
