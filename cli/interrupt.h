/* Ctrl-C and SIGTERM, for commands that save what is finished and stop. */
#pragma once
#include <glib.h>

/* From now on the first SIGINT or SIGTERM is only noted; the second one ends the program at once. */
void ut_interrupt_catch (void);

/* The signal that came, 0 for none. */
int ut_interrupt_signal (void);

/* What a program that it ended exits with: 130 for SIGINT. */
int ut_interrupt_exit_code (void);
