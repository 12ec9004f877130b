/* The commands: one file each, one row each in main.c. argv[0] is the command's name. A command prints its own error and returns the
 * exit code: 0, 1 for a failure, 2 for a usage error, 130 where Ctrl-C ended it early with everything saved. */
#pragma once
#include <glib.h>

int ut_cmd_run (int argc, char **argv);
int ut_cmd_show (int argc, char **argv);
int ut_cmd_report (int argc, char **argv);
int ut_cmd_figures (int argc, char **argv);
int ut_cmd_export (int argc, char **argv);
int ut_cmd_compare (int argc, char **argv);
int ut_cmd_sql (int argc, char **argv);
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

/* What -p takes, in one line and in full. */
#define UT_CMD_FAMILIES_HELP "Families, comma-separated, their numbers behind a colon; default all"
#define UT_CMD_FAMILIES_DESCRIPTION                                                                                              \
  "FAMILIES (see undertow list families):\n"                                                                                     \
  "  core, all, photometric    several families by one name\n"                                                                   \
  "  rotation                  a family with its own numbers, the paper's where it has them\n"                                   \
  "  rotation:5,10,-20         with these numbers instead; a number belongs to the family before it\n"                           \
  "  rotation:ladder           with its ladder of severity\n"                                                                    \
  "  everything                every family but folder, its numbers and its ladder: hundreds of variants\n"                       \
  "  folder:DIR                what others made: each folder in DIR is a variant, its images named as the benchmark's\n"         \
  "  core,rotation:5,10,jpeg   all of it together: a variant that is chosen twice runs once"
