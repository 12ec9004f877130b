/* The folder that models are kept in: the hub cache which llama.cpp and Hugging Face's own tools share.
 *
 *   models--user--repo/blobs/HASH              the files, by the hash of their content
 *   models--user--repo/snapshots/COMMIT/PATH   a link to one, for every file of a commit that is here
 *   models--user--repo/refs/BRANCH             the commit that the branch was at
 *
 * Nothing outside of it is ever written: paths are safe ones (listing.h), and a link is replaced, never followed. */
#pragma once
#include "hub/listing.h"

/* The repository's folder there, which need not exist; the caller owns it. Where the cache is, the environment says as for llama.cpp:
 * LLAMA_CACHE, HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, ~/.cache/huggingface/hub. */
char *ut_hub_cache_folder (const char *repo);

/* Where a file of a commit is found; the caller owns it. */
char *ut_hub_cache_path (const char *folder, const char *commit, const UtHubFile *file);

/* Where its bytes are written: by their hash, without one where they are found. */
char *ut_hub_cache_blob (const char *folder, const char *commit, const UtHubFile *file);

/* Whether the file is found there, and as long as it should be. */
gboolean ut_hub_cache_has (const char *folder, const char *commit, const UtHubFile *file);

/* Makes what lies at its blob found at its path. */
gboolean ut_hub_cache_link (const char *folder, const char *commit, const UtHubFile *file, GError **error);

/* Notes that the branch is at the commit. */
gboolean ut_hub_cache_set_branch (const char *folder, const char *branch, const char *commit, GError **error);

/* The files that are here of the commit that the branch "main", or another without one, was at last: UtHubFile * in the order of their
 * paths. NULL where there is no such commit. */
GPtrArray *ut_hub_cache_list (const char *folder, char **out_commit);
