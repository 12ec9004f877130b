/* The commands: one file each, one row each in main.c. argv[0] is the command's name. A command prints its own error and returns the
 * exit code: 0, 1 for a failure, 2 for a usage error, 130 where Ctrl-C ended it early with everything saved. */
#pragma once
#include <glib.h>

int ut_cmd_run (int argc, char **argv);
int ut_cmd_show (int argc, char **argv);
int ut_cmd_rescore (int argc, char **argv);
int ut_cmd_perturb (int argc, char **argv);
int ut_cmd_inspect (int argc, char **argv);
int ut_cmd_list (int argc, char **argv);
int ut_cmd_scenes (int argc, char **argv);
int ut_cmd_demo (int argc, char **argv);

/* Prints "undertow COMMAND: message", for a usage error with a pointer to --help, and returns the exit code. */
int ut_cmd_fail (const char *command, const GError *error);

/* The command line as a shell would take it again; the caller owns it. */
char *ut_cmd_quote (int argc, char **argv);
