#include "run/measure.h"

#include <math.h>
#include <string.h>

#include "metric/metric.h"

static const char *const bands[UT_N_BANDS] = { "low", "middle", "high" };

GArray *
ut_measurements_new (void)
{
  return g_array_new (FALSE, FALSE, sizeof (UtMeasurement));
}

static void
add (GArray *out, const char *channel, const char *metric, double value)
{
  const UtMeasurement measurement = { channel, metric, value };
  g_array_append_val (out, measurement);
}

/* Of a metric that is not defined everywhere. */
static void
add_defined (GArray *out, const char *channel, const char *metric, double value)
{
  if (!isnan (value))
    add (out, channel, metric, value);
}

/* `prefix`_low, _middle and _high. */
static void
add_bands (GArray *out, const char *channel, const char *prefix, const double values[UT_N_BANDS])
{
  for (unsigned b = 0; b < UT_N_BANDS; b++)
    {
      g_autofree char *name = g_strdup_printf ("%s_%s", prefix, bands[b]);
      add_defined (out, channel, g_intern_string (name), values[b]);
    }
}

/* Equal images have no ratio of signal to noise, and images of different sizes no pixels to compare. */
static void
measure_pixels (GPtrArray *clean, GPtrArray *images, GArray *out)
{
  const UtPixelChange change
      = ut_pixel_change ((const UtImage *const *) clean->pdata, (const UtImage *const *) images->pdata, images->len);
  if (isfinite (change.psnr))
    add (out, "image", "psnr", change.psnr);
  add_defined (out, "image", "linf", change.linf);
  add_defined (out, "image", "touched", change.touched);
}

gboolean
ut_measure_images (GPtrArray *clean, GPtrArray *images, GArray *out, GError **error)
{
  double mean[UT_N_BANDS] = {};
  for (size_t k = 0; k < images->len; k++)
    {
      const UtImage *like = clean->pdata[k];
      g_autoptr (UtImage) image = ut_image_resize (images->pdata[k], like->width, like->height, error);
      if (image == NULL)
        return FALSE;
      double power[UT_N_BANDS];
      ut_input_bands (image, power);
      for (unsigned b = 0; b < UT_N_BANDS; b++)
        mean[b] += power[b] / images->len;
    }
  if (images->len > 0)
    {
      add_bands (out, "image", "input", mean);
      measure_pixels (clean, images, out);
    }
  return TRUE;
}

static gboolean
same_grids (const UtVision *a, const UtVision *b)
{
  return a->n_grids == b->n_grids && memcmp (a->grids, b->grids, a->n_grids * sizeof *a->grids) == 0;
}

/* How far each token moved, [n_tokens], and the mean of that among the measurements; NULL where there is none. */
static float *
measure_tokens (const UtVision *vision, const UtVision *clean, GArray *out)
{
  if (!same_grids (vision, clean))
    return NULL;
  g_autofree double *map = g_new (double, clean->n_tokens);
  const double mean = ut_token_drift (clean->tokens, vision->tokens, clean->n_tokens, clean->n_embd, map);
  if (isnan (mean))
    return NULL;
  add (out, ut_channels[UT_VISION].name, "token_drift", mean);
  float *drift = g_new (float, clean->n_tokens);
  for (size_t t = 0; t < clean->n_tokens; t++)
    drift[t] = (float) map[t];
  return drift;
}

static void
measure_change (const UtVision *vision, const UtVision *clean, GArray *out)
{
  const char *channel = ut_channels[UT_VISION].name;
  if (vision->n_grids != clean->n_grids)
    return;
  const UtTokenBands of
      = ut_token_bands (clean->tokens, clean->grids, vision->tokens, vision->grids, clean->n_grids, clean->n_embd);
  double changes[UT_N_BANDS];
  for (unsigned b = 0; b < UT_N_BANDS; b++)
    changes[b] = of.energy[b] > 0 ? of.energy_perturbed[b] / of.energy[b] - 1 : NAN;
  add_bands (out, channel, "token_change", changes);
  add_bands (out, channel, "sensitivity", of.sensitivity);
  add_bands (out, channel, "coherence", of.coherence);
  add_defined (out, channel, "cross_coherence_change", of.cross_perturbed - of.cross);
}

static void
measure_bands (const UtVision *vision, GArray *out)
{
  const char *channel = ut_channels[UT_VISION].name;
  const UtTokenBands of
      = ut_token_bands (vision->tokens, vision->grids, vision->tokens, vision->grids, vision->n_grids, vision->n_embd);
  add_bands (out, channel, "token", of.energy);
  add_defined (out, channel, "cross_coherence", of.cross);
}

/* Of a layer, how far it moved, and that against its own size: layers differ in theirs. */
static void
measure_layer (const char *channel, const float *clean, const float *values, size_t n, GArray *out)
{
  add (out, channel, "cosine_distance", ut_cosine_distance (clean, values, n));
  add (out, channel, "relative_l2", ut_relative_l2 (clean, values, n));
}

float *
ut_measure_vision (const UtVision *vision, const UtVision *clean, GArray *out)
{
  if (vision == NULL)
    return NULL;
  const char *channel = ut_channels[UT_VISION].name;
  add (out, channel, "dirichlet", ut_dirichlet_energy (vision->tokens, vision->grids, vision->n_grids, vision->n_embd));
  add_defined (out, channel, "dirichlet_rayleigh",
               ut_dirichlet_rayleigh (vision->tokens, vision->grids, vision->n_grids, vision->n_embd));
  if (clean == NULL)
    {
      measure_bands (vision, out);
      return NULL;
    }
  float *drift = measure_tokens (vision, clean, out);
  measure_change (vision, clean, out);
  for (size_t l = 0; l < vision->n_layers; l++)
    measure_layer (ut_vision_layer_name (l), clean->layers + l * vision->n_embd_layers,
                   vision->layers + l * vision->n_embd_layers, vision->n_embd_layers, out);
  return drift;
}

GArray *
ut_token_drifts_new (const UtVision *vision, const float *drift)
{
  GArray *drifts = g_array_new (FALSE, FALSE, sizeof (UtTokenDrift));
  int image = vision != NULL && vision->n_slices != NULL ? 0 : -1;
  unsigned slice = 0;
  for (size_t g = 0; drift != NULL && g < vision->n_grids; g++, slice++)
    {
      while (image >= 0 && slice == vision->n_slices[image])
        {
          image++;
          slice = 0;
        }
      const UtGrid *grid = &vision->grids[g];
      const UtTokenDrift of_grid = { image, slice, grid->t, grid->h, grid->w, drift };
      g_array_append_val (drifts, of_grid);
      drift += (size_t) grid->t * grid->h * grid->w;
    }
  return drifts;
}

void
ut_measure_channels (const UtView *view, const UtView *clean, const UtView *prior, size_t n_embd, GArray *out)
{
  for (size_t c = 0; c < UT_N_CHANNELS; c++)
    {
      const float *to = view->channels[c], *from = clean->channels[c], *blank = prior != NULL ? prior->channels[c] : NULL;
      if (to == NULL || from == NULL)
        continue;
      add (out, ut_channels[c].name, "cosine_distance", ut_cosine_distance (from, to, n_embd));
      add (out, ut_channels[c].name, "l2_distance", ut_l2_distance (from, to, n_embd));
      add (out, ut_channels[c].name, "relative_l2", ut_relative_l2 (from, to, n_embd));
      if (blank != NULL)
        add_defined (out, ut_channels[c].name, "prior_position", ut_prior_position (from, to, blank, n_embd));
    }
  for (size_t l = 0; l < view->n_layers; l++)
    measure_layer (ut_llm_layer_name (l), clean->layers + l * n_embd, view->layers + l * n_embd, n_embd, out);
}

const UtMeasurement *
ut_measurements_fault (GArray *measurements)
{
  for (guint i = 0; i < measurements->len; i++)
    {
      const UtMeasurement *measurement = &g_array_index (measurements, UtMeasurement, i);
      if (!isfinite (measurement->value))
        return measurement;
    }
  return NULL;
}
