/* How the vision tokens of a clean and of a perturbed image share their spatial frequencies (method.md §6). */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "base/fft.h"
#include "metric/lanes.h"
#include "metric/metric.h"

/* Channels transformed together: a pair of them is one complex signal (base/fft.h). */
static constexpr size_t BLOCK = 64;

/* What rounding leaves of nothing: the transform of a field is off by a few 2^-53 of it, and captures are floats, whose own last
 * place is 2^-48 of their energy. A band with less than this share of a field's energy holds none. */
static constexpr double NOTHING = 0x1p-80;

enum { CLEAN, PERTURBED, N_FIELDS };
enum { LOW, MIDDLE, HIGH };

/* Some channels of one frame: [h, w, n_signals] complex. */
typedef struct {
  size_t h, w, n_signals;
  double *re, *im;
} Field;

static Field
field_new (size_t h, size_t w, size_t n_signals)
{
  return (Field) { h, w, n_signals, g_new (double, h * w * n_signals), g_new (double, h * w * n_signals) };
}

static void
field_clear (Field *field)
{
  g_free (field->re);
  g_free (field->im);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Field, field_clear)

/* What is added up over frames, channels and the frequencies of a band. */
typedef struct {
  size_t n_frequencies;
  double energy[N_FIELDS], difference, product;
} BandSum;

/* The local energy of a band: one value a cell of all frames. */
typedef double *Maps[N_FIELDS][UT_N_BANDS];

/* The band of a frequency; UT_N_BANDS for the constant. ρ = r / r_max is compared with 1/3 and 2/3 in whole numbers. */
static size_t
band_of (size_t k, size_t l, size_t h, size_t w)
{
  const size_t radius = ut_fft_radius_squared (k, l, h, w), largest = ut_fft_largest_radius_squared (h, w);
  if (radius == 0)
    return UT_N_BANDS;
  return 9 * radius <= largest ? LOW : 9 * radius <= 4 * largest ? MIDDLE : HIGH;
}

static void
centre (double *values, size_t n_points, size_t n_signals)
{
  for (size_t s = 0; s < n_signals; s++)
    {
      double sum = 0.0;
      for (size_t i = 0; i < n_points; i++)
        sum += values[i * n_signals + s];
      const double mean = sum / (double) n_points;
      for (size_t i = 0; i < n_points; i++)
        values[i * n_signals + s] -= mean;
    }
}

/* `n` channels of a frame z with h × w tokens, read at the points of the field nearest to its own, less their means. */
static void
field_load (Field *field, const float *z, size_t h, size_t w, size_t n_embd, size_t n)
{
  double *re = field->re, *im = field->im;
  for (size_t y = 0; y < field->h; y++)
    for (size_t x = 0; x < field->w; x++)
      {
        const float *token = z + ((2 * y + 1) * h / (2 * field->h) * w + (2 * x + 1) * w / (2 * field->w)) * n_embd;
        for (size_t s = 0; s < field->n_signals; s++)
          {
            *re++ = (double) token[2 * s];
            *im++ = 2 * s + 1 < n ? (double) token[2 * s + 1] : 0.0;
          }
      }
  centre (field->re, field->h * field->w, field->n_signals);
  centre (field->im, field->h * field->w, field->n_signals);
}

/* Adds one frequency of both fields to its band. */
UT_WIDE static void
add_frequency (BandSum *sum, const double *ar, const double *ai, const double *br, const double *bi, size_t n)
{
  double aa[UT_LANES] = { 0 }, bb[UT_LANES] = { 0 }, dd[UT_LANES] = { 0 }, ab[UT_LANES] = { 0 };
  for (size_t i = 0; i < n; i += UT_LANES)
    for (size_t l = 0; l < MIN (UT_LANES, n - i); l++)
      {
        const double xr = ar[i + l], xi = ai[i + l], yr = br[i + l], yi = bi[i + l];
        aa[l] += xr * xr + xi * xi;
        bb[l] += yr * yr + yi * yi;
        dd[l] += (yr - xr) * (yr - xr) + (yi - xi) * (yi - xi);
        ab[l] += yr * xr + yi * xi;
      }
  sum->energy[CLEAN] += ut_lanes_fold (aa);
  sum->energy[PERTURBED] += ut_lanes_fold (bb);
  sum->difference += ut_lanes_fold (dd);
  sum->product += ut_lanes_fold (ab);
}

static void
add_spectra (BandSum sums[UT_N_BANDS], const Field fields[N_FIELDS])
{
  const Field *a = &fields[CLEAN], *b = &fields[PERTURBED];
  for (size_t k = 0, i = 0; k < a->h; k++)
    for (size_t l = 0; l < a->w; l++, i += a->n_signals)
      {
        const size_t band = band_of (k, l, a->h, a->w);
        if (band < UT_N_BANDS)
          add_frequency (&sums[band], a->re + i, a->im + i, b->re + i, b->im + i, a->n_signals);
      }
}

/* Adds what of a spectrum lies in a band, back on its grid, to the map of its energy [h·w]. */
static void
add_local_energy (double *map, const Field *spectrum, size_t band)
{
  const size_t h = spectrum->h, w = spectrum->w, n = spectrum->n_signals;
  g_auto (Field) part = field_new (h, w, n);
  memcpy (part.re, spectrum->re, h * w * n * sizeof *part.re);
  memcpy (part.im, spectrum->im, h * w * n * sizeof *part.im);
  for (size_t k = 0; k < h; k++)
    for (size_t l = 0; l < w; l++)
      if (band_of (k, l, h, w) != band)
        {
          memset (part.re + (k * w + l) * n, 0, n * sizeof *part.re);
          memset (part.im + (k * w + l) * n, 0, n * sizeof *part.im);
        }
  ut_fft (part.re, part.im, h, w, n, UT_FFT_INVERSE);
  for (size_t i = 0; i < h * w; i++)
    map[i] += ut_dot (part.re + i * n, part.re + i * n, n) + ut_dot (part.im + i * n, part.im + i * n, n);
}

/* One frame of both images, on the smaller of their grids; its cells' maps begin at `cell`. */
static void
add_frame (BandSum sums[UT_N_BANDS], Maps maps, size_t cell, const float *const z[N_FIELDS], const UtGrid *const grids[N_FIELDS],
           size_t h, size_t w, size_t n_embd)
{
  for (size_t first = 0; first < n_embd; first += BLOCK)
    {
      const size_t n = MIN (n_embd - first, BLOCK), n_signals = (n + 1) / 2;
      g_auto (Field) clean = field_new (h, w, n_signals);
      g_auto (Field) perturbed = field_new (h, w, n_signals);
      Field fields[N_FIELDS] = { clean, perturbed };
      for (size_t f = 0; f < N_FIELDS; f++)
        {
          field_load (&fields[f], z[f] + first, grids[f]->h, grids[f]->w, n_embd, n);
          ut_fft (fields[f].re, fields[f].im, h, w, n_signals, UT_FFT_FORWARD);
          add_local_energy (maps[f][LOW] + cell, &fields[f], LOW);
          add_local_energy (maps[f][HIGH] + cell, &fields[f], HIGH);
        }
      add_spectra (sums, fields);
    }
  for (size_t k = 0; k < h; k++)
    for (size_t l = 0; l < w; l++)
      if (band_of (k, l, h, w) < UT_N_BANDS)
        sums[band_of (k, l, h, w)].n_frequencies++;
}

/* Pearson's correlation of a and b [n]; NaN where one of them is constant. */
static double
correlation (const double *a, const double *b, size_t n)
{
  double mean_a = 0.0, mean_b = 0.0, aa = 0.0, ab = 0.0, bb = 0.0;
  for (size_t i = 0; i < n; i++)
    {
      mean_a += a[i] / (double) n;
      mean_b += b[i] / (double) n;
    }
  for (size_t i = 0; i < n; i++)
    {
      aa += (a[i] - mean_a) * (a[i] - mean_a);
      ab += (a[i] - mean_a) * (b[i] - mean_b);
      bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
  if (!(aa > NOTHING * (double) n * mean_a * mean_a) || !(bb > NOTHING * (double) n * mean_b * mean_b))
    return NAN;
  return CLAMP (ab / (sqrt (aa) * sqrt (bb)), -1.0, 1.0);
}

/* The energies of a field, what rounding left of nothing taken for nothing. */
static void
read_energies (const BandSum sums[UT_N_BANDS], size_t field, double out[UT_N_BANDS])
{
  double total = 0.0;
  for (size_t b = 0; b < UT_N_BANDS; b++)
    total += sums[b].energy[field];
  for (size_t b = 0; b < UT_N_BANDS; b++)
    out[b] = sums[b].n_frequencies == 0 ? NAN : sums[b].energy[field] <= NOTHING * total ? 0.0 : sums[b].energy[field];
}

static UtTokenBands
read_sums (const BandSum sums[UT_N_BANDS], Maps maps, size_t n_cells)
{
  UtTokenBands out;
  read_energies (sums, CLEAN, out.energy);
  read_energies (sums, PERTURBED, out.energy_perturbed);
  for (size_t b = 0; b < UT_N_BANDS; b++)
    {
      const double clean = out.energy[b], perturbed = out.energy_perturbed[b];
      const double coherence = sums[b].product / sqrt (clean * perturbed);
      out.sensitivity[b] = clean > 0.0 ? sums[b].difference / clean : NAN;
      out.coherence[b] = clean > 0.0 && perturbed > 0.0 ? CLAMP (coherence, -1.0, 1.0) : NAN;
    }
  const double *energies[] = { out.energy, out.energy_perturbed };
  double *cross[] = { &out.cross, &out.cross_perturbed };
  for (size_t f = 0; f < N_FIELDS; f++)
    *cross[f] = energies[f][LOW] > 0.0 && energies[f][HIGH] > 0.0 ? correlation (maps[f][LOW], maps[f][HIGH], n_cells) : NAN;
  return out;
}

static size_t
count_tokens (const UtGrid *grids, size_t n_grids)
{
  size_t n = 0;
  for (size_t g = 0; g < n_grids; g++)
    n += (size_t) grids[g].t * grids[g].h * grids[g].w;
  return n;
}

static const UtTokenBands nothing = {
  .energy = { NAN, NAN, NAN },
  .energy_perturbed = { NAN, NAN, NAN },
  .sensitivity = { NAN, NAN, NAN },
  .coherence = { NAN, NAN, NAN },
  .cross = NAN,
  .cross_perturbed = NAN,
};

UtTokenBands
ut_token_bands (const float *clean, const UtGrid *grids, const float *perturbed, const UtGrid *grids_perturbed, size_t n_grids,
                size_t n_embd)
{
  size_t n_cells = 0;
  for (size_t g = 0; g < n_grids; g++)
    n_cells += (size_t) grids[g].t * MIN (grids[g].h, grids_perturbed[g].h) * MIN (grids[g].w, grids_perturbed[g].w);
  if (!isfinite (ut_squared_norm (clean, count_tokens (grids, n_grids) * n_embd))
      || !isfinite (ut_squared_norm (perturbed, count_tokens (grids_perturbed, n_grids) * n_embd)))
    return nothing;

  g_autofree double *cells = g_new0 (double, 4 * n_cells);
  Maps maps = {
    [CLEAN] = { [LOW] = cells, [HIGH] = cells + n_cells },
    [PERTURBED] = { [LOW] = cells + 2 * n_cells, [HIGH] = cells + 3 * n_cells },
  };
  BandSum sums[UT_N_BANDS] = { 0 };
  const float *z[] = { clean, perturbed };
  for (size_t g = 0, cell = 0; g < n_grids; g++)
    {
      const UtGrid *const both[] = { &grids[g], &grids_perturbed[g] };
      const size_t h = MIN (both[0]->h, both[1]->h), w = MIN (both[0]->w, both[1]->w);
      if (both[0]->t != both[1]->t || h * w == 0)
        return nothing;
      for (uint32_t t = 0; t < both[0]->t; t++, cell += h * w)
        {
          add_frame (sums, maps, cell, z, both, h, w, n_embd);
          for (size_t f = 0; f < N_FIELDS; f++)
            z[f] += (size_t) both[f]->h * both[f]->w * n_embd;
        }
    }
  return read_sums (sums, maps, n_cells);
}
