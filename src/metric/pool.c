/* Mean pooling of tokens. */
#include <math.h>
#include <string.h>

#include "metric/lanes.h"
#include "metric/metric.h"

/* Columns summed at a time: 4 kB of doubles, which stay in the first-level cache while the tokens stream past. */
enum { BLOCK = 512 };

/* Every column adds its tokens in order, whatever the block's width. */
UT_WIDE static void
add_tokens (const float *z, size_t n_tokens, size_t stride, size_t width, double *sum)
{
  memset (sum, 0, width * sizeof *sum);
  for (size_t t = 0; t < n_tokens; t++)
    for (size_t i = 0; i < width; i++)
      sum[i] += (double) z[t * stride + i];
}

void
ut_mean_pool (const float *z, size_t n_tokens, size_t n_embd, float *out)
{
  double sum[BLOCK];
  for (size_t start = 0; start < n_embd; start += BLOCK)
    {
      const size_t width = n_embd - start < BLOCK ? n_embd - start : BLOCK;
      add_tokens (z + start, n_tokens, n_embd, width, sum);
      for (size_t i = 0; i < width; i++)
        {
          const double mean = sum[i] / (double) n_tokens;
          out[start + i] = isfinite (mean) ? (float) mean : NAN;
        }
    }
}
