/* The run's parts: which option a score decides for, and what a job asks the engine. */
#include <glib.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "run/job.h"
#include "run/measure.h"
#include "run/score.h"

/* --- Scores ------------------------------------------------------------------------------------------------------------------ */

/* Made so that each form prefers another option. */
static const UtOptionScore options[] = {
  { { .logprob = -1, .logprob_text = -0.9, .logprob_label = -4 }, .no_image = -0.5, .n_bytes = 2 },
  { { .logprob = -2, .logprob_text = -0.5, .logprob_label = -3 }, .no_image = -1, .n_bytes = 3 },
  { { .logprob = -3, .logprob_text = -2.9, .logprob_label = -5 }, .no_image = -1.5, .n_bytes = 30 },
  { { .logprob = -4, .logprob_text = -3.9, .logprob_label = -1 }, .no_image = -3, .n_bytes = 4 },
  { { .logprob = -5, .logprob_text = -4.9, .logprob_label = -6 }, .no_image = -9, .n_bytes = 5 },
};

static int
decide (const char *form, const UtOptionScore *of, unsigned n)
{
  g_autoptr (GError) error = NULL;
  const UtScoreForm *found = ut_score_form (form, &error);
  g_assert_no_error (error);
  return ut_score_decide (found, of, n);
}

static void
test_forms (void)
{
  static const struct {
    const char *form;
    int option;
  } cases[] = { { "sum", 0 }, { "text", 1 }, { "byte", 2 }, { "letter", 3 }, { "image", 4 } };
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpint (decide (cases[i].form, options, G_N_ELEMENTS (options)), ==, cases[i].option);
  g_assert_cmpstr (ut_score_form (NULL, NULL)->name, ==, "sum");
}

static void
test_ties (void)
{
  const UtOptionScore tied[] = { options[2], options[1], options[1], options[2] };
  for (const UtScoreForm *form = ut_score_forms; form->name != NULL; form++)
    {
      const int first = form->of (&options[2]) > form->of (&options[1]) ? 0 : 1;
      g_assert_cmpint (ut_score_decide (form, tied, G_N_ELEMENTS (tied)), ==, first);
    }
}

static void
test_unknown_form (void)
{
  g_autoptr (GError) error = NULL;
  g_assert_null (ut_score_form ("leter", &error));
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
  g_assert_nonnull (strstr (error->message, "'letter'"));
}

/* --- Jobs -------------------------------------------------------------------------------------------------------------------- */

/* The mock, counted. */
typedef struct {
  UtEngine base;
  UtEngine *mock;
  unsigned n_images, n_queries, n_bare_queries; /* queries with and without an image */
} Counter;

static UtResult *
count_and_evaluate (UtEngine *engine, const UtRequest *request, GError **error)
{
  Counter *counter = (Counter *) engine;
  counter->n_images += request->images->len;
  *(request->images->len > 0 ? &counter->n_queries : &counter->n_bare_queries) += request->queries->len;
  return ut_engine_evaluate (counter->mock, request, error);
}

static const UtEngineClass counting = { .name = "counting", .evaluate = count_and_evaluate };

/* The fields of an item are its own; these are borrowed. */
#define TEXT (char *)
static char *colours[] = { TEXT "red", TEXT "dark green", NULL };
static char *others[] = { TEXT "red", TEXT "blue", NULL };
static char *letters[] = { TEXT "A", TEXT "B", NULL };

/* The first and the third stand in two splits of a benchmark; the second asks otherwise, the last for other options. */
static UtItem items[] = {
  { .index = 0, .id = TEXT "random-1", .question = TEXT "Which?", .options = colours, .labels = letters, .n_options = 2 },
  { .index = 1, .id = TEXT "random-2", .question = TEXT "Which now?", .options = colours, .labels = letters, .n_options = 2 },
  { .index = 2, .id = TEXT "popular-1", .question = TEXT "Which?", .options = colours, .labels = letters, .n_options = 2 },
  { .index = 3, .id = TEXT "popular-2", .question = TEXT "Which?", .options = others, .labels = letters, .n_options = 2 },
};

static UtGroup *
make_group (void)
{
  UtGroup *group = ut_group_new ();
  UtImage *image = ut_image_new (64, 96, NULL);
  for (size_t i = 0; i < (size_t) 64 * 96 * 3; i++)
    image->pixels[i] = (uint8_t) (i * i / 7);
  g_ptr_array_add (group->images, image);
  g_ptr_array_add (group->names, TEXT "image.png");
  for (size_t i = 0; i < G_N_ELEMENTS (items); i++)
    g_ptr_array_add (group->items, &items[i]);
  return group;
}

/* The job of items [from, to) under the variant, done. */
static UtJob *
do_job (UtEngine *engine, const UtVariant *variant, unsigned from, unsigned to)
{
  g_autoptr (UtGroup) group = make_group ();
  g_autoptr (UtPrompt) prompt = ut_prompt_new (NULL, NULL);
  UtJob *job = ut_job_new (group, variant, prompt, 0);
  for (unsigned i = from; i < to; i++)
    ut_job_add_item (job, i, NULL);
  ut_job_render (job, 0);
  g_assert_no_error (job->error);
  ut_job_evaluate (job, engine);
  return job;
}

static Counter
make_counter (void)
{
  static const UtEngineConfig config = { .engine = "mock" };
  return (Counter) { .base = { .class = &counting, .info.gives = UT_GIVES_ALL }, .mock = ut_engine_open (&config, NULL) };
}

static const UtJobItem *
item_of (const UtJob *job, size_t i)
{
  return &g_array_index (job->items, UtJobItem, i);
}

static void
assert_equal_scores (const UtAnswer *a, const UtAnswer *b)
{
  g_assert_cmpuint (a->n_options, ==, b->n_options);
  for (unsigned k = 0; k < a->n_options; k++)
    {
      g_assert_cmpfloat (a->scores[k].logprob, ==, b->scores[k].logprob);
      g_assert_cmpfloat (a->scores[k].logprob_label, ==, b->scores[k].logprob_label);
    }
}

static const UtAnswer *
closed_answer (const UtJobItem *item)
{
  return item->result->answers->pdata[item->first + 1];
}

/* Three of the four are asked, each has what it would have alone, and each its own no-image score. */
static void
test_equal_words_are_asked_once (void)
{
  g_autoptr (GPtrArray) variants = ut_variants_expand ("scale", NULL);
  Counter counter = make_counter ();
  g_autoptr (UtJob) together = do_job (&counter.base, variants->pdata[0], 0, 4);
  g_assert_cmpuint (counter.n_queries, ==, 3 * 2);
  g_assert_cmpuint (counter.n_bare_queries, ==, 3);
  g_assert_cmpuint (counter.n_images, ==, 1);
  g_assert_cmpuint (item_of (together, 0)->first, ==, item_of (together, 2)->first);
  for (unsigned i = 0; i < 4; i++)
    {
      g_autoptr (UtJob) alone = do_job (&counter.base, variants->pdata[0], i, i + 1);
      assert_equal_scores (closed_answer (item_of (together, i)), closed_answer (item_of (alone, 0)));
      assert_equal_scores (item_of (together, i)->no_image, item_of (alone, 0)->no_image);
    }
  g_assert_cmpfloat (closed_answer (item_of (together, 0))->scores[1].logprob, !=,
                     closed_answer (item_of (together, 3))->scores[1].logprob);
  g_assert_cmpfloat (closed_answer (item_of (together, 0))->scores[1].logprob, !=,
                     item_of (together, 0)->no_image->scores[1].logprob);
  ut_engine_close (counter.mock);
}

/* A variant's questions are not asked without the image: that is a fact of the words. */
static void
test_variants_need_no_second_request (void)
{
  g_autoptr (GPtrArray) variants = ut_variants_expand ("scale", NULL);
  Counter counter = make_counter ();
  g_autoptr (UtJob) job = do_job (&counter.base, variants->pdata[1], 0, 4);
  g_assert_cmpuint (counter.n_queries, ==, 3 * 2);
  g_assert_cmpuint (counter.n_bare_queries, ==, 0);
  g_assert_null (item_of (job, 0)->no_image);
  ut_engine_close (counter.mock);
}

/* Asked together they fail, asked alone only the bad one does. */
static void
test_a_bad_question_spares_its_twin (void)
{
  g_autoptr (GPtrArray) variants = ut_variants_expand ("scale", NULL);
  Counter counter = make_counter ();
  char *const question = items[1].question;
  items[1].question = TEXT "[mock:error]";
  g_autoptr (UtJob) job = do_job (&counter.base, variants->pdata[0], 0, 4);
  items[1].question = question;
  for (unsigned i = 0; i < 4; i++)
    g_assert_true ((item_of (job, i)->error != NULL) == (i == 1));
  assert_equal_scores (closed_answer (item_of (job, 0)), closed_answer (item_of (job, 2)));
  ut_engine_close (counter.mock);
}

/* --- Tokens ------------------------------------------------------------------------------------------------------------------ */

/* Two images, the second cut in three: its grids lie one after the other. */
static UtGrid grids[] = { { 1, 2, 3 }, { 1, 1, 1 }, { 1, 3, 1 }, { 2, 1, 1 } };
static unsigned n_slices[] = { 1, 3 };
enum { N_TOKENS = 6 + 1 + 3 + 2 };

/* Tokens that stand at the angle of `degrees` [N_TOKENS], the length left to chance. */
static UtVision
make_vision (float *tokens, const double *degrees)
{
  for (size_t t = 0; t < N_TOKENS; t++)
    {
      const double length = 1 + (double) (t * t % 5), angle = degrees[t] * G_PI / 180;
      tokens[2 * t] = (float) (length * cos (angle));
      tokens[2 * t + 1] = (float) (length * sin (angle));
    }
  return (UtVision) { .tokens = tokens, .n_tokens = N_TOKENS, .n_embd = 2, .grids = grids, .n_grids = G_N_ELEMENTS (grids) };
}

static void
test_token_drifts (void)
{
  static const double before[N_TOKENS] = { 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120 };
  static const double turned[N_TOKENS] = { 0, 60, 90, 120, 180, 0, 60, 0, 90, 180, 120, 90 };
  double after[N_TOKENS];
  for (size_t t = 0; t < N_TOKENS; t++)
    after[t] = before[t] + turned[t];
  float a[2 * N_TOKENS], b[2 * N_TOKENS];
  const UtVision clean = make_vision (a, before), vision = make_vision (b, after);
  g_autoptr (GArray) measurements = ut_measurements_new ();
  g_autofree float *drift = ut_measure_vision (&vision, &clean, measurements);
  double sum = 0;
  for (size_t t = 0; t < N_TOKENS; t++)
    {
      g_assert_cmpfloat_with_epsilon (drift[t], 1 - cos (turned[t] * G_PI / 180), 1e-6);
      sum += (double) drift[t];
    }
  for (guint i = 0; i < measurements->len; i++)
    {
      const UtMeasurement *m = &g_array_index (measurements, UtMeasurement, i);
      if (g_str_equal (m->metric, "token_drift"))
        g_assert_cmpfloat_with_epsilon (m->value, sum / N_TOKENS, 1e-7);
    }

  /* Which image a grid is of, and which piece of it; where nobody says, only the order of all of them. */
  for (gboolean known = FALSE; known <= TRUE; known++)
    {
      UtVision of = vision;
      of.n_slices = known ? n_slices : NULL;
      of.n_images = known ? G_N_ELEMENTS (n_slices) : 0;
      g_autoptr (GArray) rows = ut_token_drifts_new (&of, drift);
      static const int images[] = { 0, 1, 1, 1 };
      static const unsigned slices[] = { 0, 0, 1, 2 }, first[] = { 0, 6, 7, 10 };
      g_assert_cmpuint (rows->len, ==, G_N_ELEMENTS (images));
      for (guint g = 0; g < rows->len; g++)
        {
          const UtTokenDrift *row = &g_array_index (rows, UtTokenDrift, g);
          g_assert_cmpint (row->image, ==, known ? images[g] : -1);
          g_assert_cmpuint (row->slice, ==, known ? slices[g] : g);
          g_assert_true (row->frames == grids[g].t && row->height == grids[g].h && row->width == grids[g].w);
          g_assert_true (row->drift == drift + first[g]);
        }
    }
}

/* Of other grids, though with as many tokens, and of a token that has no direction there is nothing to say. */
static void
test_no_token_drifts (void)
{
  static const double degrees[N_TOKENS] = { 0 };
  float a[2 * N_TOKENS], b[2 * N_TOKENS];
  const UtVision clean = make_vision (a, degrees);
  UtVision vision = make_vision (b, degrees);
  UtGrid turned[] = { { 1, 3, 2 }, { 1, 1, 1 }, { 1, 3, 1 }, { 2, 1, 1 } };
  g_autoptr (GArray) measurements = ut_measurements_new ();
  g_autofree float *same = ut_measure_vision (&vision, &clean, measurements);
  g_assert_nonnull (same);
  g_assert_null (ut_measure_vision (&vision, NULL, measurements));
  g_assert_null (ut_measure_vision (NULL, &clean, measurements));
  vision.grids = turned;
  g_assert_null (ut_measure_vision (&vision, &clean, measurements));
  vision.grids = grids;
  memset (b + 4, 0, 2 * sizeof *b);
  g_assert_null (ut_measure_vision (&vision, &clean, measurements));
  g_autoptr (GArray) none = ut_token_drifts_new (&vision, NULL), of_no_image = ut_token_drifts_new (NULL, NULL);
  g_assert_cmpuint (none->len + of_no_image->len, ==, 0);
}

int
main (int argc, char **argv)
{
  setlocale (LC_ALL, "C.UTF-8");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/run/score/forms", test_forms);
  g_test_add_func ("/run/score/ties", test_ties);
  g_test_add_func ("/run/score/unknown", test_unknown_form);
  g_test_add_func ("/run/job/equal-words-are-asked-once", test_equal_words_are_asked_once);
  g_test_add_func ("/run/job/variants-need-no-second-request", test_variants_need_no_second_request);
  g_test_add_func ("/run/job/a-bad-question-spares-its-twin", test_a_bad_question_spares_its_twin);
  g_test_add_func ("/run/tokens/drifts", test_token_drifts);
  g_test_add_func ("/run/tokens/no-drifts", test_no_token_drifts);
  return g_test_run ();
}
