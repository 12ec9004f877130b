/* One file of the hub, into the cache: taken up where an earlier attempt ended, tried again where the connection drops, and checked. */
#pragma once
#include "hub/explain.h"
#include "hub/http.h"
#include "hub/hub.h"
#include "hub/listing.h"

/* What all downloads of a fetch share. */
typedef struct {
  UtHttp *http;
  UtHubAsked asked;
  const UtHubCallbacks *callbacks;
  UtHubProgress progress;
} UtDownloads;

/* What the unfinished file ends in; llama.cpp's word, so that it and Undertow take up each other's. */
#define UT_DOWNLOAD_SUFFIX ".downloadInProgress"

/* Gets the file at `url` to `path`, which appears when it is whole and its hash is right. Where another process is at the same file, waits
 * for it. G_IO_ERROR_CANCELLED where the user stopped it, else UT_ERROR_FAILED; only a file whose hash is wrong is not kept. */
gboolean ut_download (UtDownloads *downloads, const UtHubFile *file, const char *url, const char *path, GError **error);

/* Waits, and asks meanwhile whether to stop: FALSE, with G_IO_ERROR_CANCELLED, where that is so. */
gboolean ut_download_pause (const UtHubCallbacks *callbacks, gint64 milliseconds, GError **error);
