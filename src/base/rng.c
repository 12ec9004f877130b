#include "base/rng.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#include "base/elementary.h"

UtRng
ut_rng_init (uint64_t run_seed, const char *item, const char *purpose, uint64_t index)
{
  /* A hash of the parts, each with its terminator so that ("a", "bc") and ("ab", "c") differ. */
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  uint64_t numbers[2] = { GUINT64_TO_LE (run_seed), GUINT64_TO_LE (index) };
  g_checksum_update (sum, (const guchar *) numbers, sizeof numbers);
  g_checksum_update (sum, (const guchar *) item, (gssize) strlen (item) + 1);
  g_checksum_update (sum, (const guchar *) purpose, (gssize) strlen (purpose) + 1);

  guint8 digest[32];
  gsize n = sizeof digest;
  g_checksum_get_digest (sum, digest, &n);
  uint64_t state;
  memcpy (&state, digest, sizeof state);
  return (UtRng) { .state = GUINT64_FROM_LE (state) };
}

uint64_t
ut_rng_next (UtRng *rng)
{
  uint64_t z = (rng->state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t
ut_rng_below (UtRng *rng, uint64_t n)
{
  /* Values under 2^64 mod n would make the low residues likelier. */
  const uint64_t reject = -n % n;
  uint64_t x;
  do
    x = ut_rng_next (rng);
  while (x < reject);
  return x % n;
}

double
ut_rng_uniform (UtRng *rng)
{
  return (double) (ut_rng_next (rng) >> 11) * 0x1p-53;
}

double
ut_rng_gaussian (UtRng *rng)
{
  /* Marsaglia's polar method; the second value it gives is not used. */
  double u, s;
  do
    {
      u = 2.0 * ut_rng_uniform (rng) - 1.0;
      const double v = 2.0 * ut_rng_uniform (rng) - 1.0;
      s = u * u + v * v;
    }
  while (s >= 1.0 || s == 0.0);
  return u * sqrt (-2.0 * ut_log (s) / s);
}
