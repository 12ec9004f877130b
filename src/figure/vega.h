/* Vega and Vega-Lite, as the distribution ships them, built into the program: they draw the charts of the page, in the reader's browser, and
 * the figures for papers, here. */
#pragma once

/* Scripts, to be run in this order, that define the globals `vega` and `vegaLite`, and `vega.expressionInterpreter`, which evaluates
 * Vega's expressions where a page may not make code of texts. NUL-terminated text. */
extern const unsigned char ut_vega_js[], ut_vega_lite_js[], ut_vega_interpreter_js[];
