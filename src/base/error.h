/* Undertow's error domain. Who finds a fault writes the message, once, complete enough to print: file, row, field, what was
 * expected. Library code never prints, exits or aborts on input. */
#pragma once
#include <glib.h>

#define UT_ERROR (ut_error_quark ())

typedef enum {
  UT_ERROR_USAGE,  /* the caller asked for something that cannot be meant: exit code 2 */
  UT_ERROR_FAILED, /* the input or the machine would not do: exit code 1 */
  UT_ERROR_ENGINE, /* the engine died or answered nonsense; the request is lost, finished work is not */
} UtError;

GQuark ut_error_quark (void);
