/* The page: one HTML file that shows what runs say. It opens from the disk and asks no network for anything. Texts of the data are never
 * markup: they travel as JSON, and scripts put them into the page as text.
 *
 * The JSON is one object, `report` to the scripts:
 *
 *   version, title   of this program; of the page
 *   columns          {column: {header, unit, digits, sign, spread}}: how people read a column (ut_table_columns)
 *   charts           [{name, section, title, reading, missing, sql, spec}], the rows of ut_charts in their order
 *   run_charts       the same of ut_run_charts: of all runs together
 *   findings         {sized, models, tasks, left_out, estimates, findings}: what ut_report_comparison says of the runs that ut_arrangement_read
 *                    finds, the names of the models and tasks, and those of the runs that have no place in it
 *   comparisons      [object of ut_paired_json…], one of each group of runs that share questions (ut_paired_groups)
 *   runs             [{name      the file's
 *                      summary   [sentence], ut_report_sentences
 *                      caveat    why its numbers are not the model's, or null
 *                      unfinished  what of it is still to come, or null
 *                      rows      {chart: [row…]}, what the charts' queries give
 *                      identity  [{key, value}]
 *                      samples   see samples.h
 *                      tables    {overview, noise_floor, failures: [row…]}, views of those names; of failures the first 500}]
 *
 * A row is an object of a query's columns; what is not known, or no number, is null. */
#pragma once
#include "page/samples.h"

typedef struct {
  const char *const *paths; /* of the runs [n_paths] */
  unsigned n_paths;
  const char *out;          /* where the page goes; another page there is replaced, nothing else is */
  const char *title;        /* NULL for "Undertow" */
  UtSamplesOptions samples; /* of all runs together; `url`, `run` and `name` are filled in */
} UtPageOptions;

/* Writes the page, whole or not at all; *out_size is its size in bytes. UT_ERROR_FAILED, naming the file, where a run cannot be read or
 * the page cannot be written. */
gboolean ut_page_write (const UtPageOptions *options, size_t *out_size, GError **error);
