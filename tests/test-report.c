/* report: what a comparison of models says of the paper's findings, on runs made up so that each holds, does not hold, or cannot be told. */
#include "base/rng.h"
#include "report/arrangement.h"
#include "report/comparison.h"
#include "report/estimates.h"
#include "report/sentences.h"
#include "store/store.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

/* --- Made-up runs ------------------------------------------------------------------------------------------------------------ */

/* One model on one task. An image has four questions; each is asked clean and under three core variants. */
typedef struct {
  gboolean yes_no; /* half of the questions with the answer No */
  unsigned n_images;
  double wrong; /* share of the clean answers */
  double harm;  /* of the right answers, those that a perturbation makes wrong; more on some images than on others */
  double cure;  /* of the wrong answers, those that it makes right */
  double drift; /* where the answer was kept, of ctx_mcq; farther on some images than on others; the control is 0.2 */
} Spec;

constexpr unsigned QUESTIONS = 4;
constexpr double CONTROL = 0.2;

static const UtStoreVariant variants[] = {
  { 0, "clean", "clean", 0, FALSE, "clean" },
  { 1, "translation+4", "translation", 4, TRUE, "perturbation" },
  { 2, "rotation+30", "rotation", 30, TRUE, "perturbation" },
  { 3, "text_semantic1", "text_semantic", 1, TRUE, "perturbation" },
};

static void
add_items (UtStore *store, const Spec *spec)
{
  static const char *const options[] = { "Yes", "No", NULL };
  GError *error = NULL;
  for (unsigned i = 0; i < spec->n_images * QUESTIONS; i++)
    {
      g_autofree char *id = g_strdup_printf ("q%u", i), *image = g_strdup_printf ("image%u", i / QUESTIONS);
      const UtStoreItem item = { i, id, image, NULL, NULL, "Is it?", options, (int) (i % 2), spec->yes_no };
      ut_store_add_items (store, &item, 1, &error);
      g_assert_no_error (error);
    }
}

static void
add_trial (UtStore *store, unsigned item, unsigned variant, int predicted, double drift)
{
  GError *error = NULL;
  const UtMeasurement measurement = { "ctx_mcq", "cosine_distance", drift };
  const UtTrial trial
      = { .item = item, .variant = variant, .predicted = predicted, .measurements = &measurement, .n_measurements = variant > 0 };
  ut_store_add_trial (store, &trial, &error);
  g_assert_no_error (error);
}

static void
add_trials (UtStore *store, const Spec *spec, unsigned model)
{
  GError *error = NULL;
  for (unsigned image = 0; image < spec->n_images; image++)
    {
      /* A half, 1 or 1½: how easily the image is moved. The same for all models, as difficult images are. */
      UtRng of_image = ut_rng_init (0, "", "image", image), rng = ut_rng_init (model, "", "trials", image);
      const double moved = 0.5 * (double) (1 + ut_rng_below (&of_image, 3));
      for (unsigned q = 0; q < QUESTIONS; q++)
        {
          const unsigned item = image * QUESTIONS + q;
          const int answer = (int) (item % 2);
          const gboolean wrong = ut_rng_uniform (&rng) < spec->wrong;
          add_trial (store, item, 0, answer ^ wrong, 0);
          for (unsigned v = 1; v < G_N_ELEMENTS (variants); v++)
            {
              const gboolean flips = ut_rng_uniform (&rng) < (wrong ? spec->cure : spec->harm * moved);
              add_trial (store, item, v, answer ^ wrong ^ flips, flips ? CONTROL : spec->drift * moved);
            }
          ut_store_add_control (store, item, "ctx_mcq", CONTROL, 25, &error);
          g_assert_no_error (error);
        }
    }
}

/* A run named `name`; `identity` beside its seed, up to a NULL key, may be NULL. */
static char *
make_run_of (const char *folder, const char *name, const UtIdentity *of_run, const Spec *spec, unsigned model)
{
  UtIdentity identity[8] = { { "--seed", "0", FALSE } };
  for (unsigned i = 0; of_run != NULL && of_run[i].key != NULL; i++)
    identity[i + 1] = of_run[i];
  GError *error = NULL;
  char *path = g_build_filename (folder, name, NULL);
  g_autoptr (UtStore) store = ut_store_open (path, &error);
  g_assert_no_error (error);
  gboolean resumed;
  ut_store_begin (store, identity, &resumed, &error);
  g_assert_no_error (error);
  ut_store_add_variants (store, variants, G_N_ELEMENTS (variants), &error);
  g_assert_no_error (error);
  add_items (store, spec);
  add_trials (store, spec, model);
  ut_store_commit (store, &error);
  g_assert_no_error (error);
  return path;
}

static char *
make_run (const char *folder, const Spec *spec, unsigned model, unsigned task)
{
  g_autofree char *name = g_strdup_printf ("%u-%u.duckdb", model, task);
  return make_run_of (folder, name, NULL, spec, model);
}

/* What the comparison of runs prints in each of the formats; specs are [n_models][n_tasks]. */
static void
compare_runs (const Spec *specs, unsigned n_models, unsigned n_tasks, const UtTableFormat *formats, unsigned n_formats,
              char **out_texts)
{
  static const char *const models[] = { "tiny", "huge" }, *const tasks[] = { "presence", "perception" };
  GError *error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("undertow-report-XXXXXX", &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  for (unsigned r = 0; r < n_models * n_tasks; r++)
    g_ptr_array_add (paths, make_run (folder, &specs[r], r / n_tasks, r % n_tasks));

  const UtComparedRuns runs = { models, tasks, (const char *const *) paths->pdata, n_models, n_tasks, n_models > 1 };
  for (unsigned f = 0; f < n_formats; f++)
    {
      size_t length;
      FILE *out = open_memstream (&out_texts[f], &length);
      ut_report_comparison (&runs, formats[f], 0, out, &error);
      g_assert_no_error (error);
      fclose (out);
    }

  for (unsigned r = 0; r < paths->len; r++)
    g_unlink (paths->pdata[r]);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
assert_has (const char *text, const char *words)
{
  if (strstr (text, words) == NULL)
    g_error ("“%s” is not in\n%s", words, text);
}

/* `words` are what the text must hold, up to a NULL. */
static void
assert_says (const Spec *specs, unsigned n_models, unsigned n_tasks, const char *const *words)
{
  g_autofree char *text = NULL;
  compare_runs (specs, n_models, n_tasks, (UtTableFormat[]) { UT_TABLE_TEXT }, 1, &text);
  for (; *words != NULL; words++)
    assert_has (text, *words);
}

#define SAYS(...) ((const char *const[]) { __VA_ARGS__, NULL })

/* --- The findings ------------------------------------------------------------------------------------------------------------ */

constexpr double FAR = 0.8 * CONTROL;
constexpr double NEAR = 0.1 * CONTROL;
constexpr double BETWEEN = 0.5 * CONTROL;

static void
test_all_hold (void)
{
  const Spec specs[] = { { TRUE, 40, 0.4, 0, 0.4, FAR },
                         { FALSE, 40, 0.1, 0.2, 0, FAR },
                         { TRUE, 40, 0.4, 0, 0.5, FAR },
                         { FALSE, 40, 0.1, 0.3, 0, FAR } };
  assert_says (specs, 2, 2,
               SAYS ("Representations move while answers stay: holds here.", "Robustness does not grow with size: holds here.",
                     "Perturbations harm accuracy and reduce false positives: holds here."));
}

static void
test_none_holds (void)
{
  const Spec specs[] = { { TRUE, 40, 0, 0.2, 0, NEAR },
                         { FALSE, 40, 0.1, 0.2, 0, NEAR },
                         { TRUE, 40, 0, 0.1, 0, NEAR },
                         { FALSE, 40, 0.1, 0.05, 0, NEAR } };
  assert_says (specs, 2, 2,
               SAYS ("Representations move while answers stay: does not hold here.",
                     "Robustness does not grow with size: does not hold here.",
                     "Perturbations harm accuracy and reduce false positives: does not hold here."));
}

/* Few images; drifts about half of the way; and no false positives, of which none can be lost. */
static void
test_none_can_be_told (void)
{
  const Spec specs[] = { { TRUE, 6, 0, 0, 0, BETWEEN },
                         { FALSE, 6, 0.1, 0.2, 0, BETWEEN },
                         { TRUE, 6, 0, 0, 0, BETWEEN },
                         { FALSE, 6, 0.1, 0.2, 0, BETWEEN } };
  assert_says (specs, 2, 2,
               SAYS ("Representations move while answers stay: cannot be told here.",
                     "Robustness does not grow with size: cannot be told here.",
                     "Perturbations harm accuracy and reduce false positives: cannot be told here."));
}

/* What a finding needs and is not there. */
static void
test_too_little (void)
{
  const Spec one_image = { FALSE, 1, 0, 0, 0, NEAR };
  assert_says (&one_image, 1, 1,
               SAYS ("Representations move while answers stay: cannot be told here.",
                     "Robustness does not grow with size: cannot be told here. It takes two sizes",
                     "Perturbations harm accuracy and reduce false positives: cannot be told here. It takes"));
}

/* One far task is enough, and is named; an accuracy that rises is no harm. */
static void
test_one_decides (void)
{
  const Spec specs[] = { { TRUE, 40, 0.4, 0, 0.4, NEAR }, { FALSE, 40, 0.4, 0, 0.3, FAR } };
  assert_says (specs, 1, 2,
               SAYS ("Representations move while answers stay: holds here.", "(tiny, perception)",
                     "Perturbations harm accuracy and reduce false positives: does not hold here.",
                     "the accuracy does not fall, it rises"));
}

/* Numbers that can be told beforehand: nobody flips, and an image that is moved by m moves by m times a quarter of the control. */
static void
test_numbers (void)
{
  const Spec spec = { FALSE, 60, 0, 0, 0, 0.25 * CONTROL };
  double moved = 0;
  for (unsigned image = 0; image < spec.n_images; image++)
    {
      UtRng rng = ut_rng_init (0, "", "image", image);
      moved += 0.5 * (double) (1 + ut_rng_below (&rng, 3)) / spec.n_images;
    }
  g_autofree char *words = g_strdup_printf (
      "Of the answers to perturbed images 100.0 [100.0, 100.0] %% stayed, while ctx_mcq moved %.1f [", 25 * moved);
  assert_says (&spec, 1, 1, SAYS (words));
}

/* --- The tables -------------------------------------------------------------------------------------------------------------- */

static void
test_tables (void)
{
  const Spec specs[] = { { TRUE, 8, 0.2, 0.1, 0.1, NEAR }, { FALSE, 10, 0.2, 0.1, 0.1, NEAR } };
  const UtTableFormat formats[] = { UT_TABLE_TEXT, UT_TABLE_MARKDOWN, UT_TABLE_CSV, UT_TABLE_JSON };
  char *texts[G_N_ELEMENTS (formats)];
  compare_runs (specs, 1, 2, formats, G_N_ELEMENTS (formats), texts);
  g_autofree char *text = texts[0], *markdown = texts[1], *csv = texts[2], *json = texts[3];
  assert_has (text, "presence: 32 questions on 8 images\n");
  assert_has (text, "perception: 40 questions on 10 images\n");
  assert_has (markdown, "| 95 % intervals | tiny |");
  assert_has (markdown, "- **Representations move while answers stay: ");
  assert_has (csv, "task,model,family,quantity,channel,value,low,high,images\r\n");
  /* Seven quantities of yes/no questions and six of the others. */
  g_auto (GStrv) lines = g_strsplit (g_strstrip (csv), "\r\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 1 + 7 + 6);
  assert_has (json, "{\"estimates\": [");
  assert_has (json, "\"finding\":\"Robustness does not grow with size\"");
}

/* --- Which runs belong together ---------------------------------------------------------------------------------------------- */

static void
assert_texts (char **found, unsigned n, const char *const *expected)
{
  g_assert_cmpstrv (found, expected);
  g_assert_cmpuint (g_strv_length (found), ==, n);
}

/* Two sizes, the larger one given first, on two tasks; a third model on one of them; and one run twice. */
static void
test_arrangement (void)
{
  static const struct {
    const char *name, *file, *model, *sha, *questions, *dataset;
  } runs[] = {
    { "a", "dir/big-f16.gguf", "qwen3vl 7.1B F16", "b", "1", "bundled:presence" },
    { "b", "bundled:small", "qwen3vl 0.3M F16", "s", "2", "data/mmmu.parquet" },
    { "c", "bundled:small", "qwen3vl 0.3M F16", "s", "1", "bundled:presence" },
    { "d", "dir/big-f16.gguf", "qwen3vl 7.1B F16", "b", "2", "data/mmmu.parquet" },
    { "e", "dir/big-f16.gguf", "qwen3vl 7.1B F16", "b", "1", "bundled:presence" },
    { "f", "other.gguf", "llama 2.0M F16", "o", "1", "bundled:presence" },
  };
  const Spec spec = { FALSE, 2, 0, 0, 0, NEAR };
  GError *error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("undertow-report-XXXXXX", &error);
  g_assert_no_error (error);
  g_autoptr (GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  for (size_t r = 0; r < G_N_ELEMENTS (runs); r++)
    {
      const UtIdentity identity[] = { { "model file", runs[r].file, TRUE },   { "model", runs[r].model, FALSE },
                                      { "model sha256", runs[r].sha, FALSE }, { "questions sha256", runs[r].questions, FALSE },
                                      { "dataset", runs[r].dataset, TRUE },   { NULL, NULL, FALSE } };
      g_ptr_array_add (paths, make_run_of (folder, runs[r].name, identity, &spec, 0));
    }
  const char *const *given = (const char *const *) paths->pdata;
  g_auto (UtArrangement) all = { 0 };
  g_assert_true (ut_arrangement_read (given, paths->len, &all, &error));
  g_assert_no_error (error);
  assert_texts (all.models, all.n_models, (const char *const[]) { "small", "big-f16", NULL });
  assert_texts (all.tasks, all.n_tasks, (const char *const[]) { "presence", "mmmu", NULL });
  assert_texts (all.paths, 4, (const char *const[]) { given[2], given[1], given[0], given[3], NULL });
  assert_texts (all.left_out, 2, (const char *const[]) { given[4], given[5], NULL });

  g_auto (UtArrangement) one = { 0 };
  g_assert_true (ut_arrangement_read (given, 1, &one, &error));
  assert_texts (one.models, one.n_models, (const char *const[]) { "big-f16", NULL });
  assert_texts (one.tasks, one.n_tasks, (const char *const[]) { "presence", NULL });
  g_assert_true (all.sized && !one.sized);

  /* Of a program that does not tell its size no order is known. */
  const UtIdentity program[] = { { "engine", "exec", FALSE },
                                 { "model", "mine", FALSE },
                                 { "questions sha256", "1", FALSE },
                                 { "dataset", "bundled:presence", TRUE },
                                 { NULL, NULL, FALSE } };
  g_ptr_array_add (paths, make_run_of (folder, "g", program, &spec, 0));
  g_auto (UtArrangement) unsized = { 0 };
  g_assert_true (ut_arrangement_read ((const char *const[]) { given[0], paths->pdata[6], given[2] }, 3, &unsized, &error));
  assert_texts (unsized.models, unsized.n_models, (const char *const[]) { "big-f16", "mine", "small", NULL });
  g_assert_false (unsized.sized);
  for (unsigned r = 0; r < paths->len; r++)
    g_unlink (paths->pdata[r]);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

/* --- Order -------------------------------------------------------------------------------------------------------------------- */

/* The interval of the flip rate in the run at `paths[of]`, drawn together with the other, which is read before or after it. */
static UtInterval
drawn_together (char *const *paths, unsigned of, gboolean first)
{
  GError *error = NULL;
  g_autoptr (UtEstimates) estimates = ut_estimates_new ();
  for (unsigned r = 0; r < 2; r++)
    {
      g_autoptr (UtStore) store = ut_store_open_read (paths[first == (r == 0) ? of : 1 - of], &error);
      g_assert_no_error (error);
      ut_estimates_add_run (estimates, ut_store_db (store),
                            "SELECT family, quantity, channel, form, image_id, a, b, c, d FROM image_sums WHERE quantity = 'IFR'",
                            &error);
      g_assert_no_error (error);
    }
  ut_estimates_draw (estimates);
  return ut_estimate_interval (ut_estimates_find (estimates, first ? 0 : 1, "any (core-3)", "IFR", NULL), 0.95);
}

/* Of two runs one has images that the other has not; whichever is read first, the same images are drawn. */
static void
test_order_of_runs (void)
{
  GError *error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("undertow-report-XXXXXX", &error);
  g_assert_no_error (error);
  char *paths[] = { make_run_of (folder, "few", NULL, &(Spec) { FALSE, 12, 0, 0.3, 0, NEAR }, 0),
                    make_run_of (folder, "many", NULL, &(Spec) { FALSE, 30, 0, 0.3, 0, NEAR }, 1) };
  for (unsigned of = 0; of < 2; of++)
    {
      const UtInterval before = drawn_together (paths, of, TRUE), after = drawn_together (paths, of, FALSE);
      g_assert_cmpfloat (before.low, <, before.value);
      g_assert_true (before.low == after.low && before.value == after.value && before.high == after.high);
    }
  for (unsigned r = 0; r < G_N_ELEMENTS (paths); r++)
    {
      g_unlink (paths[r]);
      g_free (paths[r]);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

/* --- Sentences --------------------------------------------------------------------------------------------------------------- */

static char **
sentences_of (const Spec *spec)
{
  GError *error = NULL;
  g_autofree char *folder = g_dir_make_tmp ("undertow-report-XXXXXX", &error);
  g_assert_no_error (error);
  g_autofree char *path = make_run_of (folder, "run", NULL, spec, 0);
  char **sentences = NULL;
  {
    g_autoptr (UtStore) store = ut_store_open_read (path, &error);
    g_assert_no_error (error);
    sentences = ut_report_sentences (ut_store_db (store), &error);
    g_assert_no_error (error);
  }
  g_unlink (path);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  return sentences;
}

static void
test_sentences (void)
{
  g_auto (GStrv) still = sentences_of (&(Spec) { FALSE, 60, 0, 0, 0, FAR });
  g_assert_cmpuint (g_strv_length (still), ==, 3);
  assert_has (still[0], "Of 720 answers to 240 questions on 60 images under the 3 core variants, 0.0 [0.0, 0.0] % are another");
  assert_has (still[1], "Where the answer stays, the representation ctx_mcq still moves ");
  assert_has (
      still[2],
      "Accuracy is 1.000 [1.000, 1.000] on clean images, and perturbations change it by +0.000 [+0.000, +0.000]; these are "
      "no yes/no questions");

  g_auto (GStrv) harmed = sentences_of (&(Spec) { TRUE, 60, 0, 0.2, 0, FAR });
  g_assert_cmpuint (g_strv_length (harmed), ==, 3);
  assert_has (harmed[2], "; on yes/no questions the false-positive rate changes by +0.");
  assert_has (harmed[2], ", the false-negative rate by +0.");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/report/all-hold", test_all_hold);
  g_test_add_func ("/report/none-holds", test_none_holds);
  g_test_add_func ("/report/none-can-be-told", test_none_can_be_told);
  g_test_add_func ("/report/too-little", test_too_little);
  g_test_add_func ("/report/one-decides", test_one_decides);
  g_test_add_func ("/report/numbers", test_numbers);
  g_test_add_func ("/report/tables", test_tables);
  g_test_add_func ("/report/arrangement", test_arrangement);
  g_test_add_func ("/report/order-of-runs", test_order_of_runs);
  g_test_add_func ("/report/sentences", test_sentences);
  return g_test_run ();
}
