#include <quickjs/quickjs.h>
#include <string.h>

#include "base/error.h"
#include "figure/figure.h"
#include "figure/text-width.h"
#include "figure/vega.h"

/* #embed gives numbers up to 255, which a signed char does not hold. */
static const unsigned char figure_js[] = {
#embed "figure.js"
  , 0
};
static const unsigned char paper_json[] = {
#embed "paper.json"
  , 0
};

#define MEMORY_LIMIT ((size_t) 2 << 30)
#define STACK_LIMIT ((size_t) 4 << 20)
#define SECONDS_LIMIT 600 /* 20,000 marks take some seconds */

#define POINTS_PER_MM (72 / 25.4)

struct _UtPlotter {
  JSRuntime *runtime;
  JSContext *context;
  UtTextWidth *text_width;
  gint64 deadline; /* of what runs, in monotonic time */
};

static int
is_late (JSRuntime *, void *data)
{
  const UtPlotter *plotter = data;
  return g_get_monotonic_time () > plotter->deadline;
}

/* The pending exception becomes the error. Always FALSE. */
static gboolean
fail (UtPlotter *plotter, const char *name, JSValue exception, GError **error)
{
  const gboolean late = is_late (plotter->runtime, plotter);
  const char *text = JS_ToCString (plotter->context, exception);
  if (late)
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: not drawn within %d seconds", name, SECONDS_LIMIT);
  else
    g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: %s", name, text != NULL ? text : "out of memory");
  JS_FreeCString (plotter->context, text);
  JS_FreeValue (plotter->context, exception);
  return FALSE;
}

static gboolean
load (UtPlotter *plotter, const char *name, const unsigned char *script, GError **error)
{
  const char *text = (const char *) script;
  JSValue result = JS_Eval (plotter->context, text, strlen (text), name, JS_EVAL_TYPE_GLOBAL);
  if (JS_IsException (result))
    return fail (plotter, name, JS_GetException (plotter->context), error);
  JS_FreeValue (plotter->context, result);
  return TRUE;
}

/* undertowTextWidth (family, size, style, weight, text) */
static JSValue
text_width (JSContext *context, JSValueConst, int, JSValueConst *arguments)
{
  const UtPlotter *plotter = JS_GetContextOpaque (context);
  double size, width = -1;
  if (JS_ToFloat64 (context, &size, arguments[1]) < 0)
    return JS_EXCEPTION;
  const char *family = JS_ToCString (context, arguments[0]), *style = JS_ToCString (context, arguments[2]),
             *weight = JS_ToCString (context, arguments[3]), *text = JS_ToCString (context, arguments[4]);
  if (family != NULL && style != NULL && weight != NULL && text != NULL)
    width = ut_text_width (plotter->text_width, family, size, style, weight, text);
  JS_FreeCString (context, text);
  JS_FreeCString (context, weight);
  JS_FreeCString (context, style);
  JS_FreeCString (context, family);
  return width < 0 ? JS_EXCEPTION : JS_NewFloat64 (context, width);
}

static void
start_clock (UtPlotter *plotter)
{
  plotter->deadline = g_get_monotonic_time () + SECONDS_LIMIT * G_USEC_PER_SEC;
}

UtPlotter *
ut_plotter_new (GError **error)
{
  g_autoptr (UtPlotter) plotter = g_new0 (UtPlotter, 1);
  plotter->runtime = JS_NewRuntime ();
  plotter->context = plotter->runtime != NULL ? JS_NewContext (plotter->runtime) : NULL;
  if (plotter->context == NULL)
    {
      g_set_error_literal (error, UT_ERROR, UT_ERROR_FAILED, "no memory for drawing");
      return NULL;
    }
  plotter->text_width = ut_text_width_new ();
  JS_SetMemoryLimit (plotter->runtime, MEMORY_LIMIT);
  JS_SetMaxStackSize (plotter->runtime, STACK_LIMIT);
  JS_SetInterruptHandler (plotter->runtime, is_late, plotter);
  JS_SetContextOpaque (plotter->context, plotter);
  JSValue global = JS_GetGlobalObject (plotter->context);
  JS_SetPropertyStr (plotter->context, global, "undertowTextWidth",
                     JS_NewCFunction (plotter->context, text_width, "undertowTextWidth", 5));
  JS_FreeValue (plotter->context, global);
  start_clock (plotter);
  if (!load (plotter, "figure.js", figure_js, error) || !load (plotter, "vega", ut_vega_js, error)
      || !load (plotter, "vega-lite", ut_vega_lite_js, error)
      || !load (plotter, "vega-interpreter", ut_vega_interpreter_js, error))
    return NULL;
  return g_steal_pointer (&plotter);
}

void
ut_plotter_free (UtPlotter *plotter)
{
  if (plotter == NULL)
    return;
  if (plotter->context != NULL)
    JS_FreeContext (plotter->context);
  if (plotter->runtime != NULL)
    JS_FreeRuntime (plotter->runtime);
  ut_text_width_free (plotter->text_width);
  g_free (plotter);
}

/* Calls undertowDraw, which gives a promise. */
static JSValue
start_drawing (UtPlotter *plotter, const char *spec, const char *rows, double width)
{
  JSContext *context = plotter->context;
  JSValue arguments[] = {
    JS_NewString (context, spec),
    JS_NewString (context, rows),
    JS_NewString (context, (const char *) paper_json),
    JS_NewFloat64 (context, width * POINTS_PER_MM),
  };
  JSValue global = JS_GetGlobalObject (context);
  JSValue draw = JS_GetPropertyStr (context, global, "undertowDraw");
  JSValue promise = JS_Call (context, draw, JS_UNDEFINED, G_N_ELEMENTS (arguments), arguments);
  JS_FreeValue (context, draw);
  JS_FreeValue (context, global);
  for (size_t i = 0; i < G_N_ELEMENTS (arguments); i++)
    JS_FreeValue (context, arguments[i]);
  return promise;
}

/* What the promise comes to, as text. */
static char *
take_text (UtPlotter *plotter, const char *name, JSValueConst promise, GError **error)
{
  JSContext *context = plotter->context, *of_job;
  int jobs;
  do
    jobs = JS_ExecutePendingJob (plotter->runtime, &of_job);
  while (jobs > 0);
  if (jobs < 0)
    {
      fail (plotter, name, JS_GetException (of_job), error);
      return NULL;
    }
  const JSPromiseStateEnum state = JS_PromiseState (context, promise);
  if (state == JS_PROMISE_PENDING)
    {
      g_set_error (error, UT_ERROR, UT_ERROR_FAILED, "%s: drawing came to no end", name);
      return NULL;
    }
  JSValue result = JS_PromiseResult (context, promise);
  if (state == JS_PROMISE_REJECTED)
    {
      fail (plotter, name, result, error);
      return NULL;
    }
  const char *text = JS_ToCString (context, result);
  char *svg = g_strdup (text);
  JS_FreeCString (context, text);
  JS_FreeValue (context, result);
  if (svg == NULL)
    fail (plotter, name, JS_GetException (context), error);
  return svg;
}

char *
ut_plotter_svg (UtPlotter *plotter, const char *name, const char *spec, const char *rows, double width, GError **error)
{
  start_clock (plotter);
  JSValue promise = start_drawing (plotter, spec, rows, width);
  if (JS_IsException (promise))
    {
      fail (plotter, name, JS_GetException (plotter->context), error);
      return NULL;
    }
  char *svg = take_text (plotter, name, promise, error);
  JS_FreeValue (plotter->context, promise);
  return svg;
}
