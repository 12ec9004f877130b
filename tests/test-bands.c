/* bands: what is measured and changed by spatial frequency, against oracle/bands.py and closed forms. */
#include "inputs.h"
#include "metric/metric.h"
#include "perturb/spectral.h"

#include <string.h>

typedef struct {
  int h, w;
  uint64_t seed;
  double power[UT_N_BANDS];
} InputCase;

typedef struct {
  size_t n_embd;
  uint64_t seed;
  UtGrid clean[2], perturbed[2];
  size_t n_grids;
  UtTokenBands bands;
} TokenBandsCase;

typedef struct {
  int h, w;
  uint64_t seed;
  double from, to;
  const char *digest;
} KeepCase;

typedef struct {
  int h, w;
  uint64_t seed;
  UtNoise noise;
  double from, to, epsilon;
  const char *digest;
} NoiseCase;

#include "oracle/bands-values.h"

/* Random pixels, the same as oracle/bands.py's. */
static UtImage *
random_image (uint64_t seed, int h, int w)
{
  UtImage *image = ut_image_new (w, h, NULL);
  UtRng rng = { .state = seed };
  for (size_t i = 0; i < (size_t) h * (size_t) w * 3; i++)
    image->pixels[i] = (uint8_t) (ut_rng_next (&rng) >> 56);
  return image;
}

static UtImage *
even_image (int h, int w, uint8_t level)
{
  UtImage *image = ut_image_new (w, h, NULL);
  memset (image->pixels, level, (size_t) h * (size_t) w * 3);
  return image;
}

static size_t
size_of (const UtImage *image)
{
  return (size_t) image->width * (size_t) image->height * 3;
}

static void
assert_same_pixels (const UtImage *a, const UtImage *b)
{
  g_assert_cmpmem (a->pixels, size_of (a), b->pixels, size_of (b));
}

static void
assert_digest (const UtImage *image, const char *expected)
{
  g_autofree char *digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, image->pixels, size_of (image));
  digest[strlen (expected)] = '\0';
  g_assert_cmpstr (digest, ==, expected);
}

/* --- Input bands. --- */

static void
test_input_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (input_cases); i++)
    {
      const InputCase *c = &input_cases[i];
      g_autoptr (UtImage) image = random_image (c->seed, c->h, c->w);
      double power[UT_N_BANDS];
      ut_input_bands (image, power);
      for (size_t b = 0; b < UT_N_BANDS; b++)
        assert_near (power[b], c->power[b], 1e-12 * c->power[b]);
    }
}

/* An even colour has power at the constant alone, and exactly so, whatever the length's factors. */
static void
test_input_even (void)
{
  for (int h = 12; h < 60; h += 7)
    {
      g_autoptr (UtImage) image = even_image (h, 53, 77);
      double power[UT_N_BANDS];
      ut_input_bands (image, power);
      g_assert_cmpfloat (power[0], >, 0.0);
      g_assert_cmpfloat (power[1], ==, 0.0);
      g_assert_cmpfloat (power[2], ==, 0.0);
    }
}

/* A checkerboard of ±1 level about a mean, in green alone, is one frequency in the corner, of power (hw / 255)². */
static void
test_input_checkerboard (void)
{
  g_autoptr (UtImage) image = even_image (12, 16, 100);
  for (size_t i = 0; i < 12 * 16; i++)
    image->pixels[3 * i + 1] = (i / 16 + i % 16) % 2 == 0 ? 101 : 99;
  double power[UT_N_BANDS], even[UT_N_BANDS];
  ut_input_bands (image, power);
  g_autoptr (UtImage) without = even_image (12, 16, 100);
  ut_input_bands (without, even);
  g_assert_cmpfloat (power[0], ==, even[0]);
  g_assert_cmpfloat (power[1], <, 1e-25);
  /* r_max is 10: r + 1 < 11^(2/3) = 4.946 is counted here, and the rest is the band. */
  double n_high = 0.0;
  for (int k = -6; k < 6; k++)
    for (int l = -8; l < 8; l++)
      n_high += hypot (k, l) + 1.0 >= cbrt (121.0);
  assert_near (power[2], pow (12.0 * 16.0 / 255.0, 2.0) / (3.0 * n_high), 1e-12);
}

/* A cyclic roll changes phases alone. */
static void
test_input_roll (void)
{
  g_autoptr (UtImage) image = random_image (1, 20, 31);
  g_autoptr (UtImage) rolled = ut_image_new (31, 20, NULL);
  for (size_t y = 0; y < 20; y++)
    for (size_t x = 0; x < 31; x++)
      memcpy (rolled->pixels + 3 * (y * 31 + x), image->pixels + 3 * (y * 31 + (x + 23) % 31), 3);
  double before[UT_N_BANDS], after[UT_N_BANDS];
  ut_input_bands (image, before);
  ut_input_bands (rolled, after);
  for (size_t b = 0; b < UT_N_BANDS; b++)
    assert_near (after[b], before[b], 1e-12 * before[b]);
}

/* --- Token bands. --- */

static size_t
count (const UtGrid *grids, size_t n)
{
  size_t tokens = 0;
  for (size_t g = 0; g < n; g++)
    tokens += (size_t) grids[g].t * grids[g].h * grids[g].w;
  return tokens;
}

static void
assert_bands (const UtTokenBands *bands, const UtTokenBands *expected, double tolerance)
{
  for (size_t b = 0; b < UT_N_BANDS; b++)
    {
      assert_near (bands->energy[b], expected->energy[b], tolerance * expected->energy[b]);
      assert_near (bands->energy_perturbed[b], expected->energy_perturbed[b], tolerance * expected->energy_perturbed[b]);
      assert_near (bands->sensitivity[b], expected->sensitivity[b], tolerance * expected->sensitivity[b]);
      assert_near (bands->coherence[b], expected->coherence[b], tolerance);
    }
  assert_near (bands->cross, expected->cross, tolerance);
  assert_near (bands->cross_perturbed, expected->cross_perturbed, tolerance);
}

static void
test_tokens_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (token_bands_cases); i++)
    {
      const TokenBandsCase *c = &token_bands_cases[i];
      const size_t n = count (c->clean, c->n_grids) * c->n_embd, n_perturbed = count (c->perturbed, c->n_grids) * c->n_embd;
      g_autofree float *clean = tensor (c->seed, n);
      g_autofree float *perturbed = memcmp (c->clean, c->perturbed, sizeof c->clean) == 0
                                        ? disturbed (clean, c->seed + 50, n, 0.25f)
                                        : tensor (c->seed + 50, n_perturbed);
      const UtTokenBands bands = ut_token_bands (clean, c->clean, perturbed, c->perturbed, c->n_grids, c->n_embd);
      assert_bands (&bands, &c->bands, 1e-11);
    }
}

static const UtGrid wide_grid = { 1, 11, 14 };
enum { WIDE_TOKENS = 11 * 14 };

static void
test_tokens_identity (void)
{
  g_autofree float *z = tensor (3, WIDE_TOKENS * 7);
  const UtTokenBands bands = ut_token_bands (z, &wide_grid, z, &wide_grid, 1, 7);
  for (size_t b = 0; b < UT_N_BANDS; b++)
    {
      assert_same_bits (bands.energy[b], bands.energy_perturbed[b]);
      g_assert_cmpfloat (bands.sensitivity[b], ==, 0.0);
      g_assert_cmpfloat (bands.coherence[b], ==, 1.0);
    }
  assert_same_bits (bands.cross, bands.cross_perturbed);
}

/* Parseval: the bands hold hw Σ‖z − mean‖² together. */
static void
test_tokens_parseval (void)
{
  enum { D = 5 };
  g_autofree float *z = tensor (4, WIDE_TOKENS * D);
  const UtTokenBands bands = ut_token_bands (z, &wide_grid, z, &wide_grid, 1, D);
  double expected = 0.0;
  for (size_t c = 0; c < D; c++)
    {
      double mean = 0.0;
      for (size_t t = 0; t < WIDE_TOKENS; t++)
        mean += (double) z[t * D + c] / WIDE_TOKENS;
      for (size_t t = 0; t < WIDE_TOKENS; t++)
        expected += WIDE_TOKENS * pow ((double) z[t * D + c] - mean, 2.0);
    }
  assert_near (bands.energy[0] + bands.energy[1] + bands.energy[2], expected, 1e-12 * expected);
}

/* A pure phase shift leaves the energies and lowers the coherence. */
static void
test_tokens_roll (void)
{
  enum { D = 6 };
  g_autofree float *z = tensor (5, WIDE_TOKENS * D);
  g_autofree float *rolled = constant (WIDE_TOKENS * D, 0.0f);
  for (size_t y = 0; y < 11; y++)
    for (size_t x = 0; x < 14; x++)
      memcpy (rolled + (y * 14 + x) * D, z + (y * 14 + (x + 13) % 14) * D, D * sizeof *z);
  const UtTokenBands bands = ut_token_bands (z, &wide_grid, rolled, &wide_grid, 1, D);
  for (size_t b = 0; b < UT_N_BANDS; b++)
    {
      assert_near (bands.energy_perturbed[b], bands.energy[b], 1e-12 * bands.energy[b]);
      g_assert_cmpfloat (bands.coherence[b], <, 0.95);
    }
  /* By one cell of fourteen: the higher the frequency, the more. */
  g_assert_cmpfloat (bands.coherence[0], >, bands.coherence[1]);
  g_assert_cmpfloat (bands.coherence[1], >, bands.coherence[2]);
  assert_near (bands.cross_perturbed, bands.cross, 1e-12);
}

/* One cosine, rolled by x cells: its band's coherence is cos (2π·2x / 16), and all other bands are empty. */
static void
test_tokens_wave (void)
{
  const UtGrid grid = { 1, 1, 16 };
  float z[16], rolled[16];
  for (size_t shift = 0; shift < 16; shift++)
    {
      for (size_t x = 0; x < 16; x++)
        {
          z[x] = (float) cos (2.0 * G_PI * 2.0 * (double) x / 16.0);
          rolled[x] = (float) cos (2.0 * G_PI * 2.0 * (double) (x + shift) / 16.0);
        }
      const UtTokenBands bands = ut_token_bands (z, &grid, rolled, &grid, 1, 1);
      assert_near (bands.coherence[0], cos (2.0 * G_PI * 2.0 * (double) shift / 16.0), 1e-6);
      assert_near (bands.energy[0], 128.0, 1e-5);
      assert_near (bands.sensitivity[0], 2.0 - 2.0 * bands.coherence[0], 1e-6);
    }
}

/* The corner's frequency alone, on grids whose transforms leave rounding in the others. */
static void
test_tokens_checkerboard (void)
{
  static const UtGrid grids[] = { { 1, 6, 8 }, { 1, 10, 14 }, { 1, 106, 6 } };
  for (size_t i = 0; i < G_N_ELEMENTS (grids); i++)
    {
      const size_t n = count (&grids[i], 1);
      g_autofree float *z = constant (n, 0.3f);
      g_autofree float *twice = constant (n, 0.6f);
      for (size_t t = 0; t < n; t++)
        if ((t / grids[i].w + t % grids[i].w) % 2 == 0)
          {
            z[t] = 0.1f;
            twice[t] = 0.2f;
          }
      const UtTokenBands bands = ut_token_bands (z, &grids[i], twice, &grids[i], 1, 1);
      const double half = ((double) 0.3f - (double) 0.1f) / 2.0, energy = pow ((double) n * half, 2.0);
      const UtTokenBands expected = {
        .energy = { 0.0, 0.0, energy },
        .energy_perturbed = { 0.0, 0.0, 4.0 * energy },
        .sensitivity = { NAN, NAN, 1.0 },
        .coherence = { NAN, NAN, 1.0 },
        .cross = NAN,
        .cross_perturbed = NAN,
      };
      assert_bands (&bands, &expected, 1e-12);
    }
}

/* Of every size, those of large primes too: no energy, and nothing that would divide by it. */
static void
test_tokens_constant (void)
{
  static const UtGrid grids[] = { { 1, 6, 6 }, { 1, 7, 11 }, { 2, 53, 2 }, { 1, 8, 61 } };
  for (size_t i = 0; i < G_N_ELEMENTS (grids); i++)
    {
      const size_t n = count (&grids[i], 1) * 3;
      g_autofree float *same = constant (n, 0.1f);
      g_autofree float *z = tensor (i, n);
      const UtTokenBands bands = ut_token_bands (same, &grids[i], z, &grids[i], 1, 3);
      g_assert_cmpfloat (bands.energy[2], ==, 0.0);
      g_assert_cmpfloat (bands.energy_perturbed[2], >, 0.0);
      g_assert_true (isnan (bands.sensitivity[2]) && isnan (bands.coherence[2]) && isnan (bands.cross));
    }
}

/* The low band's energy is where the high band's is, or where it is not. */
static void
test_tokens_cross (void)
{
  const UtGrid grid = { 1, 1, 32 };
  float together[32], apart[32];
  for (size_t x = 0; x < 32; x++)
    {
      const double low = cos (2.0 * G_PI * (double) x / 32.0), other = sin (2.0 * G_PI * (double) x / 32.0);
      const double high = x % 2 == 0 ? 1.0 : -1.0;
      together[x] = (float) (low + 0.5 * low * high);
      apart[x] = (float) (low + 0.5 * other * high);
    }
  const UtTokenBands bands = ut_token_bands (together, &grid, apart, &grid, 1, 1);
  assert_near (bands.cross, 1.0, 1e-6);
  assert_near (bands.cross_perturbed, -1.0, 1e-6);
}

static void
test_tokens_scale (void)
{
  g_autofree float *z = tensor (6, WIDE_TOKENS * 3);
  g_autofree float *moved = disturbed (z, 7, WIDE_TOKENS * 3, 0.5f);
  UtTokenBands expected = ut_token_bands (z, &wide_grid, moved, &wide_grid, 1, 3);
  for (size_t i = 0; i < WIDE_TOKENS * 3; i++)
    {
      z[i] = ldexpf (z[i], 127);
      moved[i] = ldexpf (moved[i], 126);
      moved[i] += moved[i] <= FLT_MAX / 2.0f && moved[i] >= -FLT_MAX / 2.0f ? moved[i] : 0.0f;
    }
  const UtTokenBands bands = ut_token_bands (z, &wide_grid, moved, &wide_grid, 1, 3);
  g_assert_true (isfinite (bands.energy[0]));
  assert_near (bands.energy[0] * 0x1p-254, expected.energy[0], 1e-12 * expected.energy[0]);
  assert_near (bands.cross, expected.cross, 1e-12);
}

static void
assert_no_bands (const UtTokenBands *bands)
{
  for (size_t b = 0; b < UT_N_BANDS; b++)
    g_assert_true (isnan (bands->energy[b]) && isnan (bands->energy_perturbed[b]) && isnan (bands->sensitivity[b])
                   && isnan (bands->coherence[b]));
  g_assert_true (isnan (bands->cross) && isnan (bands->cross_perturbed));
}

/* One bad value anywhere, even in a token that resampling leaves out. */
static void
test_tokens_not_finite (void)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY };
  const UtGrid grid = { 1, 7, 3 }, smaller = { 1, 4, 2 };
  for (size_t kind = 0; kind < G_N_ELEMENTS (bad); kind++)
    for (size_t i = 0; i < 21; i++)
      {
        g_autofree float *z = tensor (8, 21);
        g_autofree float *finite = tensor (9, 21);
        z[i] = bad[kind];
        const UtTokenBands bands[] = {
          ut_token_bands (z, &grid, finite, &grid, 1, 1),
          ut_token_bands (finite, &grid, z, &grid, 1, 1),
          ut_token_bands (z, &grid, finite, &smaller, 1, 1),
        };
        for (size_t k = 0; k < G_N_ELEMENTS (bands); k++)
          assert_no_bands (&bands[k]);
      }
}

static void
test_tokens_without_counterpart (void)
{
  g_autofree float *z = tensor (10, 48);
  const UtGrid grid = { 1, 6, 8 }, frames = { 2, 6, 4 }, flat = { 1, 0, 8 };
  const UtTokenBands frames_differ = ut_token_bands (z, &grid, z, &frames, 1, 1),
                     none = ut_token_bands (z, &grid, z, &flat, 1, 1), no_grid = ut_token_bands (z, &grid, z, &grid, 0, 1);
  assert_no_bands (&frames_differ);
  assert_no_bands (&none);
  assert_no_bands (&no_grid);
}

/* --- Changes. --- */

static void
test_keep_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (keep_cases); i++)
    {
      const KeepCase *c = &keep_cases[i];
      g_autoptr (UtImage) image = random_image (c->seed, c->h, c->w);
      g_autoptr (GError) error = NULL;
      g_autoptr (UtImage) kept = ut_spectral_keep (image, (UtBand) { c->from, c->to }, &error);
      g_assert_no_error (error);
      assert_digest (kept, c->digest);
    }
}

static void
test_keep_closed_forms (void)
{
  g_autoptr (UtImage) image = random_image (1, 53, 31);
  g_autoptr (UtImage) all = ut_spectral_keep (image, UT_BAND_ALL, NULL);
  assert_same_pixels (all, image);
  /* An even image has its mean alone; without it, all is grey, which rounds to the even level. */
  g_autoptr (UtImage) even = even_image (53, 31, 77);
  g_autoptr (UtImage) low = ut_spectral_keep (even, UT_BAND_LOW, NULL);
  assert_same_pixels (low, even);
  g_autoptr (UtImage) high = ut_spectral_keep (even, UT_BAND_HIGH, NULL);
  for (size_t i = 0; i < size_of (high); i++)
    g_assert_cmpuint (high->pixels[i], ==, 128);
  /* A checkerboard is the highest frequency. */
  g_autoptr (UtImage) board = even_image (12, 16, 100);
  for (size_t i = 0; i < size_of (board); i++)
    board->pixels[i] = (i / 3 / 16 + i / 3 % 16) % 2 == 0 ? 110 : 90;
  g_autoptr (UtImage) smooth = ut_spectral_keep (board, (UtBand) { 0.0, 0.99 }, NULL);
  g_autoptr (UtImage) flat = even_image (12, 16, 100);
  assert_same_pixels (smooth, flat);
}

/* The constant alone is the mean of each channel. */
static void
test_keep_mean (void)
{
  g_autoptr (UtImage) image = random_image (2, 17, 23);
  g_autoptr (UtImage) mean = ut_spectral_keep (image, (UtBand) { 0.0, 0.0 }, NULL);
  for (size_t c = 0; c < 3; c++)
    {
      double sum = 0.0;
      for (size_t i = c; i < size_of (image); i += 3)
        sum += image->pixels[i];
      for (size_t i = c; i < size_of (image); i += 3)
        g_assert_cmpuint (mean->pixels[i], ==, (unsigned) rint (sum / (17.0 * 23.0)));
    }
}

static void
test_noise_oracle (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (noise_cases); i++)
    {
      const NoiseCase *c = &noise_cases[i];
      g_autoptr (UtImage) image = random_image (c->seed, c->h, c->w);
      g_autoptr (GError) error = NULL;
      g_autoptr (UtImage) noisy
          = ut_spectral_disturb (image, (UtBand) { c->from, c->to }, c->noise, c->epsilon, (UtRng) { .state = c->seed }, &error);
      g_assert_no_error (error);
      assert_digest (noisy, c->digest);
    }
}

/* No pixel moves further than the budget, and one moves that far; signs move all of them that far, as often up as down. */
static void
test_noise_budget (void)
{
  g_autoptr (UtImage) image = even_image (40, 30, 128);
  for (unsigned noise = UT_NOISE_GAUSSIAN; noise <= UT_NOISE_SIGN; noise++)
    for (int epsilon = 2; epsilon <= 16; epsilon *= 2)
      {
        g_autoptr (UtImage) noisy = ut_spectral_disturb (image, UT_BAND_ALL, noise, epsilon, (UtRng) { .state = 5 }, NULL);
        int furthest = 0, sum = 0;
        for (size_t i = 0; i < size_of (noisy); i++)
          {
            furthest = MAX (furthest, abs (noisy->pixels[i] - 128));
            sum += noisy->pixels[i] - 128;
            g_assert_true (noise == UT_NOISE_GAUSSIAN || abs (noisy->pixels[i] - 128) == epsilon / 2);
          }
        g_assert_cmpint (furthest, ==, epsilon / 2);
        /* Five standard deviations of a sum of 3600 signs. */
        g_assert_cmpint (abs (sum), <, epsilon / 2 * 5 * 60);
      }
}

/* On an even image the noise's own power lies in its band: what rounding to levels adds is a twelfth of a level squared a
 * frequency. */
static void
test_noise_band (void)
{
  g_autoptr (UtImage) image = even_image (48, 48, 128);
  for (unsigned noise = UT_NOISE_GAUSSIAN; noise <= UT_NOISE_SIGN; noise++)
    {
      double low[UT_N_BANDS], high[UT_N_BANDS];
      g_autoptr (UtImage) noisy_low = ut_spectral_disturb (image, UT_BAND_LOW, noise, 100.0, (UtRng) { .state = 6 }, NULL);
      g_autoptr (UtImage) noisy_high = ut_spectral_disturb (image, UT_BAND_HIGH, noise, 100.0, (UtRng) { .state = 6 }, NULL);
      ut_input_bands (noisy_low, low);
      ut_input_bands (noisy_high, high);
      /* r_max is 34, the cut at 8.5 lies in the middle and last input band, which begins at 9.7. */
      g_assert_cmpfloat (low[1], >, 100.0 * low[2]);
      g_assert_cmpfloat (high[2], >, 100.0 * low[2]);
    }
}

static void
test_noise_seed (void)
{
  g_autoptr (UtImage) image = random_image (3, 20, 20);
  g_autoptr (UtImage) one = ut_spectral_disturb (image, UT_BAND_LOW, UT_NOISE_GAUSSIAN, 16.0, (UtRng) { .state = 1 }, NULL);
  g_autoptr (UtImage) again = ut_spectral_disturb (image, UT_BAND_LOW, UT_NOISE_GAUSSIAN, 16.0, (UtRng) { .state = 1 }, NULL);
  g_autoptr (UtImage) two = ut_spectral_disturb (image, UT_BAND_LOW, UT_NOISE_GAUSSIAN, 16.0, (UtRng) { .state = 2 }, NULL);
  assert_same_pixels (one, again);
  g_assert_cmpint (memcmp (one->pixels, two->pixels, size_of (one)), !=, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/input/oracle", test_input_oracle);
  g_test_add_func ("/input/even", test_input_even);
  g_test_add_func ("/input/checkerboard", test_input_checkerboard);
  g_test_add_func ("/input/roll", test_input_roll);
  g_test_add_func ("/tokens/oracle", test_tokens_oracle);
  g_test_add_func ("/tokens/identity", test_tokens_identity);
  g_test_add_func ("/tokens/parseval", test_tokens_parseval);
  g_test_add_func ("/tokens/roll", test_tokens_roll);
  g_test_add_func ("/tokens/wave", test_tokens_wave);
  g_test_add_func ("/tokens/checkerboard", test_tokens_checkerboard);
  g_test_add_func ("/tokens/constant", test_tokens_constant);
  g_test_add_func ("/tokens/cross", test_tokens_cross);
  g_test_add_func ("/tokens/huge", test_tokens_scale);
  g_test_add_func ("/tokens/not-finite", test_tokens_not_finite);
  g_test_add_func ("/tokens/without-counterpart", test_tokens_without_counterpart);
  g_test_add_func ("/keep/oracle", test_keep_oracle);
  g_test_add_func ("/keep/closed-forms", test_keep_closed_forms);
  g_test_add_func ("/keep/mean", test_keep_mean);
  g_test_add_func ("/noise/oracle", test_noise_oracle);
  g_test_add_func ("/noise/budget", test_noise_budget);
  g_test_add_func ("/noise/band", test_noise_band);
  g_test_add_func ("/noise/seed", test_noise_seed);
  return g_test_run ();
}
