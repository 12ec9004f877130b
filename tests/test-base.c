/* base: the error domain, names with a spelling mistake, seeded randomness. */
#include "base/error.h"
#include "base/names.h"
#include "base/rng.h"

#include <glib.h>

static void
test_error_domain (void)
{
  g_autoptr (GError) error = g_error_new (UT_ERROR, UT_ERROR_USAGE, "pope.json, row %d: no field “image”", 3);
  g_assert_error (error, UT_ERROR, UT_ERROR_USAGE);
  g_assert_cmpstr (g_quark_to_string (UT_ERROR), ==, "ut-error-quark");
  g_assert_cmpstr (error->message, ==, "pope.json, row 3: no field “image”");
}

static void
test_names_nearest (void)
{
  const char *const known[] = { "translation", "rotation", "scale", "text", "text_semantic", NULL };
  g_assert_cmpstr (ut_names_nearest ("scale", known), ==, "scale");
  g_assert_cmpstr (ut_names_nearest ("scael", known), ==, "scale"); /* two letters exchanged: one edit */
  g_assert_cmpstr (ut_names_nearest ("scal", known), ==, "scale");
  g_assert_cmpstr (ut_names_nearest ("scales", known), ==, "scale");
  g_assert_cmpstr (ut_names_nearest ("tranlsation", known), ==, "translation");
  g_assert_cmpstr (ut_names_nearest ("text-semantic", known), ==, "text_semantic");
  g_assert_cmpstr (ut_names_nearest ("rotations", known), ==, "rotation");
  g_assert_null (ut_names_nearest ("blur", known));
}

static void
test_names_edges (void)
{
  const char *const none[] = { NULL };
  g_assert_null (ut_names_nearest ("scale", none));

  /* The result is the caller's own pointer; of two as near, the first; one edit is allowed in the shortest of names. */
  const char *const twins[] = { "ab", "ac", NULL };
  g_assert_true (ut_names_nearest ("a", twins) == twins[0]);
  g_assert_true (ut_names_nearest ("ac", twins) == twins[1]);
  g_assert_null (ut_names_nearest ("", twins));

  const char *const letter[] = { "x", NULL };
  g_assert_cmpstr (ut_names_nearest ("", letter), ==, "x");
}

/* The published test vector of SplitMix64. */
static void
test_rng_splitmix (void)
{
  UtRng zero = { .state = 0 };
  g_assert_cmphex (ut_rng_next (&zero), ==, 0xe220a8397b1dcdaf);
  g_assert_cmphex (ut_rng_next (&zero), ==, 0x6e789e6aa1b965f4);
  g_assert_cmphex (ut_rng_next (&zero), ==, 0x06c45d188009454f);
  g_assert_cmphex (ut_rng_next (&zero), ==, 0xf88bb8a8724c81ec);

  UtRng other = { .state = 1234567 };
  g_assert_cmpuint (ut_rng_next (&other), ==, 6457827717110365317);
  g_assert_cmpuint (ut_rng_next (&other), ==, 3203168211198807973);
}

/* The seeding, against SHA-256 from elsewhere: the first 8 bytes, little-endian, of
 *   python3 -c 'import hashlib, struct as s
 *   print(hex(s.unpack("<Q", hashlib.sha256(s.pack("<QQ", 42, 7) + b"item-1\0" b"rotation\0").digest()[:8])[0]))' */
static void
test_rng_seeding (void)
{
  g_assert_cmphex (ut_rng_init (42, "item-1", "rotation", 7).state, ==, 0x123de72a95520218);
  g_assert_cmphex (ut_rng_init (0, "", "", 0).state, ==, 0x20fadbf7a5a3da60);
}

static void
test_rng_independent (void)
{
  const UtRng rng[] = {
    ut_rng_init (1, "a", "bc", 0), ut_rng_init (2, "a", "bc", 0), ut_rng_init (1, "b", "bc", 0), ut_rng_init (1, "a", "cb", 0),
    ut_rng_init (1, "a", "bc", 1), ut_rng_init (1, "ab", "c", 0), ut_rng_init (1, "abc", "", 0), ut_rng_init (0, "a", "bc", 1),
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rng); i++)
    for (size_t j = 0; j < i; j++)
      g_assert_cmphex (rng[i].state, !=, rng[j].state);

  UtRng again = ut_rng_init (1, "a", "bc", 0);
  g_assert_cmphex (again.state, ==, rng[0].state);

  /* Two streams side by side give what each gives alone. */
  UtRng alone = again, x = again, y = rng[1];
  for (int i = 0; i < 100; i++)
    {
      const uint64_t expected = ut_rng_next (&alone);
      g_assert_cmphex (ut_rng_next (&x), ==, expected);
      g_assert_cmphex (ut_rng_next (&y), !=, expected);
    }
}

static void
test_rng_below (void)
{
  UtRng rng = ut_rng_init (3, "below", "test", 0);
  for (int i = 0; i < 1000; i++)
    g_assert_cmpuint (ut_rng_below (&rng, 1), ==, 0);

  /* Chi-squared over n cells, at most mean + 5 sd: n - 1 + 5 sqrt (2 (n - 1)). */
  for (uint64_t n = 2; n <= 10; n++)
    {
      unsigned count[10] = { 0 };
      const unsigned draws = 10000;
      for (unsigned i = 0; i < draws; i++)
        {
          const uint64_t x = ut_rng_below (&rng, n);
          g_assert_cmpuint (x, <, n);
          count[x]++;
        }
      double chi2 = 0;
      const double expected = (double) draws / (double) n;
      for (uint64_t k = 0; k < n; k++)
        chi2 += (count[k] - expected) * (count[k] - expected) / expected;
      const double dof = (double) (n - 1);
      g_assert_cmpfloat ((chi2 - dof) * (chi2 - dof), <, 50 * dof);
    }

  /* With n = 3·2^62, a plain remainder would fall under 2^62 half of the time, an even draw a third. */
  const uint64_t n = 3ull << 62;
  unsigned low = 0;
  for (int i = 0; i < 10000; i++)
    low += ut_rng_below (&rng, n) < n / 3;
  g_assert_cmpuint (low, >, 3100);
  g_assert_cmpuint (low, <, 3570);
}

static void
test_rng_uniform (void)
{
  UtRng rng = ut_rng_init (4, "uniform", "test", 0);
  double sum = 0, least = 1, most = 0;
  const int draws = 100000;
  for (int i = 0; i < draws; i++)
    {
      const double x = ut_rng_uniform (&rng);
      sum += x;
      least = MIN (least, x);
      most = MAX (most, x);
    }
  g_assert_cmpfloat (least, >=, 0);
  g_assert_cmpfloat (least, <, 1e-3);
  g_assert_cmpfloat (most, <, 1);
  g_assert_cmpfloat (most, >, 1 - 1e-3);
  g_assert_cmpfloat_with_epsilon (sum / draws, 0.5, 5e-3); /* 5 sd of the mean: 5 / sqrt (12 · 100000) */
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/error/domain", test_error_domain);
  g_test_add_func ("/base/names/nearest", test_names_nearest);
  g_test_add_func ("/base/names/edges", test_names_edges);
  g_test_add_func ("/base/rng/splitmix", test_rng_splitmix);
  g_test_add_func ("/base/rng/seeding", test_rng_seeding);
  g_test_add_func ("/base/rng/independent", test_rng_independent);
  g_test_add_func ("/base/rng/below", test_rng_below);
  g_test_add_func ("/base/rng/uniform", test_rng_uniform);
  return g_test_run ();
}
