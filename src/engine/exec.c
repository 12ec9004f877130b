#include "engine/exec.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "engine/exec-message.h"
#include "engine/exec-program.h"

/* Tells a program the newest version of the protocol that is understood here, should it speak several. */
static const char VARIABLE[] = "UNDERTOW_EXEC_VERSION";

typedef struct {
  UtEngine base;
  char *command;
  int timeout;
  gboolean layers;
  UtEngineListener listener;
  void *listener_data;
  UtProgram *program;   /* NULL where the last one failed */
  UtExecMessage *hello; /* the first one's, which every other must repeat */
  guint64 n_requests;   /* so far: the id of the last */
  UtExecShapes shapes;
} ExecEngine;

/* The next message with its bytes. What is no message is quoted. */
static UtExecMessage *
receive (ExecEngine *engine, GError **error)
{
  size_t n;
  char *line = ut_program_read_line (engine->program, UT_EXEC_MAX_LINE, &n, error);
  if (line == NULL)
    return NULL;
  g_autofree char *quoted = ut_program_quote (line, n);
  g_autoptr (GError) fault = NULL;
  g_autoptr (UtExecMessage) message = ut_exec_message_new (line, n, &fault);
  if (message == NULL)
    {
      g_autofree char *what
          = g_strdup_printf ("wrote “%s” to its standard output, which is no message (%s),", quoted, fault->message);
      ut_program_fail (engine->program, what, error);
      return NULL;
    }
  message->bytes = ut_program_read (engine->program, message->n_bytes, error);
  return message->bytes != NULL || message->n_bytes == 0 ? g_steal_pointer (&message) : NULL;
}

/* Ends a program that is out of step; the next request starts another. */
static void
drop_program (ExecEngine *engine)
{
  g_clear_pointer (&engine->program, ut_program_kill);
}

/* Says that the program broke the protocol. */
static void
blame (const ExecEngine *engine, const GError *fault, GError **error)
{
  g_autofree char *what = g_strdup_printf ("broke the protocol (%s)", fault->message);
  ut_program_fail (engine->program, what, error);
}

/* Reads the hello: the first one tells what the engine is, and later ones must say the same. */
static gboolean
greet (ExecEngine *engine, GError **error)
{
  g_autoptr (UtExecMessage) message = receive (engine, error);
  if (message == NULL)
    return FALSE;
  g_autoptr (GError) fault = NULL;
  if (engine->hello == NULL && !ut_exec_read_hello (message, &engine->base.info, &fault))
    {
      blame (engine, fault, error);
      return FALSE;
    }
  if (engine->hello == NULL)
    engine->hello = g_steal_pointer (&message);
  g_autofree char *other = message != NULL ? ut_exec_hello_difference (engine->hello, message) : NULL;
  if (other == NULL)
    return TRUE;
  g_autofree char *what = g_strdup_printf ("was started again and says another hello than before (%s)", other);
  ut_program_fail (engine->program, what, error);
  return FALSE;
}

static gboolean
start (ExecEngine *engine, GError **error)
{
  g_autofree char *variable = g_strdup_printf ("%s=%d", VARIABLE, UT_EXEC_VERSION);
  engine->program = ut_program_start (engine->command, variable, engine->listener, engine->listener_data, error);
  if (engine->program == NULL)
    return FALSE;
  ut_program_allow (engine->program, engine->timeout, "loading the model");
  if (greet (engine, error))
    return TRUE;
  drop_program (engine);
  return FALSE;
}

static gboolean
send_request (ExecEngine *engine, const UtRequest *request, const char *line, GError **error)
{
  gboolean ok = ut_program_write (engine->program, line, strlen (line), error);
  for (size_t i = 0; ok && i < request->images->len; i++)
    {
      const UtImage *image = request->images->pdata[i];
      ok = ut_program_write (engine->program, image->pixels, (size_t) image->width * (size_t) image->height * 3, error);
    }
  return ok;
}

/* The answer to a request that was sent; an error where the program must go is UT_ERROR_ENGINE. */
static UtResult *
take_result (ExecEngine *engine, const UtRequest *request, GError **error)
{
  g_autoptr (UtExecMessage) message = receive (engine, error);
  if (message == NULL)
    return NULL;
  g_autoptr (GError) fault = NULL;
  UtResult *result
      = ut_exec_read_answer (message, &engine->base.info, request, engine->n_requests, engine->layers, &engine->shapes, &fault);
  if (g_error_matches (fault, UT_ERROR, UT_ERROR_ENGINE))
    blame (engine, fault, error);
  else if (fault != NULL)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", ut_program_name (engine->program), fault->message);
  return result;
}

static UtResult *
exec_evaluate (UtEngine *base, const UtRequest *request, GError **error)
{
  ExecEngine *engine = (ExecEngine *) base;
  char *line = ut_exec_request_line (request, ++engine->n_requests, engine->layers, error);
  if (line == NULL || (engine->program == NULL && !start (engine, error)))
    return free (line), NULL;

  g_autoptr (GError) fault = NULL;
  ut_program_allow (engine->program, engine->timeout, "answering");
  UtResult *result = send_request (engine, request, line, &fault) ? take_result (engine, request, &fault) : NULL;
  free (line);
  if (g_error_matches (fault, UT_ERROR, UT_ERROR_ENGINE))
    drop_program (engine);
  if (fault != NULL)
    g_propagate_error (error, g_steal_pointer (&fault));
  return result;
}

static void
exec_close (UtEngine *base)
{
  ExecEngine *engine = (ExecEngine *) base;
  g_clear_pointer (&engine->program, ut_program_end);
  ut_engine_info_clear (&base->info);
  g_free (engine->command);
  g_clear_pointer (&engine->hello, ut_exec_message_free);
  g_free (engine);
}

static UtEngine *
exec_open (const UtEngineConfig *config, GError **error)
{
  if (config->command == NULL || config->timeout < 1)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_USAGE, "the engine exec needs a --command, and a --timeout from 1 second");
      return NULL;
    }
  ExecEngine *engine = g_new0 (ExecEngine, 1);
  g_autoptr (UtEngine) base = &engine->base;
  base->class = &ut_engine_exec;
  engine->command = g_strdup (config->command);
  engine->timeout = config->timeout;
  engine->layers = config->layers;
  engine->listener = config->listener;
  engine->listener_data = config->listener_data;
  return start (engine, error) ? g_steal_pointer (&base) : NULL;
}

const UtEngineClass ut_engine_exec = {
  .name = "exec",
  .summary = "a program of your own, started by --command: any framework (docs/exec-engine.md)",
  .contained = TRUE,
  .open = exec_open,
  .evaluate = exec_evaluate,
  .close = exec_close,
};
