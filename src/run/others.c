#include "run/others.h"

#include "base/rng.h"

/* Draws an item whose images may stand for the group's own in its matched control: any other with as many of them. NULL where there is
 * none. */
static const UtItem *
draw (UtDataset *dataset, const UtGroup *group, UtRng *rng)
{
  constexpr unsigned n_tries = 1000; /* nearly all items may be on the same images, or have fewer or more */
  GPtrArray *items = ut_dataset_items (dataset);
  const UtItem *own = group->items->pdata[0];
  for (unsigned attempt = 0; attempt < n_tries; attempt++)
    {
      const UtItem *other = items->pdata[ut_rng_below (rng, items->len)];
      if (other->n_images == own->n_images && own->n_images > 0 && !g_str_equal (other->images_key, own->images_key))
        return other;
    }
  return NULL;
}

static UtRng
rng_of (const UtGroup *group, guint64 seed)
{
  return ut_rng_init (seed, ((const UtItem *) group->items->pdata[0])->images_key, "other image", 0);
}

gboolean
ut_others_exist (UtDataset *dataset, const UtGroup *group, guint64 seed)
{
  UtRng rng = rng_of (group, seed);
  return draw (dataset, group, &rng) != NULL;
}

GPtrArray *
ut_others_load (UtDataset *dataset, const UtGroup *group, guint64 seed, GError **error)
{
  constexpr unsigned n_draws = 8;
  UtRng rng = rng_of (group, seed);
  g_autoptr (GPtrArray) images = g_ptr_array_new_with_free_func ((GDestroyNotify) ut_image_unref);
  for (unsigned n = 0; n < n_draws; n++)
    {
      const UtItem *other = draw (dataset, group, &rng);
      g_clear_error (error);
      g_ptr_array_set_size (images, 0);
      if (other == NULL || ut_item_images (dataset, other, images, error))
        return g_steal_pointer (&images);
    }
  return NULL;
}
