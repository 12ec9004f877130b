#include "interrupt.h"

#include <signal.h>

constexpr int EXIT_BASE_SIGNAL = 128;

static volatile sig_atomic_t caught = 0;

static void
on_signal (int number)
{
  caught = number;
}

void
ut_interrupt_catch (void)
{
  const struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND | SA_RESTART };
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
}

int
ut_interrupt_signal (void)
{
  return caught;
}

int
ut_interrupt_exit_code (void)
{
  return EXIT_BASE_SIGNAL + caught;
}
