/* A program of the user's behind pipes: started by the shell, written to and read from under a time limit, and ended with all that it
 * started. It knows nothing of what is said over the pipes (exec-message.h).
 *
 * Every failure is UT_ERROR_ENGINE, names the command, and says how the program ended and what it last wrote to its standard error. After
 * one the program is good for ut_program_kill alone. */
#pragma once
#include <glib.h>

#include "engine/engine.h"

typedef struct _UtProgram UtProgram;

/* Starts `command` in this process's folder, its standard streams ours, in a process group of its own; `variable` is a NAME=VALUE added
 * to its environment. What it writes to its standard error goes to `listener`, which may be NULL. */
UtProgram *ut_program_start (const char *command, const char *variable, UtEngineListener listener, void *listener_data,
                             GError **error);

/* What follows must be done so many seconds from now. `doing` says what that is, for the messages: "loading the model". */
void ut_program_allow (UtProgram *program, int seconds, const char *doing);

/* Writes [n] bytes. A program that says something meanwhile, or has said more than was read, fails. */
gboolean ut_program_write (UtProgram *program, const void *bytes, size_t n, GError **error);

/* Reads up to a line's end, at most [max] bytes; the line without it, which may hold any bytes, *out_n of them. The caller owns it. */
char *ut_program_read_line (UtProgram *program, size_t max, size_t *out_n, GError **error);

/* Reads [n] bytes; memory is taken as they come. The caller owns the result. */
guint8 *ut_program_read (UtProgram *program, size_t n, GError **error);

/* Sets an error of the program's: "the program '…' WHAT while loading the model; the end of its standard error: …". */
void ut_program_fail (const UtProgram *program, const char *what, GError **error);

/* As they may stand in a message: one line, not too long, an ellipsis where there is more. The caller owns it. */
char *ut_program_quote (const char *bytes, size_t n);

/* "the program 'python3 model.py …'". */
const char *ut_program_name (const UtProgram *program);

/* Closes its standard input, which tells it to end, and waits a few seconds before it is killed. */
void ut_program_end (UtProgram *program);

/* Kills it and every process of its group. */
void ut_program_kill (UtProgram *program);
