/* The messages of docs/exec-engine.md, without the pipes they go through: a line of JSON, and bytes behind it.
 *
 * What is wrong with a message is UT_ERROR_ENGINE where it breaks the protocol, and UT_ERROR_FAILED where it says that the request failed
 * or holds a value that is no finite number: the program may then go on. */
#pragma once
#include <yyjson.h>

#include "engine/engine.h"

constexpr int UT_EXEC_VERSION = 1;
constexpr size_t UT_EXEC_MAX_LINE = (size_t) 1 << 24;
constexpr size_t UT_EXEC_MAX_BYTES = (size_t) 1 << 31; /* behind a line */

/* The line of a request, its end included; behind it go the pixels of all images, one after the other. `id` is what the answer must
 * repeat. The caller owns it. */
char *ut_exec_request_line (const UtRequest *request, guint64 id, gboolean layers, GError **error);

/* A message whose line was read; `bytes` [n_bytes] are to be filled in. */
typedef struct {
  yyjson_doc *doc;
  char *line;       /* as it came */
  const char *type; /* "hello" */
  size_t n_bytes;
  guint8 *bytes;
} UtExecMessage;

/* Takes the line [n]. */
UtExecMessage *ut_exec_message_new (char *line, size_t n, GError **error);
void ut_exec_message_free (UtExecMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (UtExecMessage, ut_exec_message_free)

/* Reads what a hello says of the program, into an empty info. */
gboolean ut_exec_read_hello (const UtExecMessage *message, UtEngineInfo *info, GError **error);

/* What the hello [now] says otherwise than the first one did, for a message; NULL where it says the same. The caller owns it. */
char *ut_exec_hello_difference (const UtExecMessage *first, const UtExecMessage *now);

/* How many layers there are and how wide, which must not change from one answer to the next: 0 where it is not known yet. */
typedef struct {
  size_t n_layers, n_vision_layers, n_vision_embd;
} UtExecShapes;

/* Reads an answer to the `request` of that `id` by a program that said `info`; `layers`: whether these were asked for. */
UtResult *ut_exec_read_answer (const UtExecMessage *message, const UtEngineInfo *info, const UtRequest *request, guint64 id,
                               gboolean layers, UtExecShapes *shapes, GError **error);
