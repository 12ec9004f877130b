/* Models of the hub by name, as llama.cpp's -hf takes them: fetched once into the cache that both share. */
#pragma once
#include <glib.h>

typedef struct {
  const char *name;     /* user/repo[:quant] */
  gboolean want_mmproj; /* whether the vision half is wanted too; it is then an error where there is none */
  gboolean offline;     /* no network: what is cached has to do */
} UtHubRequest;

/* How far the fetching is. */
typedef struct {
  const char *file;    /* which file is being fetched: its path in the repository */
  guint64 done, total; /* bytes, of all files that were to be fetched; total is 0 where it is not known */
  guint64 done_now;    /* of these, by this process */
} UtHubProgress;

typedef struct {
  /* Told often, while there is something to fetch. */
  void (*progress) (const UtHubProgress *progress, void *data);
  /* Told what the user should know though it is no error, a line. */
  void (*note) (const char *words, void *data);
  /* Asked often: whether to stop early. What has come is kept, and the next fetch goes on from there. */
  gboolean (*stop) (void *data);
  void *data;
} UtHubCallbacks;

/* Finds the model's files in the cache, fetching those that are not there; of a split model *out_model is the first part. *out_mmproj is
 * NULL unless the vision half is wanted. The caller frees both. *out_stopped says whether `stop` ended it; both are then NULL.
 *
 * Where the hub cannot be asked, what is cached of the model will do. The environment says more: HF_TOKEN, and MODEL_ENDPOINT or
 * HF_ENDPOINT where the hub is another than huggingface.co; cache.h says where the cache is.
 *
 * UT_ERROR_USAGE for a name or setting that is none, UT_ERROR_FAILED for all the rest. */
gboolean ut_hub_fetch (const UtHubRequest *request, const UtHubCallbacks *callbacks, char **out_model, char **out_mmproj,
                       gboolean *out_stopped, GError **error);
