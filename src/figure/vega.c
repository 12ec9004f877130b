#include "figure/vega.h"

/* #embed gives numbers up to 255, which a signed char does not hold. */
const unsigned char ut_vega_js[] = {
#embed <vega/build/vega.min.js>
  , 0
};
const unsigned char ut_vega_lite_js[] = {
#embed <vega-lite/build/vega-lite.min.js>
  , 0
};
const unsigned char ut_vega_interpreter_js[] = {
#embed <vega-interpreter/build/vega-interpreter.min.js>
  , 0
};
